"""Nights with hardly a gift: statements that are kept from night to night, or made anew for each, in one run.

`python -m benchmarks.quiet_nights`. A worker of one process; the two take turns night by night, and medians
count. What a night costs then is what it costs whatever its size.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median
from tempfile import TemporaryDirectory

from rich.table import Table
from sqlalchemy import Engine

from aggregation import prepared
from aggregation.database import embedded_postgres
from aggregation.publishing import aggregate
from benchmarks.platform import LAST_DAY, Scale, now, platform
from benchmarks.server import machine, out

NIGHTS, WARM_UPS = 30, 4
SCALE = Scale(gifts=2_000, creators=20, users=200, days=100)
KEPT, ANEW = "kept", "made anew"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nights", type=int, default=NIGHTS, help=f"of each kind (default {NIGHTS})")
    nights = parser.parse_args(arguments).nights
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        # As root, PostgreSQL runs as a user of its own.
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder) / "postgres") as server:
            engine = platform(server, SCALE)
            days = [LAST_DAY - timedelta(days=n) for n in range(2 * (nights + WARM_UPS), 0, -1)]
            aggregate(engine, last=days[0] - timedelta(days=1), clock=now)
            _show(_measured(engine, days))
            engine.dispose()


def _measured(engine: Engine, days: Sequence[date]) -> dict[str, list[tuple[float, float]]]:
    """By kind, the CPU of this process and the wall time of each night, in seconds."""
    costs = defaultdict(list)
    for number, day in enumerate(days):
        kind = (ANEW, KEPT)[number % 2]
        if kind == ANEW:
            prepared.forget()
        cpu, wall = time.process_time(), time.perf_counter()
        aggregate(engine, day, day, clock=now)
        costs[kind].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {kind: each[WARM_UPS:] for kind, each in costs.items()}


def _show(costs: dict[str, list[tuple[float, float]]]) -> None:
    grid = Table("a night, ms", "the worker's CPU", "wall", box=None, pad_edge=False)
    middle = {kind: [median(values) for values in zip(*each, strict=True)] for kind, each in costs.items()}
    for kind, values in middle.items():
        grid.add_row(kind, *(f"{value * 1000:,.0f}" for value in values))
    grid.add_row("kept / made anew", *(f"{middle[KEPT][n] / middle[ANEW][n]:.2f}" for n in range(2)))
    out.print(f"{len(costs[KEPT])} nights of each kind, medians; {machine()}\n")
    out.print(grid)


if __name__ == "__main__":
    main()
