"""spark_days: who sent each spark on a day, who received it, and what they earned."""

from datetime import date
from typing import Any

from sqlalchemy import Select, select

from aggregation.jobs.events import gifts, money, people


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """spark_id, date, creator_earnings, senders, recipients; needs no optional table."""
    gift = gifts(first, last).c
    return select(
        gift.spark_id,
        gift.date,
        money(gift.creator_share).label("creator_earnings"),
        people(gift.sender_id).label("senders"),
        people(gift.recipient_id).label("recipients"),
    ).group_by(gift.spark_id, gift.date)
