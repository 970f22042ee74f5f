"""Who comes on one day, when, and to whom."""

from dataclasses import dataclass

import numpy as np

from aggregation.demo.columns import Flags, Floats, Ints, Random, draw_places, in_time
from aggregation.demo.rhythm import DAY, HOUR
from aggregation.demo.world import World

NOBODY = -1
# The chance to come of all but the loyal, so many days after they signed up:
# RETURNING * (1 + age / FORGETTING) ** -1.4
RETURNING, FORGETTING = 0.4, 7.0


@dataclass(frozen=True)
class Today:
    """What everybody meets on this day."""

    day: int
    begin: int
    weekday: int
    pull: Floats  # of each creator
    shelf: Floats  # of all videos: how much they draw, cumulated, from 0 on


@dataclass(frozen=True)
class Visits:
    """Sessions, each with the creator it is for (or NOBODY) and how far its events may reach."""

    user: Ints
    creator: Ints
    start: Ints
    seconds: Ints
    reach: Ints

    def moments(self, which: Ints, rng: Random) -> Ints:
        return self.start[which] + (rng.random(len(which)) * (self.reach[which] + 1)).astype(np.int64)


def make_today(world: World, day: int, rng: Random) -> Today:
    begin = world.calendar.first + day * DAY
    weekday = int(world.calendar.weekday(np.array([day]))[0])
    pull = _pull(world, day, weekday, rng)
    videos = world.videos
    age = (begin + DAY - videos.created) / DAY
    draw = videos.appeal * (np.exp(-np.abs(age) / 2) + 0.003 / (1 + np.abs(age) / 60)) * (age > 0)
    shelf = np.concatenate([[0.0], np.cumsum(draw * pull[videos.creator])])
    return Today(day, begin, weekday, pull, shelf)


def _pull(world: World, day: int, weekday: int, rng: Random) -> Floats:
    """How much each creator draws today: newcomers need weeks to be found, some have left."""
    creators, surge = world.creators, world.calendar.surge
    found = np.clip((day - creators.joined) / 45, 0, 1) * (day < creators.left)
    live = np.where(creators.live[:, weekday], 1.0, 0.35)
    pull = creators.popularity * np.exp(creators.trend * world.calendar.course(day)) * found * live
    pull *= rng.lognormal(0, 0.2, len(pull))
    if surge[: day + 1].max() > 1:
        # What a viral week leaves behind, and the week itself.
        pull[creators.viral] *= 2
        pull[creators.viral] += pull.sum() * (surge[day] - 1) * 1.3
    return pull


def make_visits(world: World, today: Today, rng: Random) -> Visits:
    created = world.users.created
    present = _present(world, today, rng)
    user = np.repeat(present, 1 + rng.poisson(0.5, len(present)))
    creator, live = _whom(world, today, user, rng)
    start = _when(world, today, creator, live, rng)
    # A first visit comes right after signing up.
    end = today.begin + DAY - 1
    soon = np.minimum(created[user] + rng.integers(5, 900, len(user)), end)
    start = np.where(start < created[user], soon, start)
    seconds = np.minimum(rng.lognormal(6.6, 0.9, len(user)), 6 * HOUR).astype(np.int64) + 10
    seconds = np.minimum(seconds, np.maximum(world.calendar.now - start, 0))
    columns = {"user": user, "creator": creator, "start": start, "seconds": seconds}
    columns["reach"] = np.minimum(seconds, end - start)
    return Visits(**in_time(columns, "start", world.calendar.happens(start, rng)))


def _present(world: World, today: Today, rng: Random) -> Ints:
    """Who comes today: the loyal core, others less and less, nearly everyone on the day of signing up."""
    people, calendar = world.users, world.calendar
    known = int(np.searchsorted(people.day, today.day, side="right"))
    age = today.day - people.day[:known]
    chance = people.steady[:known] * np.exp(-age / 1500)
    chance += people.fading[:known] * RETURNING * (1 + age / FORGETTING) ** -1.4
    chance = np.minimum(chance * calendar.traffic[today.day] * calendar.surge[today.day], 0.97)
    return np.flatnonzero(rng.random(known) < np.where(age == 0, 0.94, chance))


def _whom(world: World, today: Today, user: Ints, rng: Random) -> tuple[Ints, Flags]:
    """The creator of each visit, and whether it is for a live stream: favourites first, if they are on."""
    creators = world.creators
    if not today.pull.any():
        return np.full(len(user), NOBODY), np.zeros(len(user), np.bool_)
    favourite = world.users.favourites[user, rng.integers(0, 3, len(user))]
    on = np.where(creators.live[favourite, today.weekday], 0.8, 0.3) * (today.pull[favourite] > 0)
    # In a viral week many only come for that.
    faithful = rng.random(len(user)) < on / world.calendar.surge[today.day]
    anyone = draw_places(today.pull, rng.random(len(user)))
    creator = np.where(faithful, favourite, anyone)
    creator = np.where(creators.user[creator] == user, NOBODY, creator)
    live = creators.live[creator, today.weekday] & (creator != NOBODY) & (rng.random(len(user)) < 0.65)
    return creator, live


def _when(world: World, today: Today, creator: Ints, live: Flags, rng: Random) -> Ints:
    """When visits start: around the creator's favourite time for a live stream, else as people have time."""
    hours = world.creators.favourite_time[creator] + rng.normal(0, 0.8, len(creator))
    streamed = today.begin + (hours * HOUR % DAY).astype(np.int64)
    day = np.full(len(creator), today.day)
    return np.where(live, streamed, world.calendar.clock(day, rng.random(len(creator))))
