"""What the platform's database holds: which source tables, and from which day on."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, insert, select

from aggregation import engines
from aggregation.days import last_complete_day
from aggregation.engines import Compute
from aggregation.errors import UsageError, UserError
from aggregation.schema import REQUIRED_SOURCES, source_begins

# Older than any row: times before 1970 don't count.
BEFORE_ALL = date(1970, 1, 1)


def absent_tables(connection: Connection) -> frozenset[str]:
    """The names of the source tables that aren't in the database."""
    return engines.DATABASE.absent(connection)


def missing_sources(connection: Connection, compute: Compute | None = None) -> frozenset[str]:
    """The names of the optional source tables that aren't where the connection's engine, or `compute`, reads.

    UserError where a required one isn't.
    """
    compute = compute or engines.of(connection)
    absent = compute.absent(connection)
    required = [name for name in REQUIRED_SOURCES if name in absent]
    if required:
        raise UserError(
            f"{compute.place} has no {', '.join(required)}; "
            f"required source tables: {', '.join(REQUIRED_SOURCES)}"
        )
    return absent


def knows_today(connection: Connection) -> bool:
    """Whether the running day's events are in the database: a lake has them later, if at all."""
    if engines.of(connection).in_database:
        return True
    return not engines.DATABASE.absent(connection).intersection(REQUIRED_SOURCES)


def first_event_day(
    connection: Connection, missing: frozenset[str] = frozenset(), compute: Compute | None = None
) -> date | None:
    """The day (UTC) of the oldest sign-up, gift, session, …; None where nothing ever happened."""
    days = (compute or engines.of(connection)).first_days(connection, missing)
    return min(days.values(), default=None)


def note_begins(connection: Connection, missing: frozenset[str]) -> None:
    """Store, for pages, with which day (UTC) each source table begins."""
    days = engines.of(connection).first_days(connection, missing)
    connection.execute(delete(source_begins))
    if days:
        rows = [{"source": name, "day": day} for name, day in days.items()]
        connection.execute(insert(source_begins), rows)


def noted_begins(connection: Connection) -> dict[str, date]:
    """By source table; empty before the worker's first pass."""
    return {row.source: row.day for row in connection.execute(select(source_begins))}


@dataclass(frozen=True)
class Covered:
    """Days (UTC, both inclusive) that lie between the first event and the last complete day.

    Between `since` and `first` nothing happened, so nothing may be stored there.
    """

    first: date
    last: date
    since: date


def covered_days(
    connection: Connection,
    first: date | None,
    last: date | None,
    missing: frozenset[str],
    now: datetime,
    compute: Compute | None = None,
) -> Covered:
    """The wanted days, by default all; a UserError where there are none."""
    begin, complete = first_event_day(connection, missing, compute), last_complete_day(now)
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
