"""unequal_cells: what the newest recount of each cell found unequal, and how often mending it was tried."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from aggregation.days import ONE_DAY
from aggregation.recounts import Recount
from aggregation.schema import COHORT_OFFSETS, data_checks, unequal_cells
from aggregation.withheld import Withheld

# Where more creators than this are concerned, it is withheld from all.
LISTED_CREATORS = 100
# Repairs of a cell; what is still unequal then is left to people.
MOST_TRIES = 3
# After the first one, which comes at once.
TRIED_AGAIN_AFTER = timedelta(hours=1)
# The cells of what was checked within so long make up the share that is equal.
LATELY = timedelta(hours=36)


class Key(NamedTuple):
    table: str
    column: str
    day: date


@dataclass(frozen=True)
class Found:
    """Unequal cells of one table, column and day. `creators` is None where they are too many to list, or
    the table isn't by creator.
    """

    key: Key
    cells: int
    creators: tuple[int, ...] | None


@dataclass(frozen=True)
class Recounted:
    """A span of a table that was recounted; `span` are the parameters of its query."""

    recount: Recount
    span: dict[str, Any]


# ---- writing ----


def record(
    connection: Connection,
    recounted: Iterable[Recounted],
    identities: tuple[date, date],
    found: Iterable[Found],
    now: datetime,
) -> None:
    """Replace what is known of the recounted cells. Tries are kept for what is unequal again."""
    tries = _tries(connection)
    for each in recounted:
        _forget(connection, each)
    cells = unequal_cells.c
    connection.execute(
        delete(unequal_cells).where(cells.table_name == "identities", cells.day.between(*identities))
    )
    rows = [_row(each, creator, tries, now) for each in found for creator in each.creators or (None,)]
    if rows:
        connection.execute(insert(unequal_cells), rows)


def _tries(connection: Connection) -> dict[Key, tuple[int, datetime | None]]:
    cell = unequal_cells.c
    rows = connection.execute(
        select(
            cell.table_name, cell.column_name, cell.day, func.max(cell.tries), func.max(cell.tried_at)
        ).group_by(cell.table_name, cell.column_name, cell.day)
    )
    return {Key(*row[:3]): (row[3], row[4]) for row in rows}


def _row(
    found: Found, creator: int | None, tries: dict[Key, tuple[int, datetime | None]], now: datetime
) -> dict[str, Any]:
    times, last = tries.get(found.key, (0, None))
    # Of listed creators each has about as many cells as the others; the first has the rest.
    part, rest = divmod(found.cells, len(found.creators or (0,)))
    first = creator is None or (found.creators is not None and creator == found.creators[0])
    return {
        "table_name": found.key.table,
        "column_name": found.key.column,
        "day": found.key.day,
        "creator_id": creator,
        "cells": part + (rest if first else 0),
        "found_at": now,
        "tries": times,
        "tried_at": last,
    }


def _forget(connection: Connection, recounted: Recounted) -> None:
    """Just the cells that were compared: of a cohort, not those that fall due on other days."""
    recount = recounted.recount
    for cell in recount.cells:
        connection.execute(
            text(
                f"""
                DELETE FROM unequal_cells WHERE id IN (
                    SELECT id FROM (SELECT id, day AS {recount.day}, table_name, column_name
                                    FROM unequal_cells) AS known
                    WHERE table_name = :table AND column_name = :column AND ({cell.counts})
                      AND {recount.day} >= CAST(:since AS date) - {recount.reach}
                      AND {recount.day} < CAST(:last AS date) + 1
                )"""  # noqa: S608
            ),
            recounted.span | {"table": recount.table, "column": cell.name},
        )


def tried(connection: Connection, keys: Iterable[Key], now: datetime) -> None:
    """Of these, those that are unequal still: one more repair didn't help."""
    cell = unequal_cells.c
    known = [{"t": key.table, "c": key.column, "d": key.day} for key in keys]
    if not known:
        return
    connection.execute(
        update(unequal_cells)
        .where(
            cell.table_name == bindparam("t"), cell.column_name == bindparam("c"), cell.day == bindparam("d")
        )
        .values(tries=cell.tries + 1, tried_at=now),
        known,
    )


# ---- reading ----


def withheld(connection: Connection) -> Withheld:
    cell = unequal_cells.c
    cells: defaultdict[str, defaultdict[str, dict[date, frozenset[int] | None]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    known = select(cell.table_name, cell.column_name, cell.day, cell.creator_id)
    for table, column, day, creator in connection.execute(known):
        by_day = cells[table][column]
        before = by_day.get(day, frozenset())
        by_day[day] = None if creator is None or before is None else before | {creator}
    return Withheld({table: dict(columns) for table, columns in cells.items()})


def count(connection: Connection) -> int:
    return int(connection.scalar(select(func.coalesce(func.sum(unequal_cells.c.cells), 0))) or 0)


def checked(connection: Connection) -> int | None:
    """How many cells were recounted lately, of each table in its largest check; None where none ever was."""
    check = data_checks.c
    newest = select(func.max(check.checked_at)).scalar_subquery()
    largest = (
        select(func.max(check.cells).label("cells"))
        .where(check.checked_at > newest - LATELY)
        .group_by(check.table_name)
        .subquery()
    )
    cells = connection.scalar(select(func.sum(largest.c.cells)))
    return None if cells is None else int(cells)


def to_repair(connection: Connection, now: datetime) -> dict[Key, list[date]]:
    """What is to be tried at `now`, each with the days that have to be computed anew."""
    cell = unequal_cells.c
    due = (
        select(cell.table_name, cell.column_name, cell.day)
        .where(
            cell.tries < MOST_TRIES,
            (cell.tried_at.is_(None))
            | (cell.tried_at <= now - TRIED_AGAIN_AFTER)
            # A clock that was set back ends the wait.
            | (cell.tried_at > now),
        )
        .distinct()
    )
    return {key: _days(key) for key in (Key(*row) for row in connection.execute(due))}


def _days(key: Key) -> list[date]:
    """Of a cohort: the day that they came, and the one that the cell is about."""
    age = key.column.removeprefix("day_")
    if key.table == "retention_cohorts" and age.isdigit() and int(age) in COHORT_OFFSETS:
        return sorted({key.day, key.day + int(age) * ONE_DAY})
    return [key.day]


def given_up(connection: Connection) -> Sequence[Any]:
    """table_name, column_name, day, cells: unequal after all repairs, newest day first."""
    cell = unequal_cells.c
    return connection.execute(
        select(cell.table_name, cell.column_name, cell.day, func.sum(cell.cells).label("cells"))
        .where(cell.tries >= MOST_TRIES)
        .group_by(cell.table_name, cell.column_name, cell.day)
        .order_by(cell.day.desc(), cell.table_name, cell.column_name)
    ).all()
