"""The jobs: one module an analytics table, each a `statement(first, last, missing)` that only builds SQL.

The one writer, `aggregation.publishing`, runs them all the same way.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, CompoundSelect, FromClause, Select, Table, true

from aggregation.days import LATENESS, ONE_DAY
from aggregation.errors import UsageError
from aggregation.jobs import (
    cohort_activity,
    cohort_value,
    cohorts,
    creators,
    daily,
    engagement,
    frequency,
    gift_values,
    gifter_activity,
    gifter_cohorts,
    gifter_months,
    gifters,
    gifts,
    hours,
    months,
    names,
    peers,
    profiles,
    refunds,
    returns,
    revenue,
    session_lengths,
    spark_days,
    spark_profiles,
    sparks,
    supporter_returns,
    supporter_spreads,
    supporter_totals,
    supporters,
    video_gifts,
    videos,
    viewers,
    visits,
)
from aggregation.jobs.events import ACTIVITY, within
from aggregation.jobs.seen import Visitors
from aggregation.schema import (
    COHORT_OFFSETS,
    creator_hours,
    creator_metrics,
    creator_months,
    creator_profiles,
    creator_sparks,
    creator_supporters,
    creator_video_gifts,
    creator_videos,
    creator_viewers,
    daily_analytics,
    gift_analytics,
    gift_refunds,
    gifter_returns,
    peer_benchmarks,
    people_seen,
    retention_cohorts,
    revenue_breakdown,
    supporter_changes,
    supporter_profiles,
    user_engagement,
    user_frequency,
    user_returns,
    video_profiles,
    viewer_returns,
)
from aggregation.schema import cohort_activity as cohort_activity_table
from aggregation.schema import cohort_value as cohort_value_table
from aggregation.schema import gift_values as gift_values_table
from aggregation.schema import gifter_activity as gifter_activity_table
from aggregation.schema import gifter_cohorts as gifter_cohorts_table
from aggregation.schema import gifter_months as gifter_months_table
from aggregation.schema import session_lengths as session_lengths_table
from aggregation.schema import spark_days as spark_days_table
from aggregation.schema import spark_profiles as spark_profiles_table
from aggregation.schema import supporter_returns as supporter_returns_table
from aggregation.schema import supporter_spreads as supporter_spreads_table
from aggregation.schema import supporter_totals as supporter_totals_table

Statement = Callable[[date, date, frozenset[str]], Select[Any]]


@dataclass(frozen=True)
class Later:
    """Rows of days after the given one that depend on days until then: which, and how they are made."""

    rows: Callable[[date], ColumnElement[bool]]
    statement: Callable[[date], Select[Any]]


@dataclass(frozen=True)
class Notes:
    """The keys of a job's rows that changed, noted for another job that sums them up in `summary`.

    While `summary` is empty nothing is noted: it will be filled from all rows.
    """

    keys: Table
    summary: Table
    # Of rows of `summary` that may change by what is noted.
    changing: FromClause
    # What to note so that the rows of `summary` of these days are made without what is stored there.
    doubted: Callable[[date, date], CompoundSelect[Any]]


@dataclass(frozen=True)
class Job:
    """One analytics table and how it is filled.

    `at` is the time (UTC) of its nightly slot. `day` is the column that puts a row into a span; None
    means that every run writes the whole table. A null in a column of `keeps` doesn't overwrite what
    is stored, unless a table of `keeps_unless` is missing. A job that `reads` tables of other jobs
    comes after them, and runs whenever they do; one that `asks` a table takes from it what is known so far.
    `later`: what a run changes in days after its own.
    With `to_month_end` these are all days until the month's last complete one, with `tail` those of so
    many days more.
    `notes`: keys of rows that a run changes are noted there. A job that is `noted` so makes only the rows
    with these keys, and forgets them; it has no `day`.
    `visitors`: whose visits its rows are; who came is noted for other jobs (aggregation/jobs/seen.py).
    Where not `completes`, a day counts as complete without the job: its readers ask the ledger
    themselves, so that an upgrade which brings its table leaves everything else on the pages.
    """

    name: str
    table: Table
    at: time
    statement: Statement
    day: Column[Any] | None
    keeps: tuple[str, ...] = ()
    keeps_unless: frozenset[str] = frozenset()
    reads: tuple[Table, ...] = ()
    asks: tuple[Table, ...] = ()
    later: Later | None = None
    completes: bool = True
    to_month_end: bool = False
    tail: timedelta = timedelta()
    notes: Notes | None = None
    noted: Notes | None = None
    visitors: tuple[Visitors, ...] = ()

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
        """The stored rows of these days."""
        return true() if self.day is None else within(self.day, first, last)

    def reach(self, last: date, complete: date) -> date:
        """The last day that a run until `last` has to compute, if days until `complete` are over."""
        month_end = (last.replace(day=1) + timedelta(days=31)).replace(day=1) - ONE_DAY
        return max(last, min(month_end if self.to_month_end else last + self.tail, complete))

    def kept(self, missing: Collection[str]) -> tuple[str, ...]:
        return () if self.keeps_unless.intersection(missing) else self.keeps


MIDNIGHT = time(0, 5)
HALF_PAST = time(0, 30)
CHANGED_SUPPORTERS = Notes(
    supporter_changes, supporter_totals_table, supporter_totals.keys_of_noted(), supporter_totals.all_days_of
)

JOBS = (
    Job("daily", daily_analytics, MIDNIGHT, daily.statement, daily_analytics.c.date),
    Job("gifts", gift_analytics, MIDNIGHT, gifts.statement, gift_analytics.c.hour),
    Job(
        "engagement",
        user_engagement,
        MIDNIGHT,
        engagement.statement,
        user_engagement.c.date,
        visitors=(returns.USERS, gifters.GIFTERS),
    ),
    Job(
        "returns",
        user_returns,
        MIDNIGHT,
        returns.statement,
        user_returns.c.date,
        reads=(user_engagement,),
        asks=(people_seen,),
        later=Later(partial(visits.depend_on_days_until, user_returns), returns.of_later_days),
    ),
    Job(
        "cohort_activity",
        cohort_activity_table,
        MIDNIGHT,
        cohort_activity.statement,
        cohort_activity_table.c.date,
        reads=(user_engagement,),
        later=Later(cohort_activity.depend_on_days_until, cohort_activity.of_later_days),
        completes=False,
    ),
    Job(
        "frequency",
        user_frequency,
        MIDNIGHT,
        frequency.statement,
        user_frequency.c.date,
        reads=(user_engagement,),
        completes=False,
        tail=frequency.BEFORE,
    ),
    Job(
        "gifters",
        gifter_returns,
        MIDNIGHT,
        gifters.statement,
        gifter_returns.c.date,
        reads=(user_engagement,),
        asks=(people_seen,),
        later=Later(partial(visits.depend_on_days_until, gifter_returns), gifters.of_later_days),
        completes=False,
    ),
    Job(
        "gifter_activity",
        gifter_activity_table,
        MIDNIGHT,
        gifter_activity.statement,
        gifter_activity_table.c.date,
        reads=(user_engagement, gifter_returns),
        later=Later(gifter_activity.depend_on_days_until, gifter_activity.of_later_days),
        completes=False,
    ),
    Job("revenue", revenue_breakdown, MIDNIGHT, revenue.statement, revenue_breakdown.c.date),
    Job("refunds", gift_refunds, MIDNIGHT, refunds.statement, gift_refunds.c.date, completes=False),
    Job(
        "gift_values",
        gift_values_table,
        MIDNIGHT,
        gift_values.statement,
        gift_values_table.c.date,
        completes=False,
    ),
    Job(
        "spark_days",
        spark_days_table,
        MIDNIGHT,
        spark_days.statement,
        spark_days_table.c.date,
        completes=False,
    ),
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
    Job(
        "video_gifts",
        creator_video_gifts,
        HALF_PAST,
        video_gifts.statement,
        creator_video_gifts.c.date,
        completes=False,
    ),
    # Once "earnings": under a new name it was filled anew when it got more columns.
    Job(
        "months",
        creator_months,
        HALF_PAST,
        months.statement,
        creator_months.c.date,
        reads=(creator_metrics, creator_video_gifts),
        asks=(creator_months,),
        to_month_end=True,
        completes=False,
    ),
    Job("sparks", creator_sparks, HALF_PAST, sparks.statement, creator_sparks.c.date, completes=False),
    Job("hours", creator_hours, HALF_PAST, hours.statement, creator_hours.c.date, completes=False),
    Job("videos", creator_videos, HALF_PAST, videos.statement, creator_videos.c.date, completes=False),
    Job(
        "viewers",
        creator_viewers,
        HALF_PAST,
        viewers.statement,
        creator_viewers.c.date,
        completes=False,
        visitors=(viewers.VIEWERS,),
    ),
    Job(
        "viewer_returns",
        viewer_returns,
        HALF_PAST,
        viewers.returns,
        viewer_returns.c.date,
        reads=(creator_viewers,),
        asks=(people_seen,),
        later=Later(partial(visits.depend_on_days_until, viewer_returns), viewers.of_later_days),
        completes=False,
    ),
    Job(
        "supporters",
        creator_supporters,
        HALF_PAST,
        supporters.statement,
        creator_supporters.c.date,
        completes=False,
        notes=CHANGED_SUPPORTERS,
        visitors=(supporter_returns.SUPPORTERS,),
    ),
    Job(
        "supporter_totals",
        supporter_totals_table,
        HALF_PAST,
        supporter_totals.statement,
        None,
        reads=(creator_supporters,),
        asks=(people_seen,),
        completes=False,
        noted=CHANGED_SUPPORTERS,
    ),
    Job(
        "supporter_returns",
        supporter_returns_table,
        HALF_PAST,
        supporter_returns.statement,
        supporter_returns_table.c.date,
        reads=(creator_supporters,),
        asks=(supporter_totals_table, supporter_changes, people_seen),
        later=Later(
            partial(visits.depend_on_days_until, supporter_returns_table), supporter_returns.of_later_days
        ),
        completes=False,
    ),
    Job(
        "supporter_spreads",
        supporter_spreads_table,
        HALF_PAST,
        supporter_spreads.statement,
        None,
        reads=(creator_supporters,),
        completes=False,
    ),
    Job(
        "cohort_value",
        cohort_value_table,
        HALF_PAST,
        cohort_value.statement,
        cohort_value_table.c.date,
        completes=False,
    ),
    Job(
        "gifter_months",
        gifter_months_table,
        HALF_PAST,
        gifter_months.statement,
        gifter_months_table.c.date,
        completes=False,
        to_month_end=True,
    ),
    Job(
        "gifter_cohorts",
        gifter_cohorts_table,
        HALF_PAST,
        gifter_cohorts.statement,
        gifter_cohorts_table.c.date,
        reads=(gifter_months_table,),
        later=Later(gifter_cohorts.depend_on_days_until, gifter_cohorts.of_later_days),
        completes=False,
        to_month_end=True,
    ),
    Job(
        "session_lengths",
        session_lengths_table,
        HALF_PAST,
        session_lengths.statement,
        session_lengths_table.c.date,
        completes=False,
    ),
    Job("profiles", creator_profiles, HALF_PAST, profiles.statement, None),
    Job(
        "peers",
        peer_benchmarks,
        HALF_PAST,
        peers.statement,
        None,
        reads=(creator_metrics, creator_profiles),
        completes=False,
    ),
    Job("spark_profiles", spark_profiles_table, HALF_PAST, spark_profiles.statement, None, completes=False),
    Job("video_names", video_profiles, HALF_PAST, names.of_videos, None, completes=False),
    Job(
        "supporter_names",
        supporter_profiles,
        HALF_PAST,
        names.of_supporters,
        None,
        reads=(creator_supporters,),
        completes=False,
    ),
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
