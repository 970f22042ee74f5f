"""What the triggers cost whoever writes to the platform's tables: with and without, in one run.

`python -m benchmarks.triggers`, with `--small` for a quick look. CPU of the writer's backend (Linux); rounds
alternate, and the median counts. Commits don't wait for the disk (synchronous_commit = off): that would hide
what a trigger costs.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import os
from collections.abc import Callable, Sequence
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, text

from aggregation import triggers
from aggregation.database import connect, embedded_postgres
from aggregation.migrations import migrate
from aggregation.schema import source

ROUNDS = 9
STATEMENTS, COMMITS = 100, 2_000
HISTORY = 1_000_000

GIFTS = """
    INSERT INTO virtual_gifts
    SELECT nextval('numbers'), 1 + n % 20, 1 + n % 5000, 1 + n % 300, NULL, 7, 3, 'completed', {when}
    FROM generate_series(1, {rows}) n"""
NOW = "now() AT TIME ZONE 'UTC'"
MONTH = "(now() AT TIME ZONE 'UTC') - (n % 30 + 1) * interval '1 day'"
REFUND = """
    UPDATE virtual_gifts SET status = 'refunded'
    WHERE id = (SELECT 1 + (nextval('numbers') * 7919) % {history})"""

# What is done, how many rows it writes, and how often a round does it.
WORK = {
    "1,000 gifts of today a statement": (GIFTS.format(when=NOW, rows=1000), 1000, STATEMENTS),
    "1,000 gifts of last month a statement": (GIFTS.format(when=MONTH, rows=1000), 1000, STATEMENTS),
    "a gift of today a commit": (GIFTS.format(when=NOW, rows=1), 1, COMMITS),
    "a gift of last month a commit": (GIFTS.format(when=MONTH, rows=1), 1, COMMITS),
    "a refund a commit": (REFUND, 1, COMMITS),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--small", action="store_true", help="a quick look")
    small = parser.parse_args(arguments).small
    with TemporaryDirectory() as folder, embedded_postgres(Path(folder) / "postgres") as url:
        engine = connect(url, synchronous_commit="off")
        _prepare(engine, HISTORY // 20 if small else HISTORY)
        _say(f"load {os.getloadavg()[0]:.1f}")
        for name, (statement, rows, times) in WORK.items():
            _compare(
                engine,
                name,
                statement.format(history=HISTORY // 20 if small else HISTORY),
                rows,
                times // 10 if small else times,
            )
        _import(engine, HISTORY // 20 if small else HISTORY)
        engine.dispose()


def _prepare(engine: Engine, history: int) -> None:
    migrate(engine)
    source.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE numbers CACHE 1000"))
        connection.execute(text(GIFTS.format(when=MONTH, rows=history)))
        connection.execute(text("ANALYZE virtual_gifts"))


def _compare(engine: Engine, name: str, statement: str, rows: int, times: int) -> None:
    """Rounds without and with triggers take turns."""
    without, with_ = list[float](), list[float]()
    for _ in range(ROUNDS):
        triggers.remove(engine)
        without.append(_round(engine, statement, times))
        triggers.install(engine)
        with_.append(_round(engine, statement, times))
    ratio = median(now / before for now, before in zip(with_, without, strict=True))
    more = (median(with_) - median(without)) / times
    _say(f"{name:<40} {rows * times / median(without):>10,.0f} rows/s  × {ratio:.3f}  {more * 1e6:+8.1f} µs")


def _round(engine: Engine, statement: str, times: int) -> float:
    """CPU seconds of the session's backend: a busy machine changes little about them."""
    raw: Any = engine.raw_connection()
    raw.driver_connection.autocommit = True
    with raw.cursor() as cursor:
        cursor.execute("TRUNCATE source_changes")
        # A trigger's plan is made with its first call in a session.
        cursor.execute(statement)
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
        began = _cpu(pid)
        for _ in range(times):
            cursor.execute(statement)
        took = _cpu(pid) - began
    raw.driver_connection.autocommit = False
    raw.close()
    return took


def _cpu(pid: int) -> float:
    nanoseconds = Path(f"/proc/{pid}/schedstat").read_text().split()[0]
    return int(nanoseconds) / 1e9


def _import(engine: Engine, rows: int) -> None:
    """As `import` does it: one statement, however many rows."""

    def once(prepare: Callable[[Engine], object]) -> float:
        prepare(engine)
        return _round(engine, GIFTS.format(when=MONTH, rows=rows), 1)

    pairs = [(once(triggers.remove), once(triggers.install)) for _ in range(3)]
    ratio = median(with_ / without for without, with_ in pairs)
    with engine.connect() as connection:
        entries = connection.scalar(text("SELECT count(*) FROM source_changes"))
    _say(
        f"{f'{rows:,} rows of a month a statement':<40} {'':>17}  × {ratio:.3f}  {entries} entries in the log"
    )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
