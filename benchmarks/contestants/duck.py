"""DuckDB on the same rows: the jobs' own statements, the whole history at once, into tables without keys.

A column store that keeps nothing safe while it works is the floor, not a rival.
"""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql

from aggregation.jobs import JOBS, Job, supporter_totals
from aggregation.schema import analytics, source

# By a window over all days: probes by a primary key would be slow in a column store.
RETURNS = {
    "returns": """
        SELECT date, coalesce(date - previous, 0) AS days_since, count(*) AS users
        FROM (
            SELECT date, lag(date) OVER (PARTITION BY user_id ORDER BY date) AS previous FROM user_engagement
            WHERE session_count > 0 OR videos_watched > 0 OR gifts_sent > 0
        )
        GROUP BY date, previous
    """,
    "cohort_activity": """
        SELECT date, age, coalesce(date - previous, 0) AS days_since, count(*) AS users
        FROM (
            SELECT date, date - CAST(created_at AS date) AS age,
                   lag(date) OVER (PARTITION BY user_id ORDER BY date) AS previous
            FROM user_engagement JOIN users ON users.id = user_id
            WHERE date - CAST(created_at AS date) BETWEEN 0 AND 90
              AND (session_count > 0 OR videos_watched > 0 OR gifts_sent > 0)
        )
        GROUP BY date, age, previous
    """,
    "gifter_activity": """
        WITH began AS (
            SELECT user_id, min(date) AS first_day FROM user_engagement WHERE gifts_sent > 0 GROUP BY user_id
        )
        SELECT first_day AS date, 0 AS age, count(*) AS users FROM began GROUP BY first_day
        UNION ALL
        SELECT date, 30, count(*)
        FROM user_engagement JOIN began USING (user_id)
        WHERE date - first_day = 30 AND (session_count > 0 OR videos_watched > 0 OR gifts_sent > 0)
        GROUP BY date
    """,
    "gifters": """
        SELECT date, coalesce(date - previous, 0) AS days_since, count(*) AS gifters,
               CASE WHEN previous IS NULL THEN array_agg(user_id) END AS first_timers
        FROM (
            SELECT user_id, date, lag(date) OVER (PARTITION BY user_id ORDER BY date) AS previous
            FROM user_engagement WHERE gifts_sent > 0
        )
        GROUP BY date, previous
    """,
    "supporter_returns": """
        SELECT creator_id, date, coalesce(date - previous, 0) AS days_since, count(*) AS supporters
        FROM (
            SELECT creator_id, date,
                   lag(date) OVER (PARTITION BY creator_id, supporter_id ORDER BY date) AS previous
            FROM creator_supporters
        )
        GROUP BY creator_id, date, previous
    """,
    "viewer_returns": """
        SELECT creator_id, date, coalesce(date - previous, 0) AS days_since, count(*) AS viewers
        FROM (
            SELECT creator_id, date,
                   lag(date) OVER (PARTITION BY creator_id, viewer_id ORDER BY date) AS previous
            FROM creator_viewers
        )
        GROUP BY creator_id, date, previous
    """,
}


def load(engine: Engine, folder: Path) -> Path:
    """The source tables as a DuckDB file in `folder`."""
    target = folder / "source.duckdb"
    target.unlink(missing_ok=True)
    connection = duckdb.connect(str(target))
    for table in source.sorted_tables:
        rows = folder / f"{table.name}.csv"
        _export(engine, table.name, rows)
        connection.execute(_definition(table))
        connection.execute(f"INSERT INTO {table.name} SELECT * FROM read_csv('{rows}', header = false)")  # noqa: S608
        rows.unlink()
    connection.close()
    return target


def _export(engine: Engine, table: str, target: Path) -> None:
    raw: Any = engine.raw_connection()
    with raw.cursor() as cursor, target.open("wb") as file:
        cursor.copy_expert(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT (FORMAT csv)", file)  # noqa: S608
    raw.close()


def _definition(table: Any) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    columns = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in table.columns)
    return f"CREATE OR REPLACE TABLE {table.name} ({columns})"


def compute(file: Path, first: date, last: date) -> dict[str, int]:
    """Every analytics table over these days; how many rows each has."""
    connection = duckdb.connect(str(file), config={"threads": 1, "preserve_insertion_order": False})
    # Tables that jobs carry on from what they hold.
    for name in (
        "creator_months",
        "creator_profiles",
        "supporter_totals",
        "supporter_changes",
        "supporter_profiles",
        "peer_benchmarks",
    ):
        connection.execute(_definition(analytics.tables[name]))
    for job in JOBS:
        connection.execute(f"CREATE OR REPLACE TABLE {job.table.name} AS {_query(job, first, last)}")
    rows = {job.table.name: _count(connection, job.table.name) for job in JOBS}
    connection.close()
    return rows


def _query(job: Job, first: date, last: date) -> str:
    if job.name in RETURNS:
        return RETURNS[job.name]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    # Nothing is summed up yet.
    all_pairs = job.name == "supporter_totals"
    statement = supporter_totals.of_all() if all_pairs else job.statement(first, last, frozenset())
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _count(connection: Any, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
