"""A history made ready: gaps filled, days far off the usual damped. The last axis is days."""

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

WEEK = 7
# Three years: more changed no forecast, and took longer.
LONGEST = 3 * 365 + 1
# A day is compared with the same weekday of this many weeks on either side …
WEEKS_AROUND = 4
# … and damped to this many robust standard deviations from their median.
DEVIATIONS = 3.0
# Of a normal distribution: standard deviation / median absolute deviation.
NORMAL_MAD = 1.4826


def filled(values: Values) -> Values:
    """NaN becomes the nearest earlier, else the nearest later, value of its weekday; else the mean."""
    if np.isfinite(values).all():
        return values.copy()
    known = np.where(np.isfinite(values), values, np.nan)
    weeks = _by_weekday(known, np.nan)
    for order in (1, -1):
        weeks = _carried(weeks[::order])[::order]
    mean = float(np.nanmean(known)) if np.isfinite(known).any() else 0.0
    flat = np.nan_to_num(weeks, nan=mean).ravel()[: len(values)]
    return np.where(np.isfinite(values), values, flat)


def _by_weekday(values: Values, padding: float) -> Values:
    """A row a week; the last one may end in padding."""
    short = -len(values) % WEEK
    return np.append(values, np.full(short, padding)).reshape(-1, WEEK)


def _carried(weeks: Values) -> Values:
    row = np.where(np.isfinite(weeks), np.arange(len(weeks))[:, None], 0)
    return weeks[np.maximum.accumulate(row, axis=0), np.arange(WEEK)]


def usual(values: Values) -> Values:
    """For each day the median of its weekday in the weeks around it."""
    result = np.empty_like(values)
    for weekday in range(WEEK):
        column = values[..., weekday::WEEK]
        if column.shape[-1] == 0:
            continue
        around = [(0, 0)] * (values.ndim - 1) + [(WEEKS_AROUND, WEEKS_AROUND)]
        mode = "reflect" if column.shape[-1] > WEEKS_AROUND else "edge"
        padded = np.pad(column, around, mode=mode)  # type: ignore[call-overload]
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * WEEKS_AROUND + 1, axis=-1)
        result[..., weekday::WEEK] = np.median(windows, axis=-1)
    return result


def damped(values: Values, most: float = 1.0) -> Values:
    """Days far off the usual are drawn to the edge of what is usual: they tell little about other days.

    A new level is the usual one after about three weeks. Nothing is damped where more than half of
    the days are exactly the usual, with less than two weeks, or where such days are more than the
    part `most` of the days with revenue: that is how the series is then.
    """
    if values.shape[-1] < 2 * WEEK:
        return values.copy()
    middle = usual(values)
    away = np.abs(values - middle)
    limit = DEVIATIONS * NORMAL_MAD * np.median(away, axis=-1, keepdims=True)
    far, paid = (days.sum(axis=-1, keepdims=True) for days in (away > limit, values > 0))
    limited = np.clip(values, np.maximum(middle - limit, 0.0), middle + limit)
    return np.where((limit > 0) & (far <= most * paid), limited, values)
