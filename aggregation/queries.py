"""Analytics tables → frames and numbers: the only reads that pages and the API make.

Money columns hold `Decimal`, counts `int`, missing values `None`; days are `datetime.date`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    RowMapping,
    Select,
    Table,
    and_,
    case,
    func,
    or_,
    select,
    text,
    true,
)

from aggregation import (
    audience,
    content,
    forecasts,
    gifting,
    hours,
    leaderboard,
    ledger,
    peers,
    restatements,
    retention,
    returns,
    running_day,
    statements,
    summaries,
    unequal,
)
from aggregation import supporters as people
from aggregation.audience import Lifecycle
from aggregation.best_times import WEEKS, Slot
from aggregation.content import Content, Video
from aggregation.coverage import absent_tables, noted_begins
from aggregation.days import LATENESS, ONE_DAY, last_complete_day
from aggregation.earnings import Line, SparkLine, Statement, Sums, month_after
from aggregation.explanations import Part
from aggregation.forecasting.creators import CreatorForecast
from aggregation.forecasts import Anomaly, Record, StoredForecast
from aggregation.gifting import Amount, Refunds, Segment
from aggregation.jobs import chosen
from aggregation.jobs.events import within
from aggregation.leaderboard import Order, Sort, Spread, Standing
from aggregation.metrics import (
    ACTIVE_USERS,
    CREATOR,
    CREATOR_METRICS,
    FOLLOWERS,
    GIFT_REVENUE,
    SUPPORTERS_COUNT,
    TOTAL_REVENUE,
    VIEWERS_COUNT,
    Metric,
    made_from,
)
from aggregation.periods import KNOWN_DAYS, Period
from aggregation.restatements import Restated
from aggregation.retention import Ages, Cohorts, GifterCohorts, Share
from aggregation.returns import People
from aggregation.scenarios import Habits
from aggregation.schema import (
    REQUIRED_SOURCES,
    cohort_activity,
    cohort_value,
    creator_hours,
    creator_metrics,
    creator_months,
    creator_profiles,
    creator_sparks,
    creator_supporters,
    creator_videos,
    daily_analytics,
    gift_analytics,
    gifter_activity,
    gifter_cohorts,
    gifter_returns,
    retention_cohorts,
    revenue_breakdown,
    revenue_forecast,
    revenue_forecast_totals,
    session_lengths,
    supporter_returns,
    supporter_spreads,
    supporter_totals,
    user_frequency,
    user_returns,
    viewer_returns,
)
from aggregation.suggestions import Suggestion, suggestions
from aggregation.summaries import Number
from aggregation.supporters import Dependency, SupporterPage
from aggregation.versions import Frames, Scope, Versions, current, kept
from aggregation.withheld import BeingRecounted, Withheld

Read = TypeVar("Read")

# How many earlier days of the same weekday make the usual band of a running day.
USUAL_WEEKS = 8

# As a statement: as an option of the connection, psycopg2 would set the session's defaults back
# each time that the connection is used from then on, in two more ways to the database.
_ONE_STATE = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


@dataclass(frozen=True)
class Freshness:
    """How far the numbers reach, and whether the newest recount found them equal.

    `unequal` of the `checked` cells are None where nothing has been recounted yet; `missing` are source
    tables that the platform doesn't have; `withheld` is what isn't shown until it is equal again.
    """

    coverage: Period
    unequal: int | None
    missing: frozenset[str] = frozenset()
    checked: int = 0
    withheld: Withheld = Withheld()  # noqa: RUF009 - frozen
    # By source table; empty where nothing has been noted yet.
    begins: Mapping[str, date] = field(default_factory=dict)

    def begin_of(self, metric: Metric) -> date:
        """The first day of which `metric` can be told. A source without any row hinders nothing."""
        groups = [[self.begins[name] for name in group if name in self.begins] for group in made_from(metric)]
        return max([self.coverage.first, *(min(days) for days in groups if days)])


@dataclass(frozen=True)
class Running:
    """Today so far: `hours` (hour, gifts, revenue) with a gift, as counted then."""

    counted_at: datetime
    hours: pd.DataFrame


@dataclass(frozen=True)
class Outlook:
    """A stored forecast; its `days`, and those of the straight line beside it: see forecasts.fan."""

    made: StoredForecast
    days: pd.DataFrame
    line: pd.DataFrame


@dataclass(frozen=True)
class Listing:
    """Some of the `total` rows that were asked for."""

    rows: Sequence[Mapping[Any, Any]]
    total: int


class Store:
    """The analytics tables, as one process reads them, with what it keeps of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames = Frames()

    @contextmanager
    def read(self) -> Iterator["Queries"]:
        """Queries that all see one state of the database, whatever the worker writes meanwhile."""
        with self._engine.connect() as connection:
            connection.execute(_ONE_STATE)
            yield Queries(connection, current(connection), self._frames)

    def versions(self) -> Versions:
        with self._engine.connect() as connection:
            return current(connection)


class Queries:
    """Reads on one snapshot. Frames of days have a row for every day of the period.

    What belongs to the platform is kept until its version changes; a creator's numbers never are.
    Frames are shared: don't change them.
    """

    def __init__(self, connection: Connection, versions: Versions, frames: Frames) -> None:
        self.connection = connection
        self.versions = versions
        self.frames = frames

    def _rows(self, statement: Select[*tuple[Any, ...]]) -> CursorResult[*tuple[Any, ...]]:
        """Under a savepoint: a query that fails must not take those after it along."""
        with self.connection.begin_nested():
            return self.connection.execute(statement)

    def _frame(self, statement: Select[*tuple[Any, ...]]) -> pd.DataFrame:
        result = self._rows(statement)
        return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()), dtype=object)

    @kept(Scope.DAYS, Scope.CHECKS)
    def freshness(self) -> Freshness | None:
        """None where nothing has been aggregated yet."""
        last = ledger.complete_through(self.connection)
        first = self._rows(select(func.min(daily_analytics.c.date))).scalar()
        if last is None or first is None:
            return None
        checked = unequal.checked(self.connection)
        return Freshness(
            Period(first, last),
            None if checked is None else unequal.count(self.connection),
            self._unavailable(),
            checked or 0,
            self.withheld(),
            noted_begins(self.connection),
        )

    def _unavailable(self) -> frozenset[str]:
        """Without any table in the database events are elsewhere, and nulls say what isn't known."""
        absent = absent_tables(self.connection)
        return frozenset() if absent.issuperset(REQUIRED_SOURCES) else absent

    def operations(self, read: Callable[..., Read], *arguments: Any) -> Read:
        """What a function of aggregation.operations, requests or unequal reads."""
        with self.connection.begin_nested():
            return read(self.connection, *arguments)

    # ---- what is being recounted ----

    @kept(Scope.CHECKS)
    def withheld(self) -> Withheld:
        """What isn't shown until it is equal again."""
        with self.connection.begin_nested():
            return unequal.withheld(self.connection)

    def require_equal(
        self,
        table: Table,
        period: Period,
        columns: Sequence[str] | None = None,
        creator_id: int | None = None,
    ) -> None:
        """Before a sum over days: BeingRecounted where one of its cells is unequal. None: any column."""
        days = self.withheld().days(table.name, columns, period, creator_id)
        if days:
            raise BeingRecounted(days)

    def without_unequal(
        self, rows: list[dict[Any, Any]], table: Table, day: str = "date", creator_id: int | None = None
    ) -> list[dict[Any, Any]]:
        """Rows of `table` whose unequal cells are None; `day` is their column with a day or a time.

        Of creators, those of `creator_id`, or of each row's own creator.
        """
        withheld = self.withheld()
        if table.name not in withheld.cells:
            return rows
        return [self._blanked(row, table.name, day, creator_id, withheld) for row in rows]

    def _blanked(
        self, row: dict[Any, Any], table: str, day: str, creator_id: int | None, withheld: Withheld
    ) -> dict[Any, Any]:
        of = row[day].date() if isinstance(row[day], datetime) else row[day]
        owner = creator_id if creator_id is not None else row.get("creator_id")
        gone = withheld.columns(table, of, owner)
        return {name: None if name in gone else value for name, value in row.items()}

    @kept(Scope.DAYS, Scope.CHECKS)
    def daily(self, period: Period) -> pd.DataFrame:
        """`daily_analytics`, a row for every day of the period; all None where none has been computed."""
        days = daily_analytics.c.date
        stored = self._frame(
            select(daily_analytics).where(days.between(period.first, period.last)).order_by(days)
        )
        known = self.without_unequal(stored.to_dict("records"), daily_analytics)
        # Computed while they still went on, and not since.
        stale = set(ledger.missing_days(self.connection, ["daily"], period.first, period.last))
        by_day: dict[date, dict[Any, Any]] = {row["date"]: row for row in known if row["date"] not in stale}
        rows = [by_day.get(day, {"date": day}) for day in period.dates()]
        return _without_nan(pd.DataFrame(rows, columns=stored.columns, dtype=object))

    def platform_values(
        self, metrics: Sequence[Metric], period: Period, daily: pd.DataFrame
    ) -> dict[str, Number | None]:
        """What each metric is worth over `period`, whose rows `daily` has; distinct users are recounted."""
        values = dict(summaries.values_over(daily, metrics))
        if summaries.total(daily, ACTIVE_USERS.name) is not None:
            values[ACTIVE_USERS.name] = self.active_users(period)
        return {metric.name: values.get(metric.name) for metric in metrics}

    @kept(Scope.DAYS, Scope.CHECKS)
    def active_users(self, period: Period) -> int | None:
        """Distinct users with a session, a watch or a gift sent on a computed day of the period; None while
        one of these days is being recounted.
        """
        if self.withheld().of_metric(ACTIVE_USERS, period):
            return None
        visit = user_returns.c
        first_in_period = or_(visit.days_since == 0, visit.date - visit.days_since < period.first)
        users = select(func.coalesce(func.sum(visit.users), 0)).where(
            visit.date.between(period.first, period.last), first_in_period
        )
        return int(self._rows(users).scalar_one())

    @kept(Scope.DAYS, Scope.CHECKS)
    def first_visits(self, period: Period) -> pd.DataFrame:
        """date, first_visits: on each day the users who hadn't been active in the period before it.

        They add up to `active_users`. Raises BeingRecounted.
        """
        self.require_equal(user_returns, period)
        visit = user_returns.c
        first_in_period = or_(visit.days_since == 0, visit.date - visit.days_since < period.first)
        return self._frame(
            select(visit.date, func.sum(visit.users).label("first_visits"))
            .where(visit.date.between(period.first, period.last), first_in_period)
            .group_by(visit.date)
        )

    @kept(Scope.DAYS, Scope.CHECKS)
    def revenue_by_source(self, period: Period) -> pd.DataFrame:
        """source, amount, transaction_count over the period; largest first. Raises BeingRecounted."""
        self.require_equal(revenue_breakdown, period)
        table = revenue_breakdown.c
        amount = func.sum(table.amount).label("amount")
        return self._frame(
            select(table.source, amount, func.sum(table.transaction_count).label("transaction_count"))
            .where(table.date.between(period.first, period.last))
            .group_by(table.source)
            .order_by(amount.desc(), table.source)
        )

    @kept(Scope.DAYS, Scope.CHECKS)
    def source_days(self, source: str, period: Period) -> pd.DataFrame:
        """date, amount: of one source, a row for every day of the period; 0 where nothing came in."""
        table = revenue_breakdown.c
        stored = self._frame(
            select(table.date, table.amount).where(
                table.source == source, table.date.between(period.first, period.last)
            )
        )
        amounts = dict(zip(stored["date"], stored["amount"], strict=True))
        known = {row["date"]: row["total_users"] is not None for row in self.daily(period).to_dict("records")}
        doubtful = self.withheld().days(revenue_breakdown.name, ["amount"], period)
        known |= dict.fromkeys(doubtful, False)
        rows = [(day, amounts.get(day, Decimal(0)) if known[day] else None) for day in period.dates()]
        return pd.DataFrame(rows, columns=["date", "amount"], dtype=object)

    @kept(Scope.DAYS, Scope.CHECKS)
    def movers(self, period: Period, before: Period, limit: int) -> pd.DataFrame:
        """Creators with the largest change of earnings: creator_id, name, now, before. BeingRecounted where
        anybody's are unequal: who moved most can't be told then.
        """
        for span in (period, before):
            self.require_equal(creator_metrics, span, [GIFT_REVENUE.name])
        sums = self._summed_from_months(period, before) or _summed_from_days(period, before)
        moved = (
            select(sums.creator_id, sums.now, sums.before)
            .where(sums.now != sums.before)
            .order_by(func.abs(sums.now - sums.before).desc(), sums.creator_id)
            .limit(limit)
            .subquery()
        )
        # Names only of those that are shown.
        named = moved.outerjoin(creator_profiles, creator_profiles.c.creator_id == moved.c.creator_id)
        return self._frame(
            select(moved.c.creator_id, creator_profiles.c.name, moved.c.now, moved.c.before)
            .select_from(named)
            .order_by(func.abs(moved.c.now - moved.c.before).desc(), moved.c.creator_id)
        )

    def _summed_from_months(self, period: Period, before: Period) -> Any:
        """creator_id, now, before from creator_months; None where a day that it takes isn't there yet."""
        now, earlier = (dict(span.from_months()) for span in (period, before))
        days, freshness = {*now, *earlier}, self.freshness()
        needed = {day for day in days if freshness and day >= freshness.coverage.first}
        months = self.withheld().cells.get(creator_months.name, {}).values()
        unequal_here = {day for by_day in months for day in by_day}
        if (
            not needed
            or needed.intersection(unequal_here)
            or needed.intersection(ledger.missing_days(self.connection, ["months"], min(needed), max(needed)))
        ):
            return None
        row = creator_months.c

        def earned(signs: dict[date, int]) -> Any:
            added, taken = ([day for day in signs if signs[day] == sign] for sign in (1, -1))
            amount = case((row.date.in_(added), row.earnings), (row.date.in_(taken), -row.earnings))
            return func.coalesce(func.sum(amount), 0)

        return (
            select(row.creator_id, earned(now).label("now"), earned(earlier).label("before"))
            .where(row.date.in_(days))
            .group_by(row.creator_id)
            .subquery()
            .c
        )

    # ---- all creators ----

    @kept(Scope.DAYS)
    def summed_up(self, period: Period) -> bool:
        """Whether what all creators had in the period can be told."""
        freshness = self.freshness()
        return freshness is not None and leaderboard.is_summed_up(self.connection, period, freshness.coverage)

    def _require_equal_months(self, *periods: Period | None) -> None:
        """Before sums over all creators."""
        months = self.withheld().cells.get(creator_months.name, {}).values()
        unequal_here = {day for by_day in months for day in by_day}
        hung_on = {day for period in periods if period for day, _ in period.from_months()}
        if found := unequal_here & hung_on:
            raise BeingRecounted(found)

    @kept(Scope.DAYS, Scope.CHECKS)
    def spread(self, period: Period, before: Period | None) -> Spread:
        """Raises BeingRecounted, as all below do that are sums over the period."""
        self._require_equal_months(period, before)
        with self.connection.begin_nested():
            return leaderboard.spread(self.connection, period, before)

    def how_many_creators(self, find: str) -> int:
        return int(self._rows(leaderboard.how_many(find)).scalar_one())

    def standings(
        self, period: Period, before: Period | None, order: Order, limit: int | None, offset: int = 0
    ) -> Sequence[Standing]:
        """Without the followers of whom they are being recounted; nor are those put in order by them."""
        self._require_equal_months(period, before)
        known = Period(date.min, period.last)
        recounted = partial(self.withheld().days, creator_metrics.name, (FOLLOWERS.name,), known)
        if (days := recounted()) and order.sort is Sort.FOLLOWERS:
            raise BeingRecounted(days)
        found = self._rows(leaderboard.standings(period, before, order, limit, offset))
        rows = [Standing(*row) for row in found]
        if not days:
            return rows
        return [row._replace(followers=None) if recounted(row.creator_id) else row for row in rows]

    @kept(Scope.DAYS, Scope.CHECKS)
    def best_earners(self, period: Period, before: Period | None, limit: int) -> Sequence[Standing]:
        return self.standings(period, before, Order(), limit)

    def supporters_counted(self, period: Period) -> bool:
        """Whether all covered days of the period have been counted, and nobody's are being recounted."""
        freshness = self.freshness()
        if self.withheld().of_metric(SUPPORTERS_COUNT, period):
            return False
        return freshness is not None and not self.lacks(supporter_returns.name, period, freshness)

    def last_gift_day(self, creator_id: int | None = None) -> date | None:
        """The newest day with a gift on the platform, or to one creator."""
        day, gifts = daily_analytics.c.date, daily_analytics.c.total_gifts_sent
        mine: ColumnElement[bool] = true()
        if creator_id is not None:
            day, gifts = creator_metrics.c.date, creator_metrics.c.gifts_received
            mine = creator_metrics.c.creator_id == creator_id
        newest: date | None = self._rows(select(func.max(day)).where(mine, gifts > 0)).scalar()
        return newest

    @kept(Scope.NOW)
    def today(self, day: date) -> Running | None:
        """What has been counted of this running day; None where nothing has."""
        return self._running(day, None)

    def creator_today(self, day: date, creator_id: int) -> Running | None:
        """The same for one creator; revenue is the creator's share."""
        return self._running(day, creator_id)

    def _running(self, day: date, creator_id: int | None) -> Running | None:
        with self.connection.begin_nested():
            counted = running_day.counted_at(self.connection)
            if counted is None or counted.date() != day:
                return None
            rows = running_day.by_hour(self.connection, day, creator_id)
        revenue = "revenue" if creator_id is None else "creator_share"
        hours = [(int(row.hour), row.gifts, row._mapping[revenue]) for row in rows]
        return Running(counted, pd.DataFrame(hours, columns=["hour", "gifts", "revenue"], dtype=object))

    @kept(Scope.DAYS, Scope.CHECKS)
    def usual_hours(self, day: date, coverage: Period) -> pd.DataFrame:
        """hour, low, high: quartiles of its revenue on the same weekday of up to eight earlier weeks.

        Hours without a gift count as 0. Empty with less than four such days inside `coverage`.
        """
        days = self.usual_days(day, coverage)
        if days.empty:
            return pd.DataFrame(columns=["hour", "low", "high"])
        low, high = (days.quantile(share, axis=1).to_numpy() for share in summaries.QUARTILES)
        return pd.DataFrame({"hour": range(24), "low": low, "high": high})

    @kept(Scope.DAYS, Scope.CHECKS)
    def usual_days(self, day: date, coverage: Period) -> pd.DataFrame:
        """Revenue by hour (0–23, the rows) of those days (the columns); empty with less than four."""
        known = self.withheld()
        days = [
            each
            for each in usual_weekdays(day)
            if coverage.first <= each <= coverage.last and not known.columns(gift_analytics.name, each)
        ]
        if len(days) < USUAL_WEEKS // 2:
            return pd.DataFrame()
        table = gift_analytics.c
        rows = self._frame(
            select(
                func.cast(table.hour, daily_analytics.c.date.type).label("day"),
                func.extract("hour", table.hour).label("hour"),
                func.sum(table.revenue).label("revenue"),
            )
            .where(
                or_(
                    *(
                        and_(
                            table.hour >= datetime.combine(d, datetime.min.time()),
                            table.hour < datetime.combine(d + timedelta(days=1), datetime.min.time()),
                        )
                        for d in days
                    )
                )
            )
            .group_by("day", "hour")
        )
        return (
            rows.pivot(index="hour", columns="day", values="revenue")
            .reindex(index=range(24), columns=days)
            .astype(float)
            .fillna(0.0)
        )

    # ---- gifts ----

    @kept(Scope.DAYS, Scope.CHECKS)
    def counted(self, job: str, *periods: Period) -> bool:
        """Whether `job`, without which a day may count as complete, has done all covered days of these, and
        rightly as far as is known.
        """
        freshness = self.freshness()
        if freshness is None or any(self._doubtful(job, period) for period in periods):
            return False
        spans = (period.inside(freshness.coverage) for period in periods)
        return not any(
            span and ledger.missing_days(self.connection, [job], span.first, span.last) for span in spans
        )

    def _doubtful(self, job: str, period: Period) -> list[date]:
        """The days for which the job's table has unequal cells."""
        return [day for each in chosen((job,)) for day in self.withheld().days(each.table.name, None, period)]

    @kept(Scope.DAYS, Scope.CHECKS)
    def refunds(self, period: Period) -> Refunds | None:
        """None where they aren't counted for all of these days yet; likewise below."""
        if not self.counted("refunds", period):
            return None
        with self.connection.begin_nested():
            return gifting.refunds(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def refunds_by_day(self, period: Period) -> dict[date, Decimal | None]:
        """Only days with any, and None for those that are being recounted; likewise below."""
        doubtful = dict.fromkeys(self._doubtful("refunds", period))
        with self.connection.begin_nested():
            return {**gifting.refunds_by_day(self.connection, period), **doubtful}

    @kept(Scope.DAYS, Scope.CHECKS)
    def gifters(self, period: Period) -> int | None:
        if not self.counted("gifters", period):
            return None
        with self.connection.begin_nested():
            return gifting.gifters(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def gifters_by_day(self, period: Period) -> dict[date, int | None]:
        doubtful = dict.fromkeys(self._doubtful("gifters", period))
        with self.connection.begin_nested():
            return {**gifting.gifters_by_day(self.connection, period), **doubtful}

    def first_gifts_by_day(self, period: Period) -> dict[date, int]:
        """See gifting.first_gifts_by_day. Raises BeingRecounted."""
        self.require_equal(gifter_returns, period)
        with self.connection.begin_nested():
            return gifting.first_gifts_by_day(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def median_gift(self, period: Period) -> Decimal | None:
        """None also where there was no gift."""
        if not self.counted("gift_values", period):
            return None
        with self.connection.begin_nested():
            return gifting.median(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def sources_by_day(self, period: Period) -> pd.DataFrame:
        with self.connection.begin_nested():
            return gifting.sources_by_day(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def sparks(self, period: Period, before: Period | None) -> pd.DataFrame:
        """Raises BeingRecounted, as all below do that are about sparks or sources."""
        for span in filter(None, (period, before)):
            self.require_equal(gift_analytics, span, ["send_count", "revenue"])
        with self.connection.begin_nested():
            return gifting.sparks(self.connection, period, before)

    @kept(Scope.DAYS, Scope.CHECKS)
    def people_of_sparks(self, period: Period) -> pd.DataFrame | None:
        if not self.counted("spark_days", period):
            return None
        with self.connection.begin_nested():
            return gifting.people_of_sparks(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def spark_trend(self, period: Period, spark_ids: tuple[int, ...]) -> pd.DataFrame:
        self.require_equal(gift_analytics, period, ["revenue"])
        with self.connection.begin_nested():
            return gifting.spark_trend(self.connection, period, spark_ids)

    @kept(Scope.DAYS, Scope.CHECKS)
    def hours_of_the_week(self, period: Period, spark_id: int | None = None) -> pd.DataFrame:
        self.require_equal(gift_analytics, period, ["send_count", "revenue"])
        with self.connection.begin_nested():
            return gifting.hours_of_the_week(self.connection, period, spark_id)

    @kept(Scope.DAYS, Scope.CHECKS)
    def changed_by_spark(
        self, amount: Amount, now: Period, before: Period, limit: int
    ) -> list[Segment] | None:
        if amount is Amount.EARNINGS and not self.counted("spark_days", now, before):
            return None
        for span in (now, before):
            self.require_equal(gift_analytics, span, ["revenue"])
        with self.connection.begin_nested():
            return gifting.by_spark(self.connection, amount, now, before, limit)

    @kept(Scope.DAYS, Scope.CHECKS)
    def changed_by_creator(
        self, amount: Amount, now: Period, before: Period, limit: int
    ) -> list[Segment] | None:
        if not self.counted("supporters", now, before):
            return None
        with self.connection.begin_nested():
            return gifting.by_creator(self.connection, amount, now, before, limit)

    @kept(Scope.DAYS, Scope.CHECKS)
    def changed_by_source(self, now: Period, before: Period) -> list[Part]:
        for span in (now, before):
            self.require_equal(revenue_breakdown, span, ["amount"])
        with self.connection.begin_nested():
            return gifting.by_source(self.connection, now, before)

    @kept(Scope.DAYS, Scope.CHECKS)
    def changed_by_gifter(self, amount: Amount, now: Period, before: Period) -> list[Part] | None:
        if not (self.counted("supporters", now, before) and self.counted("gifters", now)):
            return None
        with self.connection.begin_nested():
            return gifting.by_gifter(self.connection, amount, now, before)

    # ---- forecasts ----

    def forecast(self, now: datetime) -> Outlook | None:
        """The newest; None where none has been made."""
        return self._forecast(_closed_at(now))

    @kept(Scope.DAYS)
    def _forecast(self, now: datetime) -> Outlook | None:
        with self.connection.begin_nested():
            return self._with_days(forecasts.latest(self.connection, now))

    def forecast_weeks_ago(self, now: datetime, weeks: int) -> Outlook | None:
        """The newest that is at least so many weeks old, with what came."""
        return self._forecast_weeks_ago(_closed_at(now), weeks)

    @kept(Scope.DAYS)
    def _forecast_weeks_ago(self, now: datetime, weeks: int) -> Outlook | None:
        with self.connection.begin_nested():
            return self._with_days(forecasts.weeks_ago(self.connection, now, weeks))

    def _with_days(self, made: StoredForecast | None) -> Outlook | None:
        if made is None:
            return None
        days, line = (
            forecasts.fan(self.connection, made, name) for name in (made.methodology, "linear_regression")
        )
        return Outlook(made, days, line)

    def why_no_forecast(self, now: datetime) -> str:
        with self.connection.begin_nested():
            return forecasts.why_none(self.connection, now)

    @kept(Scope.DAYS)
    def forecast_record(self) -> Record:
        with self.connection.begin_nested():
            return forecasts.record(self.connection)

    @kept(Scope.DAYS)
    def forecast_runs(self, limit: int) -> pd.DataFrame:
        """The newest forecasts of 30 days: see forecasts.runs."""
        with self.connection.begin_nested():
            return forecasts.runs(self.connection, limit=limit)

    @kept(Scope.DAYS, Scope.CHECKS)
    def anomalies(self, period: Period) -> Sequence[Anomaly]:
        doubtful = set(self.withheld().of_metric(TOTAL_REVENUE, period))
        with self.connection.begin_nested():
            found = forecasts.anomalies(self.connection, period)
        return [each for each in found if each.day not in doubtful]

    def creator_forecast(self, creator_id: int) -> CreatorForecast | None:
        with self.connection.begin_nested():
            return forecasts.creator(self.connection, creator_id)

    # ---- restatements ----

    def restatements(self, limit: int, offset: int = 0) -> Restated:
        """The newest first: table_name, key, day, column_name, old, new, restated_at, run, reason."""
        with self.connection.begin_nested():
            return restatements.newest(self.connection, limit, offset)

    def restated_since(self, moment: datetime) -> int:
        """How many cells have been restated since `moment` (aware)."""
        with self.connection.begin_nested():
            return restatements.count_since(self.connection, moment)

    # ---- people: all raise BeingRecounted ----

    @kept(Scope.DAYS, Scope.CHECKS)
    def uncounted(self, jobs: tuple[str, ...], period: Period, begin: date) -> bool:
        """Whether one of the jobs wasn't done for a day of the period from `begin` on."""
        for job in chosen(jobs):
            self.require_equal(job.table, period)
        return bool(ledger.missing_days(self.connection, jobs, max(period.first, begin), period.last))

    @kept(Scope.DAYS, Scope.CHECKS)
    def lifecycles(self, periods: tuple[Period, ...], begin: date) -> Sequence[Lifecycle]:
        self.require_equal(user_returns, Period(periods[0].shifted(-periods[0].days).first, periods[-1].last))
        with self.connection.begin_nested():
            return audience.lifecycles(self.connection, periods, begin)

    def first_visits_by_kind(self, period: Period) -> dict[date, tuple[int, int, int]]:
        """See audience.first_visits_by_kind."""
        self.require_equal(user_returns, period)
        with self.connection.begin_nested():
            return audience.first_visits_by_kind(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def reach(self, period: Period, begin: date) -> pd.DataFrame:
        """Users of a day, 7 days and 28 days: see audience.reach."""
        self.require_equal(user_returns, Period(period.first - 27 * ONE_DAY, period.last))
        with self.connection.begin_nested():
            return audience.reach(self.connection, period, begin)

    @kept(Scope.DAYS, Scope.CHECKS)
    def frequency(self, last: date) -> tuple[date, list[int]] | None:
        self.require_equal(user_frequency, Period.ending(last, 7))
        with self.connection.begin_nested():
            return audience.frequency(self.connection, last)

    @kept(Scope.DAYS, Scope.CHECKS)
    def session_lengths(self, period: Period) -> list[int]:
        self.require_equal(session_lengths, period)
        with self.connection.begin_nested():
            return audience.lengths_of_sessions(self.connection, period)

    @kept(Scope.DAYS, Scope.CHECKS)
    def cohorts(self, days: Period, through: date, ages: tuple[Ages, ...]) -> Cohorts:
        for table in (retention_cohorts, cohort_activity):
            self.require_equal(table, Period(days.first, through))
        with self.connection.begin_nested():
            return retention.cohorts(self.connection, days, through, ages)

    @kept(Scope.DAYS, Scope.CHECKS)
    def signup_spending(self, days: Period, through: date) -> np.ndarray:
        """In cents, by day of signing up and age: see retention.values_of."""
        self.require_equal(cohort_value, Period(days.first, through))
        with self.connection.begin_nested():
            return retention.values_of(self.connection, days, through)

    @kept(Scope.DAYS, Scope.CHECKS)
    def gifters_after_30_days(self, days: Period) -> dict[date, Share]:
        self.require_equal(gifter_activity, days)
        with self.connection.begin_nested():
            return retention.gifters(self.connection, days)

    @kept(Scope.DAYS, Scope.CHECKS)
    def gifter_cohorts(self, through: date) -> GifterCohorts:
        self.require_equal(gifter_cohorts, Period(date.min, through))
        self.require_equal(gifter_activity, Period(date.min, through))
        with self.connection.begin_nested():
            return retention.gifter_months(self.connection, through)

    # ---- creators ----

    def creator_name(self, creator_id: int) -> str | None:
        """None where there is no such creator."""
        row = self._rows(
            select(creator_profiles.c.name).where(creator_profiles.c.creator_id == creator_id)
        ).one_or_none()
        return None if row is None else row.name or f"Creator {creator_id}"

    def creator_daily(self, creator_id: int, period: Period, freshness: Freshness) -> pd.DataFrame:
        """One row for every day of the period, of `creator_metrics`.

        The table has no row where nothing happened: flows are then 0 and followers carry forward.
        Outside coverage, and on days that the job has not succeeded for, all is None.
        """
        table = creator_metrics
        stored = self._frame(
            select(table)
            .where(table.c.creator_id == creator_id, table.c.date.between(period.first, period.last))
            .order_by(table.c.date)
        )
        before = self._followers_before(creator_id, period.first)
        gaps = ledger.missing_days(self.connection, ["creators"], period.first, period.last)
        # Followers are carried forward, so before and after.
        known = self.without_unequal(stored.to_dict("records"), table)
        stored = pd.DataFrame(known, columns=stored.columns, dtype=object)
        filled = fill_days(stored, period, freshness, before, frozenset(gaps))
        known = self.without_unequal(filled.to_dict("records"), table, creator_id=creator_id)
        return _without_nan(pd.DataFrame(known, columns=filled.columns, dtype=object))

    def _followers_before(self, creator_id: int, day: date) -> int | None:
        """Followers at the start of `day`: of the newest row before it, else walked back from the next."""
        table = creator_metrics.c
        mine = table.creator_id == creator_id
        statement = (
            select(table.followers)
            .where(mine, table.date < day)
            .order_by(table.date.desc())
            .limit(1)
            .scalar_subquery()
        )
        after = (
            select(table.followers - table.followers_gained)
            .where(mine, table.date >= day)
            .order_by(table.date)
            .limit(1)
            .scalar_subquery()
        )
        profile = (
            select(creator_profiles.c.followers)
            .where(creator_profiles.c.creator_id == creator_id)
            .scalar_subquery()
        )
        value = self._rows(select(func.coalesce(statement, after, profile))).scalar()
        return None if value is None else int(value)

    def supporters(self, creator_id: int, period: Period, freshness: Freshness) -> People | None:
        """None where the job hasn't succeeded for all covered days of the period, or they are recounted."""
        return self._people(SUPPORTERS_COUNT, supporter_returns, creator_id, period, freshness)

    def viewers(self, creator_id: int, period: Period, freshness: Freshness) -> People | None:
        """The same of who watched a video of the creator."""
        return self._people(VIEWERS_COUNT, viewer_returns, creator_id, period, freshness)

    def _people(
        self, metric: Metric, table: Table, creator_id: int, period: Period, freshness: Freshness
    ) -> People | None:
        if self.withheld().of_metric(metric, period, creator_id) or self.lacks(table.name, period, freshness):
            return None
        with self.connection.begin_nested():
            return returns.over(self.connection, table, creator_id, period)

    # ---- a creator's earnings and supporters ----

    def lacks(self, job: str, period: Period, freshness: Freshness) -> bool:
        """Whether the job hasn't succeeded for all covered days of the period."""
        covered = max(period.first, freshness.coverage.first), min(period.last, freshness.coverage.last)
        return bool(ledger.missing_days(self.connection, [job], *covered))

    def months_earned(self, creator_id: int, last: date) -> list[Line]:
        self.require_equal(creator_sparks, Period(date.min, last), creator_id=creator_id)
        with self.connection.begin_nested():
            return statements.months(self.connection, creator_id, last)

    def days_earned(self, creator_id: int, period: Period) -> list[tuple[date, Sums]]:
        self.require_equal(creator_sparks, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return statements.days(self.connection, creator_id, period)

    def sparks_earned(self, creator_id: int, period: Period) -> list[SparkLine]:
        self.require_equal(creator_sparks, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return statements.by_spark(self.connection, creator_id, period)

    def statement(self, creator_id: int, month: date, last: date) -> Statement | None:
        self.require_equal(creator_sparks, Period(date.min, last), creator_id=creator_id)
        with self.connection.begin_nested():
            return statements.statement(self.connection, creator_id, month, last)

    def habits(self, creator_id: int, last: date) -> Habits:
        """Of the days until `last`, what a what-if assumes to go on."""
        known = Period.ending(last, KNOWN_DAYS)
        for table in (creator_sparks, creator_supporters, supporter_spreads):
            self.require_equal(table, known, creator_id=creator_id)
        with self.connection.begin_nested():
            most = people.largest(self.connection, creator_id, known)
            given = statements.days(self.connection, creator_id, known)
        days = sum(1 for _, sums in given if sums.kept > 0)
        made = self.creator_forecast(creator_id)
        whole = sum((sums.kept for _, sums in given), start=Decimal(0))
        top = float(most / whole) if whole else None
        return Habits(days, known.days, top, made.weekdays if made else ())

    def dependency(self, creator_id: int, period: Period) -> Dependency | None:
        for table in (creator_supporters, supporter_spreads):
            self.require_equal(table, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return people.dependency(self.connection, creator_id, period)

    def cooling_supporters(self, creator_id: int, through: date) -> int:
        self.require_equal(supporter_totals, Period(date.min, through), creator_id=creator_id)
        with self.connection.begin_nested():
            return people.cooling(self.connection, creator_id, through)

    def supporters_by_day(self, creator_id: int, period: Period) -> dict[date, tuple[int, int]]:
        self.require_equal(supporter_returns, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return returns.by_day(self.connection, supporter_returns, creator_id, period)

    def viewers_by_day(self, creator_id: int, period: Period) -> dict[date, tuple[int, int]]:
        self.require_equal(viewer_returns, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return returns.by_day(self.connection, viewer_returns, creator_id, period)

    def supporters_page(
        self, creator_id: int, period: Period, standing: people.Standing | None, limit: int, offset: int = 0
    ) -> SupporterPage:
        self.require_equal(supporter_totals, Period(date.min, period.last), creator_id=creator_id)
        with self.connection.begin_nested():
            return people.page(self.connection, creator_id, period, standing, limit, offset)

    def content(self, creator_id: int, period: Period) -> Content:
        self.require_equal(creator_videos, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return content.totals(self.connection, creator_id, period)

    def videos_page(
        self, creator_id: int, period: Period, limit: int, offset: int = 0
    ) -> tuple[Sequence[Video], bool]:
        self.require_equal(creator_videos, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return content.page(self.connection, creator_id, period, limit, offset)

    def most_viewed(self, creator_id: int, period: Period) -> Sequence[Video]:
        self.require_equal(creator_videos, period, creator_id=creator_id)
        with self.connection.begin_nested():
            return content.most_viewed(self.connection, creator_id, period)

    def supporter_days(self, creator_id: int, period: Period) -> pd.DataFrame:
        """date, all of a day, those who hadn't given in the period before it, those who never had."""
        gave = supporter_returns.c
        never_before = gave.days_since == 0
        first_in_period = or_(never_before, gave.date - gave.days_since < period.first)
        return self._frame(
            select(
                gave.date,
                func.sum(gave.supporters).label("supporters"),
                func.coalesce(func.sum(gave.supporters).filter(first_in_period), 0).label("first_gifts"),
                func.coalesce(func.sum(gave.supporters).filter(never_before), 0).label("first_ever"),
            )
            .where(gave.creator_id == creator_id, gave.date.between(period.first, period.last))
            .group_by(gave.date)
        )

    def best_times(self, creator_id: int, coverage: Period) -> Sequence[Slot]:
        self._require_hours(creator_id, coverage.last)
        with self.connection.begin_nested():
            return hours.slots(self.connection, creator_id, coverage.last, coverage.first)

    def _require_hours(self, creator_id: int, last: date) -> None:
        self.require_equal(creator_hours, Period.ending(last, 7 * WEEKS), creator_id=creator_id)

    def suggestions(self, creator_id: int, freshness: Freshness) -> list[Suggestion]:
        """Of what has been counted."""
        coverage, known = freshness.coverage, self.connection
        window = cooling = habits = None
        with self.connection.begin_nested():
            if not self.lacks("hours", coverage, freshness):
                self._require_hours(creator_id, coverage.last)
                window = hours.outstanding(known, creator_id, coverage.last, coverage.first)
            if not self.lacks("supporter_totals", coverage, freshness):
                self.require_equal(supporter_totals, Period(date.min, coverage.last), creator_id=creator_id)
                cooling = people.cooling_lately(known, creator_id, coverage.last)
            if not self.lacks("sparks", coverage, freshness):
                habits = self.habits(creator_id, coverage.last)
        return suggestions(window, cooling, habits)

    def peer_standing(self, creator_id: int) -> peers.Standing | None:
        with self.connection.begin_nested():
            found = peers.standing(self.connection, creator_id)
        if found:
            month = Period(found.month, month_after(found.month) - ONE_DAY)
            self.require_equal(creator_metrics, month, [GIFT_REVENUE.name], creator_id)
        return found

    def listing(self, table: Table, day: Column[Any], period: Period, limit: int, offset: int = 0) -> Listing:
        """Rows of `table` whose `day` (a date or a time) lies in the period, oldest first.

        Unequal cells are None.
        """
        inside = within(day, period.first, period.last)
        total = self._rows(select(func.count()).select_from(table).where(inside)).scalar_one()
        some = select(table).where(inside).order_by(day, *table.primary_key).limit(limit).offset(offset)
        rows = [dict(row) for row in self._rows(some).mappings()]
        return Listing(self.without_unequal(rows, table, day.name), total)

    def newest_forecast(self) -> Sequence[RowMapping]:
        """The days of the forecast that was made last; empty where there is none."""
        total, day = revenue_forecast_totals.c, revenue_forecast.c
        key = (total.made_on, total.data_through, total.methodology)
        newest = (
            select(*key)
            .where(total.chosen)
            .order_by(total.made_on.desc(), total.made_at.desc())
            .limit(1)
            .subquery()
            .c
        )
        chosen = and_(
            day.made_on == newest.made_on,
            day.data_through == newest.data_through,
            day.methodology == newest.methodology,
        )
        return self._rows(select(revenue_forecast).where(chosen).order_by(day.forecast_date)).mappings().all()


def usual_weekdays(day: date) -> list[date]:
    """The same weekday of the last eight weeks, newest first."""
    return [day - timedelta(weeks=n) for n in range(1, USUAL_WEEKS + 1)]


def _closed_at(now: datetime) -> datetime:
    """When the newest complete day was closed: what hangs on `now` through that alone is kept under this."""
    return datetime.combine(last_complete_day(now) + ONE_DAY, time.min, UTC) + LATENESS


def _summed_from_days(period: Period, before: Period) -> Any:
    """creator_id, now, before from creator_metrics."""
    table = creator_metrics.c

    def earned(span: Period) -> Any:
        return func.coalesce(func.sum(table.gift_revenue).filter(inside(span)), 0)

    def inside(span: Period) -> ColumnElement[bool]:
        return table.date.between(span.first, span.last)

    return (
        select(table.creator_id, earned(period).label("now"), earned(before).label("before"))
        .where(or_(inside(period), inside(before)))
        .group_by(table.creator_id)
        .subquery()
        .c
    )


def fill_days(
    stored: pd.DataFrame,
    period: Period,
    freshness: Freshness,
    followers_before: int | None,
    gaps: frozenset[date] = frozenset(),
) -> pd.DataFrame:
    """Sparse rows of `creator_metrics` → one row for every day of `period`."""
    by_day: dict[date, dict[Any, Any]] = {row["date"]: row for row in stored.to_dict("records")}
    quiet = quiet_day(freshness.missing)
    rows: list[dict[Any, Any]] = []
    followers = followers_before
    for day in period.dates():
        if day in gaps or not freshness.coverage.first <= day <= freshness.coverage.last:
            rows.append({"date": day})
            continue
        row = by_day.get(day) or {"date": day, **quiet, "followers": followers}
        followers = row["followers"]
        rows.append(row)
    columns = ["date", *(metric.name for metric in CREATOR_METRICS if metric.table == CREATOR)]
    return _without_nan(pd.DataFrame(rows, columns=columns, dtype=object))


def _without_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """pandas fills what is missing with NaN; None it is."""
    return frame.where(frame.notna(), None)


def quiet_day(missing: frozenset[str]) -> dict[str, int | None]:
    """The flows of a day on which nothing happened: 0, or None where the source isn't there to tell."""
    flows = (metric for metric in CREATOR_METRICS if metric.rollup == "flow" and metric.table == CREATOR)
    return {metric.name: None if SOURCE_OF.get(metric.name) in missing else 0 for metric in flows}


# Flows that hang on a source table which a platform may lack.
SOURCE_OF = {
    "video_views": "video_watches",
    "video_likes": "video_interactions",
    "video_comments": "video_interactions",
    "video_shares": "video_interactions",
    "followers_gained": "follows",
}
