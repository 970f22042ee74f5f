"""user_frequency: on how many of 28 days users were active; of four whole weeks, each Sunday."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, Date, Integer, Select, case, cast, false, func, literal_column, select, values

from aggregation.days import days_between
from aggregation.jobs.events import ONE, ZERO, literal_day
from aggregation.jobs.returns import was_active
from aggregation.schema import user_engagement

SUNDAY = 6
BEFORE = timedelta(days=27)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, days, users. Reads user_engagement alone."""
    sundays = [day for day in days_between(first, last) if day.weekday() == SUNDAY]
    counts = _counts(sundays or [last])
    return counts if sundays else counts.where(false())


def _counts(ends: list[date]) -> Select[Any]:
    """One pass over the days of all windows, with a count for each, and then a row for each."""
    row = user_engagement.c
    windows = [row.date.between(literal_day(end - BEFORE), literal_day(end)) for end in ends]
    names = [f"window_{number}" for number in range(len(ends))]
    each = (
        select(
            *(
                func.count(case((inside, ONE))).label(name)
                for inside, name in zip(windows, names, strict=True)
            )
        )
        .where(row.date.between(literal_day(ends[0] - BEFORE), literal_day(ends[-1])), was_active(row))
        .group_by(row.user_id)
        .subquery("counted")
    )
    window = values(Column("date", Date), Column("number", Integer), name="windows").data(
        [(literal_day(end), literal_column(str(number))) for number, end in enumerate(ends)]
    )
    days = case(*((window.c.number == literal_column(str(n)), each.c[name]) for n, name in enumerate(names)))
    spread = select(window.c.date, cast(days, Integer).label("days")).select_from(
        each.join(window, days > ZERO)
    )
    found = spread.subquery("spread").c
    return select(found.date, found.days, func.count().label("users")).group_by(found.date, found.days)
