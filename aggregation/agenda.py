"""What is due: the days that a job should have run for and hasn't."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, func, select

from aggregation import ledger
from aggregation.coverage import first_event_day, missing_sources
from aggregation.days import ONE_DAY, last_complete_day
from aggregation.jobs import JOBS
from aggregation.ledger import Reason, State
from aggregation.schema import daily_analytics, data_checks, job_runs, unequal_cells
from aggregation.unequal import MOST_TRIES

FORECAST = "forecast"
FORECAST_DAY, FORECAST_HOUR = 0, 1  # Monday, 01:00 UTC
# With less there is none to make.
FORECAST_NEEDS_DAYS = 7
# The nightly recount, 02:00 UTC, goes over so many days.
CHECK_HOUR = 2
CHECKED_DAYS = 35


@dataclass(frozen=True)
class Task:
    """Days (UTC, both inclusive) and the names of the jobs to run for them together, and why.

    `handled`: the ids of the changes (aggregation/changes.py) that are taken in when it is done.
    """

    first: date
    last: date
    jobs: tuple[str, ...]
    reason: str = Reason.SCHEDULE
    handled: tuple[int, ...] = ()

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{', '.join(self.jobs)} for {days}"


def open_tasks(connection: Connection, now: datetime) -> list[Task] | None:
    """What should be run at `now`, oldest day first; None where there are no events yet.

    The newest day is computed by all of its due jobs together, so that its tables come from one
    snapshot, though their slots differ. UserError where a required source table is missing.
    """
    first = first_event_day(connection, missing_sources(connection))
    if first is None:
        return None
    waiting: defaultdict[date, set[str]] = defaultdict(set)
    for job in JOBS:
        for day in ledger.missing_days(connection, [job.name], first, job.due(now)):
            waiting[day].add(job.name)
    newest = max(job.due(now) for job in JOBS)
    if newest in waiting:
        waiting[newest] = {job.name for job in JOBS if job.due(now) == newest}
    return list(_tasks(sorted(waiting.items())))


def _tasks(waiting: Iterable[tuple[date, set[str]]]) -> Iterator[Task]:
    """Neighbouring days that wait for the same jobs are one task."""
    task: Task | None = None
    for day, names in waiting:
        jobs = tuple(job.name for job in JOBS if job.name in names)
        if task and task.jobs == jobs and day - task.last == ONE_DAY:
            task = Task(task.first, day, jobs)
            continue
        if task:
            yield task
        task = Task(day, day, jobs)
    if task:
        yield task


def next_starts(now: datetime) -> list[tuple[datetime, tuple[str, ...]]]:
    """When which jobs are due next, soonest first."""
    starts: defaultdict[datetime, list[str]] = defaultdict(list)
    for job in JOBS:
        starts[job.next_start(now)].append(job.name)
    starts[last_forecast_slot(now) + timedelta(days=7)].append(FORECAST)
    starts[last_check_slot(now) + ONE_DAY].append(ledger.CHECK)
    return [(start, tuple(names)) for start, names in sorted(starts.items())]


def last_forecast_slot(now: datetime) -> datetime:
    """The newest Monday, 01:00 UTC, that isn't after `now`."""
    shifted = now.astimezone(UTC) - timedelta(hours=FORECAST_HOUR)
    monday = shifted.date() - timedelta(days=(shifted.weekday() - FORECAST_DAY) % 7)
    return datetime.combine(monday, time(FORECAST_HOUR), UTC)


def last_check_slot(now: datetime) -> datetime:
    """The newest 02:00 UTC that isn't after `now`."""
    shifted = now.astimezone(UTC) - timedelta(hours=CHECK_HOUR)
    return datetime.combine(shifted.date(), time(CHECK_HOUR), UTC)


def check_due(connection: Connection, now: datetime) -> tuple[date, date] | None:
    """Which days to recount, both inclusive; None where that was done since the last slot.

    Whoever did it: a `check` of at least these days will do.
    """
    through = ledger.complete_through(connection)
    if through is None:
        return None
    oldest = oldest_day(connection) or through
    first = max(min(oldest, through), through - timedelta(days=CHECKED_DAYS - 1))
    check, slot = data_checks.c, last_check_slot(now)
    done = select(check.id).where(
        check.checked_at.between(slot, now + ledger.AHEAD),
        check.first_day <= first,
        check.last_day >= min(through, slot.date() - ONE_DAY),
    )
    return None if connection.execute(select(done.exists())).scalar_one() else (first, through)


def oldest_day(connection: Connection) -> date | None:
    """The first day that is stored; None before there are any."""
    day: date | None = connection.scalar(select(func.min(daily_analytics.c.date)))
    return day


def repairs_wait(connection: Connection) -> bool:
    """Whether there are unequal cells that repairs may yet mend."""
    mendable = select(unequal_cells.c.id).where(unequal_cells.c.tries < MOST_TRIES)
    return bool(connection.scalar(select(mendable.exists())))


def forecast_due(connection: Connection, now: datetime) -> bool:
    """Whether none was made since the last slot, or a backfill (a run over several days) has ended since."""
    run, day = job_runs.c, daily_analytics.c.date
    complete = select(func.count()).select_from(daily_analytics).where(day <= last_complete_day(now))
    if connection.execute(complete).scalar_one() < FORECAST_NEEDS_DAYS:
        return False
    made = ledger.newest_start(connection, FORECAST)
    if made is None or made < last_forecast_slot(now):
        return True
    backfilled = connection.scalar(
        select(func.max(run.finished_at)).where(
            run.job == "daily",
            run.state == State.SUCCEEDED,
            run.last_day > run.first_day,
            # Days that are computed again each night are no backfill.
            func.coalesce(run.reason, Reason.MANUAL).in_((Reason.MANUAL, Reason.SCHEDULE)),
        )
    )
    return backfilled is not None and backfilled > made
