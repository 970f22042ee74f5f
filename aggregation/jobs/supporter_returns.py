"""supporter_returns: how many of a creator's supporters of a day hadn't given to them for how long."""

from datetime import date
from typing import Any

from sqlalchemy import Select

from aggregation.jobs import visits
from aggregation.schema import creator_supporters, supporter_returns

WHO = ("creator_id", "supporter_id")
BY = ("creator_id",)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, days_since, supporters.

    Reads creator_supporters alone, which has to be right for these days already.
    """
    return visits.counted(supporter_returns, visits.in_span(creator_supporters, WHO, first, last), BY)


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then."""
    return visits.counted(supporter_returns, visits.next_after(creator_supporters, WHO, last), BY)
