"""creator_profiles: name and followers of every creator, as they are now."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, select, union

from aggregation.jobs.events import ONE, counted_gifts, finite, given, within
from aggregation.schema import creator_profiles, users, videos, virtual_gifts


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, name, followers; the whole table whatever the days.

    Name and followers are null for who isn't in `users` (any more).
    """
    creators = union(
        select(users.c.id.label("creator_id")).where(users.c.is_creator),
        select(videos.c.creator_id).where(given(videos.c.creator_id)),
        *_recipients(first, last),
    ).subquery("creators")
    return select(creators.c.creator_id, users.c.username.label("name"), users.c.followers).select_from(
        creators.outerjoin(users, users.c.id == creators.c.creator_id)
    )


def _recipients(first: date, last: date) -> tuple[Select[Any], ...]:
    """Who was ever given a gift, without reading all gifts each night.

    Those of the days, those known already who still have one, and all of them where none is known.
    """
    gift, known = virtual_gifts.c, creator_profiles.c
    ever_given = counted_gifts() & finite(gift.created_at)
    nothing_known = ~select(ONE).select_from(creator_profiles).exists()
    return (
        select(gift.recipient_id).where(counted_gifts(), within(gift.created_at, first, last)).distinct(),
        select(known.creator_id).where(
            ~_flagged(known.creator_id),
            ~_owns_videos(known.creator_id),
            select(ONE).where(gift.recipient_id == known.creator_id, ever_given).exists(),
        ),
        select(gift.recipient_id).where(ever_given, nothing_known).distinct(),
    )


def _flagged(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(ONE).where(users.c.id == user_id, users.c.is_creator).exists()


def _owns_videos(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(ONE).where(videos.c.creator_id == user_id).exists()
