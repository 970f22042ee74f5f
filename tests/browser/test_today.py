"""Today so far on a page that stays open."""

import re
from typing import Any

from playwright.sync_api import Request, Route, expect

from tests.browser.conftest import Visitor

LIVE = re.compile("/_dash-live/")
LONGER_THAN_A_LOOK = 11_000
FIGURE = {
    "data": [{"type": "bar", "name": "Today so far", "x": ["00:00"], "y": [4.5], "meta": {"unit": "money"}}],
    "layout": {"meta": {"rows": "Hour (UTC)", "live": True}},
}
HEAD = {"html": "<header><h2>How is today going so far?</h2><p>$4.50 by 00:59 UTC</p></header>", "state": ""}
ANSWER: dict[str, Any] = {
    "overview-today": {"figure": FIGURE},
    "overview-today-head": {"content": HEAD},
}


def opened(visitor: Visitor) -> list[Request]:
    """Overview with a clock that can be moved; what it asks for by itself."""
    asked = list[Request]()
    visitor.page.on("request", lambda request: asked.append(request) if LIVE.search(request.url) else None)
    visitor.page.route(LIVE, lambda route: answer(route))
    visitor.page.clock.install()
    visitor.sign_in("analyst")
    return asked


def answer(route: Route) -> None:
    route.fulfill(json=ANSWER)


def test_it_follows_and_the_page_stays_complete(visitor: Visitor) -> None:
    opened(visitor)
    visitor.page.evaluate(
        """() => {
            window.losses = 0;
            const count = () => { if (!document.body.dataset.ready) window.losses += 1; };
            new MutationObserver(count).observe(document.body, { attributeFilter: ["data-ready"] });
            window.trend = document.querySelector("[data-figure=revenue_trend] .main-svg");
        }"""
    )
    visitor.page.clock.run_for(LONGER_THAN_A_LOOK)
    card = visitor.page.locator("[data-figure=today]")
    expect(card.locator("header p")).to_have_text("$4.50 by 00:59 UTC")
    expect(card.locator(".bars .point")).to_have_count(1)
    assert visitor.page.evaluate("window.losses") == 0
    # no other chart was drawn again
    trend = "window.trend === document.querySelector('[data-figure=revenue_trend] .main-svg')"
    assert visitor.page.evaluate(trend)


def test_it_asks_every_ten_seconds_and_not_while_nobody_looks(visitor: Visitor) -> None:
    asked = opened(visitor)
    for looks in range(1, 4):
        with visitor.page.expect_response(LIVE):
            visitor.page.clock.run_for(LONGER_THAN_A_LOOK)
        assert len(asked) == looks
    hidden = "Object.defineProperty(document, 'hidden', {{ configurable: true, get: () => {0} }})"
    visitor.page.evaluate(hidden.format("true"))
    visitor.page.clock.run_for(10 * LONGER_THAN_A_LOOK)
    assert len(asked) == 3
    visitor.page.evaluate(hidden.format("false"))
    with visitor.page.expect_response(LIVE):
        visitor.page.clock.run_for(1_000)


def test_a_page_without_it_asks_for_nothing(visitor: Visitor) -> None:
    asked = opened(visitor)
    visitor.open("/forecast")
    visitor.page.clock.run_for(5 * LONGER_THAN_A_LOOK)
    assert asked == []
