"""Recount from the source and compare, cell by cell, with what is stored."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from aggregation import versions
from aggregation.coverage import Covered, covered_days, missing_sources
from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.days import months, utc_now
from aggregation.jobs import JOBS, chosen
from aggregation.recounts import IDENTITIES, RECOUNTS, Cell, Recount, sources
from aggregation.rejections import Rejected, rejected
from aggregation.schema import data_checks, source

# Of each table at most so many unequal cells are listed; all are counted.
LISTED = 1000
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
    """`unequal` lists at most LISTED cells a table; the counts are in `tables`."""

    first: date
    last: date
    tables: tuple[TableCheck, ...]
    unequal: tuple[Unequal, ...]
    rejected: tuple[Rejected, ...]

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
        missing = missing_sources(connection)
        days = covered_days(connection, first, last, missing, now)
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
        tuple(table for table, _ in parts),
        tuple(cell for _, cells in parts for cell in cells),
        tuple(left_out),
    )
    _record(engine, report, now)
    return report


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
) -> tuple[TableCheck, list[Unequal]]:
    compared, last_day = _comparison(recount, missing), min(days.last, due)
    total, wrong, listed = 0, 0, list[Unequal]()
    for first, last in months(days.first, last_day):
        since = days.since if first == days.first else first
        span: dict[str, Any] = {"first": first, "last": last, "since": since, "complete": due}
        span |= {f"no_{name}": name in missing for name in source.tables}
        cells, unequal = connection.execute(text(compared + COUNTED), span).one()
        total, wrong = total + cells, wrong + unequal
        if unequal and len(listed) < LISTED:
            rows = connection.execute(text(compared + LIST), span | {"limit": LISTED - len(listed)})
            listed += [Unequal(recount.table, *row) for row in rows]
        progress(recount.table, (last - days.first).days + 1, (last_day - days.first).days + 1)
    return TableCheck(recount.table, days.first, last_day, total, wrong), listed


COUNTED = " SELECT count(*), count(*) FILTER (WHERE unequal) FROM compared"
LIST = (
    " SELECT key, name, stored, expected, presence FROM compared WHERE unequal"
    " ORDER BY key, name LIMIT :limit"
)


def _comparison(recount: Recount, missing: frozenset[str]) -> str:
    """The head of a query: `compared` has a row a cell, of stored and recounted rows joined by key."""
    key = ", ".join(f"'{name}=' || {name}" for name in recount.key)
    cells = ", ".join(map(_cell, recount.cells))
    return f"""
        WITH {sources(missing)}, expected AS ({recount.query}), compared AS (
            SELECT concat_ws(', ', {key}) AS key, cell.name, cell.stored, cell.expected, presence,
                   presence <> 'both' OR cell.differs AS unequal
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
    return f"('{cell.name}', {stored}::text, {expected}::text, {differs}, {cell.counts})"


def _check_identities(connection: Connection, first: date, last: date) -> tuple[TableCheck, list[Unequal]]:
    """What must hold between the stored tables, whatever the source says (contract §5)."""
    rows = connection.execute(text(IDENTITIES), {"first": first, "last": last}).all()
    broken = [
        Unequal("identities", f"date={row.day}", row.name, str(row.left_side), str(row.right_side), "both")
        for row in rows
        if row.left_side != row.right_side
    ]
    return TableCheck("identities", first, last, len(rows), len(broken)), broken[:LISTED]


def _record(engine: Engine, report: Report, now: datetime) -> None:
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
        versions.bump(connection, versions.Scope.CHECKS)
