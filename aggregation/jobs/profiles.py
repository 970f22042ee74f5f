"""creator_profiles: name and followers of every creator, as they are now."""

from datetime import date
from typing import Any

from sqlalchemy import Select, select, union

from aggregation.jobs.events import counted_gifts, finite, given
from aggregation.schema import users, videos, virtual_gifts


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, name, followers; the whole table whatever the days.

    Name and followers are null for who isn't in `users` (any more).
    """
    gift = virtual_gifts.c
    creators = union(
        select(users.c.id.label("creator_id")).where(users.c.is_creator),
        select(videos.c.creator_id).where(given(videos.c.creator_id)),
        select(gift.recipient_id).where(counted_gifts(), finite(gift.created_at)),
    ).subquery("creators")
    return select(creators.c.creator_id, users.c.username.label("name"), users.c.followers).select_from(
        creators.outerjoin(users, users.c.id == creators.c.creator_id)
    )
