"""check: finds every planted error, and none where there is none."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from aggregation import checks, unequal
from aggregation.checks import Report, Unequal, check
from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.errors import UserError
from aggregation.jobs import JOBS
from aggregation.ledger import Reason
from aggregation.publishing import aggregate, run
from aggregation.rejections import Rejected
from aggregation.schema import source
from tests.conftest import fresh
from tests.integration.test_publishing import wait_for_a_waiter
from tests.spec.tables import change, fill, rows
from tests.spec.test_validity import GOOD, POISON, lenient

NOW = datetime(2026, 3, 12, 1, 0, tzinfo=UTC)
CHECKED = [job.table for job in JOBS if job.name != "peers" and not job.table.name.endswith("_profiles")]
# What only whole weeks, months or thousands of people fill is tried in test_people.py and test_dependency.py.
FILLED = [
    table
    for table in CHECKED
    if table.name not in ("user_frequency", "gifter_months", "gifter_cohorts", "supporter_spreads")
]
CORRUPTIONS = [
    pytest.param(table.name, column.name, id=f"{table.name}.{column.name}")
    for table in FILLED
    for column in table.columns
    if column.computed is None and not column.primary_key and column.type.python_type is not date
    # Nobody gives on two days here: tests/spec/test_supporter_totals.py.
    if table.name != "supporter_totals" or column.type.python_type is not list
]


def clock() -> datetime:
    return NOW


def checked(engine: Engine, **days: Any) -> Report:
    return check(engine, clock=clock, **days)


@pytest.fixture(scope="module")
def aggregated(server: str, template: str) -> Iterator[Engine]:
    """Two days with something in every table, aggregated."""
    for engine in fresh(server, template):
        source.create_all(engine)
        fill(engine, GOOD)
        aggregate(engine, clock=clock)
        yield engine


@pytest.fixture
def own(server: str, aggregated: Engine) -> Iterator[Engine]:
    """The same, to be changed."""
    aggregated.dispose()  # what somebody is connected to can't be copied
    yield from fresh(server, str(aggregated.url.database))


def test_after_aggregating_every_cell_is_equal(aggregated: Engine) -> None:
    report = checked(aggregated)
    assert (report.first, report.last) == (date(2026, 3, 10), date(2026, 3, 11))
    assert report.unequal == ()
    assert report.cells_unequal == 0
    assert report.share_equal == 1
    assert {table.table: table.cells for table in report.tables} == {
        "daily_analytics": 2 * 10,
        "creator_metrics": 9,
        "creator_video_gifts": 2,
        "creator_months": 2 * 5,
        "gift_analytics": 5,
        "user_engagement": 2 * 6,
        "user_returns": 1,
        "revenue_breakdown": 2 * 3,
        "retention_cohorts": 7,
        "creator_sparks": 4,
        "creator_hours": 2,
        # what happened on the one video, and the gift with it
        "creator_videos": 6,
        "creator_viewers": 1,
        "viewer_returns": 1,
        "creator_supporters": 4,
        "supporter_returns": 1,
        "supporter_totals": 10,
        # nobody has that many
        "supporter_spreads": 0,
        "cohort_activity": 1,
        "cohort_value": 1,
        "gifter_activity": 1,
        "gifter_months": 0,
        "gifter_cohorts": 0,
        "user_frequency": 0,
        "session_lengths": 1,
        "gift_refunds": 2,
        "gift_values": 1,
        "spark_days": 3,
        "gifter_returns": 2,
        "identities": 2 * 5,
    }


@pytest.mark.parametrize(("table", "column"), CORRUPTIONS)
def test_a_wrong_cell_is_found(own: Engine, table: str, column: str) -> None:
    stored = rows(own, table, column)[0][0]
    wrong = f"{column} || 77::bigint" if isinstance(stored, list) else f"coalesce({column}, 0) + 1"
    change(own, f"UPDATE {table} SET {column} = {wrong}")
    report = checked(own)
    found = {(cell.table, cell.column, cell.presence) for cell in report.unequal}
    assert (table, column, "both") in found
    readers = {job.table.name for job in JOBS for read in job.reads if read.name == table}
    assert {name for name, _, _ in found} <= {table, "identities", *readers}
    (cell, *_) = (cell for cell in report.unequal if cell.column == column)
    wanted: tuple[str, str | None]
    if isinstance(stored, list):
        wanted = (written([*stored, 77]), written(stored))
    else:
        wanted = (str((stored or 0) + 1), None if stored is None else str(stored))
    assert (cell.stored, cell.expected) == wanted


def written(people: list[int]) -> str:
    """As PostgreSQL writes an array."""
    return f"{{{','.join(map(str, people))}}}"


@pytest.mark.parametrize(
    ("column", "wrong"), [("days", "ARRAY[last_day, last_day]"), ("spark_ids", "ARRAY[1, 1]")]
)
def test_wrong_days_of_a_supporter_are_found(own: Engine, column: str, wrong: str) -> None:
    change(own, f"UPDATE supporter_totals SET {column} = {wrong}")
    assert {(cell.table, cell.column) for cell in checked(own).unequal} == {("supporter_totals", column)}


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE supporter_totals SET gifts = 99, first_day = first_day + 400, days = ARRAY[last_day]",
        "UPDATE supporter_totals SET last_day = last_day - 1",
        "DELETE FROM supporter_totals",
        "INSERT INTO supporter_totals SELECT creator_id, 999, first_day, last_day, NULL, 1, 1, 1"
        " FROM supporter_totals",
    ],
)
def test_a_repair_makes_the_sums_of_supporters_anew(own: Engine, wrong: str) -> None:
    """Not from what is stored, though nothing that they are made of has changed."""
    change(own, wrong)
    assert checked(own).cells_unequal > 0
    aggregate(own, clock=clock, reason=Reason.REPAIR)
    assert checked(own).cells_unequal == 0


@pytest.mark.parametrize("table", [table.name for table in FILLED])
def test_a_missing_row_is_found(own: Engine, table: str) -> None:
    lost = rows(own, table)
    change(own, f"DELETE FROM {table}")
    report = checked(own)
    (part,) = (part for part in report.tables if part.table == table)
    assert part.unequal == part.cells >= len(lost)
    assert {(cell.presence, cell.stored) for cell in report.unequal if cell.table == table} == {
        ("missing", None)
    }


@pytest.mark.parametrize(
    ("insertion", "table", "key"),
    [
        (
            "INSERT INTO gift_analytics VALUES (5, '2026-03-11 23:00', 1, 1, 1, 1)",
            "gift_analytics",
            "spark_id=5, hour=2026-03-11 23:00:00",
        ),
        (
            "INSERT INTO revenue_breakdown VALUES ('2026-03-11', 'ads', 0, 0)",
            "revenue_breakdown",
            "date=2026-03-11, source=ads",
        ),
        (
            "INSERT INTO daily_analytics VALUES ('1999-12-31', 0, 0, 0, 0, 0, 0, 0)",
            "daily_analytics",
            "date=1999-12-31",
        ),
        (
            "INSERT INTO retention_cohorts VALUES ('2026-03-11', 1)",
            "retention_cohorts",
            "cohort_date=2026-03-11",
        ),
        (
            "INSERT INTO user_returns VALUES ('2026-03-10', 7, 0)",
            "user_returns",
            "date=2026-03-10, days_since=7",
        ),
        (
            "INSERT INTO creator_video_gifts VALUES ('2026-03-11', 77, 1, 1)",
            "creator_video_gifts",
            "date=2026-03-11, creator_id=77",
        ),
        (
            "INSERT INTO creator_months VALUES ('2026-03-11', 77, 1, 1, 0, 0, 0)",
            "creator_months",
            "date=2026-03-11, creator_id=77",
        ),
        (
            "INSERT INTO supporter_returns VALUES (1, '2026-03-10', 7, 0)",
            "supporter_returns",
            "creator_id=1, date=2026-03-10, days_since=7",
        ),
        (
            "INSERT INTO viewer_returns VALUES (1, '2026-03-10', 7, 0)",
            "viewer_returns",
            "creator_id=1, date=2026-03-10, days_since=7",
        ),
        (
            "INSERT INTO creator_viewers VALUES (1, 77, '2026-03-10', 0)",
            "creator_viewers",
            "creator_id=1, viewer_id=77, date=2026-03-10",
        ),
        (
            "INSERT INTO creator_supporters VALUES (1, 1, '2026-03-10', 0, 0)",
            "creator_supporters",
            "creator_id=1, supporter_id=1, date=2026-03-10",
        ),
        ("INSERT INTO gift_refunds VALUES ('2026-03-11', 0, 0)", "gift_refunds", "date=2026-03-11"),
        (
            "INSERT INTO gift_values VALUES ('2026-03-11', 2, 0)",
            "gift_values",
            "date=2026-03-11, amount=2.00",
        ),
        (
            "INSERT INTO spark_days VALUES (5, '2026-03-11', 0, '{}', '{}')",
            "spark_days",
            "spark_id=5, date=2026-03-11",
        ),
        (
            "INSERT INTO gifter_returns VALUES ('2026-03-11', 1, 0)",
            "gifter_returns",
            "date=2026-03-11, days_since=1",
        ),
    ],
)
def test_a_surplus_row_is_found(own: Engine, insertion: str, table: str, key: str) -> None:
    change(own, insertion)
    assert {
        (cell.table, cell.key, cell.presence) for cell in checked(own).unequal if cell.table == table
    } == {(table, key, "surplus")}


def test_zero_in_an_unripe_cell_is_wrong(own: Engine) -> None:
    change(own, "UPDATE retention_cohorts SET day_30 = 0")
    assert checked(own).unequal == (
        Unequal("retention_cohorts", "cohort_date=2026-03-10", "day_30", "0", None, "both"),
    )


def test_null_in_a_ripe_cell_is_wrong(own: Engine) -> None:
    change(own, "UPDATE retention_cohorts SET day_1 = NULL")
    assert checked(own).unequal == (
        Unequal("retention_cohorts", "cohort_date=2026-03-10", "day_1", None, "0", "both"),
    )


def test_a_change_in_the_source_is_found_and_aggregating_mends_it(platform: Engine) -> None:
    fill(platform, GOOD)
    aggregate(platform, clock=clock)
    change(platform, "UPDATE virtual_gifts SET status = 'refunded'")
    assert {cell.table for cell in checked(platform).unequal} >= {
        "daily_analytics",
        "gift_analytics",
        "creator_metrics",
        "creator_supporters",
        "user_engagement",
        "revenue_breakdown",
    }
    aggregate(platform, clock=clock)
    assert checked(platform).unequal == ()


def test_only_the_wanted_days_are_compared(own: Engine) -> None:
    change(own, "UPDATE daily_analytics SET total_users = 99 WHERE date = '2026-03-10'")
    assert checked(own, first=date(2026, 3, 11)).unequal == ()
    assert len(checked(own, last=date(2026, 3, 10)).unequal) == 2  # engagement_rate depends on it


def test_days_that_cant_be(aggregated: Engine) -> None:
    with pytest.raises(UserError, match="2026-03-12 is not complete yet"):
        checked(aggregated, last=date(2026, 3, 12))


def test_what_is_not_due_yet_is_not_missed(platform: Engine) -> None:
    """At 00:20 the creators of the day that just ended aren't due."""
    early = datetime(2026, 3, 12, 0, 20, tzinfo=UTC)
    fill(platform, GOOD + "\nvirtual_gifts\nid | created_at\n2 | 2026-03-11 10:00")
    aggregate(platform, last=date(2026, 3, 10), clock=lambda: early)
    due = [job.name for job in JOBS if job.due(early) == date(2026, 3, 11)]
    aggregate(platform, only=due, clock=lambda: early)
    report = check(platform, clock=lambda: early)
    assert report.unequal == ()
    assert {table.table: table.last.day for table in report.tables if table.last.day == 10} == {
        "creator_metrics": 10,
        "creator_months": 10,
        "creator_sparks": 10,
        "creator_hours": 10,
        "creator_videos": 10,
        "creator_viewers": 10,
        "viewer_returns": 10,
        "creator_video_gifts": 10,
        "creator_supporters": 10,
        "supporter_returns": 10,
        "supporter_totals": 10,
        "supporter_spreads": 10,
        "cohort_value": 10,
        "gifter_months": 10,
        "gifter_cohorts": 10,
        "session_lengths": 10,
        "identities": 10,
    }
    assert checked(platform).cells_unequal > 0


def test_the_result_is_kept(own: Engine) -> None:
    change(own, "UPDATE daily_analytics SET total_users = 99")
    report = checked(own)
    kept = rows(own, "data_checks", "table_name", "first_day", "last_day", "cells", "unequal", "checked_at")
    assert kept[-len(report.tables) :] == [
        (part.table, part.first, part.last, part.cells, part.unequal, NOW) for part in report.tables
    ]
    (daily,) = (part for part in report.tables if part.table == "daily_analytics")
    assert daily.unequal == 3  # total_users of two days and the rate of the one with activity
    with own.connect() as connection:
        assert unequal.count(connection) == 3


def test_long_lists_are_cut_but_counted(own: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LISTED", 3)
    change(own, "DELETE FROM daily_analytics")
    report = checked(own)
    assert len([cell for cell in report.unequal if cell.table == "daily_analytics"]) == 3
    assert report.cells_unequal >= 20
    assert report.share_equal == Decimal(report.cells_checked - report.cells_unequal) / report.cells_checked


def test_progress_reaches_the_end_for_every_table(aggregated: Engine) -> None:
    last: dict[str, tuple[int, int]] = {}

    def note(table: str, done: int, total: int) -> None:
        last[table] = (done, total)

    check(aggregated, clock=clock, progress=note)
    assert last == {table.name: (2, 2) for table in CHECKED}


@pytest.mark.parametrize(
    "table", ["user_sessions", "video_watches", "video_interactions", "follows", "transactions"]
)
def test_missing_tables_are_not_available_in_the_recount_either(platform: Engine, table: str) -> None:
    fill(platform, GOOD)
    change(platform, f"DROP TABLE {table}")
    aggregate(platform, clock=clock)
    assert checked(platform).unequal == ()


@pytest.mark.parametrize("moment", ["timestamp", "timestamptz"])
@pytest.mark.parametrize("share", ["numeric", "float8"])
def test_poison_is_left_out_and_counted_by_reason(platform: Engine, share: str, moment: str) -> None:
    lenient(platform, share, moment)
    fill(platform, GOOD)
    assert checked(platform).rejected == ()
    fill(platform, POISON)
    aggregate(platform, clock=clock)
    report = checked(platform)
    assert report.unequal == ()
    nowhen = "no time, or one at infinity"
    assert sorted(report.rejected, key=lambda each: (each.table, each.reason)) == [
        Rejected("follows", nowhen, 5),
        Rejected("follows", "null id", 2),
        Rejected("transactions", "NaN or infinite amount", 2),
        Rejected("transactions", "amount too large", 1),
        Rejected("transactions", "gifts have their own ledger", 1),
        Rejected("transactions", "negative amount", 1),
        Rejected("transactions", "no source", 1),
        Rejected("transactions", nowhen, 2),
        Rejected("transactions", "null amount", 1),
        Rejected("transactions", "unknown status", 1),
        Rejected("user_sessions", "NaN or infinite duration", 2),
        Rejected("user_sessions", "negative duration", 1),
        Rejected("user_sessions", nowhen, 2),
        Rejected("user_sessions", "null id", 1),
        Rejected("users", nowhen, 4),
        Rejected("video_interactions", nowhen, 2),
        Rejected("video_interactions", "null id", 2),
        Rejected("video_interactions", "unknown kind", 2),
        Rejected("video_watches", nowhen, 2),
        Rejected("video_watches", "null id", 2),
        Rejected("virtual_gifts", "NaN or infinite share", 4),
        Rejected("virtual_gifts", "negative share", 2),
        Rejected("virtual_gifts", nowhen, 3),
        Rejected("virtual_gifts", "null id", 3),
        Rejected("virtual_gifts", "null share", 2),
        Rejected("virtual_gifts", "share too large", 1),
        Rejected("virtual_gifts", "unknown status", 2),
    ]


def test_not_completed_is_not_poison(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        status   | created_at
        pending  | 2026-03-10 10:00
        failed   | 2026-03-10 10:00
        refunded | 2026-03-10 10:00

        transactions
        source | status   | amount | created_at
        ads    | refunded | 1.00   | 2026-03-10 10:00
        ads    | failed   | 1.00   | 2026-03-10 10:00
        """,
    )
    assert checked(platform).rejected == ()


def test_all_tables_are_compared_in_one_snapshot(platform: Engine) -> None:
    """A gift that arrives meanwhile is seen by no part of the recount."""
    fill(platform, GOOD)
    aggregate(platform, clock=clock)
    arrived: list[str] = []

    def arrive(table: str, done: int, total: int) -> None:
        if not arrived:
            arrived.append(table)
            fill(platform, "virtual_gifts\nid | created_at\n77 | 2026-03-10 10:00")

    assert check(platform, clock=clock, progress=arrive).unequal == ()
    assert arrived
    assert checked(platform).unequal != ()


def test_it_looks_when_nobody_writes(platform: Engine) -> None:
    fill(platform, GOOD)
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(checked(platform)))
    with exclusive(platform, WRITERS_LOCK) as connection:
        thread.start()
        wait_for_a_waiter(connection)
        with platform.begin() as writer:
            for job in JOBS:
                run(writer, job, date(2026, 3, 10), date(2026, 3, 11))
    thread.join(30)
    assert [report.unequal for report in reports] == [()]
