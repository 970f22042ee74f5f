"""What a creator has earned, and what of it was refunded: sums, and ledgers that always balance. Pure.

A refund has no time of its own in the source: it is booked on the day of its gift. So a statement of a
past month changes when a gift of it is refunded, and it balances all the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Self

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
