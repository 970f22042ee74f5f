"""Who: users, some of them creators."""

from dataclasses import dataclass

import numpy as np

from aggregation.demo.columns import Flags, Floats, Ints, Random, draw_places
from aggregation.demo.names import GENRES
from aggregation.demo.rhythm import DAY, GROWTH, Calendar
from aggregation.demo.scale import Scale

NEVER = 10**6
LOYAL = 0.072
# How fast sparks get rarer with their price, for the thrifty, the usual and the lavish.
TASTES = np.array([0.85, 0.65, 0.4])
SUBSCRIPTION_CENTS = np.array([499, 999, 1999])


@dataclass(frozen=True)
class Users:
    """One entry a user, in order of signing up: user n has id n + 1."""

    created: Ints
    day: Ints
    steady: Floats
    fading: Floats
    generosity: Floats
    taste: Ints
    favourites: Ints
    subscribed: Ints
    lapsed: Ints
    plan: Ints


@dataclass(frozen=True)
class Creators:
    """One entry a creator, in order of signing up; `user` is the place among the users."""

    user: Ints
    genre: Ints
    joined: Ints
    left: Ints
    popularity: Floats
    trend: Floats
    appeal: Floats
    live: Flags  # by weekday
    favourite_time: Floats
    viral: int


def signups(scale: Scale, calendar: Calendar, rng: Random) -> Ints:
    """When each user came: growing at one pace, in the three years before the first day as since."""
    before = max(1, round(scale.users * max(GROWTH ** (-scale.days / 365), 0.05)))
    ages = -np.log1p(-rng.random(before) * (1 - GROWTH**-3)) / np.log(GROWTH) * 365
    days = np.arange(scale.days + 1)
    odds = GROWTH ** (days / 365) * calendar.traffic * calendar.surge**2 * rng.lognormal(0, 0.06, len(days))
    odds[-1] *= calendar.share_of_today()
    since = draw_places(odds, rng.random(scale.users - before))
    day = np.concatenate([-1 - ages.astype(np.int64), since])
    u = rng.random(len(day)) * np.where(day == scale.days, calendar.share_of_today(), 1.0)
    return np.sort(calendar.after_outage(calendar.clock(day, u)))


def make_creators(scale: Scale, calendar: Calendar, created: Ints, rng: Random) -> Creators:
    size = scale.creators
    # Mostly early users; the very first is always one, so that somebody is there on the first day.
    lot = rng.exponential(np.where(created < calendar.first, 1.0, 2.0))
    lot[0] = 0
    user = np.sort(np.argsort(lot, kind="stable")[:size])
    joined = (created[user] - calendar.first) // DAY
    rank = rng.permutation(size)
    stays = (rng.random(size) < 0.85) | (rank < 5)
    live_days = rng.integers(2, 6, (size, 1))
    preference = rng.random((size, 7)) + np.array([0, 0, 0, 0, 0.15, 0.35, 0.3])
    popularity = (rank + 3.0) ** -0.95 * rng.lognormal(0, 0.2, size)
    # Who is to go viral: of the upper ranks, there from early on, worth a gift to many.
    viral = int(np.argmin(np.abs(rank - size // 8) + NEVER * ((joined > scale.days // 4) | ~stays)))
    appeal = rng.lognormal(0, 0.4, size)
    appeal[viral] = max(appeal[viral], 1.4)
    part_of_day = rng.choice(3, size, p=[0.14, 0.22, 0.64])
    return Creators(
        user=user,
        genre=rng.integers(0, len(GENRES), size),
        joined=joined,
        left=np.where(stays, NEVER, np.maximum(joined, 0) + rng.integers(20, scale.days + 365, size)),
        popularity=popularity,
        trend=rng.normal(0, 0.4, size),
        appeal=appeal / _mean(appeal, popularity),
        live=np.argsort(np.argsort(-preference, axis=1), axis=1) < live_days,
        favourite_time=np.array([8.5, 13.5, 19.5])[part_of_day] + rng.uniform(-2.5, 2.5, size),
        viral=viral,
    )


def make_users(calendar: Calendar, created: Ints, creators: Creators, rng: Random) -> Users:
    size = len(created)
    day = (created - calendar.first) // DAY
    loyal = rng.random(size) < LOYAL
    loyal[creators.user] = True
    steady = np.where(loyal, rng.beta(5, 3, size), 0.0)
    fading = np.where(loyal, 0.0, rng.gamma(1.5, 1 / 1.5, size))
    gives = rng.random(size) < np.where(loyal, 0.4, 0.13)
    generosity = np.where(gives, np.minimum(rng.pareto(1.5, size) + 0.3, 20), 0.0)
    visits = steady * (calendar.days - np.maximum(day, 0)) + 4 * fading * (day >= 0)
    favourites = draw_places(creators.popularity, rng.random((size, 3)))
    pays = rng.random(size) < np.where(loyal, 0.4, 0.04)
    subscribed = np.where(pays, day + 1 + rng.geometric(0.04, size), NEVER)
    return Users(
        created=created,
        day=day,
        steady=steady,
        fading=fading,
        generosity=generosity / _mean(generosity, visits),
        taste=rng.choice(len(TASTES), size, p=[0.55, 0.35, 0.1]),
        favourites=favourites,
        subscribed=subscribed,
        lapsed=subscribed + 30 * rng.geometric(0.12, size),
        plan=rng.choice(SUBSCRIPTION_CENTS, size, p=[0.7, 0.22, 0.08]),
    )


def _mean(values: Floats, weights: Floats) -> float:
    """Weighted; what is divided by it comes to 1 a visit, so that chance doesn't set the platform's size."""
    total = float(weights @ values)
    return total / float(weights.sum()) if total > 0 else 1.0
