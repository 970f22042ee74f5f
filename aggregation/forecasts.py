"""Reads of stored forecasts. Money is `Decimal`, days are `datetime.date`; what has not come yet is None."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.selectable import Subquery

from aggregation.days import last_complete_day, written
from aggregation.forecasting import MIN_DAYS, STALE_AFTER, State, intervals
from aggregation.forecasting.creators import CreatorForecast
from aggregation.periods import Period
from aggregation.schema import (
    creator_forecasts,
    daily_analytics,
    revenue_forecast,
    revenue_forecast_totals,
)

# As many forecasts make the record, one a week.
RECORD_WEEKS = 26
# A band older than a week knows too little to call a day unusual.
BAND_DAYS = 7


@dataclass(frozen=True)
class StoredTotal:
    """`low` and `high` by nominal coverage in percent; `skill`: see forecasting.Total."""

    days: int
    projected: Decimal
    low: Mapping[int, Decimal]
    high: Mapping[int, Decimal]
    confidence: float
    skill: float | None
    actual: Decimal | None
    spread: float


@dataclass(frozen=True)
class StoredForecast:
    """`state` and `notes` as of now: what was made from fresh days may have grown stale.

    `state_then`: what it was when it was made.
    """

    made_on: date
    made_at: datetime
    data_through: date
    methodology: str
    history_days: int
    state: State
    notes: tuple[str, ...]
    totals: Mapping[int, StoredTotal]
    state_then: State

    @property
    def confidence(self) -> float:
        """In percent; forecasting.CONFIDENCE says of what."""
        return self.totals[30].confidence

    @property
    def is_zero(self) -> bool:
        """There was no revenue to project from."""
        return self.state_then is State.ZERO

    @property
    def has_limits(self) -> bool:
        """Where all days were alike, nothing tells how far one can be off."""
        return self.state_then in (State.READY, State.SHORT)

    @property
    def afterwards(self) -> bool:
        return was_made_afterwards(self.made_on, self.made_at)

    def limits(self, days: int, amount: Decimal) -> tuple[Decimal, Decimal]:
        """Of a total of `amount` over so many of its days: holds it in 80 % of cases."""
        spread = intervals.spread_over(days, self.totals[7].spread, self.totals[30].spread)
        low, high = intervals.limits(float(amount), spread, 80)
        return Decimal(f"{low:.2f}"), Decimal(f"{high:.2f}")


def was_made_afterwards(made_on: date, made_at: datetime) -> bool:
    """From the days that were complete on `made_on`, but later than that."""
    return made_at.astimezone(UTC).date() > made_on


@dataclass(frozen=True)
class Record:
    """How the settled forecasts fared, one a week. None where there is none.

    `typical_miss`: the median, in percent of what came. `skill`, `over_line`: by how much the error was
    below the seasonal naive's and the first design's line's (0.2: a fifth). `afterwards`: how many were
    made only later, from the days that were complete then.
    """

    forecasts: int = 0
    inside: int = 0
    typical_miss: float | None = None
    skill: float | None = None
    over_line: float | None = None
    afterwards: int = 0


@dataclass(frozen=True)
class Anomaly:
    """A complete day outside the 98 % band that was stored before it."""

    day: date
    revenue: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal


# ---- the newest ----


def latest(connection: Connection, now: datetime) -> StoredForecast | None:
    """The newest forecast; None where none has been made (`why_none` says why)."""
    return _forecast(connection, now, _chosen().order_by(*_newest_first()))


def weeks_ago(connection: Connection, now: datetime, weeks: int = 4) -> StoredForecast | None:
    """The newest forecast made at least so many weeks ago: what it said is compared with what came."""
    total = revenue_forecast_totals.c
    old = total.made_on <= now.date() - timedelta(weeks=weeks)
    return _forecast(connection, now, _chosen().where(old).order_by(*_newest_first()))


def why_none(connection: Connection, now: datetime) -> str:
    """A sentence for a page without a forecast."""
    complete = daily_analytics.c.date <= last_complete_day(now)
    days = connection.execute(select(func.count()).select_from(daily_analytics).where(complete)).scalar_one()
    if days < MIN_DAYS:
        return f"A forecast needs {MIN_DAYS} complete days, has {days}."
    return "No forecast has been made yet: python run.py forecast makes one."


def fan(connection: Connection, made: StoredForecast, methodology: str | None = None) -> pd.DataFrame:
    """A row a day: date, projected, low_80 … high_98, actual; or of another `methodology` stored beside."""
    day = revenue_forecast.c
    return _frame(
        connection,
        select(*_day_columns())
        .where(
            day.made_on == made.made_on,
            day.data_through == made.data_through,
            day.methodology == (methodology or made.methodology),
        )
        .order_by(day.forecast_date),
    )


def band(connection: Connection, period: Period) -> pd.DataFrame:
    """Columns as of `fan`: for each day of the period the newest forecast of it; days without have no row."""
    return _frame(connection, _newest_of_each_day(period))


def runs(connection: Connection, days: int = 30, limit: int = 50) -> pd.DataFrame:
    """A row a forecast, newest first: its total of so many days, with made_on, methodology, skill, actual."""
    total = revenue_forecast_totals.c
    return _frame(
        connection,
        select(
            total.made_on,
            total.made_at,
            total.data_through,
            total.methodology,
            total.projected_revenue.label("projected"),
            total.low_80,
            total.high_80,
            total.low_95,
            total.high_95,
            total.confidence,
            total.skill,
            total.actual_revenue.label("actual"),
        )
        .where(total.chosen, total.days == days)
        .order_by(*_newest_first())
        .limit(limit),
    )


# ---- the record ----


def record(connection: Connection, days: int = 30, weeks: int = RECORD_WEEKS) -> Record:
    """Of the settled totals of so many days, the newest of each week."""
    chosen = _one_a_week(days, weeks)
    naive, line = (_beside(chosen, name) for name in ("seasonal_naive", "linear_regression"))
    rows = connection.execute(
        select(
            chosen.c.actual_revenue.label("came"),
            chosen.c.projected_revenue.label("projected"),
            chosen.c.actual_revenue.between(chosen.c.low_80, chosen.c.high_80).label("inside"),
            naive.label("naive"),
            line.label("line"),
            chosen.c.made_on,
            chosen.c.made_at,
        )
    ).all()
    if not rows:
        return Record()
    misses = [abs(row.projected - row.came) / row.came for row in rows if row.came]
    return Record(
        len(rows),
        sum(row.inside for row in rows),
        float(100 * median(misses)) if misses else None,
        _below([(row.came, row.projected, row.naive) for row in rows]),
        _below([(row.came, row.projected, row.line) for row in rows]),
        sum(was_made_afterwards(row.made_on, row.made_at) for row in rows),
    )


def _one_a_week(days: int, weeks: int) -> Subquery:
    total = revenue_forecast_totals.c
    week = func.date_trunc("week", total.made_on)
    return (
        select(revenue_forecast_totals)
        .where(total.chosen, total.days == days, total.actual_revenue.is_not(None))
        .ext(distinct_on(week))
        .order_by(week.desc(), *_newest_first())
        .limit(weeks)
        .subquery("chosen")
    )


def _beside(chosen: Subquery, methodology: str) -> Any:
    """What the method projected that was stored beside."""
    other = revenue_forecast_totals.alias().c
    same = and_(*(other[key] == chosen.c[key] for key in ("made_on", "data_through", "days")))
    return select(other.projected_revenue).where(same, other.methodology == methodology).scalar_subquery()


def _below(rows: list[tuple[Decimal, Decimal, Decimal | None]]) -> float | None:
    """By which share the errors of the second are below those of the third."""
    both = [(abs(came - ours), abs(came - other)) for came, ours, other in rows if other is not None]
    theirs = sum(other for _, other in both)
    return float(1 - sum(ours for ours, _ in both) / theirs) if theirs else None


# ---- days unlike what was expected ----


def anomalies(connection: Connection, period: Period) -> list[Anomaly]:
    """Complete days of the period outside the band of the newest forecast made before them, newest first."""
    day = _newest_of_each_day(period, ready=True).subquery("day").c
    outside = select(day.date, day.actual, day.projected, day.low_98, day.high_98).where(
        day.actual.is_not(None), ~day.actual.between(day.low_98, day.high_98)
    )
    return [Anomaly(*row) for row in connection.execute(outside.order_by(day.date.desc()))]


# ---- creators ----


def creator(connection: Connection, creator_id: int) -> CreatorForecast | None:
    """The creator's newest; None where they had no revenue in the last year, or none has been made."""
    row = connection.execute(
        select(creator_forecasts).where(creator_forecasts.c.creator_id == creator_id)
    ).one_or_none()
    if row is None:
        return None
    week = tuple(getattr(row, f"weekday_{number}") for number in range(7))
    return CreatorForecast(
        row.data_through, row.history_days, week, row.spread_1, row.spread_7, row.spread_30
    )


# ---- pieces ----


def _newest_first() -> tuple[Any, Any]:
    total = revenue_forecast_totals.c
    return total.made_on.desc(), total.made_at.desc()


def _chosen() -> Select[Any]:
    total = revenue_forecast_totals.c
    return (
        select(total.made_on, total.data_through, total.methodology)
        .where(total.chosen, total.days == 30)
        .limit(1)
    )


def _forecast(connection: Connection, now: datetime, key: Select[Any]) -> StoredForecast | None:
    wanted = key.subquery("wanted").c
    total = revenue_forecast_totals.c
    rows = connection.execute(
        select(revenue_forecast_totals)
        .where(*(total[name] == wanted[name] for name in ("made_on", "data_through", "methodology")))
        .order_by(total.days)
    ).all()
    if not rows:
        return None
    row = rows[-1]
    state, notes = State(row.state), tuple(row.notes)
    stale = _stale(connection, now, row.data_through)
    if stale:
        state, notes = State.STALE, (stale, *notes)
    return StoredForecast(
        row.made_on,
        row.made_at,
        row.data_through,
        row.methodology,
        row.history_days,
        state,
        notes,
        {each.days: _total(each) for each in rows},
        State(row.state),
    )


def _stale(connection: Connection, now: datetime, known: date) -> str | None:
    """Why, if it is: days are no longer computed, or the weekly forecast hasn't been made."""
    complete, day = last_complete_day(now), daily_analytics.c.date
    newest = connection.scalar(select(func.max(day)).where(day <= complete))
    if newest is None or complete - newest >= STALE_AFTER:
        return f"Stale: the newest complete day is {written(newest or known)}."
    if complete - known >= timedelta(weeks=1) + STALE_AFTER:
        return f"Stale: made over a week ago, it knows nothing after {written(known)}."
    return None


def _total(row: Any) -> StoredTotal:
    return StoredTotal(
        row.days,
        row.projected_revenue,
        {80: row.low_80, 95: row.low_95},
        {80: row.high_80, 95: row.high_95},
        float(row.confidence),
        row.skill,
        row.actual_revenue,
        row.spread,
    )


def _day_columns() -> list[Any]:
    day = revenue_forecast.c
    limits = [day[f"{side}_{nominal}"] for nominal in (80, 95, 98) for side in ("low", "high")]
    return [
        day.forecast_date.label("date"),
        day.projected_revenue.label("projected"),
        *limits,
        day.actual_revenue.label("actual"),
    ]


def _newest_of_each_day(period: Period, *, ready: bool = False) -> Select[Any]:
    """`ready`: only forecasts made from enough, of days that were near."""
    day, total = revenue_forecast.c, revenue_forecast_totals.c
    made = and_(
        total.made_on == day.made_on,
        total.data_through == day.data_through,
        total.methodology == day.methodology,
        total.chosen,
        total.days == 30,
    )
    statement = (
        select(*_day_columns())
        .join(revenue_forecast_totals, made)
        .where(day.forecast_date.between(period.first, period.last))
        .ext(distinct_on(day.forecast_date))
        .order_by(day.forecast_date, *_newest_first())
    )
    if not ready:
        return statement
    near = day.forecast_date <= day.data_through + BAND_DAYS
    return statement.where(total.state == State.READY.value, near)


def _frame(connection: Connection, statement: Select[Any]) -> pd.DataFrame:
    result = connection.execute(statement)
    return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()), dtype=object)
