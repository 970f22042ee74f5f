"""Forecasts of all creators in one pass: a level and seven weekdays, smoothed; a row a creator.

The smoothing is the same for all. It starts as a plain average from the first revenue on, so that
newcomers aren't drawn to the zeros before.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from aggregation.forecasting import intervals
from aggregation.forecasting.history import WEEK, damped

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

LEVEL, SEASON = 0.1, 0.05
MIN_DAYS = 7
SHORT_TOTAL, LONG_TOTAL = 7, 30
CUTOFFS = 52
# Who lives on a few large gifts a month would be promised a part of what comes, if these were damped.
OUTLIERS = 1 / 10


@dataclass(frozen=True)
class Crowd:
    """A row a creator. `weekdays`: what the next seven days bring, again and again after that.

    `spreads`: the scale of the error of a day, of seven days and of thirty, in currency.
    """

    history_days: Places
    weekdays: Values
    spreads: Values

    def total(self, days: int) -> Values:
        return np.asarray(self.weekdays[:, np.arange(days) % WEEK].sum(axis=1))


@dataclass(frozen=True)
class CreatorTotal:
    """Over any number of days, with limits of its own."""

    days: int
    projected: float
    low: dict[int, float]
    high: dict[int, float]
    confidence: float


@dataclass(frozen=True)
class CreatorForecast:
    """One creator's. `weekdays` from Monday on."""

    data_through: date
    history_days: int
    weekdays: tuple[float, ...]
    spread_day: float
    spread_7: float
    spread_30: float

    def day(self, day: date) -> CreatorTotal:
        return self._with_limits(1, self.weekdays[day.weekday()], self.spread_day)

    def total(self, first: date, days: int) -> CreatorTotal:
        """Of `days` days from `first` on; 0 for no days."""
        amount = sum(self.weekdays[(first + timedelta(days=n)).weekday()] for n in range(days))
        spread = intervals.spread_over(days, self.spread_7, self.spread_30)
        return self._with_limits(days, amount, spread)

    @staticmethod
    def _with_limits(days: int, amount: float, spread: float) -> CreatorTotal:
        both = {nominal: intervals.limits(amount, spread, nominal) for nominal in (80, 95)}
        return CreatorTotal(
            days,
            amount,
            {nominal: low for nominal, (low, _) in both.items()},
            {nominal: high for nominal, (_, high) in both.items()},
            intervals.confidence(amount, spread),
        )


def forecast_all(values: Values, known: npt.NDArray[np.bool_]) -> Crowd:
    """`values`: a row a creator, with revenue on some day, a column a day; `known`: which days are."""
    start = np.argmax(values > 0, axis=1)
    history = known[None, :] & (np.arange(values.shape[1]) >= start[:, None])
    clean = np.where(history, damped(values, OUTLIERS), 0.0)
    days = values.shape[1]
    cutoffs = list(range(days - WEEK, WEEK - 1, -WEEK))[:CUTOFFS]
    paths = _projected(clean, history, start, [*cutoffs, days])
    varies = _variation(values, history)
    count = history.sum(axis=1)
    spreads = [
        _spread(values, paths, cutoffs, history, start, varies, length)
        for length in (1, SHORT_TOTAL, LONG_TOTAL)
    ]
    return Crowd(count, paths[-1], np.stack(spreads, axis=1))


def _projected(clean: Values, history: npt.NDArray[np.bool_], start: Places, cutoffs: list[int]) -> Values:
    """(cutoffs, creators, 7): the next seven days, as projected when `cutoff` days were known."""
    wanted = {cutoff: place for place, cutoff in enumerate(cutoffs)}
    creators, days = clean.shape
    result = np.zeros((len(cutoffs), creators, WEEK))
    level, season = np.zeros(creators), np.zeros((creators, WEEK))
    for day in range(days + 1):
        if day in wanted:
            ahead = (day + np.arange(WEEK)) % WEEK
            result[wanted[day]] = np.maximum(level[:, None] + season[:, ahead], 0.0)
        if day == days:
            break
        age = np.maximum(day - start, 0)
        weekday = day % WEEK
        learns = history[:, day]
        error = clean[:, day] - level - season[:, weekday]
        level += np.where(learns, np.maximum(LEVEL, 1 / (age + 1)) * error, 0.0)
        # What the new level doesn't explain is the weekday's, if little in the first weeks.
        rest = clean[:, day] - level - season[:, weekday]
        season[:, weekday] += np.where(learns, np.maximum(SEASON, 1 / (age // WEEK + 2)) * rest, 0.0)
    return result


def _variation(values: Values, history: npt.NDArray[np.bool_]) -> Values:
    """Around the mean, relative to it, over the recent days."""
    recent, seen = values[:, -intervals.RECENT :], history[:, -intervals.RECENT :]
    count = np.maximum(seen.sum(axis=1), 1)
    mean = np.where(seen, recent, 0.0).sum(axis=1) / count
    square = np.where(seen, np.square(recent - mean[:, None]), 0.0).sum(axis=1) / count
    safe = np.where(mean > 0, mean, 1.0)
    return np.where(mean > 0, np.maximum(np.sqrt(square) / safe, intervals.LEAST_VARIATION), 1.0)


def _spread(
    values: Values,
    paths: Values,
    cutoffs: list[int],
    history: npt.NDArray[np.bool_],
    start: Places,
    varies: Values,
    length: int,
) -> Values:
    """Of a day (`length` 1) or of totals of `length` days, in currency."""
    squares, count = np.zeros(len(values)), np.zeros(len(values))
    for place, cutoff in enumerate(cutoffs):
        if cutoff + length > values.shape[1]:
            continue
        base = _base(paths[place], values, cutoff, length)
        tested = (cutoff - start >= WEEK) & (base > 0)
        error = _missed(paths[place], values, cutoff, length) / np.where(base > 0, base, 1.0)[:, None]
        squares += np.where(tested, np.square(error).mean(axis=1), 0.0)
        count += tested
    prior = (intervals.DAY_PRIOR if length == 1 else intervals.PRIOR) * varies**intervals.PRIOR_EXPONENT
    own = np.where(count > 0, np.sqrt(squares / np.maximum(count, 1)), prior)
    scale = intervals.blended(own, count * min(1.0, WEEK / length), prior)
    uncertain = np.sqrt(1 + intervals.UNCERTAIN_DAYS / np.maximum(history.sum(axis=1), 1))
    latest = _base(paths[-1], values, values.shape[1], length)
    return np.asarray(latest * intervals.OPTIMISM * scale * uncertain / intervals.UNIT)


def _missed(week: Values, values: Values, cutoff: int, length: int) -> Values:
    """By how much: each of the next seven days, or the one total of `length` days. A row a creator."""
    if length == 1:
        return values[:, cutoff : cutoff + WEEK] - week
    total = week[:, np.arange(length) % WEEK].sum(axis=1)
    missed: Values = values[:, cutoff : cutoff + length].sum(axis=1) - total
    return missed[:, None]


def _base(week: Values, values: Values, cutoff: int, length: int) -> Values:
    """What errors are relative to: the projection, but no less than a share of the recent level."""
    level = values[:, max(0, cutoff - 8 * WEEK) : cutoff].mean(axis=1)
    projected = week.mean(axis=1) if length == 1 else week[:, np.arange(length) % WEEK].sum(axis=1)
    return np.asarray(np.maximum(projected, intervals.FLOOR * level * length))
