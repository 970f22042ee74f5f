"""Reads of a creator's supporters, from supporter_totals, creator_supporters and supporter_spreads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, func, select, true

from aggregation.jobs.supporter_spreads import POINTS, TOPS, alike, cents, spread
from aggregation.periods import Period
from aggregation.schema import (
    creator_metrics,
    creator_supporters,
    spark_profiles,
    supporter_profiles,
    supporter_spreads,
    supporter_totals,
)
from aggregation.suggestions import RECENT_DAYS, Cooling
from aggregation.summaries import ratio


class Standing(StrEnum):
    """What a supporter is to a creator in a period; cooling goes before the others."""

    NEW = "new"
    RETURNING = "returning"
    COOLING = "cooling"
    LAPSED = "lapsed"
    EARLIER = "earlier"


@dataclass(frozen=True)
class Dependency:
    """How what was given in a period is spread over those who gave more than nothing.

    `effective`: 1 / Σ shares². `top`: by how many, the share of so many of the largest, 0 to 1. `curve`:
    (supporters, largest first, as a share of all; what they gave, as a share of all).
    """

    supporters: int
    amount: Decimal
    effective: Decimal
    top: dict[int, Decimal]
    curve: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Supporter:
    """In all, through the newest complete day. `name` is None for who has left the platform."""

    supporter_id: int
    name: str | None
    first_day: date
    last_day: date
    gifts: int
    amount: Decimal
    usual_gap: int | None
    spark: str | None
    standing: Standing


@dataclass(frozen=True)
class SupporterPage:
    rows: Sequence[Supporter]
    more: bool


def dependency(connection: Connection, creator_id: int, period: Period) -> Dependency | None:
    """None where nobody gave anything."""
    rows = _spread(connection, creator_id, period)
    return _dependency(rows) if rows else None


def largest(connection: Connection, creator_id: int, period: Period) -> Decimal:
    """What the one who gave most in the period gave in it; 0 where nobody did."""
    first = _stored(creator_id, period).limit(1)
    found = connection.execute(first).first()
    if found:
        return Decimal(found.amount)
    most = select(func.max(_sums(creator_id, period).c.cents))
    return Decimal(int(connection.scalar(most) or 0)) / 100


def _spread(connection: Connection, creator_id: int, period: Period) -> Sequence[Any]:
    """Rows of `spread`, of a creator with many supporters as the worker has stored them."""
    found = connection.execute(_stored(creator_id, period)).all()
    if found:
        return found
    counted = spread(alike(_sums(creator_id, period).c.cents).subquery("groups"))
    return connection.execute(counted.order_by(counted.selected_columns.place)).all()


def _stored(creator_id: int, period: Period) -> Select[Any]:
    stored = supporter_spreads.c
    mine = (
        stored.creator_id == creator_id,
        stored.first_day == period.first,
        stored.last_day == period.last,
    )
    row = (stored.place, stored.amount, stored.so_far, stored.squares)
    return select(*row).where(*mine).order_by(stored.place)


def _sums(creator_id: int, period: Period) -> Subquery:
    """What each supporter gave, in cents."""
    gave = creator_supporters.c
    return (
        select(func.sum(cents(gave.amount)).label("cents"))
        .where(gave.creator_id == creator_id, gave.date.between(period.first, period.last))
        .group_by(gave.supporter_id)
        .subquery("sums")
    )


def _dependency(rows: Sequence[Any]) -> Dependency:
    """Of `rows` each is of those who gave the same, the last of whom has this `place`."""
    last = rows[-1]
    count, whole = last.place, last.so_far
    step = max(1, count // POINTS)
    places = {*(top for top in TOPS if top <= count), *range(step, count + 1, step), count}
    so_far: dict[int, Decimal] = {}
    groups = iter(rows)
    row = next(groups)
    for place in sorted(places):
        while row.place < place:
            row = next(groups)
        so_far[place] = row.so_far - (row.place - place) * row.amount
    return Dependency(
        count,
        whole,
        whole * whole / last.squares,
        {top: so_far.get(top, whole) / whole for top in TOPS},
        [(0.0, 0.0), *((place / count, float(amount / whole)) for place, amount in so_far.items())],
    )


def cooling(connection: Connection, creator_id: int, through: date) -> int:
    """How many have been silent for longer than usual by the end of `through`."""
    row = supporter_totals.c
    cold = and_(row.creator_id == creator_id, row.cooling_from <= through)
    return int(connection.execute(select(func.count()).where(cold)).scalar_one())


def cooling_lately(connection: Connection, creator_id: int, through: date) -> Cooling:
    """Who began to be cooling in the RECENT_DAYS until `through`."""
    row = supporter_totals.c
    lately = row.cooling_from.between(through - timedelta(days=RECENT_DAYS - 1), through)
    count, amount = connection.execute(
        select(func.count(), func.coalesce(func.sum(row.amount), 0)).where(
            row.creator_id == creator_id, lately
        )
    ).one()
    month = creator_metrics.c
    whole = connection.scalar(
        select(func.sum(month.gift_revenue)).where(month.creator_id == creator_id, month.date <= through)
    )
    return Cooling(int(count), amount, ratio(amount, whole, 100) or Decimal(0))


def page(
    connection: Connection,
    creator_id: int,
    period: Period,
    standing: Standing | None,
    limit: int,
    offset: int = 0,
) -> SupporterPage:
    """A creator's supporters, who gave most first.

    `standing`: only those who are this in the period, which has to end with the newest complete day.
    """
    row = supporter_totals.c
    some = (
        select(
            *(row.supporter_id, row.first_day, row.last_day, row.gifts, row.amount, row.usual_gap),
            *(row.spark_id, row.cooling_from),
        )
        .where(row.creator_id == creator_id, _is(standing, period))
        .order_by(row.amount.desc(), row.supporter_id)
        .limit(limit + 1)
        .offset(offset)
        .subquery("some")
    )
    named = some.outerjoin(supporter_profiles, supporter_profiles.c.supporter_id == some.c.supporter_id)
    named = named.outerjoin(spark_profiles, spark_profiles.c.spark_id == some.c.spark_id)
    statement = (
        select(some, supporter_profiles.c.name, spark_profiles.c.name.label("spark"))
        .select_from(named)
        .order_by(some.c.amount.desc(), some.c.supporter_id)
    )
    rows = [_supporter(each, period) for each in connection.execute(statement)]
    return SupporterPage(rows[:limit], len(rows) > limit)


def _is(standing: Standing | None, period: Period) -> ColumnElement[bool]:
    """The same as `standing_of`, for rows."""
    row, before = supporter_totals.c, period.shifted(-period.days)
    cold = func.coalesce(row.cooling_from <= period.last, False)
    match standing:
        case None:
            return true()
        case Standing.COOLING:
            return cold
        case Standing.NEW:
            # The last day, too: by it the months are known that have any.
            return ~cold & (row.first_day >= period.first) & (row.last_day >= period.first)
        case Standing.RETURNING:
            return ~cold & (row.first_day < period.first) & (row.last_day >= period.first)
        case Standing.LAPSED:
            return ~cold & row.last_day.between(before.first, before.last)
        case Standing.EARLIER:
            return ~cold & (row.last_day < before.first)


def standing_of(first_day: date, last_day: date, cooling_from: date | None, period: Period) -> Standing:
    """Of someone whose first and last gift were on these days."""
    if cooling_from is not None and cooling_from <= period.last:
        return Standing.COOLING
    if last_day >= period.first:
        return Standing.NEW if first_day >= period.first else Standing.RETURNING
    return Standing.LAPSED if last_day >= period.shifted(-period.days).first else Standing.EARLIER


def _supporter(row: Any, period: Period) -> Supporter:
    return Supporter(
        row.supporter_id,
        row.name,
        row.first_day,
        row.last_day,
        row.gifts,
        row.amount,
        row.usual_gap,
        row.spark,
        standing_of(row.first_day, row.last_day, row.cooling_from, period),
    )
