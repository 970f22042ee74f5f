"""Recount from the source and compare, cell by cell, with what is stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import ceil
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, text

from aggregation import unequal, versions
from aggregation.coverage import Covered, covered_days, missing_sources
from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.days import ONE_DAY, days_between, months, utc_now
from aggregation.engines import DATABASE
from aggregation.jobs import JOBS, chosen
from aggregation.recounts import IDENTITIES, RECOUNTS, Cell, Recount, sources
from aggregation.rejections import Rejected, rejected
from aggregation.schema import data_checks, source
from aggregation.unequal import LISTED_CREATORS, Found, Key, Recounted

# Of each table at most so many unequal cells are listed; all are counted.
LISTED = 1000
# Nights in which each of the older days is looked at once.
SAMPLED_WITHIN = 30
# To which a ratio is compared.
PLACES = 6

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Unequal:
    """A cell that isn't what the recount says; both values as PostgreSQL writes them, None is null.

    `presence`: `missing` where nothing is stored under that key, `surplus` where nothing should be,
    else `both`.
    """

    table: str
    key: str
    column: str
    stored: str | None
    expected: str | None
    presence: str


@dataclass(frozen=True)
class TableCheck:
    table: str
    first: date
    last: date
    cells: int
    unequal: int


@dataclass(frozen=True)
class Report:
    """`unequal` lists at most LISTED cells a table; the counts are in `tables`. `found` has all of them,
    by table, column and day.
    """

    first: date
    last: date
    tables: tuple[TableCheck, ...]
    unequal: tuple[Unequal, ...]
    rejected: tuple[Rejected, ...]
    found: tuple[Found, ...] = ()

    @property
    def cells_checked(self) -> int:
        return sum(table.cells for table in self.tables)

    @property
    def cells_unequal(self) -> int:
        return sum(table.unequal for table in self.tables)

    @property
    def share_equal(self) -> Decimal:
        """Between 0 and 1, exact; 1 where there was nothing to check."""
        checked = self.cells_checked
        return Decimal(checked - self.cells_unequal) / checked if checked else Decimal(1)


def check(
    engine: Engine,
    first: date | None = None,
    last: date | None = None,
    *,
    progress: Progress = lambda *_: None,
    clock: Callable[[], datetime] = utc_now,
) -> Report:
    """Recount these days (UTC, both inclusive); by default from the first event to the last complete day.

    All of it sees one snapshot. A table is checked up to the newest day whose job is due. `progress`
    gets a table's name, the days done and the days in all. What was found is kept in data_checks.
    Raises UserError for days that can't be.
    """
    now = clock()
    with _snapshot(engine) as connection:
        missing = missing_sources(connection, DATABASE)
        days = covered_days(connection, first, last, missing, now, DATABASE)
        parts = [
            _check_table(connection, recount, days, missing, job.due(now), progress)
            for recount in RECOUNTS
            for job in chosen([recount.table])
        ]
        parts.append(
            _check_identities(connection, days.first, min(days.last, min(job.due(now) for job in JOBS)))
        )
        left_out = rejected(connection, days.first, days.last, missing)
    report = Report(
        days.first,
        days.last,
        tuple(part.table for part in parts),
        tuple(cell for part in parts for cell in part.listed),
        tuple(left_out),
        tuple(found for part in parts for found in part.found),
    )
    _record(engine, report, [each for part in parts for each in part.recounted], now)
    return report


@dataclass(frozen=True)
class _Part:
    table: TableCheck
    listed: Sequence[Unequal]
    found: Sequence[Found]
    recounted: Sequence[Recounted] = ()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction on one snapshot, taken while nobody writes, read while they may again."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        with exclusive(engine, WRITERS_LOCK):
            # The first statement takes the snapshot. Subqueries have no statistics: where the planner
            # takes two of them for small, a nested loop runs for hours.
            connection.execute(text("SET LOCAL enable_nestloop = off"))
            connection.execute(text("SELECT 1"))
        yield connection


def _check_table(
    connection: Connection,
    recount: Recount,
    days: Covered,
    missing: frozenset[str],
    due: date,
    progress: Progress,
) -> _Part:
    compared, last_day = _comparison(recount, missing), min(days.last, due)
    total, wrong = 0, 0
    listed, found, recounted = list[Unequal](), list[Found](), list[Recounted]()
    for first, last in months(days.first, last_day):
        since = days.since if first == days.first else first
        span: dict[str, Any] = {"first": first, "last": last, "since": since, "complete": due}
        recounted.append(Recounted(recount, span))
        span = span | {f"no_{name}": name in missing for name in source.tables}
        cells, unequal_here = connection.execute(text(compared + COUNTED), span).one()
        total, wrong = total + cells, wrong + unequal_here
        if unequal_here:
            found += _found(recount.table, connection.execute(text(compared + BY_DAY), span))
        if unequal_here and len(listed) < LISTED:
            rows = connection.execute(text(compared + LIST), span | {"limit": LISTED - len(listed)})
            listed += [Unequal(recount.table, *row) for row in rows]
        progress(recount.table, (last - days.first).days + 1, (last_day - days.first).days + 1)
    return _Part(TableCheck(recount.table, days.first, last_day, total, wrong), listed, found, recounted)


def _found(table: str, rows: Iterable[Row[Any]]) -> Iterator[Found]:
    for row in rows:
        creators = tuple(sorted(row.creators)) if row.creators and None not in row.creators else None
        yield Found(Key(table, row.name, row.day), row.cells, creators)


COUNTED = " SELECT count(*), count(*) FILTER (WHERE unequal) FROM compared"
BY_DAY = f"""
    SELECT name, day, count(*) AS cells,
           CASE WHEN count(DISTINCT creator) <= {LISTED_CREATORS} THEN array_agg(DISTINCT creator)
           END AS creators
    FROM compared WHERE unequal GROUP BY name, day"""  # noqa: S608
LIST = (
    " SELECT key, name, stored, expected, presence FROM compared WHERE unequal"
    " ORDER BY key, name LIMIT :limit"
)


def _comparison(recount: Recount, missing: frozenset[str]) -> str:
    """The head of a query: `compared` has a row a cell, of stored and recounted rows joined by key."""
    key = ", ".join(f"'{name}=' || {name}" for name in recount.key)
    creator = "creator_id" if "creator_id" in recount.key else "NULL::bigint"
    cells = ", ".join(map(_cell, recount.cells))
    return f"""
        WITH {sources(missing)}, expected AS ({recount.query}), compared AS (
            SELECT concat_ws(', ', {key}) AS key, {creator} AS creator,
                   CAST(coalesce(s.{recount.day}, e.{recount.day}) AS date) AS day,
                   cell.name, cell.stored, cell.expected, presence,
                   presence <> 'both' OR coalesce(cell.differs, false) AS unequal
            FROM (SELECT *, true AS here FROM expected) AS e
            FULL JOIN (
                SELECT *, true AS here FROM {recount.table}
                WHERE {recount.day} >= CAST(:since AS date) - {recount.reach}
                  AND {recount.day} < CAST(:last AS date) + 1
            ) AS s USING ({", ".join(recount.key)})
            CROSS JOIN LATERAL (SELECT CASE WHEN s.here IS NULL THEN 'missing' WHEN e.here IS NULL
                                            THEN 'surplus' ELSE 'both' END) AS _ (presence)
            CROSS JOIN LATERAL (VALUES {cells}) AS cell (name, stored, expected, differs, counts)
            WHERE cell.counts
        )"""  # noqa: S608


def _cell(cell: Cell) -> str:
    stored, expected = f"s.{cell.name}", f"e.{cell.name}"
    if cell.ratio:
        stored, expected = f"round({stored}, {PLACES})", f"round({expected}, {PLACES})"
    differs = f"{stored} IS DISTINCT FROM {expected}"
    if cell.may_lack:
        differs = f"{stored} IS NOT NULL AND {differs}"
    return f"('{cell.name}', {stored}::text, {expected}::text, {differs}, {cell.counts})"


def _check_identities(connection: Connection, first: date, last: date) -> _Part:
    """What must hold between the stored tables, whatever the source says (contract §5)."""
    rows = connection.execute(text(IDENTITIES), {"first": first, "last": last}).all()
    broken = [row for row in rows if row.left_side != row.right_side]
    listed = [
        Unequal("identities", f"date={row.day}", row.name, str(row.left_side), str(row.right_side), "both")
        for row in broken[:LISTED]
    ]
    found = [Found(Key("identities", row.name, row.day), 1, None) for row in broken]
    return _Part(TableCheck("identities", first, last, len(rows), len(broken)), listed, found)


def _record(engine: Engine, report: Report, recounted: Sequence[Recounted], now: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(data_checks),
            [
                {
                    "checked_at": now,
                    "table_name": table.table,
                    "first_day": table.first,
                    "last_day": table.last,
                    "cells": table.cells,
                    "unequal": table.unequal,
                }
                for table in report.tables
            ],
        )
        identities = report.tables[-1]
        unequal.record(connection, recounted, (identities.first, identities.last), report.found, now)
        versions.bump(connection, versions.Scope.CHECKS)


# ---- which days ----


def sample(connection: Connection, oldest: date, newest: date) -> tuple[date, date] | None:
    """Of the days from `oldest` to `newest` a part that nobody has looked at for longest; None without days.

    A thirtieth of them, so that each is looked at within a month of nights.
    """
    check = data_checks.c
    days = days_between(oldest, newest)
    if not days:
        return None
    looked: dict[date, datetime] = {}
    spans = select(check.first_day, check.last_day, check.checked_at).where(
        check.table_name == "daily_analytics", check.last_day >= oldest, check.first_day <= newest
    )
    for first, last, at in connection.execute(spans.order_by(check.checked_at)):
        looked |= dict.fromkeys(days_between(max(first, oldest), min(last, newest)), at)
    never = datetime.min.replace(tzinfo=UTC)
    first = min(days, key=lambda day: (looked.get(day, never), day))
    return first, min(newest, first + (ceil(len(days) / SAMPLED_WITHIN) - 1) * ONE_DAY)
