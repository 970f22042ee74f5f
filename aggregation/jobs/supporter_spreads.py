"""supporter_spreads: how what a creator of many supporters was given is spread over them.

For the periods that pages show by themselves. What few supporters gave is summed up when it is asked for.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    FromClause,
    Integer,
    Select,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    values,
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
    gave, recent = creator_supporters.c, creator_supporters.alias("recent").c
    newest = select(func.max(gave.date)).scalar_subquery()
    many = (
        select(recent.creator_id)
        .where(recent.date > newest - MANY_IN)
        .group_by(recent.creator_id)
        .having(func.count() > MANY)
        .cte("many")
    )
    period = _periods()
    inside = gave.date.between(newest - period.c.begin, newest - period.c.end)
    # One creator after the other, each by the key.
    each = (
        select(
            (newest - period.c.begin).label("first_day"),
            (newest - period.c.end).label("last_day"),
            func.sum(gave.amount).label("amount"),
        )
        .select_from(creator_supporters.join(period, inside))
        .where(gave.creator_id == many.c.creator_id, gave.date > newest - 2 * max(PERIODS))
        .group_by(gave.supporter_id, period.c.begin, period.c.end)
        .having(func.sum(gave.amount) > ZERO)
        .lateral("each")
    )
    sums = select(many.c.creator_id, each.c.first_day, each.c.last_day, each.c.amount)
    sums = sums.select_from(many.join(each, true()))
    return spread(sums.subquery("sums"), ("creator_id", "first_day", "last_day"))


def _periods() -> FromClause:
    """begin, end: how many days before the newest one."""
    lengths = [(days, before) for days in PERIODS for before in (0, days)] + [(KNOWN_DAYS, 0)]
    rows = [(before + days - 1, before) for days, before in lengths]
    return values(Column("begin", Integer), Column("end", Integer), name="periods").data(rows)


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
