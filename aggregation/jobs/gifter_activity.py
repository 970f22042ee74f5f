"""gifter_activity: how many gave their first gift, and how many of them were active 30 days later."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, cast, func, literal_column, select, union_all

from aggregation.jobs.events import ZERO, literal_day
from aggregation.jobs.returns import was_active
from aggregation.schema import gifter_activity, gifter_returns, user_engagement

AGE = 30
LATER = timedelta(days=AGE)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, age (0 or 30), users. Reads user_engagement and gifter_returns alone."""
    return _rows(lambda day, ago: day.between(literal_day(first - ago), literal_day(last - ago)))


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last`: who gave first hangs on all days before."""
    return _rows(lambda day, ago: day > literal_day(last - ago))


def depend_on_days_until(last: date) -> ColumnElement[bool]:
    return gifter_activity.c.date > literal_day(last)


def _rows(inside: Callable[[ColumnElement[date], timedelta], ColumnElement[bool]]) -> Select[Any]:
    """`inside`: whether a day is one of those that are asked for, or so long before one."""
    began, row = gifter_returns.c, user_engagement.c
    first_gifts = select(began.date, cast(ZERO, Integer).label("age"), began.gifters.label("users"))
    newcomer = (
        select(began.date, func.unnest(began.first_timers).label("user_id"))
        .where(began.days_since == ZERO, inside(began.date, LATER))
        .subquery("newcomers")
        .c
    )
    age: ColumnElement[int] = literal_column(str(AGE))
    came_back = (
        select(row.date, cast(age, Integer), func.count())
        .where(
            row.user_id == newcomer.user_id,
            inside(row.date, timedelta()),
            cast(row.date - newcomer.date, Integer) == age,
            was_active(row),
        )
        .group_by(row.date)
    )
    both = union_all(
        first_gifts.where(began.days_since == ZERO, inside(began.date, timedelta())), came_back
    ).subquery("both")
    return select(*both.c)
