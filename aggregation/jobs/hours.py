"""creator_hours: how many gifts each creator was given in each hour of a day; only hours with a gift."""

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from aggregation.jobs import events
from aggregation.jobs.events import money


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, hour (when it begins), gifts, earned; needs no optional table."""
    gift = events.gifts(first, last).c
    return select(
        gift.recipient_id.label("creator_id"),
        gift.date,
        gift.hour,
        func.count().label("gifts"),
        money(gift.creator_share).label("earned"),
    ).group_by(gift.recipient_id, gift.date, gift.hour)
