"""Periods: the last N complete days, and what they are compared with."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import ceil
from typing import Self

from aggregation.days import ONE_DAY

MAX_DAYS = 3660
# What is known of a creator's habits comes from so many days, eight whole weeks.
KNOWN_DAYS = 56


class Comparison(StrEnum):
    PREVIOUS = "previous"
    WEEKDAY_ALIGNED = "weekday"
    YEAR_AGO = "year"
    # 52 whole weeks: as long ago, on the same weekdays
    WEEKS_AGO = "364"
    NONE = "none"


@dataclass(frozen=True)
class Period:
    """Whole UTC days, `first` and `last` both inside."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, days: int) -> Self:
        return cls(last - timedelta(days=days - 1), last)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def dates(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.days)]

    def shifted(self, days: int) -> "Period":
        return Period(self.first + timedelta(days=days), self.last + timedelta(days=days))

    def from_months(self) -> list[tuple[date, int]]:
        """The days whose month so far makes up the period: each to be added (1) or taken away (-1)."""
        days = [(day, 1) for day in self.dates() if day == self.last or (day + ONE_DAY).day == 1]
        return days if self.first.day == 1 else [(self.first - ONE_DAY, -1), *days]

    def inside(self, outer: "Period") -> "Period | None":
        """The part of it that lies in `outer`; None where they have no day in common."""
        first, last = max(self.first, outer.first), min(self.last, outer.last)
        return Period(first, last) if first <= last else None

    def within(self, outer: "Period") -> bool:
        return outer.first <= self.first and self.last <= outer.last

    def compared(self, comparison: Comparison) -> "Period | None":
        """The period to compare with; None for no comparison. Always of the same length."""
        match comparison:
            case Comparison.PREVIOUS:
                return self.shifted(-self.days)
            case Comparison.WEEKDAY_ALIGNED:
                return self.shifted(-7 * ceil(self.days / 7))
            case Comparison.YEAR_AGO:
                return self._a_year_ago()
            case Comparison.WEEKS_AGO:
                return self.shifted(-364)
            case Comparison.NONE:
                return None

    def _a_year_ago(self) -> "Period":
        try:
            last = self.last.replace(year=self.last.year - 1)
        except ValueError:  # 29 February
            last = self.last.replace(year=self.last.year - 1, day=28)
        return Period.ending(last, self.days)
