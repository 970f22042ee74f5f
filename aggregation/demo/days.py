"""What happens on one day: who watches, gives, likes and follows what and whom."""

import numpy as np

from aggregation.demo.columns import STATUS, Columns, Flags, Ints, Random, in_time
from aggregation.demo.payments import transactions
from aggregation.demo.rhythm import DAY, GENEROSITY, HOUR
from aggregation.demo.visits import NOBODY, Today, Visits, make_today, make_visits
from aggregation.demo.world import World

GIFTS_PER_VISIT = 1.1
WATCHES_PER_VISIT = 2.0
REACTIONS = (0.16, 0.05, 0.015)


def play(world: World, day: int, rng: Random) -> dict[str, Columns]:
    """All that happens on one day, each table in the order of time."""
    today = make_today(world, day, rng)
    visits = make_visits(world, today, rng)
    watches = _watches(world, today, visits, rng)
    return {
        "user_sessions": {
            "user_id": visits.user + 1,
            "started_at": visits.start,
            "duration_seconds": visits.seconds,
        },
        "video_watches": watches,
        "virtual_gifts": _gifts(world, today, visits, rng),
        "transactions": transactions(world, today, visits, watches["watched_at"], rng),
        "video_interactions": _interactions(world, today, watches, rng),
        "follows": _follows(world, visits, rng),
    }


def _pick_video(world: World, today: Today, creator: Ints, moments: Ints, rng: Random) -> Ints:
    """The place of a video for each moment, of that creator (NOBODY: of anyone); NOBODY if none is out."""
    videos, shelf = world.videos, today.shelf
    u = rng.random(len(creator))
    if not len(videos.created):
        return np.full(len(creator), NOBODY)
    anyone = creator == NOBODY
    low = np.where(anyone, 0.0, shelf[videos.first[creator]])
    high = np.where(anyone, shelf[-1], shelf[videos.first[creator + 1]])
    place = np.searchsorted(shelf, low + u * (high - low), side="right") - 1
    place = np.minimum(place, len(videos.created) - 1)
    owner = videos.creator[place]
    # What comes out later today gives way to the creator's video before it.
    place = place - (videos.created[place] > moments)
    fits = (high > low) & (anyone | (owner == creator)) & (videos.creator[place] == owner)
    return np.where(fits & (videos.created[place] <= moments), place, NOBODY)


def _watches(world: World, today: Today, visits: Visits, rng: Random) -> Columns:
    which = np.repeat(np.arange(len(visits.user)), rng.poisson(WATCHES_PER_VISIT, len(visits.user)))
    moments = visits.moments(which, rng)
    creator = np.where(rng.random(len(which)) < 0.55, visits.creator[which], NOBODY)
    video = _pick_video(world, today, creator, moments, rng)
    seconds = np.minimum(rng.lognormal(4.2, 1.0, len(which)), HOUR).astype(np.int64) + 1
    left = visits.start[which] + visits.seconds[which] - moments
    columns = {
        "user_id": visits.user[which] + 1,
        "video_id": _ids(world, video),
        "watched_at": moments,
        "seconds_watched": np.minimum(seconds, left),
    }
    return in_time(columns, "watched_at", world.calendar.happens(moments, rng) & (video != NOBODY))


def _ids(world: World, video: Ints) -> Ints:
    """The videos' ids; 0 for NOBODY's."""
    return np.concatenate([world.videos.id, [0]])[video]


def _gifts(world: World, today: Today, visits: Visits, rng: Random) -> Columns:
    people, creators = world.users, world.creators
    mood = rng.gamma(1, 1, len(visits.user)) * np.sqrt(world.calendar.traffic[today.day])
    mood *= GIFTS_PER_VISIT * GENEROSITY ** world.calendar.course(today.day)
    rate = people.generosity[visits.user] * creators.appeal[visits.creator] * mood
    count = np.minimum(rng.poisson(rate * (visits.creator != NOBODY)), 250)
    which = np.repeat(np.arange(len(count)), count)
    sender, recipient, moments = visits.user[which], visits.creator[which], visits.moments(which, rng)
    video = _pick_video(world, today, recipient, moments, rng)
    spark = (world.spark_odds[people.taste[sender]] <= rng.random((len(which), 1))).sum(axis=1)
    creator_share = (world.prices[spark] * 7 + 5) // 10
    columns = {
        "spark_id": spark + 1,
        "sender_id": sender + 1,
        "recipient_id": creators.user[recipient] + 1,
        "video_id": _ids(world, np.where(rng.random(len(which)) < 0.75, video, NOBODY)),
        "creator_share": creator_share,
        "platform_share": world.prices[spark] - creator_share,
        "status": _gift_status(moments > world.calendar.now - 2 * DAY, rng),
        "created_at": moments,
    }
    return in_time(columns, "created_at", world.calendar.happens(moments, rng))


def _gift_status(recent: Flags, rng: Random) -> Ints:
    u = rng.random(len(recent))
    status = np.select(
        [u < 0.015, u < 0.023, u < np.where(recent, 0.04, 0.024)],
        [STATUS["refunded"], STATUS["failed"], STATUS["pending"]],
        STATUS["completed"],
    )
    return status.astype(np.int64)


def _interactions(world: World, today: Today, watches: Columns, rng: Random) -> Columns:
    """Likes, comments and shares, each made while watching."""
    chosen = [np.flatnonzero(rng.random(len(watches["user_id"])) < share) for share in REACTIONS]
    which = np.concatenate(chosen)
    moments = watches["watched_at"][which]
    moments = moments + (rng.random(len(which)) * watches["seconds_watched"][which]).astype(np.int64)
    moments = np.minimum(moments, today.begin + DAY - 1)
    columns = {
        "user_id": watches["user_id"][which],
        "video_id": watches["video_id"][which],
        "kind": np.repeat(np.arange(len(REACTIONS)), [len(rows) for rows in chosen]),
        "created_at": moments,
    }
    return in_time(columns, "created_at", world.calendar.happens(moments, rng))


def _follows(world: World, visits: Visits, rng: Random) -> Columns:
    """Who starts to follow; one in seven stops again, some days later at about the same hour."""
    calendar = world.calendar
    which = np.flatnonzero((rng.random(len(visits.user)) < 0.2) & (visits.creator != NOBODY))
    moments = visits.moments(which, rng)
    ends = moments + rng.geometric(0.02, len(which)) * DAY + rng.integers(0, HOUR, len(which))
    ended = (rng.random(len(which)) < 0.15) & (calendar.after_outage(ends) <= calendar.now)
    columns = {
        "follower_id": visits.user[which] + 1,
        "creator_id": world.creators.user[visits.creator[which]] + 1,
        "created_at": moments,
        "unfollowed_at": calendar.after_outage(ends) * ended,
    }
    return in_time(columns, "created_at", calendar.happens(moments, rng))
