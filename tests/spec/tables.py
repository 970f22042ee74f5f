"""ASCII tables in, numbers out: the language of the tests in this folder.

    users
    id | created_at
    1  | 2026-03-10 09:00

The table's name, its columns, then a row a line; an empty line ends it, and `null` is null.
Columns that are left out get what DEFAULTS says, and an id the row's number.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Engine, select, text

from aggregation.coverage import missing_sources
from aggregation.jobs import chosen
from aggregation.publishing import run
from aggregation.schema import analytics

DEFAULTS: dict[str, dict[str, str]] = {
    "users": {"username": "somebody", "is_creator": "false", "created_at": "2026-01-01"},
    "videos": {"title": "a video", "created_at": "2026-01-01"},
    "sparks": {"name": "a spark", "credits": "1"},
    "virtual_gifts": {
        "spark_id": "1",
        "sender_id": "1",
        "recipient_id": "2",
        "creator_share": "0.70",
        "platform_share": "0.30",
        "status": "completed",
    },
    "user_sessions": {"duration_seconds": "60"},
    "video_watches": {"user_id": "1", "video_id": "1", "seconds_watched": "10"},
    "video_interactions": {"user_id": "1", "video_id": "1"},
    "follows": {"follower_id": "1"},
    "transactions": {"status": "completed"},
}


@dataclass
class AsciiTable:
    name: str
    columns: list[str]
    rows: list[dict[str, str | None]]


def parse(text_: str) -> list[AsciiTable]:
    """The tables of a text. Raises ValueError where a row is longer or shorter than its header."""
    return [_table(block.strip().splitlines()) for block in re.split(r"\n\s*\n", text_) if block.strip()]


def _table(lines: list[str]) -> AsciiTable:
    name, header, *rows = (line.strip() for line in lines)
    columns = _cells(header)
    values = ([None if cell == "null" else cell for cell in _cells(row)] for row in rows)
    return AsciiTable(name, columns, [dict(zip(columns, row, strict=True)) for row in values])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def fill(engine: Engine, text_: str) -> None:
    """Insert the rows of all tables of a text."""
    with engine.begin() as connection:
        for table in parse(text_):
            for number, row in enumerate(table.rows, start=1):
                values = {"id": str(number)} | DEFAULTS[table.name] | row
                columns = ", ".join(values)
                holders = ", ".join(["%s"] * len(values))
                connection.exec_driver_sql(
                    f"INSERT INTO {table.name} ({columns}) VALUES ({holders})", tuple(values.values())
                )


def compute(engine: Engine, name: str, first: str, last: str | None = None) -> int:
    """Run one job over these days; the number of rows changed."""
    with engine.begin() as connection:
        (job,) = chosen([name])
        missing = missing_sources(connection)
        return run(connection, job, date.fromisoformat(first), date.fromisoformat(last or first), missing)


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def expect(engine: Engine, text_: str) -> None:
    """Assert that each table of the text holds exactly these rows, in the columns that are shown."""
    for wanted in parse(text_):
        columns = [analytics.tables[wanted.name].c[name] for name in wanted.columns]
        expected = [tuple(_value(column, row[column.name]) for column in columns) for row in wanted.rows]
        found = rows(engine, wanted.name, *wanted.columns)
        patterns = [*expected, *([(None,) * len(columns)] * (len(found) - len(expected)))]
        assert [
            tuple(map(_rounded, row, pattern)) for row, pattern in zip(found, patterns, strict=False)
        ] == expected


def rows(engine: Engine, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """All rows of an analytics table in the order of its key; all columns where none is named."""
    table = analytics.tables[name]
    chosen_columns = [table.c[column] for column in columns] or list(table.c)
    with engine.connect() as connection:
        found = connection.execute(select(*chosen_columns).order_by(*table.primary_key))
        return [tuple(row) for row in found]


def _value(column: Column[Any], cell: str | None) -> Any:
    if cell is None:
        return None
    kind = column.type.python_type
    if kind in (date, datetime):
        return kind.fromisoformat(cell)
    return kind(cell)


def _rounded(found: Any, pattern: Any) -> Any:
    """A ratio is compared to the places that are written; sums have no more than two anyway."""
    if isinstance(found, Decimal) and isinstance(pattern, Decimal) and _places(found) > 2:
        return round(found, max(_places(pattern), 0))
    return found


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
