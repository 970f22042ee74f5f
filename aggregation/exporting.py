"""The source tables as Parquet: a folder a table, events by day, as Spark and other engines read them.

table ──COPY──▶ a day's text on disk ──▶ batches ──▶ table/day=2026-11-20/part-0.parquet
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Engine,
    Integer,
    Numeric,
    Select,
    Table,
    Text,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from aggregation.coverage import missing_sources
from aggregation.days import days_between
from aggregation.engines import DATABASE
from aggregation.engines.database import EVENT_TIMES
from aggregation.errors import UserError
from aggregation.jobs.events import finite, within
from aggregation.schema import LARGEST_SHARE, source, users

Progress = Callable[[str, int, int], None]

BLOCK_BYTES = 16 * 2**20
# Where Hive and Spark keep rows whose day isn't known.
FILE = "part-0.parquet"
NO_DAY = "day=__HIVE_DEFAULT_PARTITION__"
# What counts nowhere is none the less told apart from what isn't there (a follow that ended at infinity).
FIRST, LAST = (literal_column(f"TIMESTAMP '{year}-01-01'", DateTime) for year in ("0001", "9999"))
CENT = literal_column("0.01", Numeric(12, 2))
MOST = literal_column("9000000000000000000", BigInteger)
LARGEST = literal_column(LARGEST_SHARE, Numeric(12, 2))


@dataclass(frozen=True)
class _Part:
    """Some rows of a table, and the folder they go to."""

    folder: str
    rows: Select[Any]


def export_folder(engine: Engine, folder: Path, progress: Progress = lambda *_: None) -> dict[str, int]:
    """Write the source tables into `folder`, which is new or empty; the rows of each.

    All of one snapshot. Memory doesn't grow with the tables. Whatever goes wrong, `folder` isn't there or
    empty as before. `progress` gets a table, its parts (days) done and in all.
    Raises UserError for a folder that can't be.
    """
    draft = _draft(folder)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            missing = missing_sources(connection, DATABASE)
            counts = {
                table.name: _export(connection, table, draft / table.name, progress)
                for table in source.tables.values()
                if table.name not in missing
            }
        draft.replace(folder)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return counts


def _draft(folder: Path) -> Path:
    """Beside `folder`, and renamed when all is done."""
    draft = folder.with_name(f"{folder.name}.part")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is not empty; allowed: a new folder, or an empty one")
        draft.mkdir(parents=True)
    except FileExistsError:
        raise UserError(f"{draft} is there: another export runs, or was killed; then remove it") from None
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    return draft


def _export(connection: Connection, table: Table, folder: Path, progress: Progress) -> int:
    parts = list(_parts(connection, table))
    rows = 0
    for done, part in enumerate(parts, start=1):
        rows += _write(connection, table, part.rows, folder / part.folder)
        progress(table.name, done, len(parts))
    if not rows:
        # A table without rows is none the less there.
        folder.mkdir(parents=True)
        pq.write_table(_schema(table).empty_table(), folder / FILE)
    return rows


def _parts(connection: Connection, table: Table) -> Iterator[_Part]:
    rows = select(*(_exported(each).label(each.name) for each in table.c))
    # Whatever is asked of users and videos, all of them are read.
    if table not in EVENT_TIMES or table is users:
        yield _Part("", rows)
        return
    moment = table.c[EVENT_TIMES[table]]
    bounds = select(cast(func.min(moment), Date), cast(func.max(moment), Date)).where(finite(moment))
    first, last = connection.execute(bounds).one()
    for day in days_between(first, last) if first else ():
        yield _Part(f"day={day}", rows.where(within(moment, day, day)))
    yield _Part(NO_DAY, rows.where(or_(moment.is_(None), ~finite(moment))))


def _exported(column: Column[Any]) -> ColumnElement[Any]:
    """In the column's own type, whatever the platform's is. A number that can't be one is null."""
    match column.type:
        case Numeric():
            # Less than nothing stays less than nothing, however little it was.
            return case(
                (column.between(0, LARGEST), cast(column, Numeric(12, 2))),
                (column.between(-LARGEST, 0), func.least(cast(column, Numeric(12, 2)), -CENT)),
            )
        case DateTime():
            return case((column.is_not(None), func.least(func.greatest(cast(column, DateTime), FIRST), LAST)))
        case Integer():
            return case((column.between(-MOST, MOST), cast(column, BigInteger)))
        case kind:
            return cast(column, kind)


def _write(connection: Connection, table: Table, rows: Select[Any], folder: Path) -> int:
    """The number of rows; without any there is no file."""
    statement = rows.compile(connection, compile_kwargs={"literal_binds": True})
    cursor: Any = connection.connection.cursor()
    with TemporaryFile() as file:
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT csv)", file)
        if not file.tell():
            return 0
        folder.mkdir(parents=True)
        schema, count = _schema(table), 0
        with pq.ParquetWriter(folder / FILE, schema, compression="zstd") as writer:
            file.seek(0)
            for batch in _batches(file, schema):
                writer.write_batch(batch)
                count += batch.num_rows
            return count


def _batches(file: IO[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    names = schema.names
    return iter(
        csv.open_csv(
            file,
            csv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK_BYTES),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )
    )


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(each.name, _arrow_type(each)) for each in table.c])


def _arrow_type(column: Column[Any]) -> pa.DataType:
    match column.type:
        case Numeric():
            return pa.decimal128(12, 2)
        case DateTime():
            return pa.timestamp("us")
        case Integer():
            return pa.int64()
        case Boolean():
            return pa.bool_()
        case Text():
            return pa.string()
        case kind:
            raise TypeError(f"no type in Parquet for {kind}")
