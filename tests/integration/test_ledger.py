"""job_runs: what counts as done, and what is missing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError

from aggregation import __version__, ledger
from aggregation.jobs import JOBS
from aggregation.ledger import Result, State
from tests.spec.tables import rows

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 10)
AFTER = datetime(2026, 3, 11, 0, 10, tzinfo=UTC)


def ran(
    engine: Engine,
    first: int,
    last: int,
    *,
    job: str = "daily",
    state: State = State.SUCCEEDED,
    at: datetime = AFTER,
) -> int:
    """A run over days of March 2026."""
    days = (date(2026, 3, first), date(2026, 3, last))
    run = ledger.start(engine, job, *days, at)
    ledger.finish(engine, run, Result(job, *days, state, rows=7), at + timedelta(seconds=3))
    return run


def missing(engine: Engine, *jobs: str) -> list[int]:
    with engine.connect() as connection:
        return [day.day for day in ledger.missing_days(connection, jobs or ["daily"], FIRST, LAST)]


def test_a_run_is_seen_while_it_goes_on(database: Engine) -> None:
    ledger.start(database, "daily", FIRST, LAST, AFTER)
    (row,) = rows(database, "job_runs")
    run = ("daily", FIRST, LAST, "running", None, AFTER, None, None, __version__, None, None, "schedule")
    assert row[1:] == run


def test_the_newest_runs_come_first(database: Engine) -> None:
    numbers = [ran(database, 1, 2, at=AFTER + timedelta(hours=hour)) for hour in (0, 2, 1)]
    with database.connect() as connection:
        newest = ledger.recent(connection, AFTER, limit=2)
    assert [row.id for row in newest] == [numbers[1], numbers[2]]
    assert newest[0].finished_at - newest[0].started_at == timedelta(seconds=3)


def test_without_runs_every_day_is_missing(database: Engine) -> None:
    assert missing(database) == list(range(1, 11))


def test_days_between_runs_are_missing(database: Engine) -> None:
    ran(database, 1, 3)
    ran(database, 5, 5)
    ran(database, 9, 10)
    assert missing(database) == [4, 6, 7, 8]


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED, State.RUNNING])
def test_only_success_counts(database: Engine, state: State) -> None:
    ran(database, 1, 10, state=state)
    assert missing(database) == list(range(1, 11))


def test_a_day_is_missing_if_any_of_its_jobs_is(database: Engine) -> None:
    ran(database, 1, 10)
    ran(database, 1, 8, job="gifts")
    assert missing(database, "daily") == []
    assert missing(database, "daily", "gifts") == [9, 10]


def test_a_run_before_the_end_of_its_day_doesnt_stand_for_it(database: Engine) -> None:
    ran(database, 1, 10, at=datetime(2026, 3, 11, 0, 9, 59, tzinfo=UTC))
    assert missing(database) == [10]


def test_runs_that_reach_beyond_are_cut(database: Engine) -> None:
    with database.connect() as connection:
        ran(database, 1, 31, at=datetime(2026, 4, 2, tzinfo=UTC))
        assert ledger.missing_days(connection, ["daily"], date(2026, 2, 27), date(2026, 4, 1)) == [
            date(2026, 2, 27),
            date(2026, 2, 28),
            date(2026, 4, 1),
        ]


DAY_JOBS = [job.name for job in JOBS if job.day is not None and job.completes]


def test_a_day_is_complete_when_all_its_jobs_have_succeeded(database: Engine) -> None:
    def complete_through() -> date | None:
        with database.connect() as connection:
            return ledger.complete_through(connection)

    assert complete_through() is None
    for job in DAY_JOBS[:-1]:
        ran(database, 1, 10, job=job)
    ran(database, 1, 10, job=DAY_JOBS[-1], state=State.FAILED)
    assert complete_through() is None
    ran(database, 1, 9, job=DAY_JOBS[-1])
    assert complete_through() == date(2026, 3, 9)
    ran(database, 10, 10, job=DAY_JOBS[-1])
    assert complete_through() == date(2026, 3, 10)


def test_a_day_is_complete_without_what_an_upgrade_brought(database: Engine) -> None:
    for job in DAY_JOBS:
        ran(database, 1, 10, job=job)
    with database.connect() as connection:
        assert ledger.complete_through(connection) == date(2026, 3, 10)
    assert "supporter_returns" not in DAY_JOBS


def test_of_what_runs_every_few_minutes_the_newest_success_is_kept(database: Engine) -> None:
    ran(database, 1, 1, job="today")
    failed = ran(database, 1, 1, job="today", state=State.FAILED)
    newest = ran(database, 1, 1, job="today")
    daily = ran(database, 1, 1)
    ledger.keep_newest(database, "today")
    assert [number for (number,) in rows(database, "job_runs", "id")] == [failed, newest, daily]


def test_the_running_day_is_swept_by_itself(database: Engine) -> None:
    for job in ("gifts", "today"):
        ledger.start(database, job, FIRST, LAST, AFTER)
    assert ledger.sweep(database, AFTER, running_day=True) == 1
    states = dict(rows(database, "job_runs", "job", "state"))
    assert states == {"gifts": "running", "today": "interrupted"}
    ledger.start(database, "today", FIRST, LAST, AFTER)
    assert ledger.sweep(database, AFTER) == 1


def test_sweeping_marks_only_what_still_runs(database: Engine) -> None:
    ran(database, 1, 2)
    ledger.start(database, "gifts", FIRST, LAST, AFTER)
    assert ledger.sweep(database, AFTER) == 1
    assert ledger.sweep(database, AFTER) == 0
    assert rows(database, "job_runs", "job", "state") == [("daily", "succeeded"), ("gifts", "interrupted")]


def test_many_runs_begin_in_their_order_and_end_in_the_same_moment(database: Engine) -> None:
    names = [job.name for job in JOBS]
    runs = ledger.start_all(database, names, FIRST, LAST, AFTER, "schedule")
    assert rows(database, "job_runs", "id", "job", "state") == [
        (run, name, "running") for run, name in zip(runs, names, strict=True)
    ]
    ended = {
        run: Result(name, FIRST, LAST, State.SUCCEEDED, rows=number, log=name, seconds=number / 2)
        for number, (run, name) in enumerate(zip(runs, names, strict=True))
    }
    ledger.finish_all(database, ended, AFTER + timedelta(seconds=3))
    assert rows(database, "job_runs", "id", "job", "state", "rows", "log", "seconds") == [
        (run, name, "succeeded", number, name, number / 2)
        for number, (run, name) in enumerate(zip(runs, names, strict=True))
    ]
    with database.connect() as connection:
        writers = connection.execute(text("SELECT count(DISTINCT xmin::text) FROM job_runs"))
        assert writers.scalar_one() == 1


def test_of_many_runs_all_are_recorded_or_none(database: Engine) -> None:
    runs = ledger.start_all(database, ["daily", "gifts"], FIRST, LAST, AFTER, "schedule")
    good, bad = (Result(job, FIRST, LAST, State.SUCCEEDED, rows=1) for job in ("daily", "gifts"))
    with pytest.raises(DataError):
        ledger.finish_all(database, {runs[0]: good, runs[1]: replace(bad, rows=2**70)}, AFTER)
    assert set(rows(database, "job_runs", "state")) == {("running",)}
