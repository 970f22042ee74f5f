"""How fast pages load: the product, plain Dash and a static page, in one interleaved run.

    python -m benchmarks.pages                      # everything, 7 rounds
    python -m benchmarks.pages --rounds 3 --only sparkboard,floor --no-phone
    python -m benchmarks.pages --peer http://127.0.0.1:3000/ \\
        --ready "document.querySelectorAll('svg path').length > 9" \\
        --values "document.querySelectorAll('.value').length >= 8"
"""

import sys
from pathlib import Path

# Started as a file, the first place is this folder, whose modules would hide others of the same name.
if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Page, Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from aggregation import demo
from aggregation.days import utc_now
from benchmarks import browser, serving
from benchmarks.browser import Change, Conditions, Load
from benchmarks.contestants import floor, plain_dash
from dashboard_app.settings import PROJECT
from dashboard_app.terminal import err
from layouts.pages import PAGES

OURS, PLAIN, FLOOR = "sparkboard", "plain_dash", "floor"
CONTESTANTS = (OURS, PLAIN, FLOOR)
BUNDLE = "plotly-basic-*.min.js"
CARDS, CHARTS = 8, len(floor.CHARTS)
# The chart of today stays as it is when the period changes.
CHANGING = CHARTS - 1
PERIODS = (7, 90)
BEFORE = "/healthz"
ROLES = ("admin", "analyst", "creator")

SHOWN = Conditions(values=f"__watch.values({CARDS})", ready=f"__watch.drawn({CHARTS})")
# The product says itself when Dash has taken over what was drawn before.
READY = "document.body?.dataset.ready === 'true'"

Samples = dict[str, list[float]]

# Wide enough for every row, also through a pipe.
out = Console(width=120, highlight=False)


@dataclass(frozen=True)
class Contestant:
    """A page that is measured. `switches`: whether its period can be changed in #period.

    `before`: the page that one comes from, if not from an empty tab.
    """

    name: str
    url: str
    conditions: Conditions = SHOWN
    cookies: Mapping[str, str] = field(default_factory=dict)
    switches: bool = True
    before: str | None = None


@dataclass(frozen=True)
class Target:
    """`passed` is None where what it needs was not measured."""

    text: str
    measured: str
    passed: bool | None


@dataclass
class Run:
    """What is measured, and what came out."""

    playwright: Playwright
    program: Path
    contestants: list[Contestant]
    pages: list[Contestant]
    phone: bool
    samples: dict[str, Samples] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    values: dict[str, list[str]] = field(default_factory=dict)

    @contextmanager
    def visit(self, who: Contestant, *, phone: bool = False) -> Iterator[browser.Visit]:
        with browser.visit(self.playwright, self.program, who.url, who.cookies, phone=phone) as someone:
            yield someone

    def note(self, who: Contestant, measures: Mapping[str, float]) -> None:
        for name, value in measures.items():
            self.samples[who.name][name].append(value)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    _warn_if_busy()
    with ExitStack() as stack:
        program = browser.chromium(options.chromium)
        contestants, pages = stack.enter_context(_contestants(options))
        playwright = stack.enter_context(sync_playwright())
        run = Run(playwright, program, contestants, pages, phone=options.phone)
        if options.trace:
            _trace(run, options.trace)
            return 0
        _measure(run, options.rounds)
        version = _version(run)
    targets = list(_targets(run.samples))
    _show(run, targets, version, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(_report(run, targets, version), indent=2) + "\n")
    return 0


# ---- options ----


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    lines = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        description=lines[0], epilog=lines[1], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=7, help="how often everything is measured (default 7)")
    add("--only", default=",".join(CONTESTANTS), help=f"of {', '.join(CONTESTANTS)}; with commas")
    add("--no-phone", dest="phone", action="store_false", help="leave the slow phone out")
    add("--no-pages", dest="pages", action="store_false", help="leave the product's other pages out")
    add("--empty-tab", action="store_true", help="come from an empty tab, not from a page of the same site")
    add("--peer", metavar="URL", action="append", default=[], help="another page; may be repeated")
    add("--ready", metavar="JS", action="append", default=[], help="true when the peer's charts are drawn")
    add("--values", metavar="JS", action="append", default=[], help="true when its values can be read")
    add("--json", type=Path, metavar="FILE", help="write everything measured there, too")
    add("--trace", type=Path, metavar="FILE", help="only save Chromium's record of one cold load of ours")
    add("--data-dir", type=Path, metavar="FOLDER", help="a demo's DATA_DIR to make or use again")
    add("--days", type=int, default=demo.Scale.days, help="days of the demo that is made up")
    add("--creators", type=int, default=demo.Scale.creators, help="its creators")
    add("--users", type=int, default=demo.Scale.users, help="its users")
    add(
        "--bundle", type=Path, metavar="FILE", help=f"plotly's for the floor (default assets/vendor/{BUNDLE})"
    )
    add("--chromium", type=Path, metavar="FILE", help="the browser (default: CHROMIUM, or the one installed)")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",") if options.only else []
    unknown = set(options.only) - set(CONTESTANTS)
    if unknown:
        parser.error(f"--only knows {', '.join(CONTESTANTS)}, not {', '.join(sorted(unknown))}")
    if not len(options.peer) == len(options.ready) == len(options.values):
        parser.error("each --peer needs a --ready and a --values")
    if options.trace:
        options.only, options.pages, options.peer = [OURS], False, []
    return options


def _bundle(given: Path | None) -> Path:
    found = [given] if given else sorted((PROJECT / "assets" / "vendor").glob(BUNDLE))
    if not found or not found[-1].is_file():
        raise SystemExit(
            f"assets/vendor/{BUNDLE} is missing: say with --bundle where plotly's basic bundle is"
        )
    return found[-1]


# ---- contestants ----


@contextmanager
def _contestants(options: argparse.Namespace) -> Iterator[tuple[list[Contestant], list[Contestant]]]:
    """Those asked for, served; and the other pages of the product."""
    made: list[Contestant] = []
    pages: list[Contestant] = []
    with ExitStack() as stack:
        if options.only:
            scale = demo.Scale(days=options.days, creators=options.creators, users=options.users)
            platform_ = stack.enter_context(serving.platform(options.data_dir, scale))
        if OURS in options.only:
            address = stack.enter_context(serving.web(platform_.data_dir))
            cookies = {role: serving.sign_in(address, role) for role in ROLES}
            made.append(_overview(address, cookies["analyst"]))
            pages = list(_pages(address, cookies, platform_.creator_id)) if options.pages else []
        if PLAIN in options.only:
            settings = {plain_dash.DATABASE_URL: platform_.url}
            server = serving.gunicorn("benchmarks.contestants.plain_dash:create()", settings)
            made.append(Contestant(PLAIN, stack.enter_context(server) + "/"))
        if FLOOR in options.only:
            folder = stack.enter_context(TemporaryDirectory(prefix="sparkboard-floor-"))
            floor.export(platform_.engine, Path(folder), _bundle(options.bundle))
            server = serving.gunicorn(f"benchmarks.contestants.floor:create({folder!r})", {})
            made.append(Contestant(FLOOR, stack.enter_context(server) + "/"))
        if not options.empty_tab:
            made, pages = _from_inside(made), _from_inside(pages)
        made.extend(_peers(options))
        yield made, pages


def _from_inside(found: Sequence[Contestant]) -> list[Contestant]:
    """As someone comes who has just signed in, from a page of the same site: here its smallest."""
    return [replace(who, before=urljoin(who.url, BEFORE)) for who in found]


def _overview(address: str, cookies: Mapping[str, str]) -> Contestant:
    conditions = Conditions(SHOWN.values, SHOWN.ready, READY)
    return Contestant(OURS, f"{address}/", conditions, cookies)


def _pages(address: str, cookies: Mapping[str, Mapping[str, str]], creator_id: int) -> Iterator[Contestant]:
    """Every page but the Overview, as the first of the demo's logins sees it that may."""
    for page in PAGES:
        if page.path == "/":
            continue
        # Operations has a chart only after numbers have changed.
        charts = 0 if page.name == "operations" else 1
        conditions = Conditions("__watch.values(1)", f"__watch.drawn({charts})", READY)
        role = next(role for role in ROLES if role in page.roles)
        # an address with a place for whose page it is
        path = page.path.replace("<creator_id>", str(creator_id)).replace("<int:creator_id>", str(creator_id))
        yield Contestant(page.name, address + path, conditions, cookies[role], switches=False)


def _peers(options: argparse.Namespace) -> Iterator[Contestant]:
    for url, ready, values in zip(options.peer, options.ready, options.values, strict=True):
        yield Contestant(url, url, Conditions(values, ready), switches=False)


# ---- measuring ----


def _measure(run: Run, rounds: int) -> None:
    err.print("warming up")
    for who in (*run.contestants, *run.pages):
        _warm_up(run, who)
    everyone = run.contestants
    for number in range(rounds):
        err.print(f"round {number + 1} of {rounds}")
        # Nobody is always the first, or always behind the same one.
        first = number % max(len(everyone), 1)
        order = [*everyone[first:], *everyone[:first]]
        for who in order:
            _desktop(run, who)
        for who in order if run.phone else ():
            _phone(run, who)
        for who in run.pages:
            with run.visit(who) as someone:
                _page, load = someone.load(who.url, who.conditions, who.before)
                run.note(who, {"cold_drawn": load.drawn, "cold_shift": load.shift})


def _warm_up(run: Run, who: Contestant) -> None:
    """Twice, as each server has two processes; what the page says is kept for comparing."""
    with run.visit(who) as someone:
        for _ in range(2):
            page, _load = someone.load(who.url, who.conditions, who.before)
            texts = page.eval_on_selector_all(".kpi-value", "all => all.map((one) => one.textContent)")
            run.values[who.name] = texts
            _periods(page, who)
            page.close()


def _desktop(run: Run, who: Contestant) -> None:
    """Cold; once more, by which Chromium keeps compiled scripts; warm; and other periods."""
    with run.visit(who) as someone:
        for kind in ("cold", "", "warm"):
            page, load = someone.load(who.url, who.conditions, who.before)
            if kind:
                run.note(who, _measures(kind, load))
            if kind == "warm":
                run.note(who, _periods(page, who))
            browser.settle()
            page.close()


def _phone(run: Run, who: Contestant) -> None:
    with run.visit(who, phone=True) as someone:
        _page, load = someone.load(who.url, who.conditions, who.before)
        run.note(who, {"phone_drawn": load.drawn, "phone_values": load.values})


def _measures(kind: str, load: Load) -> dict[str, float]:
    return {f"{kind}_{name}": float(value) for name, value in vars(load).items()}


def _periods(page: Page, who: Contestant) -> dict[str, float]:
    measured: dict[str, float] = {}
    for days in PERIODS if who.switches else ():
        changed: Change = browser.change_period(page, days, CHARTS, CHANGING)
        measured |= {f"change_{days}": changed.drawn, f"change_{days}_server": changed.server}
    return measured


def _trace(run: Run, file: Path) -> None:
    who = run.contestants[0]
    _warm_up(run, who)
    with run.visit(who) as someone:
        browser.trace(someone, who.url, who.conditions, file, who.before)
    out.print(f"wrote {file}", markup=False)


def _version(run: Run) -> str:
    chromium = run.playwright.chromium.launch(executable_path=run.program, args=browser.FLAGS)
    version = chromium.version
    chromium.close()
    return version


# ---- targets ----


def _targets(samples: Mapping[str, Samples]) -> Iterator[Target]:
    ours, ground = _medians(samples, OURS), _medians(samples, FLOOR)
    plain = _medians(samples, PLAIN)
    cold, warm = ground.get("cold_drawn"), ground.get("warm_drawn")
    yield _ratio("cold, all drawn: at most 1.3 × floor", ours.get("cold_drawn"), cold, 1.3)
    yield _ratio("warm, all drawn: at most 1.6 × floor", ours.get("warm_drawn"), warm, 1.6)
    yield _ratio("cold, values readable: at most 0.4 × floor's all drawn", ours.get("cold_values"), cold, 0.4)
    for days in PERIODS:
        whole, server = ours.get(f"change_{days}"), ours.get(f"change_{days}_server")
        rest = None if whole is None or server is None else whole - server
        yield _ratio(f"to {days} days, without the server: at most 0.5 × floor's warm", rest, warm, 0.5)
        yield _limit(f"to {days} days, the server's part: at most 30 ms", server, 30, "ms")
    yield _limit("cold: at most 12 requests", ours.get("cold_requests"), 12, "")
    yield _limit("cold: at most 650 kB", _kilobytes(ours.get("cold_transferred")), 650, "kB")
    yield _limit("warm: at most 35 kB", _kilobytes(ours.get("warm_transferred")), 35, "kB")
    yield _limit("cold: layout shift below 0.02", ours.get("cold_shift"), 0.0199, "", places=3)
    blocking = plain.get("cold_blocking")
    yield _ratio(
        "cold, blocking time: at most half of plain Dash's", ours.get("cold_blocking"), blocking, 0.5
    )
    phone = ours.get("phone_drawn")
    yield _limit("phone, cold: below 3 s", None if phone is None else phone / 1000, 2.999, "s", places=2)
    for page in PAGES:
        if page.path != "/":
            drawn = _medians(samples, page.name).get("cold_drawn")
            yield _ratio(f"page {page.name}, cold: at most 2 × floor", drawn, cold, 2)


def _medians(samples: Mapping[str, Samples], name: str) -> dict[str, float]:
    return {measure: median(values) for measure, values in samples.get(name, {}).items()}


def _kilobytes(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _ratio(text: str, value: float | None, base: float | None, most: float) -> Target:
    if value is None or not base:
        return Target(text, "not measured", None)
    return Target(text, f"{value / base:.2f} × ({value:,.0f} / {base:,.0f} ms)", value <= most * base)


def _limit(text: str, value: float | None, most: float, unit: str, places: int = 0) -> Target:
    if value is None:
        return Target(text, "not measured", None)
    return Target(text, f"{value:,.{places}f} {unit}".strip(), value <= most)


# ---- what is shown ----

TIMES = {
    "cold_values": "cold: values readable",
    "cold_drawn": "cold: all drawn",
    "cold_usable": "cold: controls work",
    "warm_values": "warm: values readable",
    "warm_drawn": "warm: all drawn",
    "warm_usable": "warm: controls work",
    "change_7": "to 7 days",
    "change_7_server": "… of it requests",
    "change_90": "to 90 days",
    "change_90_server": "… of it requests",
    "cold_blocking": "cold: blocking time",
    "warm_blocking": "warm: blocking time",
    "phone_values": "phone: values readable",
    "phone_drawn": "phone: all drawn",
}
OTHERS = {
    "cold_requests": "cold: requests",
    "cold_transferred": "cold: bytes",
    "warm_requests": "warm: requests",
    "warm_cached": "warm: from the cache",
    "warm_transferred": "warm: bytes",
    "cold_shift": "cold: layout shift",
    "warm_shift": "warm: layout shift",
}
VERDICTS = {True: "pass", False: "FAIL", None: "–"}


def _show(run: Run, targets: Sequence[Target], version: str, rounds: int) -> None:
    out.print(f"{rounds} interleaved rounds, Chromium {version}, {_machine()}", markup=False)
    out.print("Medians, with the interquartile range in brackets; ms from the start of navigation.\n")
    names = [who.name for who in run.contestants]
    _table("ms", names, TIMES, run.samples, _with_range)
    _table("", names, OTHERS, run.samples, _bare)
    if FLOOR in run.samples:
        ratios = {name: label for name, label in TIMES.items() if "server" not in name}
        _table("× floor", names, ratios, run.samples, _to_floor(run.samples))
    if run.pages:
        names = [who.name for who in run.pages]
        _table("other pages, ms", names, {"cold_drawn": TIMES["cold_drawn"]}, run.samples, _with_range)
        _table("", names, {"cold_shift": OTHERS["cold_shift"]}, run.samples, _bare)
    grid = Table("target", "measured", "", box=None, pad_edge=False)
    for target in targets:
        grid.add_row(target.text, target.measured, VERDICTS[target.passed])
    out.print(grid)
    for line in _differing(run):
        out.print(line, markup=False)


def _table(title: str, names: Sequence[str], rows: Mapping[str, str], samples: Any, cell: Any) -> None:
    grid = Table(title, box=None, pad_edge=False)
    for name in names:
        grid.add_column(name, justify="right")
    for measure, label in rows.items():
        if any(samples[name].get(measure) for name in names):
            grid.add_row(label, *(cell(samples[name], measure) for name in names))
    out.print(grid)
    out.print()


def _with_range(samples: Samples, measure: str) -> str:
    values = samples.get(measure)
    if not values:
        return "–"
    if len(values) < 3:
        return f"{median(values):,.0f}"
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):,.0f} ({high - low:,.0f})"


def _bare(samples: Samples, measure: str) -> str:
    values = samples.get(measure)
    if not values:
        return "–"
    return f"{median(values):.3f}" if "shift" in measure else f"{median(values):,.0f}"


def _to_floor(samples: Mapping[str, Samples]) -> Any:
    def cell(own: Samples, measure: str) -> str:
        base = samples[FLOOR].get(measure)
        if not own.get(measure) or not base or not median(base):
            return "–"
        return f"{median(own[measure]) / median(base):.2f}"

    return cell


def _differing(run: Run) -> Iterator[str]:
    """The contestants show the same numbers, or it was no fair race."""
    known = {who.name: run.values.get(who.name) for who in run.contestants if who.switches}
    expected = next(iter(known.values()), None)
    for name, values in known.items():
        if values != expected:
            yield f"{name} shows other values: {values} instead of {expected}"


def _warn_if_busy() -> None:
    load, cpus = os.getloadavg()[0], os.cpu_count() or 1
    if load > cpus / 2:
        err.print(f"This machine is busy (load {load:.1f}, {cpus} CPUs): times and ratios will be too high.")


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} CPUs ({os.uname().machine}), load {load:.1f}"


def _report(run: Run, targets: Sequence[Target], version: str) -> dict[str, Any]:
    return {
        "made_at": utc_now().isoformat(timespec="seconds"),
        "machine": _machine(),
        "chromium": version,
        "medians": {name: _medians(run.samples, name) for name in run.samples},
        "samples": run.samples,
        "targets": [vars(target) for target in targets],
    }


if __name__ == "__main__":
    sys.exit(main())
