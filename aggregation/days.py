"""Days in UTC: which of them are complete, and how a long history is cut."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, NoReturn, overload

ONE_DAY = timedelta(days=1)
# What arrives late by no more than this is still in its day when the day is closed.
LATENESS = timedelta(minutes=10)
# The weekdays with which weeks may begin on a person's pages, as people choose them; 0 is Monday.
WEEK_STARTS = {0: "Monday", 6: "Sunday", 5: "Saturday"}


def utc_now() -> datetime:
    return datetime.now(UTC)


def last_complete_day(now: datetime) -> date:
    """The newest day (UTC) that had ended LATENESS before `now`, which carries a time zone."""
    return (now.astimezone(UTC) - LATENESS).date() - ONE_DAY


def weekdays_from(start: int) -> list[int]:
    """The seven weekdays in order, 0 being Monday."""
    return [(start + n) % 7 for n in range(7)]


def week_begin(day: date, start: int) -> date:
    """The first day of the week in which `day` lies."""
    return day - timedelta(days=(day.weekday() - start) % 7)


def written(day: date) -> str:
    """As people write it: 21 Nov 2026."""
    return f"{day.day} {day:%b %Y}"


def days_between(first: date, last: date) -> list[date]:
    """Both inclusive; empty where `last` lies before `first`."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from `first` to `last`, both inclusive, cut at the ends of calendar months."""
    while first <= last:
        next_month = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
        end = min(last, next_month - ONE_DAY)
        yield first, end
        first = end + ONE_DAY


class Unforeseeable(AttributeError):  # noqa: N818
    """Something depends on which day it is."""


@dataclass(frozen=True, order=True)
class RelativeDay:
    """A day of which only is known that it is so many days `after` another one.

    It stands for a date where statements are made (aggregation/prepared.py). What asks for more than its
    distance to others, as for its month, raises Unforeseeable.
    """

    DAY: ClassVar = "day"
    MIDNIGHT: ClassVar = "midnight"

    after: int

    def __add__(self, span: timedelta) -> "RelativeDay":
        return RelativeDay(self.after + span.days)

    @overload
    def __sub__(self, other: "RelativeDay") -> timedelta: ...
    @overload
    def __sub__(self, other: timedelta) -> "RelativeDay": ...
    def __sub__(self, other: "RelativeDay | timedelta") -> "timedelta | RelativeDay":
        if isinstance(other, RelativeDay):
            return timedelta(days=self.after - other.after)
        return self + -other

    def __getattr__(self, name: str) -> NoReturn:
        raise Unforeseeable(f"the {name} of a day that isn't known yet")

    def parameter(self, kind: str) -> str:
        """The name under which a statement is told this day, or its midnight."""
        return f"{kind}{self.after:+d}"

    @classmethod
    def of_parameter(cls, name: str) -> int | None:
        """How many days after; None for the name of something else."""
        found = re.fullmatch(rf"(?:{cls.DAY}|{cls.MIDNIGHT})([+-]\d+)", name)
        return int(found[1]) if found else None
