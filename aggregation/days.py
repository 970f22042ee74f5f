"""Days in UTC: which of them are complete, and how a long history is cut."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

ONE_DAY = timedelta(days=1)
# What arrives late by no more than this is still in its day when the day is closed.
LATENESS = timedelta(minutes=10)


def utc_now() -> datetime:
    return datetime.now(UTC)


def last_complete_day(now: datetime) -> date:
    """The newest day (UTC) that had ended LATENESS before `now`, which carries a time zone."""
    return (now.astimezone(UTC) - LATENESS).date() - ONE_DAY


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
