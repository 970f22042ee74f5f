"""Forecasts of real daily series against the first design's line, the naive and the seasonal naive.

`python -m benchmarks.forecast`. Rolling origins, four weeks apart; each forecast knows the days before its
origin only. Groups weigh the same, and series within a group. Then all creators' forecasts of a large
platform with a year of days, in a process of their own.
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from aggregation.database import connect, embedded_postgres
from aggregation.migrations import migrate

SERIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "series" / "daily.csv"
LEAST_HISTORY, APART, MOST_ORIGINS = 56, 28, 13
DAY = date(2020, 1, 1)
OURS, LINE, SEASONAL, NAIVE = "forecast", "linear_regression", "seasonal_naive", "naive"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=Path, default=SERIES, help="CSV: group, series, date, value")
    parser.add_argument("--origins", type=int, default=MOST_ORIGINS, help="most origins of a series")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--creators", type=int, default=10_000, help="0: leave them out")
    parser.add_argument("--json", type=Path, help="keep the result of each window")
    given = parser.parse_args(arguments)
    if not given.series.is_file():
        sys.exit(f"no series in {given.series}")
    # Two processes, a thread each: their linear algebra must not ask for more.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    started = time.perf_counter()
    tasks = [(group, name, values, given.origins) for group, name, values in read(given.series)]
    with ProcessPoolExecutor(given.processes) as pool:
        windows = [window for found in pool.map(_windows, tasks) for window in found]
    if given.json:
        given.json.write_text(json.dumps(windows))
    report(windows)
    _say(f"{len(windows):,} rows in {time.perf_counter() - started:.0f} s")
    if given.creators:
        _creators(given.creators)


def read(file: Path) -> Iterator[tuple[str, str, Any]]:
    """(group, series, a value a day); NaN where nothing was recorded."""
    import pandas as pd

    frame = pd.read_csv(file, parse_dates=["date"])
    for (group, name), rows in frame.groupby(["group", "series"]):
        yield str(group), str(name), rows.set_index("date")["value"].asfreq("D").to_numpy(float)


def _windows(task: tuple[str, str, Any, int]) -> list[dict[str, Any]]:
    import numpy as np

    group, name, values, most = task
    found = []
    for origin in list(range(len(values) - 30, LEAST_HISTORY - 1, -APART))[:most]:
        known, came = values[:origin], values[origin : origin + 30]
        if np.isfinite(known[-7:]).any() and np.isfinite(came).sum() >= 24:
            found += [row | {"group": group, "series": name, "origin": origin} for row in _score(known, came)]
    return found


def _score(known: Any, came: Any) -> Iterator[dict[str, Any]]:
    import numpy as np

    from aggregation.forecasting import forecast
    from aggregation.forecasting.history import filled

    history = filled(known)
    scale = float(np.abs(history[7:] - history[:-7]).mean()) or 1.0
    seen = np.isfinite(came)
    made = {
        OURS: forecast(known, DAY),
        LINE: forecast(known, DAY, methodology=LINE),
        SEASONAL: forecast(known, DAY, methodology=SEASONAL),
    }
    paths = {name: each.projected for name, each in made.items()} | {NAIVE: np.full(30, history[-1])}
    ours = made[OURS]
    for method, path in paths.items():
        for days in (7, 30):
            part = seen[:days]
            if not part.any():
                continue
            error = (path[:days] - came[:days])[part]
            row = {
                "method": method,
                "days": days,
                "mase": float(np.abs(error).mean()) / scale,
                "total": abs(float(error.sum())) / len(error) / max(float(history.mean()), 1e-9),
            }
            if method == OURS:
                row |= _limits(ours, came[:days], days)
            yield row


def _limits(ours: Any, came: Any, days: int) -> dict[str, Any]:
    """Whether what came lies inside. Days that were not recorded count as they were projected."""
    import numpy as np

    total = ours.totals[days]
    amount = float(np.where(np.isfinite(came), came, ours.projected[:days]).sum())
    row: dict[str, Any] = {
        f"in{nominal}": bool(total.low[nominal] <= amount <= total.high[nominal]) for nominal in (80, 95)
    }
    row["claimed"] = total.confidence / 100
    row["within"] = bool(abs(amount - total.projected) <= 0.1 * total.projected)
    row["skill"] = total.skill
    for nominal in (80, 95, 98):
        low, high = ours.band.low[nominal][:days], ours.band.high[nominal][:days]
        inside = (came >= low) & (came <= high)
        row[f"days_in{nominal}"] = float(inside[np.isfinite(came)].mean())
    return row


# ---- creators ----

# Two of three days without a gift.
CREATOR_DAYS = """
    INSERT INTO creator_metrics (creator_id, date, gifts_received, gift_revenue)
    SELECT creator, date '2026-01-01' + day, 1, (random() * random() * 100 + 0.01)::numeric(18, 2)
    FROM generate_series(1, :creators) AS creator, generate_series(0, 364) AS day
    WHERE random() < 0.34
"""
PLATFORM_DAYS = """
    INSERT INTO daily_analytics (date, total_users, new_users, total_gifts_sent, total_revenue,
                                 creator_earnings, platform_earnings)
    SELECT date, 1, 0, sum(gifts_received), sum(gift_revenue), 0, sum(gift_revenue)
    FROM creator_metrics GROUP BY date
"""


def _creators(creators: int) -> None:
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as a user of its own.
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as server:
            engine = connect(server)
            migrate(engine)
            with engine.begin() as connection:
                connection.execute(text(CREATOR_DAYS), {"creators": creators})
                connection.execute(text(PLATFORM_DAYS))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            engine.dispose()
            # A process of its own, as a worker is, so that its memory is its own.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                seconds, megabytes, made = pool.submit(_make, server).result()
    _say(f"\nplatform and {made:,} creators, a year of days")
    _target("seconds", seconds, 0.0, 60.0)
    _target("peak memory of the process, MB", megabytes, 0.0, 300.0)


def _make(server: str) -> tuple[float, float, int]:
    from aggregation.jobs import forecast

    engine = connect(server)
    started = time.perf_counter()
    made = forecast.make(engine, datetime(2027, 1, 1, 1, tzinfo=UTC))
    seconds = time.perf_counter() - started
    engine.dispose()
    return seconds, getrusage(RUSAGE_SELF).ru_maxrss / 1024, made.creators


# ---- the report ----


def report(windows: list[dict[str, Any]]) -> None:
    import pandas as pd

    frame = pd.DataFrame(windows)
    _say(f"{frame.series.nunique()} series, {frame.groupby(['series', 'origin']).ngroups} origins")
    for days in (30, 7):
        part = frame[frame.days == days]
        _say(f"\n{days} days ahead")
        _errors(part, days)
        _coverage(part[part.method == OURS], days)


def _errors(part: Any, days: int) -> None:
    """Ratios to the seasonal naive (MASE) and to the line (error of the total)."""
    of_series = part.groupby(["group", "series", "method"])[["mase", "total"]].mean()
    groups = of_series.groupby(["group", "method"]).mean().unstack("method")
    mase = groups["mase"].div(groups["mase"][SEASONAL], axis=0)
    total = groups["total"].div(groups["total"][LINE], axis=0)
    series = of_series["mase"].unstack("method")
    each = series.div(series[SEASONAL], axis=0).mean()
    names = list(mase.index)
    _say(f"{'':<18} {'MASE / seasonal naive':^{9 * len(names) + 18}} error of the total / line's")
    _say(f"{'':<18} " + " ".join(f"{name[:8]:>8}" for name in (*names, "groups", "series", *names, "groups")))
    for method in (OURS, SEASONAL, NAIVE, LINE):
        cells = [*mase[method], mase[method].mean(), each[method], *total[method], total[method].mean()]
        _say(f"{method:<18} " + " ".join(f"{cell:8.2f}" for cell in cells))
    if days == 30:
        _target("MASE / seasonal naive, groups", mase[OURS].mean(), 0.0, 0.80)
        _target("error of the total / line's, groups", total[OURS].mean(), 0.0, 0.57)


def _coverage(ours: Any, days: int) -> None:
    names = ["in80", "in95", "claimed", "within", "days_in80", "days_in95", "days_in98"]
    of_series = ours.assign(**{name: ours[name].astype(float) for name in names})
    groups = of_series.groupby(["group", "series"])[names].mean().groupby("group").mean()
    _say(f"\n{'':<18} " + " ".join(f"{name:>9}" for name in names))
    for group, cells in [*groups.iterrows(), ("groups", groups.mean())]:
        _say(f"{group:<18} " + " ".join(f"{cell:9.3f}" for cell in cells))
    if days == 30:
        _target("80 % limits of the total hold", groups["in80"].mean(), 0.77, 0.83)
        _target("… in the worst group", groups["in80"].min(), 0.68, 1.0)
        _target("95 % limits of the total hold", groups["in95"].mean(), 0.92, 0.97)
        off = abs(groups["claimed"].mean() - groups["within"].mean())
        _target("claimed confidence − observed share", off, 0.0, 0.05)
    else:
        _target("days outside the 98 % band", 1 - groups["days_in98"].mean(), 0.0, 0.02)


def _target(name: str, value: float, least: float, most: float) -> None:
    verdict = "met" if least <= value <= most else "MISSED"
    wanted = f"≤ {most:g}" if least == 0.0 else f"{least:g}–{most:g}" if most < 1 else f"≥ {least:g}"
    _say(f"{name:<40} {value:8.3f}  ({wanted} {verdict})")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
