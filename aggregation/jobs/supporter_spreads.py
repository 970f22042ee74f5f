"""supporter_spreads: how what a creator of many supporters was given is spread over them.

For the periods that pages show by themselves. What few supporters gave is summed up when it is asked for.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Numeric,
    Select,
    and_,
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
# Days with gifts, each supporter's counted, that a period would have at the pace of the newest PACE_DAYS. A
# page sums up one of so many and the one before it in less than 20 ms of CPU; of twice as many one alone.
MANY, PACE_DAYS = 10_000, 28
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
        .where(recent.date > newest - PACE_DAYS)
        .group_by(recent.creator_id)
        .having(func.count() > min(_many(*period) for period in _periods()))
        .cte("many")
    )
    groups = union_all(*(_groups(many, *period) for period in _periods()))
    return spread(groups.subquery("groups"), ("creator_id", "first_day", "last_day"))


def _periods() -> Iterator[tuple[int, int]]:
    """How many days each has, and how many days before the newest one it ends."""
    yield from ((days, before) for days in PERIODS for before in (0, days))
    yield KNOWN_DAYS, 0


def _many(days: int, before: int) -> int:
    """More days with gifts than this in the newest PACE_DAYS, and the period is stored."""
    return (2 if before else 1) * MANY * PACE_DAYS // days


def _groups(many: CTE, days: int, before: int) -> Select[Any]:
    """creator_id, first_day, last_day, cents, people; one creator after the other, by the key."""
    gave = creator_supporters.c
    first, last = (many.c.newest - ago for ago in (before + days - 1, before))
    sums = (
        select(func.sum(cents(gave.amount)).label("cents"))
        .where(gave.creator_id == many.c.creator_id, gave.date.between(first, last))
        .group_by(gave.supporter_id)
        .correlate(many)
        .subquery("sums")
    )
    group = alike(sums.c.cents).lateral("alike")
    row = (many.c.creator_id, first.label("first_day"), last.label("last_day"), group.c.cents, group.c.people)
    return select(*row).select_from(many.join(group, true())).where(many.c.days > _many(days, before))


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
