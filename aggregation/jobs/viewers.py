"""creator_viewers: who watched how many of a creator's videos on which day; and viewer_returns from it."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, select

from aggregation.jobs import events, visits
from aggregation.jobs.seen import Visitors
from aggregation.schema import creator_viewers, videos, viewer_returns

VIEWERS = Visitors("viewer", creator_viewers, ("creator_id", "viewer_id"))
BY = ("creator_id",)


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, viewer_id, date, views; no row where watches aren't recorded."""
    if "video_watches" in missing:
        return _counted(videos.c.creator_id, events.day_of(videos.c.created_at)).where(false())
    watch = events.watches(first, last)
    return (
        _counted(watch.c.user_id, watch.c.date)
        .select_from(watch.join(videos, videos.c.id == watch.c.video_id))
        .where(videos.c.creator_id.is_not(None))
    )


def _counted(viewer: ColumnElement[int], day: ColumnElement[date]) -> Select[Any]:
    owner = videos.c.creator_id
    return select(owner, viewer.label("viewer_id"), day.label("date"), func.count().label("views")).group_by(
        owner, viewer, day
    )


def returns(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """creator_id, date, days_since, viewers.

    Reads creator_viewers, which has to be right for these days already.
    """
    return visits.counted(viewer_returns, visits.in_span(VIEWERS, first, last), BY)


def of_later_days(last: date) -> Select[Any]:
    """The rows of days after `last` that depend on days until then."""
    return visits.counted(viewer_returns, visits.next_after(VIEWERS, last), BY)
