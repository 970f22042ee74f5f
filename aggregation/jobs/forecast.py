"""revenue_forecast: made from the stored days, kept for good, and compared with what came.

A forecast is known by the day it was made on and the newest day it knew. It is never overwritten: making
it again changes nothing, even where stored days were restated since; the next day's is made from those.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    Engine,
    Float,
    Integer,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert

from aggregation import ledger
from aggregation.agenda import FORECAST
from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.days import ONE_DAY, last_complete_day, utc_now
from aggregation.errors import UsageError, UserError
from aggregation.forecasting import (
    MAX_HORIZON,
    MIN_DAYS,
    TOTALS,
    Forecast,
    TooShortError,
    forecast,
    intervals,
)
from aggregation.forecasting.creators import forecast_all
from aggregation.forecasting.history import LONGEST
from aggregation.forecasting.methods import BASELINES
from aggregation.ledger import Result, State
from aggregation.publishing import ENDINGS, Interrupted
from aggregation.schema import (
    creator_forecasts,
    creator_metrics,
    daily_analytics,
    revenue_forecast,
    revenue_forecast_totals,
)
from aggregation.versions import Scope, bump

CREATOR_DAYS = 365
CREATORS_AT_ONCE = 500
# The record that the limits are recalibrated from: one forecast a week over a year.
RECORD_WEEKS = 52
# What numeric(18, 2) holds.
LARGEST = 9_999_999_999_999_999.0

Values = npt.NDArray[np.float64]


class NothingComputedError(UserError):
    def __init__(self) -> None:
        super().__init__("no complete day has been aggregated yet: there is nothing to forecast from")


@dataclass(frozen=True)
class Made:
    """`forecast` is the ladder's; `new`: False where it had been made before; `creators`: how many."""

    made_on: date
    forecast: Forecast
    new: bool
    creators: int


@dataclass(frozen=True)
class History:
    """Settled daily revenue; NaN where a day has not been computed."""

    values: Values
    last: date

    @property
    def first(self) -> date:
        return self.last - timedelta(days=len(self.values) - 1)

    @property
    def earning(self) -> int:
        """Days from the first one with revenue on."""
        days = np.flatnonzero(np.nan_to_num(self.values) > 0)
        return len(self.values) - int(days[0]) if len(days) else 0


def make(
    engine: Engine, now: datetime, days: int = 30, *, stopped: Callable[[], bool] = lambda: False
) -> Made:
    """Fit and store the forecast of the `days` days after the newest complete one, and all creators'.

    `stopped` is asked before each fit and every few creators; Interrupted where it says so.
    UsageError for `days` outside 1 … 366; UserError where nothing has been aggregated, or too little.
    """
    if not 1 <= days <= MAX_HORIZON:
        raise UsageError(f"days must be between 1 and {MAX_HORIZON}, not {days}")
    with exclusive(engine, WRITERS_LOCK) as connection:
        ledger.sweep(engine, now)
        history = read_history(connection, now)
        before = _methodology(connection, now, history.last)
        made = list(_forecasts(history, days, before, recalibrations(connection), stopped))
        first, last = history.last + ONE_DAY, history.last + timedelta(days=days)
        run = ledger.start(engine, FORECAST, first, last, now)
        try:
            result = _store(connection, made, history, now, stopped)
        except BaseException as error:
            state = State.INTERRUPTED if isinstance(error, ENDINGS) else State.FAILED
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            ledger.finish(engine, run, Result(FORECAST, first, last, state, 0, reason), utc_now())
            raise
        rows = len(made) * days + result.creators
        ledger.finish(engine, run, Result(FORECAST, first, last, State.SUCCEEDED, rows), max(now, utc_now()))
        return result


def make_afterwards(engine: Engine, days: Iterable[date], now: datetime) -> int:
    """Forecasts as of the end of earlier days, with what came beside them: a record to begin with.

    Each knows the days before it, as they are stored by now; `made_at` says that it was made later. Their
    limits don't learn from each other. Left out are days that have one, or less than a week from the first
    revenue on before them. Returns how many were made.
    """
    new = 0
    with exclusive(engine, WRITERS_LOCK) as connection:
        connection.rollback()
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            existing = set(connection.scalars(select(revenue_forecast_totals.c.made_on)))
            for day in sorted(set(days) - existing):
                with suppress(TooShortError, NothingComputedError):
                    history = read_history(connection, datetime.combine(day, time.max, UTC))
                    if history.earning < MIN_DAYS:
                        continue
                    made = list(_forecasts(history, max(TOTALS), None, {}, lambda: False))
                    new += bool(_insert_forecasts(connection, made, day, now))
            settle_in(connection)
            bump(connection, Scope.DAYS)
    return new


def read_history(connection: Connection, now: datetime) -> History:
    """NothingComputedError where no complete day has been."""
    day = daily_analytics.c
    stored = connection.execute(
        select(day.date, cast(day.total_revenue, Double))
        .where(day.date <= last_complete_day(now))
        .order_by(day.date.desc())
        .limit(LONGEST)
    ).all()
    if not stored:
        raise NothingComputedError
    last: date = stored[0][0]
    values = np.full(min((last - stored[-1][0]).days + 1, LONGEST), np.nan)
    for date_, revenue in stored:
        back = (last - date_).days
        if back < len(values):
            values[-1 - back] = revenue
    return History(values, last)


def _methodology(connection: Connection, now: datetime, last: date) -> str | None:
    """By which today's forecast from the same days was made; None where there is none."""
    total = revenue_forecast_totals.c
    today = and_(total.made_on == now.astimezone(UTC).date(), total.data_through == last, total.chosen)
    return connection.execute(select(total.methodology).where(today).limit(1)).scalar()


def _forecasts(
    history: History,
    days: int,
    methodology: str | None,
    factors: Mapping[int, float],
    stopped: Callable[[], bool],
) -> Iterator[Forecast]:
    """The ladder's first, then those that it is compared with."""
    for name in (methodology, *BASELINES):
        _go_on_unless(stopped)
        own = None if name in BASELINES else factors
        yield forecast(history.values, history.last, days=days, methodology=name, recalibration=own)


def _go_on_unless(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise Interrupted("stopped before the forecast was made")


def _store(
    connection: Connection,
    made: Sequence[Forecast],
    history: History,
    now: datetime,
    stopped: Callable[[], bool],
) -> Made:
    connection.rollback()
    connection.execution_options(isolation_level="REPEATABLE READ")
    made_on = now.astimezone(UTC).date()
    with connection.begin():
        new = _insert_forecasts(connection, made, made_on, now)
        creators = _store_creators(connection, history, made_on, stopped)
        settle_in(connection)
        bump(connection, Scope.DAYS)
    return Made(made_on, made[0], new > 0, creators)


def _insert_forecasts(
    connection: Connection, made: Sequence[Forecast], made_on: date, made_at: datetime
) -> int:
    """The first one is the chosen one. The number of totals that weren't there."""
    totals = [row for each in made for row in _total_rows(each, made_on, made_at, chosen=each is made[0])]
    new = _insert(connection, revenue_forecast_totals, totals)
    # With a longer horizon than before, the later days are new.
    _insert(connection, revenue_forecast, [row for each in made for row in _day_rows(each, made_on)])
    return new


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """What is stored stays; the number of rows that weren't."""
    statement = insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(statement, list(rows)).all())


def _day_rows(made: Forecast, made_on: date) -> Iterator[dict[str, Any]]:
    for place, day in enumerate(made.dates):
        yield {
            "made_on": made_on,
            "data_through": made.data_through,
            "forecast_date": day,
            "methodology": made.methodology,
            "projected_revenue": _cents(made.projected[place]),
            "confidence": round(made.confidence, 1),
            **{f"low_{nominal}": _cents(limit[place]) for nominal, limit in made.band.low.items()},
            **{f"high_{nominal}": _cents(limit[place]) for nominal, limit in made.band.high.items()},
        }


def _total_rows(
    made: Forecast, made_on: date, made_at: datetime, *, chosen: bool
) -> Iterator[dict[str, Any]]:
    for total in made.totals.values():
        yield {
            "made_on": made_on,
            "data_through": made.data_through,
            "methodology": made.methodology,
            "days": total.days,
            "chosen": chosen,
            "made_at": made_at,
            "history_days": made.history_days,
            "projected_revenue": _cents(total.projected),
            **{f"low_{nominal}": _cents(limit) for nominal, limit in total.low.items()},
            **{f"high_{nominal}": _cents(limit) for nominal, limit in total.high.items()},
            "confidence": round(total.confidence, 1),
            "spread": total.spread,
            "recalibration": total.recalibration,
            "skill": total.skill,
            "state": made.state.value,
            "notes": list(made.notes),
        }


def _cents(amount: float) -> Decimal:
    return Decimal(f"{min(float(amount), LARGEST):.2f}")


# ---- what came ----


def settle(engine: Engine) -> int:
    """Write beside each forecast what came on the days that are complete by now; the number of changes."""
    with exclusive(engine, WRITERS_LOCK) as connection:
        connection.rollback()
        connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            changed = settle_in(connection)
            if changed:
                bump(connection, Scope.DAYS)
        return changed


def settle_in(connection: Connection) -> int:
    """In the connection's transaction. Restated days are written anew: they are the truth."""
    row, day, total = revenue_forecast.c, daily_analytics.c, revenue_forecast_totals.c
    days = (
        update(revenue_forecast)
        .where(row.forecast_date == day.date, row.actual_revenue.is_distinct_from(day.total_revenue))
        .values(actual_revenue=day.total_revenue)
    )
    keys = (total.made_on, total.data_through, total.methodology, total.days)
    came = (
        select(*keys, func.sum(day.total_revenue).label("came"))
        .join(
            daily_analytics, and_(day.date > total.data_through, day.date <= total.data_through + total.days)
        )
        .group_by(*keys)
        .having(func.count() == total.days)
        .subquery("came")
    )
    same = and_(*(key == came.c[key.name] for key in keys))
    sums = (
        update(revenue_forecast_totals)
        .where(same, total.actual_revenue.is_distinct_from(came.c.came))
        .values(actual_revenue=came.c.came)
    )
    return connection.execute(days).rowcount + connection.execute(sums).rowcount


def recalibrations(connection: Connection) -> dict[int, float]:
    """The factor for each total's limits, from the settled forecasts of the last year, one a week."""
    total = revenue_forecast_totals.c
    week = func.date_trunc("week", total.made_on)
    settled = (
        select(
            total.days, (total.actual_revenue - total.projected_revenue) * total.recalibration / total.spread
        )
        .where(total.chosen, total.actual_revenue.is_not(None), total.spread > 0, total.days.in_(TOTALS))
        .ext(distinct_on(total.days, week))
        .order_by(total.days, week.desc(), total.made_on.desc(), total.made_at.desc())
    )
    errors: dict[int, list[float]] = {days: [] for days in TOTALS}
    for days, error in connection.execute(settled):
        errors[days].append(float(error))
    return {
        days: intervals.recalibration(np.array(found[:RECORD_WEEKS]), days) for days, found in errors.items()
    }


# ---- creators ----


def _store_creators(
    connection: Connection, history: History, made_on: date, stopped: Callable[[], bool]
) -> int:
    """All creators with revenue in the last year; the others have none stored. The number of them."""
    first = max(history.first, history.last - timedelta(days=CREATOR_DAYS - 1))
    known = np.isfinite(history.values[-((history.last - first).days + 1) :])
    count = 0
    if len(known) >= 2 * min(TOTALS):
        for ids, values in _creator_days(connection, first, history.last):
            _go_on_unless(stopped)
            count += len(ids)
            _upsert_creators(connection, ids, values, known, history.last, made_on)
    row = creator_forecasts.c
    old = or_(row.made_on != made_on, row.data_through != history.last)
    connection.execute(delete(creator_forecasts).where(old))
    return count


def _creator_days(connection: Connection, first: date, last: date) -> Iterator[tuple[list[int], Values]]:
    """(ids, a row a creator and a column a day), some creators at a time."""
    day = creator_metrics.c
    place = cast(day.date - bindparam("first", first), Integer)
    statement = (
        select(
            day.creator_id,
            func.array_agg(place).label("places"),
            func.array_agg(cast(day.gift_revenue, Float)).label("amounts"),
        )
        .where(day.date.between(first, last), day.gift_revenue > 0)
        .group_by(day.creator_id)
        .order_by(day.creator_id)
    )
    connection.execute(text("SET LOCAL work_mem = '32MB'"))
    with connection.execute(statement, execution_options={"yield_per": CREATORS_AT_ONCE}) as result:
        for rows in result.partitions():
            values = np.zeros((len(rows), (last - first).days + 1))
            for number, row in enumerate(rows):
                values[number, row.places] = row.amounts
            yield [row.creator_id for row in rows], values


def _upsert_creators(
    connection: Connection,
    ids: list[int],
    values: Values,
    known: npt.NDArray[np.bool_],
    last: date,
    made_on: date,
) -> None:
    crowd = forecast_all(values, known)
    # The first of the next seven days is the one after `last`; stored they begin with Monday.
    from_monday = np.roll(crowd.weekdays, (last + ONE_DAY).weekday(), axis=1)
    columns: dict[str, Iterable[Any]] = {"creator_id": ids, "history_days": crowd.history_days.tolist()}
    columns |= {f"weekday_{number}": from_monday[:, number].tolist() for number in range(7)}
    columns |= {f"spread_{days}": crowd.spreads[:, place].tolist() for place, days in enumerate((1, 7, 30))}
    arrays = [
        bindparam(
            name, list(each), type_=ARRAY(BigInteger if name in ("creator_id", "history_days") else Double)
        )
        for name, each in columns.items()
    ]
    rows = func.unnest(*arrays).table_valued(*columns, name="fresh").render_derived()
    statement = insert(creator_forecasts).from_select(
        [*columns, "made_on", "data_through"],
        select(*rows.c, bindparam("made_on", made_on), bindparam("data_through", last)),
    )
    changes = {
        column.name: statement.excluded[column.name]
        for column in creator_forecasts.c
        if not column.primary_key
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["creator_id"], set_=changes))
