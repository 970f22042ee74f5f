"""A made-up platform of any size in minutes: only INSERT … SELECT, all chance taken from hashes.

A day's rows depend on the day, not on how long the history is: the last 30 days of a year are the
same as a history of 30 days. Activity is heavy-tailed; otherwise nothing here is lifelike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.schema import CreateIndex, CreateTable

from aggregation.database import connect
from aggregation.migrations import migrate
from aggregation.schema import source

LAST_DAY = date(2026, 10, 31)
SPARKS = 20
VIDEOS_EACH = 5
SIGN_UPS_OVER = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """How large: `gifts` in all, over `days` that end with LAST_DAY."""

    gifts: int = 10_000_000
    creators: int = 10_000
    users: int = 100_000
    days: int = 365

    @property
    def first(self) -> date:
        return LAST_DAY - timedelta(days=self.days - 1)

    @property
    def gifts_a_day(self) -> int:
        return max(self.gifts // self.days, 1)

    @property
    def name(self) -> str:
        """Of its database."""
        return f"platform_{self.gifts}_{self.creators}_{self.users}_{self.days}"

    def shortened(self, days: int) -> "Scale":
        """The same platform with a shorter history."""
        return Scale(self.gifts_a_day * days, self.creators, self.users, days)


def now() -> datetime:
    """A clock that stands at an hour past the last day."""
    return datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 1, tzinfo=UTC) + timedelta(days=1)


def platform(server: str, scale: Scale, progress: Progress = lambda _: None) -> Engine:
    """The platform's own database on the server of that URL, migrated; made where it isn't there yet."""
    outside = connect(server)
    with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        known = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if not connection.scalar(known, {"name": scale.name}):
            connection.execute(text("DROP DATABASE IF EXISTS unfinished"))
            connection.execute(text("CREATE DATABASE unfinished TEMPLATE template0"))
            unfinished = connect(outside.url.set(database="unfinished"))
            make(unfinished, scale, progress)
            unfinished.dispose()
            connection.execute(text(f"ALTER DATABASE unfinished RENAME TO {scale.name}"))
    outside.dispose()
    engine = connect(outside.url.set(database=scale.name))
    migrate(engine)
    return engine


def make(engine: Engine, scale: Scale, progress: Progress = lambda _: None) -> None:
    """Create and fill the source tables, which must not be there yet."""
    for table in source.sorted_tables:
        progress(table.name)
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
            _fill(connection, table, scale)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        progress("vacuum")
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))


def _fill(connection: Connection, table: Table, scale: Scale) -> None:
    """Indexes after the rows: that is several times faster."""
    connection.execute(CreateTable(table))
    connection.execute(text(ROWS[table.name].format_map(FORMULAS)), _parameters(scale))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))


def _parameters(scale: Scale) -> dict[str, object]:
    return {
        "gifts": scale.gifts_a_day,
        "creators": scale.creators,
        "users": scale.users,
        "days": scale.days,
        "last": LAST_DAY,
    }


def _chance(salt: int) -> str:
    """0 ≤ a number < 1, from the row's key.

    The day is part of the seed: PostgreSQL's hash alone gives each day the same numbers in another order.
    """
    return f"((hashint8extended(key, {salt} + 16 * (key >> 32)) & 1073741823) / 1073741824.0::float8)"


# `key` counts back from the last day, ids count on from the first. `0 * ago` keeps rows in the order of time.
_EACH_DAY = """
    SELECT ago * 4294967296 + n AS key, (:days - 1 - ago)::bigint * {per_day} + n AS id,
           CAST(:last AS date) - ago + n * (interval '86400 seconds' / {per_day}) AS at
    FROM generate_series(:days - 1, 0, -1) AS ago, generate_series(0 * ago, {per_day} - 1) AS n
"""


def _each_day(per_day: str) -> str:
    return _EACH_DAY.replace("{per_day}", f"greatest(({per_day})::int, 1)")


# All of it is put together from what stands here.
# ruff: noqa: S608
FORMULAS = {
    "creator": f"1 + floor(:creators * power({_chance(1)}, 3))::bigint",
    "video": f"1 + floor(:creators * {VIDEOS_EACH} * power({_chance(2)}, 3))::bigint",
    "user": f"1 + floor(:users * power({_chance(3)}, 2))::bigint",
    "spark": f"1 + floor({SPARKS} * power({_chance(4)}, 2))::bigint",
    "chance": _chance(5),
    "other": _chance(6),
    "visits": _each_day(":users"),
    "gifts": _each_day(":gifts"),
    "follows": _each_day(":gifts * 0.1"),
    "interactions": _each_day(":gifts * 0.3"),
    "payments": _each_day(":gifts * 0.05"),
}

ROWS = {
    "users": f"""
        INSERT INTO users
        SELECT key, 'user' || key, key <= :creators, (1000000 / key)::int,
               CAST(:last AS date) + interval '1 day' - {{chance}} * interval '{SIGN_UPS_OVER} days'
        FROM generate_series(1, :users) AS key
    """,
    "videos": f"""
        INSERT INTO videos
        SELECT key, 1 + key / {VIDEOS_EACH}, 'video ' || key, 0, 0, 0, 0,
               CAST(:last AS date) - interval '{SIGN_UPS_OVER} days'
        FROM generate_series(0, :creators * {VIDEOS_EACH} - 1) AS key
    """,
    "sparks": f"""
        INSERT INTO sparks SELECT n, 'Spark ' || n, n * n * 10 FROM generate_series(1, {SPARKS}) AS n
    """,
    "virtual_gifts": """
        INSERT INTO virtual_gifts
        SELECT id, {spark}, {user}, {creator}, CASE WHEN {chance} < 0.7 THEN {video} - 1 END,
               round((0.07 + 7 * {other})::numeric, 2), round((0.03 + 3 * {other})::numeric, 2),
               CASE WHEN {chance} < 0.96 THEN 'completed' WHEN {chance} < 0.98 THEN 'refunded'
                    ELSE 'failed' END, at
        FROM ({gifts})
    """,
    "user_sessions": """
        INSERT INTO user_sessions
        SELECT id, user_id, at, (3600 * {other})::int
        FROM (SELECT *, 1 + ((key & 4294967295) * 7919 + (key >> 32)) % :users AS user_id FROM ({visits}))
        WHERE {chance} < 0.05 + 0.55 * (1 - user_id / CAST(:users AS float8))
    """,
    "video_watches": """
        INSERT INTO video_watches SELECT id, {user}, {video} - 1, at, (600 * {other})::int FROM ({gifts})
    """,
    "video_interactions": """
        INSERT INTO video_interactions
        SELECT id, {user}, {video} - 1,
               CASE WHEN {chance} < 0.7 THEN 'like' WHEN {chance} < 0.9 THEN 'comment' ELSE 'share' END, at
        FROM ({interactions})
    """,
    "follows": """
        INSERT INTO follows
        SELECT id, {user}, {creator}, at, CASE WHEN {chance} < 0.1 THEN at + {other} * interval '30 days' END
        FROM ({follows})
    """,
    "transactions": """
        INSERT INTO transactions
        SELECT id, {user}, CASE WHEN {chance} < 0.5 THEN 'subscriptions' WHEN {chance} < 0.8 THEN 'ads'
                                ELSE 'premium_features' END,
               round((0.5 + 20 * {other})::numeric, 2),
               CASE WHEN {other} < 0.95 THEN 'completed' ELSE 'refunded' END, at
        FROM ({payments})
    """,
}
