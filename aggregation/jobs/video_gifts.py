"""creator_video_gifts: what creators were given with their own videos; gifts without one aren't here."""

from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from aggregation.jobs import events
from aggregation.jobs.events import money
from aggregation.schema import videos


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, creator_id, gifts, amount (the creator's share).

    A gift with somebody else's video is one without: its views are not the creator's.
    """
    gift = events.gifts(first, last)
    own = (videos.c.id == gift.c.video_id) & (videos.c.creator_id == gift.c.recipient_id)
    return (
        select(
            gift.c.date,
            gift.c.recipient_id.label("creator_id"),
            func.count().label("gifts"),
            money(gift.c.creator_share).label("amount"),
        )
        .select_from(gift.join(videos, own))
        .group_by(gift.c.date, gift.c.recipient_id)
    )
