"""people_seen: who had come by the end of a month that is over, so that nobody else is looked for there.

A filter with one hash, after Bloom: of each person the remainders of the creators to whom they came, as bits.
Whose bit isn't set surely hadn't come until `through`; who has one may have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Table,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import BIT, Insert

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ONE, literal_day
from aggregation.schema import people_seen

Came = Callable[[Any], ColumnElement[bool]]

# Prime, so that it spreads ids whatever these are made of. Another number needs people_seen emptied.
BITS = 4093
NO_BITS = cast(func.repeat("0", literal_column(str(BITS), Integer)), BIT(BITS))
NONE = literal_column("B''", BIT(varying=True))
NEVER = literal_column("DATE '-infinity'", Date)
# The id of the row that says until when all are noted.
NOBODY = literal_column(str(-(2**63)), BigInteger)


def anybody(_row: Any) -> ColumnElement[bool]:
    return true()


@dataclass(frozen=True)
class Visitors:
    """People who come on days: to a creator each, or to the platform.

    `who` begins the key of `table`, and ends with the person; `came` says which of its rows are a visit.
    """

    name: str
    table: Table
    who: tuple[str, ...]
    came: Came = anybody

    @property
    def person(self) -> str:
        return self.who[-1]

    @property
    def creator(self) -> str | None:
        """None where they come to the platform."""
        return self.who[0] if len(self.who) > 1 else None


def through(visitors: Visitors) -> ColumnElement[date]:
    """The last day until which it is known who hadn't come; null where it isn't known of any."""
    known = people_seen.c
    mine = (known.person_id == NOBODY) & (known.kind == _kind(visitors))
    return select(known.through).where(mine).scalar_subquery()


def not_noted_from(visitors: Visitors) -> ColumnElement[date]:
    """The first day of whose visits `maybe_seen` doesn't know yet."""
    return cast(func.coalesce(through(visitors) + 1, NEVER), Date)


def maybe_seen(visitors: Visitors, row: Any) -> ColumnElement[bool]:
    """Whether the one of `row` may have come until `through`; where that is null, whether they are noted."""
    known = people_seen.c
    same = (known.kind == _kind(visitors)) & (known.person_id == row[visitors.person])
    if visitors.creator:
        same &= func.get_bit(known.creators, _remainder(row[visitors.creator])) == ONE
    return select(ONE).select_from(people_seen).where(same).exists()


def note(visitors: Visitors, first: date | None, last: date, known: date) -> Insert:
    """Whoever came from `first` on until `last` is noted, and that all are known until `known`."""
    row = visitors.table.c
    days = row.date <= literal_day(last)
    if first is not None:
        days &= row.date >= literal_day(first)
    bits: ColumnElement[Any] = NONE
    if visitors.creator:
        bits = func.bit_or(func.set_bit(NO_BITS, _remainder(row[visitors.creator]), ONE))
    person = row[visitors.person]
    came = (
        select(person, _kind(visitors), bits, cast(null(), Date))
        .where(visitors.came(row), days)
        .group_by(person)
    )
    until = select(NOBODY, _kind(visitors), NONE, literal_day(known))
    insertion = postgresql.insert(people_seen).from_select(
        [column.name for column in people_seen.c], union_all(came, until)
    )
    stored, added = people_seen.c, insertion.excluded
    both = stored.creators.op("|")(added.creators)
    return insertion.on_conflict_do_update(
        index_elements=list(people_seen.primary_key),
        set_={"creators": both, "through": added.through},
        where=or_(both != stored.creators, stored.through < added.through),
    )


def left_to_note(known: date | None, first: date, last: date) -> tuple[date | None, date, date] | None:
    """`note`'s days after these were computed: months before the last day's, and what may have changed there.

    >>> left_to_note(date(2026, 8, 31), date(2026, 10, 1), date(2026, 10, 1))
    (datetime.date(2026, 9, 1), datetime.date(2026, 9, 30), datetime.date(2026, 9, 30))
    >>> left_to_note(date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2))
    >>> left_to_note(date(2026, 9, 30), date(2026, 9, 3), date(2026, 9, 3))
    (datetime.date(2026, 9, 3), datetime.date(2026, 9, 3), datetime.date(2026, 9, 30))
    """
    month_end = last.replace(day=1) - ONE_DAY
    if known is None:
        return None, month_end, month_end
    begin, end = min(first, known + ONE_DAY), max(min(last, known), month_end)
    return (begin, end, max(known, month_end)) if begin <= end else None


def _kind(visitors: Visitors) -> ColumnElement[str]:
    return literal_column(f"'{visitors.name}'")


def _remainder(creator_id: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.abs(func.mod(creator_id, literal_column(str(BITS), Integer))), Integer)
