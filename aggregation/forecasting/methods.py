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
# Last year's level is that of the four weeks before; its change is seen through a window of 15 days.
BASE_DAYS, HALF_WINDOW = 28, 7
# Last year's change is believed half-way (a square root), and never more than a doubling.
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
    return np.maximum(projected(values[None], fitted(values), cutoffs, horizon)[:, 0], 0.0)


def ets_last_year(values: Values, cutoffs: Sequence[int], horizon: int) -> Values:
    """Turned half-way by the change of last year's same season."""
    result = ets(values, cutoffs, horizon)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ahead = np.arange(horizon)
    for place, cutoff in enumerate(cutoffs):
        then = cutoff - YEAR
        base = values[then - BASE_DAYS : then].mean() if cutoff >= LONG else 0.0
        if base <= 0.0:
            continue
        first = then + ahead - HALF_WINDOW
        last = np.minimum(then + ahead + HALF_WINDOW + 1, cutoff)
        around = (sums[last] - sums[first]) / (last - first)
        result[place] *= np.clip(around / base, 1 / MOST_CHANGE, MOST_CHANGE) ** BELIEVED
    return result


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
