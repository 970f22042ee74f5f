"""A file as batches of text, each row with its line."""

import csv
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv
from sqlalchemy import Table

from aggregation.imports.faults import InputError, shown
from aggregation.imports.files import is_parquet

BATCH_ROWS = 16_384
BLOCK_BYTES = 2**20
WELL_FORMED = (
    f"quotes closed, and doubled inside a field; fields of up to {csv.field_size_limit()} characters"
)
# What undecodable bytes become (surrogateescape), and the one character that PostgreSQL can't store.
ILLEGIBLE = re.compile("[\0\udc80-\udcff]")


def check_header(path: Path, table: Table) -> None:
    wanted = list(table.columns.keys())
    header = _parquet_header(path, wanted) if is_parquet(path) else _csv_header(path)
    needed = f"needed: {', '.join(wanted)}"
    for name in wanted:
        if name not in header:
            raise InputError(0, f"has no column {name}; {needed}; found: {shown(', '.join(header))}")
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


def csv_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """All fields as text, empty ones as null, up to the first row that can't be read: then an InputError."""
    done = 0
    # What is wrong with a file, and in which line, is for the careful reader to say.
    with suppress(pa.ArrowException, OSError):
        if _is_plain(path):
            for batch in _plain_batches(path, names):
                yield batch
                done += len(batch)
            return
    yield from _careful_batches(path, names, done)


def _is_plain(path: Path) -> bool:
    """Nothing quoted and a row in each line: then Arrow reads the same as `csv`, several times faster."""
    last = b"\n"
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            if any(sign in chunk for sign in (b'"', b"\r", b"\0")) or b"\n\n" in last + chunk:
                return False
            last = chunk[-1:]
    return True


def _plain_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    texts = arrow_csv.ConvertOptions(
        include_columns=list(names),
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
    )
    plain = arrow_csv.ParseOptions(quote_char=False, double_quote=False, ignore_empty_lines=False)
    blocks = arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES)
    line = 2
    with arrow_csv.open_csv(path, blocks, plain, texts) as reader:
        for batch in reader:
            if (
                max(pc.max(pc.binary_length(column)).as_py() or 0 for column in batch)
                > csv.field_size_limit()
            ):
                raise pa.ArrowInvalid("a field too long for the careful reader")
            lines = pa.array(range(line, line + len(batch)), pa.int64())
            yield pa.record_batch([lines, *batch.columns], ["line", *names])
            line += len(batch)


def _careful_batches(path: Path, names: Sequence[str], done: int = 0) -> Iterator[pa.RecordBatch]:
    """The rows after the first `done`."""
    records = _records(path)
    _, header = next(records)
    pick = itemgetter(*map(header.index, names))
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    fault = None
    try:
        for line, record in islice(records, done, None):
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
        if column.name in wanted and not _is_readable(column.type):
            raise InputError(
                0, f"has {column.type} in {column.name}; allowed: numbers, text, booleans, timestamps"
            )
    return list(columns.names)


def _is_readable(kind: pa.DataType) -> bool:
    try:
        as_text(pa.nulls(0, kind))
    except pa.ArrowException:
        return False
    return True


def parquet_rows(path: Path) -> int:
    with _parquet(path) as file:
        return int(file.metadata.num_rows)


def parquet_batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
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
            columns = [as_text(batch.column(name)) for name in names]
            lines = pa.array(np.arange(done + 1, done + 1 + len(batch)))
            yield pa.record_batch([lines, *columns], ["line", *names])
            done += len(batch)


def as_text(values: pa.Array) -> pa.Array:
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
