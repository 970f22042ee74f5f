"""gifter_returns: how many of a day's gifters hadn't sent a gift for how long; who sent their first."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, case

from aggregation.jobs import visits
from aggregation.jobs.events import ZERO, people
from aggregation.jobs.seen import Visitors
from aggregation.schema import gifter_returns, user_engagement


def gave(row: Any) -> ColumnElement[bool]:
    """Whether a row of user_engagement makes its user a gifter of the day."""
    sent: ColumnElement[bool] = row.gifts_sent > ZERO
    return sent


GIFTERS = Visitors("gifter", user_engagement, ("user_id",), gave)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, days_since, gifters, first_timers.

    Reads user_engagement, which has to be right for these days already.
    """
    return _counted(visits.in_span(GIFTERS, first, last))


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then."""
    return _counted(visits.next_after(GIFTERS, last))


def _counted(visit: Any) -> Select[Any]:
    first_timers = case((visit.previous.is_(None), people(visit.user_id)))
    return visits.counted(gifter_returns, visit).add_columns(first_timers.label("first_timers"))
