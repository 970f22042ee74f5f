"""Best times on the demo's data, out of time: what was ranked is judged by weeks that came after."""

from datetime import datetime

import numpy as np
from sqlalchemy import Engine, text

from aggregation.best_times import SLOTS, WEEKS, ranked, slots
from aggregation.demo import Scale, load

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
