"""supporter_spreads: how what a creator of many supporters was given is spread over them.

For the periods that pages show by themselves. What few supporters gave is summed up when it is asked for.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    FromClause,
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
# More days with gifts than this, each supporter's counted, in so many of the newest days.
MANY, MANY_IN = 2_000, 28
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
        select(recent.creator_id, newest.label("newest"))
        .where(recent.date > newest - MANY_IN)
        .group_by(recent.creator_id)
        .having(func.count() > MANY)
        .cte("many")
    )
    # What is far back is of one period only.
    near = [period for period in _periods() if period[1] < max(PERIODS)]
    far = [period for period in _periods() if period not in near]
    sums = union_all(*_sums(many, near), *_sums(many, far))
    return spread(sums.subquery("sums"), ("creator_id", "first_day", "last_day"))


def _periods() -> Iterator[tuple[str, int, int]]:
    """A name, and how many days before the newest one it begins and ends."""
    lengths = [(days, before) for days in PERIODS for before in (0, days)] + [(KNOWN_DAYS, 0)]
    for days, before in lengths:
        yield f"{days}_days_{before}_before", before + days - 1, before


def _sums(many: FromClause, periods: Sequence[tuple[str, int, int]]) -> Iterator[Select[Any]]:
    """creator_id, first_day, last_day, amount: of each supporter, one period after the other."""
    gave, newest = creator_supporters.c, many.c.newest
    amounts = (
        func.sum(case((gave.date.between(newest - begin, newest - end), gave.amount))).label(name)
        for name, begin, end in periods
    )
    reach = (max(begin for _, begin, _ in periods), min(end for *_, end in periods))
    # One creator after the other, each by the key.
    each = (
        select(*amounts)
        .where(gave.creator_id == many.c.creator_id, gave.date.between(newest - reach[0], newest - reach[1]))
        .group_by(gave.supporter_id)
        .lateral("each")
    )
    name = f"supporters_{reach[0]}"
    supporter = select(many, *each.c).select_from(many.join(each, true())).cte(name).c
    for name, begin, end in periods:
        yield select(
            supporter.creator_id,
            (supporter.newest - begin).label("first_day"),
            (supporter.newest - end).label("last_day"),
            supporter[name].label("amount"),
        ).where(supporter[name] > ZERO)


def spread(sums: FromClause, keys: Sequence[str] = ()) -> Select[Any]:
    """`keys`, place, amount, so_far, squares: a row for those who gave the same, with the last one's place.

    `sums`: what each has given (amount), more than nothing. `so_far` and `squares` are sums over everyone
    until this place. Only the rows are there that have a place of TOPS or of the curve.
    """
    by = [sums.c[key] for key in keys]
    # Many gave the same: by amounts there is far less to rank than by people.
    same = select(*by, sums.c.amount, func.count().label("people")).group_by(*by, sums.c.amount)
    group = same.subquery("same").c
    within = [group[key] for key in keys]
    downwards: dict[str, Any] = {"partition_by": within or None, "order_by": group.amount.desc()}
    given = group.people * group.amount
    ranked = select(
        *within,
        group.amount,
        group.people,
        cast(func.sum(group.people).over(**downwards), BigInteger).label("place"),
        func.sum(given).over(**downwards).label("so_far"),
        func.sum(given * group.amount).over(**downwards).label("squares"),
        cast(func.sum(group.people).over(partition_by=within or None), BigInteger).label("supporters"),
    ).subquery("ranked")
    row, before = ranked.c, ranked.c.place - ranked.c.people
    # Not divided: no two engines do that alike.
    step = func.greatest(1, func.floor(row.supporters * literal_column(str(Decimal(1) / POINTS))))
    tops = (and_(before < top, row.place >= top) for top in TOPS)
    wanted = or_(*tops, row.place == row.supporters, row.place - func.mod(row.place, step) > before)
    return select(*(row[key] for key in keys), row.place, row.amount, row.so_far, row.squares).where(wanted)
