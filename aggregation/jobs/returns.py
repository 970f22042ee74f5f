"""user_returns: how many of a day's active users had been away for how long.

By it the distinct active users of any period are a sum: those of each day who weren't active since
the period began. Counting them in user_engagement takes longer the more users and days there are.
"""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, cast, func, or_, select, union_all

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ZERO, literal_day
from aggregation.schema import user_engagement, user_returns


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, days_since, users: of the days, and of later ones what depends on them.

    Reads user_engagement alone, which has to be right for these days already.
    """
    visit = union_all(_visits(first, last), _next_visits(last)).subquery("visits").c
    away = func.coalesce(cast(visit.date - visit.previous, Integer), ZERO)
    return select(visit.date, away.label("days_since"), func.count().label("users")).group_by(
        visit.date, visit.previous
    )


def depend_on_days_until(last: date) -> ColumnElement[bool]:
    """The stored rows of later days that change when a day up to `last` does."""
    row = user_returns.c
    came_before = row.date - row.days_since <= literal_day(last)
    return (row.date > literal_day(last)) & or_(row.days_since == ZERO, came_before)


def was_active(row: Any) -> ColumnElement[bool]:
    """Whether a row of user_engagement makes its user an active one; gifts received don't."""
    return or_(row.session_count > ZERO, row.videos_watched > ZERO, row.gifts_sent > ZERO)


def _visits(first: date, last: date) -> Select[Any]:
    """date, previous: a row for each active day of each user in the span."""
    used = user_engagement.c
    before = func.lag(used.date).over(partition_by=used.user_id, order_by=used.date)
    visit = (
        select(used.user_id, used.date, before.label("previous"))
        .where(was_active(used), used.date.between(literal_day(first), literal_day(last)))
        .subquery("visits_in_span")
        .c
    )
    # Only a user's first day in the span has to be looked up, by the primary key.
    return select(visit.date, func.coalesce(visit.previous, _newest(visit.user_id, first)).label("previous"))


def _next_visits(last: date) -> Select[Any]:
    """The same for each user's first active day after the span: only there can the span matter later."""
    used = user_engagement.c
    visit = (
        select(used.user_id, func.min(used.date).label("date"))
        .where(was_active(used), used.date > literal_day(last))
        .group_by(used.user_id)
        .subquery("next_visits")
        .c
    )
    return select(visit.date, _newest(visit.user_id, last + ONE_DAY).label("previous"))


def _newest(user_id: ColumnElement[Any], before: date) -> Any:
    earlier = user_engagement.alias("earlier")
    return (
        select(func.max(earlier.c.date))
        .where(earlier.c.user_id == user_id, earlier.c.date < literal_day(before), was_active(earlier.c))
        .scalar_subquery()
    )
