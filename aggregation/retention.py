"""Who comes back and who pays again: cohorts by the day they signed up, and by the month of their first gift.

A cohort's cell at age N is known from the day N days after its own on, and is left out until then. Arrays
have a row for each day of signing up and a column for each age, and hold sums that can be added up further.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, ColumnElement, Connection, Date, Integer, case, cast, func, or_, select, values

from aggregation.days import ONE_DAY
from aggregation.periods import Period
from aggregation.schema import (
    OLDEST_AGE,
    cohort_activity,
    cohort_value,
    gifter_activity,
    gifter_cohorts,
    retention_cohorts,
    user_returns,
)

FOLLOWED = timedelta(days=OLDEST_AGE)
# Of a normal distribution, for 95 %.
Z = 1.959963984540054


class Measure(StrEnum):
    """What counts as coming back."""

    ON = "on"
    AFTER_30 = "after30"
    AFTER_90 = "after90"
    WITHIN = "within"


class Grain(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Ages(NamedTuple):
    """Active on at least one of these days after signing up, both inside."""

    first: int
    last: int


COLUMNS = {
    Measure.ON: tuple(Ages(n, n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28, 30, 45, 60, 75, 90)),
    Measure.AFTER_30: tuple(Ages(n, 30) for n in (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 28, 30)),
    Measure.AFTER_90: tuple(Ages(n, 90) for n in (1, 3, 7, 14, 21, 28, 30, 45, 60, 75, 90)),
    Measure.WITHIN: tuple(
        Ages(*each) for each in ((0, 0), (1, 7), (8, 14), (15, 21), (22, 28), (29, 60), (61, 90))
    ),
}


@dataclass(frozen=True)
class Share:
    """`part` of `whole` people. With nobody there is no rate, and no interval."""

    part: int
    whole: int

    @property
    def rate(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def percent(self) -> Decimal | None:
        return Decimal(100 * self.part) / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, 95 %."""
        return wilson(self.part, self.whole) if self.whole else None


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The interval that holds the true share in 95 % of cases; by hand, as loading statsmodels takes seconds.

    >>> low, high = wilson(0, 10)
    >>> low, round(high, 4)
    (0.0, 0.2775)
    """
    share, square = part / whole, Z * Z
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    reach = Z / (1 + square / whole) * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    return max(0.0, middle - reach) if part else 0.0, min(1.0, middle + reach) if part < whole else 1.0


@dataclass(frozen=True)
class Cohorts:
    """`sizes` of the cohorts of these days, and of each how many came back, by column.

    Activity is known from the day `since` on, when there was the first of all, to the newest complete one,
    `through`.
    """

    days: Period
    since: date
    through: date
    ages: Sequence[Ages]
    sizes: np.ndarray
    returned: np.ndarray

    def known(self, column: int) -> np.ndarray:
        """Of which days it can be said: they are old enough, and activity was recorded by then."""
        ages, first = self.ages[column], self.days.first
        number = np.arange(self.days.days)
        old_enough = number <= (self.through - first).days - ages.last
        return old_enough & (number >= (self.since - first).days - ages.first)

    def _inside(self, days: Period) -> slice:
        begin, end = (days.first - self.days.first).days, (days.last - self.days.first).days + 1
        return slice(max(begin, 0), max(end, 0))

    def share(self, column: int, days: Period) -> Share:
        """Σ returned / Σ size over those cohorts of `days` of which it is known."""
        inside, known = self._inside(days), self.known(column)
        counted = known[inside]
        return Share(
            int(self.returned[inside, column][counted].sum()), int(self.sizes[inside][counted].sum())
        )

    def known_days(self, column: int, days: Period) -> int:
        return int(self.known(column)[self._inside(days)].sum())

    def people(self, days: Period) -> int:
        """How many signed up."""
        return int(self.sizes[self._inside(days)].sum())


# ---- what is stored ----


def cohorts(connection: Connection, days: Period, through: date, ages: Sequence[Ages]) -> Cohorts:
    """Of those who signed up on `days`, who was active on at least one of these ages, until `through`."""
    returned = np.zeros((days.days, len(ages)), dtype=np.int64)
    for day, column, users in connection.execute(_returned(days, through, ages)):
        returned[(day - days.first).days, column] = users
    cohort = retention_cohorts.c
    sizes = np.zeros(days.days, dtype=np.int64)
    rows = select(cohort.cohort_date, cohort.cohort_size).where(
        cohort.cohort_date.between(days.first, days.last)
    )
    for day, size in connection.execute(rows):
        sizes[(day - days.first).days] = size
    # Without any activity nothing is known.
    since = connection.scalar(select(func.min(user_returns.c.date))) or through + ONE_DAY
    return Cohorts(days, since, through, ages, sizes, returned)


def _returned(days: Period, through: date, ages: Sequence[Ages]) -> Any:
    """Each one's first visit at these ages: there was none before, or it was before them."""
    row = cohort_activity.c
    if all(each.first == each.last for each in ages):
        return _on_days(days, through, {each.first: number for number, each in enumerate(ages)})
    span = values(Column("number", Integer), Column("first", Integer), Column("last", Integer), name="spans")
    span = span.data([(number, *each) for number, each in enumerate(ages)])
    first = or_(row.days_since == 0, row.age - row.days_since < span.c.first)
    inside = row.age.between(span.c.first, span.c.last) & first
    day = cast(row.date - row.age, Date)
    return (
        select(day, span.c.number, func.sum(row.users))
        .select_from(cohort_activity.join(span, inside))
        .where(*_of(row, days, through))
        .group_by(day, span.c.number)
    )


def _on_days(days: Period, through: date, columns: dict[int, int]) -> Any:
    """The same for single days, where each visit is one: without looking at every row for every age."""
    row = cohort_activity.c
    day, column = cast(row.date - row.age, Date), case(columns, value=row.age)
    return (
        select(day, column, func.sum(row.users))
        .where(*_of(row, days, through), row.age.in_(columns))
        .group_by(day, row.age)
    )


def _of(row: Any, days: Period, through: date) -> tuple[ColumnElement[bool], ...]:
    """The rows of those who signed up on `days`."""
    until = min(days.last + FOLLOWED, through)
    return row.date.between(days.first, until), (row.date - row.age).between(days.first, days.last)


def values_of(connection: Connection, days: Period, through: date) -> np.ndarray:
    """What each day's sign-ups spent on gifts, in cents, by age from 0 to 90."""
    row = cohort_value.c
    cents = np.zeros((days.days, OLDEST_AGE + 1), dtype=np.int64)
    rows = select(cast(row.date - row.age, Date), row.age, row.amount).where(*_of(row, days, through))
    for day, age, amount in connection.execute(rows):
        cents[(day - days.first).days, age] = int(amount * 100)
    return cents


def gifters(connection: Connection, days: Period) -> dict[date, Share]:
    """By day: of those who gave their first gift 30 days earlier, who was active. Only days with any."""
    row = gifter_activity.c
    earlier = days.shifted(-30)
    rows = connection.execute(
        select(row.date, row.age, row.users).where(
            (row.date.between(earlier.first, earlier.last) & (row.age == 0))
            | (row.date.between(days.first, days.last) & (row.age == 30))
        )
    ).all()
    began = {day + timedelta(days=30): users for day, age, users in rows if age == 0}
    active = {day: users for day, age, users in rows if age == 30}
    return {day: Share(active.get(day, 0), users) for day, users in began.items()}


class Spending(NamedTuple):
    """Of those who gave first in a month: how many gave, what, and of that no more than each did at first."""

    gifters: int = 0
    amount: Decimal = Decimal(0)
    kept: Decimal = Decimal(0)


@dataclass(frozen=True)
class GifterCohorts:
    """By month of first gift and month of spending, both by their last day. `newest`: the last one over.

    `oldest` is the first with gifts from its first day on: what is spent in part of a month is no month's.
    """

    spent: dict[tuple[date, date], Spending]
    oldest: date
    newest: date

    @property
    def months(self) -> list[date]:
        """Those in which somebody gave first."""
        return sorted(cohort for cohort, month in self.spent if cohort == month)

    def over(self, cohort: date, months: int) -> bool:
        return later_month(cohort, months) <= self.newest

    def ripe(self, cohort: date, months: int) -> bool:
        return cohort >= self.oldest and self.over(cohort, months)

    def at(self, cohort: date, months: int) -> Spending:
        return self.spent.get((cohort, later_month(cohort, months)), Spending())

    def kept(self, of: Iterable[date], months: int) -> tuple[Decimal | None, Decimal | None]:
        """GRR and NRR in percent so many months after the first, of the ripe cohorts among these."""
        ripe = [cohort for cohort in of if self.ripe(cohort, months)]
        base = sum((self.at(cohort, 0).amount for cohort in ripe), start=Decimal(0))
        if not base:
            return None, None
        then = [self.at(cohort, months) for cohort in ripe]
        return (
            100 * sum((each.kept for each in then), start=Decimal(0)) / base,
            100 * sum((each.amount for each in then), start=Decimal(0)) / base,
        )


def gifter_months(connection: Connection, through: date) -> GifterCohorts:
    """Of all months until the one that `through` lies in or ends."""
    row, newest = gifter_cohorts.c, last_month_end(through)
    began = connection.execute(select(func.min(gifter_activity.c.date))).scalar() or newest
    rows = connection.execute(
        select(row.cohort_date, row.date, row.gifters, row.amount, row.kept).where(row.date <= newest)
    )
    spent = {(cohort, month): Spending(*rest) for cohort, month, *rest in rows}
    return GifterCohorts(spent, later_month(began - ONE_DAY, 1), newest)


# ---- days ----


def last_month_end(day: date) -> date:
    """The last day of the newest month that is over when `day` is."""
    return day if (day + ONE_DAY).day == 1 else day.replace(day=1) - ONE_DAY


def later_month(day: date, months: int) -> date:
    """The end of the month so many months after that of the day."""
    number = day.year * 12 + day.month + months
    return date(number // 12, number % 12 + 1, 1) - ONE_DAY


def groups(days: Period, grain: Grain, week_start: int = 0) -> list[Period]:
    """The days cut at the ends of weeks (which begin with that weekday) or months; oldest first."""
    starts = [day for day in days.dates() if day == days.first or _begins(day, grain, week_start)]
    return [
        Period(first, following - ONE_DAY)
        for first, following in zip(starts, [*starts[1:], days.last + ONE_DAY], strict=True)
    ]


def whole(days: Period, grain: Grain, week_start: int = 0) -> Period:
    """The days from the beginning of the week or month in which the first of them lies."""
    first = days.first
    while not _begins(first, grain, week_start):
        first -= ONE_DAY
    return Period(first, days.last)


def _begins(day: date, grain: Grain, week_start: int) -> bool:
    match grain:
        case Grain.DAY:
            return True
        case Grain.WEEK:
            return day.weekday() == week_start
        case Grain.MONTH:
            return day.day == 1
