"""Hostile names in a real browser: no script runs, no link appears, nothing moves or turns."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests import cast, hostile
from tests.browser.conftest import DESKTOP, Visitor, served, visit
from tests.conftest import fresh
from tests.integration.conftest import cast_template  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser

NARROW = (360, 780)
SOURCES = [hostile.MARKUP, hostile.RIGHT_TO_LEFT, hostile.LONG]
LINKS = 'a[href^="javascript"], svg a, .figures img, [onerror], [onmouseover]'


@pytest.fixture
def address(server: str, cast_template: str) -> Iterator[str]:  # noqa: F811
    """The cast, two of whom have hostile names, with revenue from hostile sources."""
    for engine in fresh(server, cast_template):
        hostile.plant(engine, {cast.CARL: hostile.MARKUP, cast.CLEO: hostile.RIGHT_TO_LEFT}, SOURCES)
        with served(engine) as url:
            yield url


def signed_in(browser: Browser, address: str, size: tuple[int, int]) -> Visitor:
    visitor = visit(browser, address, size, "dark")
    visitor.page.goto(f"{address}/login")
    visitor.page.fill("#username", "ana")
    visitor.page.fill("#password", cast.PASSWORD)
    visitor.page.click("button[type=submit]")
    visitor.ready()
    visitor.open("/?days=7")
    return visitor


@pytest.mark.parametrize("size", [DESKTOP, NARROW], ids=["desktop", "narrow"])
def test_hostile_names_are_shown_and_do_nothing(
    browser: Browser, address: str, size: tuple[int, int]
) -> None:
    visitor = signed_in(browser, address, size)
    page = visitor.page
    names = page.locator("[data-table=movers] tbody th bdi")
    expect(names).to_have_count(2)
    assert set(names.all_text_contents()) == {hostile.MARKUP, hostile.RIGHT_TO_LEFT}
    card = page.locator("[data-figure=revenue_sources]")
    # as text, in the chart, on hover and in its table
    expect(card.locator(".ytick", has_text="<b>bold</b><a")).to_have_count(1)
    page.evaluate(
        "Plotly.Fx.hover(document.querySelector('[data-figure=revenue_sources] .js-plotly-plot'),"
        " [{curveNumber: 0, pointNumber: 3}])"
    )
    expect(card.locator(".hoverlayer")).to_contain_text("$100.00")
    expect(card.locator(".hoverlayer")).to_contain_text("<b>bold</b>")
    card.locator(".table-twin summary").click()
    expect(card.locator(".twin")).to_contain_text("<b>bold</b><a")
    visitor.screenshot(f"hostile-{size[0]}")
    assert page.evaluate("window.hacked") is None
    assert page.locator(LINKS).count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert visitor.problems == []
    visitor.context.close()


def test_a_name_turns_nothing_beside_it(browser: Browser, address: str) -> None:
    visitor = signed_in(browser, address, NARROW)
    row = visitor.page.locator("[data-table=movers] tbody tr", has_text="עולם")
    assert row.locator("bdi").evaluate("name => getComputedStyle(name).unicodeBidi") == "isolate"
    assert row.locator("td").first.evaluate("cell => getComputedStyle(cell).direction") == "ltr"
    name, amount = row.locator("th").bounding_box(), row.locator("td").first.bounding_box()
    assert name is not None
    assert amount is not None
    assert name["x"] + name["width"] <= amount["x"] + 1
    label = visitor.page.locator("[data-figure=revenue_sources] .ytick text", has_text="עולם")
    assert "\u202e" not in (label.text_content() or "")
    visitor.context.close()
