"""Nightly jobs, backfill and import against the first design's algorithm and DuckDB, in one run.

`python -m benchmarks.aggregation`, with `--small` for a quick look. CPU is user + system of the worker
and of its PostgreSQL backends, all with max_parallel_workers_per_gather = 0; DuckDB has one thread. The
server's shared_buffers are a quarter of the memory.
Each piece of work has a process of its own, which imports this module: what not all of them need is
imported where it is used, or it would count as the worker's memory. The nights of a platform have one
process, as the worker's have.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, text

from aggregation.database import connect, embedded_postgres
from aggregation.jobs import JOBS, chosen
from aggregation.publishing import aggregate
from benchmarks.contestants import original
from benchmarks.costs import Cost, Stopwatch, kept, measured
from benchmarks.platform import LAST_DAY, Scale, platform

SMALL = Scale(gifts=500_000, creators=2_000, users=20_000, days=120)
# The week before isn't counted: the server, which has just been filled, reads pages of long ago for the first
# time then, as one that is in use has long done.
NIGHTS, WARM_UPS = 9, 7
BEFORE = LAST_DAY - timedelta(days=WARM_UPS + NIGHTS)
MEGABYTE = 1_000_000
IMPORTED = 1_000_000


@dataclass(frozen=True)
class Target:
    """`least` and `most`: what the value has to lie between."""

    name: str
    value: float
    unit: str
    least: float = float("-inf")
    most: float = float("inf")

    def line(self) -> str:
        wanted = " ".join(
            f"{sign} {bound:,g}"
            for sign, bound in (("≥", self.least), ("≤", self.most))
            if abs(bound) != float("inf")
        )
        verdict = ("met" if self.least <= self.value <= self.most else "MISSED") if wanted else ""
        return f"{self.name:<58} {self.value:>12,.2f} {self.unit:<14} {wanted:<14} {verdict}".rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    scale = Scale(options.gifts, options.creators, options.users, options.days)
    with _folder(options.data) as folder:
        _configure(folder)
        with embedded_postgres(folder / "postgres") as server:
            targets = _run(server, folder, scale, options)
    _say("" if scale == Scale() else "\n(The targets are meant for the full scale.)")
    for target in targets:
        _say(target.line())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    scale = Scale()
    for name in ("gifts", "creators", "users", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(scale, name))
    parser.add_argument(
        "--shorter",
        type=int,
        help="days of the shorter history that a night is compared with; default a tenth",
    )
    parser.add_argument("--small", action="store_true", help="a quick look: 500,000 gifts")
    parser.add_argument("--sampled", type=int, default=300, help="creators that the first design computes")
    parser.add_argument("--data", type=Path, help="a folder to keep the platform in for the next run")
    options = parser.parse_args(arguments)
    if options.small:
        vars(options).update(vars(SMALL))
    return options


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


def _configure(folder: Path) -> None:
    """As PostgreSQL's manual recommends for a server of its own."""
    buffers = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // MEGABYTE
    with embedded_postgres(folder / "postgres") as server:
        outside = connect(server)
        _execute(outside, f"ALTER SYSTEM SET shared_buffers = '{buffers} MB'")
        outside.dispose()


def _run(server: str, folder: Path, scale: Scale, options: argparse.Namespace) -> list[Target]:
    short = scale.shortened(options.shorter or max(scale.days // 10, WARM_UPS + NIGHTS + 1))
    _say(f"{scale.gifts:,} gifts, {scale.creators:,} creators, {scale.users:,} users, {scale.days} days")
    backfills: dict[Scale, Cost] = {}
    nights: dict[Scale, list[Cost]] = {short: [], scale: []}
    engines = {each: platform(server, each, lambda table: _say(f"  making {table}")) for each in nights}
    engine = engines[scale]
    # Before and after: the machine's speed may be another one by then.
    with _duck(engine, folder, scale.first) as duck:
        theirs = [duck()]
        for each, one in engines.items():
            _forget_analytics(one)
            backfills[each] = _ours(one, f"backfill of {each.days} days", each.first, BEFORE)
        theirs.append(duck())
    rows = {job.table.name: _rows(engine, job.table.name) for job in JOBS}
    for made in engines.values():
        _settle(made)
    with ExitStack() as stack:
        measure = {each: stack.enter_context(kept(_url(engine))) for each, engine in engines.items()}
        # They take turns: a machine's speed changes within minutes.
        for day, each in product(_nights(), engines):
            nights[each].append(measure[each](_aggregate, day, day))
            _report(f"nightly jobs of {day}, {each.days} days of history", nights[each][-1])
    targets = [*_nightly_targets(engine, nights, options.sampled)]
    targets += _backfill_targets(backfills[scale], theirs, rows)
    targets += _memory_targets([*backfills.values(), *(cost for each in nights.values() for cost in each)])
    return [*targets, *_import_targets(server, engine, folder)]


def _nights() -> list[date]:
    return [BEFORE + timedelta(days=n) for n in range(1, WARM_UPS + NIGHTS + 1)]


# ---- ours ----


def _ours(engine: Engine, name: str, first: date, last: date) -> Cost:
    cost = measured(_url(engine), _aggregate, first, last)
    _report(name, cost)
    return cost


def _aggregate(engine: Engine, first: date, last: date, only: Sequence[str] | None = None) -> None:
    """An hour past the last day. A month that isn't over by then is left for the night on which it is."""
    after = datetime.combine(last + timedelta(days=1), time(1), UTC)
    aggregate(engine, first, last, only, clock=lambda: after)


def _forget_analytics(engine: Engine) -> None:
    tables = ", ".join(job.table.name for job in JOBS)
    _execute(engine, f"TRUNCATE {tables}, supporter_changes, people_seen, job_runs")
    _execute(engine, f"ALTER DATABASE {engine.url.database} SET max_parallel_workers_per_gather = 0")


def _settle(engine: Engine) -> None:
    """What autovacuum and the checkpointer would have done by the night."""
    _execute(engine, "VACUUM (ANALYZE)")
    _execute(engine, "CHECKPOINT")


# ---- against the others ----


def _nightly_targets(engine: Engine, nights: dict[Scale, list[Cost]], sampled: int) -> Iterator[Target]:
    (short, before), (long, whole) = ((scale.days, costs) for scale, costs in nights.items())
    ours = median(cost.cpu for cost in whole[WARM_UPS:])
    # Neighbours, as the machine's speed changes in between, too.
    ratios = [night.cpu / other.cpu for night, other in zip(whole, before, strict=True)]
    first_week, growth = median(ratios[:WARM_UPS]), median(ratios[WARM_UPS:])
    first_design = measured(_url(engine), _first_design, sampled).result
    _say(f"  first design, {sampled} creators for all: {first_design:.1f} s CPU a day; ours: {ours:.2f} s")
    indexed = measured(_url(engine), _first_design, sampled, original.INDEXES).result
    _say(f"  first design with indexes on each creator's rows: {indexed:.1f} s CPU a day")
    same = _same_tables(engine).cpu
    yield Target("a night, first design / ours, CPU", first_design / ours, "×", least=60)
    yield Target("  the same tables only", first_design / same, "×")
    yield Target("  first design with indexes of its own / ours", indexed / ours, "×")
    yield Target("  with them, the same tables only", indexed / same, "×")
    yield Target(f"a night, ours, {long} days of history / {short}, CPU", growth, "×", 0.8, 1.2)
    yield Target("  in the week before", first_week, "×")


def _same_tables(engine: Engine) -> Cost:
    """Ours of the last day once more, but only the tables that the first design's algorithm fills."""
    # As on the first time: it is no correction, which would be logged.
    _execute(engine, "TRUNCATE job_runs")
    for job in chosen(original.JOBS):
        if job.day is not None:
            _execute(engine, f"DELETE FROM {job.table.name} WHERE {job.day.name} >= '{LAST_DAY}'")  # noqa: S608
    cost = measured(_url(engine), _aggregate, LAST_DAY, LAST_DAY, original.JOBS)
    _report(f"nightly jobs of {LAST_DAY}, only {', '.join(original.JOBS)}", cost)
    return cost


def _first_design(engine: Engine, sampled: int, indexes: Sequence[str] = ()) -> float:
    """CPU seconds of the last day; of its creators only some are computed, evenly spread, and scaled up."""
    with engine.connect() as connection:
        for index in indexes:
            connection.execute(text(index))
        watch = Stopwatch(connection)
        original.platform_day(connection, LAST_DAY)
        creators = original.creators(connection)
        whole = watch.lap()
        some = creators[:: max(len(creators) // sampled, 1)]
        for creator in some:
            original.creator_day(connection, creator, LAST_DAY)
        each = watch.lap() / len(some)
        connection.rollback()
    return whole + each * len(creators)


@contextmanager
def _duck(engine: Engine, folder: Path, first: date) -> Iterator[Callable[[], Cost]]:
    """DuckDB over the same rows, as often as it is called."""
    from benchmarks.contestants import duck

    _say("  handing the rows to DuckDB")
    file = measured(_url(engine), duck.load, folder).result

    def compute() -> Cost:
        cost = measured(_url(engine), _computed_by_duck, file, first, BEFORE)
        _report("DuckDB, the same days", cost)
        return cost

    try:
        yield compute
    finally:
        file.unlink()


def _computed_by_duck(_: Engine, file: Path, first: date, last: date) -> dict[str, int]:
    from benchmarks.contestants import duck

    return duck.compute(file, first, last)


def _backfill_targets(ours: Cost, theirs: Sequence[Cost], rows: dict[str, int]) -> Iterator[Target]:
    unlike = {
        table: (number, rows[table]) for table, number in theirs[0].result.items() if number != rows[table]
    }
    if unlike:
        _say(f"  NOT THE SAME ROWS: {unlike}")
    yield Target(
        "backfill, ours / DuckDB, CPU", ours.cpu / mean(cost.worker_cpu for cost in theirs), "×", most=8
    )


def _rows(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


def _memory_targets(costs: Sequence[Cost]) -> Iterator[Target]:
    backend, worker = (
        max(getattr(cost, name) for cost in costs) for name in ("backend_memory", "worker_memory")
    )
    yield Target("peak memory of a backend (RssAnon)", backend / MEGABYTE, "MB", most=600)
    yield Target("peak memory of the worker (VmHWM)", worker / MEGABYTE, "MB", most=300)


# ---- import ----


def _import_targets(server: str, engine: Engine, folder: Path) -> Iterator[Target]:
    from benchmarks import exporting

    for suffix in ("parquet", "csv"):
        files = folder / f"import-{suffix}"
        gifts = exporting.write(engine, files, suffix, IMPORTED)
        empty = exporting.empty_database(server)
        cost = measured(_url(empty), _import, files)
        empty.dispose()
        _report(f"import of {gifts:,} gifts, {suffix}", cost)
        yield Target(f"import, {suffix}, gifts a second of CPU", gifts / cost.cpu, "gifts/s", least=100_000)
        yield Target(f"  its worker's peak memory ({suffix})", cost.worker_memory / MEGABYTE, "MB", most=300)


def _import(engine: Engine, folder: Path) -> None:
    from aggregation.imports import import_folder

    import_folder(engine, folder)


# ---- small things ----


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def _report(name: str, cost: Cost) -> None:
    _say(
        f"  {name}: {cost.cpu:.2f} s CPU (worker {cost.worker_cpu:.2f}, backend {cost.backend_cpu:.2f}), "
        f"worker {cost.worker_memory / MEGABYTE:.0f} MB, backend {cost.backend_memory / MEGABYTE:.0f} MB"
    )


def _say(line: Any) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
