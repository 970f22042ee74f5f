"""What a creator has earned, and what of it was refunded: reads of creator_sparks, and statements of a month.

A refund has no time of its own in the source: it is booked on the day of its gift. So a statement of a
past month changes when a gift of it is refunded, and it always balances.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Self

from sqlalchemy import Connection, Date, DateTime, cast, func, select

from aggregation.days import ONE_DAY
from aggregation.periods import Period
from aggregation.schema import creator_sparks, spark_profiles

NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class Sums:
    """The creator's shares. `earned`: of all gifts that came; `refunded`: of those refunded by now."""

    gifts: int = 0
    earned: Decimal = NOTHING
    refunded_gifts: int = 0
    refunded: Decimal = NOTHING

    @property
    def kept(self) -> Decimal:
        return self.earned - self.refunded

    def __add__(self, other: Self) -> "Sums":
        return Sums(
            self.gifts + other.gifts,
            self.earned + other.earned,
            self.refunded_gifts + other.refunded_gifts,
            self.refunded + other.refunded,
        )


@dataclass(frozen=True)
class Line:
    """One month or day of a ledger. `closing` is always `opening` + earned − refunded."""

    first: date
    opening: Decimal
    sums: Sums

    @property
    def closing(self) -> Decimal:
        return self.opening + self.sums.kept


@dataclass(frozen=True)
class SparkLine:
    """`name` is None where the platform no longer has the spark."""

    spark_id: int
    name: str | None
    sums: Sums


@dataclass(frozen=True)
class Statement:
    """Of one calendar month, up to `through` where it isn't over. Days without a gift have no line."""

    month: Line
    through: date
    days: Sequence[Line]
    sparks: Sequence[SparkLine]


# ---- pure ----


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def month_after(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def ledger(sums: Iterable[tuple[date, Sums]], opening: Decimal = NOTHING) -> list[Line]:
    """Each line opens with what the one before closed with."""
    lines = []
    for day, each in sums:
        line = Line(day, opening, each)
        lines.append(line)
        opening = line.closing
    return lines


def every_month(sums: dict[date, Sums], last: date) -> list[tuple[date, Sums]]:
    """From the first one with a gift to the one of `last`, also those without."""
    months, month = [], min(sums, default=last)
    while sums and month <= last:
        months.append((month, sums.get(month, Sums())))
        month = month_after(month)
    return months


# ---- reads ----


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


def _sums(row: object) -> Sums:
    gifts, earned, refunded_gifts, refunded = (
        getattr(row, name) for name in ("gifts", "earned", "refunded_gifts", "refunded")
    )
    return Sums(int(gifts), earned, int(refunded_gifts), refunded)
