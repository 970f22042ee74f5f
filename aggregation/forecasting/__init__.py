"""Pure: daily revenue → what the next days will bring, how sure that is, and in words what to know of it.

A ladder by the length of the history, the same for every platform: choosing by back-test was measured
to be worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from aggregation.days import written
from aggregation.errors import UserError
from aggregation.forecasting import intervals
from aggregation.forecasting.history import LONGEST, WEEK, damped, filled
from aggregation.forecasting.methods import LONG, METHODS, SHORT, Method

Values = npt.NDArray[np.float64]

CONFIDENCE = "probability that the 30-day total lands within ±10 % of the projection"
MIN_DAYS = 7
MAX_HORIZON = 366
# No amount of money in the tables is larger.
LARGEST = 1e16
# The totals that every forecast has, in days.
TOTALS = (7, 30)
# Days that end so long before the newest complete one are stale.
STALE_AFTER = timedelta(days=2)
# Damped days are told when they are this recent, and as much of the mean day was taken off or added.
RECENT_DAYS, WORTH_TELLING = 14, 0.25
# Back-tested are at most this many weekly cutoffs.
CUTOFFS = 52


class State(StrEnum):
    READY = "ready"
    SHORT = "short"
    CONSTANT = "constant"
    ZERO = "zero"
    STALE = "stale"


@dataclass(frozen=True)
class Band:
    """Limits by their nominal coverage in percent: an array a day, or a number for a total."""

    low: Mapping[int, Values]
    high: Mapping[int, Values]


@dataclass(frozen=True)
class Total:
    """The sum over the next `days`, with limits of its own: those of days don't add up.

    `spread` is the scale of its error, in currency; `recalibration` the factor in it that comes from
    the own record. `confidence`: the probability, in percent, that it lands within ±10 %. `skill`:
    by how much the error of the back-test is below that of the seasonal naive (0.2: a fifth), None
    where there was nothing to test.
    """

    days: int
    projected: float
    low: Mapping[int, float]
    high: Mapping[int, float]
    confidence: float
    spread: float
    recalibration: float
    skill: float | None


@dataclass(frozen=True)
class Forecast:
    """One method's view of the days after `data_through`."""

    methodology: str
    data_through: date
    history_days: int
    projected: Values
    band: Band
    totals: Mapping[int, Total]
    state: State = State.READY
    notes: tuple[str, ...] = field(default=())

    @property
    def dates(self) -> list[date]:
        return [self.data_through + timedelta(days=n + 1) for n in range(len(self.projected))]

    @property
    def confidence(self) -> float:
        """In percent; CONFIDENCE says of what."""
        return self.totals[30].confidence


class TooShortError(UserError):
    """Says how many complete days there are."""

    def __init__(self, days: int) -> None:
        self.days = days
        super().__init__(f"a forecast needs {MIN_DAYS} complete days, has {days}")


def method_for(days: int) -> str:
    """The ladder."""
    if days < SHORT:
        return "weekday_mean"
    return "ets" if days < LONG else "ets_last_year"


def forecast(
    values: Values,
    data_through: date,
    *,
    days: int = 30,
    methodology: str | None = None,
    recalibration: Mapping[int, float] | None = None,
) -> Forecast:
    """What comes after `values`: one a day up to `data_through`, NaN where a day is missing.

    `methodology`: a name of METHODS instead of the ladder's. `recalibration`: a factor for the limits
    of a total, by its days. Raises TooShortError.
    """
    known = _from_first_revenue(np.clip(np.asarray(values, dtype=float)[-LONGEST:], 0.0, LARGEST))
    count = int(np.isfinite(known).sum())
    if count < MIN_DAYS:
        raise TooShortError(count)
    raw = filled(known)
    clean = damped(raw)
    name = methodology or method_for(len(raw))
    horizon = max(days, *TOTALS)
    paths = _paths(METHODS[name], clean if METHODS[name].robust else raw, horizon)
    naive = _paths(METHODS["seasonal_naive"], raw, horizon)
    test = intervals.BackTest(raw, _cutoffs(len(raw)), paths[:-1], naive[:-1])
    level = float(clean[-8 * WEEK :].mean())
    spread = intervals.variation(raw)
    projected = paths[-1]
    totals = {
        length: _total(projected, length, level, spread, test, (recalibration or {}).get(length, 1.0))
        for length in sorted({*TOTALS, days})
    }
    low, high = intervals.day_limits(projected[:days], level, spread, test)
    state = _state(raw, count)
    return Forecast(
        name,
        data_through,
        count,
        projected[:days],
        Band(low, high),
        totals,
        state,
        tuple(_notes(state, raw, clean, data_through)),
    )


def _from_first_revenue(values: Values) -> Values:
    """Without the days before the first revenue, as long as four weeks are left."""
    started = np.flatnonzero(np.nan_to_num(values) > 0)
    if len(started) == 0:
        return values
    return values[max(0, min(int(started[0]), len(values) - SHORT)) :]


def _cutoffs(days: int) -> list[int]:
    """How many days were known at each of the weekly cutoffs, newest first."""
    first = WEEK if days < SHORT else SHORT
    return list(range(days - WEEK, first - 1, -WEEK))[:CUTOFFS]


def _paths(method: Method, values: Values, horizon: int) -> Values:
    """A row a cutoff with the days after it as they were projected; the last row is the forecast."""
    projected = method.project(values, [*_cutoffs(len(values)), len(values)], horizon)
    return np.maximum(projected, 0.0)


def _total(
    projected: Values,
    days: int,
    level: float,
    variation: float,
    test: intervals.BackTest,
    recalibration: float,
) -> Total:
    amount = float(projected[:days].sum())
    base = max(amount, intervals.FLOOR * level * days)
    spread = base * intervals.total_scale(variation, test.total_errors(days), days, len(test.raw))
    spread *= recalibration
    limits = {nominal: intervals.limits(amount, spread, nominal) for nominal in (80, 95)}
    return Total(
        days,
        amount,
        {nominal: low for nominal, (low, _) in limits.items()},
        {nominal: high for nominal, (_, high) in limits.items()},
        intervals.confidence(amount, spread),
        spread,
        recalibration,
        test.skill(days),
    )


def _state(raw: Values, count: int) -> State:
    if not raw.any():
        return State.ZERO
    if float(np.ptp(raw)) == 0.0:
        return State.CONSTANT
    return State.SHORT if count < SHORT else State.READY


def _notes(state: State, raw: Values, clean: Values, data_through: date) -> list[str]:
    count = len(raw)
    notes = {
        State.ZERO: [f"No revenue in the last {count} days: there is nothing to project."],
        State.CONSTANT: [f"All {count} days had the same revenue: how far a day can be off is not known."],
        State.SHORT: [f"Only {count} days so far: the limits are wide until there are {SHORT}."],
    }.get(state, [])
    for back in range(min(RECENT_DAYS, count), 0, -1):
        if abs(clean[-back] - raw[-back]) > WORTH_TELLING * raw.mean():
            day = data_through - timedelta(days=back - 1)
            side = "above" if raw[-back] > clean[-back] else "below"
            notes.append(
                f"{written(day)} was far {side} what is usual on its weekday; it counts only in part."
            )
    return notes
