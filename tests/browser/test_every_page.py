"""What holds for each page there is: a new one is tried from the day it is listed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Request, expect

from layouts.page import Page
from layouts.pages import PAGES
from tests.browser.conftest import DESKTOP, PHONE, Visitor, visit, visit_again

pytestmark = pytest.mark.browser

NARROW = (360, 740)
BAD = ("serious", "critical")
ROLES = ("analyst", "creator", "admin")
# Labels of axes that stand out of their figure.
CUT_LABELS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap((figure) => {
    const room = figure.getBoundingClientRect();
    const cut = ({ left, right }) => left < room.left - 0.5 || right > room.right + 0.5;
    const labels = [...figure.querySelectorAll(".xaxislayer-above text, .yaxislayer-above text")];
    return labels.filter((one) => cut(one.getBoundingClientRect())).map((one) => one.textContent);
})"""
# What people reach and leave by the Tab key.
STOPS = 150

# By role and size of the screen.
People = dict[tuple[str, tuple[int, int]], Visitor]

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def role(page: Page) -> str:
    """One who may see it."""
    return next(role for role in ROLES if role in page.roles)


@pytest.fixture(scope="module")
def people(browser: Browser, demo: str) -> Iterator[People]:
    """Those who have been there, by role and size of their screen: loading all files anew takes most time."""
    known: People = {}
    yield known
    for visitor in known.values():
        visitor.context.close()


@contextmanager
def opened(
    people: People, browser: Browser, demo: str, page: Page, size: tuple[int, int]
) -> Iterator[Visitor]:
    """In dark, with the files of earlier visits."""
    key = (role(page), size)
    if key not in people:
        people[key] = visit(browser, demo, size, "dark")
        people[key].enter(role(page))
    visitor = visit_again(people[key].context, demo)
    visitor.open(page.path)
    yield visitor
    visitor.page.close()
    assert visitor.problems == []


def faults(visitor: Visitor, part: str = "html") -> list[str]:
    """What axe finds in this part that keeps somebody out."""
    found = Axe().run(visitor.page, part, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in BAD
        for node in fault["nodes"][:3]
    ]


@pages
# Which colours there are depends on the theme alone, and looking at them takes nearly all the time.
@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "dark"), (PHONE, "light")], ids=["desktop", "phone"])
def test_axe_finds_nothing_serious(
    people: People, browser: Browser, demo: str, page: Page, size: tuple[int, int], theme: str
) -> None:
    with opened(people, browser, demo, page, size) as visitor:
        visitor.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
        visitor.page.wait_for_selector(f"html[data-theme={theme}]")
        # With all that opens: definitions, tables of charts. One row is like another.
        visitor.page.evaluate(
            """() => {
                document.querySelectorAll("main details").forEach((one) => { one.open = true; });
                document.querySelectorAll("main tbody tr:nth-child(n+6)").forEach((row) => row.remove());
            }"""
        )
        assert faults(visitor) == []


@pages
def test_nothing_scrolls_sideways_at_360_pixels(
    people: People, browser: Browser, demo: str, page: Page
) -> None:
    with opened(people, browser, demo, page, NARROW) as visitor:
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        assert visitor.page.evaluate(CUT_LABELS) == []
        # where somebody is can be seen in the menu
        expect(visitor.page.locator(".top nav a.current")).to_be_in_viewport(ratio=1)
        # also with a range of dates in the bar, and with all tables open
        visitor.open(f"{page.path}?from=2026-01-01&to=2026-01-02")
        visitor.page.keyboard.press("t")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        visitor.screenshot(f"{page.name}-narrow")


def on_the_way(visitor: Visitor) -> list[str]:
    """Requests from now on, but for files that are kept and the browser's own icon."""
    asked: list[str] = []

    def note(request: Request) -> None:
        path = request.url.removeprefix(visitor.address)
        if "/assets/" not in path and "/dcc/sparkboard-" not in path:
            asked.append(f"{request.method} {path}")

    visitor.page.on("request", note)
    return asked


@pages
def test_a_pages_data_takes_one_round_trip(people: People, browser: Browser, demo: str, page: Page) -> None:
    with opened(people, browser, demo, page, DESKTOP) as visitor:
        asked = on_the_way(visitor)
        visitor.open(f"{page.path}?days=7")
        assert asked == [f"GET {page.path}?days=7"]
        asked.clear()
        visitor.page.select_option("#period", str(page.periods[-1]))
        visitor.ready()
        # Dash adds what its own server never reads.
        assert [each.partition("?")[0] for each in asked] == ["POST /_dash-update-component"]


@pages
def test_the_keyboard_reaches_every_control_and_gets_out_again(
    people: People, browser: Browser, demo: str, page: Page
) -> None:
    with opened(people, browser, demo, page, DESKTOP) as visitor:
        controls = visitor.page.evaluate(
            """() => {
                const all = [...document.querySelectorAll("a[href], button, select, input, summary")];
                const seen = all.filter((one) => one.type !== "hidden" && one.checkVisibility());
                seen.forEach((one, index) => { one.dataset.stop = index; });
                return seen.length;
            }"""
        )
        reached, outlined = set(), []
        for _ in range(min(controls * 2 + 40, STOPS * 4)):
            visitor.page.keyboard.press("Tab")
            stop, outline = visitor.page.evaluate(
                """() => {
                    const { dataset } = document.activeElement;
                    const { outlineStyle } = getComputedStyle(document.activeElement);
                    return [dataset.stop ?? null, outlineStyle];
                }"""
            )
            if stop is not None:
                reached.add(stop)
                outlined.append(outline)
            if len(reached) == controls:
                break
        assert len(reached) == controls
        # who can't see where he is can't use it
        assert set(outlined) <= {"solid", "auto"}


@pages
def test_nothing_moves_while_a_page_comes(browser: Browser, demo: str, page: Page) -> None:
    visitor = visit(browser, demo, DESKTOP, "dark")
    visitor.enter(role(page))
    visitor.page.add_init_script(
        """
        window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            if (!entry.hadRecentInput) window.shifted += entry.value;
        })).observe({type: "layout-shift", buffered: true});
        """
    )
    visitor.open(page.path)
    shifted = visitor.page.evaluate("window.shifted")
    visitor.context.close()
    assert shifted < 0.02


@pages
def test_the_list_of_keys_opens_from_its_button_and_by_its_key(
    people: People, browser: Browser, demo: str, page: Page
) -> None:
    with opened(people, browser, demo, page, DESKTOP) as visitor:
        visitor.page.click("[data-keys]")
        dialog = visitor.page.locator("dialog.keys")
        expect(dialog).to_be_visible()
        assert faults(visitor, "dialog.keys") == []
        visitor.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        visitor.page.keyboard.press("?")
        expect(dialog).to_be_visible()


@pages
def test_the_arrows_show_the_days_before_and_come_back(
    people: People, browser: Browser, demo: str, page: Page
) -> None:
    with opened(people, browser, demo, page, DESKTOP) as visitor:
        visitor.page.keyboard.press("1")
        expect(visitor.page).to_have_url(re.compile(r"days=7"))
        visitor.ready()
        visitor.page.keyboard.press("ArrowLeft")
        expect(visitor.page).to_have_url(re.compile(r"from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d"))
        expect(visitor.page.locator("#period")).to_have_value("custom")
        visitor.ready()
        visitor.page.keyboard.press("ArrowRight")
        expect(visitor.page).to_have_url(re.compile(r"days=7"))
        visitor.ready()
