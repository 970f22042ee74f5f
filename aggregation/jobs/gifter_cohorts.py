"""gifter_cohorts: what those who first gave in one month spent in another."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, true

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
    # One after the other, by the key.
    base = (
        select(earlier.date, earlier.amount)
        .where(earlier.user_id == row.user_id)
        .order_by(earlier.date)
        .limit(1)
        .lateral("base")
    )
    least = case((row.amount < base.c.amount, row.amount), else_=base.c.amount)
    return (
        select(
            row.date,
            base.c.date.label("cohort_date"),
            func.count().label("gifters"),
            money(row.amount).label("amount"),
            money(least).label("kept"),
        )
        .select_from(gifter_months.join(base, true()))
        .where(those)
        .group_by(row.date, base.c.date)
    )
