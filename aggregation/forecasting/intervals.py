"""How far a forecast may be off: from its own back-test, blended with what is known of other series.

Errors are relative to the projection. Their scale is blended in the log with a prior, learnt on 105 real
series of eleven kinds, each cut to 7, 10, 14 … 270 days, and whole: 0.43 · variation^0.9 · √(1 + 100 / days).
Errors of totals have heavier tails than a normal distribution: Student's t with four degrees of freedom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aggregation.forecasting.history import WEEK

Values = npt.NDArray[np.float64]

# Of Student's t with four degrees of freedom: its quantiles by coverage in percent, and standard deviation.
REACH = {80: 1.5332, 95: 2.7764, 98: 3.7469}
UNIT = float(np.sqrt(2.0))
PRIOR, PRIOR_EXPONENT = 0.43, 0.9
# Of a single day: its own variation, and a bit for the level that isn't known either.
DAY_PRIOR = 1.1
# The prior counts as much as so many independent errors; a month's weekly errors share their days.
PRIOR_WEIGHT = 4.0
# A level known from few days is itself uncertain, and so is how it moves: with 100 days as much as all else.
UNCERTAIN_DAYS = 100
# In fewer days weekdays can't be told from chance: half of what days differ by is taken for theirs.
WEEKDAYS_SEEN, OF_WEEKDAYS = 14, 0.5
# The back-test knows parameters fitted on the whole history, so its errors are a little too small.
OPTIMISM = 1.05
# A quiet history promises no quiet future: nothing varies less, no total errs less than a fifth of the prior.
LEAST_VARIATION, LEAST_OF_PRIOR = 0.02, 0.2
# Variation is that of the last half year.
RECENT = 26 * WEEK
# Errors are relative to the projection, but to no less than this share of the recent level.
FLOOR, DAY_FLOOR = 0.1, 0.25
# From so many errors on, a day's limits are those that were kept; else they follow from the scale.
ENOUGH_ERRORS = 100
TOLERANCE = 0.10
DAY_NOMINALS = (80, 95, 98)
# The own record counts like the prior's, and more with each week.
RECORD_WEIGHT, MOST_RECALIBRATION, FARTHEST = 8.0, 2.0, 4.0


def variation(values: Values) -> float:
    """The standard deviation of days around the mean of their weekday, relative to the mean of all."""
    recent = values[-RECENT:]
    mean, days = float(recent.mean()), len(recent)
    if mean <= 0.0:
        return 1.0
    if days < WEEKDAYS_SEEN:
        return max(OF_WEEKDAYS * float(recent.std()) / mean, LEAST_VARIATION)
    squares = sum(
        float(np.square(each - each.mean()).sum()) for each in (recent[n::WEEK] for n in range(WEEK))
    )
    return max(float(np.sqrt(squares / (days - WEEK))) / mean, LEAST_VARIATION)


@dataclass(frozen=True)
class BackTest:
    """What was projected at each cutoff, and by the seasonal naive, against what came."""

    raw: Values
    cutoffs: Sequence[int]
    paths: Values
    naive: Values

    def _totals(self, paths: Values, days: int) -> tuple[Values, Values, Values]:
        """(came, projected, base) of the cutoffs that have so many days after them."""
        places = [place for place, cutoff in enumerate(self.cutoffs) if cutoff + days <= len(self.raw)]
        cutoffs = [self.cutoffs[place] for place in places]
        came = np.array([self.raw[cutoff : cutoff + days].sum() for cutoff in cutoffs])
        level = np.array([self.raw[max(0, cutoff - 8 * WEEK) : cutoff].mean() for cutoff in cutoffs])
        projected = paths[places, :days].sum(axis=1)
        return came, projected, np.maximum(projected, FLOOR * level * days)

    def total_errors(self, days: int) -> Values:
        """Relative."""
        came, projected, base = self._totals(self.paths, days)
        return (came - projected)[base > 0] / base[base > 0]

    def day_errors(self, first: int, last: int) -> Values:
        """Relative, of the days `first` to `last` after each cutoff (the next day is 0)."""
        errors = []
        for cutoff, path in zip(self.cutoffs, self.paths, strict=True):
            came = self.raw[cutoff + first : cutoff + last + 1]
            projected = path[first : first + len(came)]
            base = np.maximum(projected, DAY_FLOOR * self.raw[max(0, cutoff - 8 * WEEK) : cutoff].mean())
            errors.append((came - projected)[base > 0] / base[base > 0])
        return np.concatenate(errors) if errors else np.empty(0)

    def skill(self, days: int) -> float | None:
        """1 − mean error / the seasonal naive's; None with less than four cutoffs, or if it never erred."""
        came, projected, _ = self._totals(self.paths, days)
        _, naive, _ = self._totals(self.naive, days)
        worst = float(np.abs(came - naive).sum())
        if len(came) < 4 or worst <= 0.0:
            return None
        return max(1 - float(np.abs(came - projected).sum()) / worst, -1.0)


def blended(own: Values | float, weight: Values | float, prior: Values | float) -> Values:
    """A scale between both, in the log."""
    own = np.maximum(own, LEAST_OF_PRIOR * np.asarray(prior))
    logs = weight * np.log(own) + PRIOR_WEIGHT * np.log(prior)
    return np.asarray(np.exp(logs / (weight + PRIOR_WEIGHT)))


def independent(errors: int, days: int) -> float:
    """As how many errors those of so many overlapping weeks count."""
    return errors * min(1.0, WEEK / days)


def unsure(history: int) -> float:
    """By how much a short history widens limits."""
    return float(np.sqrt(1 + UNCERTAIN_DAYS / history))


def optimism(days: int) -> float:
    """By how much the back-test's errors of a total are too small: not at all a week ahead."""
    return 1 + (OPTIMISM - 1) * min(max(days - WEEK, 0) / 23, 1.0)


def total_scale(varies: float, errors: Values, days: int, history: int) -> float:
    """Of Student's t, relative to the projection."""
    prior = PRIOR * varies**PRIOR_EXPONENT
    own = float(np.sqrt(np.mean(np.square(errors)))) if len(errors) else prior
    scale = float(blended(own, independent(len(errors), days), prior))
    return optimism(days) * scale * unsure(history) / UNIT


def limits(amount: float, spread: float, nominal: int) -> tuple[float, float]:
    reach = REACH[nominal] * spread
    return max(amount - reach, 0.0), amount + reach


def spread_over(days: int, spread_7: float, spread_30: float) -> float:
    """Of a total of so many days: between those of 7 and 30, and beyond them, as a power of the days."""
    if days == 0 or spread_7 <= 0.0:
        return 0.0
    power = np.log(max(spread_30, spread_7) / spread_7) / np.log(30 / 7)
    return float(spread_7 * (days / 7) ** power)


def confidence(amount: float, spread: float) -> float:
    """The probability, in percent, that what comes is within ±10 % of `amount`."""
    if amount <= 0.0 or spread <= 0.0:
        return 0.0
    # The distribution function of Student's t with four degrees of freedom.
    miss = TOLERANCE * amount / spread
    share = miss * miss / (4 + miss * miss)
    return float(100 * np.sqrt(share) * (1.5 - 0.5 * share))


def day_limits(
    projected: Values, level: float, varies: float, test: BackTest
) -> tuple[Mapping[int, Values], Mapping[int, Values]]:
    """Low and high limits of each day, by nominal coverage; the first week apart, as it is surer."""
    base = np.maximum(projected, DAY_FLOOR * level)
    low = {nominal: np.empty_like(projected) for nominal in DAY_NOMINALS}
    high = {nominal: np.empty_like(projected) for nominal in DAY_NOMINALS}
    for first, last in ((0, WEEK - 1), (WEEK, len(projected) - 1)):
        part = slice(first, last + 1)
        errors = test.day_errors(first, min(last, 29))
        for nominal in DAY_NOMINALS:
            below, above = _reach(errors, varies, nominal, len(test.raw))
            low[nominal][part] = np.clip(projected[part] + below * base[part], 0.0, projected[part])
            high[nominal][part] = np.maximum(projected[part] + above * base[part], projected[part])
    return low, high


def _reach(errors: Values, varies: float, nominal: int, history: int) -> tuple[float, float]:
    """How far below and above a day may lie, relative.

    A drop is found by the ratio to what was expected, not by the distance: the distance of a bad day
    would often reach below zero.
    """
    count = len(errors)
    if count >= ENOUGH_ERRORS:
        # Conformal: the rank is that of one more error, so that it holds for small numbers, too.
        rank = min(int(np.ceil((count + 1) * (0.5 + nominal / 200))), count)
        ordered = np.sort(errors)
        wider = OPTIMISM * unsure(history)
        return wider * float(ordered[count - rank]), wider * float(ordered[rank - 1])
    prior = DAY_PRIOR * varies
    own = float(np.sqrt(np.mean(np.square(errors)))) if count else prior
    scale = OPTIMISM * float(blended(own, count / WEEK, prior)) * unsure(history) / UNIT
    reach = REACH[nominal] * scale
    return -reach, reach


def recalibration(errors: Values, days: int) -> float:
    """The factor for limits of totals of so many days, from what the own forecasts missed.

    `errors`: misses of settled totals, each in units of the spread that it was given, without the
    factor then in use. 1 where there are none; with weekly 30-day totals of a year, three fifths of
    what the record says.
    """
    if len(errors) == 0:
        return 1.0
    size = float(np.sqrt(np.mean(np.square(np.clip(errors, -FARTHEST, FARTHEST))))) / UNIT
    weight = independent(len(errors), days)
    factor = np.exp(weight * np.log(max(size, LEAST_OF_PRIOR)) / (weight + RECORD_WEIGHT))
    return float(np.clip(factor, 1 / MOST_RECALIBRATION, MOST_RECALIBRATION))
