"""gift_analytics: each spark's hour; only hours in which it was sent."""

from datetime import date
from typing import Any

from sqlalchemy import Select, distinct, func, select

from aggregation.jobs import events
from aggregation.jobs.events import money


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """spark_id, hour, send_count, revenue, unique_senders, unique_recipients; needs no optional table."""
    gift = events.gifts(first, last).c
    return select(
        gift.spark_id,
        gift.hour,
        func.count().label("send_count"),
        money(gift.creator_share + gift.platform_share).label("revenue"),
        func.count(distinct(gift.sender_id)).label("unique_senders"),
        func.count(distinct(gift.recipient_id)).label("unique_recipients"),
    ).group_by(gift.spark_id, gift.hour)
