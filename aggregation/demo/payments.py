"""What is paid on one day besides gifts: subscriptions, advertising, premium features."""

import numpy as np

from aggregation.demo.columns import STATUS, Columns, Ints, Random, in_time
from aggregation.demo.rhythm import DAY, HOUR
from aggregation.demo.visits import Today, Visits
from aggregation.demo.world import World

SUBSCRIPTIONS, ADS, FEATURES = range(3)
TRANSACTION_SOURCES = ("subscriptions", "ads", "premium_features")
FEATURE_CENTS = np.array([199, 399, 999, 2499])
CENTS_PER_WATCH = 2.5


def transactions(world: World, today: Today, visits: Visits, watched: Ints, rng: Random) -> Columns:
    parts = [
        _renewals(world, today, rng),
        _advertising(today, watched, rng),
        _features(visits, rng),
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return in_time(columns, "created_at", world.calendar.happens(columns["created_at"], rng))


def _renewals(world: World, today: Today, rng: Random) -> Columns:
    people = world.users
    since = today.day - people.subscribed
    user = np.flatnonzero((since >= 0) & (since % 30 == 0) & (today.day < people.lapsed))
    # Everyone's hour is that of the first payment.
    moments = today.begin + user * 7919 % DAY
    return _payments(SUBSCRIPTIONS, user + 1, people.plan[user], moments, rng)


def _advertising(today: Today, watched: Ints, rng: Random) -> Columns:
    """What advertisers paid for each hour, by the videos watched in it; nobody's in particular."""
    seen = np.bincount((watched - today.begin) // HOUR, minlength=24)
    cents = (seen * CENTS_PER_WATCH * rng.lognormal(0, 0.12, 24)).astype(np.int64)
    hours = np.flatnonzero(cents)
    moments = today.begin + (hours + 1) * HOUR - 1
    return {**_payments(ADS, hours * 0, cents[hours], moments, rng), "status": hours * 0}


def _features(visits: Visits, rng: Random) -> Columns:
    which = np.flatnonzero(rng.random(len(visits.user)) < 0.012)
    cents = rng.choice(FEATURE_CENTS, len(which), p=[0.45, 0.35, 0.15, 0.05])
    return _payments(FEATURES, visits.user[which] + 1, cents, visits.moments(which, rng), rng)


def _payments(kind: int, user_id: Ints, cents: Ints, moments: Ints, rng: Random) -> Columns:
    odds = [0.97, 0.015, 0.015]
    status = rng.choice([STATUS["completed"], STATUS["refunded"], STATUS["failed"]], len(moments), p=odds)
    return {
        "user_id": user_id,
        "source": np.full(len(moments), kind),
        "amount": cents,
        "status": status,
        "created_at": moments,
    }
