"""gift_refunds: what was given on a day and taken back since; only days with any of it."""

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from aggregation.jobs.events import gifts, money


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, gifts, amount (both shares); needs no optional table."""
    gift = gifts(first, last, "refunded").c
    gross = money(gift.creator_share + gift.platform_share)
    return select(gift.date, func.count().label("gifts"), gross.label("amount")).group_by(gift.date)
