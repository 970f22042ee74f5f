"""creator_metrics: what happened on a creator's day; only days with something."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, func, literal_column, or_, select, union

from aggregation.days import ONE_DAY
from aggregation.jobs.events import (
    ONE,
    ZERO,
    counted_follows,
    counted_gifts,
    day_of,
    finite,
    gifts,
    interactions,
    literal_day,
    midnight,
    money,
    summed,
    total,
    unavailable,
    watches,
    within,
)
from aggregation.schema import creator_metrics, follows, users, videos, virtual_gifts

VIEWS = ("video_views",)
INTERACTIONS = {"like": "video_likes", "comment": "video_comments", "share": "video_shares"}
GIFTS = ("gifts_received", "gift_revenue")
FOLLOWERS = ("followers_gained",)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date and the measures; null in what depends on a missing table."""
    without = tuple(
        name
        for table, names in (
            ("video_watches", VIEWS),
            ("video_interactions", tuple(INTERACTIONS.values())),
            ("follows", FOLLOWERS),
        )
        for name in names
        if table in missing
    )
    measures = (*VIEWS, *INTERACTIONS.values(), *GIFTS, *FOLLOWERS)
    counted = [name for name in measures if name != "gift_revenue"]
    parts = _parts(first, last, missing)
    days = _with_later_gains(summed(creator_metrics, measures, parts, without, counts=counted))
    query = days.outerjoin(users, users.c.id == days.c.creator_id)
    # Who was watched, liked or given a gift is a creator; who was merely followed may be anybody.
    counts = (*VIEWS, *INTERACTIONS.values(), "gifts_received")
    wanted = or_(*(days.c[name] > ZERO for name in counts))
    followers = unavailable(creator_metrics, "followers")
    if "follows" not in missing:
        followed = _followed_creators(first, last)
        query = query.outerjoin(followed, followed.c.creator_id == days.c.creator_id)
        wanted = or_(wanted, followed.c.creator_id.is_not(None))
        followers = users.c.followers - func.coalesce(days.c.gained_later, ZERO)
    return (
        select(
            days.c.creator_id,
            days.c.date,
            *(days.c[name] for name in measures),
            followers.label("followers"),
        )
        .select_from(query)
        .where(days.c.date <= literal_day(last), wanted)
    )


def _followed_creators(first: date, last: date) -> Subquery:
    """creator_id: who was followed or unfollowed and is flagged, owns a video or was ever given a gift."""
    followed = union(
        *(
            select(follows.c.creator_id).where(counted_follows(), within(moment, first, last))
            for moment in (follows.c.created_at, follows.c.unfollowed_at)
        )
    ).subquery("followed")
    user_id, gift = followed.c.creator_id, virtual_gifts.c
    flagged = select(ONE).where(users.c.id == user_id, users.c.is_creator).exists()
    owner = select(ONE).where(videos.c.creator_id == user_id).exists()
    recipient = (
        select(ONE).where(gift.recipient_id == user_id, counted_gifts(), finite(gift.created_at)).exists()
    )
    # Three semi-joins, not one condition with OR: that would look through all gifts for each of them.
    return union(
        select(user_id).where(flagged),
        select(user_id).where(owner),
        select(user_id).where(~flagged, recipient),
    ).subquery("followed_creators")


def _with_later_gains(days: Select[Any]) -> Subquery:
    """The rows and `gained_later`: what the creator's followers grew by after each day, until now."""
    row = days.subquery("days").c
    later = func.sum(row.followers_gained).over(
        partition_by=row.creator_id, order_by=row.date.desc(), rows=(None, -1)
    )
    return select(*row, later.label("gained_later")).subquery("days_and_later")


def _parts(first: date, last: date, missing: frozenset[str]) -> Iterator[Select[Any]]:
    yield _gifts(first, last)
    if "video_watches" not in missing:
        yield _views(first, last)
    if "video_interactions" not in missing:
        yield _interactions(first, last)
    if "follows" not in missing:
        yield from _follows(first, last)


def _gifts(first: date, last: date) -> Select[Any]:
    gift = gifts(first, last).c
    return select(
        gift.recipient_id.label("creator_id"),
        gift.date,
        func.count().label("gifts_received"),
        money(gift.creator_share).label("gift_revenue"),
    ).group_by(gift.recipient_id, gift.date)


def _views(first: date, last: date) -> Select[Any]:
    watch = watches(first, last)
    return (
        select(videos.c.creator_id, watch.c.date, func.count().label("video_views"))
        .select_from(watch.join(videos, videos.c.id == watch.c.video_id))
        .where(videos.c.creator_id.is_not(None))
        .group_by(videos.c.creator_id, watch.c.date)
    )


def _interactions(first: date, last: date) -> Select[Any]:
    interaction = interactions(first, last)
    counts = (
        total(case((interaction.c.kind == literal_column(f"'{kind}'"), ONE), else_=ZERO)).label(name)
        for kind, name in INTERACTIONS.items()
    )
    return (
        select(videos.c.creator_id, interaction.c.date, *counts)
        .select_from(interaction.join(videos, videos.c.id == interaction.c.video_id))
        .where(videos.c.creator_id.is_not(None))
        .group_by(videos.c.creator_id, interaction.c.date)
    )


def _follows(first: date, last: date) -> Iterator[Select[Any]]:
    """Gains of each day, and one bucket, the day after the last, with those of all later days."""
    after = midnight(last + ONE_DAY)
    for moment, gain in ((follows.c.created_at, 1), (follows.c.unfollowed_at, -1)):
        yield _gains(day_of(moment), gain, within(moment, first, last))
        yield _gains(literal_day(last + ONE_DAY), gain, moment >= after)


def _gains(day: ColumnElement[date], gain: int, when: ColumnElement[bool]) -> Select[Any]:
    gained = total(literal_column(str(gain)))
    return (
        select(follows.c.creator_id, day.label("date"), gained.label("followers_gained"))
        .where(counted_follows(), when)
        .group_by(follows.c.creator_id, day)
    )
