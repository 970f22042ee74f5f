"""Days in UTC: which of them are complete, and how a long history is cut."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

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
