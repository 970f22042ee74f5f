"""The jobs: one module an analytics table, each a `statement(first, last, missing)` that only builds SQL.

The one writer, `aggregation.publishing`, runs them all the same way.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, or_, true

from aggregation.days import LATENESS, ONE_DAY
from aggregation.errors import UsageError
from aggregation.jobs import (
    cohorts,
    creators,
    daily,
    engagement,
    gifts,
    profiles,
    returns,
    revenue,
    supporters,
)
from aggregation.jobs.events import ACTIVITY, within
from aggregation.schema import (
    COHORT_OFFSETS,
    creator_metrics,
    creator_profiles,
    creator_supporters,
    daily_analytics,
    gift_analytics,
    retention_cohorts,
    revenue_breakdown,
    user_engagement,
    user_returns,
)

Statement = Callable[[date, date, frozenset[str]], Select[Any]]


@dataclass(frozen=True)
class Job:
    """One analytics table and how it is filled.

    `at` is the time (UTC) of its nightly slot. `day` is the column that puts a row into a span; None
    means that every run writes the whole table. A null in a column of `keeps` doesn't overwrite what
    is stored, unless a table of `keeps_unless` is missing. A job that `reads` tables of other jobs
    comes after them, and runs whenever they do. `later`: which rows of days after the given one are
    the statement's, too.
    """

    name: str
    table: Table
    at: time
    statement: Statement
    day: Column[Any] | None
    keeps: tuple[str, ...] = ()
    keeps_unless: frozenset[str] = frozenset()
    reads: tuple[Table, ...] = ()
    later: Callable[[date], ColumnElement[bool]] | None = None

    @property
    def _slot(self) -> timedelta:
        """How long after midnight a day's run begins: in its slot, but not before the day is complete."""
        return max(timedelta(hours=self.at.hour, minutes=self.at.minute), LATENESS)

    def due(self, now: datetime) -> date:
        """The newest day whose run is due at `now`."""
        return (now.astimezone(UTC) - self._slot).date() - ONE_DAY

    def next_start(self, now: datetime) -> datetime:
        """When the day after `due(now)` becomes due."""
        return datetime.combine(self.due(now) + 2 * ONE_DAY, time(), UTC) + self._slot

    def span(self, first: date, last: date) -> ColumnElement[bool]:
        """The stored rows that a run over these days answers for."""
        if self.day is None:
            return true()
        days = within(self.day, first, last)
        return days if self.later is None else or_(days, self.later(last))

    def kept(self, missing: Collection[str]) -> tuple[str, ...]:
        return () if self.keeps_unless.intersection(missing) else self.keeps


MIDNIGHT = time(0, 5)
HALF_PAST = time(0, 30)

JOBS = (
    Job("daily", daily_analytics, MIDNIGHT, daily.statement, daily_analytics.c.date),
    Job("gifts", gift_analytics, MIDNIGHT, gifts.statement, gift_analytics.c.hour),
    Job("engagement", user_engagement, MIDNIGHT, engagement.statement, user_engagement.c.date),
    Job(
        "returns",
        user_returns,
        MIDNIGHT,
        returns.statement,
        user_returns.c.date,
        reads=(user_engagement,),
        later=returns.depend_on_days_until,
    ),
    Job("revenue", revenue_breakdown, MIDNIGHT, revenue.statement, revenue_breakdown.c.date),
    Job(
        "cohorts",
        retention_cohorts,
        MIDNIGHT,
        cohorts.statement,
        retention_cohorts.c.cohort_date,
        keeps=tuple(f"day_{offset}" for offset in COHORT_OFFSETS),
        keeps_unless=ACTIVITY,
    ),
    Job("creators", creator_metrics, HALF_PAST, creators.statement, creator_metrics.c.date),
    Job("supporters", creator_supporters, HALF_PAST, supporters.statement, creator_supporters.c.date),
    Job("profiles", creator_profiles, HALF_PAST, profiles.statement, None),
)


def chosen(only: Sequence[str] | None = None) -> tuple[Job, ...]:
    """The jobs with these names (their own or their table's), in the order of JOBS; all where None.

    Raises UsageError for a name that no job has.
    """
    if only is None:
        return JOBS
    known = {name for job in JOBS for name in (job.name, job.table.name)}
    unknown = [name for name in only if name not in known]
    if unknown or not only:
        allowed = ", ".join(job.name for job in JOBS)
        raise UsageError(f"no job is called {', '.join(unknown) or 'nothing'}; allowed: {allowed}")
    return tuple(job for job in JOBS if job.name in only or job.table.name in only)


def with_readers(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs, and those that read what they write."""
    written = {job.table for job in jobs}
    return tuple(job for job in JOBS if job in jobs or written.intersection(job.reads))
