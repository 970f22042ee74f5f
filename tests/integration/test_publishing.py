"""aggregate: which days, in which transactions, and what stays when something fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    Connection,
    Engine,
    Select,
    cast,
    event,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.exc import IntegrityError

from aggregation import jobs, ledger
from aggregation.database import RUNNING_DAY_LOCK, WRITERS_LOCK, connect, exclusive
from aggregation.errors import UserError
from aggregation.ledger import State
from aggregation.publishing import Interrupted, JobsFailed, aggregate, publish, refresh_running_day, run
from tests.cast import World
from tests.spec.tables import change, expect, fill, rows

NOW = datetime(2026, 3, 12, 0, 10, tzinfo=UTC)
# What the cast has none of.
UNUSED = ("refunds", "video_gifts", "viewers", "gifter_months", "gifter_cohorts", "session_lengths")
LEDGER = """
users
id | created_at       | is_creator | followers
1  | 2026-01-30 09:00 | false      | 0
2  | 2026-02-10 09:00 | true       | 5

virtual_gifts
creator_share | platform_share | created_at
7.00          | 3.00           | 2026-02-10 10:00
0.70          | 0.30           | 2026-03-11 23:59
1.40          | 0.60           | 2026-03-12 00:01
"""

WITH_VIDEO = """
user_sessions
user_id | started_at
1       | 2026-02-10 10:00

videos
id | creator_id
5  | 2

video_watches
user_id | video_id | watched_at
1       | 5        | 2026-02-10 10:00

virtual_gifts
id | status    | recipient_id | video_id | created_at
8  | completed | 2            | 5        | 2026-02-10 10:00
9  | refunded  | 2            | null     | 2026-02-10 10:00
"""


def clock() -> datetime:
    return NOW


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {job.name: rows(engine, job.table.name) for job in jobs.JOBS}


def runs(engine: Engine) -> list[tuple[Any, ...]]:
    columns = ("job", "first_day", "last_day", "state", "rows", "error")
    return rows(engine, "job_runs", *columns)


@contextmanager
def replaced(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> Iterator[None]:
    """JOBS with one job changed."""
    changed = tuple(replace(job, **changes) if job.name == name else job for job in jobs.JOBS)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "JOBS", changed)
        yield


def broken(first: date, last: date, missing: frozenset[str]) -> Any:
    """A statement that fails in March only, in the database."""
    statement = jobs.revenue.statement(first, last, missing)
    return statement.where(literal_column("1/0") > 0) if first.month == 3 else statement


def test_from_the_first_event_to_the_last_complete_day(platform: Engine) -> None:
    fill(platform, LEDGER)
    results = aggregate(platform, clock=clock)
    first, last = date(2026, 1, 30), date(2026, 3, 11)
    assert [(each.job, each.first, each.last, each.state) for each in results] == [
        (job.name, first, last, State.SUCCEEDED) for job in jobs.JOBS
    ]
    days = rows(platform, "daily_analytics", "date", "total_revenue")
    assert (days[0][0], days[-1][0], len(days)) == (first, last, 41)
    assert sum(revenue for _, revenue in days) == Decimal("11.00")
    assert runs(platform) == [
        (job, first, last, "succeeded", rows, None)
        for job, rows in ((each.job, each.rows) for each in results)
    ]


def test_again_changes_nothing(platform: Engine) -> None:
    fill(platform, LEDGER)
    aggregate(platform, clock=clock)
    before = stored(platform)
    assert {each.rows for each in aggregate(platform, clock=clock)} == {0}
    assert stored(platform) == before


def test_rows_that_are_right_are_not_even_locked(platform: Engine) -> None:
    """A lock is a write: it would grow the table and its log. (Cohorts' cells come one by one, and few.)"""
    fill(platform, LEDGER)
    fill(platform, "sparks\nname\nEmber")
    fill(platform, WITH_VIDEO)
    aggregate(platform, clock=clock)
    aggregate(platform, clock=clock)
    with platform.connect() as connection:
        for job in (job for job in jobs.JOBS if job.name != "cohorts"):
            touched = text(f"SELECT count(*), count(*) FILTER (WHERE xmax <> 0) FROM {job.table.name}")
            count, locked = connection.execute(touched).one()
            # The one creator has no peers, and few supporters.
            assert (count > 0, locked) == (job.name not in ("peers", "supporter_spreads"), 0), job.name


def test_a_day_that_statistics_do_not_know_is_not_compared_row_by_row(platform: Engine) -> None:
    """PostgreSQL expects one row of it; each of 2,000 with all others would be four million comparisons."""
    people, first, second = 2_000, date(2026, 3, 10), date(2026, 3, 11)
    fill(platform, "virtual_gifts\nid | created_at\n1  | 2026-03-10 10:00\n2  | 2026-03-11 10:00")
    change(
        platform,
        "INSERT INTO virtual_gifts"
        " (id, spark_id, sender_id, recipient_id, creator_share, platform_share, status, created_at)"
        " SELECT 10000 * id + creator, spark_id, sender_id, creator, 1, 0, status, created_at"
        f" FROM virtual_gifts, generate_series(1, {people}) AS creator",
    )
    names = ("creators", "video_gifts", "months")
    with platform.begin() as connection:
        for day in (first, second):
            for job in jobs.chosen(names):
                run(connection, job, day, day)
            if day == first:
                connection.execute(text("ANALYZE creator_metrics, creator_months"))
    with platform.begin() as connection:
        for job in jobs.chosen(("creators", "months")):
            command = publish(job.table, job.statement(second, second, frozenset()), job.span(second, second))
            assert rows_compared_in_vain(connection, command) <= people, job.name


@pytest.mark.parametrize("empty", [True, False])
def test_a_row_without_a_key_is_refused_and_not_left_out(platform: Engine, empty: bool) -> None:
    (job,) = jobs.chosen(["gift_values"])
    row: Select[Any] = select(*(cast(null(), column.type).label(column.name) for column in job.table.columns))
    with platform.begin() as connection, pytest.raises(IntegrityError, match="null value in column"):
        connection.execute(publish(job.table, row, true(), empty=empty))


def rows_compared_in_vain(connection: Connection, command: Any) -> int:
    sql = str(command.compile(connection, compile_kwargs={"literal_binds": True}))
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").scalar_one()

    def removed(node: dict[str, Any]) -> int:
        # Of a node that ran more than once it is the mean.
        own = int(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"])
        return own + sum(removed(each) for each in node.get("Plans", ()))

    return removed(plan["Plan"])


def test_profiles_are_of_all_months_at_once(platform: Engine) -> None:
    """Where some are known already, too, so that not all gifts are read."""
    fill(platform, LEDGER)
    aggregate(platform, last=date(2026, 1, 30), clock=clock)
    fill(
        platform,
        "virtual_gifts\nid | recipient_id | created_at\n8 | 8 | 2026-02-10\n9 | 9 | 2026-03-10",
    )
    aggregate(platform, date(2026, 2, 1), clock=clock)
    assert [row[0] for row in rows(platform, "creator_profiles")] == [2, 8, 9]


def test_only_the_named_jobs_run(platform: Engine) -> None:
    fill(platform, LEDGER)
    results = aggregate(platform, only=["gift_analytics", "daily"], clock=clock)
    assert [each.job for each in results] == ["daily", "gifts"]
    assert rows(platform, "revenue_breakdown") == []


def test_progress_reaches_the_end_for_every_job(platform: Engine) -> None:
    fill(platform, LEDGER)
    seen: dict[str, list[tuple[int, int]]] = {}
    aggregate(
        platform,
        clock=clock,
        progress=lambda job, done, total: seen.setdefault(job, []).append((done, total)),
    )
    whole = {job.name for job in jobs.JOBS if job.day is None}
    assert [seen.pop(job) for job in sorted(whole)] == [[(41, 41)]] * len(whole)
    assert set(seen) == {job.name for job in jobs.JOBS} - whole
    assert all(steps == [(2, 41), (30, 41), (41, 41)] for steps in seen.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"only": ["gift"]}, "no job is called gift; allowed: daily, gifts, engagement"),
        ({"only": []}, "no job is called nothing; allowed: daily"),
        ({"last": date(2026, 3, 12)}, "2026-03-12 is not complete yet; the last complete day is 2026-03-11"),
        (
            {"first": date(2026, 3, 2), "last": date(2026, 3, 1)},
            "the first day, 2026-03-02, lies after the last, 2026-03-01",
        ),
        ({"last": date(2026, 1, 29)}, "nothing happened up to 2026-01-29; the first event is of 2026-01-30"),
    ],
)
def test_impossible_wishes(platform: Engine, arguments: dict[str, Any], message: str) -> None:
    fill(platform, LEDGER)
    with pytest.raises(UserError, match=message):
        aggregate(platform, clock=clock, **arguments)
    assert runs(platform) == []


def test_a_day_is_complete_ten_minutes_after_its_end(platform: Engine) -> None:
    fill(platform, LEDGER)
    with pytest.raises(UserError, match="the last complete day is 2026-03-10"):
        aggregate(platform, last=date(2026, 3, 11), clock=lambda: datetime(2026, 3, 12, 0, 9, 59, tzinfo=UTC))


def test_without_events(platform: Engine) -> None:
    with pytest.raises(UserError, match="the source tables hold no events yet"):
        aggregate(platform, clock=clock)


def test_without_required_tables(database: Engine) -> None:
    with pytest.raises(UserError, match="the database has no users, videos, sparks, virtual_gifts"):
        aggregate(database, clock=clock)


def test_days_before_the_first_event_get_no_rows(platform: Engine) -> None:
    fill(platform, LEDGER)
    (daily, *_) = aggregate(platform, date(2020, 1, 1), clock=clock)
    assert daily.first == date(2026, 1, 30)
    assert len(rows(platform, "daily_analytics")) == 41


def test_days_before_the_first_event_lose_theirs(platform: Engine) -> None:
    """As after an import with wrong dates was mended."""
    fill(platform, LEDGER)
    aggregate(platform, clock=clock)
    right = stored(platform)
    change(platform, "UPDATE users SET created_at = '1999-12-31' WHERE id = 1")
    aggregate(platform, last=date(2000, 3, 1), clock=clock)
    assert len(rows(platform, "daily_analytics")) > 41
    change(platform, "UPDATE users SET created_at = '2026-01-30 09:00' WHERE id = 1")
    aggregate(platform, clock=clock)
    assert stored(platform) == right


def test_one_failing_job_stops_no_other(
    platform: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform, LEDGER)
    with replaced(monkeypatch, "revenue", statement=broken), pytest.raises(JobsFailed) as failure:
        aggregate(platform, clock=clock)
    assert str(failure.value) == "job revenue failed: division by zero"
    assert "job revenue failed for 2026-03-01 to 2026-03-11" in caplog.text
    states = {job: (state, error) for job, _, _, state, _, error in runs(platform)}
    assert states.pop("revenue") == ("failed", "division by zero")
    assert set(states.values()) == {("succeeded", None)}
    expect(platform, "revenue_breakdown\ndate | amount\n2026-02-10 | 10.00")
    expect(platform, "gift_analytics\nhour | revenue\n2026-02-10 10:00 | 10.00\n2026-03-11 23:00 | 1.00")


def test_an_interruption_keeps_whole_months_and_is_recorded(platform: Engine) -> None:
    fill(platform, LEDGER)
    asked = iter([False] * sum(job.day is not None for job in jobs.JOBS))
    with pytest.raises(Interrupted):
        aggregate(platform, clock=clock, stopped=lambda: next(asked, True))
    assert {(state, error) for _, _, _, state, _, error in runs(platform)} == {
        ("interrupted", "stopped before the work was done")
    }
    assert [str(row[0]) for row in rows(platform, "daily_analytics", "date")] == ["2026-01-30", "2026-01-31"]
    with platform.connect() as connection:
        assert ledger.complete_through(connection) is None
    aggregate(platform, clock=clock)
    assert len(rows(platform, "daily_analytics")) == 41


def test_ctrl_c_is_recorded_as_an_interruption(platform: Engine) -> None:
    fill(platform, LEDGER)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        aggregate(platform, clock=clock, progress=interrupt)
    assert {state for _, _, _, state, _, _ in runs(platform)} == {"interrupted"}
    assert rows(platform, "daily_analytics") == []


def test_a_lost_connection_fails_all_jobs_and_leaves_no_lock(platform: Engine) -> None:
    fill(platform, LEDGER)

    def cut(*_: object) -> None:
        change(
            platform,
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()",
        )

    with pytest.raises(Exception, match=r"terminating connection|server closed"):
        aggregate(platform, clock=clock, progress=cut)
    assert {state for _, _, _, state, _, _ in runs(platform)} == {"failed"}
    aggregate(platform, clock=clock)


def test_what_a_dead_process_left_is_marked(platform: Engine) -> None:
    fill(platform, LEDGER)
    ledger.start(platform, "daily", date(2026, 3, 1), date(2026, 3, 2), NOW)
    aggregate(platform, clock=clock)
    assert runs(platform)[0][3:] == ("interrupted", None, "the process ended before the run did")


def test_the_running_day_is_known_by_the_hour_only(platform: Engine) -> None:
    fill(platform, LEDGER)
    aggregate(platform, clock=clock)
    refresh_running_day(platform, clock=clock)
    expect(
        platform,
        """
        gift_analytics
        hour             | revenue
        2026-02-10 10:00 | 10.00
        2026-03-11 23:00 | 1.00
        2026-03-12 00:00 | 2.00
        """,
    )
    assert rows(platform, "daily_analytics")[-1][0] == date(2026, 3, 11)
    assert runs(platform)[-1][:4] == ("today", date(2026, 3, 12), date(2026, 3, 12), "succeeded")


def test_until_yesterday_is_complete_its_hours_are_refreshed_too(platform: Engine) -> None:
    fill(platform, LEDGER)
    refresh_running_day(platform, clock=lambda: datetime(2026, 3, 12, 0, 5, tzinfo=UTC))
    expect(platform, "gift_analytics\nhour | revenue\n2026-03-11 23:00 | 1.00\n2026-03-12 00:00 | 2.00")


def test_of_a_day_that_ends_before_its_turn_the_hours_are_left(platform: Engine) -> None:
    """The daily jobs have them, or will have them soon."""
    fill(platform, LEDGER)
    times = [datetime(2026, 3, 12, 0, 9, 59, tzinfo=UTC)]
    refreshing = threading.Thread(target=refresh_running_day, args=[platform], kwargs={"clock": times.pop})
    with exclusive(platform, RUNNING_DAY_LOCK) as connection:
        refreshing.start()
        wait_for_a_waiter(connection)
        times[:] = [datetime(2026, 3, 12, 0, 10, tzinfo=UTC)] * 10
    refreshing.join(30)
    expect(platform, "gift_analytics\nhour | revenue\n2026-03-12 00:00 | 2.00")


def test_days_of_long_ago_wait_for_no_hours_of_today(platform: Engine) -> None:
    fill(platform, LEDGER)
    with exclusive(platform, RUNNING_DAY_LOCK):
        aggregate(platform, last=date(2026, 3, 1), clock=clock, patience=timedelta(seconds=1))
    assert {row[3] for row in runs(platform)} == {"succeeded"}


IDENTITIES = text(
    """
    SELECT date, total_revenue = creator_earnings + platform_earnings,
           total_revenue = (SELECT coalesce(sum(revenue), 0) FROM gift_analytics WHERE hour::date = date),
           creator_earnings = (SELECT coalesce(sum(gift_revenue), 0) FROM creator_metrics c
                               WHERE c.date = d.date),
           total_revenue = (SELECT coalesce(sum(amount), 0) FROM revenue_breakdown r
                            WHERE r.date = d.date AND source = 'gifts')
    FROM daily_analytics d
    """
)


def test_rows_that_arrive_meanwhile_are_in_all_tables_or_in_none(platform: Engine) -> None:
    fill(platform, LEDGER)
    number = iter(range(100, 1000))

    def arrive(*_: object) -> None:
        fill(platform, f"virtual_gifts\nid | creator_share | created_at\n{next(number)} | 1.00 | 2026-03-05")

    aggregate(platform, clock=clock, progress=arrive)
    assert next(number) > 110
    with platform.connect() as connection:
        for day, *equal in connection.execute(IDENTITIES):
            assert all(equal), day


def test_two_at_once_end_right(platform: Engine) -> None:
    fill(platform, LEDGER)
    failures: list[BaseException] = []
    ready = threading.Barrier(3)

    def work(*only: str) -> None:
        engine = connect(platform.url)
        ready.wait()
        try:
            aggregate(engine, only=only or None, clock=clock)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [
        threading.Thread(target=work, args=args) for args in ((), (), ("cohorts", "gifts", "creators"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert [each.rows for each in aggregate(platform, clock=clock)] == [0] * len(jobs.JOBS)
    assert {row[3] for row in runs(platform)} == {"succeeded"}


@pytest.mark.parametrize("lock", [WRITERS_LOCK, RUNNING_DAY_LOCK])
def test_a_run_waits_for_the_writer_before_it_looks(platform: Engine, lock: int) -> None:
    """Its snapshot is taken after the lock, so it sees what the holder wrote last: also one who counts the
    hours of the newest day since before it was over.
    """
    fill(platform, LEDGER)
    done = threading.Event()

    def work() -> None:
        aggregate(platform, clock=clock)
        done.set()

    thread = threading.Thread(target=work)
    with exclusive(platform, lock) as connection:
        thread.start()
        wait_for_a_waiter(connection)
        fill(
            platform,
            "virtual_gifts\nid | creator_share | platform_share | created_at\n9 | 5 | 0 | 2026-03-11",
        )
        assert not done.is_set()
    thread.join(30)
    assert done.is_set()
    assert rows(platform, "daily_analytics", "total_revenue")[-1] == (Decimal("6.00"),)


def wait_for_a_waiter(connection: Connection) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(1000):
        if connection.execute(waiting).scalar_one():
            return
        connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits for the lock")


def test_publishing_is_one_statement_a_job_and_span(platform: Engine) -> None:
    """So nobody ever reads a half-written table."""
    fill(platform, LEDGER)
    writes: list[str] = []

    @event.listens_for(platform, "before_cursor_execute")
    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        kept_beside = ("job_runs", "data_versions", "source_begins", "people_seen")
        if "INSERT INTO" in statement and not any(
            f"INSERT INTO {table} " in statement for table in kept_beside
        ):
            writes.append(statement)

    aggregate(platform, date(2026, 3, 1), clock=clock)
    assert len(writes) == len(jobs.JOBS)


@pytest.mark.parametrize("job", [job for job in jobs.JOBS if job.day is not None], ids=lambda job: job.name)
def test_what_a_run_makes_lies_in_its_span(shared: World, job: jobs.Job) -> None:
    """Where nothing is stored there, rows are only inserted. What keeps values may write other days."""
    with shared.engine.connect() as connection:
        newest = connection.scalar(text("SELECT max(date) FROM daily_analytics"))
        first, last = newest - timedelta(days=40), newest - timedelta(days=3)
        connection.execute(text(f"TRUNCATE {job.table.name}"))
        made = run(connection, job, first, last)
        span = or_(job.span(first, last), *([job.later.rows(last)] if job.later else []))
        outside = connection.scalar(select(func.count()).select_from(job.table).where(~span))
    assert made or job.name in UNUSED
    assert not outside or job.keeps
