"""Reads of what a creator's videos brought, from creator_videos."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, case, func, select

from aggregation.periods import Period
from aggregation.schema import NO_VIDEO, creator_videos, video_profiles
from aggregation.summaries import ratio

COUNTS = ("views", "likes", "comments", "shares")
# As many points does the chart have, the most viewed.
DRAWN = 200


@dataclass(frozen=True)
class Brought:
    """Sums over a period. What the platform doesn't record is None."""

    views: int | None
    likes: int | None
    comments: int | None
    shares: int | None
    gifts: int
    earned: Decimal

    @property
    def engagement(self) -> Decimal | None:
        """Reactions for every 100 views."""
        parts = (self.likes, self.comments, self.shares)
        known = [part for part in parts if part is not None]
        return ratio(sum(known), self.views, 100) if len(known) == len(parts) else None

    @property
    def rpm(self) -> Decimal | None:
        """Earned for every 1000 views."""
        return ratio(self.earned, self.views, 1000)

    @property
    def gifts_per_1000(self) -> Decimal | None:
        return ratio(self.gifts, self.views, 1000)


@dataclass(frozen=True)
class Video:
    """`title` is None where the platform no longer has the video."""

    video_id: int
    title: str | None
    made_on: date | None
    brought: Brought


@dataclass(frozen=True)
class Content:
    """All of a period: with a video, and what was given without one. `videos`: how many had anything."""

    with_video: Brought
    without: Brought
    videos: int


def totals(connection: Connection, creator_id: int, period: Period) -> Content:
    row = creator_videos.c
    bare = case((row.video_id == NO_VIDEO, True), else_=False).label("bare")
    found = connection.execute(
        select(bare, *_SUMS, func.count(row.video_id.distinct()).label("videos"))
        .where(*_of(creator_id, period))
        .group_by(bare)
    )
    by_kind = {each.bare: each for each in found}
    with_video, without = by_kind.get(False), by_kind.get(True)
    return Content(
        _brought(with_video) if with_video else _nothing(without),
        _brought(without) if without else _nothing(with_video),
        with_video.videos if with_video else 0,
    )


def page(
    connection: Connection, creator_id: int, period: Period, limit: int, offset: int = 0
) -> tuple[Sequence[Video], bool]:
    """The videos that brought most first, and whether there are more."""
    sums = _by_video(creator_id, period).subquery("sums")
    order = (sums.c.earned.desc(), sums.c.views.desc().nulls_last(), sums.c.video_id)
    some = select(sums).order_by(*order).limit(limit + 1).offset(offset).subquery("sums")
    named = some.outerjoin(video_profiles, video_profiles.c.video_id == some.c.video_id)
    found = connection.execute(
        select(some, video_profiles.c.title, video_profiles.c.made_on)
        .select_from(named)
        .order_by(some.c.earned.desc(), some.c.views.desc().nulls_last(), some.c.video_id)
    )
    videos = [Video(each.video_id, each.title, each.made_on, _brought(each)) for each in found]
    return videos[:limit], len(videos) > limit


def most_viewed(connection: Connection, creator_id: int, period: Period) -> Sequence[Video]:
    """Of those that brought something."""
    sums = _by_video(creator_id, period).subquery("sums")
    some = select(sums).where(sums.c.views > 0, sums.c.earned > 0)
    points = some.order_by(sums.c.views.desc(), sums.c.video_id).limit(DRAWN).subquery("points")
    named = points.outerjoin(video_profiles, video_profiles.c.video_id == points.c.video_id)
    found = connection.execute(
        select(points, video_profiles.c.title, video_profiles.c.made_on).select_from(named)
    )
    return [Video(each.video_id, each.title, each.made_on, _brought(each)) for each in found]


def _of(creator_id: int, period: Period) -> tuple[Any, ...]:
    row = creator_videos.c
    return row.creator_id == creator_id, row.date.between(period.first, period.last)


def _by_video(creator_id: int, period: Period) -> Any:
    row = creator_videos.c
    return (
        select(row.video_id, *_SUMS)
        .where(*_of(creator_id, period), row.video_id != NO_VIDEO)
        .group_by(row.video_id)
    )


_SUMS = tuple(func.sum(creator_videos.c[name]).label(name) for name in (*COUNTS, "gifts", "earned"))


def _brought(row: Any) -> Brought:
    views, likes, comments, shares = (
        None if count is None else int(count) for count in (getattr(row, name) for name in COUNTS)
    )
    return Brought(views, likes, comments, shares, int(row.gifts), row.earned)


def _nothing(like: Any) -> Brought:
    """0, but for what isn't recorded where there is something."""
    views, likes, comments, shares = (
        None if like is not None and getattr(like, name) is None else 0 for name in COUNTS
    )
    return Brought(views, likes, comments, shares, 0, Decimal("0.00"))
