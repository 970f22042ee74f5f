"""Files into the source tables, in one transaction; through a staging table where there are rows already."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateIndex, CreateTable

from aggregation import schema
from aggregation.copying import copy_rows
from aggregation.database import LOADERS_LOCK
from aggregation.errors import UserError
from aggregation.imports.batches import check_header, csv_batches, parquet_batches, parquet_rows
from aggregation.imports.faults import InputError, copy_errors, database_errors
from aggregation.imports.files import blaming, files_of, is_parquet, unit_of
from aggregation.imports.values import checked
from aggregation.schema import source

# Whose ids a column holds: the source tables declare no foreign keys.
REFERENCES = {
    "user_id": schema.users,
    "creator_id": schema.users,
    "sender_id": schema.users,
    "recipient_id": schema.users,
    "follower_id": schema.users,
    "video_id": schema.videos,
    "spark_id": schema.sparks,
}

Progress = Callable[[str, int, int], None]


def _silent(table: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def import_folder(engine: Engine, folder: Path, progress: Progress = _silent) -> dict[str, int]:
    """Load the folder's files into the tables they are named after; the rows read of each.

    Creates missing tables, but only those that a file is given for. One transaction: a UserError
    (bad row, bad file, database trouble) or an interrupt leaves everything as it was. `progress`
    gets a table, its rows so far and in all (0 where that isn't known beforehand).
    """
    files = files_of(folder)
    for name, path in files.items():
        with blaming(path):
            check_header(path, source.tables[name])
    with database_errors(str(folder)), engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOADERS_LOCK)))
        _require_sources(connection, folder, files)
        rows = {}
        for name, path in files.items():
            with blaming(path), database_errors(path.name):
                rows[name] = _load(connection, source.tables[name], path, progress)
        return rows


def _require_sources(connection: Connection, folder: Path, files: dict[str, Path]) -> None:
    for name in schema.REQUIRED_SOURCES:
        if name not in files and not _column_types(connection, source.tables[name]):
            raise UserError(
                f"{name} is neither in {folder} nor in the database; "
                f"required: {', '.join(schema.REQUIRED_SOURCES)}"
            )


def _load(connection: Connection, table: Table, path: Path, progress: Progress) -> int:
    """Raises InputError for the first bad row of the file, whichever check finds it."""
    types = _column_types(connection, table)
    if types:
        _require_columns(table, types)
        into = _staging(table)
        into.create(connection)
    else:
        # Indexes come after the rows: that halves the work.
        into = table
        connection.execute(CreateTable(table))
        connection.execute(sa.text(f"ALTER TABLE {table.name} DROP CONSTRAINT {table.name}_pkey"))
    rows, ascending, fault = _copy(connection, into, table, path, progress)
    fault = _first_unfit(connection, into, table, path, ascending=ascending) or fault
    if fault:
        raise fault
    if types:
        _upsert(connection, into, table, types)
        into.drop(connection)
    else:
        connection.execute(sa.text(f"ALTER TABLE {table.name} ADD PRIMARY KEY (id)"))
        for index in table.indexes:
            connection.execute(CreateIndex(index))
    connection.execute(sa.text(f"ANALYZE {table.name}"))
    return rows


def _staging(table: Table) -> Table:
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    return Table(f"import_{table.name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])


def _require_columns(table: Table, types: dict[str, str]) -> None:
    for column in table.columns:
        if column.name not in types:
            raise InputError(0, f"does not fit: {table.name} in the database has no column {column.name}")


def _column_types(connection: Connection, table: Table) -> dict[str, str]:
    """Column → type in the database, without lengths: a cast to varchar(9) would cut silently."""
    rows = connection.execute(
        sa.text(
            "SELECT attname, format_type(atttypid, -1) AS kind FROM pg_attribute "
            "WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"
        ),
        {"name": table.name},
    )
    return {row.attname: row.kind for row in rows}


def _copy(
    connection: Connection, into: Table, table: Table, path: Path, progress: Progress
) -> tuple[int, bool, InputError | None]:
    """The number of rows, whether each id is larger than the one before, and what is wrong with the next."""
    total = parquet_rows(path) if is_parquet(path) else 0
    done, ascending, newest = 0, True, float("-inf")

    def watched(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        nonlocal ascending, newest
        for batch in batches:
            ids = batch["id"]
            if len(ids):
                within = pc.all(pc.less(ids[:-1], ids[1:]), min_count=0).as_py()
                ascending = ascending and within and newest < ids[0].as_py()
                newest = ids[-1].as_py()
            yield batch

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        progress(table.name, done, total)

    progress(table.name, done, total)
    try:
        with copy_errors(connection, path.name):
            copy_rows(connection, into.name, watched(checked(_batches(path, table), table)), advance)
    except InputError as fault:
        return done, ascending, fault
    return done, ascending, None


def _batches(path: Path, table: Table) -> Iterator[pa.RecordBatch]:
    return (parquet_batches if is_parquet(path) else csv_batches)(path, list(table.columns.keys()))


def _first_unfit(
    connection: Connection, into: Table, table: Table, path: Path, *, ascending: bool
) -> InputError | None:
    """The first row whose ids are doubled or unknown, or whose times are in the wrong order.

    `ascending`: no id is there twice.
    """

    def line(place: str) -> int:
        before = sa.text(f"SELECT count(*) FROM {into.name} WHERE ctid < CAST(:place AS tid)")  # noqa: S608
        return _line(path, table, connection.execute(before, {"place": place}).scalar_one())

    faults = []
    for allowed, rows in _unfit(into, table, ascending=ascending):
        found = rows.subquery()
        first = connection.execute(
            sa.select(found, sa.func.count().over().label("faults")).order_by(found.c.place).limit(1)
        ).one_or_none()
        if first:
            more = f" (and {first.faults - 1} more)" if first.faults > 1 else ""
            earlier = f" {unit_of(path)} {line(first.earlier)}" if first.earlier else ""
            faults.append(InputError(line(first.place), f"{first.reason}{earlier}; allowed: {allowed}{more}"))
    return min(faults, key=lambda fault: fault.line, default=None)


def _line(path: Path, table: Table, rows_before: int) -> int:
    for batch in _batches(path, table):
        if rows_before < len(batch):
            return int(batch["line"][rows_before].as_py())
        rows_before -= len(batch)
    return 0


def _unfit(into: Table, table: Table, *, ascending: bool) -> Iterator[tuple[str, sa.Select[Any]]]:
    """What is allowed, and the query for the rows (place, reason, the place of an earlier one) that are not.

    Places are in the order of the file: the rows were appended to a table that is as new.
    """
    this = into.c
    place: sa.Label[Any] = sa.literal_column(f"{into.name}.ctid").label("place")
    nowhere = sa.null().label("earlier")
    earlier = sa.func.lag(place).over(partition_by=this.id, order_by=place).label("earlier")
    twice = sa.select(place, this.id, earlier).subquery()
    reason = sa.func.concat("id ", twice.c.id, " is already in").label("reason")
    if not ascending:
        again = sa.select(twice.c.place, reason, twice.c.earlier).where(twice.c.earlier.is_not(None))
        yield "each id once", again
    for name, target in REFERENCES.items():
        if name in table.columns:
            known = sa.exists().where(target.c.id == this[name])
            reason = sa.func.concat(f"{name} ", this[name], " is unknown").label("reason")
            unknown = sa.select(place, reason, nowhere).where(this[name].is_not(None), ~known)
            yield f"ids of {target.name}, in the folder or the database", unknown
    if table is schema.follows:
        reason = sa.literal("unfollowed_at is before created_at").label("reason")
        wrong = sa.select(place, reason, nowhere).where(this.unfollowed_at < this.created_at)
        yield "created_at or later", wrong


def _upsert(connection: Connection, staging: Table, table: Table, types: dict[str, str]) -> None:
    """Writes only what differs, in the order of ids, so that writers queue and don't deadlock."""
    names = list(table.columns.keys())
    # Cast by hand: an enum of the platform takes no text without it.
    values: list[sa.ColumnElement[Any]] = [
        sa.literal_column(f"{staging.name}.{name}::{types[name]}") for name in names
    ]
    rows = sa.select(*values).select_from(staging).order_by(staging.c.id)
    statement = insert(table).from_select(names, rows)
    changes = {name: statement.excluded[name] for name in names if name != "id"}
    differs = sa.or_(*(table.c[name].is_distinct_from(new) for name, new in changes.items()))
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=differs))
