"""A creator's pages with 100,000 creators: time in the database, of a middling creator and of the largest.

`python -m benchmarks.creator_pages`, with `--creators N` for a quick look. The analytics tables are filled
directly: a year of a million rows each, and one creator with 100,000 supporters. The time is CPU of the
backend, the mean of ten views after one that warms it up. As machines differ, how long this one takes to add
up a million numbers is printed first.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, text

from aggregation.database import connect, embedded_postgres
from aggregation.jobs import JOBS, chosen
from aggregation.migrations import migrate
from aggregation.partitions import require_months
from aggregation.publishing import run
from aggregation.queries import Store
from aggregation.schema import analytics, source
from aggregation.versions import Frames
from benchmarks.costs import cpu_of
from callbacks import content, earnings, my_audience, my_dashboard, supporters
from callbacks.selection import asked
from layouts.page import CREATOR_PERIODS

LAST = date(2026, 11, 21)
FIRST = LAST - timedelta(days=364)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LARGEST, SUPPORTERS = 1, 100_000
TARGET = 20  # milliseconds
ROUNDS = 10
PAGES: dict[str, Callable[..., Any]] = {
    "My dashboard": my_dashboard.content,
    "Earnings": earnings.content,
    "Supporters": supporters.content,
    "Content": content.content,
    "Audience": my_audience.content,
}

# Of each creator ten rows a table, spread over the year; of the largest one as many as there can be.
_SPREAD = (
    "FROM generate_series(2, :creators) AS creator, generate_series(1, 10) AS n,"
    f" LATERAL (SELECT DATE '{LAST}' - (n * 36 - creator % 36) AS date) AS day"
)
_DAYS = f"FROM generate_series(DATE '{FIRST}', DATE '{LAST}', interval '1 day') AS day"
FILLS = (
    f"INSERT INTO creator_metrics (creator_id, date, video_views, video_likes, video_comments, video_shares,"
    f" gifts_received, gift_revenue, followers, followers_gained)"
    f" SELECT creator, date, 50, 5, 1, 1, 3, 2.5, 500, 1 {_SPREAD}"
    f" UNION ALL SELECT 1, day::date, 90000, 900, 90, 9, 800, 900, 500000, 10 {_DAYS}",
    f"INSERT INTO creator_sparks SELECT creator, date, 1 + n % 14, 3, 2.5, 0, 0 {_SPREAD}"
    f" UNION ALL SELECT 1, day::date, spark, 50, 60, 1, 1.2 {_DAYS}, generate_series(1, 14) AS spark",
    f"INSERT INTO creator_hours SELECT creator, date, date + interval '20 hours', 3, 2.5 {_SPREAD}"
    f" UNION ALL SELECT 1, day::date, day + hour * interval '1 hour', 30, 30 {_DAYS},"
    f" generate_series(0, 23) AS hour",
    f"INSERT INTO creator_videos SELECT creator, date, creator * 10 + n, 50, 5, 1, 1, 3, 2.5 {_SPREAD}"
    f" UNION ALL SELECT 1, day::date, video, 1800, 18, 2, 0, 16, 18 {_DAYS}, generate_series(0, 50) AS video",
    "INSERT INTO creator_supporters (creator_id, supporter_id, date, gifts, amount, spark_id)"  # noqa: S608
    f" SELECT creator, creator * 7 + n, date, 1, 2.5, 1 + n % 14 {_SPREAD}"
    f" UNION ALL SELECT 1, fan, DATE '{LAST}' - (fan * 7 + n * 121) % 365, 1, 1 + fan % 50, 1 + fan % 14"
    " FROM generate_series(1, :supporters) AS fan, generate_series(1, 3) AS n",
    "INSERT INTO supporter_returns"
    " SELECT creator_id, date, 0, count(*) FROM creator_supporters GROUP BY 1, 2",
    f"INSERT INTO viewer_returns SELECT creator, date, n, 30 {_SPREAD}"
    f" UNION ALL SELECT 1, day::date, away, 1500 {_DAYS}, generate_series(0, 60) AS away",
    "INSERT INTO supporter_totals (creator_id, supporter_id, first_day, last_day, gift_days, gifts, amount,"
    " usual_gap, spark_id) SELECT creator_id, supporter_id, min(date), max(date), count(*), sum(gifts),"
    " sum(amount), CASE WHEN count(*) > 1 THEN 121 END, min(spark_id) FROM creator_supporters GROUP BY 1, 2",
    "INSERT INTO supporter_profiles"
    " SELECT DISTINCT supporter_id, 'fan ' || supporter_id FROM supporter_totals",
    "INSERT INTO spark_profiles SELECT n, 'Spark ' || n FROM generate_series(1, 14) AS n",
    "INSERT INTO video_profiles SELECT DISTINCT video_id, 'Video ' || video_id FROM creator_videos",
    "INSERT INTO creator_profiles SELECT n, 'creator ' || n, 500 FROM generate_series(1, :creators) AS n",
    "INSERT INTO creator_forecasts SELECT n, DATE '2026-11-21', DATE '2026-11-20', 365, 1, 1, 1, 1, 1, 1, 1,"
    " 1, 3, 8 FROM generate_series(1, :creators) AS n",
    "INSERT INTO peer_benchmarks VALUES ('2026-10-01', 3, 1, 2, 3)",
    f"INSERT INTO daily_analytics (date, total_users, active_users, new_users, total_gifts_sent,"
    f" total_revenue, creator_earnings, platform_earnings) SELECT day::date, 1, 1, 0, 1, 1, 1, 0 {_DAYS}",
)


@dataclass(frozen=True)
class Viewer:
    creator_id: int
    name: str = "somebody"
    role: str = "creator"
    versions: None = None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--creators", type=int, default=100_000)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as url:
            engine = connect(url)
            fill(engine, options.creators)
            print(f"a sum of a million numbers {1000 * _yardstick(engine):6.1f} ms", flush=True)  # noqa: T201
            for creator, who in ((options.creators // 2, "a middling creator"), (LARGEST, "the largest")):
                for page in PAGES:
                    _report(engine, page, creator, who)
            engine.dispose()


def fill(engine: Engine, creators: int) -> None:
    migrate(engine)
    source.create_all(engine)
    with engine.begin() as connection:
        for table in analytics.tables.values():
            require_months(connection, table, FIRST, LAST)
        for statement in FILLS:
            values = {"creators": creators, "supporters": SUPPORTERS}
            wanted = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), wanted)
        for job in JOBS:
            connection.execute(
                text(
                    "INSERT INTO job_runs (job, first_day, last_day, state, started_at, code_version)"
                    " VALUES (:job, :first, :last, 'succeeded', :now, 'benchmark')"
                ),
                {"job": job.name, "first": FIRST, "last": LAST, "now": NOW},
            )
        # The one table that sums up what is in another.
        pid, job = connection.scalar(text("SELECT pg_backend_pid()")), chosen(["supporter_spreads"])[0]
        begun = cpu_of(pid)
        run(connection, job, LAST, LAST)
        print(f"job {job.name} {cpu_of(pid) - begun:6.1f} s", flush=True)  # noqa: T201
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def _yardstick(engine: Engine) -> float:
    """CPU seconds of the backend."""
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        begun = cpu_of(pid)
        for _ in range(ROUNDS):
            connection.execute(text("SELECT sum(CAST(n AS numeric)) FROM generate_series(1, 1000000) AS n"))
        return (cpu_of(pid) - begun) / ROUNDS


def _report(engine: Engine, page: str, creator: int, who: str) -> None:
    times = []
    for days in CREATOR_PERIODS:
        spent = 1000 * _database_time(engine, page, creator, days)
        times.append(f"{days} days {spent:6.1f} ms{'' if spent < TARGET else ' MISSED'}")
    print(f"{page:<14} {who:<20} {' · '.join(times)}", flush=True)  # noqa: T201


def _database_time(engine: Engine, page: str, creator: int, days: int) -> float:
    """CPU seconds of the backend, for one view."""
    store = Store(engine)
    with store.read() as queries:
        pid = queries.connection.scalar(text("SELECT pg_backend_pid()"))
        for round_ in range(ROUNDS + 1):
            if round_ == 1:
                begun = cpu_of(pid)
            filled = PAGES[page](queries, Viewer(creator), asked(f"?days={days}", CREATOR_PERIODS), NOW)
            if not filled.complete:
                raise RuntimeError(f"{page} is not complete")
            queries.frames = Frames()
        return (cpu_of(pid) - begun) / ROUNDS


if __name__ == "__main__":
    main()
