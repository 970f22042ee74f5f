"""gifter_activity: how many gave their first gift, and how many of them were active 30 days later."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, cast, func, literal_column, select, union_all

from aggregation.jobs import visits
from aggregation.jobs.events import ZERO, literal_day
from aggregation.jobs.returns import WHO, was_active
from aggregation.schema import gifter_activity, user_engagement

AGE = 30
LATER = timedelta(days=AGE)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, age (0 or 30), users. Reads user_engagement alone."""
    began = visits.in_span(user_engagement, WHO, first, last, gave)
    of_earlier = visits.in_span(user_engagement, WHO, first - LATER, last - LATER, gave)
    days = user_engagement.c.date.between(literal_day(first), literal_day(last))
    return _rows(began, of_earlier, days)


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last`: who gave first hangs on all days before."""
    began = visits.next_after(user_engagement, WHO, last, gave)
    of_earlier = visits.next_after(user_engagement, WHO, last - LATER, gave)
    return _rows(began, of_earlier, user_engagement.c.date > literal_day(last))


def depend_on_days_until(last: date) -> ColumnElement[bool]:
    return gifter_activity.c.date > literal_day(last)


def gave(row: Any) -> ColumnElement[bool]:
    return row.gifts_sent > ZERO  # type: ignore[no-any-return]


def _rows(began: Any, of_earlier: Any, days: ColumnElement[bool]) -> Select[Any]:
    first_gifts = select(began.date, ZERO.label("age"), began.user_id).where(began.previous.is_(None))
    row = user_engagement.c
    came_back = select(row.date, literal_column(str(AGE)).label("age"), row.user_id).where(
        row.user_id == of_earlier.user_id,
        cast(row.date - of_earlier.date, Integer) == literal_column(str(AGE)),
        of_earlier.previous.is_(None),
        was_active(row),
        days,
    )
    both = union_all(first_gifts, came_back).subquery("gifters").c
    return select(both.date, cast(both.age, Integer).label("age"), func.count().label("users")).group_by(
        both.date, both.age
    )
