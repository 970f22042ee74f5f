"""What 300 refreshes and 300 runs of the same day leave behind, and which indexes anything reads.

`python -m benchmarks.storage`. The contestant replaces a day's rows by DELETE and INSERT. All is done
twice, without autovacuum and with it.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, delete, text

from aggregation.checks import check
from aggregation.database import connect, embedded_postgres
from aggregation.days import ONE_DAY
from aggregation.jobs import JOBS, Job
from aggregation.jobs.events import within
from aggregation.periods import Period
from aggregation.publishing import RUNNING_DAY, aggregate, refresh_running_day
from aggregation.queries import Store
from benchmarks.platform import LAST_DAY, Scale, platform

TIMES = 300
MOST = 1.2
# A short history: what is left behind must not vanish beside many quiet days.
SCALE = Scale(gifts=70_000, creators=1_000, users=10_000, days=7)
# The platform's last day is still running, the one before is the newest complete one.
NOW = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 23, 59, tzinfo=UTC)
DAY = LAST_DAY - ONE_DAY
# Another table takes delete + insert into the cells of older cohorts, too: no row of them is replaced.
REPLACEABLE = [job for job in JOBS if job.day is not None and job.name != "cohorts"]

NEW_GIFTS = """
    INSERT INTO virtual_gifts
    SELECT :base + n, 1 + n, 1 + (:base + n * 37) % 1000, 1 + (:base + n * 11) % 50, NULL, 0.70, 0.30,
           'completed', CAST(:day AS date) + (:base + n * 1511) % 86000 * interval '1 s'
    FROM generate_series(1, 20) AS n
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=TIMES)
    times = parser.parse_args(arguments).times
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as server:
            _run(server, times)


def _run(server: str, times: int) -> None:
    engine = platform(server, SCALE)
    aggregate(engine, last=DAY, clock=_clock)
    refresh_running_day(engine, clock=_clock)
    _execute(engine, "VACUUM (FULL, ANALYZE)")
    engine.dispose()
    for setting, name in (("off", "without autovacuum"), ("on", "with autovacuum")):
        _execute(engine, f"ALTER SYSTEM SET autovacuum = {setting}")
        # Five minutes lie between two real refreshes, and a minute between two looks of autovacuum.
        _execute(engine, "ALTER SYSTEM SET autovacuum_naptime = 1")
        _execute(engine, "SELECT pg_reload_conf()")
        engine.dispose()
        _say(f"\n{times} times, {name}: size after the last / after the first")
        _compare("live refreshes", engine, times, (RUNNING_DAY,), LAST_DAY, _refresh)
        _compare("runs of a day", engine, times, JOBS, DAY, _run_day)
    _say_indexes(engine)


def _clock() -> datetime:
    return NOW


def _refresh(engine: Engine) -> None:
    refresh_running_day(engine, clock=_clock)


def _run_day(engine: Engine) -> None:
    aggregate(engine, DAY, DAY, clock=_clock)


# ---- growth ----


def _compare(
    name: str, origin: Engine, times: int, jobs: Sequence[Job], day: date, ours: Callable[[Engine], None]
) -> None:
    replaced = [job for job in jobs if job.name in {RUNNING_DAY.name, *(each.name for each in REPLACEABLE)}]

    def theirs(engine: Engine) -> None:
        for job in replaced:
            _replace(engine, job, day)

    grown, others = (_growth(origin, times, jobs, day, work) for work in (ours, theirs))
    for job in jobs:
        table = job.table.name
        other = f"{others[table]:8.2f} ×" if job in replaced else "       –"
        verdict = "met" if grown[table] < MOST else "MISSED"
        _say(f"{name:<15} {table:<20} {grown[table]:6.2f} × (< {MOST} {verdict})   delete + insert {other}")


def _growth(
    origin: Engine, times: int, jobs: Sequence[Job], day: date, work: Callable[[Engine], None]
) -> dict[str, float]:
    """By how much each table has grown, its indexes included."""
    tables = [job.table.name for job in jobs]
    with _copy(origin) as engine:
        for number in range(times):
            with engine.begin() as connection:
                connection.execute(text(NEW_GIFTS), {"base": 10**9 + 100 * number, "day": day})
            work(engine)
            if number == 0:
                before = _sizes(engine, tables)
        after = _sizes(engine, tables)
    return {table: after[table] / before[table] for table in tables}


@contextmanager
def _copy(origin: Engine) -> Iterator[Engine]:
    """A database of its own with the same content."""
    origin.dispose()
    outside = connect(origin.url.set(database="postgres"))
    _execute(outside, "DROP DATABASE IF EXISTS copy WITH (FORCE)")
    _execute(outside, f"CREATE DATABASE copy TEMPLATE {origin.url.database}")
    engine = connect(origin.url.set(database="copy"))
    try:
        yield engine
    finally:
        engine.dispose()
        outside.dispose()


def _replace(engine: Engine, job: Job, day: date) -> None:
    """The contestant: the day's rows go, and come again."""
    assert job.day is not None  # noqa: S101
    statement = job.statement(day, day, frozenset())
    names = [column.name for column in statement.selected_columns]
    with engine.begin() as connection:
        connection.execute(delete(job.table).where(within(job.day, day, day)))
        connection.execute(job.table.insert().from_select(names, statement))


SIZE = """
    SELECT sum(pg_relation_size(relid, 'main') + pg_indexes_size(relid))
    FROM (SELECT CAST(:name AS regclass) AS relid UNION SELECT relid FROM pg_partition_tree(:name)) AS parts
"""


def _sizes(engine: Engine, tables: Sequence[str]) -> dict[str, int]:
    """Rows and indexes of all months; without the maps that a first vacuum adds to the smallest table."""
    with engine.connect() as connection:
        return {table: int(connection.scalar(text(SIZE), {"name": table}) or 0) for table in tables}


# ---- indexes ----

# A partitioned table's index is the sum of its months'.
INDEXES = """
    SELECT coalesce(part.inhparent::regclass::text, indexrelname) AS name,
           sum(pg_relation_size(indexrelid)) AS size, sum(idx_scan) AS scans
    FROM pg_stat_user_indexes LEFT JOIN pg_inherits AS part ON part.inhrelid = indexrelid
    WHERE regexp_replace(relname, '_[0-9]{4}_[0-9]{2}$', '') = ANY (:tables)
    GROUP BY 1 ORDER BY 1
"""


def _say_indexes(engine: Engine) -> None:
    _say("\nindexes: size, and reads by a day's jobs (but for ON CONFLICT) · by all pages · by a check")
    parts = (_run_day, _queries, lambda engine: check(engine, DAY, DAY, clock=_clock))
    read = [_scans(engine, part) for part in parts]
    for name, size in _index_sizes(engine).items():
        _say(f"{name:<32} {size / 1024:9,.0f} kB  " + " · ".join(f"{part.get(name, 0):7,}" for part in read))


def _scans(engine: Engine, part: Callable[[Engine], object]) -> dict[str, int]:
    _execute(engine, "SELECT pg_stat_reset()")
    part(engine)
    # A backend reports what it has read when it ends.
    engine.dispose()
    time.sleep(0.5)
    with engine.connect() as connection:
        rows = connection.execute(text(INDEXES), {"tables": [job.table.name for job in JOBS]})
        return {row.name: row.scans for row in rows}


def _index_sizes(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(text(INDEXES), {"tables": [job.table.name for job in JOBS]})
        return {row.name: row.size for row in rows}


def _queries(engine: Engine) -> None:
    """Everything that pages ask."""
    period = Period.ending(DAY, 28)
    before = Period.ending(DAY - timedelta(days=28), 28)
    with Store(engine).read() as queries:
        freshness = queries.freshness()
        assert freshness is not None  # noqa: S101
        queries.daily(period)
        queries.active_users(period)
        queries.revenue_by_source(period)
        queries.movers(period, before, 10)
        queries.last_gift_day()
        queries.today(LAST_DAY)
        queries.usual_hours(LAST_DAY, freshness.coverage)
        queries.last_gift_day(1)
        queries.creator_name(1)
        queries.creator_daily(1, period, freshness)
        queries.supporters(1, period, freshness)


# ---- small things ----


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
