"""Text into typed values, and what each column takes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy import Table

from aggregation import schema
from aggregation.imports.faults import InputError, shown

CHOICES: dict[Any, Sequence[str]] = {
    schema.virtual_gifts.c.status: schema.GIFT_STATUSES,
    schema.video_interactions.c.kind: schema.INTERACTION_KINDS,
    schema.transactions.c.status: schema.TRANSACTION_STATUSES,
}
WHOLE = r"^[+-]?\d{1,30}(\.0{0,8})?$"
AMOUNT = r"^[+-]?\d{1,20}(\.\d{0,2}0{0,16})?$"
ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
TIME = rf"^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?{ZONE[:-1]}?$"
FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
MOMENT = pa.timestamp("us", "UTC")
FIRST_MOMENT = pa.scalar(datetime(1, 1, 1, tzinfo=UTC), MOMENT)
LAST_MOMENT = pa.scalar(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), MOMENT)

Parse = Callable[[pa.Array], pa.Array]


class Rule(NamedTuple):
    """What a column takes. `parse` makes typed values of text, and null of what is not allowed."""

    allowed: str
    nullable: bool
    parse: Parse


def checked(batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
    """Typed batches up to the first row with a bad value, then an InputError."""
    rules = {column.name: rule_of(column) for column in table.columns}
    for batch in batches:
        typed = {name: rule.parse(batch[name]) for name, rule in rules.items()}
        firsts = [(_first_bad(batch[name], typed[name], rules[name].nullable), name) for name in rules]
        row, name = min((first for first in firsts if first[0] >= 0), default=(len(batch), ""))
        yield pa.record_batch(typed).slice(0, row)
        if name:
            value = batch[name][row].as_py()
            found = f"{name} is empty" if value is None else f"{name} {shown(value)} is not allowed"
            raise InputError(batch["line"][row].as_py(), f"{found}; allowed: {rules[name].allowed}")


def _first_bad(texts: pa.Array, typed: pa.Array, nullable: bool) -> int:
    """-1 where all are good."""
    bad = pc.and_(pc.is_null(typed), pc.is_valid(texts)) if nullable else pc.is_null(typed)
    return int(pc.index(bad, True).as_py())


def rule_of(column: sa.Column[Any]) -> Rule:
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
    exact = pa.decimal128(38, 2)

    def within(numbers: pa.Array) -> pa.Array:
        first, last = pa.array([least, most], numbers.type)
        return _only(numbers, pc.and_(pc.greater_equal(numbers, first), pc.less_equal(numbers, last)))

    def parse(texts: pa.Array) -> pa.Array:
        written = _only(texts, pc.match_substring_regex(texts, pattern))
        # As nearly all are; not those with a sign, a point or too many digits.
        if pa.types.is_integer(kind):
            with suppress(pa.ArrowInvalid):
                return within(written.cast(kind))
        return within(written.cast(exact)).cast(kind)

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
    if pc.any(pc.match_substring_regex(times, r"\.\d{7}")).as_py():
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
