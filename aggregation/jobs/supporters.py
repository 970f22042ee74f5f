"""creator_supporters: who gave how much to whom on which day."""

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from aggregation.jobs import events
from aggregation.jobs.events import money


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, supporter_id, date, gifts, amount (the creator's share), gross, the day's favourite spark.

    Needs no optional table.
    """
    gift = events.gifts(first, last).c
    return select(
        gift.recipient_id.label("creator_id"),
        gift.sender_id.label("supporter_id"),
        gift.date,
        func.count().label("gifts"),
        money(gift.creator_share).label("amount"),
        money(gift.creator_share + gift.platform_share).label("gross"),
        func.mode().within_group(gift.spark_id).label("spark_id"),
    ).group_by(gift.recipient_id, gift.sender_id, gift.date)
