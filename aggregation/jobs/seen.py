"""people_seen: who had come by the end of a month that is over, so that nobody else is looked for there.

Two filters of one hash each, after Bloom: of each person the remainders of the creators to whom they came, as
bits, and other remainders with the month of the year. Whose bit isn't set surely hadn't come until `through`;
who has one may have, from the first day of all on, and between the first and the last month that are set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Subquery,
    Table,
    Text,
    case,
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
from aggregation.jobs.events import ONE, ZERO, literal_day
from aggregation.schema import people_seen

Came = Callable[[Any], ColumnElement[bool]]

# Prime or nearly so, to spread ids whatever these are made of. Other numbers need people_seen emptied.
BITS, SLOTS = 2039, 131
MONTHS = literal_column("12", Integer)
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
    """The first day of whose visits `seen_between` doesn't know yet."""
    return cast(func.coalesce(through(visitors) + 1, NEVER), Date)


def seen_between(visitors: Visitors, rows: CTE, asked: ColumnElement[bool]) -> Subquery:
    """The rows with since and until: when the one of each may have come by `through`.

    `until` is past the last such day. Both are null for who surely hadn't come, and where not `asked`.
    """
    row, noted = rows.c, people_seen.c
    person = case((asked, row[visitors.person]))
    # By their ids: a night's few are looked up by the index, and of many it is read once from end to end.
    wanted = func.array(select(person.distinct()).scalar_subquery())
    people = select(noted.person_id, noted.creators, noted.months, noted.first_day)
    people = people.where(noted.kind == _kind(visitors), noted.person_id == func.any(wanted))
    known = people.offset(ZERO).subquery("people")
    came: ColumnElement[bool] = known.c.person_id.is_not(None)
    if visitors.creator:
        came = func.get_bit(known.c.creators, _remainder(row[visitors.creator], BITS)) == ONE
    year = func.substring(known.c.months, _first_month(visitors, row) + ONE, MONTHS)
    # From the month after that of `through` on: the newest one is the last.
    turned = func.substring(year.op("||")(year), _month(through(visitors)) + ONE, MONTHS)
    # Each OFFSET, or it would be worked out again wherever it is used.
    seen = (
        select(*row, cast(case((came, turned)), Text).label("months"), known.c.first_day)
        # Full, or each would be compared with all others where hardly any are expected.
        .select_from(rows.join(known, known.c.person_id == person, full=True))
        .offset(ZERO)
        .subquery("months_seen")
        .c
    )
    newest = _part("year", through(visitors)) * MONTHS + _month(through(visitors))
    first = _place(seen.months)
    # Of a longer history the same month may be one of several years.
    oldest = select(func.min(visitors.table.c.date)).scalar_subquery()
    a_year = oldest >= _first_of(newest - MONTHS + ONE)
    since = func.greatest(case((a_year, _first_of(newest - MONTHS + first))), seen.first_day)
    until = _first_of(newest + ONE + ONE - _place(func.reverse(seen.months)))
    return (
        select(
            *(seen[column.name] for column in row),
            case((first > ZERO, since)).label("since"),
            case((first > ZERO, until)).label("until"),
        )
        .offset(ZERO)
        .subquery("seen")
    )


def _first_of(number: ColumnElement[int]) -> ColumnElement[date]:
    """The first day of the month whose year, times 12, and number in it add up to this."""
    before = number - ONE
    year = cast(func.div(before, MONTHS), Integer)
    return func.make_date(year, func.mod(before, MONTHS) + ONE, ONE, type_=Date)


def _place(months: ColumnElement[str]) -> ColumnElement[int]:
    """Of the first bit that is set, from 1 on."""
    return cast(func.strpos(months, literal_column("'1'")), Integer)


def note(visitors: Visitors, first: date | None, last: date, known: date) -> Insert:
    """Whoever came from `first` on until `last` is noted, and that all are known until `known`."""
    row = visitors.table.c
    days = row.date <= literal_day(last)
    if first is not None:
        days &= row.date >= literal_day(first)
    bits: ColumnElement[Any] = NONE
    if visitors.creator:
        bits = _any_of(BITS, _remainder(row[visitors.creator], BITS))
    slots = 12 * (SLOTS if visitors.creator else 1)
    months = _any_of(slots, _first_month(visitors, row) + _month(row.date) - ONE)
    person = row[visitors.person]
    came = (
        select(person, _kind(visitors), bits, months, cast(null(), Date), func.min(row.date))
        .where(visitors.came(row), days)
        .group_by(person)
    )
    until = select(NOBODY, _kind(visitors), NONE, NONE, literal_day(known), cast(null(), Date))
    insertion = postgresql.insert(people_seen).from_select(
        [column.name for column in people_seen.c], union_all(came, until)
    )
    stored, added = people_seen.c, insertion.excluded
    both = {name: stored[name].op("|")(added[name]) for name in ("creators", "months")}
    differs = (bits != stored[name] for name, bits in both.items())
    first_day = func.least(stored.first_day, added.first_day)
    return insertion.on_conflict_do_update(
        index_elements=list(people_seen.primary_key),
        set_={**both, "through": added.through, "first_day": first_day},
        where=or_(*differs, stored.first_day > added.first_day, stored.through < added.through),
    )


def _any_of(size: int, place: ColumnElement[int]) -> ColumnElement[Any]:
    """So many bits, with those set whose place any row has."""
    none = cast(func.repeat("0", literal_column(str(size), Integer)), BIT(size))
    return func.bit_or(func.set_bit(none, place, ONE))


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


def _remainder(creator_id: ColumnElement[int], by: int) -> ColumnElement[int]:
    return cast(func.abs(func.mod(creator_id, literal_column(str(by), Integer))), Integer)


def _first_month(visitors: Visitors, row: Any) -> ColumnElement[int]:
    """The place, from 0 on, of the bit of January."""
    return MONTHS * _remainder(row[visitors.creator], SLOTS) if visitors.creator else ZERO


def _month(day: ColumnElement[date]) -> ColumnElement[int]:
    return _part("month", day)


def _part(name: str, day: ColumnElement[date]) -> ColumnElement[int]:
    return cast(func.date_part(literal_column(f"'{name}'"), day), Integer)
