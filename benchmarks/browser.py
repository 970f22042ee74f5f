"""A headless Chromium that loads a page the way a person's does, and says when what was on screen."""

import base64
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, Playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 60_000
# Often enough not to waste time, seldom enough not to slow the page down.
POLL_MS = 100
# After the last chart: late tasks and late shifts count, too.
AFTERMATH_MS = 500
# Chromium keeps compiled scripts a little after they have run the second time.
SETTLE_SECONDS = 0.7
TRACED = (
    "devtools.timeline,disabled-by-default-devtools.timeline,disabled-by-default-v8.cpu_profiler,"
    "v8.execute,blink.user_timing,loading,latencyInfo"
)

# Runs before anything of the page. Conditions are asked at each frame, after all that led to it; asking
# for visibility makes the browser lay the page out, so that only painting is left to do.
WATCH = """
(() => {
  const watch = window.__watch = {times: {}, shift: 0, tasks: [], failed: ""};
  const observe = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each))
    .observe({type, buffered: true});
  observe("layout-shift", (entry) => { if (!entry.hadRecentInput) watch.shift += entry.value; });
  observe("longtask", (entry) => watch.tasks.push([entry.startTime, entry.duration]));
  watch.until = (name, condition) => {
    const frame = () => {
      let holds = false;
      try { holds = condition(); } catch (error) { watch.failed = `${name}: ${error}`; }
      if (holds) watch.times[name] = performance.now();
      else requestAnimationFrame(frame);
    };
    delete watch.times[name];
    requestAnimationFrame(frame);
  };
  const seen = (element) => element.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && element.getClientRects().length > 0;
  // Only what can be seen counts: a page may hold a copy of itself that it is about to put in.
  watch.values = (least) => {
    const all = [...document.querySelectorAll(".kpi-value")].filter((value) => /\\d/.test(value.textContent));
    return all.length >= least && all.filter(seen).length >= least;
  };
  watch.marks = (chart) => [...chart.querySelectorAll(".main-svg .trace path, .main-svg .bars path")]
    .map((path) => path.getAttribute("d")).filter((d) => d && d.length > 6);
  watch.drawn = (least) => {
    const all = [...document.querySelectorAll(".chart")];
    if (all.length < least || (least > 0 && !watch.marks(all[0]).length)) return false;
    const visible = all.filter(seen);
    return visible.length >= least && visible.every((chart) => watch.marks(chart).length > 0);
  };
  const texts = () => [...document.querySelectorAll(".kpi-value")].map((value) => value.textContent).join();
  const shapes = () => [...document.querySelectorAll(".chart")].map((chart) => watch.marks(chart).join());
  // From the next input on until other values and at least `least` other charts are on screen, of which
  // the first has a point a day.
  watch.change = (days, charts, least) => {
    const values = texts(), before = shapes();
    watch.input = null;
    document.addEventListener("input", () => {
      watch.input = performance.now();
      watch.until("changed", () => {
        if (texts() === values || !watch.values(1) || !watch.drawn(charts)) return false;
        const first = document.querySelector(".chart .js-plotly-plot, .chart.js-plotly-plot");
        if (first?.calcdata?.[0]?.length !== days) return false;
        return shapes().filter((shape, i) => shape !== before[i]).length >= least;
      });
    }, {capture: true, once: true});
  };
  watch.served = (since) => {
    const asked = ["fetch", "xmlhttprequest"];
    const all = performance.getEntriesByType("resource")
      .filter((entry) => entry.requestStart >= since && asked.includes(entry.initiatorType));
    if (!all.length) return 0;
    return Math.max(...all.map((e) => e.responseEnd)) - Math.min(...all.map((e) => e.requestStart));
  };
})();
"""


SEEN = """
({...__watch, first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime})
"""


@dataclass(frozen=True)
class Conditions:
    """Whose truth, as JavaScript expressions, says that the values can be read and the charts are drawn.

    `usable`: the controls work, too; where nothing is said of it, with the charts.
    """

    values: str
    ready: str
    usable: str = "true"


@dataclass
class Traffic:
    """What went over the wire: requests that no cache answered, and their bytes with headers."""

    requests: int = 0
    transferred: int = 0
    cached: int = 0
    urls: list[str] = field(default_factory=list)
    _from_cache: set[str] = field(default_factory=set)
    _own: set[str] = field(default_factory=set)

    def attach(self, session: CDPSession) -> None:
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.requestServedFromCache", lambda event: self._cached(event["requestId"]))
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _sent(self, event: Mapping[str, Any]) -> None:
        if "redirectResponse" in event:
            self.requests += 1
            self.transferred += int(event["redirectResponse"]["encodedDataLength"])
        if event["request"]["url"].startswith("http"):
            self._own.add(event["requestId"])
            self.urls.append(event["request"]["url"])

    def _received(self, event: Mapping[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self._cached(event["requestId"])

    def _cached(self, request: str) -> None:
        self._from_cache.add(request)

    def _finished(self, event: Mapping[str, Any]) -> None:
        request = event["requestId"]
        if request not in self._own:
            return
        if request in self._from_cache:
            self.cached += 1
        else:
            self.requests += 1
            self.transferred += int(event["encodedDataLength"])


@dataclass(frozen=True)
class Load:
    """One load of a page; times in milliseconds from the start of navigation."""

    values: float
    drawn: float
    usable: float
    requests: int
    transferred: int
    cached: int
    shift: float
    blocking: float


@dataclass(frozen=True)
class Change:
    """From the choice of another period to the last chart drawn; `server`: its requests' own time."""

    drawn: float
    server: float


@dataclass
class Visit:
    """A person's browser with a profile of its own, empty at first."""

    context: BrowserContext
    slowdown: int = 1

    def load(self, url: str, conditions: Conditions, before: str | None = None) -> tuple[Page, Load]:
        """Open `url` in a new tab, coming from the address `before`; wait until all is drawn and quiet."""
        page = self.tab(before)
        session = self.context.new_cdp_session(page)
        traffic = Traffic()
        traffic.attach(session)
        if self.slowdown > 1:
            session.send("Emulation.setCPUThrottlingRate", {"rate": self.slowdown})
        page.add_init_script(WATCH + _waiting(conditions))
        page.goto(url, wait_until="commit", timeout=TIMEOUT_MS)
        _wait(page, "usable", url)
        page.wait_for_timeout(AFTERMATH_MS * self.slowdown)
        return page, _load(page, traffic)

    def tab(self, before: str | None) -> Page:
        """A new one, which shows `before` already."""
        page = self.context.new_page()
        if before:
            page.goto(before, timeout=TIMEOUT_MS)
            settle()
        return page


def _waiting(conditions: Conditions) -> str:
    return (
        f"__watch.until('values', () => Boolean({conditions.values}));"
        f"__watch.until('drawn', () => Boolean({conditions.ready}));"
        f"__watch.until('usable', () => Boolean(({conditions.ready}) && ({conditions.usable})));"
    )


def _wait(page: Page, name: str, what: str) -> None:
    """Until the watch has noted `name`. Asked from here: a page's policy may forbid it to evaluate text."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate("(name) => window.__watch?.times[name] !== undefined", name):
        if time.monotonic() > deadline:
            why = page.evaluate("window.__watch?.failed")
            raise RuntimeError(f"{what}: never {name} within {TIMEOUT_MS // 1000} s. {why}")
        page.wait_for_timeout(POLL_MS)


def _load(page: Page, traffic: Traffic) -> Load:
    seen = page.evaluate(SEEN)
    times, end = seen["times"], seen["times"]["usable"] + AFTERMATH_MS
    tasks = [(start, duration) for start, duration in seen["tasks"] if start < end]
    return Load(
        # Text that is in the HTML is not on screen before the first paint.
        values=max(times.get("values", times["drawn"]), seen.get("first") or 0.0),
        drawn=times["drawn"],
        usable=times["usable"],
        requests=traffic.requests,
        transferred=traffic.transferred,
        cached=traffic.cached,
        shift=seen["shift"],
        blocking=sum(max(0.0, duration - 50) for _, duration in tasks),
    )


def change_period(page: Page, days: int, charts: int, changing: int) -> Change:
    """Choose another period in #period, and wait for its values and charts."""
    page.evaluate("([days, charts, least]) => __watch.change(days, charts, least)", [days, charts, changing])
    page.select_option("#period", str(days))
    _wait(page, "changed", f"{days} days")
    start, end = page.evaluate("[__watch.input, __watch.times.changed]")
    server = page.evaluate("(since) => __watch.served(since)", start)
    return Change(end - start, server)


def settle() -> None:
    time.sleep(SETTLE_SECONDS)


# ---- Chromium ----


def chromium(given: Path | None = None) -> Path:
    found = given or os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        raise RuntimeError("no Chromium here: install it, or say where it is with --chromium")
    return Path(found)


@contextmanager
def visit(
    playwright: Playwright,
    program: Path,
    address: str,
    cookies: Mapping[str, str],
    *,
    phone: bool = False,
) -> Iterator[Visit]:
    """A browser started with an empty profile on disk: caches of files and of compiled scripts as in life."""
    with TemporaryDirectory(prefix="sparkboard-profile-", ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            args=FLAGS,
            viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 900},
            is_mobile=phone,
            has_touch=phone,
        )
        try:
            if cookies:
                context.add_cookies([{"name": n, "value": v, "url": address} for n, v in cookies.items()])
            yield Visit(context, slowdown=4 if phone else 1)
        finally:
            context.close()


def trace(someone: Visit, url: str, conditions: Conditions, file: Path, before: str | None = None) -> None:
    """Save Chromium's own record of one load, for its performance panel or ui.perfetto.dev."""
    page = someone.tab(before)
    session = someone.context.new_cdp_session(page)
    page.add_init_script(WATCH + _waiting(conditions))
    ended: list[str] = []
    session.on("Tracing.tracingComplete", lambda event: ended.append(event["stream"]))
    session.send("Tracing.start", {"transferMode": "ReturnAsStream", "categories": TRACED})
    page.goto(url, wait_until="commit", timeout=TIMEOUT_MS)
    _wait(page, "drawn", url)
    page.wait_for_timeout(AFTERMATH_MS)
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    file.write_bytes(_stream(session, ended[0]))


def _stream(session: CDPSession, handle: str) -> bytes:
    content = b""
    while True:
        part = session.send("IO.read", {"handle": handle, "size": 1 << 20})
        data: str = part["data"]
        content += base64.b64decode(data) if part.get("base64Encoded") else data.encode()
        if part["eof"]:
            session.send("IO.close", {"handle": handle})
            return content
