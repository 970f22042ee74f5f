"""user_engagement: what each user did on a day; only days with any of it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, case, cast, func, literal_column, select

from aggregation.jobs.events import LARGEST_INTEGER, ZERO, gifts, sessions, summed, total, watches
from aggregation.schema import sparks, user_engagement

SESSIONS = ("session_count", "session_duration")
WATCHES = ("videos_watched",)
COUNTS = ("session_count", "videos_watched", "gifts_received", "gifts_sent")
GIFTS = ("gifts_received", "gifts_sent", "credits_spent")


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """user_id, date and the six measures; null in what depends on a missing table."""
    without = (SESSIONS if "user_sessions" in missing else ()) + (
        WATCHES if "video_watches" in missing else ()
    )
    measures = SESSIONS + WATCHES + GIFTS
    return summed(user_engagement, measures, _parts(first, last, missing), without, counts=COUNTS)


def _parts(first: date, last: date, missing: frozenset[str]) -> Iterator[Select[Any]]:
    yield _received(first, last)
    yield _sent(first, last)
    if "user_sessions" not in missing:
        session = sessions(first, last).c
        yield select(
            session.user_id,
            session.date,
            func.count().label("session_count"),
            total(session.seconds).label("session_duration"),
        ).group_by(session.user_id, session.date)
    if "video_watches" not in missing:
        watch = watches(first, last).c
        yield select(watch.user_id, watch.date, func.count().label("videos_watched")).group_by(
            watch.user_id, watch.date
        )


def _received(first: date, last: date) -> Select[Any]:
    gift = gifts(first, last).c
    return select(
        gift.recipient_id.label("user_id"), gift.date, func.count().label("gifts_received")
    ).group_by(gift.recipient_id, gift.date)


def _sent(first: date, last: date) -> Select[Any]:
    gift = gifts(first, last)
    possible = sparks.c.credits.between(ZERO, literal_column(str(LARGEST_INTEGER)))
    credits = case((possible, cast(sparks.c.credits, Integer)), else_=literal_column("0"))
    return (
        select(
            gift.c.sender_id.label("user_id"),
            gift.c.date,
            func.count().label("gifts_sent"),
            total(credits).label("credits_spent"),
        )
        .select_from(gift.outerjoin(sparks, sparks.c.id == gift.c.spark_id))
        .group_by(gift.c.sender_id, gift.c.date)
    )
