"""What pages say, asked over HTTP as a browser does."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from sqlalchemy import Engine, insert, text

from aggregation.coverage import note_begins
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.returns import People
from aggregation.schema import job_runs
from aggregation.worker import Worker
from dashboard_app.accounts import Accounts
from dashboard_app.factory import create_app
from tests import cast
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS
from tests.integration.test_ledger import DAY_JOBS


class Shown:
    """What the callback that fills a page brought to the browser."""

    def __init__(self, response: dict[str, Any]) -> None:
        self.figures = {name: part["figure"] for name, part in response.items() if "figure" in part}
        boxes = [part["content"]["html"] for part in response.values() if "content" in part]
        self.page = BeautifulSoup("".join(boxes), "html.parser")

    @property
    def badge(self) -> Tag:
        found = self.page.select_one(".badge")
        assert found is not None
        return found

    @property
    def text(self) -> str:
        return words(self.page)

    def kpis(self) -> dict[str, tuple[str, str]]:
        """name → (shown value, text of the change)."""
        return {
            str(card["data-kpi"]): (
                words(card.select_one(".kpi-value")),
                words(card.select_one(".kpi-change")),
            )
            for card in self.page.select("[data-kpi]")
        }

    def rows(self, table: str) -> list[str]:
        """As on a wide screen: what stands below a name is in columns there."""
        return [
            " ".join(text.strip() for text in row.find_all(string=re.compile(r"\S")) if not _is_below(text))
            for row in self.page.select(f"[data-table={table}] tbody tr")
        ]

    def drawn(self) -> set[str]:
        """The charts that are not blank."""
        return {name for name, figure in self.figures.items() if figure["data"]}


def _is_below(text: Any) -> bool:
    return text.find_parent(class_="more") is not None


def words(element: Any) -> str:
    """All text below `element`."""
    return " ".join(element.stripped_strings)


def answer(world: World, who: str, page: str, search: str = "") -> Shown:
    got = run_callback(world.signed_in(who), FILLS[page], (f"{page}-address.search", search))
    assert got.status_code == 200, got.text
    return Shown(got.get_json()["response"])


# ---- Overview ----


def test_overview_cards_of_seven_days(world: World) -> None:
    content = answer(world, "ana", "overview", "?days=7")
    # 26 Feb to 4 Mar: 10 + 20 + 1,111.10 + 30; the week before had none
    assert content.kpis() == {
        "total_users": ("4", "+33.3% before: 3"),
        # Nobody recorded visits then.
        "active_users": ("2", "nothing to compare with"),
        "total_revenue": ("$1,171.10", "new before: $0.00"),
        "creator_earnings": ("$819.77", "new before: $0.00"),
        "total_gifts_sent": ("4", "new before: 0"),
        # 1 + 2 + 2 active of 3 × 5 + 4 × 2 users
        "engagement_rate": ("21.7%", "nothing to compare with"),
        "new_users": ("1", "new before: 0"),
        # 1,171.10 / 4 = 292.775, half to even
        "average_gift_value": ("$292.78", "nothing to compare with"),
    }


def test_overview_figures_draw_what_the_table_holds(world: World) -> None:
    shown = answer(world, "ana", "overview", "?days=7")
    assert shown.drawn() == {
        "overview-revenue_trend",
        "overview-revenue_sources",
        "overview-user_growth",
        "overview-engagement_rate",
        "overview-today",
    }
    assert shown.figures["overview-revenue_trend"]["data"][0]["y"] == [0, 0, 0, 10, 0, 1131.1, 30]
    sources = shown.figures["overview-revenue_sources"]["data"][0]
    assert sources["y"] == ["Gifts · $1,171.10", "Subscriptions · $50.00"]
    assert shown.figures["overview-today"]["data"][-1]["y"][9:13] == [0, 5, 0, 0]


def test_hours_that_were_not_counted_stay_empty(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE running_day SET counted_at = '2026-03-05 10:45+00'"))
    content = answer(world, "ana", "overview", "?days=7")
    assert content.figures["overview-today"]["data"][-1]["y"][9:13] == [0, 5, None, None]
    assert "$5.00 from 1 gift by 10:45 UTC, usual by then $0.00 – $0.00. The hour now" in content.text
    assert "Nothing has been counted since 10:45." in content.text


def test_overview_movers_are_ordered_by_the_size_of_the_change(world: World) -> None:
    content = answer(world, "ana", "overview", "?days=7")
    assert content.rows("movers") == ["carl $777.77 $0.00 new", "cleo $42.00 $0.00 new"]


def test_the_badge_says_how_far_the_numbers_reach(world: World) -> None:
    badge = answer(world, "ana", "overview").badge
    assert badge["data-through"] == "2026-03-04"
    assert badge["id"] == "complete-through"
    assert badge.text == "complete through 4 Mar 2026 UTC · not recounted yet"


def test_the_badge_says_when_days_are_missing(world: World) -> None:
    world.app = create_app(world.engine, cast.SECRET, lambda: cast.NOW + timedelta(days=2))
    badge = answer(world, "cleo", "my-dashboard").badge
    assert badge.text.startswith("complete through 4 Mar 2026 UTC · 2 days behind")
    assert "alarm" in badge["class"]


def test_without_an_earlier_period_nothing_is_compared(world: World) -> None:
    content = answer(world, "ana", "overview", "?days=30")
    assert "nothing to compare with: there are no numbers of the days before" in content.text
    assert content.kpis()["total_revenue"] == ("$1,171.10", "nothing to compare with")


def forget(world: World, *days: int) -> None:
    """As if these days of March had never been computed."""
    with world.engine.begin() as connection:
        for day in days:
            for table in ("daily_analytics", "creator_metrics"):
                connection.execute(text(f"DELETE FROM {table} WHERE date = '2026-03-0{day}'"))
        connection.execute(text("DELETE FROM job_runs"))
        runs = [(job, first, last) for job in DAY_JOBS for first, last in ((1, 2), (4, 4))]
        for job, first, last in runs:
            connection.execute(
                insert(job_runs).values(
                    job=job,
                    first_day=date(2026, 3, first) if first > 1 else date(2026, 2, 1),
                    last_day=date(2026, 3, last),
                    state="succeeded",
                    started_at=cast.NOW,
                    code_version="test",
                )
            )


def test_a_day_that_was_not_computed_makes_sums_unknown(world: World) -> None:
    forget(world, 3)
    content = answer(world, "ana", "overview", "?days=7")
    assert content.kpis()["total_revenue"] == ("—", "not computed for all of these days")
    assert content.kpis()["active_users"][0] == "—"
    assert content.figures["overview-revenue_trend"]["data"][0]["y"] == [0, 0, 0, 10, 0, None, 30]
    mine = answer(world, "cleo", "my-dashboard", "?days=7")
    assert mine.kpis()["gift_revenue"] == ("—", "not recorded on all of these days")
    assert mine.kpis()["engagement_rate"] == ("—", "not recorded on all of these days")


def test_a_period_that_begins_before_the_numbers_sums_what_there_is(world: World) -> None:
    # the numbers begin on 1 February; 90 days reach back to December
    content = answer(world, "ana", "overview", "?days=90")
    assert "the numbers begin on 1 Feb 2026" in content.text
    assert content.kpis()["total_revenue"] == ("$1,171.10", "nothing to compare with")
    mine = answer(world, "cleo", "my-dashboard", "?days=90")
    assert mine.kpis()["gift_revenue"] == ("$42.00", "nothing to compare with")
    assert mine.figures["my-dashboard-gift_revenue_trend"]["data"][0]["y"][0] is None


def test_nothing_aggregated_yet(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    got = answer(world, "ana", "overview")
    assert "python run.py aggregate" in got.text
    assert got.badge.text == "no complete day yet"
    assert "No numbers yet" in answer(world, "cleo", "my-dashboard").text


def test_a_period_without_gifts_says_so(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE daily_analytics SET total_gifts_sent = 0 WHERE date > '2026-02-25'"))
        connection.execute(text("UPDATE daily_analytics SET total_gifts_sent = 1 WHERE date = '2026-02-20'"))
    content = answer(world, "ana", "overview", "?days=7")
    assert "No gifts in this period. Last gift: 20 Feb 2026." in content.text


def test_one_broken_query_fails_one_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Queries, "revenue_by_source", broken)
    content = answer(world, "ana", "overview", "?days=7")
    assert "These numbers could not be loaded." in content.text
    assert "a secret detail" not in str(content.page)
    assert len(content.kpis()) == 8
    assert "overview-revenue_trend" in content.drawn()
    assert "overview-revenue_sources" not in content.drawn()


def test_missing_activity_is_named(database: Engine) -> None:
    world = cast.make(database)
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE daily_analytics SET active_users = NULL"))
    content = answer(world, "ana", "overview", "?days=7")
    assert content.kpis()["active_users"] == ("—", "needs the platform's sessions and watches")
    assert "Not available: needs the platform's sessions and watches." in content.text


# ---- what a click narrows ----


def test_a_day_that_was_clicked_narrows_the_numbers(world: World) -> None:
    shown = answer(world, "ana", "overview", "?days=7&day=2026-03-03")
    kpis = shown.kpis()
    # 20 + 1,111.10, after a day without a gift
    assert kpis["total_revenue"] == ("$1,131.10", "new before: $0.00")
    assert kpis["active_users"][0] == "2"
    # compared with the day before: 2 March had 3 users, vito came on the 3rd
    assert kpis["total_users"] == ("4", "+33.3% before: 3")
    assert "1 day: 3 Mar 2026, compared with 2 Mar 2026" in shown.text
    assert [chip["data-drop"] for chip in shown.page.select(".chip")] == ["day"]
    assert shown.rows("movers") == ["carl $777.77 $0.00 new", "cleo $14.00 $0.00 new"]
    trend = shown.figures["overview-revenue_trend"]
    assert trend["data"][0]["y"] == [0, 0, 0, 10, 0, 1131.1, 30]
    assert [mark["x0"] for mark in trend["layout"]["shapes"]] == ["2026-03-03"]
    assert shown.figures["overview-revenue_sources"]["data"][0]["x"] == [1131.1]


@pytest.mark.parametrize("search", ["?days=7&day=2026-02-25", "?days=7&day=2026-03-05", "?days=7&day=<b>"])
def test_a_day_outside_the_period_narrows_nothing(world: World, search: str) -> None:
    shown = answer(world, "ana", "overview", search)
    assert shown.kpis() == answer(world, "ana", "overview", "?days=7").kpis()
    assert shown.page.select(".chip") == []


def test_a_source_that_was_clicked_is_drawn_alone(world: World) -> None:
    shown = answer(world, "ana", "overview", "?days=7&source=subscriptions")
    assert shown.figures["overview-revenue_trend"]["data"][0]["y"] == [0, 0, 0, 0, 0, 0, 50]
    assert "How is revenue from subscriptions developing?" in shown.text
    bars = shown.figures["overview-revenue_sources"]
    assert bars["layout"]["meta"]["keys"] == ["gifts", "subscriptions"]
    assert bars["data"][0]["marker"]["opacity"] == [0.35, 1]
    assert shown.kpis() == answer(world, "ana", "overview", "?days=7").kpis()
    assert [chip["data-drop"] for chip in shown.page.select(".chip")] == ["source"]


def test_a_source_that_brought_nothing_says_so(world: World) -> None:
    assert (
        "No revenue from ads in this period." in answer(world, "ana", "overview", "?days=7&source=ads").text
    )


def test_no_other_source_can_be_asked_for(world: World) -> None:
    shown = answer(world, "ana", "overview", "?days=7&source=nonsense")
    assert "nonsense" not in str(shown.page)
    assert "How is gift revenue developing?" in shown.text


def test_a_range_of_ones_own(world: World) -> None:
    shown = answer(world, "ana", "overview", "?from=2026-03-01&to=2026-03-03")
    # 10 + 0 + 1,131.10
    assert shown.kpis()["total_revenue"] == ("$1,141.10", "new before: $0.00")
    assert shown.kpis()["total_users"] == ("4", "+33.3% before: 3")
    assert "3 days: 1 – 3 Mar 2026, compared with 26 – 28 Feb 2026" in shown.text
    mine = answer(world, "cleo", "my-dashboard", "?from=2026-03-01&to=2026-03-03")
    assert mine.kpis()["gift_revenue"][0] == "$21.00"


@pytest.fixture
def no_gifts_before(world: World) -> World:
    """March."""
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM virtual_gifts WHERE status = 'failed'"))
        note_begins(connection, frozenset())
    return world


UNTOLD = "nothing to compare with"
MARCH = "?from=2026-03-01&to=2026-03-03"


@pytest.mark.parametrize(
    ("who", "page", "untold", "told"),
    [
        ("ana", "overview", "total_revenue creator_earnings total_gifts_sent active_users", "new_users"),
        ("ana", "revenue", "all_revenue gift_revenue arpu arppu", ""),
        ("ana", "gifts", "total_gifts_sent gift_value gifters recipients", ""),
        ("ana", "creators", "active_earners median_earnings", ""),
        ("cleo", "my-dashboard", "gifts_received gift_revenue video_views supporters", ""),
        ("cleo", "supporters", "supporters new_supporters", ""),
        ("cleo", "earnings", "refunded best_day", ""),
        ("cleo", "my-audience", "viewers", ""),
    ],
)
def test_nothing_is_compared_with_days_before_its_source_begins(
    no_gifts_before: World, who: str, page: str, untold: str, told: str
) -> None:
    """Users signed up in February; gifts, watches and all else begin in March."""
    shown = answer(no_gifts_before, who, page, MARCH)
    for name in untold.split():
        assert shown.kpis()[name][1].startswith(UNTOLD), name
    for name in told.split():
        assert UNTOLD not in shown.kpis()[name][1], name


def test_what_has_not_begun_is_compared_nowhere(no_gifts_before: World) -> None:
    world = no_gifts_before
    overview = answer(world, "ana", "overview", MARCH)
    assert "Which creators' earnings changed most? Needs a period to compare with." in overview.text
    (total, _) = overview.figures["overview-revenue_trend"]["data"][:2]
    assert "Total revenue, compared" not in [
        line["name"] for line in overview.figures["overview-revenue_trend"]["data"]
    ]
    assert total["name"] == "Total revenue"
    assert "Needs a period to compare with." in answer(world, "ana", "revenue", MARCH).text
    mine = answer(world, "cleo", "my-dashboard", MARCH)
    assert mine.rows("performance")[0] == "Views 1 — —"
    (row,) = answer(world, "ana", "creators", f"{MARCH}&find=cleo").rows("leaderboard")
    assert row.startswith("cleo $21.00 —")
    api = world.signed_in("ana").get("/api/analytics/dashboard?days=3").get_json()["data"]
    assert api["change"]["totalUsers"] is not None
    assert api["previousPeriod"]["totalRevenue"] is None


def test_before_the_workers_first_pass_all_days_are_compared(no_gifts_before: World) -> None:
    world = no_gifts_before
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM source_begins"))
    assert answer(world, "ana", "overview", MARCH).kpis()["total_revenue"][1] == "new before: $0.00"


def test_a_range_that_is_none_says_why_and_shows_the_usual(world: World) -> None:
    shown = answer(world, "ana", "overview", "?from=2026-03-03&to=2026-03-01")
    assert "The first day of the range is later than its last. These are the last 30 days." in shown.text
    assert shown.kpis() == answer(world, "ana", "overview", "?days=30").kpis()


def test_a_change_is_that_of_the_period_a_year_before(world: World) -> None:
    """364 days before are the same weekdays; on 4 March 2025 there were no numbers."""
    shown = answer(world, "ana", "overview", "?days=7&compare=364")
    assert shown.kpis()["total_revenue"] == ("$1,171.10", "nothing to compare with")


def test_a_hostile_range_is_text(world: World) -> None:
    hostile = "%22%3E%3Cb%3E"
    page = BeautifulSoup(
        world.signed_in("ana").get(f"/?from={hostile}&to={hostile}&day={hostile}&source={hostile}").text,
        "html.parser",
    )
    assert page.b is None
    field = page.select_one("#first-view [name=from]")
    assert field
    assert field["value"] == '"><b>'


# ---- verdicts ----


def lively(world: World, days: int, last: int) -> None:
    """So many days of 100 users with a weekly rhythm, and a last week that is `last` times as active."""
    end = date(2026, 3, 4)
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM daily_analytics"))
        # Days that no run has computed are not shown.
        connection.execute(
            text(
                "INSERT INTO job_runs (job, state, first_day, last_day, started_at, finished_at, "
                "code_version) VALUES ('daily', 'succeeded', :first, :last, :now, :now, '')"
            ),
            {"first": end - timedelta(days=days), "last": end, "now": cast.NOW},
        )
        for ago in range(days):
            active = (100 + 10 * (ago % 7) + 7 * (ago % 5)) * (last if ago < 7 else 1)
            connection.execute(
                text(
                    "INSERT INTO daily_analytics (date, total_users, active_users, new_users, "
                    "total_gifts_sent, total_revenue, creator_earnings, platform_earnings) "
                    "VALUES (:day, :total, :active, 1 + :ago % 3, 50 + :ago % 5, 70 + :ago % 5, 35, "
                    "35 + :ago % 5)"
                ),
                {"day": end - timedelta(days=ago), "total": 9000 - 2 * ago, "active": active, "ago": ago},
            )


def verdicts(shown: Shown) -> dict[str, str]:
    return {
        str(card["data-kpi"]): words(card.select_one(".kpi-verdict"))
        for card in shown.page.select("[data-kpi]")
    }


def test_cards_say_whether_a_number_is_within_its_normal_range(world: World) -> None:
    lively(world, 120, last=3)
    shown = answer(world, "ana", "overview", "?days=7")
    told = verdicts(shown)
    assert told["active_users"] == "▲ above its normal range"
    assert told["total_revenue"] == "within its normal range"
    assert told["creator_earnings"] == "too little happens to tell"
    outside = shown.page.select_one('[data-kpi="active_users"] .kpi-verdict')
    within = shown.page.select_one('[data-kpi="total_revenue"] .kpi-verdict')
    assert outside
    assert within
    assert outside["class"] == ["kpi-verdict", "outside", "good"]
    assert within["class"] == ["kpi-verdict"]


def test_where_the_history_is_too_short_no_verdict_is_made(world: World) -> None:
    lively(world, 62, last=3)
    shown = answer(world, "ana", "overview", "?days=7")
    assert set(verdicts(shown).values()) == {"too short to tell"}
    card = shown.page.select_one('[data-kpi="active_users"] .kpi-verdict')
    assert card
    assert card["title"] == "too short to tell: 55 of at least 56 days before"


def test_a_creators_cards_have_verdicts_too(world: World) -> None:
    told = verdicts(answer(world, "cleo", "my-dashboard", "?days=7"))
    assert set(told) == set(answer(world, "cleo", "my-dashboard", "?days=7").kpis())
    assert set(told.values()) == {"too short to tell"}


# ---- My dashboard ----


def test_my_dashboard_cards_of_seven_days(world: World) -> None:
    content = answer(world, "cleo", "my-dashboard", "?days=7")
    assert content.kpis() == {
        "followers": ("12", "nothing to compare with +1 in this period"),
        "gifts_received": ("3", "new before: 0"),
        "gift_revenue": ("$42.00", "new before: $0.00"),
        "engagement_rate": ("50.0%", "nothing to compare with"),
        "video_views": ("4", "nothing to compare with"),
        # vera and vito, both for the first time
        "supporters": ("2", "new before: 0 2 new"),
    }


def test_a_supporter_is_new_only_once(world: World) -> None:
    content = answer(world, "cleo", "my-dashboard", "?days=7&compare=none")
    assert content.kpis()["supporters"][1].endswith("2 new")
    with Store(world.engine).read() as queries:
        freshness = queries.freshness()
        assert freshness is not None
        # on 3 March vera gave for the second time
        day = freshness.coverage.last.replace(day=3)
        third = queries.supporters(cast.CLEO, Period(day, day), freshness)
    assert third == People(1, 0)


def test_supporters_that_nobody_has_counted_yet_are_not_zero(database: Engine) -> None:
    """As after an upgrade that brought the table: all else is there, and the worker counts them."""
    world = cast.make(database)
    with world.engine.begin() as connection:
        connection.execute(text("TRUNCATE supporter_returns"))
        connection.execute(text("DELETE FROM job_runs WHERE job = 'supporter_returns'"))
    before = answer(world, "cleo", "my-dashboard", "?days=7").kpis()
    assert before["supporters"] == ("—", "not counted for all of these days yet")
    assert before["gifts_received"][0] == "3"
    Worker(world.engine, lambda: cast.NOW).run_due(cast.NOW)
    after = answer(world, "cleo", "my-dashboard", "?days=7").kpis()
    assert after == before | {"supporters": ("2", "new before: 0 2 new")}


def test_my_dashboard_performance_table(world: World) -> None:
    content = answer(world, "cleo", "my-dashboard", "?days=7")
    assert content.rows("performance") == [
        "Views 4 — —",
        "Likes 1 — —",
        "Comments 1 — —",
        "Shares 0 — —",
        "Gift revenue $42.00 $0.00 new",
        "Engagement rate 50.00% — —",
    ]


def test_a_creator_without_anything_is_told_what_to_expect(world: World) -> None:
    Accounts(world.engine).add("newcomer", "creator", cast.PASSWORD, 99)
    content = answer(world, "newcomer", "my-dashboard")
    assert "Your numbers appear the day after your first video or gift." in content.text


def test_missing_interactions_are_named(database: Engine) -> None:
    world = cast.make(database)
    with world.engine.begin() as connection:
        connection.execute(text("DROP TABLE video_interactions"))
        connection.execute(
            text("UPDATE creator_metrics SET video_likes = NULL, video_comments = NULL, video_shares = NULL")
        )
    content = answer(world, "cleo", "my-dashboard", "?days=7")
    assert "Not available: likes, comments and shares aren't recorded." in content.text
    assert content.kpis()["engagement_rate"][0] == "—"


def test_a_link_within_the_application_brings_the_page_filled(world: World) -> None:
    opened = run_callback(
        world.signed_in("ana"),
        "..shell-page.children...shell-menu.children...shell-account.children..",
        ("url.pathname", "/"),
        state=[("url.search", "?days=7&compare=none")],
    ).get_json()["response"]
    page = json.dumps(opened["shell-page"]["children"])
    assert "$1,171.10" in page
    assert "7 days: 26 Feb" in page
    assert 'value=\\"none\\" selected' in page
    assert "ana" in json.dumps(opened["shell-account"]["children"])


@pytest.mark.parametrize(("path", "said"), [("/me", "Not allowed"), ("/nothing", "Page not found")])
def test_a_link_that_leads_nowhere_says_so(world: World, path: str, said: str) -> None:
    opened = run_callback(
        world.signed_in("ana"),
        "..shell-page.children...shell-menu.children...shell-account.children..",
        ("url.pathname", path),
        state=[("url.search", "")],
    ).get_json()["response"]
    assert said in json.dumps(opened["shell-page"])


def test_hostile_names_are_text(world: World) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    with world.engine.begin() as connection:
        connection.execute(
            text("UPDATE creator_profiles SET name = :name WHERE creator_id = 2"), {"name": hostile}
        )
    content = answer(world, "ana", "overview", "?days=7")
    assert content.rows("movers")[0].startswith(hostile)
    assert content.page.img is None
