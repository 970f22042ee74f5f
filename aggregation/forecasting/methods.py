"""The methods by name. Each projects from any number of known days, so that all can be back-tested alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aggregation.forecasting.history import WEEK
from aggregation.forecasting.smoothing import fitted, projected

Values = npt.NDArray[np.float64]

# Days of history from which on a method of the ladder is used.
SHORT = 28
LONG = 400
# 52 weeks, so that weekdays meet.
YEAR = 364
# The line's history, by the first design.
LINE_DAYS = 30
# The last weeks' own means count a third: two views of the same days err less than either.
MEAN_WEEKS, MEAN_WEIGHT = 4, 1 / 3
# A past year's level is that of the four weeks before; its change is seen through a window of a week.
BASE_DAYS, HALF_WINDOW = 28, 3
# The change is the mean of so many years', in the log, where there are as many …
YEARS = 2
# … believed half-way (a square root), and never more than a doubling.
BELIEVED, MOST_CHANGE = 0.5, 2.0
# A weekday seen once counts as much as the mean of all days.
SHRINKAGE = 1.0


@dataclass(frozen=True)
class Method:
    """`project(values, cutoffs, horizon)`: a row a cutoff, each knowing only the days before it.

    `robust`: it wants the history with outliers damped.
    """

    project: Callable[[Values, Sequence[int], int], Values]
    robust: bool


def weekday_means(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """Means of the weekdays, drawn to the mean of all days."""
    result = np.empty((len(cutoffs), horizon))
    for place, cutoff in enumerate(cutoffs):
        known = values[:cutoff]
        means = [
            (known[day::WEEK].sum() + SHRINKAGE * known.mean()) / (len(known[day::WEEK]) + SHRINKAGE)
            for day in range(WEEK)
        ]
        result[place] = np.array(means)[(cutoff + np.arange(horizon)) % WEEK]
    return result


def ets(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """Smoothing, a third of it the weekday means of the last four weeks."""
    smoothed = projected(values[None], fitted(values), cutoffs, horizon)[:, 0]
    count = min(MEAN_WEEKS, min(cutoffs) // WEEK)
    weeks = np.arange(-count, 0)[:, None] * WEEK + np.arange(horizon) % WEEK
    recent = np.array([values[cutoff + weeks].mean(axis=0) for cutoff in cutoffs])
    return np.maximum((1 - MEAN_WEIGHT) * smoothed + MEAN_WEIGHT * recent, 0.0)


def ets_last_year(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """Turned half-way by the change of the last years' same season."""
    result = ets(values, cutoffs, horizon)
    for place, cutoff in enumerate(cutoffs):
        if cutoff >= LONG:
            result[place] *= np.exp(BELIEVED * _seasons_change(values[:cutoff], horizon))
    return result


def _seasons_change(known: Values, horizon: int) -> Values:
    """How far the days a year ago were above the weeks before them, in the log: a number a day ahead."""
    sums = np.concatenate([[0.0], np.cumsum(known)])
    ahead = np.arange(horizon)
    changes = [np.zeros(horizon)]
    for then in range(len(known) - YEAR, BASE_DAYS + HALF_WINDOW, -YEAR)[:YEARS]:
        first = then + ahead - HALF_WINDOW
        last = np.minimum(then + ahead + HALF_WINDOW + 1, len(known))
        around, base = (sums[last] - sums[first]) / (last - first), known[then - BASE_DAYS : then].mean()
        if base > 0.0:
            changes.append(np.log(np.clip(around / base, 1 / MOST_CHANGE, MOST_CHANGE)))
    return np.asarray(np.mean(changes[1:] or changes, axis=0))


def seasonal_naive(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """The last week again and again."""
    ahead = np.arange(horizon) % WEEK
    return np.array([values[cutoff - WEEK + ahead] for cutoff in cutoffs])


def line(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """The first design's: a straight line through the last 30 days."""
    result = np.empty((len(cutoffs), horizon))
    for place, cutoff in enumerate(cutoffs):
        known = values[max(0, cutoff - LINE_DAYS) : cutoff]
        day = np.arange(len(known)) - (len(known) - 1) / 2
        slope = float(day @ known / (day @ day))
        result[place] = known.mean() + slope * (day[-1] + 1 + np.arange(horizon))
    return np.maximum(result, 0.0)


METHODS = {
    "weekday_mean": Method(weekday_means, robust=True),
    "ets": Method(ets, robust=True),
    "ets_last_year": Method(ets_last_year, robust=True),
    "linear_regression": Method(line, robust=False),
    "seasonal_naive": Method(seasonal_naive, robust=False),
}
# Stored beside each forecast, so that its record can be compared with theirs.
BASELINES = ("linear_regression", "seasonal_naive")
