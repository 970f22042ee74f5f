"""Taking a page's numbers out, as people do: by mouse, by keyboard, on a small phone."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import DESKTOP, PHONE, Visitor, visit
from tests.browser.test_pages import value

pytestmark = pytest.mark.browser

NARROW = (360, 780)


def links(visitor: Visitor) -> Locator:
    return visitor.page.locator(".export a")


def downloaded(visitor: Visitor, kind: str) -> Path:
    visitor.page.locator(".export summary").click()
    with visitor.page.expect_download() as started:
        links(visitor).get_by_text(kind).click()
    expect(links(visitor).first).to_be_hidden()
    path = Path(started.value.path())
    return path.rename(path.with_name(started.value.suggested_filename))


def test_the_files_hold_the_numbers_of_the_screen(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.page.select_option("#period", "7")
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    visitor.ready()
    shown = value(visitor, "total_revenue")
    sheet = downloaded(visitor, "CSV")
    assert sheet.name.startswith("sparkboard-overview-")
    rows = list(csv.reader(StringIO(sheet.read_bytes().decode("utf-8-sig"), newline="")))
    assert ["Period", "7 days"] in rows
    (revenue,) = (row[2] for row in rows if row[:1] == ["Total revenue"])
    assert revenue == shown
    book = load_workbook(downloaded(visitor, "Excel"))
    assert book["Days"].max_row == 8
    assert {row[0]: row[2] for row in book["Key numbers"].iter_rows(values_only=True)}[
        "Total revenue"
    ] == pytest.approx(float(shown))


def test_the_links_follow_the_address(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=90&compare=year")
    expect(links(visitor).first).to_have_js_property(
        "href", f"{visitor.address}/export/overview.csv?days=90&compare=year"
    )
    visitor.page.select_option("#compare", "none")
    expect(links(visitor).last).to_have_js_property(
        "href", f"{visitor.address}/export/overview.xlsx?days=90&compare=none"
    )
    visitor.page.go_back()
    expect(links(visitor).last).to_have_js_property(
        "href", f"{visitor.address}/export/overview.xlsx?days=90&compare=year"
    )


def test_the_menu_works_by_keyboard(visitor: Visitor) -> None:
    visitor.sign_in("creator")
    visitor.page.focus("#compare")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(links(visitor).first).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(links(visitor).first).to_be_hidden()
    expect(visitor.page.locator(".export summary")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    with visitor.page.expect_download() as started:
        visitor.page.keyboard.press("Enter")
    assert started.value.suggested_filename.startswith("sparkboard-my-dashboard-")


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, NARROW], ids=lambda size: str(size[0]))
@pytest.mark.parametrize("role", ["analyst", "creator"])
def test_the_open_menu_fits(
    browser: Browser, demo: str, role: str, size: tuple[int, int], theme: str
) -> None:
    visitor = visit(browser, demo, size, theme)
    visitor.sign_in(role)
    visitor.page.locator(".export summary").click()
    for link in links(visitor).all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["height"] >= (44 if size[0] < 800 else 36)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    visitor.context.close()
    assert visitor.problems == []
