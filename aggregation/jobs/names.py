"""video_profiles and supporter_profiles: what people see instead of ids, as it is now."""

from datetime import date
from typing import Any

from sqlalchemy import Select, case, select, union

from aggregation.jobs.events import ONE, day_of, finite, literal_day
from aggregation.schema import creator_supporters, supporter_profiles, users, videos


def of_videos(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """video_id, title and the day it was made; the whole table whatever the days."""
    video = videos.c
    made = case((finite(video.created_at), day_of(video.created_at)))
    return select(video.id.label("video_id"), video.title, made.label("made_on"))


def of_supporters(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """supporter_id, name of whoever gave; null for who isn't in `users` (any more).

    Those of the days, those known already, and all of them where none is known.
    """
    gave, known = creator_supporters.c, supporter_profiles.c
    nothing_known = ~select(ONE).select_from(supporter_profiles).exists()
    supporters = union(
        select(known.supporter_id),
        select(gave.supporter_id).where(gave.date.between(literal_day(first), literal_day(last))).distinct(),
        select(gave.supporter_id).where(nothing_known).distinct(),
    ).subquery("supporters")
    return select(supporters.c.supporter_id, users.c.username.label("name")).select_from(
        supporters.outerjoin(users, users.c.id == supporters.c.supporter_id)
    )
