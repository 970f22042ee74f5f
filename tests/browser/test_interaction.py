"""Clicks that narrow a page, keys, ranges of one's own, and what a figure gives away."""

import csv
import re
import struct
from base64 import b64encode
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESKTOP, Visitor, visit

pytestmark = pytest.mark.browser

LINE = ".period-line"


def number(visitor: Visitor, name: str) -> str:
    return visitor.page.get_attribute(f'[data-kpi="{name}"] .kpi-value', "data-value") or ""


def through(visitor: Visitor) -> date:
    return date.fromisoformat(visitor.page.get_attribute("#complete-through", "data-through") or "")


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def click_day(visitor: Visitor, index: int) -> str:
    """On a day of the trend of revenue; which one that is."""
    chart = visitor.page.locator('[data-figure="revenue_trend"] .chart')
    chart.scroll_into_view_if_needed()
    day, left, top = chart.evaluate(
        """(chart, index) => {
            const plot = chart.querySelector(".js-plotly-plot");
            const { xaxis, yaxis } = plot._fullLayout;
            const { left, top } = plot.getBoundingClientRect();
            const day = plot.data[0].x[index];
            return [day, left + xaxis._offset + xaxis.d2p(day), top + yaxis._offset + yaxis._length / 2];
        }""",
        index,
    )
    visitor.page.mouse.click(left, top)
    visitor.page.mouse.move(0, 0)
    return str(day)


def test_a_click_on_a_day_shows_that_day_and_a_second_one_all_again(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7")
    whole = number(visitor, "total_gifts_sent")
    day = click_day(visitor, 3)
    expect(visitor.page.locator(LINE)).to_contain_text("1 day:")
    expect(visitor.page.locator(".chip")).to_be_visible()
    assert f"day={day}" in visitor.page.url
    visitor.ready()
    assert int(number(visitor, "total_gifts_sent")) < int(whole)
    # The lines go on, with the day marked.
    drawn = "document.querySelector('[data-figure=revenue_trend] .js-plotly-plot')"
    assert visitor.page.evaluate(f"{drawn}.data[0].x.length") == 7
    assert visitor.page.evaluate(f"{drawn}.layout.shapes[0].x0") == day
    assert click_day(visitor, 3) == day
    expect(visitor.page.locator(LINE)).to_contain_text("7 days:")
    visitor.ready()
    assert number(visitor, "total_gifts_sent") == whole
    assert "day=" not in visitor.page.url


def test_a_day_that_is_only_expected_cannot_be_picked(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7")
    card = visitor.page.locator('[data-figure="revenue_trend"]')
    card.locator(".table-twin summary").click()
    # seven that have come, and seven that are expected
    expect(card.locator(".twin tbody tr")).to_have_count(14)
    expect(card.locator(".twin .pick")).to_have_count(7)


def test_a_source_is_picked_by_keyboard_and_let_go_by_its_chip(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    card = visitor.page.locator('[data-figure="revenue_sources"]')
    card.locator(".table-twin summary").focus()
    visitor.page.keyboard.press("Enter")
    button = card.locator(".pick", has_text="Ads")
    button.focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page).to_have_url(re.compile("source=ads"))
    heading = visitor.page.locator('[data-figure="revenue_trend"] h2')
    expect(heading).to_have_text("How is revenue from ads developing?")
    expect(button).to_have_attribute("aria-pressed", "true")
    visitor.page.locator(".chip").focus()
    visitor.page.keyboard.press("Enter")
    expect(heading).to_have_text("How is gift revenue developing?")
    assert "source=" not in visitor.page.url


def test_the_picked_source_is_drawn_to_the_cent(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=28&source=subscriptions")
    shown = "document.querySelector('[data-figure=%s] .js-plotly-plot').data[0]"
    daily = visitor.page.evaluate(f"{shown % 'revenue_trend'}.y")
    bars = visitor.page.evaluate(f"{shown % 'revenue_sources'}.x")
    keys = "document.querySelector('[data-figure=revenue_sources] .js-plotly-plot').layout.meta.keys"
    at = visitor.page.evaluate(keys).index("subscriptions")
    assert sum(daily) == pytest.approx(bars[at], abs=0.001)


def test_a_range_of_ones_own_begins_as_what_is_shown(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    expect(visitor.page.locator("#dates")).to_be_hidden()
    before = number(visitor, "total_revenue")
    visitor.page.select_option("#period", "custom")
    last = through(visitor)
    first = visitor.page.locator("#dates [name=from]")
    expect(first).to_have_attribute("type", "date")
    expect(first).to_have_value((last - timedelta(days=29)).isoformat())
    visitor.ready()
    assert number(visitor, "total_revenue") == before
    first.fill((last - timedelta(days=2)).isoformat())
    expect(visitor.page.locator(LINE)).to_contain_text("3 days:")
    expect(visitor.page).to_have_url(re.compile(rf"from={last - timedelta(days=2)}&to={last}"))
    visitor.page.select_option("#period", "7")
    expect(visitor.page.locator("#dates")).to_be_hidden()
    expect(visitor.page).to_have_url(re.compile("days=7"))
    assert "from=" not in visitor.page.url


def test_a_link_with_a_range_shows_a_colleague_the_same(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    last = through(visitor)
    first = last - timedelta(days=9)
    visitor.open(f"/?from={first}&to={last}&compare=364")
    expect(visitor.page.locator("#dates [name=from]")).to_have_value(first.isoformat())
    expect(visitor.page.locator("#period")).to_have_value("custom")
    expect(visitor.page.locator("#compare")).to_have_value("364")
    expect(visitor.page.locator(LINE)).to_contain_text("10 days:")
    visitor.open(f"/?from={last}&to={first}")
    expect(visitor.page.locator(".notes").first).to_contain_text(
        "The first day of the range is later than its last."
    )
    expect(visitor.page.locator(LINE)).to_contain_text("30 days:")


def test_keys_do_nothing_while_somebody_types(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.page.focus("#compare")
    visitor.page.keyboard.press("1")
    visitor.page.keyboard.press("t")
    visitor.page.keyboard.press("?")
    assert visitor.page.url == f"{visitor.address}/"
    expect(visitor.page.locator("dialog.keys")).to_have_count(0)
    expect(visitor.page.locator(".table-twin[open]")).to_have_count(0)


def test_keys_can_be_switched_off_for_good(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.page.click("[data-keys]")
    visitor.page.get_by_label("Shortcuts are on").uncheck()
    visitor.page.get_by_role("button", name="Close").click()
    visitor.open("/")
    visitor.page.keyboard.press("1")
    visitor.page.keyboard.press("?")
    expect(visitor.page.locator("dialog.keys")).to_have_count(0)
    assert visitor.page.url == f"{visitor.address}/"


def test_t_shows_all_charts_as_tables(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    charts = visitor.page.locator("#react-entry-point .figures .chart:visible").count()
    visitor.page.keyboard.press("t")
    expect(visitor.page.locator(".table-twin[open] table")).to_have_count(charts)
    visitor.page.keyboard.press("t")
    expect(visitor.page.locator(".table-twin[open]")).to_have_count(0)


def test_a_figures_csv_has_its_numbers_and_says_which(visitor: Visitor, tmp_path: Path) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7&compare=none")
    with visitor.page.expect_download() as download:
        visitor.page.click('[data-figure="engagement_rate"] [data-save="csv"]')
    last = through(visitor)
    first = last - timedelta(days=6)
    name = f"sparkboard-overview-engagement_rate-{first}-to-{last}.csv"
    assert download.value.suggested_filename == name
    download.value.save_as(tmp_path / name)
    lines = rows_of(tmp_path / name)
    facts = {line[0]: line[1] for line in lines[:7]}
    assert facts["Figure"] == "Which share of users is active each day?"
    assert facts["From (UTC, included)"] == first.isoformat()
    assert facts["To (UTC, not included)"] == (last + timedelta(days=1)).isoformat()
    assert facts["Complete through (UTC)"] == last.isoformat()
    assert facts["Rows"] == "7"
    assert lines[8] == ["Day", "Active share"]
    drawn = visitor.page.evaluate(
        "document.querySelector('[data-figure=engagement_rate] .js-plotly-plot').data[0].y"
    )
    assert [float(line[1]) for line in lines[9:]] == drawn


def test_a_name_in_a_figures_csv_is_no_formula(visitor: Visitor, tmp_path: Path) -> None:
    visitor.sign_in("analyst")
    visitor.page.evaluate(
        """() => {
            const plot = document.querySelector("[data-figure=revenue_sources] .js-plotly-plot");
            plot.data[0].y = ["=1+1", '"@SUM(A1)', "a;=2", "-3"];
        }"""
    )
    with visitor.page.expect_download() as download:
        visitor.page.click('[data-figure="revenue_sources"] [data-save="csv"]')
    download.value.save_as(tmp_path / "names.csv")
    lines = rows_of(tmp_path / "names.csv")
    assert [line[0] for line in lines[9:]] == ["'=1+1", "'\"@SUM(A1)", "a;'=2", "'-3"]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_figures_png_is_a_picture_in_the_themes_colours(
    browser: Browser, demo: str, theme: str, tmp_path: Path
) -> None:
    visitor = visit(browser, demo, DESKTOP, theme)
    visitor.sign_in("analyst")
    with visitor.page.expect_download() as download:
        visitor.page.click('[data-figure="revenue_sources"] [data-save="png"]')
    download.value.save_as(tmp_path / "figure.png")
    picture = (tmp_path / "figure.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert (width, height) == (2 * 960, 2 * (280 + 84))
    colours = visitor.page.evaluate(
        """async (base64) => {
            const image = new Image();
            image.src = `data:image/png;base64,${base64}`;
            await image.decode();
            const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
            pen.drawImage(image, 0, 0);
            const { data } = pen.getImageData(0, 0, image.width, image.height);
            const found = new Set();
            for (let at = 0; at < data.length; at += 4) found.add(data.slice(at, at + 3).join());
            return [...found];
        }""",
        b64encode(picture).decode(),
    )
    visitor.context.close()
    bars, page = {"dark": ("0,212,255", "12,18,48"), "light": ("2,132,168", "238,246,251")}[theme]
    assert bars in colours
    assert page in colours
    assert visitor.problems == []


def test_a_definition_leads_to_rows_whose_total_is_the_card(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7")
    shown = number(visitor, "total_revenue")
    card = visitor.page.locator('[data-kpi="total_revenue"]')
    card.locator("summary").click()
    last = through(visitor)
    interval = f"Interval: [{last - timedelta(days=6)}, {last + timedelta(days=1)}) UTC, complete through"
    expect(card.locator(".interval")).to_contain_text(interval)
    card.get_by_text("Open the rows").click()
    total = visitor.page.locator('[data-table="rows"] .total td')
    expect(total).to_have_attribute("data-value", shown)
    expect(visitor.page.locator('[data-table="rows"] tbody tr')).to_have_count(8)


def test_a_creators_rows_are_his_own(visitor: Visitor) -> None:
    visitor.sign_in("creator")
    shown = number(visitor, "gift_revenue")
    card = visitor.page.locator('[data-kpi="gift_revenue"]')
    card.locator("summary").click()
    card.get_by_text("Open the rows").click()
    expect(visitor.page.locator('[data-table="rows"] .total td')).to_have_attribute("data-value", shown)
    assert visitor.page.url.startswith(f"{visitor.address}/rows/me/gift_revenue")


def test_a_mover_leads_to_his_page(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    links = visitor.page.locator('[data-table="movers"] tbody th a')
    assert links.count() > 0
    assert re.fullmatch(r"/creators/\d+", links.first.get_attribute("href") or "")


COUNT_WHAT_IS_ASKED_AHEAD = """() => {
    const { plainFetch } = sparkboard;
    window.ahead = [];
    sparkboard.plainFetch = (...request) => {
        window.ahead.push(request[1].body);
        return plainFetch(...request);
    };
}"""


def test_a_choice_is_asked_for_at_once_and_once(visitor: Visitor) -> None:
    """Before Dash asks, which then takes the answer that is under way; on a page that one came to, too."""
    visitor.sign_in("analyst")
    visitor.open("/?days=30")
    visitor.page.evaluate(COUNT_WHAT_IS_ASKED_AHEAD)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.post_data or ""))

    def choose(days: str) -> None:
        visitor.page.wait_for_selector("body[data-rehearsed]")
        visitor.page.select_option("#period", days)
        expect(visitor.page.locator("#react-entry-point .period-line")).to_contain_text(f"{days} days")
        visitor.ready()

    choose("7")
    choose("90")
    visitor.page.click("nav a[href^='/revenue']")
    visitor.page.wait_for_url("**/revenue*")
    visitor.ready()
    choose("28")
    chosen = [body for body in asked if '"search","value"' in body and "pathname" not in body]
    assert [re.search(r"days=(\d+)", body)[1] for body in chosen] == ["7", "90", "28"]  # type: ignore[index]
    assert visitor.page.evaluate("window.ahead") == chosen


def test_a_choice_that_nobody_answers_is_said_and_the_next_one_works(browser: Browser, demo: str) -> None:
    """Asked for ahead, too: what is under way fails in Dash's hands."""
    someone = visit(browser, demo, DESKTOP, "dark")
    someone.sign_in("analyst")
    someone.page.wait_for_selector("body[data-rehearsed]")
    shown = someone.page.locator("#react-entry-point .period-line").inner_text()
    someone.page.route("**/_dash-update-component*", lambda route: route.abort())
    someone.page.select_option("#period", "7")
    expect(someone.page.locator(".load-failed")).to_contain_text("could not be loaded")
    expect(someone.page.locator("#react-entry-point .period-line")).to_have_text(shown)
    someone.page.unroute_all()
    someone.page.select_option("#period", "90")
    expect(someone.page.locator("#react-entry-point .period-line")).to_contain_text("90 days")
    someone.context.close()


def test_the_table_of_why_it_changed_has_its_signs(visitor: Visitor) -> None:
    """A fall is drawn as a length from where it ends; the table beside it says what it took."""
    visitor.sign_in("analyst")
    visitor.open("/revenue?days=30&split=creators")
    _, *drawn, _ = map(amount, visitor.table_of("why").locator("tbody td").all_inner_texts())
    *told, _ = map(amount, visitor.page.locator('[data-table="parts"] tr td:last-child').all_inner_texts())
    assert drawn == told
    assert any(each < 0 for each in drawn)


def amount(text: str) -> float:
    return float(text.replace("−", "-").replace("+", "").replace("$", "").replace(",", ""))
