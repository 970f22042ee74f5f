"""All days played, as rows of the source tables."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from aggregation.demo.columns import Columns, Ints, Random
from aggregation.demo.days import REACTIONS, play
from aggregation.demo.names import SPARKS, creator_names, user_names, video_titles
from aggregation.demo.payments import TRANSACTION_SOURCES
from aggregation.demo.scale import Scale
from aggregation.demo.world import World, make_world
from aggregation.schema import GIFT_STATUSES, INTERACTION_KINDS

DAYS_AT_ONCE = 14
WORDS = {"status": GIFT_STATUSES, "kind": INTERACTION_KINDS, "source": TRANSACTION_SOURCES}
MONEY = ("creator_share", "platform_share", "amount")
NULLABLE = ("video_id", "user_id", "unfollowed_at")


class Part(NamedTuple):
    """Some rows of one table, and the share of the whole that is done with them."""

    table: str
    rows: pa.RecordBatch
    done: float


def generate(scale: Scale, now: datetime) -> Iterator[Part]:
    """The whole platform in parts; the same arguments always give the same rows."""
    rng = np.random.default_rng(scale.seed)
    world = make_world(scale, now, rng)
    rows = _Rows()
    views = np.zeros(len(world.videos.id) + 1, np.int64)
    for day in range(scale.days + 1):
        rows.add(play(world, day, rng))
        if day % DAYS_AT_ONCE == 0 or day == scale.days:
            for table in ("user_sessions", "video_watches", "virtual_gifts", "transactions"):
                columns = rows.take(table)
                if table == "video_watches":
                    views += np.bincount(columns["video_id"], minlength=len(views))
                yield Part(table, _batch(columns), (day + 1) / (scale.days + 2))
    reactions = rows.take("video_interactions", once=("kind", "user_id", "video_id"))
    following = rows.take("follows", once=("follower_id", "creator_id"))
    yield Part("video_interactions", _batch(reactions), 1.0)
    yield Part("follows", _batch(following), 1.0)
    yield Part("videos", _video_rows(world, views, reactions, rng), 1.0)
    yield Part("users", _user_rows(world, following, rng), 1.0)
    yield Part("sparks", _spark_rows(), 1.0)


class _Rows:
    """Rows gathered day by day until there are enough to hand out; ids go up in the order of time."""

    def __init__(self) -> None:
        self._gathered: defaultdict[str, list[Columns]] = defaultdict(list)
        self._last_ids: defaultdict[str, int] = defaultdict(int)

    def add(self, tables: Mapping[str, Columns]) -> None:
        for table, columns in tables.items():
            self._gathered[table].append(columns)

    def take(self, table: str, once: Sequence[str] = ()) -> Columns:
        """What was gathered, with ids; with `once`, only the first row of equal ones in those columns."""
        days = self._gathered.pop(table)
        columns = {name: np.concatenate([day[name] for day in days]) for name in days[0]}
        if once:
            first = _first_of_each([columns[name] for name in once])
            columns = {name: values[first] for name, values in columns.items()}
        size = len(next(iter(columns.values())))
        ids = np.arange(1, size + 1) + self._last_ids[table]
        self._last_ids[table] += size
        return {"id": ids, **columns}


def _first_of_each(columns: Sequence[Ints]) -> Ints:
    """Where each combination of values comes for the first time, ascending."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        key = key * (column.max(initial=0) + 1) + column
    return np.sort(np.unique(key, return_index=True)[1])


def _batch(columns: Columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: _array(name, values) for name, values in columns.items()})


def _array(name: str, values: Ints) -> pa.Array:
    if name in WORDS:
        return pa.array(WORDS[name]).take(pa.array(values))
    if name in MONEY:
        return _money(values)
    array = pa.array(values, pa.int64(), mask=values == 0 if name in NULLABLE else None)
    return array.cast(pa.timestamp("s")) if name.endswith("_at") else array


def _money(cents: Ints) -> pa.Array:
    """Exact decimals: one is 16 bytes, the low half first, and nothing here is negative."""
    halves = np.zeros((len(cents), 2), np.int64)
    halves[:, 0] = cents
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(cents), [None, pa.py_buffer(halves)])


def _video_rows(world: World, views: Ints, reactions: Columns, rng: Random) -> pa.RecordBatch:
    by_id = np.argsort(world.videos.id)
    creator, created = world.videos.creator[by_id], world.videos.created[by_id]
    # Videos from before the first day have been seen before it, too.
    earlier = rng.lognormal(6, 1, len(by_id)) * world.creators.popularity[creator]
    earlier *= created < world.calendar.first
    counters = [views[1:] + earlier.astype(np.int64)]
    for kind, share in enumerate(REACTIONS):
        ids = reactions["video_id"][reactions["kind"] == kind]
        counters.append(np.bincount(ids, minlength=len(views))[1:] + (earlier * share).astype(np.int64))
    columns = {
        "id": np.arange(1, len(by_id) + 1),
        "creator_id": world.creators.user[creator] + 1,
        **dict(zip(("views", "likes", "comments", "shares"), counters, strict=True)),
        "created_at": created,
    }
    titles = video_titles(rng, world.creators.genre[creator])
    return _batch(columns).append_column("title", pa.array(titles, pa.string()))


def _user_rows(world: World, following: Columns, rng: Random) -> pa.RecordBatch:
    creators, size = world.creators, len(world.users.created)
    there = int(np.searchsorted(world.users.created, world.calendar.first))
    known = creators.popularity / creators.popularity.max() * 0.3 * (creators.joined < 0)
    followers = np.bincount(following["creator_id"], minlength=size + 1)
    gone = following["creator_id"][following["unfollowed_at"] > 0]
    followers = (followers - np.bincount(gone, minlength=size + 1))[1:]
    # Those who followed before the first day did so unrecorded, and stay; nobody follows twice.
    others = size - 1 - followers[creators.user]
    followers[creators.user] += np.minimum((known * (there - 1)).astype(np.int64), others)
    names = user_names(rng, size)
    for user, handle in zip(creators.user.tolist(), creator_names(rng, creators.genre), strict=True):
        names[user] = handle
    columns = {"id": np.arange(1, size + 1), "followers": followers, "created_at": world.users.created}
    is_creator = np.zeros(size, np.bool_)
    is_creator[creators.user] = True
    rows = _batch(columns).append_column("username", pa.array(names))
    return rows.append_column("is_creator", pa.array(is_creator))


def _spark_rows() -> pa.RecordBatch:
    names, credits = zip(*SPARKS, strict=True)
    return pa.RecordBatch.from_pydict({"id": range(1, len(SPARKS) + 1), "name": names, "credits": credits})
