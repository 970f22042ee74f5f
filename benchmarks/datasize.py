"""Whether pages take longer with more gifts: the server's part of each, at two sizes, interleaved.

python -m benchmarks.datasize                    # 1 and 50 million gifts: 45 GB, made in an hour
python -m benchmarks.datasize --data FOLDER      # keep them there, and use them again
python -m benchmarks.datasize --small            # a quick look

Creators, users and days are the same, and each size has a PostgreSQL of its own. CPU is user + system of
this process and of the one backend that it uses (max_parallel_workers_per_gather = 0).
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table
from sqlalchemy import Engine, event, text

from aggregation import ledger, schema
from aggregation.database import connect, embedded_postgres
from aggregation.days import ONE_DAY
from aggregation.jobs import JOBS
from aggregation.publishing import aggregate, refresh_running_day
from aggregation.queries import Store
from benchmarks.platform import LAST_DAY, Scale, platform
from benchmarks.server import Target, machine, out, show_targets, warn_if_busy
from callbacks import my_dashboard, overview
from callbacks.guard import Content
from dashboard_app.accounts import Account
from dashboard_app.terminal import err
from layouts.page import Asked

GIFTS = (1_000_000, 50_000_000)
# Enough for 30 days, the 30 before and the eight weeks of a running day's usual hours.
DAYS = 70
SMALL = {"gifts": (20_000, 200_000), "creators": 1_000, "users": 10_000}
LEAST, MOST = 0.9, 1.1
# Fewer, and the 20 ms of an Overview whose frames are kept differ by more than what is asked.
ROUNDS, WARM_UPS = 100, 4

# The platform's last day is still running, the one before is the newest complete one.
NOW = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 23, 59, tzinfo=UTC)
NIGHT = LAST_DAY - ONE_DAY

NOTHING, FRAMES = KINDS = ("nothing kept", "frames kept")

Statement = tuple[str, Any]


@dataclass(frozen=True)
class Visit:
    """A page as somebody opens it."""

    name: str
    content: Content
    viewer: Account
    days: int

    def fill(self, store: Store) -> None:
        with store.read() as queries:
            if not self.content(queries, self.viewer, Asked(self.days), NOW).complete:
                raise RuntimeError(f"a part of {self.name} failed")


@dataclass(frozen=True)
class Side:
    """A platform of one size. `store` is the one that keeps its frames, `backend` the process asked."""

    gifts: int
    engine: Engine
    store: Store
    backend: int

    def store_for(self, kind: str) -> Store:
        return self.store if kind == FRAMES else Store(self.engine)


@dataclass(frozen=True)
class Sample:
    """Seconds."""

    cpu: float
    wall: float


Samples = dict[tuple[str, str, int], list[Sample]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    visits = _visits(options.creators)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(options.data))
        scales = [Scale(gifts, options.creators, options.users, options.days) for gifts in options.gifts]
        sides = [_side(stack, folder, scale) for scale in scales]
        warn_if_busy()
        before = machine()
        samples = _measure(sides, visits, options.rounds)
        out.print(f"{options.rounds} interleaved rounds, medians; {before}; afterwards {machine()}\n")
        _show_times(samples, visits, options.gifts)
        read = _read(sides[-1], visits)
        _show_rows(sides, read)
        show_targets([*_targets(samples, visits, options.gifts), _no_source(read)])
        for side in sides:
            side.engine.dispose()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        description=lines[0], epilog=lines[1], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, scale = parser.add_argument, Scale()
    add("--gifts", type=_numbers, default=GIFTS, help="the sizes, with commas; the last is held to the first")
    add("--days", type=int, default=DAYS, help=f"of history (default {DAYS})")
    add("--creators", type=int, default=scale.creators, help=f"default {scale.creators:,}")
    add("--users", type=int, default=scale.users, help=f"default {scale.users:,}")
    add("--rounds", type=int, default=ROUNDS, help=f"how often everything is measured (default {ROUNDS})")
    add("--data", type=Path, metavar="FOLDER", help="a folder to keep the platforms in for the next run")
    add("--small", action="store_true", help="a quick look: 20,000 and 200,000 gifts")
    options = parser.parse_args(arguments)
    if options.small:
        vars(options).update(SMALL)
    return options


def _numbers(given: str) -> tuple[int, ...]:
    return tuple(int(number) for number in given.split(","))


def _visits(creators: int) -> list[Visit]:
    """The generator's creator 1 has the most of everything; of the others half have more, half less."""
    ana = Account(1, "ana", "analyst", None)
    middling = Account(2, "mona", "creator", creators // 2)
    largest = Account(3, "lars", "creator", 1)
    return [
        Visit("Overview, 7 days", overview.content, ana, 7),
        Visit("Overview, 30 days", overview.content, ana, 30),
        Visit("My dashboard, a middling creator", my_dashboard.content, middling, 30),
        Visit("My dashboard, the largest creator", my_dashboard.content, largest, 30),
    ]


# ---- the platforms ----

# Nothing here must survive a crash, and nothing but pages must run while they are measured.
SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",
    "max_wal_size": "'16GB'",
    "checkpoint_timeout": "'1h'",
    "max_parallel_workers_per_gather": "0",
}


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


def _side(stack: ExitStack, folder: Path, scale: Scale) -> Side:
    """With a server of its own, so that neither size fills the other's buffers."""
    server = stack.enter_context(embedded_postgres(folder / f"gifts_{scale.gifts}" / "postgres"))
    outside = connect(server)
    _execute(outside, *(f"ALTER SYSTEM SET {name} = {value}" for name, value in SETTINGS.items()))
    _execute(outside, "SELECT pg_reload_conf()")
    outside.dispose()
    engine = platform(server, scale, lambda table: err.print(f"{scale.gifts:,} gifts: making {table}"))
    _aggregate(engine, scale)
    # Connections that have done all this hold caches that a web server's don't.
    engine.dispose()
    with engine.connect() as connection:
        dbapi_connection: Any = connection.connection.dbapi_connection
        return Side(scale.gifts, engine, Store(engine), dbapi_connection.get_backend_pid())


def _aggregate(engine: Engine, scale: Scale) -> None:
    with engine.connect() as connection:
        # Not complete_through: a day counts as complete without what an upgrade brought.
        jobs = [job.name for job in JOBS if job.day is not None]
        missing = ledger.missing_days(connection, jobs, scale.first, NIGHT)
    if missing:
        err.print(f"{scale.gifts:,} gifts: aggregating")
        aggregate(engine, last=NIGHT, clock=_clock)
        refresh_running_day(engine, clock=_clock)
    # What autovacuum and the checkpointer would have done by the morning.
    _execute(engine, f"VACUUM (ANALYZE) {', '.join(schema.analytics.tables)}", "CHECKPOINT")


def _clock() -> datetime:
    return NOW


def _execute(engine: Engine, *statements: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))


# ---- measuring ----


def _measure(sides: Sequence[Side], visits: Sequence[Visit], rounds: int) -> Samples:
    samples: Samples = defaultdict(list)
    for visit in visits:
        err.print(visit.name)
        for side in sides:
            for kind in KINDS * WARM_UPS:
                visit.fill(side.store_for(kind))
        for number in range(rounds):
            # No size is always the first.
            for side in sides if number % 2 else reversed(sides):
                for kind in KINDS:
                    samples[visit.name, kind, side.gifts].append(_sample(visit, side, kind))
    return samples


def _sample(visit: Visit, side: Side, kind: str) -> Sample:
    store = side.store_for(kind)
    started, cpu = time.perf_counter(), time.process_time() + _backend_cpu(side.backend)
    visit.fill(store)
    wall = time.perf_counter() - started
    return Sample(time.process_time() + _backend_cpu(side.backend) - cpu, wall)


def _backend_cpu(pid: int) -> float:
    """In nanoseconds there; /proc/…/stat counts in hundredths of a second, too coarse for one page."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _median(samples: Samples, visit: Visit, kind: str, gifts: int, measure: str) -> float:
    return float(median(getattr(sample, measure) for sample in samples[visit.name, kind, gifts]))


# ---- what is read ----


@contextmanager
def asked_of(engine: Engine) -> Iterator[list[Statement]]:
    """The statements, with their parameters, that go to the database meanwhile."""
    asked: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


# These can't be explained, and read nothing.
WITHOUT_PLAN = ("SET TRANSACTION", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
LOCKED = """
    SELECT DISTINCT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') AND NOT relispartition
      AND relnamespace = CAST('public' AS regnamespace)
"""


def tables_of(engine: Engine, statements: Sequence[Statement]) -> set[str]:
    """The tables that these statements read or write: PostgreSQL locks each before it plans one.

    So no name in a text can be taken for a table, nor a table missed. A name that is only a parameter,
    as of to_regclass, is none.
    """
    with engine.connect() as connection:
        for statement, parameters in statements:
            if not statement.startswith(WITHOUT_PLAN):
                connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return set(connection.execute(text(LOCKED)).scalars())


def sources_of(engine: Engine, statements: Sequence[Statement]) -> set[str]:
    """Of these tables those that are the platform's own."""
    return tables_of(engine, statements) & set(schema.source.tables)


def _read(side: Side, visits: Sequence[Visit]) -> dict[str, set[str]]:
    """Page → the tables that it reads where nothing is kept."""
    read = {}
    for visit in visits:
        with asked_of(side.engine) as asked:
            visit.fill(Store(side.engine))
        read[visit.name] = tables_of(side.engine, asked)
    return read


# ---- what is shown ----


def _targets(samples: Samples, visits: Sequence[Visit], gifts: Sequence[int]) -> Iterator[Target]:
    for visit in visits:
        for kind in KINDS:
            few, many = (_median(samples, visit, kind, size, "cpu") for size in (gifts[0], gifts[-1]))
            passed = LEAST <= many / few <= MOST
            words = f"{visit.name}, {kind}: CPU {LEAST:g} to {MOST:g} ×"
            yield Target(words, f"{many / few:.2f} × ({many * 1000:.1f} / {few * 1000:.1f} ms)", passed)


def _no_source(read: dict[str, set[str]]) -> Target:
    found = set.union(*read.values()) & set(schema.source.tables)
    return Target("no page reads a source table", ", ".join(sorted(found)) or "none", not found)


def _show_times(samples: Samples, visits: Sequence[Visit], gifts: Sequence[int]) -> None:
    grid = Table("ms, server's part", "", box=None, pad_edge=False)
    for measure in ("CPU", "wall"):
        for size in gifts:
            grid.add_column(f"{measure}\n{size:,}", justify="right")
        grid.add_column("ratio\n", justify="right")
    for visit in visits:
        for kind in KINDS:
            cells = []
            for measure in ("cpu", "wall"):
                values = [_median(samples, visit, kind, size, measure) for size in gifts]
                cells += [*(f"{value * 1000:,.1f}" for value in values), f"{values[-1] / values[0]:.2f}"]
            grid.add_row(visit.name if kind == NOTHING else "", kind, *cells)
    out.print(grid)


def _show_rows(sides: Sequence[Side], read: dict[str, set[str]]) -> None:
    """Of all tables that pages read, and of the gifts, which they don't."""
    grid = Table("rows of tables that pages read", box=None, pad_edge=False)
    for side in sides:
        grid.add_column(f"{side.gifts:,} gifts", justify="right")
    for table in sorted(set.union(*read.values())):
        grid.add_row(table, *(f"{_rows(side.engine, table):,}" for side in sides))
    out.print()
    out.print(grid)


def _rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


if __name__ == "__main__":
    sys.exit(main())
