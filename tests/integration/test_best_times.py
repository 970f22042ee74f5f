"""Best times on the demo's data, out of time: what was ranked is judged by weeks that came after."""

from datetime import date, datetime

import numpy as np
from sqlalchemy import Engine, text

from aggregation import hours
from aggregation.best_times import SLOTS, WEEKS, ranked, slots
from aggregation.demo import Scale, load
from aggregation.partitions import require_months
from aggregation.schema import creator_hours
from tests.spec.tables import change

NOW = datetime.fromisoformat("2026-11-23 00:30:00")
AFTER = 4
BEST = 3
SCALE = Scale(days=7 * (WEEKS + AFTER), creators=60, users=4000)


def gifts_and_money(engine: Engine) -> tuple[np.ndarray, np.ndarray]:
    """(creators, weeks, 168) each; the weeks begin on the first day of the demo."""
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT dense_rank() OVER (ORDER BY recipient_id) - 1, "
                "created_at::date - (CAST(:last AS date) - :days), extract(hour FROM created_at)::int, "
                "count(*), sum(creator_share)::float FROM virtual_gifts WHERE status = 'completed' "
                "AND created_at < CAST(:last AS date) AND created_at >= CAST(:last AS date) - :days "
                "GROUP BY recipient_id, 2, 3"
            ),
            {"last": NOW.date(), "days": SCALE.days},
        ).all()
    creators = max(row[0] for row in found) + 1
    counts, money = (np.zeros((creators, SCALE.days, 24)) for _ in range(2))
    for creator, day, hour, gifts, earned in found:
        counts[creator, day, hour], money[creator, day, hour] = gifts, earned
    shape = (creators, WEEKS + AFTER, SLOTS)
    return counts.reshape(shape), money.reshape(shape)


def test_the_ranked_hours_beat_the_naive_heat_map(empty_database: Engine) -> None:
    """The naive one takes the hours that earned most."""
    load(empty_database, SCALE, NOW)
    counts, money = gifts_and_money(empty_database)
    ours = naive = compared = 0.0
    for gifts, earned in zip(counts, money, strict=True):
        best = ranked(slots(gifts[:WEEKS], 1.0))[:BEST]
        if len(best) < BEST:
            continue
        largest = np.argsort(-earned[:WEEKS].sum(axis=0), kind="stable")[:BEST]
        came = earned[WEEKS:].sum(axis=0)
        ours += came[[slot.weekday * 24 + slot.hour for slot in best]].sum()
        naive += came[largest].sum()
        compared += 1
    assert compared >= 5
    assert ours > 1.1 * naive


def test_gifts_lie_in_their_week_on_their_weekday_and_hour(database: Engine) -> None:
    # A Wednesday: the last of the whole weeks begins on the 19th, a Thursday, the first one on January 1st.
    last = date(2026, 2, 25)
    with database.begin() as connection:
        require_months(connection, creator_hours, date(2026, 1, 1), last)
    rows = (("2026-01-01 00:00", 2, 5), ("2026-02-24 23:00", 3, 1), ("2026-02-25 10:00", 1, 6))
    for hour, gifts, earned in rows:
        change(
            database,
            "INSERT INTO creator_hours (creator_id, hour, date, gifts, earned)"
            f" VALUES (7, '{hour}', '{hour[:10]}', {gifts}, {earned})",
        )
    with database.connect() as connection:
        found = hours.counts(connection, 7, last, date(2026, 1, 1))
        assert hours.counts(connection, 8, last, date(2026, 1, 1)) is None
    assert found is not None
    seen, average = found
    # Thursday is the fourth day of a week from Monday on, Tuesday the second, Wednesday the third.
    places = {(0, 3 * 24): 2.0, (7, 24 + 23): 3.0, (7, 2 * 24 + 10): 1.0}
    assert {tuple(map(int, at)): seen[tuple(at)] for at in np.argwhere(seen)} == places
    assert average == 2.0
