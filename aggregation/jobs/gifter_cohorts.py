"""gifter_cohorts: what those who first gave in one month spent in another."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from aggregation.jobs.events import literal_day, money
from aggregation.schema import gifter_cohorts, gifter_months


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, cohort_date, gifters, amount, kept. Reads gifter_months alone."""
    return _of(gifter_months.c.date.between(literal_day(first), literal_day(last)))


def of_later_days(last: date) -> Select[Any]:
    """Which month somebody's first one is, and what was spent in it, bears on all months after."""
    return _of(gifter_months.c.date > literal_day(last))


def depend_on_days_until(last: date) -> ColumnElement[bool]:
    return gifter_cohorts.c.date > literal_day(last)


def _of(those: ColumnElement[bool]) -> Select[Any]:
    row, earlier = gifter_months.c, gifter_months.alias("earlier").c
    begin = select(func.min(earlier.date)).where(earlier.user_id == row.user_id).scalar_subquery()
    month = select(row.user_id, row.date, row.amount, begin.label("cohort_date")).where(those)
    spent, base = month.subquery("spent"), gifter_months.alias("base")
    same = (base.c.user_id == spent.c.user_id) & (base.c.date == spent.c.cohort_date)
    least = case((spent.c.amount < base.c.amount, spent.c.amount), else_=base.c.amount)
    return (
        select(
            spent.c.date,
            spent.c.cohort_date,
            func.count().label("gifters"),
            money(spent.c.amount).label("amount"),
            money(least).label("kept"),
        )
        .select_from(spent.join(base, same))
        .group_by(spent.c.date, spent.c.cohort_date)
    )
