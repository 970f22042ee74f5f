"""How old today so far is while gifts come, what a pass costs, and whether its tables grow.

`python -m benchmarks.today [--minutes 3] [--rate 1000]`. The contestant counts the whole running day again.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import os
import statistics
import subprocess
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, text

from aggregation import running_day
from aggregation.database import connect, embedded_postgres
from aggregation.days import utc_now
from aggregation.migrations import migrate
from aggregation.publishing import refresh_running_day
from aggregation.schema import source
from benchmarks.costs import measured

OLDEST = 10.0
MOST = 1.2
CREATORS = 10_000
PASSES = 300
EACH = 3  # seconds between two passes
# A simulated afternoon: costs don't hang on the time at which they are measured, and all creators have had a
# gift in its hour, so that what grows has been left behind.
AFTERNOON = datetime(2026, 11, 10, 15, 30, tzinfo=UTC)

GIFTS = text("""
    INSERT INTO virtual_gifts
    SELECT number, 1 + number % 20, 1 + number * 37 % 100000, 1 + number * 7919 % :creators, NULL,
           0.70, 0.30, 'completed', CAST(:since AS timestamp) + n * (CAST(:seconds AS float8) / :count)
                                    * interval '1 s'
    FROM generate_series(0, :count - 1) AS n, LATERAL (SELECT CAST(:base AS bigint) + n) AS of (number)
""")
WORKER = """
import sys
from aggregation.database import connect
from aggregation.worker import Worker
Worker(connect(sys.argv[1])).run()
"""


def give(engine: Engine, base: int, count: int, since: datetime, seconds: float) -> None:
    """So many gifts, spread evenly."""
    with engine.begin() as connection:
        values = {"base": base, "count": count, "seconds": seconds, "creators": CREATORS}
        connection.execute(GIFTS, values | {"since": since.replace(tzinfo=None)})


def fresh(server: str, name: str) -> Engine:
    outside = connect(server)
    with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = connect(outside.url.set(database=name))
    outside.dispose()
    migrate(engine)
    source.create_all(engine)
    return engine


# ---- age ----


@dataclass
class Writer:
    """Gives as fast as it is told, in commits of a twentieth of a second, and notes when each was done."""

    engine: Engine
    rate: int
    counts: list[int] = field(default_factory=lambda: [0])
    times: list[float] = field(default_factory=lambda: [0.0])

    def run(self, over: threading.Event) -> None:
        batch, began = max(self.rate // 20, 1), time.monotonic()
        while not over.wait(max(began + self.counts[-1] / self.rate - time.monotonic(), 0)):
            given = self.counts[-1]
            give(self.engine, 10**9 + given, batch, utc_now(), 0)
            self.times.append(time.monotonic())
            self.counts.append(given + batch)

    def committed_at(self, count: int) -> float:
        """When the newest of the first `count` gifts was."""
        return self.times[bisect_right(self.counts, count) - 1]


def ages(engine: Engine, rate: int, seconds: float, earlier: int) -> None:
    """Of the newest gift that a reader finds counted, four times a second."""
    midnight = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    give(engine, 1, earlier, midnight, (utc_now() - midnight).total_seconds() - 1)
    url = engine.url.render_as_string(hide_password=False)
    project = Path(__file__).resolve().parents[1]
    writer, over, found = Writer(engine, rate), threading.Event(), list[float]()
    with subprocess.Popen([sys.executable, "-c", WORKER, url], cwd=project) as worker:  # noqa: S603
        try:
            while counted(engine) < earlier:
                time.sleep(0.2)
            thread = threading.Thread(target=writer.run, args=[over])
            thread.start()
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                time.sleep(0.25)
                count = counted(engine) - earlier
                if count > 0:
                    found.append(time.monotonic() - writer.committed_at(count))
            cpu, memory = of_process(worker.pid)
            over.set()
            thread.join()
        finally:
            over.set()
            worker.terminate()
    told = [statistics.median(found), statistics.quantiles(found, n=20)[-1], max(found)]
    verdict = "met" if told[-1] <= OLDEST else "MISSED"
    say(f"{writer.counts[-1] / seconds:,.0f} gifts a second for {seconds / 60:.1f} min., {earlier:,} before")
    say("age of the newest counted gift: p50 {:.1f} s, p95 {:.1f} s, max {:.1f} s".format(*told))
    say(f"  (≤ {OLDEST:.0f} s {verdict})")
    say(f"worker process: {cpu:.1f} s CPU without its backends, {memory / 2**20:.0f} MiB at most (< 300)")


def counted(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT coalesce(sum(gifts), 0) FROM running_hours")).scalar_one())


def of_process(pid: int) -> tuple[float, int]:
    """CPU seconds and peak memory in bytes."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak) * 1024


# ---- cost and growth ----


def costs_and_growth(engine: Engine, rate: int, minutes: int, times: int) -> None:
    """So many minutes at this rate, then passes with the gifts of EACH seconds between them."""
    count = 60 * minutes * rate
    give(engine, 1, count, AFTERNOON - timedelta(minutes=minutes), 60 * minutes)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    url = engine.url.render_as_string(hide_password=False)
    again = measured(url, _pass, 0).cpu
    spark_hours = measured(url, _by_spark).cpu
    moments, sizes, passes = AFTERNOON, list[int](), list[float]()
    for number in range(times):
        give(engine, 10**10 + number * EACH * rate, EACH * rate, moments, EACH)
        moments += timedelta(seconds=EACH)
        seconds = (moments - AFTERNOON).total_seconds()
        if number % (times // 10) == 1:
            passes.append(measured(url, _pass, seconds).cpu)
        else:
            _pass(engine, seconds)
        if number in (0, times - 1):
            sizes.append(size(engine))
    cost = statistics.mean(passes)
    say(f"\n{minutes} minutes at {rate:,} gifts a second = {count:,} gifts, {CREATORS:,} creators")
    say(f"a pass: {cost * 1000:.0f} ms CPU, {cost / EACH:.1%} of a core; the day again: {again:.1f} s CPU")
    say(f"  = {again / cost:.0f} × a pass; with the sparks' hours (distinct people): {spark_hours:.1f} s CPU")
    grown = sizes[1] / sizes[0]
    say(f"{times} passes: tables and indexes {grown:.2f} × (< {MOST} {'met' if grown < MOST else 'MISSED'})")
    say(f"an hour's recount: {measured(url, _recount).cpu:.2f} s CPU")


def _pass(engine: Engine, seconds: float) -> None:
    running_day.refresh(engine, AFTERNOON + timedelta(seconds=seconds))


def _by_spark(engine: Engine) -> None:
    refresh_running_day(engine, clock=lambda: AFTERNOON)


def _recount(engine: Engine) -> None:
    running_day.recount(engine, AFTERNOON.replace(tzinfo=None) - timedelta(hours=1))


def size(engine: Engine) -> int:
    query = text("""
        SELECT pg_total_relation_size('running_hours') + pg_total_relation_size('running_creator_hours')
    """)
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3, help="of writing (default: 3)")
    parser.add_argument("--rate", type=int, default=1000, help="gifts a second (default: 1000)")
    parser.add_argument(
        "--day", type=int, default=60, help="minutes of the day whose recount is the contestant"
    )
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--earlier", type=int, default=500_000, help="gifts of today before the writing")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as server:
            say(f"load {os.getloadavg()[0]:.1f}")
            if options.minutes:
                ages(fresh(server, "age"), options.rate, 60 * options.minutes, options.earlier)
            costs_and_growth(fresh(server, "cost"), options.rate, options.day, options.passes)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
