"""When a creator should be live: hours of the week, shrunk towards the creator's mean. Pure.

A weekday's hour has been seen a dozen times in as many weeks, and one large gift in it says little. So gifts
are counted, not money, and each hour is drawn towards the mean of all (empirical Bayes): the more, the
less its weeks agree and the less the creator's hours differ at all. What an hour earns is its expected gifts
times the creator's average gift.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

WEEKS = 12
DAYS_A_WEEK, HOURS = 7, 24
SLOTS = DAYS_A_WEEK * HOURS
# With gifts in fewer of the weeks an hour is greyed, and never ranked.
ENOUGH_WEEKS = 4
# An hour's own variance counts as so many weeks' against that which its mean lets expect.
PRIOR_WEEKS = 6
# Of the normal distribution: 80 % lie within so many deviations.
REACH = 1.2816


@dataclass(frozen=True)
class Slot:
    """An hour of the week, in UTC; `weekday` 0 is Monday.

    `gifts`, `low`, `high`: expected in one such hour, with limits that hold the true mean in 80 % of cases.
    `times`: the multiple of an average hour, `least_times` that of the lower limit. `weeks`: n, in how many
    of the weeks the hour had gifts.
    """

    weekday: int
    hour: int
    gifts: float
    low: float
    high: float
    earned: float
    times: float
    least_times: float
    weeks: int
    # What was seen, neither shrunk nor judged.
    seen: float

    @property
    def is_known(self) -> bool:
        return self.weeks >= ENOUGH_WEEKS


@dataclass(frozen=True)
class Window:
    """Two hours of a weekday, in UTC, that stand out. `times`: see Slot; `weeks`: n, those with gifts."""

    weekday: int
    hour: int
    times: float
    weeks: int


# Of an average two hours, and above chance: Student's t of the mean against the average, where 161 windows
# are tried (0.05 / 161, one-sided, 11 degrees of freedom).
LEAST_TIMES, LEAST_T, LEAST_WEEKS = 1.5, 4.6, 6


def outstanding(counts: Values) -> Window | None:
    """The two hours with the most gifts, if they are clearly above the average; `counts` as in `slots`."""
    if len(counts) < WEEKS or not counts.any():
        return None
    by_day = counts.reshape(len(counts), DAYS_A_WEEK, HOURS)
    windows = (by_day[:, :, :-1] + by_day[:, :, 1:]).reshape(len(counts), -1)
    mean, expected, error = _shrunk(windows)
    centre = float(mean.mean())
    with_gifts = (windows > 0).sum(axis=0)
    clear = (
        (expected >= LEAST_TIMES * centre)
        & (mean - centre >= LEAST_T * np.sqrt(error))
        & (with_gifts >= LEAST_WEEKS)
    )
    if not clear.any():
        return None
    best = int(np.argmax(np.where(clear, expected, -1.0)))
    weekday, hour = divmod(best, HOURS - 1)
    return Window(weekday, hour, float(expected[best]) / centre, int(with_gifts[best]))


def slots(counts: Values, average_gift: float) -> list[Slot]:
    """All 168, from Monday 00:00 on. `counts`: (weeks, 168) gifts; `average_gift`: in currency.

    Empty without a gift.
    """
    weeks = len(counts)
    if weeks < 2 or not counts.any():
        return []
    mean, expected, error = _shrunk(counts)
    centre = float(mean.mean())
    weight = _weight(mean, error)
    reach = REACH * np.sqrt(weight * error)
    low = np.maximum(expected - reach, 0.0)
    with_gifts = (counts > 0).sum(axis=0)
    return [
        Slot(
            place // HOURS,
            place % HOURS,
            float(expected[place]),
            float(low[place]),
            float(expected[place] + reach[place]),
            float(expected[place]) * average_gift,
            float(expected[place]) / centre,
            float(low[place]) / centre,
            int(with_gifts[place]),
            float(mean[place]),
        )
        for place in range(SLOTS)
    ]


def _shrunk(counts: Values) -> tuple[Values, Values, Values]:
    """Of each column the mean, the mean drawn towards that of all, and the squared error of the former."""
    mean = counts.mean(axis=0)
    error = _error(counts, mean)
    return mean, mean.mean() + _weight(mean, error) * (mean - mean.mean()), error


def _weight(mean: Values, error: Values) -> Values:
    """How much a column's own mean counts: 0 where the columns differ no more than by chance."""
    between = max(float(mean.var()) - float(error.mean()), 0.0)
    whole = between + error
    return np.divide(between, whole, out=np.zeros_like(whole), where=whole > 0)


def _error(counts: Values, mean: Values) -> Values:
    """The squared standard error of each hour's mean; its variance is drawn to what its mean lets expect."""
    weeks = len(counts)
    own = counts.var(axis=0, ddof=1)
    # Gifts come in clusters: the variance is a multiple of the mean, about the same for all hours.
    ratio = float(own.sum() / mean.sum())
    usual = ratio * np.maximum(mean, mean.mean() / 4)
    return np.asarray(((weeks - 1) * own + PRIOR_WEEKS * usual) / (weeks - 1 + PRIOR_WEEKS) / weeks)


def ranked(all_slots: Sequence[Slot]) -> list[Slot]:
    """The best first, only those that are known; of equal ones the one with the surer limit."""
    known = [slot for slot in all_slots if slot.is_known]
    return sorted(known, key=lambda slot: (-slot.gifts, -slot.low, slot.weekday, slot.hour))
