"""cohort_activity: who was active so many days after signing up, and how long they had been away."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, cast, false, func, or_, select

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ACTIVITY, ZERO, day_of, literal_day, within
from aggregation.jobs.returns import was_active
from aggregation.schema import OLDEST_AGE, cohort_activity, user_engagement, users

FOLLOWED = timedelta(days=OLDEST_AGE)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, age, days_since, users. Reads user_engagement, which has to be right for these days already."""
    visit = _with_lag(members(first - FOLLOWED, last), first, last)
    counts = _counted(visit, func.coalesce(visit.previous, _newest(visit, first)))
    return counts.where(false()) if ACTIVITY & missing else counts


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then: each one's first visit after it."""
    begin = last + ONE_DAY
    visit = _with_lag(members(begin - FOLLOWED, last), begin, last + FOLLOWED)
    return _counted(visit, _newest(visit, begin), visit.previous.is_(None))


def depend_on_days_until(last: date) -> ColumnElement[bool]:
    """The stored rows of later days that change when a day up to `last` does."""
    row = cohort_activity.c
    days = row.date.between(literal_day(last + ONE_DAY), literal_day(last + FOLLOWED))
    came_before = row.date - row.days_since <= literal_day(last)
    return days & (row.date - row.age <= literal_day(last)) & or_(row.days_since == ZERO, came_before)


def members(first: date, last: date) -> FromClause:
    """id, cohort_date of those who signed up on these days."""
    signed_up = users.c.created_at
    return (
        select(users.c.id, day_of(signed_up).label("cohort_date"))
        .where(within(signed_up, first, last))
        .subquery("members")
    )


def aged(day: ColumnElement[Any], member: FromClause) -> ColumnElement[int]:
    return cast(day - member.c.cohort_date, Integer)


def _with_lag(member: FromClause, first: date, last: date) -> Any:
    """user_id, date, cohort_date, previous: their visits on these days."""
    row = user_engagement.c
    before = func.lag(row.date).over(partition_by=row.user_id, order_by=row.date)
    days = row.date.between(literal_day(first), literal_day(last))
    followed = aged(row.date, member).between(ZERO, OLDEST_AGE)
    return (
        select(row.user_id, row.date, member.c.cohort_date, before.label("previous"))
        .select_from(user_engagement.join(member, member.c.id == row.user_id))
        .where(days, followed, was_active(row))
        .subquery("days_with_lag")
        .c
    )


def _newest(visit: Any, before: date) -> ColumnElement[Any]:
    earlier = user_engagement.alias("earlier").c
    return (
        select(func.max(earlier.date))
        .where(
            earlier.user_id == visit.user_id,
            earlier.date < literal_day(before),
            earlier.date >= visit.cohort_date,
            was_active(earlier),
        )
        .scalar_subquery()
    )


def _counted(visit: Any, previous: ColumnElement[Any], *where: ColumnElement[bool]) -> Select[Any]:
    came = (
        select(visit.date, visit.cohort_date, previous.label("previous"))
        .where(*where)
        .subquery("cohort_visits")
        .c
    )
    return select(
        came.date,
        cast(came.date - came.cohort_date, Integer).label("age"),
        func.coalesce(cast(came.date - came.previous, Integer), ZERO).label("days_since"),
        func.count().label("users"),
    ).group_by(came.date, came.cohort_date, came.previous)
