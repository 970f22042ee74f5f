"""What the platform's database holds: which source tables, and from which day on."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Date, cast, func, select, text, union_all

from aggregation.days import last_complete_day
from aggregation.errors import UsageError, UserError
from aggregation.jobs.events import finite
from aggregation.schema import (
    REQUIRED_SOURCES,
    follows,
    source,
    transactions,
    user_sessions,
    users,
    video_interactions,
    video_watches,
    virtual_gifts,
)

# Older than any row: times before 1970 don't count.
BEFORE_ALL = date(1970, 1, 1)
EVENT_TIMES = {
    users: "created_at",
    virtual_gifts: "created_at",
    user_sessions: "started_at",
    video_watches: "watched_at",
    video_interactions: "created_at",
    follows: "created_at",
    transactions: "created_at",
}


def absent_tables(connection: Connection) -> frozenset[str]:
    """The names of the source tables that aren't there. Asks the catalog; reads none of them."""
    absent = text("SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL")
    return frozenset(connection.execute(absent, {"names": list(source.tables)}).scalars())


def missing_sources(connection: Connection) -> frozenset[str]:
    """The names of the optional source tables that aren't there. UserError where a required one isn't."""
    absent = absent_tables(connection)
    required = [name for name in REQUIRED_SOURCES if name in absent]
    if required:
        raise UserError(
            f"the database has no {', '.join(required)}; "
            f"required source tables: {', '.join(REQUIRED_SOURCES)}"
        )
    return absent


def first_event_day(connection: Connection, missing: frozenset[str] = frozenset()) -> date | None:
    """The day (UTC) of the oldest sign-up, gift, session, …; None where nothing ever happened."""
    oldest = union_all(
        *(
            select(cast(func.min(table.c[moment]), Date).label("day")).where(finite(table.c[moment]))
            for table, moment in EVENT_TIMES.items()
            if table.name not in missing
        )
    ).subquery()
    day: date | None = connection.execute(select(func.min(oldest.c.day))).scalar()
    return day


@dataclass(frozen=True)
class Covered:
    """Days (UTC, both inclusive) that lie between the first event and the last complete day.

    Between `since` and `first` nothing happened, so nothing may be stored there.
    """

    first: date
    last: date
    since: date


def covered_days(
    connection: Connection, first: date | None, last: date | None, missing: frozenset[str], now: datetime
) -> Covered:
    """The wanted days, by default all; a UserError where there are none."""
    begin, complete = first_event_day(connection, missing), last_complete_day(now)
    last = last or complete
    if begin is None:
        raise UserError("the source tables hold no events yet")
    if last > complete:
        raise UsageError(f"{last} is not complete yet; the last complete day is {complete}")
    if first and first > last:
        raise UsageError(f"the first day, {first}, lies after the last, {last}")
    if begin > last:
        raise UserError(f"nothing happened up to {last}; the first event is of {begin}")
    from_the_beginning = first is None or first <= begin
    first = max(first or begin, begin)
    return Covered(first, last, BEFORE_ALL if from_the_beginning else first)
