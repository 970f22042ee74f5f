"""The leaderboard and a creator's page as analysts use them, by keyboard and with the mouse."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESKTOP, Visitor, visit

pytestmark = pytest.mark.browser

ROWS = '[data-table="leaderboard"] tbody tr'


def gifts(visitor: Visitor) -> list[int]:
    cells = visitor.page.eval_on_selector_all(
        f"{ROWS} > :nth-child(4)", "all => all.map((x) => x.textContent)"
    )
    return [int(cell.replace(",", "")) for cell in cells]


@pytest.fixture
def board(visitor: Visitor) -> Visitor:
    visitor.sign_in("analyst")
    visitor.open("/creators?days=30")
    return visitor


def test_the_order_changes_by_keyboard_and_back(board: Visitor) -> None:
    """In place: neither is the page loaded anew nor is the focus lost."""
    page = board.page
    page.evaluate("window.stays = true")
    page.focus("#sort-gifts")
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Gifts↓")
    assert gifts(board) == sorted(gifts(board), reverse=True)
    expect(page.locator("#sort-gifts")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Gifts↑")
    assert gifts(board) == sorted(gifts(board))
    assert "sort=gifts&order=asc" in page.url
    page.go_back()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Gifts↓")
    assert page.evaluate("window.stays")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/_dash" in request.url else None)
    page.click("#sort-earnings")
    expect(page.locator("th[aria-sort]")).to_have_text("Earnings↓")
    assert len(requests) == 1


def test_a_search_leads_to_a_creator_and_back(board: Visitor) -> None:
    page = board.page
    name = page.locator(f"{ROWS} th").nth(2).inner_text()
    page.focus("#find")
    page.keyboard.type(name.upper())
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#find")).to_be_focused()
    export = page.get_attribute(".export a", "href") or ""
    assert "find=" in export
    page.locator(f"{ROWS} a").press("Enter")
    page.wait_for_selector("body[data-ready=true][data-page=my-dashboard]")
    expect(page.locator("h1")).to_have_text(name)
    assert re.search(r"/creators/\d+\?days=30", page.url)
    earned = page.get_attribute('[data-kpi="gift_revenue"] .kpi-value', "data-value")
    page.select_option("#period", "7")
    expect(page.locator(".period-line")).to_contain_text("7 days:")
    assert page.get_attribute('[data-kpi="gift_revenue"] .kpi-value', "data-value") != earned
    page.click(".heading .back")
    page.wait_for_selector("body[data-ready=true][data-page=creators]")


def test_a_link_shows_the_same(board: Visitor, browser: Browser, demo: str) -> None:
    board.page.click("#sort-supporters")
    expect(board.page.locator("th[aria-sort]")).to_have_text("Supporters↓")
    shown = board.page.locator(ROWS).all_inner_texts()
    other = visit(browser, demo, DESKTOP, "light")
    other.sign_in("admin")
    other.open(board.page.url.removeprefix(demo))
    assert other.page.locator(ROWS).all_inner_texts() == shown
    other.context.close()
    assert other.problems == []


def test_the_twin_of_the_points_names_them(board: Visitor) -> None:
    twin = board.table_of("views_rpm")
    expect(twin.locator("thead th")).to_have_text(["Creator", "Views", "RPM"])
    assert twin.locator("tbody tr").count() > 3


def test_a_point_leads_to_that_creators_page(board: Visitor) -> None:
    chart = board.page.locator('[data-figure="views_rpm"] .chart')
    chart.scroll_into_view_if_needed()
    link, left, top = chart.evaluate(
        """(chart) => {
            const plot = chart.querySelector(".js-plotly-plot");
            const { xaxis, yaxis } = plot._fullLayout;
            const box = plot.getBoundingClientRect();
            const { x, y } = plot.data[0];
            const left = box.left + xaxis._offset + xaxis.d2p(x[0]);
            return [plot.layout.meta.links[0], left, box.top + yaxis._offset + yaxis.d2p(y[0])];
        }"""
    )
    board.page.mouse.click(left, top)
    board.page.wait_for_url(f"**{link}")
    board.ready()
    assert board.page.locator(".heading .back").is_visible()


def test_a_statement_is_printed(visitor: Visitor) -> None:
    visitor.enter("creator")
    visitor.open("/me/earnings")
    visitor.page.add_init_script("window.printed = 0; window.print = () => { window.printed += 1; };")
    visitor.page.goto(visitor.address + str(visitor.page.get_attribute("a[href^='/me/statement/']", "href")))
    visitor.page.click("text=Print")
    assert visitor.page.evaluate("window.printed") == 1
    visitor.page.emulate_media(media="print")
    assert not visitor.page.is_visible("text=Print")
