"""CSV and Parquet files into the source tables: a whole folder or nothing of it.

    file ──▶ batches of text ──▶ typed batches ──▶ staging table ──▶ upsert
             (CSV or Parquet)    (values checked)  (ids checked)

All the way, rows keep the line they came from, so that every fault can name it.
"""

import csv
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from aggregation import schema
from aggregation.copying import copy_rows
from aggregation.database import LOADERS_LOCK
from aggregation.errors import UserError
from aggregation.schema import source

BATCH_ROWS = 32_768
WELL_FORMED = (
    f"quotes closed, and doubled inside a field; fields of up to {csv.field_size_limit()} characters"
)
SUFFIXES = (".csv", ".parquet")
CHOICES: dict[Any, Sequence[str]] = {
    schema.virtual_gifts.c.status: schema.GIFT_STATUSES,
    schema.video_interactions.c.kind: schema.INTERACTION_KINDS,
    schema.transactions.c.status: schema.TRANSACTION_STATUSES,
}
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
WHOLE = r"^[+-]?\d{1,30}(\.0{0,8})?$"
AMOUNT = r"^[+-]?\d{1,20}(\.\d{0,2}0{0,16})?$"
ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
TIME = rf"^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?{ZONE[:-1]}?$"
FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
MOMENT = pa.timestamp("us", "UTC")
FIRST_MOMENT = pa.scalar(datetime(1, 1, 1, tzinfo=UTC), MOMENT)
LAST_MOMENT = pa.scalar(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), MOMENT)
# What undecodable bytes become (surrogateescape), and the one character that PostgreSQL can't store.
ILLEGIBLE = re.compile("[\0\udc80-\udcff]")

Parse = Callable[[pa.Array], pa.Array]
Progress = Callable[[str, int, int], None]


class InputError(Exception):
    """A row that can't be imported; line 0 stands for the file as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


class Rule(NamedTuple):
    """What a column takes. `parse` makes typed values of text, and null of what is not allowed."""

    allowed: str
    nullable: bool
    parse: Parse


def _silent(table: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def import_folder(engine: Engine, folder: Path, progress: Progress = _silent) -> dict[str, int]:
    """Load the folder's files into the tables they are named after; the rows read of each.

    Creates missing tables, but only those that a file is given for. One transaction: a UserError
    (bad row, bad file, database trouble) or an interrupt leaves everything as it was. `progress`
    gets a table, its rows so far and in all (0 where that isn't known beforehand).
    """
    files = _files(folder)
    for name, path in files.items():
        with _blaming(path):
            _check_header(path, source.tables[name])
    with _database_errors(str(folder)), engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOADERS_LOCK)))
        _require_sources(connection, folder, files)
        rows = {}
        for name, path in files.items():
            with _blaming(path), _database_errors(path.name):
                rows[name] = _load(connection, source.tables[name], path, progress)
        return rows


# ---- which files ----


def _files(folder: Path) -> dict[str, Path]:
    """Table → file, referenced tables before those that refer to them."""
    try:
        paths = sorted(path for path in folder.iterdir() if _is_candidate(path))
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from None
    tables = ", ".join(source.tables)
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem not in source.tables:
            raise UserError(f"{path.name} is named unlike any table; allowed: {tables}, as .csv or .parquet")
        if path.stem in found:
            raise UserError(f"{found[path.stem].name} and {path.name} are both there; allowed: one per table")
        found[path.stem] = path
    if not found:
        raise UserError(f"nothing to import in {folder}; allowed: {tables}, as .csv or .parquet")
    return {name: found[name] for name in source.tables if name in found}


def _is_candidate(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _unit(path: Path) -> str:
    return "row" if _is_parquet(path) else "line"


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """InputErrors become UserErrors that name the file and the line."""
    try:
        yield
    except InputError as fault:
        place = f", {_unit(path)} {fault.line}:" if fault.line else ""
        raise UserError(f"{path.name}{place} {' '.join(fault.reason.split())}") from None


@contextmanager
def _database_errors(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise UserError(_refusal(what, error.orig)) from error


@contextmanager
def _copy_errors(connection: Connection, what: str) -> Iterator[None]:
    """COPY goes past SQLAlchemy: its errors are the driver's, and a lost connection goes unnoticed."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise UserError(_refusal(what, error)) from error


def _refusal(what: str, error: object) -> str:
    reason = str(error).strip().splitlines() or ["no reason given"]
    return f"{what}: database error: {reason[0]}; nothing was imported"


# ---- a file as batches of text, each row with its line ----


def _check_header(path: Path, table: Table) -> None:
    wanted = list(table.columns.keys())
    header = _parquet_header(path, wanted) if _is_parquet(path) else _csv_header(path)
    needed = f"needed: {', '.join(wanted)}"
    for name in wanted:
        if name not in header:
            raise InputError(0, f"has no column {name}; {needed}; found: {_shown(', '.join(header))}")
        if header.count(name) > 1:
            raise InputError(0, f"has the column {name} twice; {needed}")


def _csv_header(path: Path) -> list[str]:
    with closing(_records(path)) as records:
        header = next(records, (0, []))[1]
    if not header:
        raise InputError(0, "is empty; allowed: a header line and any number of rows")
    if ILLEGIBLE.search("".join(header)):
        raise InputError(1, "not UTF-8; allowed: comma-separated text in UTF-8")
    return header


def _records(path: Path) -> Generator[tuple[int, list[str]]]:
    """Each record with the line it starts on; blank lines are skipped."""
    line = 0
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            line = 1
            for record in reader:
                if record:
                    yield line, record
                line = reader.line_num + 1
    except OSError as error:
        raise InputError(line, f"cannot be read: {error.strerror}") from None
    except csv.Error as error:
        raise InputError(line, f"{error}; allowed: {WELL_FORMED}") from None


def _csv_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    records = _records(path)
    _, header = next(records)
    pick = itemgetter(*map(header.index, names))
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    fault = None
    try:
        for line, record in records:
            if len(record) != len(header):
                raise InputError(line, f"{len(record)} fields; allowed: {len(header)}, as in the header")
            lines.append(line)
            rows.append(pick(record))
            if len(rows) == BATCH_ROWS:
                yield _text_batch(names, lines, rows)
                lines, rows = [], []
    except InputError as found:
        fault = found
    if rows:
        yield _text_batch(names, lines, rows)
    if fault:
        raise fault


def _text_batch(
    names: Sequence[str], lines: Sequence[int], rows: Sequence[tuple[str, ...]]
) -> pa.RecordBatch:
    columns = [_field_texts(values) for values in zip(*rows, strict=True)]
    return pa.record_batch([pa.array(lines, pa.int64()), *columns], ["line", *names])


def _field_texts(values: Sequence[str]) -> pa.Array:
    try:
        texts = pa.array(values, pa.string())
    except UnicodeEncodeError:
        texts = pa.array([ILLEGIBLE.sub("\0", value) for value in values], pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with path.open("rb") as file:
            yield pq.ParquetFile(file, pre_buffer=False)
    except OSError as error:
        raise InputError(0, f"cannot be read: {error.strerror or error}") from None
    except pa.ArrowException as error:
        raise InputError(0, f"is not a whole Parquet file: {error}") from None


def _parquet_header(path: Path, wanted: Sequence[str]) -> list[str]:
    with _parquet(path) as file:
        columns = file.schema_arrow
    for column in columns:
        if column.name in wanted and not _is_plain(column.type):
            raise InputError(
                0, f"has {column.type} in {column.name}; allowed: numbers, text, booleans, timestamps"
            )
    return list(columns.names)


def _is_plain(kind: pa.DataType) -> bool:
    try:
        _as_text(pa.nulls(0, kind))
    except pa.ArrowException:
        return False
    return True


def _parquet_rows(path: Path) -> int:
    with _parquet(path) as file:
        return int(file.metadata.num_rows)


def _parquet_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    done = 0
    with _parquet(path) as file:
        batches = file.iter_batches(BATCH_ROWS, columns=list(names))
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise InputError(done + 1, f"cannot be read: {error}") from None
            if batch is None:
                return
            columns = [_as_text(batch.column(name)) for name in names]
            lines = pa.array(range(done + 1, done + 1 + len(batch)), pa.int64())
            yield pa.record_batch([lines, *columns], ["line", *names])
            done += len(batch)


def _as_text(values: pa.Array) -> pa.Array:
    """What a CSV file would hold: times in UTC, no exponents in whole numbers and zeros."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_floating(kind):
        return _float_text(values.cast(pa.float64()))
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(values.cast(pa.string()), r"^0E[+-]?\d+$", "0")
    if pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp(kind.unit)).cast(pa.string())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return values.cast(pa.string())
    return _utf8(values)


def _float_text(values: pa.Array) -> pa.Array:
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**53))
    digits = pc.if_else(whole, values, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(digits, values.cast(pa.string()))


def _utf8(values: pa.Array) -> pa.Array:
    """Checked, as Arrow takes any bytes of a file for text."""
    raw = values.cast(pa.string()) if pa.types.is_null(values.type) else values.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(map(_legible, raw.to_pylist()), pa.string())


def _legible(value: bytes | None) -> str | None:
    return None if value is None else ILLEGIBLE.sub("\0", value.decode(errors="surrogateescape"))


# ---- text into typed values ----


def _checked(batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
    """Typed batches up to the first row with a bad value, then an InputError."""
    rules = {column.name: _rule(column) for column in table.columns}
    for batch in batches:
        typed = {name: rule.parse(batch[name]) for name, rule in rules.items()}
        firsts = [(_first_bad(batch[name], typed[name], rules[name].nullable), name) for name in rules]
        row, name = min((first for first in firsts if first[0] >= 0), default=(len(batch), ""))
        yield pa.record_batch({"line": batch["line"], **typed}).slice(0, row)
        if name:
            value = batch[name][row].as_py()
            found = f"{name} is empty" if value is None else f"{name} {_shown(value)} is not allowed"
            raise InputError(batch["line"][row].as_py(), f"{found}; allowed: {rules[name].allowed}")


def _first_bad(texts: pa.Array, typed: pa.Array, nullable: bool) -> int:
    """-1 where all are good."""
    bad = pc.and_(pc.is_null(typed), pc.is_valid(texts)) if nullable else pc.is_null(typed)
    return int(pc.index(bad, True).as_py())


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "…")


def _rule(column: sa.Column[Any]) -> Rule:
    # The schema lets the platform's money be null; imported, a null share would part totals from parts.
    nullable = bool(column.nullable) and not isinstance(column.type, sa.Numeric)
    allowed, parse = _taken(column)
    return Rule(f"{allowed}, or empty" if nullable else allowed, nullable, parse)


def _taken(column: sa.Column[Any]) -> tuple[str, Parse]:
    match column.type:
        case sa.BigInteger():
            return _numbers("a whole number", WHOLE, -(2**63), 2**63 - 1, pa.int64())
        case sa.Integer():
            return _numbers("a whole number", WHOLE, 0, 2**31 - 1, pa.int32())
        case sa.Numeric():
            most = Decimal(schema.LARGEST_SHARE)
            return _numbers("an amount with at most two decimals", AMOUNT, 0, most, pa.decimal128(12, 2))
        case sa.Boolean():
            return "true, false, t, f, 1 or 0", _flags
        case sa.DateTime():
            return "a time like 2026-11-20T10:00:00, UTC unless it has an offset, year 0001 to 9999", _times
    if column is schema.transactions.c.source:
        return "any non-empty text but gifts", _other_sources
    if column in CHOICES:
        choices = CHOICES[column]
        return ", ".join(choices), lambda texts: _only(texts, pc.is_in(texts, pa.array(choices)))
    return "text in UTF-8 without NUL characters", _texts


def _numbers(what: str, pattern: str, least: int, most: int | Decimal, kind: Any) -> tuple[str, Parse]:
    bounds = pa.array([least, most], pa.decimal128(38, 2))

    def parse(texts: pa.Array) -> pa.Array:
        numbers = _only(texts, pc.match_substring_regex(texts, pattern)).cast(bounds.type)
        fits = pc.and_(pc.greater_equal(numbers, bounds[0]), pc.less_equal(numbers, bounds[1]))
        return _only(numbers, fits).cast(kind)

    return f"{what} from {least} to {most}", parse


def _texts(texts: pa.Array) -> pa.Array:
    return _only(texts, pc.invert(pc.match_substring(texts, "\0")))


def _other_sources(texts: pa.Array) -> pa.Array:
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return _only(_texts(texts), pc.invert(pc.or_(blank, pc.equal(texts, "gifts"))))


def _flags(texts: pa.Array) -> pa.Array:
    return pa.array(FLAGS.values()).take(pc.index_in(pc.utf8_lower(texts), pa.array(FLAGS.keys())))


def _times(texts: pa.Array) -> pa.Array:
    """In UTC and microseconds; what is finer is cut off, as rounding could reach the next day."""
    times = _only(texts, pc.match_substring_regex(texts, TIME))
    times = pc.replace_substring_regex(times, r"(\.\d{6})\d+", r"\1")
    zoned = pc.match_substring_regex(times, ZONE)
    moments = _moments(pc.if_else(zoned, times, pc.binary_join_element_wise(times, "Z", "")))
    fits = pc.and_(pc.greater_equal(moments, FIRST_MOMENT), pc.less_equal(moments, LAST_MOMENT))
    return _only(moments, fits).cast(pa.timestamp("us"))


def _moments(texts: pa.Array) -> pa.Array:
    """Arrow gives up at 30 February and its like: halve until each of them is alone, and null."""
    try:
        return texts.cast(MOMENT)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, MOMENT)
        half = len(texts) // 2
        return pa.concat_arrays([_moments(texts[:half]), _moments(texts[half:])])


def _only(values: pa.Array, good: pa.Array) -> pa.Array:
    return pc.if_else(good, values, pa.scalar(None, values.type))


# ---- through a staging table into the source table ----


def _require_sources(connection: Connection, folder: Path, files: dict[str, Path]) -> None:
    for name in schema.REQUIRED_SOURCES:
        if name not in files and not _column_types(connection, source.tables[name]):
            raise UserError(
                f"{name} is neither in {folder} nor in the database; "
                f"required: {', '.join(schema.REQUIRED_SOURCES)}"
            )


def _load(connection: Connection, table: Table, path: Path, progress: Progress) -> int:
    """Raises InputError for the first bad row of the file, whichever check finds it."""
    types = _target_types(connection, table)
    staging = Table(
        f"import_{table.name}",
        sa.MetaData(),
        sa.Column("line", sa.BigInteger),
        *(sa.Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
    )
    staging.create(connection)
    rows, fault = _stage(connection, staging, table, path, progress)
    fault = _first_unfit(connection, staging, table, _unit(path)) or fault
    if fault:
        raise fault
    _upsert(connection, staging, table, types)
    staging.drop(connection)
    connection.execute(sa.text(f"ANALYZE {table.name}"))
    return rows


def _target_types(connection: Connection, table: Table) -> dict[str, str]:
    types = _column_types(connection, table)
    if not types:
        table.create(connection)
        types = _column_types(connection, table)
    for column in table.columns:
        if column.name not in types:
            raise InputError(0, f"does not fit: {table.name} in the database has no column {column.name}")
    return types


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


def _stage(
    connection: Connection, staging: Table, table: Table, path: Path, progress: Progress
) -> tuple[int, InputError | None]:
    names = list(table.columns.keys())
    total = _parquet_rows(path) if _is_parquet(path) else 0
    batches = _parquet_batches(path, names) if _is_parquet(path) else _csv_batches(path, names)
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        progress(table.name, done, total)

    progress(table.name, done, total)
    try:
        with _copy_errors(connection, path.name):
            copy_rows(connection, staging.name, _checked(batches, table), advance)
    except InputError as fault:
        return done, fault
    return done, None


def _first_unfit(connection: Connection, staging: Table, table: Table, unit: str) -> InputError | None:
    """The first row whose ids are doubled or unknown, or whose times are in the wrong order."""
    faults = []
    for allowed, rows in _unfit(staging, table, unit):
        found = rows.subquery()
        first = connection.execute(
            sa.select(found, sa.func.count().over().label("faults")).order_by(found.c.line).limit(1)
        ).one_or_none()
        if first:
            more = f" (and {first.faults - 1} more)" if first.faults > 1 else ""
            faults.append(InputError(first.line, f"{first.reason}; allowed: {allowed}{more}"))
    return min(faults, key=lambda fault: fault.line, default=None)


def _unfit(staging: Table, table: Table, unit: str) -> Iterator[tuple[str, sa.Select[Any]]]:
    """What is allowed, and the query for the rows (line, reason) that are not."""
    line, this = staging.c.line, staging.c
    earlier = sa.func.lag(line).over(partition_by=this.id, order_by=line)
    twice = sa.select(line, this.id, earlier.label("earlier")).subquery()
    reason = sa.func.concat("id ", twice.c.id, f" is already in {unit} ", twice.c.earlier).label("reason")
    yield "each id once", sa.select(twice.c.line, reason).where(twice.c.earlier.is_not(None))
    for name, target in REFERENCES.items():
        if name in table.columns:
            known = sa.exists().where(target.c.id == this[name])
            reason = sa.func.concat(f"{name} ", this[name], " is unknown").label("reason")
            unknown = sa.select(line, reason).where(this[name].is_not(None), ~known)
            yield f"ids of {target.name}, in the folder or the database", unknown
    if table is schema.follows:
        reason = sa.literal("unfollowed_at is before created_at").label("reason")
        yield "created_at or later", sa.select(line, reason).where(this.unfollowed_at < this.created_at)


def _upsert(connection: Connection, staging: Table, table: Table, types: dict[str, str]) -> None:
    """Writes only what differs; in the order of ids, so that other writers queue and don't deadlock."""
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
