"""The leaderboard of 100,000 creators, against the same numbers added up from each day, in one run.

`python -m benchmarks.leaderboard`. Both read the same made-up analytics tables; what is measured is CPU of
this process and its backend, over a kept connection, parallel workers off.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from itertools import product
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, Executable, text

from aggregation import leaderboard
from aggregation.database import connect, embedded_postgres
from aggregation.leaderboard import Order, Sort
from aggregation.migrations import migrate
from aggregation.partitions import require_months
from aggregation.periods import Period
from aggregation.schema import supporter_returns
from benchmarks.costs import Stopwatch

LAST = date(2026, 10, 20)
FIRST = LAST - timedelta(days=2 * 365)
PERIODS = (7, 28, 30, 90, 365)
PAGE = 50
# Milliseconds of the database for a page.
TARGET = 300

# Heavy-tailed: of a hundred creators a few are there every day, most on few days.
FILL = """
    INSERT INTO creator_profiles
    SELECT id, 'creator ' || md5(id::text), (1e6 / id)::bigint FROM generate_series(1, {creators}) id;
    INSERT INTO creator_metrics (creator_id, date, video_views, video_likes, video_comments, video_shares,
                                 gifts_received, gift_revenue, followers, followers_gained)
    SELECT id, day::date, views, views / 20, views / 50, views / 90, gifts, gifts * 0.35 * (1 + id % 7),
           (1e6 / id)::bigint, 0
    FROM generate_series(1, {creators}) id
    CROSS JOIN generate_series(date '{first}', date '{last}', interval '1 day') day
    CROSS JOIN LATERAL (
        SELECT abs(hashint8(id::bigint * 100003 + extract(epoch FROM day)::bigint)) % 1000 AS chance
    ) c
    CROSS JOIN LATERAL (SELECT 1 + chance * 1000 / id AS views,
                               CASE WHEN chance % 3 = 0 THEN 1 + 3000 / id ELSE 0 END AS gifts) n
    WHERE chance < {share} * 1000 * (0.2 + 20000.0 / (id + 20000.0));
    INSERT INTO creator_months
    SELECT day, creator_id, sum(gift_revenue), sum(gifts_received), sum(video_views),
           sum(video_likes + video_comments + video_shares), sum(gift_revenue) / 2
    FROM unnest(CAST(:days AS date[])) day
    JOIN creator_metrics ON date BETWEEN date_trunc('month', day) AND day
    GROUP BY 1, 2 ORDER BY 1, 2;
    INSERT INTO supporter_returns
    SELECT creator_id, date, since, 1 + gifts_received / 4
    FROM creator_metrics CROSS JOIN (VALUES (0), (7), (45)) v (since)
    WHERE gifts_received > 0 AND date > date '{last}' - 365;
"""
BY_DAY = """
    SELECT p.creator_id, p.name, coalesce(s.earnings, 0), coalesce(s.before, 0), s.gifts, s.views, s.reactions
    FROM creator_profiles p LEFT JOIN (
        SELECT creator_id, sum(gift_revenue) FILTER (WHERE date > :middle) AS earnings,
               sum(gift_revenue) FILTER (WHERE date <= :middle) AS before,
               sum(gifts_received) FILTER (WHERE date > :middle) AS gifts,
               sum(video_views) FILTER (WHERE date > :middle) AS views,
               sum(video_likes + video_comments + video_shares) FILTER (WHERE date > :middle) AS reactions
        FROM creator_metrics WHERE date > :first AND date <= :last GROUP BY 1
    ) s USING (creator_id)
    ORDER BY 3 DESC, 5 DESC, 1 LIMIT 50
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--creators", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.25, help="of the days that a creator is there")
    parser.add_argument("--data", type=Path, help="a folder to keep the tables in for the next run")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with _folder(options.data) as folder, embedded_postgres(folder / "postgres") as server:
        engine = connect(server)
        _prepare(engine, options.creators, options.share)
        with engine.connect() as connection:
            connection.execute(text("SET max_parallel_workers_per_gather = 0"))
            _measure(connection, options.rounds)
        engine.dispose()


def _periods() -> Iterator[tuple[Period, Period]]:
    for days in PERIODS:
        period = Period.ending(LAST, days)
        yield period, period.shifted(-days)


def _prepare(engine: Engine, creators: int, share: float) -> None:
    migrate(engine)
    with engine.begin() as connection:
        if connection.scalar(text("SELECT count(*) FROM creator_profiles")):
            return
        days = sorted({day for pair in _periods() for each in pair for day, _ in each.from_months()})
        require_months(connection, supporter_returns, FIRST, LAST)
        for statement in FILL.format(creators=creators, share=share, first=FIRST, last=LAST).split(";"):
            if statement.strip():
                _say(f"  {statement.split()[2]}")
                connection.execute(text(statement), {"days": days} if ":days" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def _measure(connection: Connection, rounds: int) -> None:
    for table in ("creator_profiles", "creator_metrics", "creator_months", "supporter_returns"):
        _say(f"{connection.scalar(text(f'SELECT count(*) FROM {table}')):>12,} {table}")  # noqa: S608

    watch = Stopwatch(connection)

    def took(statement: Executable, **values: Any) -> float:
        return _cpu(lambda: connection.execute(statement, values).all(), watch, rounds)

    for period, before in _periods():
        first = before.first - timedelta(days=1)
        by_day = took(text(BY_DAY), first=first, middle=before.last, last=period.last)
        spread = _cpu(partial(leaderboard.spread, connection, period, before), watch, rounds)
        _say(
            f"{period.days} days, added up from each day: {by_day:,.0f} ms; cards and curve: {spread:,.0f} ms"
        )
        for sort, find in product(Sort, ("", "ab1")):
            order = Order(sort, find=find)
            page = took(leaderboard.standings(period, before, order, PAGE))
            name = f"  by {sort}{' of those found' if find else ''}"
            verdict = "met" if page <= TARGET else "MISSED"
            _say(f"{name:<34} {page:>7,.0f} ms  {by_day / page:>6.1f} × faster  {verdict}")


def _cpu(work: Callable[[], Any], watch: Stopwatch, rounds: int) -> float:
    """Milliseconds, the median; the first round doesn't count."""
    took = []
    for _ in range(rounds + 1):
        watch.lap()
        work()
        took.append(1000 * watch.lap())
    return median(took[1:])


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        # As root, PostgreSQL runs as a user of its own.
        Path(folder).chmod(0o755)
        yield Path(folder)


def _say(line: Any) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
