"""supporter_spreads: how what a creator of many supporters was given is spread over them.

For the periods that pages show by themselves. What few supporters gave is summed up when it is asked for.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Numeric,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from aggregation.jobs.events import ZERO
from aggregation.periods import KNOWN_DAYS
from aggregation.schema import creator_supporters

# Each period, and the one before it.
PERIODS = (7, 28, 30, 90)
# More days with gifts than this, each supporter's counted, in so many of the newest days. A page sums up 90
# days and the 90 before of fewer in less than 20 ms of CPU; of twice as many the 90 before alone.
MANY, MANY_IN = 3_000, 28
# Points of the curve of shares, and the places that are shown by themselves.
POINTS = 50
TOPS = (1, 5, 10)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, first_day, last_day and what `spread` says of them.

    Reads creator_supporters alone, up to its newest day, and no more than twice the longest period.
    """
    recent = creator_supporters.alias("recent").c
    newest = select(func.max(creator_supporters.c.date)).scalar_subquery()
    many = (
        select(recent.creator_id, newest.label("newest"), func.count().label("days"))
        .where(recent.date > newest - MANY_IN)
        .group_by(recent.creator_id)
        .having(func.count() > MANY)
        .cte("many")
    )
    most = select(many).where(many.c.days > 2 * MANY).subquery("most")
    # What is far back is of one period only, that before the longest.
    near = [period for period in _periods() if period[1] < max(PERIODS)]
    far = [period for period in _periods() if period not in near]
    groups = union_all(_groups(many, near), _groups(most, far))
    return spread(groups.subquery("groups"), ("creator_id", "first_day", "last_day"))


def _periods() -> Iterator[tuple[str, int, int]]:
    """A name, and how many days before the newest one it begins and ends."""
    lengths = [(days, before) for days in PERIODS for before in (0, days)] + [(KNOWN_DAYS, 0)]
    for days, before in lengths:
        yield f"{days}_days_{before}_before", before + days - 1, before


def _groups(many: FromClause, periods: Sequence[tuple[str, int, int]]) -> Select[Any]:
    """creator_id, first_day, last_day, cents, people; one creator and period after the other."""
    gave, newest = creator_supporters.c, many.c.newest
    reach = (max(begin for _, begin, _ in periods), min(end for *_, end in periods))
    # Each creator by the key. With OFFSET, or days and cents would be worked out once more for each period.
    day = (
        select(gave.supporter_id, (newest - gave.date).label("ago"), cents(gave.amount).label("cents"))
        .where(gave.creator_id == many.c.creator_id, gave.date.between(newest - reach[0], newest - reach[1]))
        .correlate(many)
        .offset(ZERO)
        .subquery("days")
        .c
    )
    sums = (
        func.sum(case((day.ago.between(_number(end), _number(begin)), day.cents))).label(name)
        for name, begin, end in periods
    )
    supporter = select(*sums).group_by(day.supporter_id).cte(f"supporters_{reach[0]}", nesting=True).c
    groups = (
        alike(supporter[name]).add_columns(_number(begin).label("begin"), _number(end).label("end"))
        for name, begin, end in periods
    )
    group = union_all(*groups).lateral(f"groups_{reach[0]}")
    first, last = many.c.newest - group.c.begin, many.c.newest - group.c.end
    row = (many.c.creator_id, first.label("first_day"), last.label("last_day"), group.c.cents, group.c.people)
    return select(*row).select_from(many.join(group, true()))


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))


def cents(amount: ColumnElement[Decimal]) -> ColumnElement[float]:
    """As floating point: whole numbers, exact up to 9e15, that are summed in a third of the time."""
    return cast(cast(amount * 100, BigInteger), Double)


def alike(given: ColumnElement[float], *keys: ColumnElement[Any]) -> Select[Any]:
    """`keys`, cents, people: how many have given the same, of those who have given more than nothing."""
    people = cast(func.count(), Integer)
    return (
        select(*keys, given.label("cents"), people.label("people")).where(given > ZERO).group_by(*keys, given)
    )


def spread(groups: FromClause, keys: Sequence[str] = ()) -> Select[Any]:
    """`keys`, place, amount, so_far, squares: a row for those who gave the same, with the last one's place.

    `groups`: rows of `alike`; by amounts there is far less to rank than by people. `so_far` and `squares` are
    sums over everyone until this place. Only the rows are there that have a place of TOPS or of the curve.
    """
    group = groups.c
    within = [group[key] for key in keys]
    downwards: dict[str, Any] = {"partition_by": within or None, "order_by": group.cents.desc()}
    given = group.people * group.cents
    squares = cast(given, BigInteger) * cast(cast(group.cents, BigInteger), Numeric)
    ranked = select(
        *within,
        group.cents,
        group.people,
        func.sum(group.people).over(**downwards).label("place"),
        func.sum(given).over(**downwards).label("so_far"),
        func.sum(squares).over(**downwards).label("squares"),
        func.sum(group.people).over(partition_by=within or None).label("supporters"),
    ).subquery("ranked")
    row, before = ranked.c, ranked.c.place - ranked.c.people
    # Not divided: no two engines do that alike.
    step = func.greatest(1, func.floor(row.supporters * literal_column(str(Decimal(1) / POINTS))))
    tops = (and_(before < top, row.place >= top) for top in TOPS)
    wanted = or_(*tops, row.place == row.supporters, row.place - func.mod(row.place, step) > before)
    cent = literal_column("0.01", Numeric)
    amounts = (
        (cast(row.cents, BigInteger) * cent).label("amount"),
        (cast(row.so_far, BigInteger) * cent).label("so_far"),
        (row.squares * cent * cent).label("squares"),
    )
    return select(*(row[key] for key in keys), row.place, *amounts).where(wanted)
