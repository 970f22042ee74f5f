"""How much memory one worker takes, through everything that it does, beside one that has nothing to do.

`python -m benchmarks.worker_memory [--gifts 1000000]`. The contestant is a worker on an empty database.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, text

from aggregation import agenda, ledger, triggers
from aggregation.database import connect, embedded_postgres
from aggregation.migrations import migrate
from benchmarks.platform import LAST_DAY, Scale, now, platform

LIMIT = 300 * 2**20
DAY = timedelta(days=1)
LONGEST = 3 * 3600.0
# Its clock stands at what the file says.
WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from aggregation.database import connect
from aggregation.worker import Worker
told = Path(sys.argv[2])
Worker(connect(sys.argv[1]), lambda: datetime.fromisoformat(told.read_text())).run()
"""
# Like the last day's, on the days after it; ids go on.
MORE = text("""
    INSERT INTO virtual_gifts
    SELECT id + CAST(:days AS bigint) * 1000000000, spark_id, sender_id, recipient_id, video_id,
           creator_share, platform_share, status, created_at + CAST(:days AS int) * interval '1 day'
    FROM virtual_gifts
    WHERE created_at >= CAST(:last AS date) AND created_at < CAST(:last AS date) + interval '1 day'
""")
# Each a statement of its own, as a platform changes them.
REFUNDS = text("""
    DO $$ DECLARE gift bigint; BEGIN
        FOR gift IN SELECT id FROM virtual_gifts WHERE status = 'completed' ORDER BY id LIMIT 100000 LOOP
            UPDATE virtual_gifts SET status = 'refunded' WHERE id = gift;
        END LOOP;
    END $$
""")


@dataclass
class Working:
    """A worker in a process of its own, and the clock that it goes by."""

    engine: Engine
    clock: Path
    pid: int

    def at(self, now: datetime) -> None:
        """Set its clock. It reads the file whole or not at all."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(now.isoformat())
        fresh.rename(self.clock)

    def peak(self, done: Callable[[], bool]) -> int:
        """In bytes, from now until it is done."""
        # Lets the kernel's mark of the highest begin anew: see proc(5).
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        began = time.monotonic()
        while not done():
            if time.monotonic() - began > LONGEST:
                raise SystemExit(f"not done within {LONGEST / 3600:.0f} hours")
            time.sleep(0.2)
        status = Path(f"/proc/{self.pid}/status").read_text()
        (found,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return int(found) * 1024


@contextmanager
def working(engine: Engine, folder: Path, at: datetime) -> Iterator[Working]:
    made = Working(engine, folder / "clock", 0)
    made.at(at)
    command = [
        sys.executable,
        "-c",
        WORKER,
        engine.url.render_as_string(hide_password=False),
        str(made.clock),
    ]
    with subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1]) as process:  # noqa: S603
        made.pid = process.pid
        try:
            yield made
        finally:
            process.terminate()


# ---- what it does ----


def asked(engine: Engine, condition: str) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(text(f"SELECT {condition}")))


def caught_up(worker: Working, at: datetime) -> bool:
    with worker.engine.connect() as connection:
        return agenda.open_tasks(connection, at) == []


def ran(worker: Working, job: str, at: datetime) -> bool:
    since = f"started_at >= timestamptz '{at.isoformat()}'"
    return asked(
        worker.engine,
        f"EXISTS (SELECT FROM job_runs WHERE job = '{job}' AND state = 'succeeded' AND {since})",
    )


def counted(worker: Working, day: datetime) -> bool:
    """All that was given on it is in today so far."""
    given = "SELECT count(*) FROM virtual_gifts WHERE status = 'completed' AND created_at >= :day"
    hours = "SELECT coalesce(sum(gifts), 0) FROM running_hours WHERE hour >= :day"
    with worker.engine.connect() as connection:
        there, found = (connection.scalar(text(query), {"day": day.date()}) for query in (given, hours))
    return bool(there) and there == found


def idle(engine: Engine, folder: Path) -> int:
    """Of a worker that leads and finds nothing to do, after a few passes."""
    with working(engine, folder, now()) as worker:
        while not asked(engine, "EXISTS (SELECT FROM worker_leases WHERE expires_at > clock_timestamp())"):
            time.sleep(0.1)
        passed = time.monotonic() + 15
        return worker.peak(lambda: time.monotonic() > passed)


def everything(engine: Engine, folder: Path) -> Iterator[tuple[str, int]]:
    """What it did, and its peak meanwhile."""
    triggers.install(engine)
    at = now()
    with working(engine, folder, at) as worker:
        yield "backfill", worker.peak(lambda: caught_up(worker, at))
        yield "forecast", worker.peak(lambda: ran(worker, "forecast", at))
        yield "recount", worker.peak(lambda: ran(worker, ledger.CHECK, at))
        for number in (1, 2, 3):
            yield f"night {number}", night(worker, number)
        with engine.begin() as connection:
            connection.execute(REFUNDS)
        at = a_night(4)
        worker.at(at)
        changes = "NOT EXISTS (SELECT FROM source_changes)"
        yield "100,000 late changes", worker.peak(lambda: caught_up(worker, at) and asked(engine, changes))
        more(engine, 5)
        worker.at(at.replace(hour=23))
        yield "today so far", worker.peak(lambda: counted(worker, at))


def night(worker: Working, number: int) -> int:
    at = a_night(number)
    more(worker.engine, number)
    worker.at(at)
    return worker.peak(lambda: caught_up(worker, at) and ran(worker, ledger.CHECK, at))


def a_night(number: int) -> datetime:
    """When its recount is due."""
    return now() + number * DAY + timedelta(hours=1)


def more(engine: Engine, days: int) -> None:
    with engine.begin() as connection:
        connection.execute(MORE, {"days": days, "last": LAST_DAY})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gifts", type=int, default=1_000_000)
    parser.add_argument("--creators", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args(arguments)
    scale = Scale(options.gifts, options.creators, options.users, options.days)
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as server:
            say(f"load {os.getloadavg()[0]:.1f}; {scale.gifts:,} gifts over {scale.days} days")
            bare = idle(empty(server), folder)
            say(f"{'nothing to do':<22}{bare / 2**20:6.0f} MB")
            peaks = []
            for what, peak in everything(platform(server, scale), folder):
                peaks.append(peak)
                say(f"{what:<22}{peak / 2**20:6.0f} MB  {peak / bare:4.1f} ×")
            verdict = "met" if max(peaks) <= LIMIT else "MISSED"
            say(f"at most {max(peaks) / 2**20:.0f} MB (≤ {LIMIT / 2**20:.0f} {verdict})")


def empty(server: str) -> Engine:
    outside = connect(server)
    with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE idle"))
    engine = connect(outside.url.set(database="idle"))
    outside.dispose()
    migrate(engine)
    return engine


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
