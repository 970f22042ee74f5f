"""creator_months: what each creator had earned in the month by the end of each day.

By it a creator's earnings in any period are a sum of few rows, one a boundary and one a month's end between
them: as many for a year as for two weeks, and as many with few gifts as with many.
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    DateTime,
    Numeric,
    Select,
    case,
    cast,
    func,
    select,
    values,
)
from sqlalchemy import union_all as stacked

from aggregation.days import ONE_DAY, days_between
from aggregation.jobs.events import ONE, ZERO, literal_day
from aggregation.schema import creator_metrics


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, creator_id, month_to_date: for every creator from their first earnings of the month on.

    Reads creator_metrics alone, which has to be right for these days and the month before them already.
    """
    earned, day = _earned(first, last), _days(first, last)
    creator = select(earned.c.creator_id, earned.c.month).distinct().subquery("creators")
    both = stacked(
        select(earned.c.creator_id, earned.c.month, earned.c.date, earned.c.amount, ZERO.label("wanted")),
        select(creator.c.creator_id, creator.c.month, day.c.date, ZERO, ONE).select_from(
            creator.join(day, day.c.month == creator.c.month)
        ),
    ).subquery("both")
    keys = [both.c.creator_id, both.c.month, both.c.date]
    by_day = (
        select(*keys, func.sum(both.c.amount).label("amount"), func.max(both.c.wanted).label("wanted"))
        .group_by(*keys)
        .subquery("by_day")
        .c
    )
    so_far = func.sum(by_day.amount).over(
        partition_by=[by_day.creator_id, by_day.month], order_by=by_day.date, rows=(None, 0)
    )
    row = select(by_day.date, by_day.creator_id, so_far.label("so_far"), by_day.wanted).subquery("so_far").c
    return select(row.date, row.creator_id, cast(row.so_far, Numeric(18, 2)).label("month_to_date")).where(
        row.wanted == ONE, row.so_far > ZERO
    )


def _earned(first: date, last: date) -> Any:
    """creator_id, month, date, amount; the days of the month before `first` as one."""
    metric = creator_metrics.c
    before = first - ONE_DAY
    day = case((metric.date < literal_day(first), literal_day(before)), else_=metric.date).label("date")
    month = _month_of(metric.date).label("month")
    return (
        select(metric.creator_id, month, day, func.sum(metric.gift_revenue).label("amount"))
        .where(
            metric.date.between(literal_day(first.replace(day=1)), literal_day(last)),
            metric.gift_revenue > ZERO,
        )
        .group_by(metric.creator_id, month, day)
        .cte("earned")
    )


def _month_of(day: ColumnElement[date]) -> ColumnElement[date]:
    return cast(func.date_trunc("month", cast(day, DateTime)), Date)


def _days(first: date, last: date) -> Any:
    rows = [(literal_day(day), literal_day(day.replace(day=1))) for day in days_between(first, last)]
    return values(Column("date", Date), Column("month", Date), name="days").data(rows)
