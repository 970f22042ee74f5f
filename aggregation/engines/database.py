"""The database itself: statements are pushed down, and nothing is fetched."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Date,
    Select,
    Text,
    cast,
    func,
    literal_column,
    select,
    text,
    union_all,
)

from aggregation.jobs import Job
from aggregation.jobs.events import finite
from aggregation.schema import (
    follows,
    source,
    transactions,
    user_sessions,
    users,
    video_interactions,
    video_watches,
    virtual_gifts,
)

EVENT_TIMES = {
    users: "created_at",
    virtual_gifts: "created_at",
    user_sessions: "started_at",
    video_watches: "watched_at",
    video_interactions: "created_at",
    follows: "created_at",
    transactions: "created_at",
}


def oldest_events(missing: Collection[str]) -> CompoundSelect[Any]:
    """source, day: of the oldest sign-up, gift, session, …; null where there is none."""
    return union_all(
        *(
            select(
                cast(literal_column(f"'{table.name}'"), Text).label("source"),
                cast(func.min(table.c[moment]), Date).label("day"),
            ).where(finite(table.c[moment]))
            for table, moment in EVENT_TIMES.items()
            if table.name not in missing
        )
    )


class Database:
    """Computes where the numbers are stored."""

    place = "the database"
    in_database = True

    def absent(self, connection: Connection) -> frozenset[str]:
        """Asks the catalog; reads none of them."""
        absent = text(
            "SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL"
        )
        return frozenset(connection.execute(absent, {"names": list(source.tables)}).scalars())

    def first_days(self, connection: Connection, missing: frozenset[str]) -> dict[str, date]:
        return {row.source: row.day for row in connection.execute(oldest_events(missing)) if row.day}

    def begin(self, connection: Connection, first: date, last: date) -> None:
        """The transaction's own snapshot is that state."""

    def rows(
        self, connection: Connection, job: Job, statement: Select[Any], stopped: Callable[[], bool]
    ) -> Select[Any]:
        return statement
