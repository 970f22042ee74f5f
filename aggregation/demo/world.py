"""Who and what there is: all that is drawn before the first day is played."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from aggregation.demo.columns import Floats, Ints, Random
from aggregation.demo.names import SPARKS
from aggregation.demo.people import TASTES, Creators, Users, make_creators, make_users, signups
from aggregation.demo.rhythm import Calendar, make_calendar
from aggregation.demo.scale import Scale


@dataclass(frozen=True)
class Videos:
    """Ordered by creator, then time; those of creator c are at first[c]:first[c + 1]."""

    id: Ints
    creator: Ints
    created: Ints
    appeal: Floats
    first: Ints


@dataclass(frozen=True)
class World:
    calendar: Calendar
    users: Users
    creators: Creators
    videos: Videos
    prices: Ints
    spark_odds: Floats  # taste by spark, cumulated


def make_world(scale: Scale, now: datetime, rng: Random) -> World:
    calendar = make_calendar(scale, now, rng)
    created = signups(scale, calendar, rng)
    creators = make_creators(scale, calendar, created, rng)
    prices = np.array([credits for _, credits in SPARKS])
    odds = np.cumsum(prices ** -TASTES[:, None], axis=1)
    return World(
        calendar=calendar,
        users=make_users(calendar, created, creators, rng),
        creators=creators,
        videos=_videos(calendar, creators, rng),
        prices=prices,
        spark_odds=odds / odds[:, -1:],
    )


def _videos(calendar: Calendar, creators: Creators, rng: Random) -> Videos:
    """Uploads at each creator's own pace, from the day after joining (or 90 days before the first)."""
    start = np.maximum(creators.joined + 1, -90)
    span = np.maximum(np.minimum(creators.left, calendar.days + 1) - start, 0)
    pace = rng.gamma(2, 0.07, len(start)) + 0.02
    creator = np.repeat(np.arange(len(start)), rng.poisson(pace * span))
    day = start[creator] + (rng.random(len(creator)) * span[creator]).astype(np.int64)
    created = calendar.after_outage(calendar.clock(day, rng.random(len(creator))))
    out = created <= calendar.now
    creator, created = creator[out], created[out]
    order = np.lexsort((created, creator))
    creator, created = creator[order], created[order]
    ids = np.empty(len(created), np.int64)
    ids[np.argsort(created, kind="stable")] = np.arange(1, len(created) + 1)
    return Videos(
        id=ids,
        creator=creator,
        created=created,
        appeal=rng.lognormal(0, 0.8, len(created)),
        first=np.searchsorted(creator, np.arange(len(start) + 1)),
    )
