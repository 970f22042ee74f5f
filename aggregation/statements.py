"""Reads of what a creator has earned, from creator_sparks."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, Date, DateTime, cast, func, select

from aggregation.days import ONE_DAY
from aggregation.earnings import Line, SparkLine, Statement, Sums, every_month, ledger, month_after, month_of
from aggregation.periods import Period
from aggregation.schema import creator_sparks, spark_profiles


def months(connection: Connection, creator_id: int, last: date) -> list[Line]:
    """All months from the first gift to the one of `last`; empty without a gift."""
    row = creator_sparks.c
    month = cast(func.date_trunc("month", cast(row.date, DateTime)), Date).label("month")
    found = connection.execute(
        select(month, *_SUMS).where(row.creator_id == creator_id, row.date <= last).group_by(month)
    )
    return ledger(every_month({each.month: _sums(each) for each in found}, month_of(last)))


def days(connection: Connection, creator_id: int, period: Period) -> list[tuple[date, Sums]]:
    """The days with a gift, oldest first."""
    row = creator_sparks.c
    found = connection.execute(
        select(row.date, *_SUMS)
        .where(row.creator_id == creator_id, row.date.between(period.first, period.last))
        .group_by(row.date)
        .order_by(row.date)
    )
    return [(each.date, _sums(each)) for each in found]


def by_spark(connection: Connection, creator_id: int, period: Period) -> list[SparkLine]:
    """The one that brought most first."""
    row = creator_sparks.c
    sums = (
        select(row.spark_id, *_SUMS)
        .where(row.creator_id == creator_id, row.date.between(period.first, period.last))
        .group_by(row.spark_id)
        .subquery()
    )
    named = sums.outerjoin(spark_profiles, spark_profiles.c.spark_id == sums.c.spark_id)
    found = connection.execute(
        select(*sums.c, spark_profiles.c.name)
        .select_from(named)
        .order_by((sums.c.earned - sums.c.refunded).desc(), sums.c.gifts.desc(), sums.c.spark_id)
    )
    return [SparkLine(each.spark_id, each.name, _sums(each)) for each in found]


def statement(connection: Connection, creator_id: int, month: date, last: date) -> Statement | None:
    """Of the month that begins on `month`, through `last` at most; None where there is no such month yet."""
    line = next((each for each in months(connection, creator_id, last) if each.first == month), None)
    if line is None:
        return None
    period = Period(month, min(month_after(month) - ONE_DAY, last))
    lines = ledger(days(connection, creator_id, period), line.opening)
    return Statement(line, period.last, lines, by_spark(connection, creator_id, period))


_SUMS = tuple(
    func.sum(creator_sparks.c[name]).label(name) for name in ("gifts", "earned", "refunded_gifts", "refunded")
)


def _sums(row: Any) -> Sums:
    return Sums(int(row.gifts), row.earned, int(row.refunded_gifts), row.refunded)
