"""Exponential smoothing of a level and seven weekdays, ETS(A,N,A): the fit, and its states at any cutoff.

With the states a back-test needs one fit: the forecast made at a cutoff follows from the state there.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aggregation.forecasting.history import WEEK

Values = npt.NDArray[np.float64]

# A month ahead, yesterday says little: the best fit one day ahead follows each day too closely.
FASTEST_LEVEL = 0.2
FASTEST_SEASON = 0.1
SLOWEST = 1e-4
# Where nothing can be fitted, and for creators.
USUAL_LEVEL, USUAL_SEASON = 0.1, 0.05
# First states are averages of so many weeks.
FIRST_WEEKS = 4


class Parameters(NamedTuple):
    """`level`: one a series; `season`: seven a series, of its first seven days."""

    alpha: float
    gamma: float
    level: Values
    season: Values


def usual_parameters(values: Values) -> Parameters:
    """Fixed smoothing, first states from the first weeks. `values`: a row a series."""
    days = min(FIRST_WEEKS, values.shape[1] // WEEK) * WEEK
    weeks = values[:, :days].reshape(len(values), -1, WEEK)
    level = weeks.mean(axis=(1, 2))
    return Parameters(USUAL_LEVEL, USUAL_SEASON, level, weeks.mean(axis=1) - level[:, None])


def fitted(values: Values) -> Parameters:
    """Of one series, by maximum likelihood."""
    unit = float(np.abs(values).mean())
    if unit == 0.0 or float(np.ptp(values)) <= 1e-9 * unit:
        return usual_parameters(values[None])
    found = _estimated(values / unit)
    if not np.isfinite(found).all():
        return usual_parameters(values[None])
    alpha, gamma, level, *season = found[: 3 + WEEK]
    # statsmodels names the first seasonal states backwards in time.
    first = np.array(season[::-1])
    return Parameters(alpha, gamma, np.array([level * unit]), first[None] * unit)


def _estimated(values: Values) -> Values:
    """NaN where it can't be."""
    # Takes two seconds to load, and only a forecast needs it.
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    limits = {
        "smoothing_level": (SLOWEST, FASTEST_LEVEL),
        "smoothing_seasonal": (SLOWEST, FASTEST_SEASON),
    }
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of an optimum not quite reached
        try:
            model = ETSModel(values, error="add", seasonal="add", seasonal_periods=WEEK, bounds=limits)
            return np.asarray(model.fit(disp=False).params, dtype=float)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return np.full(3 + WEEK, np.nan)


def projected(values: Values, parameters: Parameters, cutoffs: Sequence[int], horizon: int) -> Values:
    """(cutoffs, series, horizon): projected when `cutoff` days were known; `values`: a row a series."""
    wanted = {cutoff: place for place, cutoff in enumerate(cutoffs)}
    ahead = np.arange(horizon)
    result = np.empty((len(cutoffs), len(values), horizon))
    level, season = parameters.level.copy(), parameters.season.copy()
    for day in range(max(cutoffs) + 1):
        if day in wanted:
            result[wanted[day]] = level[:, None] + season[:, (day + ahead) % WEEK]
        if day < values.shape[1]:
            error = values[:, day] - level - season[:, day % WEEK]
            level += parameters.alpha * error
            season[:, day % WEEK] += parameters.gamma * error
    return result
