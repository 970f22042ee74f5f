"""job_runs: what ran when over which days, with what result; and from it, what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, bindparam, delete, func, insert, select, true, update

from aggregation import __version__, versions
from aggregation.days import LATENESS, ONE_DAY, days_between
from aggregation.jobs import JOBS
from aggregation.schema import job_runs
from aggregation.versions import Scope

# Of the run whose part is being done, for the log.
run_id: ContextVar[int | None] = ContextVar("run_id", default=None)
# The name of the runs that count the hours of a day which isn't over.
RUNNING_DAY = "today"
# Of the nightly recount's.
CHECK = "check"
# Of computing unequal days anew.
REPAIR = "repair"
# A clock this far ahead closes no day too early: days are closed LATENESS after they end.
AHEAD = LATENESS / 2


class Reason(StrEnum):
    """Why a job runs; and so, why stored cells changed."""

    SCHEDULE = "schedule"
    LATE = "late data"
    REFUND = "refund"
    CHANGED = "changed data"
    DELETED = "deleted data"
    REPAIR = "repair"
    MANUAL = "manual"
    NEW_VERSION = "new version"


class State(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Result:
    """How one job's run ended. `rows` were written or removed."""

    job: str
    first: date
    last: date
    state: State
    rows: int
    error: str | None = None
    # Whether it failed of something that passes (aggregation.retries).
    passing: bool = False
    log: str | None = None
    seconds: float | None = None


def start(
    engine: Engine, job: str, first: date, last: date, now: datetime, reason: str = Reason.SCHEDULE
) -> int:
    """The id of a new run, committed at once, so that it is seen and outlives what it records."""
    (run,) = start_all(engine, [job], first, last, now, reason)
    return run


def start_all(
    engine: Engine, jobs: Sequence[str], first: date, last: date, now: datetime, reason: str
) -> list[int]:
    """The same for runs of many jobs, in their order."""
    common = {
        "first_day": first,
        "last_day": last,
        "state": State.RUNNING,
        "started_at": now,
        "code_version": __version__,
        "reason": reason,
    }
    insertion = insert(job_runs).returning(job_runs.c.id, sort_by_parameter_order=True)
    with engine.begin() as connection:
        return list(connection.scalars(insertion, [{"job": job, **common} for job in jobs]))


def finish(engine: Engine, run: int, result: Result, now: datetime) -> None:
    finish_all(engine, {run: result}, now)


def finish_all(engine: Engine, results: Mapping[int, Result], now: datetime) -> None:
    """By run. For whoever looks, all of them end in the same moment."""
    names = ("state", "rows", "error", "log", "seconds")
    ended = [
        {"run": run, "finished_at": now, **{name: getattr(result, name) for name in names}}
        for run, result in results.items()
    ]
    with engine.begin() as connection:
        connection.execute(update(job_runs).where(job_runs.c.id == bindparam("run")), ended)
        # What is complete has changed, even where no number has.
        for scope in sorted({scope_of(result.job) for result in results.values()}):
            versions.bump(connection, scope)


@contextmanager
def under_way(run: int) -> Iterator[None]:
    """What is logged meanwhile is about this run."""
    token = run_id.set(run)
    try:
        yield
    finally:
        run_id.reset(token)


def scope_of(job: str) -> Scope:
    return {RUNNING_DAY: Scope.TODAY, CHECK: Scope.CHECKS, REPAIR: Scope.CHECKS}.get(job, Scope.DAYS)


def sweep(engine: Engine, now: datetime, *, running_day: bool = False) -> int:
    """Mark what a dead process left running as interrupted; the number of runs.

    Only for the holder of WRITERS_LOCK: runs start and end under it, so whatever else runs is dead.
    `running_day`: of RUNNING_DAY instead, for the holder of RUNNING_DAY_LOCK.
    """
    job = job_runs.c.job
    with engine.begin() as connection:
        left = (
            update(job_runs)
            .where(
                job_runs.c.state == State.RUNNING,
                job == RUNNING_DAY if running_day else job != RUNNING_DAY,
            )
            .values(state=State.INTERRUPTED, finished_at=now, error="the process ended before the run did")
        )
        return connection.execute(left).rowcount


def disown_future(engine: Engine, now: datetime) -> int:
    """Let runs that began after `now` count for nothing; their number.

    A clock was ahead of its time: days may have been closed before they were over.
    """
    run = job_runs.c
    with engine.begin() as connection:
        early = (
            update(job_runs)
            .where(run.started_at > now + AHEAD, run.state == State.SUCCEEDED)
            .values(state=State.INTERRUPTED, error="the clock was ahead: this time had not come yet")
        )
        return connection.execute(early).rowcount


def keep_newest(engine: Engine, job: str) -> None:
    """Forget the succeeded runs of `job` but the newest; for what runs every few minutes."""
    succeeded = (job_runs.c.job == job) & (job_runs.c.state == State.SUCCEEDED)
    newest = select(func.max(job_runs.c.id)).where(succeeded).scalar_subquery()
    with engine.begin() as connection:
        connection.execute(delete(job_runs).where(succeeded, job_runs.c.id < newest))


def recent(connection: Connection, now: datetime, limit: int = 50) -> Sequence[Row[Any]]:
    """What failed in the last day, then the others, each newest first; with all columns of job_runs.

    A night has more runs than anybody reads: one that failed must not hide behind them.
    """
    run = job_runs.c
    failed = and_(run.state == State.FAILED, run.started_at >= now - ONE_DAY)
    newest = select(job_runs).order_by(failed.desc(), run.started_at.desc(), run.id.desc()).limit(limit)
    return connection.execute(newest).all()


def took(run: Row[Any]) -> timedelta | None:
    """How long a run of `recent` took: its own work, where that was measured; None while it goes on."""
    if run.finished_at is None:
        return None
    known = None if run.seconds is None else timedelta(seconds=run.seconds)
    return run.finished_at - run.started_at if known is None else known


def complete_through(connection: Connection, by: datetime | None = None) -> date | None:
    """The newest day for which every job that a day needs has succeeded; None where there is none.

    Days before it may still be missing: see `missing_days`. `by`: as it was at that time.
    """
    run = job_runs.c
    names = [job.name for job in JOBS if job.day is not None and job.completes]
    newest = (
        select(func.max(run.last_day).label("day"))
        .where(
            run.job.in_(names), run.state == State.SUCCEEDED, true() if by is None else run.finished_at < by
        )
        .group_by(run.job)
        .subquery()
    )
    jobs, day = connection.execute(select(func.count(), func.min(newest.c.day)).select_from(newest)).one()
    return day if jobs == len(names) else None


def newest_start(connection: Connection, job: str) -> datetime | None:
    """When the newest succeeded run of `job` began (aware, UTC)."""
    succeeded = (job_runs.c.job == job) & (job_runs.c.state == State.SUCCEEDED)
    newest: datetime | None = connection.scalar(select(func.max(job_runs.c.started_at)).where(succeeded))
    return newest and newest.astimezone(UTC)


def missing_days(connection: Connection, jobs: Sequence[str], first: date, last: date) -> list[date]:
    """The days for which one of `jobs` has no succeeded run that began after they were complete."""
    covered = {job: published_days(connection, job, first, last) for job in jobs}
    done = set.intersection(*covered.values()) if covered else set()
    return [day for day in days_between(first, last) if day not in done]


def published_days(
    connection: Connection,
    job: str,
    first: date,
    last: date,
    *,
    since: datetime | None = None,
    by: datetime | None = None,
) -> set[date]:
    """Of these days those that `job` has a succeeded run for which began after they were complete.

    `since`: and which began no earlier; `by`: and which was over before.
    """
    run = job_runs.c
    succeeded = select(run.first_day, run.last_day, run.started_at).where(
        run.job == job, run.state == State.SUCCEEDED, run.last_day >= first, run.first_day <= last
    )
    if since is not None:
        succeeded = succeeded.where(run.started_at >= since)
    if by is not None:
        succeeded = succeeded.where(run.finished_at < by)
    days: set[date] = set()
    for row in connection.execute(succeeded):
        complete = (row.started_at.astimezone(UTC) - LATENESS).date() - ONE_DAY
        days.update(days_between(max(row.first_day, first), min(row.last_day, last, complete)))
    return days


def newest_version(connection: Connection, job: str) -> str | None:
    """Of the program that made the newest succeeded run of `job`."""
    run = job_runs.c
    newest = (
        select(run.code_version)
        .where(run.job == job, run.state == State.SUCCEEDED)
        .order_by(run.started_at.desc())
        .limit(1)
    )
    version: str | None = connection.scalar(newest)
    return version
