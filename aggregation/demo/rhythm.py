"""When: what is special about which day, and about which hour."""

from calendar import timegm
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from aggregation.demo.columns import Flags, Floats, Ints, Random
from aggregation.demo.scale import Scale

HOUR = 3600
DAY = 24 * HOUR

# The platform's rhythm: Monday first; by hour in UTC on a weekday and on the weekend.
WEEKDAYS = np.array([0.95, 0.92, 0.94, 0.97, 1.04, 1.17, 1.14])
HOURS = np.array(
    [
        [18, 11, 7, 4, 3, 3, 5, 9, 13, 15, 17, 20, 25, 26, 26, 29, 35, 44, 56, 68, 75, 70, 52, 32],
        [27, 19, 12, 7, 4, 3, 4, 7, 12, 19, 27, 33, 38, 41, 43, 45, 49, 55, 62, 69, 73, 70, 57, 41],
    ]
)
HOURS_SO_FAR = np.pad(np.cumsum(HOURS, axis=1), ((0, 0), (1, 0))) / HOURS.sum(axis=1, keepdims=True)
DECEMBER = 0.25
SURGE = np.array([1.25, 1.6, 1.9, 1.85, 1.65, 1.4, 1.2])

# In a year: users, and what each of them gives.
GROWTH, GENEROSITY = 2.0, 1.35


@dataclass(frozen=True)
class Calendar:
    """Days are counted from the first one; day number `days` is the running one."""

    days: int
    first: int
    now: int
    traffic: Floats
    surge: Floats
    outage: tuple[int, int]

    def weekday(self, day: Ints) -> Ints:
        return (self.first // DAY + day + 3) % 7

    def clock(self, day: Ints, u: Floats) -> Ints:
        """Moments on these days, spread like the platform's hours; `u` is uniform in 0…1."""
        weekend = self.weekday(day) >= 5
        hours = [np.interp(u, so_far, np.arange(25)) for so_far in HOURS_SO_FAR]
        return self.first + day * DAY + (np.where(weekend, hours[1], hours[0]) * HOUR).astype(np.int64)

    def course(self, day: int) -> float:
        """How far slow changes have come: 1 after a year, or at the end of a longer history."""
        return day / max(self.days, 365)

    def share_of_today(self) -> float:
        """How much of the running day's events lies before now."""
        weekend = int(self.weekday(np.array([self.days]))[0] >= 5)
        return float(np.interp(self.now % DAY / HOUR, np.arange(25), HOURS_SO_FAR[weekend]))

    def happens(self, moments: Ints, rng: Random) -> Flags:
        """False for what would be after now, and for nearly all in the outage."""
        slips_through = rng.random(len(moments)) < 0.01
        return (moments <= self.now) & (~self._down(moments) | slips_through)

    def after_outage(self, moments: Ints) -> Ints:
        return moments + DAY * self._down(moments)

    def _down(self, moments: Ints) -> Flags:
        return (moments >= self.outage[0]) & (moments < self.outage[1])


def make_calendar(scale: Scale, now: datetime, rng: Random) -> Calendar:
    moment = timegm(now.timetuple())
    first = moment - moment % DAY - scale.days * DAY
    days = np.arange(scale.days + 1)
    noise = rng.lognormal(0, 0.025, len(days))
    calendar_days = (days + first // DAY).astype("datetime64[D]")
    return Calendar(
        days=scale.days,
        first=first,
        now=moment,
        traffic=WEEKDAYS[(days + first // DAY + 3) % 7] * _season(calendar_days) * noise,
        surge=_surge(scale.days, rng),
        outage=_outage(scale.days, first, rng),
    )


def _season(dates: npt.NDArray[np.datetime64]) -> Floats:
    """More and more through December, until the holidays are over."""
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64) + 1
    december = months.astype(np.int64) % 12 == 11
    return np.where(december, 1 + DECEMBER * np.minimum(day, 23) / 23, 1.0)


def _surge(days: int, rng: Random) -> Floats:
    """The week in which one creator goes viral; too short a history has none."""
    surge = np.ones(days + 1)
    start = int(days * rng.uniform(0.36, 0.48))
    if days >= 60:
        surge[start : start + len(SURGE)] = SURGE
    return surge


def _outage(days: int, first: int, rng: Random) -> tuple[int, int]:
    """From when to when nearly nothing worked: a whole evening; too short a history has none."""
    day, start, hours = rng.uniform((0.6, 14.5, 7.5), (0.75, 15.5, 8.5))
    begin = first + int(days * day) * DAY + int(start * HOUR)
    return (begin, begin + int(hours * HOUR)) if days >= 30 else (0, 0)
