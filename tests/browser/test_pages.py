"""The two pages in a real browser, as analyst and creator use them."""

import re

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import DESKTOP, PHONE, Visitor, visit

pytestmark = pytest.mark.browser

PLATFORM_CARDS = [
    "total_users",
    "active_users",
    "total_revenue",
    "creator_earnings",
    "total_gifts_sent",
    "engagement_rate",
    "new_users",
    "average_gift_value",
]
CREATOR_CARDS = [
    "followers",
    "gifts_received",
    "gift_revenue",
    "engagement_rate",
    "video_views",
    "supporters",
]
SIZES = {"desktop": DESKTOP, "phone": PHONE}


def cards(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.page.eval_on_selector_all("[data-kpi]", "all => all.map(x => x.dataset.kpi)")
    return found


def value(visitor: Visitor, name: str) -> str:
    return visitor.page.get_attribute(f'[data-kpi="{name}"] .kpi-value', "data-value") or ""


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("role", "page"),
    [
        ("analyst", "overview"),
        ("analyst", "audience"),
        ("analyst", "retention"),
        ("analyst", "creators"),
        ("analyst", "forecast"),
        ("creator", "my-dashboard"),
    ],
)
def test_pages_fit_and_complain_about_nothing(
    browser: Browser, demo: str, role: str, page: str, size: str, theme: str
) -> None:
    visitor = visit(browser, demo, SIZES[size], theme)
    visitor.sign_in(role)
    if page not in ("overview", "my-dashboard"):
        visitor.open(f"/{page}")
    assert visitor.page.get_attribute("body", "data-page") == page
    visitor.screenshot(f"{page}-{size}-{theme}")
    width = visitor.page.evaluate("document.documentElement.scrollWidth")
    visitor.context.close()
    assert width <= SIZES[size][0]
    assert visitor.problems == []


def test_overview_shows_its_cards_figures_and_table(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    assert cards(visitor) == PLATFORM_CARDS
    figures = visitor.page.eval_on_selector_all("[data-figure]", "all => all.map(x => x.dataset.figure)")
    assert figures == ["revenue_trend", "revenue_sources", "user_growth", "engagement_rate", "today"]
    assert visitor.page.locator('[data-table="movers"] tbody tr').count() > 0
    assert float(value(visitor, "total_revenue")) > 0
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d", visitor.page.get_attribute("#complete-through", "data-through") or ""
    )


def test_retention_keeps_its_own_controls_in_the_address(visitor: Visitor) -> None:
    """By keyboard or mouse, and a link shows a colleague the same."""
    visitor.sign_in("analyst")
    visitor.open("/retention?measure=within")
    assert visitor.page.input_value("#measure") == "within"
    heads = '[data-figure="cohorts_map"] thead th'
    assert visitor.page.locator(heads).all_inner_texts()[:3] == ["Week from", "0", "1–7"]
    visitor.page.select_option("#grain", "month")
    expect(visitor.page.locator(heads).first).to_have_text("Month")
    assert "grain=month" in visitor.page.url
    assert "measure=within" in visitor.page.url
    export = visitor.page.get_attribute(".export a", "href") or ""
    assert "grain=month" in export


def test_my_dashboard_shows_its_cards_figures_and_table(visitor: Visitor) -> None:
    visitor.sign_in("creator")
    assert cards(visitor) == CREATOR_CARDS
    figures = visitor.page.eval_on_selector_all("[data-figure]", "all => all.map(x => x.dataset.figure)")
    assert figures == ["gift_revenue_trend", "today", "reactions"]
    assert visitor.page.locator('[data-table="performance"] tbody tr').count() == 6


def test_the_demos_forecast_has_a_record(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/forecast")
    assert cards(visitor) == ["next_30_days", "running_month", "hit_rate", "skill"]
    figures = visitor.page.eval_on_selector_all("[data-figure]", "all => all.map(x => x.dataset.figure)")
    assert figures == ["fan", "four_weeks_ago", "components"]
    assert visitor.page.locator(".chart .main-svg .cartesianlayer").count() == 3
    assert all(float(value(visitor, name)) for name in cards(visitor))
    assert (
        "probability that the 30-day total lands within ±10 % of the projection"
        in visitor.page.inner_text("main")
    )
    assert visitor.page.locator('[data-table="runs"] tbody tr').count() > 8


def test_the_forecast_has_no_period_to_compare_with(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/forecast")
    expect(visitor.page.locator("#compare")).to_have_count(0)
    visitor.page.select_option("#period", "7")
    visitor.ready()
    assert visitor.page.url.endswith("/forecast?days=7")
    drawn = "document.querySelector('[data-figure=fan] .js-plotly-plot').data[0].x.length"
    assert visitor.page.evaluate(drawn) == 7


def test_the_period_changes_the_numbers_and_the_address(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    before = value(visitor, "total_revenue")
    with visitor.page.expect_response(re.compile("_dash-update-component")):
        visitor.page.select_option("#period", "7")
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    assert "days=7" in visitor.page.url
    assert float(value(visitor, "total_revenue")) < float(before)


def test_a_link_shows_a_colleague_the_same(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7&compare=none")
    assert visitor.page.input_value("#period") == "7"
    assert visitor.page.input_value("#compare") == "none"
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    expect(visitor.page.locator('[data-kpi="total_revenue"] .kpi-change')).to_have_text(
        "nothing to compare with"
    )


def test_the_browsers_back_button_goes_back_a_period(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.page.select_option("#period", "7")
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    visitor.page.select_option("#period", "28")
    expect(visitor.page.locator(".period-line")).to_contain_text("28 days:")
    visitor.page.go_back()
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    expect(visitor.page.locator("#period")).to_have_value("7")
    visitor.page.go_back()
    expect(visitor.page.locator(".period-line")).to_contain_text("30 days:")
    expect(visitor.page.locator("#period")).to_have_value("30")
    assert visitor.page.url == f"{visitor.address}/"


def test_the_page_is_not_ready_until_the_new_numbers_are_there(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    held: list[Route] = []
    visitor.page.route("**/_dash-update-component*", lambda route: held.append(route))
    visitor.page.select_option("#period", "7")
    assert visitor.page.get_attribute("body", "data-ready") is None
    visitor.page.wait_for_selector("body[data-loading]")
    visitor.page.wait_for_timeout(600)
    assert visitor.page.get_attribute("body", "data-ready") is None
    for route in held:
        route.continue_()
    visitor.page.unroute("**/_dash-update-component*")
    visitor.ready()
    assert "7 days:" in visitor.page.inner_text(".period-line")


def test_the_title_and_the_menu_say_which_page_it_is(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    expect(visitor.page).to_have_title("Overview · Sparkboard")
    links = visitor.page.locator(".top nav a")
    if links.count() == 0:
        expect(visitor.page.locator(".top nav")).to_be_hidden()
    else:
        expect(visitor.page.locator('.top nav a[aria-current="page"]')).to_have_text("Overview")


def test_the_period_can_be_chosen_by_keyboard(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.page.focus("#period")
    visitor.page.keyboard.press("ArrowDown")
    expect(visitor.page.locator(".period-line")).to_contain_text("90 days:")


def test_definitions_open_and_close_by_keyboard(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    button = visitor.page.locator('[data-kpi="total_revenue"] summary')
    button.focus()
    visitor.page.keyboard.press("Enter")
    text = visitor.page.locator('[data-kpi="total_revenue"] .popover-body')
    expect(text).to_be_visible()
    expect(text).to_contain_text("Formula:")
    visitor.page.keyboard.press("Escape")
    expect(text).to_be_hidden()


def test_the_table_of_a_chart_has_the_charts_numbers(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/?days=7")
    card = visitor.page.locator('[data-figure="revenue_trend"]')
    card.locator(".table-twin summary").click()
    rows = card.locator(".twin tbody tr")
    # seven that have come, and seven that are expected
    expect(rows).to_have_count(14)
    amounts = card.locator(".twin td:nth-child(2)").all_inner_texts()
    assert amounts[7:] == ["—"] * 7
    shown = [float(text.lstrip("$").replace(",", "")) for text in amounts[:7]]
    assert sum(shown) == pytest.approx(float(value(visitor, "total_revenue")))
    headings = card.locator('.twin th[scope="col"]').all_inner_texts()
    assert headings == [
        "Day",
        "Total revenue",
        "Creator earnings",
        "compared day",
        "Total revenue, compared",
        "80 % from",
        "80 % to",
        "Forecast, 80 % band",
    ]
    expected = card.locator(".twin td:nth-child(8)").all_inner_texts()
    assert expected[:7] == ["—"] * 7
    assert "—" not in expected[7:]
    expect(card.locator(".twin caption")).to_have_text("How is gift revenue developing?")
    # it stays open and follows
    visitor.page.select_option("#period", "28")
    expect(rows).to_have_count(28 + 9)


def test_the_table_of_today_has_both_ends_of_the_usual(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    card = visitor.page.locator('[data-figure="today"]')
    if not card.locator(".chart").is_visible():
        pytest.skip("the day has just begun: nothing is counted yet")
    visitor.table_of("today")
    headings = card.locator('.twin th[scope="col"]').all_inner_texts()
    assert headings == ["Hour (UTC)", "usual from", "usual to", "Today so far"]
    cells = [
        [
            float(text[1:].replace(",", ""))
            for text in card.locator(f".twin td:nth-child({n})").all_inner_texts()
        ]
        for n in (2, 3)
    ]
    band = "document.querySelector('[data-figure=today] .js-plotly-plot').data[0]"
    assert cells[0] == pytest.approx(visitor.page.evaluate(f"{band}.base"), abs=0.006)
    assert cells[1] == pytest.approx(
        visitor.page.evaluate(f"{band}.base.map((low, i) => low + {band}.y[i])"), abs=0.006
    )


def test_a_phone_shows_the_movers_without_what_was_before(browser: Browser, demo: str) -> None:
    visitor = visit(browser, demo, PHONE, "dark")
    visitor.sign_in("analyst")
    seen = visitor.page.locator('[data-table="movers"] thead th:visible').all_inner_texts()
    visitor.context.close()
    assert seen == ["Creator", "Earned", "Change"]


def test_the_theme_switches_and_is_kept(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    html = visitor.page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    visitor.page.click("#theme-switch")
    expect(html).to_have_attribute("data-theme", "light")
    stroke = "document.querySelector('[data-figure=revenue_trend] .js-line')"
    assert visitor.page.evaluate(f"getComputedStyle({stroke}).stroke") == "rgb(2, 132, 168)"
    visitor.open("/")
    expect(html).to_have_attribute("data-theme", "light")


def test_skeletons_have_the_size_of_what_replaces_them(visitor: Visitor) -> None:
    visitor.page.add_init_script(
        """
        window.shifted = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            if (!entry.hadRecentInput) window.shifted += entry.value;
        })).observe({type: "layout-shift", buffered: true});
        """
    )
    visitor.sign_in("analyst")
    visitor.open("/?days=30")
    assert visitor.page.evaluate("window.shifted") < 0.02


def test_the_numbers_are_there_without_any_script(browser: Browser, demo: str) -> None:
    visitor = visit(browser, demo, DESKTOP, "dark")
    visitor.sign_in("analyst")
    cookies = visitor.context.cookies()
    shown = {name: value(visitor, name) for name in PLATFORM_CARDS}
    visitor.context.close()
    with browser.new_context(java_script_enabled=False) as context:
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(demo)
        for name, exact in shown.items():
            expect(page.locator(f'[data-kpi="{name}"] .kpi-value')).to_be_visible()
            expect(page.locator(f'[data-kpi="{name}"] .kpi-value')).to_have_attribute("data-value", exact)


def test_a_page_is_one_answer_and_files_that_are_kept(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url.removeprefix(visitor.address)))
    visitor.open("/?days=90")
    # the icon is the browser's own affair
    assert [path for path in asked if "/assets/" not in path and "/dcc/sparkboard-" not in path] == [
        "/?days=90"
    ]
    from_network = "performance.getEntriesByType('resource').filter((file) => file.transferSize > 0).length"
    assert visitor.page.evaluate(from_network) == 0


def test_nothing_but_the_font_comes_before_the_numbers(visitor: Visitor) -> None:
    """Scripts and the tab's picture would have to share the processor with them."""
    visitor.sign_in("analyst")
    visitor.ready()
    icon = visitor.page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile(r"^/assets/logo-\w+\.svg$"))
    asked = visitor.page.evaluate(
        "performance.getEntriesByType('resource').map((file) => [file.name, file.startTime])"
    )
    laid_out = visitor.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    early = {name.rsplit(".", 1)[-1] for name, start in asked if start <= laid_out}
    assert early <= {"woff2"}
    assert any(name.endswith(".js") for name, _ in asked)


def test_scripts_come_while_somebody_signs_in(visitor: Visitor) -> None:
    fetched: list[str] = []
    visitor.page.on("requestfinished", lambda request: fetched.append(request.url))
    visitor.page.goto(f"{visitor.address}/login")
    while len(scripts := [url for url in fetched if url.endswith(".js")]) < 2:
        visitor.page.wait_for_event("requestfinished")
    visitor.sign_in("analyst")
    sizes = visitor.page.evaluate(
        "performance.getEntriesByType('resource').map((file) => [file.name, file.transferSize])"
    )
    assert {name: size for name, size in sizes if name in scripts} == dict.fromkeys(scripts, 0)


def test_charts_are_drawn_once(visitor: Visitor) -> None:
    """Before Dash has started; it takes over the very same drawing. Another period draws what it changes."""
    visitor.page.add_init_script(
        """
        window.drawings = [];
        let plotly;
        Object.defineProperty(window, "Plotly", {
            get: () => plotly,
            set: (value) => {
                plotly = value;
                const { react, Plots: { resize } } = value;
                value.react = (plot, ...given) => {
                    drawings.push(plot.parentElement.id);
                    return react(plot, ...given);
                };
                value.Plots.resize = (...given) => { drawings.push("resize"); return resize(...given); };
            },
        });
        """
    )
    visitor.sign_in("analyst")
    # Just after midnight there is nothing to draw of the running day.
    visible = visitor.page.locator("#react-entry-point .figures .chart:visible")
    charts = visible.evaluate_all("all => all.map(({ id }) => id)")
    assert len(charts) >= 4
    assert sorted(visitor.page.evaluate("drawings")) == sorted(charts)
    assert visitor.page.evaluate("sparkboard.early.size") == 0
    visitor.page.select_option("#period", "7")
    visitor.ready()
    again = visitor.page.evaluate("drawings")[len(charts) :]
    assert sorted(again) == sorted(set(charts) - {"overview-today"})


@pytest.mark.parametrize("script", ["charts", "sparkboard"])
def test_a_script_that_does_not_come_is_said(browser: Browser, demo: str, script: str) -> None:
    visitor = visit(browser, demo, DESKTOP, "dark")
    visitor.sign_in("analyst")
    visitor.page.route(f"**/{script}-*.js", lambda route: route.abort())
    visitor.page.goto(f"{demo}/?days=90")
    expect(visitor.page.locator(".load-failed")).to_contain_text("could not be loaded")
    expect(visitor.page.locator('[data-kpi="total_revenue"] .kpi-value')).to_be_visible()
    visitor.context.close()


def test_charts_follow_the_size_of_the_window(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    chart = visitor.page.locator("[data-figure=revenue_trend] .main-svg").first
    wide = float(chart.get_attribute("width") or 0)
    visitor.page.set_viewport_size({"width": 900, "height": 900})
    expect(chart).not_to_have_attribute("width", str(wide).removesuffix(".0"))
    box = visitor.page.locator("[data-figure=revenue_trend] .chart").bounding_box()
    assert box is not None
    expect(chart).to_have_attribute("width", re.compile(rf"^{int(box['width'])}"))


def test_a_failing_server_is_said_and_can_be_tried_again(browser: Browser, demo: str) -> None:
    visitor = visit(browser, demo, DESKTOP, "dark")
    visitor.sign_in("analyst")
    before = value(visitor, "total_revenue")
    visitor.page.route("**/_dash-update-component*", lambda route: route.fulfill(status=500, body="{}"))
    visitor.page.select_option("#period", "7")
    line = visitor.page.locator(".load-failed")
    expect(line).to_contain_text("The numbers could not be loaded.")
    assert value(visitor, "total_revenue") == before
    visitor.page.unroute("**/_dash-update-component*")
    line.get_by_role("link", name="Try again").click()
    expect(visitor.page.locator(".period-line")).to_contain_text("7 days:")
    expect(line).to_have_count(0)
    visitor.context.close()


def test_somebody_elses_page_is_refused(visitor: Visitor) -> None:
    visitor.sign_in("creator")
    answer = visitor.page.goto(f"{visitor.address}/")
    assert answer is not None
    assert visitor.page.url.endswith("/me")
    visitor.ready()


def test_logging_out_ends_the_session(visitor: Visitor) -> None:
    visitor.sign_in("creator")
    visitor.page.get_by_role("button", name="Log out").click()
    visitor.page.wait_for_url("**/login")
    visitor.page.goto(f"{visitor.address}/me")
    visitor.page.wait_for_url("**/login?next=/me")


def test_a_session_that_ended_leads_to_signing_in_and_back(browser: Browser, demo: str) -> None:
    visitor = visit(browser, demo, DESKTOP, "light")
    visitor.sign_in("analyst")
    visitor.context.clear_cookies()
    visitor.page.select_option("#period", "7")
    visitor.page.wait_for_url("**/login?next=**days%3D7**")
    visitor.context.close()
