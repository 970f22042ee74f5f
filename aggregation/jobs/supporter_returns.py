"""supporter_returns: how many of a creator's supporters of a day hadn't given to them for how long."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from aggregation.jobs import visits
from aggregation.jobs.events import ONE
from aggregation.jobs.seen import NEVER, Visitors
from aggregation.schema import creator_supporters, supporter_changes, supporter_returns, supporter_totals

SUPPORTERS = Visitors("supporter", creator_supporters, ("creator_id", "supporter_id"))
BY = ("creator_id",)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, days_since, supporters.

    Reads creator_supporters, which has to be right for these days already, and what supporter_totals knows.
    """
    return visits.counted(supporter_returns, visits.in_span(SUPPORTERS, first, last, _known), BY)


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then."""
    return visits.counted(supporter_returns, visits.next_after(SUPPORTERS, last), BY)


def _known(row: Any) -> ColumnElement[date]:
    """Of each pair's last day, while nothing has changed that isn't summed up."""
    total = supporter_totals.c
    same = and_(*(total[name] == row[name] for name in SUPPORTERS.who), total.last_day == row.date)
    previous = select(func.coalesce(total.previous_day, NEVER)).where(same).scalar_subquery()
    noted = select(ONE).select_from(supporter_changes).exists()
    return case((~noted, previous))
