"""user_returns: how many of a day's active users had been away for how long."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, or_

from aggregation.jobs import visits
from aggregation.jobs.events import ZERO
from aggregation.jobs.seen import Visitors
from aggregation.schema import user_engagement, user_returns


def was_active(row: Any) -> ColumnElement[bool]:
    """Whether a row of user_engagement makes its user an active one; gifts received don't."""
    return or_(row.session_count > ZERO, row.videos_watched > ZERO, row.gifts_sent > ZERO)


USERS = Visitors("user", user_engagement, ("user_id",), was_active)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, days_since, users. Reads user_engagement, which has to be right for these days already."""
    return visits.counted(user_returns, visits.in_span(USERS, first, last))


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then."""
    return visits.counted(user_returns, visits.next_after(USERS, last))
