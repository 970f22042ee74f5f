"""What the server carries: requests a second, 64 browsers, memory; the product and plain Dash in turn.

python -m benchmarks.server                     # everything, 3 rounds
python -m benchmarks.server --data-dir FOLDER --rounds 1 --seconds 5 --only sparkboard
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import asyncio
import itertools
import json
import os
import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from aggregation import demo
from aggregation.days import utc_now
from benchmarks import load, serving
from benchmarks.contestants import content, plain_dash
from benchmarks.load import Request, Times
from dashboard_app.answers import address_id, output_of
from dashboard_app.terminal import err
from layouts.pages import PAGES

OURS, PLAIN = "sparkboard", "plain_dash"
CONTESTANTS = (OURS, PLAIN)
USERS, BROWSERS, THINK_SECONDS = 20, 64, 1.0
CALLBACKS = 10_000
# Of each process and of each answer, before anything is measured.
WARM_SECONDS = 3.0
FLAT_MEGABYTES = 5
COMPARISONS = ("previous", "weekday", "none")

Samples = dict[str, list[float]]

# Wide enough for every row, also through a pipe.
out = Console(width=120, highlight=False)


@dataclass(frozen=True)
class Contestant:
    """`updates` are changes of the period, each with all requests that it takes; `pages` whole pages.

    `command` is a part of its processes' command line.
    """

    name: str
    address: str
    updates: Sequence[Sequence[Request]]
    pages: Sequence[Request]
    command: str


@dataclass(frozen=True)
class Target:
    """`passed` is None where what it needs was not measured."""

    text: str
    measured: str
    passed: bool | None


@dataclass
class Run:
    contestants: list[Contestant]
    rounds: int
    seconds: float
    callbacks: int
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, who: Contestant, **measures: float) -> None:
        for name, value in measures.items():
            self.samples[who.name][name].append(value)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    warn_if_busy()
    with _contestants(options) as contestants:
        run = Run(contestants, options.rounds, options.seconds, options.callbacks)
        asyncio.run(_measure(run))
    targets = list(_targets(run))
    _show(run, targets)
    if options.json:
        options.json.write_text(json.dumps(_report(run, targets), indent=2) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        description=lines[0], epilog=lines[1], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="how often everything is measured (default 3)")
    add("--seconds", type=float, default=10, help="how long each measurement lasts (default 10)")
    add("--callbacks", type=int, default=CALLBACKS, help=f"between two looks at memory ({CALLBACKS:,})")
    add("--only", default=",".join(CONTESTANTS), help=f"of {', '.join(CONTESTANTS)}; with commas")
    add("--data-dir", type=Path, metavar="FOLDER", help="a demo's DATA_DIR to make or use again")
    add("--days", type=int, default=demo.Scale.days, help="days of the demo that is made up")
    add("--creators", type=int, default=demo.Scale.creators, help="its creators")
    add("--users", type=int, default=demo.Scale.users, help="its users")
    add("--json", type=Path, metavar="FILE", help="write everything measured there, too")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",")
    unknown = set(options.only) - set(CONTESTANTS)
    if unknown:
        parser.error(f"--only knows {', '.join(CONTESTANTS)}, not {', '.join(sorted(unknown))}")
    return options


# ---- contestants ----


@contextmanager
def _contestants(options: argparse.Namespace) -> Iterator[list[Contestant]]:
    scale = demo.Scale(days=options.days, creators=options.creators, users=options.users)
    with ExitStack() as stack:
        platform = stack.enter_context(serving.platform(options.data_dir, scale))
        made = []
        if OURS in options.only:
            made.append(_ours(stack.enter_context(serving.web(platform.data_dir))))
        if PLAIN in options.only:
            settings = {plain_dash.DATABASE_URL: platform.url}
            server = serving.gunicorn("benchmarks.contestants.plain_dash:create()", settings)
            made.append(_plain(stack.enter_context(server)))
        yield made


def _ours(address: str) -> Contestant:
    cookies = serving.sign_in(address, "analyst")
    (page,) = (page for page in PAGES if page.path == "/")
    searches = [
        f"?days={days}&compare={how}" for days, how in itertools.product(content.PERIODS, COMPARISONS)
    ]
    outputs = output_of(page)
    updates = [
        [load.callback(address, cookies, _asked(outputs, address_id(page), "search", search))]
        for search in searches
    ]
    pages = [load.get(address, f"/{search}", cookies) for search in searches]
    return Contestant(OURS, address, updates, pages, "run.py web")


def _plain(address: str) -> Contestant:
    """A change of its period is seven requests: a callback a chart."""
    figures = ("revenue_trend", "revenue_sources", "user_growth", "engagement_rate", "today")
    outputs = ["cards.children", "movers.children", *(f"{name}.figure" for name in figures)]
    updates = [
        [load.callback(address, {}, _asked(output, "period", "value", str(days))) for output in outputs]
        for days in content.PERIODS
    ]
    return Contestant(PLAIN, address, updates, [load.get(address, "/", {})], "plain_dash")


def _asked(output: str, name: str, kind: str, value: str) -> dict[str, object]:
    parts = [dict(zip(("id", "property"), part.split("."), strict=True)) for part in _names(output)]
    return {
        "output": output,
        "outputs": parts if output.startswith("..") else parts[0],
        "inputs": [{"id": name, "property": kind, "value": value}],
        "changedPropIds": [f"{name}.{kind}"],
        "parsedChangedPropsIds": [name],
    }


def _names(output: str) -> list[str]:
    """`..a.b...c.d..` → a.b, c.d."""
    return output[2:-2].split("...") if output.startswith("..") else [output]


# ---- measuring ----


async def _measure(run: Run) -> None:
    for who in run.contestants:
        err.print(f"warming up {who.name}", markup=False)
        await _throughput(who, WARM_SECONDS)
        await _browse(who, WARM_SECONDS)
    for number in range(run.rounds):
        # Nobody is always the first.
        for who in run.contestants[:: 1 if number % 2 == 0 else -1]:
            err.print(f"round {number + 1} of {run.rounds}: {who.name}", markup=False)
            await _one_round(run, who)
    for who in run.contestants:
        if who.name == OURS and run.callbacks:
            err.print("memory", markup=False)
            await _memory(run, who)


async def _one_round(run: Run, who: Contestant) -> None:
    started, busy, spent = time.perf_counter(), _busy_seconds(), _web_seconds(who)
    times = await _throughput(who, run.seconds)
    seconds = time.perf_counter() - started
    rate = len(times.seconds) / seconds
    run.note(
        who,
        requests=rate,
        updates=rate / len(who.updates[0]),
        p50=times.p50,
        p95=times.p95,
        size=times.length / len(times.seconds),
        busy=(_busy_seconds() - busy) / seconds,
        web=(_web_seconds(who) - spent) * 1000 / len(times.seconds),
    )
    pages, callbacks = await _browse(who, run.seconds)
    both = Times([*pages.seconds, *callbacks.seconds])
    run.note(who, browsers_p95=both.p95, page_p95=pages.p95, callback_p95=callbacks.p95)
    run.note(who, browsers_requests=len(both.seconds) / run.seconds)
    run.errors[who.name] += [*times.errors, *pages.errors, *callbacks.errors]


async def _throughput(who: Contestant, seconds: float) -> Times:
    """So many people change the period over and over, each as soon as the answer is there."""
    times, end = Times(), time.perf_counter() + seconds

    async def hurry(index: int) -> None:
        async with load.client(who.address, times) as client:
            for update in itertools.islice(itertools.cycle(who.updates), index, None):
                for request in update:
                    await client.ask(request)
                    if time.perf_counter() > end:
                        return

    await load.crowd(USERS, hurry)
    return times


async def _browse(who: Contestant, seconds: float) -> tuple[Times, Times]:
    """Browsers open a page and change its period once or twice, a second of thought before each."""
    pages, callbacks, end = Times(), Times(), time.perf_counter() + seconds

    async def browse(index: int) -> None:
        chance = random.Random(index)  # noqa: S311 - the same people each time
        async with load.client(who.address, pages) as page, load.client(who.address, callbacks) as change:
            await asyncio.sleep(chance.uniform(0, THINK_SECONDS))
            while time.perf_counter() < end:
                await page.ask(chance.choice(who.pages))
                await asyncio.sleep(THINK_SECONDS)
                for update in chance.choices(who.updates, k=chance.choice((1, 2))):
                    for request in update:
                        await change.ask(request)
                    await asyncio.sleep(THINK_SECONDS)

    await load.crowd(BROWSERS, browse)
    return pages, callbacks


async def _memory(run: Run, who: Contestant) -> None:
    """Twice as many callbacks: memory has a beginning, and only then it must stay as it is."""
    await _callbacks(who, run.callbacks // 2)
    before = _megabytes(who)
    times = await _callbacks(who, run.callbacks)
    run.note(who, memory_before=before, memory_after=_megabytes(who), memory_callbacks=len(times.seconds))
    run.errors[who.name] += times.errors


async def _callbacks(who: Contestant, number: int) -> Times:
    times, left = Times(), iter(range(number))

    async def hurry(index: int) -> None:
        async with load.client(who.address, times) as client:
            for _ in left:
                for request in who.updates[(index + len(times.seconds)) % len(who.updates)]:
                    await client.ask(request)

    await load.crowd(USERS, hurry)
    return times


def _megabytes(who: Contestant) -> float:
    """What all its processes hold, as the system counts it (RSS, shared parts in each)."""
    return sum(kilobytes for _, kilobytes, _ in processes(who.command)) / 1024


def processes(command: str) -> list[tuple[int, float, str]]:
    """(id, RSS in kB, command line) of those of our descendants whose command line has `command` in it."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss=,args="],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [line.split(None, 3) for line in listing.splitlines()]
    ours = {os.getpid()}
    for pid, parent, *_ in sorted(found, key=lambda each: int(each[0])):
        if int(parent) in ours:
            ours.add(int(pid))
    return [
        (int(pid), float(rss), args)
        for pid, _, rss, args in found
        if int(pid) in ours and command in args and int(pid) != os.getpid()
    ]


def _web_seconds(who: Contestant) -> float:
    """What its processes have had of the processors; 0 where the system has no /proc to say it.

    Unlike times, this hangs little on what else runs on the machine.
    """
    ticks = 0
    for pid, _, _ in processes(who.command):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float:
    """Of all processors and of everybody; 0 where the system doesn't say."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    idle = float(fields[3]) + float(fields[4])
    return (sum(map(float, fields[:8])) - idle) / os.sysconf("SC_CLK_TCK")


# ---- targets ----


def _targets(run: Run) -> Iterator[Target]:
    ours, plain = (
        {name: median(values) for name, values in run.samples.get(who, {}).items()} for who in CONTESTANTS
    )
    yield limit("Overview's callback, warm: at least 300 requests/s", ours.get("requests"), least=300)
    yield limit(f"… p95 with {USERS} users: below 50 ms", ours.get("p95"), most=49.9, unit="ms")
    yield limit(f"{BROWSERS} browsers, p95: below 500 ms", ours.get("browsers_p95"), most=499.9, unit="ms")
    failed = float(len(run.errors.get(OURS, []))) if ours else None
    yield limit("no error", failed, most=0)
    before, after = ours.get("memory_before"), ours.get("memory_after")
    grown = after - before if before and after else None
    yield limit(
        f"memory: at most {FLAT_MEGABYTES} MB more after {run.callbacks:,} callbacks",
        grown,
        most=FLAT_MEGABYTES,
        unit="MB",
    )
    if ours and plain:
        times = ours["updates"] / plain["updates"]
        yield limit("changes of the period: × plain Dash's", times, least=1, unit="×")


def limit(
    text: str, value: float | None, *, most: float | None = None, least: float | None = None, unit: str = ""
) -> Target:
    if value is None:
        return Target(text, "not measured", None)
    passed = (most is None or value <= most) and (least is None or value >= least)
    return Target(text, f"{value:,.1f} {unit}".strip(), passed)


# ---- what is shown ----

LABELS = {
    "requests": "requests/s, 20 users without a pause",
    "updates": "changes of the period/s",
    "p50": "ms, median",
    "p95": "ms, p95",
    "size": "bytes an answer",
    "web": "ms of a processor a request, web processes alone",
    "busy": "processors busy, with all that runs on this machine",
    "browsers_requests": "64 browsers: requests/s",
    "browsers_p95": "64 browsers: ms, p95",
    "page_p95": "… of pages",
    "callback_p95": "… of callbacks",
    "memory_before": "MB of all web processes, before",
    "memory_after": "MB of all web processes, after",
    "memory_callbacks": "… callbacks answered in between",
}
VERDICTS = {True: "pass", False: "FAIL", None: "–"}


def _show(run: Run, targets: Sequence[Target]) -> None:
    out.print(f"{run.rounds} rounds of {run.seconds:g} s, {machine()}; medians", markup=False)
    names = [who.name for who in run.contestants]
    grid = Table("", *names, *(["ratio"] if len(names) > 1 else []), box=None, pad_edge=False)
    for measure, label in LABELS.items():
        values = [run.samples[name].get(measure) for name in names]
        if not any(values):
            continue
        medians = [median(value) if value else None for value in values]
        cells = ["–" if value is None else f"{value:,.1f}" for value in medians]
        if len(names) > 1:
            cells.append(f"{medians[0] / medians[1]:.2f}" if medians[0] and medians[1] else "–")
        grid.add_row(label, *cells)
    out.print(grid)
    show_targets(targets)
    for name, errors in run.errors.items():
        if errors:
            out.print(f"{name}: {len(errors)} errors: {', '.join(sorted(set(errors)))}", markup=False)


def show_targets(targets: Sequence[Target]) -> None:
    grid = Table("target", "measured", "", box=None, pad_edge=False)
    for target in targets:
        grid.add_row(target.text, target.measured, VERDICTS[target.passed])
    out.print()
    out.print(grid)


def warn_if_busy() -> None:
    busy, cpus = os.getloadavg()[0], os.cpu_count() or 1
    if busy > cpus / 2:
        err.print(f"This machine is busy (load {busy:.1f}, {cpus} CPUs): less will be measured than it can.")


def machine() -> str:
    return f"{os.cpu_count()} CPUs ({os.uname().machine}), load {os.getloadavg()[0]:.1f}"


def _report(run: Run, targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "made_at": utc_now().isoformat(timespec="seconds"),
        "machine": machine(),
        "samples": run.samples,
        "errors": run.errors,
        "targets": [vars(target) for target in targets],
    }


if __name__ == "__main__":
    sys.exit(main())
