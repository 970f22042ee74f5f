"""How the worker is doing: read from the database alone, so that page, command and metrics tell the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from statistics import median
from typing import Any

from sqlalchemy import Connection, Row, func, select

from aggregation import ledger
from aggregation.days import LATENESS, ONE_DAY, days_between
from aggregation.jobs import JOBS, Job
from aggregation.leases import TERM
from aggregation.ledger import State
from aggregation.periods import Period
from aggregation.schema import daily_analytics, job_requests, job_runs, restatements, worker_leases

# A day that is done later than this after it was due was late.
ON_TIME = timedelta(hours=1)
run = job_runs.c


@dataclass(frozen=True)
class Heartbeat:
    """Of the worker that leads: how long ago it last said so, and whether that still holds."""

    holder: str
    age: timedelta
    leads: bool


def heartbeat(connection: Connection) -> Heartbeat | None:
    """None where no worker has ever led. By the database's clock."""
    lease = worker_leases.c
    now = func.clock_timestamp()
    row = connection.execute(
        select(lease.holder, (now - lease.expires_at).label("over")).where(lease.name == "worker")
    ).one_or_none()
    if row is None:
        return None
    return Heartbeat(row.holder, max(row.over + TERM, timedelta()), row.over < timedelta())


def told(beat: Heartbeat | None) -> str:
    """A sentence without its end."""
    if beat is None:
        return "none has ever been at work on this database"
    seconds = f"{beat.age.total_seconds():,.0f} s"
    if beat.leads:
        return f"{beat.holder} is at work, last heartbeat {seconds} ago"
    return f"none is at work; the last one was {beat.holder}, {seconds} ago"


# ---- how far each table reaches ----


def through(connection: Connection) -> dict[str, date | None]:
    """The newest day that each job has succeeded for, by the job's name."""
    done = select(run.job, func.max(run.last_day).label("day")).where(run.state == State.SUCCEEDED)
    found: dict[str, date] = {row.job: row.day for row in connection.execute(done.group_by(run.job))}
    return {job.name: found.get(job.name) for job in JOBS}


def lag(connection: Connection, now: datetime) -> timedelta | None:
    """How long the oldest missing day of any job has been due; None before the first day."""
    first: date | None = connection.scalar(select(func.min(daily_analytics.c.date)))
    if first is None:
        return None
    waits = [timedelta()]
    for job in (job for job in JOBS if job.day is not None):
        missing = ledger.missing_days(connection, [job.name], first, job.due(now))
        waits += [now - _due(job, missing[0])] if missing else []
    return max(waits)


def _due(job: Job, day: date) -> datetime:
    """When the run for `day` is due."""
    return job.next_start(datetime.combine(day, time(23, 59), UTC))


# ---- what ran ----


def failed_since(connection: Connection, moment: datetime) -> int:
    """Runs that failed, and were not of something that passes by itself and then did."""
    failed = select(func.count()).where(run.state == State.FAILED, run.finished_at >= moment)
    return int(connection.scalar(failed) or 0)


@dataclass(frozen=True)
class JobTimes:
    """Of a job's runs for a single day, in seconds: the newest, and the median."""

    newest: float
    usual: float
    runs: int


def times(connection: Connection, since: datetime) -> dict[str, JobTimes]:
    took: defaultdict[str, list[float]] = defaultdict(list)
    for job, _, seconds in connection.execute(_single_days(since)):
        took[job].append(float(seconds))
    return {job: JobTimes(each[-1], median(each), len(each)) for job, each in took.items()}


def seconds_by_day(connection: Connection, period: Period) -> dict[date, dict[str, float]]:
    """How long the runs for single days took that began on each day of the period, by job."""
    begin = datetime.combine(period.first, time(), UTC)
    by_day: defaultdict[date, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for job, started, seconds in connection.execute(_single_days(begin)):
        by_day[started.astimezone(UTC).date()][job] += float(seconds)
    return {day: dict(jobs) for day, jobs in by_day.items()}


_BETWEEN = func.extract("epoch", run.finished_at - run.started_at)


def _single_days(since: datetime) -> Any:
    """job, started_at, seconds of what succeeded, oldest first. Spans take longer by nature."""
    return (
        select(run.job, run.started_at, func.coalesce(run.seconds, _BETWEEN))
        .where(
            run.state == State.SUCCEEDED,
            run.started_at >= since,
            run.first_day == run.last_day,
            run.job.in_([job.name for job in JOBS]),
        )
        .order_by(run.started_at)
    )


def waiting_requests(connection: Connection) -> int:
    waits = select(func.count()).where(job_requests.c.state.in_(("waiting", "running")))
    return int(connection.scalar(waits) or 0)


# ---- day × job ----


class Outcome(StrEnum):
    OK = "ok"
    LATE = "late"
    FAILED = "failed"
    RESTATED = "restated"
    MISSING = "missing"
    RUNNING = "running"


@dataclass(frozen=True)
class JobDay:
    outcome: Outcome
    told: str


def job_days(connection: Connection, period: Period, now: datetime) -> dict[str, dict[date, JobDay]]:
    """What became of each day of the period, by the job's name; days that aren't due are left out."""
    by_job: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    of_period = select(job_runs).where(run.last_day >= period.first, run.first_day <= period.last)
    for row in connection.execute(of_period.order_by(run.started_at, run.id)):
        by_job[row.job].append(row)
    starts = select(run.job, func.min(run.started_at).label("at")).group_by(run.job)
    begun = {row.job: row.at for row in connection.execute(starts)}
    first: date | None = connection.scalar(select(func.min(daily_analytics.c.date)))
    restated = _restated(connection, period)
    return {
        job.name: {
            day: _outcome(job, day, by_job[job.name], begun.get(job.name), (job.table.name, day) in restated)
            for day in days_between(max(period.first, first or period.first), min(period.last, job.due(now)))
        }
        for job in JOBS
        if job.day is not None and first is not None
    }


def _outcome(
    job: Job, day: date, runs_: Sequence[Row[Any]], begun: datetime | None, restated: bool
) -> JobDay:
    closed = datetime.combine(day + ONE_DAY, time(), UTC) + LATENESS
    of_day = [row for row in runs_ if row.first_day <= day <= row.last_day and row.started_at >= closed]
    done = [row for row in of_day if row.state == State.SUCCEEDED]
    if not done:
        newest = of_day[-1] if of_day else None
        if newest is not None and newest.state == State.RUNNING:
            return JobDay(Outcome.RUNNING, "running now")
        if newest is not None:
            return JobDay(Outcome.FAILED, f"{newest.state}: {newest.error or 'no reason given'}")
        return JobDay(Outcome.MISSING, "due, and not computed yet")
    finished, due = done[0].finished_at, _due(job, day)
    told = f"done {finished:%d %b %H:%M} UTC"
    if restated:
        return JobDay(Outcome.RESTATED, f"{told}; numbers changed later")
    # What was over before this job ever ran could not be on time.
    if finished > due + ON_TIME and begun is not None and due >= begun:
        return JobDay(Outcome.LATE, f"{told}, due {due:%d %b %H:%M}")
    return JobDay(Outcome.OK, told)


def _restated(connection: Connection, period: Period) -> set[tuple[str, date]]:
    """Tables and days with numbers that changed after they were first published."""
    cell = restatements.c
    changed = select(cell.table_name, cell.day).where(cell.day.between(period.first, period.last)).distinct()
    return {(row.table_name, row.day) for row in connection.execute(changed)}
