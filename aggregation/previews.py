"""What computing some days again would change: computed in a transaction that is rolled back."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from aggregation import engines
from aggregation.coverage import covered_days, missing_sources
from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.days import last_complete_day, months
from aggregation.jobs import Job, chosen, with_readers
from aggregation.publishing import WORK_MEM, Interrupted, run, stored_rows

# Of each table at most so many cells are shown; all are counted.
SHOWN = 50


@dataclass(frozen=True)
class _Span:
    """Days to compute, both inclusive. `later`: what depends on them, too."""

    since: date
    first: date
    last: date
    later: bool


class _RolledBack(Exception):  # noqa: N818
    """Ends the transaction of a preview."""


def preview(
    engine: Engine,
    first: date,
    last: date,
    only: Sequence[str],
    *,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """By table: how many cells would change, and some of them, old → new; `first` and `last` as they would
    be computed. Nothing is written, and readers see nothing of it.

    Each month is computed by itself: what one changes in rows that a later one is made of isn't seen.
    Raises UserError for days that can't be.
    """
    jobs = with_readers(chosen(only))
    tables: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection:
        missing = missing_sources(connection)
        days = covered_days(connection, first, last, missing, clock())
    for begin, end in months(days.first, days.last):
        span = _Span(days.since if begin == days.first else begin, begin, end, end == days.last)
        with exclusive(engine, WRITERS_LOCK) as connection:
            found = _month(connection, jobs, span, missing, last_complete_day(clock()), stopped)
        for name, count, cells in found:
            entry = tables.setdefault(name, {"cells": 0, "changes": []})
            entry["cells"] += count
            entry["changes"] += cells[: SHOWN - len(entry["changes"])]
    return {"first": str(days.first), "last": str(days.last), "tables": tables}


def _month(
    connection: Connection,
    jobs: Sequence[Job],
    span: _Span,
    missing: frozenset[str],
    complete: date,
    stopped: Callable[[], bool],
) -> list[tuple[str, int, list[list[str | None]]]]:
    found = []
    connection.rollback()
    connection.execution_options(isolation_level="REPEATABLE READ")
    with suppress(_RolledBack), connection.begin():
        connection.execute(text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
        engines.of(connection).begin(connection, span.first, span.last)
        for job in jobs:
            if stopped():
                raise Interrupted("stopped before the preview was done")
            if job.day is None and not span.later:
                continue
            reach = job.reach(span.last, complete) if job.day is not None else span.last
            wanted = replace(span, last=reach)
            found.append((job.table.name, *_differences(connection, job, wanted, missing, stopped)))
            # Those that read its table have to find what they would find.
            run(connection, job, span.first, reach, missing, span.since, later=span.later, stopped=stopped)
        raise _RolledBack
    return found


def _differences(
    connection: Connection,
    job: Job,
    wanted: _Span,
    missing: frozenset[str],
    stopped: Callable[[], bool],
) -> tuple[int, list[list[str | None]]]:
    """How many cells `job` would change, and some: key, column, old, new as PostgreSQL writes them."""
    made = job.statement(wanted.first, wanted.last, missing)
    compared = _compared(job, wanted, missing, engines.of(connection).rows(connection, job, made, stopped))
    changed = compared.where(literal_column("cell.old IS DISTINCT FROM cell.new")).cte("changed")
    count = connection.execute(select(func.count()).select_from(changed)).scalar_one()
    if not count:
        return 0, []
    rows = connection.execute(select(changed).order_by(changed.c.key, changed.c.name).limit(SHOWN))
    return count, [list(row) for row in rows]


def _compared(job: Job, wanted: _Span, missing: frozenset[str], statement: Any) -> Any:
    """A row a cell of what is stored and what `statement` gives; ratios follow from the others."""
    span = job.span(wanted.since, wanted.last)
    if job.later and wanted.later:
        statement = union_all(statement, job.later.statement(wanted.last))
        span = or_(span, job.later.rows(wanted.last))
    keys = list(job.table.primary_key)
    new = statement.cte("new").prefix_with("MATERIALIZED")
    names = [column.name for column in new.c]
    if job.keeps:
        # Its rows reach beyond the span, and are few.
        span = or_(span, tuple_(*job.table.primary_key).in_(select(*(new.c[key.name] for key in keys))))
    old = stored_rows(job.table, names, job.noted.changing if job.noted else span).cte("old")
    kept = job.kept(missing)
    key = func.concat_ws(
        ", ", *(func.concat(f"{key.name}=", func.coalesce(new.c[key.name], old.c[key.name])) for key in keys)
    )

    def cell(name: str) -> Any:
        after = func.coalesce(new.c[name], old.c[name]) if name in kept else new.c[name]
        return select(
            literal(name).label("name"),
            cast(old.c[name], Text).label("old"),
            cast(after, Text).label("new"),
        ).correlate(new, old)

    cells = union_all(*(cell(name) for name in names if not job.table.c[name].primary_key)).lateral("cell")
    same = and_(*(new.c[key.name] == old.c[key.name] for key in keys))
    joined = new.join(old, same, full=True)
    return select(key.label("key"), cells.c.name, cells.c.old, cells.c.new).select_from(
        joined.join(cells, literal_column("true"))
    )
