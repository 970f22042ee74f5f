"""Which cells are logged as restated, and the numbers as they were known before."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from aggregation import __version__
from aggregation.errors import UsageError
from aggregation.expiry import forget_old_entries
from aggregation.known import KnownQueries
from aggregation.ledger import Reason
from aggregation.periods import Period
from aggregation.publishing import aggregate, refresh_running_day
from aggregation.queries import Store
from tests import cast
from tests.cast import CARL, CLEO, World
from tests.spec.tables import change, expect, fill, rows

REFUND = "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 2"
LATE = """
virtual_gifts
id | sender_id | recipient_id | creator_share | platform_share | created_at
90 | 3         | 2            | 0.70          | 0.30           | 2026-03-02 10:00
"""


def later(days: int) -> datetime:
    """Noon, so many days after the cast's numbers were computed."""
    return cast.NOW + timedelta(days=days)


def restate(engine: Engine, days: int = 1, reason: str = Reason.LATE) -> None:
    aggregate(engine, last=date(2026, 3, 4), clock=lambda: later(days), reason=reason)


def logged(engine: Engine, *columns: str) -> list[tuple[Any, ...]]:
    return rows(engine, "restatements", *columns)


def test_first_fills_and_second_runs_restate_nothing(world: World) -> None:
    restate(world.engine)
    assert logged(world.engine) == []


def test_a_day_on_which_older_cohorts_age_restates_nothing_of_them(world: World) -> None:
    sixty_days_after_the_first = date(2026, 4, 2)
    aggregate(world.engine, sixty_days_after_the_first, sixty_days_after_the_first, clock=lambda: later(29))
    aged = "SELECT count(*) FROM retention_cohorts WHERE cohort_date = '2026-02-01' AND day_60 IS NOT NULL"
    with world.engine.connect() as connection:
        assert connection.scalar(text(aged)) == 1
    assert logged(world.engine) == []


def test_a_refund_is_logged_cell_by_cell(world: World) -> None:
    change(world.engine, REFUND)
    restate(world.engine, reason=Reason.REFUND)
    runs = {name: id_ for id_, name in rows(world.engine, "job_runs", "id", "job")}
    found = logged(world.engine, "table_name", "key", "day", "column_name", "old", "new", "run")
    assert {row[2] for row in found} == {date(2026, 3, 3)}
    cells = {(table, key, name): (old, new) for table, key, _, name, old, new, _ in found}
    day, creator = "date=2026-03-03", "creator_id=1, date=2026-03-03"
    assert cells["daily_analytics", day, "total_gifts_sent"] == ("2", "1")
    assert cells["daily_analytics", day, "total_revenue"] == ("1131.10", "1111.10")
    assert cells["creator_metrics", creator, "gift_revenue"] == ("14.00", "0.00")
    assert cells["revenue_breakdown", "date=2026-03-03, source=gifts", "amount"] == ("1131.10", "1111.10")
    assert cells["gift_analytics", "spark_id=1, hour=2026-03-03 20:00:00", "send_count"] == ("1", None)
    # What did not change, and the ratios that did.
    assert ("daily_analytics", day, "total_users") not in cells
    assert Decimal(str(cells["daily_analytics", day, "average_gift_value"][0])) == Decimal("565.55")
    assert {run for table, *_, run in found if table == "daily_analytics"} == {runs["daily"]}
    assert set(logged(world.engine, "restated_at", "reason")) == {(later(1), "refund")}


def test_a_row_that_was_not_there_is_logged_against_nothing(world: World) -> None:
    fill(world.engine, LATE)
    restate(world.engine)
    cells = {
        (key, name): (old, new)
        for table, key, name, old, new in logged(
            world.engine, "table_name", "key", "column_name", "old", "new"
        )
        if table == "creator_metrics"
    }
    assert cells["creator_id=2, date=2026-03-02", "gift_revenue"] == (None, "0.70")
    assert {key for key, _ in cells} == {"creator_id=2, date=2026-03-02"}


def test_a_cohort_that_ripens_is_not_restated_but_one_that_changes_is(world: World) -> None:
    aggregate(world.engine, clock=lambda: later(3))
    ripened = rows(world.engine, "retention_cohorts", "cohort_date", "day_1")
    assert (date(2026, 3, 3), 1) in ripened
    assert logged(world.engine) == []
    change(world.engine, "DELETE FROM video_watches WHERE user_id = 4")
    change(world.engine, "DELETE FROM virtual_gifts WHERE id = 4")
    aggregate(world.engine, clock=lambda: later(3))
    cohorts = [
        row[1:]
        for row in logged(world.engine, "table_name", "key", "column_name", "old", "new")
        if row[0] == "retention_cohorts"
    ]
    assert cohorts == [("cohort_date=2026-03-03", "day_1", "1", "0")]


def test_the_running_day_is_not_restated(world: World) -> None:
    change(world.engine, "UPDATE virtual_gifts SET creator_share = 9 WHERE id = 6")
    refresh_running_day(world.engine, clock=lambda: cast.NOW)
    expect(world.engine, "gift_analytics\nrevenue\n10.00\n20.00\n1111.10\n30.00\n10.50")
    assert logged(world.engine) == []


@pytest.mark.parametrize(
    ("reason", "version", "said"),
    [
        (Reason.MANUAL, __version__, "manual"),
        (Reason.SCHEDULE, __version__, "late data"),
        (Reason.MANUAL, "0.0.1", "new version"),
        (Reason.REPAIR, "0.0.1", "repair"),
    ],
)
def test_why(world: World, reason: Reason, version: str, said: str) -> None:
    change(world.engine, f"UPDATE job_runs SET code_version = '{version}'")
    change(world.engine, REFUND)
    restate(world.engine, reason=reason)
    assert set(logged(world.engine, "reason")) == {(said,)}
    assert rows(world.engine, "job_runs", "reason")[-1] == (reason,)


def test_the_newest_come_first_page_by_page(world: World) -> None:
    change(world.engine, REFUND)
    restate(world.engine, 1)
    first = len(logged(world.engine))
    fill(world.engine, LATE)
    restate(world.engine, 2)
    with Store(world.engine).read() as queries:
        everything = queries.restatements(1000)
        page = queries.restatements(3, 2)
        recent = queries.restated_since(later(2))
    assert everything.total == len(everything.rows) == first + recent
    assert page.rows == everything.rows[2:5]
    assert page.total == everything.total
    assert [row["restated_at"] for row in everything.rows] == [later(2)] * recent + [later(1)] * first
    assert set(everything.rows[0]) >= {"table_name", "key", "column_name", "old", "new", "run", "reason"}


def test_restatements_go_when_nobody_can_ask_for_their_time(world: World) -> None:
    change(world.engine, REFUND)
    restate(world.engine)
    count = len(logged(world.engine))
    change(world.engine, "UPDATE restatements SET restated_at = now() - interval '399 days'")
    forget_old_entries(world.engine)
    assert len(logged(world.engine)) == count > 0
    change(world.engine, "UPDATE restatements SET restated_at = now() - interval '401 days'")
    forget_old_entries(world.engine)
    assert logged(world.engine) == []


# ---- as known ----

MARCH = Period(date(2026, 3, 1), date(2026, 3, 4))


def daily(engine: Engine, on: date, today: date = date(2026, 3, 20)) -> list[dict[Any, Any]]:
    with Store(engine).read() as queries:
        found: list[dict[Any, Any]] = KnownQueries(queries, on, today).daily(MARCH).to_dict("records")
        return found


def of_creator(engine: Engine, creator: int, on: date) -> list[dict[Any, Any]]:
    with Store(engine).read() as queries:
        known = KnownQueries(queries, on, date(2026, 3, 20))
        freshness = known.freshness()
        assert freshness is not None
        found: list[dict[Any, Any]] = known.creator_daily(creator, MARCH, freshness).to_dict("records")
        return found


def now_of(engine: Engine, creator: int) -> list[dict[Any, Any]]:
    with Store(engine).read() as queries:
        freshness = queries.freshness()
        assert freshness is not None
        found: list[dict[Any, Any]] = queries.creator_daily(creator, MARCH, freshness).to_dict("records")
        return found


def test_what_was_known_survives_any_number_of_restatements(world: World) -> None:
    """Restated on the 6th, the 8th and the 9th: each day knows its own numbers, to the last digit."""
    engine = world.engine

    def known_now() -> tuple[Any, ...]:
        with Store(engine).read() as queries:
            platform = queries.daily(MARCH).to_dict("records")
        return platform, now_of(engine, CLEO), now_of(engine, CARL)

    then = {date(2026, 3, 5): known_now()}
    change(engine, REFUND)
    restate(engine, 1)
    then[date(2026, 3, 6)] = then[date(2026, 3, 7)] = known_now()
    fill(engine, LATE)
    change(engine, "UPDATE users SET followers = 9999 WHERE id = 2")
    restate(engine, 3)
    then[date(2026, 3, 8)] = known_now()
    change(engine, "DELETE FROM virtual_gifts WHERE id IN (2, 90)")
    change(engine, "UPDATE virtual_gifts SET status = 'completed' WHERE id = 5")
    restate(engine, 4)
    then[date(2026, 3, 9)] = known_now()
    assert then[date(2026, 3, 9)] != then[date(2026, 3, 8)] != then[date(2026, 3, 7)]
    for on, numbers in then.items():
        assert (daily(engine, on), of_creator(engine, CLEO, on), of_creator(engine, CARL, on)) == numbers


def test_days_that_were_not_computed_yet_are_not_known(world: World) -> None:
    aggregate(world.engine, clock=lambda: later(1))
    with Store(world.engine).read() as queries:
        before = KnownQueries(queries, date(2026, 3, 5), date(2026, 3, 20))
        after = KnownQueries(queries, date(2026, 3, 6), date(2026, 3, 20))
        known, later_known = before.freshness(), after.freshness()
        assert known is not None
        assert later_known is not None
        assert (known.coverage.last, later_known.coverage.last) == (date(2026, 3, 4), date(2026, 3, 5))
        (row,) = before.daily(Period(date(2026, 3, 5), date(2026, 3, 5))).to_dict("records")
        assert row.pop("date") == date(2026, 3, 5)
        assert set(row.values()) == {None}


@pytest.mark.parametrize(
    ("on", "today", "reason"),
    [
        (date(2026, 3, 4), date(2026, 3, 20), "they are kept from 2026-03-05 on"),
        (date(2026, 3, 21), date(2026, 3, 20), "2026-03-21 has not"),
        (date(2026, 3, 6), date(2028, 3, 20), "they are kept from 2027-02-15 on"),
    ],
)
def test_of_some_days_nothing_can_be_said(world: World, on: date, today: date, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        daily(world.engine, on, today)


def test_versions_that_logged_nothing_are_not_vouched_for(world: World) -> None:
    change(world.engine, "UPDATE job_runs SET reason = NULL")
    with pytest.raises(UsageError, match="nothing has been computed yet"):
        daily(world.engine, date(2026, 3, 6))
    restate(world.engine, 2)
    with pytest.raises(UsageError, match="they are kept from 2026-03-07 on"):
        daily(world.engine, date(2026, 3, 6))
    assert daily(world.engine, date(2026, 3, 7))
