"""Pure: is a metric within its normal range? Says so only where chance alone would rarely do that.

A window of L days is held against the H days before it. r is the log of a day less the mean log of its
weekday in H; s² its Newey-West variance, which knows that days follow each other. z = mean r of the window /
√(s² (1/L + 1/H)), and |z| > 2.58 is outside. Where days are near zero, √(x + 3/8) takes the place of the log;
where they fall below it, as a balance may, the value itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from aggregation.metrics import Unit
from aggregation.summaries import Number

# Days before the window that make the normal range, and how many of them must be known.
HISTORY = 112
MIN_HISTORY = 56
# A window has to hold each weekday.
MIN_WINDOW = 7
LAG = 7
OUTSIDE = 2.58
WEEK = 7
# Counts below this scatter more than their log shows.
NEAR_ZERO = 10
# Next to nothing beside the mean day: its log would outweigh all others.
TINY = 0.01

Days = npt.NDArray[np.float64]
Series = Iterable[Number | float | None]


class Place(StrEnum):
    ABOVE = "above"
    WITHIN = "within"
    BELOW = "below"


@dataclass(frozen=True)
class Verdict:
    """Where the window lies; None where that can't be told, for the reason in `why`."""

    place: Place | None
    why: str = ""


def verdict(history: Series, window: Series, unit: Unit) -> Verdict:
    """Of one series of days: `history` ends the day before `window`; unknown days are None or NaN."""
    before, shown = days_of(history)[-HISTORY:], days_of(window)
    known = np.isfinite(shown).sum()
    if known < MIN_WINDOW:
        return Verdict(None, f"too short to tell: {known} of at least {MIN_WINDOW} days")
    ago = int(np.isfinite(before).sum())
    if ago < MIN_HISTORY:
        return Verdict(None, f"too short to tell: {ago} of at least {MIN_HISTORY} days before")
    (z,) = scores(np.concatenate([before, shown])[np.newaxis], len(shown), unit)
    if np.isnan(z):
        return Verdict(None, "too little happens to tell")
    if abs(z) <= OUTSIDE:
        return Verdict(Place.WITHIN)
    return Verdict(Place.ABOVE if z > 0 else Place.BELOW)


def days_of(values: Series) -> Days:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=float)


def scores(days: Days, window: int, unit: Unit) -> Days:
    """z of each series (row), whose last `window` days are the window; NaN where nothing scatters before."""
    levels = transformed(days, window, unit)
    weekday = np.arange(days.shape[1]) % WEEK
    before = levels[:, :-window]
    usual = np.stack([_mean(before[:, weekday[:-window] == day]) for day in range(WEEK)], axis=1)
    off = levels - usual[:, weekday]
    variance, known = long_run_variance(off[:, :-window])
    length = np.isfinite(off[:, -window:]).sum(axis=1)
    spread = np.sqrt(variance * (1 / length + 1 / known))
    # What is left of a constant is the error of its mean.
    flat = spread <= 1e-9 * np.maximum(np.abs(_mean(before)), 1)
    return np.where(flat, np.nan, _mean(off[:, -window:]) / np.where(flat, 1, spread))


def transformed(days: Days, window: int, unit: Unit) -> Days:
    """Each series in its log, or √(x + 3/8) where days are near zero, or as it is where they are below."""
    lowest = np.nanmin(days, axis=1, keepdims=True)
    usual = _mean(days[:, :-window])[:, np.newaxis]
    floor = np.maximum(NEAR_ZERO if unit == "count" else 0, TINY * usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        near_zero = np.where(lowest < 0, days, np.sqrt(days + 3 / 8))
        chosen: Days = np.where((lowest > 0) & (lowest >= floor), np.log(days), near_zero)
    return chosen


def long_run_variance(off: Days) -> tuple[Days, Any]:
    """Newey-West with Bartlett's weights, and how many days are known; unknown days count nowhere."""
    known = np.isfinite(off)
    filled, count = np.where(known, off, 0), known.sum(axis=1)
    variance = (filled**2).sum(axis=1)
    for lag in range(1, LAG + 1):
        variance += 2 * (1 - lag / (LAG + 1)) * (filled[:, lag:] * filled[:, :-lag]).sum(axis=1)
    return variance / count, count


def _mean(values: Days) -> Days:
    """Of the known values of each row; NaN where there is none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Days = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return mean
