"""Spark against the database: the same cells, the cost by rows, the driver's memory, a worker that is killed.

`python -m benchmarks.spark` computes made-up platforms of growing size on this machine's cores (`--sizes`).
`--cluster` does so on a standalone cluster: a master and two workers, each a process of its own, one of which
is killed (SIGKILL) in mid-job. `--real DIR` takes the Parquet files of a real platform.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from tempfile import TemporaryDirectory
from time import monotonic

import pyarrow.parquet as pq
from sqlalchemy import Engine, text

from aggregation import engines
from aggregation.copying import copy_rows
from aggregation.database import connect, embedded_postgres
from aggregation.days import months
from aggregation.exporting import export_folder
from aggregation.jobs import chosen
from aggregation.migrations import migrate
from aggregation.publishing import aggregate
from aggregation.schema import source
from benchmarks.costs import _status, measured
from benchmarks.platform import Scale, now, platform

MEGABYTE = 1_000_000
LOCAL = {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "8"}
CLUSTER = LOCAL | {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "1g",
}
HASH = "SELECT count(*), coalesce(sum(hashtextextended(CAST(t AS text), 0)), 0) FROM {table} AS t"


@dataclass(frozen=True)
class Took:
    seconds: float
    python: int
    java: int
    spans: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    with _folder(options.data) as folder, embedded_postgres(folder / "postgres") as server:
        if options.real:
            _compare(
                server,
                _real(server, options.real),
                options,
                folder / "real",
                options.since,
                datetime(2021, 7, 12, 1, tzinfo=UTC),
            )
            return
        for gifts in options.sizes:
            scale = Scale(gifts, options.creators, options.users, options.days)
            engine = platform(server, scale, _say)
            _compare(server, engine, options, folder / scale.name, scale.first, now())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000], help="gifts")
    parser.add_argument("--creators", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument(
        "--cluster", action="store_true", help="a master and two workers, one killed in mid-job"
    )
    parser.add_argument("--real", type=Path, help="a folder of TABLE.parquet, 2011-01-05 to 2021-07-11")
    parser.add_argument(
        "--only", type=lambda names: names.split(","), help="names of jobs, with commas between"
    )
    parser.add_argument("--since", type=date.fromisoformat, default=date(2011, 1, 5), help="of --real")
    parser.add_argument("--data", type=Path, help="a folder to keep the platforms in for the next run")
    return parser.parse_args(arguments)


def _compare(
    server: str, engine: Engine, options: argparse.Namespace, files: Path, first: date, at: datetime
) -> None:
    began = monotonic()
    aggregate(engine, first, None, options.only, clock=lambda: at)
    _say(f"database                      {monotonic() - began:10.1f} s")
    if not files.exists():
        began = monotonic()
        export_folder(engine, files)
        size = sum(each.stat().st_size for each in files.rglob("*.parquet"))
        _say(f"export                        {monotonic() - began:10.1f} s, {size / MEGABYTE:,.0f} MB")
    target = _empty(server, f"spark_{files.name}"[:60])
    place = target.url.render_as_string(hide_password=False)
    if options.cluster:
        with _cluster() as (master, kill):
            thread = threading.Thread(target=kill, daemon=True)
            cost = _on_spark(target, master, CLUSTER, files, first, at, options.only, between=thread.start)
            _say("a worker was killed" if not thread.is_alive() and thread.ident else "NO worker was killed")
    else:
        cost = measured(place, _on_spark, "local[*]", LOCAL, files, first, at, options.only).result
    _say(f"spark                         {cost.seconds:10.1f} s")
    _say(f"  its longest month           {max(cost.spans):10.1f} s")
    _say(f"  memory of our process, peak {cost.python / MEGABYTE:10.0f} MB")
    _say(f"  memory of the driver's JVM  {cost.java / MEGABYTE:10.0f} MB")
    cells, unequal = _unequal(engine, target, options.only)
    _say(f"rows equal                    {cells:10,}")
    _say(f"tables unequal                {', '.join(unequal) or 'none'}")
    target.dispose()
    engine.dispose()


def _on_spark(
    engine: Engine,
    master: str,
    options: dict[str, str],
    files: Path,
    first: date,
    at: datetime,
    only: Sequence[str] | None = None,
    between: Callable[[], None] | None = None,
) -> Took:
    """Month by month, as the worker does a backfill; `between` is called once the first is done."""
    engines.use(engine, engines.cluster(master, options, str(files)))
    spans, began = [], monotonic()
    last = at.date() - timedelta(days=1)
    for begin, end in months(first, last):
        started = monotonic()
        aggregate(engine, begin, end, only, clock=lambda: at, later=end == last)
        spans.append(monotonic() - started)
        if between:
            between()
            between = None
    peak = partial(_status, name="VmHWM")
    return Took(monotonic() - began, peak(os.getpid()), peak(_java()), spans)


def _java() -> int:
    """The process of the driver's JVM."""
    from pyspark import SparkContext

    return int(SparkContext._gateway.proc.pid)  # type: ignore[union-attr]


def _unequal(one: Engine, other: Engine, only: Sequence[str] | None) -> tuple[int, list[str]]:
    """How many rows there are, and the tables that don't hold the same."""
    total, unequal = 0, []
    for name in sorted({job.table.name for job in chosen(only)}):
        found = []
        for engine in (one, other):
            with engine.connect() as connection:
                found.append(tuple(connection.execute(text(HASH.format(table=name))).one()))
        total += found[0][0]
        if found[0] != found[1]:
            unequal.append(name)
    return total, unequal


# ---- databases ----


def _empty(server: str, name: str) -> Engine:
    """A database with the analytics tables, and nothing of the platform's."""
    outside = connect(server)
    with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
    outside.dispose()
    engine = connect(outside.url.set(database=name))
    migrate(engine)
    return engine


def _real(server: str, folder: Path) -> Engine:
    engine = _empty(server, "real")
    source.create_all(engine)
    with engine.begin() as connection:
        for table in source.tables:
            copy_rows(connection, table, pq.ParquetFile(folder / f"{table}.parquet").iter_batches())
        connection.execute(text("ANALYZE"))
    return engine


# ---- a cluster ----


@contextmanager
def _cluster() -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and what kills one of its two workers, executor included, a moment later."""
    with TemporaryDirectory(prefix="sparkboard-cluster-") as folder:
        port = _free_port()
        master = f"spark://127.0.0.1:{port}"
        daemons = [
            _daemon(folder, "master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
        ]
        _await(port)
        worker = ("worker.Worker", master, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g")
        daemons += [_daemon(folder, *worker, "--webui-port", "0", "-d", f"{folder}/{n}") for n in (1, 2)]
        timer = threading.Event()

        def kill() -> None:
            timer.wait(KILLED_AFTER)
            os.killpg(daemons[-1].pid, signal.SIGKILL)

        try:
            yield master, kill
        finally:
            for each in daemons:
                if each.poll() is None:
                    os.killpg(each.pid, signal.SIGKILL)
                each.wait()


KILLED_AFTER = 5.0


def _daemon(folder: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    import pyspark

    home = Path(pyspark.__file__).parent
    settings = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    with Path(folder, f"{name}.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [home / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", *arguments],
            env=os.environ | settings,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    until = monotonic() + 60
    while monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.2)
    raise RuntimeError("the master doesn't answer")


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with TemporaryDirectory(prefix="sparkboard-") as folder:
        yield Path(folder)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
