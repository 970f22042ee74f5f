"""gift_values: how many gifts of each value a day had."""

from datetime import date
from typing import Any

from sqlalchemy import Numeric, Select, cast, func, select

from aggregation.jobs.events import gifts


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, amount (both shares of one gift), gifts; needs no optional table."""
    gift = gifts(first, last).c
    amount = cast(gift.creator_share + gift.platform_share, Numeric(18, 2))
    return select(gift.date, amount.label("amount"), func.count().label("gifts")).group_by(gift.date, amount)
