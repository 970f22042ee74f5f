"""Reads of what is stored about gifts and revenue, for pages: people, values, sparks, hours, segments.

Distinct people are recounted at the level that is shown. What is explained comes as parts that add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pandas as pd
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Date,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from aggregation.days import days_between
from aggregation.explanations import Part, segment
from aggregation.jobs.events import within
from aggregation.periods import Period
from aggregation.schema import (
    creator_profiles,
    creator_supporters,
    gift_analytics,
    gift_refunds,
    gift_values,
    gifter_returns,
    revenue_breakdown,
    spark_days,
    spark_profiles,
)


class Amount(StrEnum):
    """What is split up."""

    REVENUE = "revenue"
    EARNINGS = "earnings"


class Gifter(StrEnum):
    """Whose money it is, between a period and the one it is compared with."""

    NEW = "new"
    RETURNING = "returning"
    RESURRECTED = "resurrected"
    LOST = "lost"


@dataclass(frozen=True)
class Refunds:
    """Gifts of a period that are taken back by now, and their value with both shares."""

    gifts: int
    amount: Decimal


@dataclass(frozen=True)
class Segment:
    """A part of a change, with the id of what it stands for; None where it is all others together."""

    part: Part
    id: int | None = None


# ---- sums and people of a period ----


def refunds(connection: Connection, period: Period) -> Refunds:
    row = gift_refunds.c
    gifts, amount = connection.execute(
        select(func.coalesce(func.sum(row.gifts), 0), func.coalesce(func.sum(row.amount), 0)).where(
            _inside(row.date, period)
        )
    ).one()
    return Refunds(int(gifts), amount)


def refunds_by_day(connection: Connection, period: Period) -> dict[date, Decimal]:
    day = gift_refunds.c
    found = connection.execute(select(day.date, day.amount).where(_inside(day.date, period)))
    return {row.date: row.amount for row in found}


def gifters(connection: Connection, period: Period) -> int:
    """Distinct senders of completed gifts."""
    people = select(func.coalesce(func.sum(gifter_returns.c.gifters), 0)).where(*_first_gifts(period))
    return int(connection.execute(people).scalar_one())


def first_gifts_by_day(connection: Connection, period: Period) -> dict[date, int]:
    """Who had not given before in the period: they add up to `gifters`."""
    row = gifter_returns.c
    found = connection.execute(
        select(row.date, func.sum(row.gifters)).where(*_first_gifts(period)).group_by(row.date)
    )
    return {day: int(people) for day, people in found}


def _first_gifts(period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    row = gifter_returns.c
    return _inside(row.date, period), or_(row.days_since == 0, row.date - row.days_since < period.first)


def gifters_by_day(connection: Connection, period: Period) -> dict[date, int]:
    row = gifter_returns.c
    found = connection.execute(
        select(row.date, func.sum(row.gifters)).where(_inside(row.date, period)).group_by(row.date)
    )
    return {day: int(people) for day, people in found}


def median(connection: Connection, period: Period) -> Decimal | None:
    """Of the values of all gifts; the mean of the two in the middle where their number is even."""
    row = gift_values.c
    gifts = func.sum(row.gifts)
    value = (
        select(
            row.amount,
            func.sum(gifts).over(order_by=row.amount).label("upto"),
            func.sum(gifts).over().label("all"),
        )
        .where(_inside(row.date, period))
        .group_by(row.amount)
        .subquery("value")
        .c
    )
    lower, upper = (
        func.min(value.amount).filter(reached)
        for reached in (2 * value.upto >= value.all, 2 * value.upto > value.all)
    )
    low, high = connection.execute(select(lower, upper)).one()
    return None if low is None else (low + high) / 2


def sources_by_day(connection: Connection, period: Period) -> pd.DataFrame:
    """date, source, amount; only where there was any."""
    row = revenue_breakdown.c
    return _frame(
        connection,
        select(row.date, row.source, row.amount)
        .where(_inside(row.date, period))
        .order_by(row.date, row.source),
    )


# ---- sparks ----


def sparks(connection: Connection, period: Period, before: Period | None) -> pd.DataFrame:
    """spark_id, name, gifts, value, gifts_before, value_before, first, last; highest value first.

    `first` and `last` are the days on which it was first and last sent in the period. Also those that
    were sent before only.
    """
    row = gift_analytics.c
    now = within(row.hour, period.first, period.last)
    then: ColumnElement[bool] = within(row.hour, before.first, before.last) if before else false()

    def total(column: Column[Any], when: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(column).filter(when), 0)

    sums = (
        select(
            row.spark_id,
            cast(total(row.send_count, now), BigInteger).label("gifts"),
            total(row.revenue, now).label("value"),
            cast(total(row.send_count, then), BigInteger).label("gifts_before"),
            total(row.revenue, then).label("value_before"),
            cast(func.min(row.hour).filter(now), Date).label("first"),
            cast(func.max(row.hour).filter(now), Date).label("last"),
        )
        .where(or_(now, then))
        .group_by(row.spark_id)
        .subquery("sums")
    )
    named = sums.outerjoin(spark_profiles, spark_profiles.c.spark_id == sums.c.spark_id)
    return _frame(
        connection,
        select(sums, spark_profiles.c.name)
        .select_from(named)
        .order_by(sums.c.value.desc(), sums.c.gifts.desc(), sums.c.spark_id),
    )


def people_of_sparks(connection: Connection, period: Period) -> pd.DataFrame:
    """spark_id, senders, recipients: distinct over the period; in the row without id, of all sparks."""
    senders, recipients = (_frame(connection, _people(role, period)) for role in ("senders", "recipients"))
    return senders.merge(recipients, on="spark_id")


def _people(role: str, period: Period) -> Select[Any]:
    """spark_id and how many, each person once: of each spark, and of all together."""
    row = spark_days.c
    person = (
        select(row.spark_id, func.unnest(row[role]).label("person"))
        .where(_inside(row.date, period))
        .distinct()
        .cte("people")
    )
    once = select(person.c.person).distinct().subquery("once")
    everybody = select(cast(null(), BigInteger).label("spark_id"), func.count().label(role)).select_from(once)
    of_each = select(person.c.spark_id, func.count().label(role)).group_by(person.c.spark_id)
    both = union_all(of_each, everybody).subquery("both")
    return select(both)


def spark_trend(connection: Connection, period: Period, spark_ids: Sequence[int]) -> pd.DataFrame:
    """date, spark_id, value, of these sparks; only days on which they were sent."""
    row = gift_analytics.c
    day = cast(row.hour, Date).label("date")
    return _frame(
        connection,
        select(day, row.spark_id, func.sum(row.revenue).label("value"))
        .where(within(row.hour, period.first, period.last), row.spark_id.in_(spark_ids))
        .group_by(day, row.spark_id)
        .order_by(day, row.spark_id),
    )


def hours_of_the_week(connection: Connection, period: Period, spark_id: int | None = None) -> pd.DataFrame:
    """weekday (0 is Monday), hour (UTC), gifts, value: sums over the period; of one spark, or of all."""
    row = gift_analytics.c
    weekday = cast(func.extract("isodow", row.hour) - 1, BigInteger).label("weekday")
    hour = cast(func.extract("hour", row.hour), BigInteger).label("hour")
    wanted = true() if spark_id is None else row.spark_id == spark_id
    return _frame(
        connection,
        select(
            weekday,
            hour,
            cast(func.sum(row.send_count), BigInteger).label("gifts"),
            func.sum(row.revenue).label("value"),
        )
        .where(within(row.hour, period.first, period.last), wanted)
        .group_by(weekday, hour)
        .order_by(weekday, hour),
    )


def occurrences(period: Period) -> list[int]:
    """How often each weekday lies in the period, Monday first."""
    counts = [0] * 7
    for day in days_between(period.first, period.last):
        counts[day.weekday()] += 1
    return counts


# ---- why a sum changed ----


def by_spark(
    connection: Connection, amount: Amount, now: Period, before: Period, limit: int
) -> list[Segment]:
    """The sparks that changed most, and all others together."""
    if amount is Amount.REVENUE:
        row, value = gift_analytics.c, gift_analytics.c.revenue
        sides = [within(row.hour, period.first, period.last) for period in (now, before)]
    else:
        row, value = spark_days.c, spark_days.c.creator_earnings
        sides = [_inside(row.date, period) for period in (now, before)]
    return _leading(connection, row.spark_id, value, sides, limit, spark_profiles, "Spark")


def by_creator(
    connection: Connection, amount: Amount, now: Period, before: Period, limit: int
) -> list[Segment]:
    """The creators whose gifts changed most, and all others together."""
    row = creator_supporters.c
    sides = [_inside(row.date, period) for period in (now, before)]
    return _leading(connection, row.creator_id, _given(amount), sides, limit, creator_profiles, "Creator")


def by_source(connection: Connection, now: Period, before: Period) -> list[Part]:
    """All revenue, by where it came from."""
    row = revenue_breakdown.c
    sums = _sums(row.source, row.amount, [_inside(row.date, period) for period in (now, before)])
    found = connection.execute(select(sums).order_by(func.abs(sums.c.now - sums.c.before).desc(), sums.c.key))
    return [segment(key, *both) for key, *both in found]


def by_gifter(connection: Connection, amount: Amount, now: Period, before: Period) -> list[Part]:
    """New, returning, resurrected and lost gifters, with how many they are; all four, in this order.

    New: their first gift ever lies in the period. Resurrected: they gave before, but not in the period
    that is compared with.
    """
    row, given = creator_supporters.c, _given(amount)
    sides = [_inside(row.date, period) for period in (now, before)]
    giver = (
        select(
            row.supporter_id,
            *(
                func.coalesce(func.sum(given).filter(side), 0).label(name)
                for name, side in zip(("now", "before"), sides, strict=True)
            ),
            *(
                func.bool_or(side).label(name)
                for name, side in zip(("gave_now", "gave_before"), sides, strict=True)
            ),
        )
        .where(or_(*sides))
        .group_by(row.supporter_id)
        .subquery("giver")
    )
    given_by = giver.c
    first = gifter_returns.c
    newcomer = (
        select(func.unnest(first.first_timers).label("user_id"))
        .where(_inside(first.date, now), first.days_since == 0)
        .subquery("newcomer")
    )
    kind = case(
        (and_(given_by.gave_now, given_by.gave_before), literal(Gifter.RETURNING, Text)),
        (given_by.gave_before, literal(Gifter.LOST, Text)),
        (newcomer.c.user_id.is_not(None), literal(Gifter.NEW, Text)),
        else_=literal(Gifter.RESURRECTED, Text),
    ).label("kind")
    found = connection.execute(
        select(kind, func.sum(given_by.now), func.sum(given_by.before), func.count())
        .select_from(giver.outerjoin(newcomer, newcomer.c.user_id == given_by.supporter_id))
        .group_by(kind)
    )
    known = {each: segment(each, now_, before_, people) for each, now_, before_, people in found}
    return [known.get(each, segment(each, Decimal(0), Decimal(0), 0)) for each in Gifter]


def _given(amount: Amount) -> Column[Any]:
    return creator_supporters.c.gross if amount is Amount.REVENUE else creator_supporters.c.amount


def _sums(key: Column[Any], value: Column[Any], sides: Sequence[ColumnElement[bool]]) -> Any:
    """key, now, before."""
    now, before = (func.coalesce(func.sum(value).filter(side), 0) for side in sides)
    return (
        select(key.label("key"), now.label("now"), before.label("before"))
        .where(or_(*sides))
        .group_by(key)
        .subquery("sums")
    )


def _leading(
    connection: Connection,
    key: Column[Any],
    value: Column[Any],
    sides: Sequence[ColumnElement[bool]],
    limit: int,
    names: Any,
    kind: str,
) -> list[Segment]:
    """The `limit` largest changes by name, and one segment that sums up the rest."""
    sums = _sums(key, value, sides).c
    size = func.abs(sums.now - sums.before).desc()
    place = func.row_number().over(order_by=(size, sums.key))
    ranked = select(sums.key, sums.now, sums.before, place.label("place")).subquery("ranked").c
    group = func.least(ranked.place, limit + 1).label("place")
    grouped = (
        select(
            group,
            func.min(ranked.key).label("key"),
            func.sum(ranked.now).label("now"),
            func.sum(ranked.before).label("before"),
            func.count().label("members"),
        )
        .group_by(group)
        .subquery("grouped")
    )
    (profile_key,) = names.primary_key
    found = connection.execute(
        select(grouped, names.c.name)
        .select_from(grouped.outerjoin(names, profile_key == grouped.c.key))
        .order_by(grouped.c.place)
    )
    return [
        Segment(segment("", row.now, row.before, row.members))
        if row.place > limit
        else Segment(segment(row.name or f"{kind} {row.key}", row.now, row.before), row.key)
        for row in found
    ]


# ---- pieces ----


def _inside(day: Column[Any], period: Period) -> ColumnElement[bool]:
    return day.between(period.first, period.last)


def _frame(connection: Connection, statement: Select[*tuple[Any, ...]]) -> pd.DataFrame:
    result = connection.execute(statement)
    return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()), dtype=object)
