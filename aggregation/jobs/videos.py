"""creator_videos: what happened on a day on each video, and what was given without one."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, case, func, literal_column, select

from aggregation.jobs.events import (
    ONE,
    ZERO,
    cents,
    counted_gifts,
    day_of,
    interactions,
    money,
    summed,
    total,
    watches,
    within,
)
from aggregation.schema import NO_VIDEO, creator_videos, videos, virtual_gifts

INTERACTIONS = {"like": "likes", "comment": "comments", "share": "shares"}
MEASURES = ("views", *INTERACTIONS.values(), "gifts", "earned")


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, video_id and the measures; null in what depends on a missing table.

    Views and reactions belong to the owner of the video, gifts to whom they were given. One on a video
    that isn't the recipient's counts as one without a video.
    """
    without = [
        name
        for table, names in (
            ("video_watches", ("views",)),
            ("video_interactions", tuple(INTERACTIONS.values())),
        )
        for name in names
        if table in missing
    ]
    parts = _parts(first, last, missing)
    counted = [name for name in MEASURES if name != "earned"]
    return summed(creator_videos, MEASURES, parts, without, counts=counted)


def _parts(first: date, last: date, missing: frozenset[str]) -> Iterator[Select[Any]]:
    yield _gifts(first, last)
    if "video_watches" not in missing:
        yield _views(first, last)
    if "video_interactions" not in missing:
        yield _interactions(first, last)


def _gifts(first: date, last: date) -> Select[Any]:
    gift = virtual_gifts.c
    own = and_(videos.c.id == gift.video_id, videos.c.creator_id == gift.recipient_id)
    given = (
        select(
            gift.recipient_id.label("creator_id"),
            day_of(gift.created_at).label("date"),
            func.coalesce(videos.c.id, literal_column(str(NO_VIDEO))).label("video_id"),
            cents(gift.creator_share).label("share"),
        )
        .select_from(virtual_gifts.outerjoin(videos, own))
        .where(counted_gifts(), within(gift.created_at, first, last))
        .subquery("given")
        .c
    )
    keys = (given.creator_id, given.date, given.video_id)
    return select(*keys, func.count().label("gifts"), money(given.share).label("earned")).group_by(*keys)


def _views(first: date, last: date) -> Select[Any]:
    watch = watches(first, last)
    keys = (videos.c.creator_id, watch.c.date, watch.c.video_id)
    return (
        select(*keys, func.count().label("views"))
        .select_from(watch.join(videos, videos.c.id == watch.c.video_id))
        .where(videos.c.creator_id.is_not(None))
        .group_by(*keys)
    )


def _interactions(first: date, last: date) -> Select[Any]:
    interaction = interactions(first, last)
    keys = (videos.c.creator_id, interaction.c.date, interaction.c.video_id)
    counts = (
        total(case((interaction.c.kind == literal_column(f"'{kind}'"), ONE), else_=ZERO)).label(name)
        for kind, name in INTERACTIONS.items()
    )
    return (
        select(*keys, *counts)
        .select_from(interaction.join(videos, videos.c.id == interaction.c.video_id))
        .where(videos.c.creator_id.is_not(None))
        .group_by(*keys)
    )
