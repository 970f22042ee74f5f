"""The numbers as they were known on an earlier day: over the API and on pages, for whom they are."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from aggregation.publishing import aggregate
from tests import cast
from tests.cast import CARL, CARLS_NUMBERS, CLEO, World, run_callback
from tests.conftest import fresh
from tests.integration.test_access import FILLS
from tests.integration.test_exports import lines as exported
from tests.integration.test_exports import tables
from tests.integration.test_pages import answer
from tests.spec.tables import change

# The cast's numbers are of 5 March. On the 6th cleo's gift of the 4th is refunded, and one of carl's grows.
DASHBOARD, CLEOS = "/api/analytics/dashboard?days=2", f"/api/analytics/creator/{CLEO}?days=2"
THEN, SINCE = "known=2026-03-05", "known=2026-03-06"


def tomorrow() -> datetime:
    return cast.NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def restated(server: str, cast_template: str) -> Iterator[World]:
    for engine in fresh(server, cast_template):
        change(engine, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 4")
        change(engine, "UPDATE virtual_gifts SET creator_share = 888.88 WHERE id = 3")
        aggregate(engine, last=(cast.NOW - timedelta(days=1)).date(), clock=tomorrow)
        # An application of the day after.
        yield cast.application(engine, now=tomorrow)


def get(world: World, who: str, path: str) -> Any:
    got = world.signed_in(who).get(path)
    assert got.status_code == 200, got.text
    return got.get_json()["data"]


# ---- the API ----


def test_the_dashboard_as_it_was_known(restated: World) -> None:
    then, since = (get(restated, "ana", f"{DASHBOARD}&{known}") for known in (THEN, SINCE))
    assert [row["totalRevenue"] for row in then["analytics"]] == [1131.10, 30]
    assert [row["totalRevenue"] for row in since["analytics"]] == [1242.21, 0]
    assert then["period"]["totalRevenue"] == 1161.10
    assert then["period"]["averageGiftValue"] == pytest.approx(1161.10 / 3)
    now = get(restated, "ana", DASHBOARD)
    assert since["analytics"] == now["analytics"]


def test_distinct_users_of_a_period_are_not_told_of_an_earlier_day(restated: World) -> None:
    then = get(restated, "ana", f"{DASHBOARD}&{THEN}")
    assert then["period"]["activeUsers"] is None
    assert [row["activeUsers"] for row in then["analytics"]] == [2, 2]


def test_a_creator_as_it_was_known(restated: World) -> None:
    then, now = (get(restated, "cleo", f"{CLEOS}{known}") for known in (f"&{THEN}", ""))
    assert [row["giftRevenue"] for row in then["metrics"]] == [14, 21]
    assert [row["giftRevenue"] for row in now["metrics"]] == [14, 0]
    assert (then["period"]["giftRevenue"], then["current"]["giftsReceived"]) == (35, 1)


REFUSED = {
    "known=yesterday": "known must be a day such as 2026-11-20",
    "known=2026-02-30": "known must be a day such as 2026-11-20",
    "known=2026-3-5": "known must be a day such as 2026-11-20",
    "known=": "known must be a day such as 2026-11-20",
    "known=2026-03-05&known=2026-03-06": "known must be a day such as 2026-11-20",
    "known=2026-03-04": "there are no numbers as known on 2026-03-04: they are kept from 2026-03-05 on",
    "known=2026-03-07": "known must be a day that has come; 2026-03-07 has not",
    "known=9999-12-31": "known must be a day that has come; 9999-12-31 has not",
    "known=0001-01-01": "there are no numbers as known on 0001-01-01: they are kept from 2026-03-05 on",
}


@pytest.mark.parametrize("question", REFUSED)
@pytest.mark.parametrize("path", [DASHBOARD, CLEOS])
def test_bad_days_are_refused_with_the_reason(restated: World, path: str, question: str) -> None:
    got = restated.signed_in("ana").get(f"{path}&{question}")
    assert (got.status_code, got.get_json()) == (422, {"error": REFUSED[question]})


def test_who_must_not_get_in(restated: World) -> None:
    assert restated.client().get(f"{DASHBOARD}&{THEN}").status_code == 401
    assert restated.client().get(f"{CLEOS}&{THEN}").status_code == 401
    cleo = restated.signed_in("cleo")
    for known in (THEN, "known=nonsense", "known=2026-03-04"):
        assert cleo.get(f"{DASHBOARD}&{known}").status_code == 403, known
        got = cleo.get(f"/api/analytics/creator/{CARL}?days=2&{known}")
        assert got.status_code in (403, 422), known
        assert not [number for number in CARLS_NUMBERS if number in got.text]
    assert cleo.get(f"/api/analytics/creator/{CARL}?days=2&{THEN}").status_code == 403


def test_other_creators_are_unknown_as_ever(restated: World) -> None:
    assert restated.signed_in("ana").get(f"/api/analytics/creator/77?{THEN}").status_code == 404


def test_the_description_has_it(world: World) -> None:
    paths = world.client().get("/api/openapi.json").get_json()["paths"]
    for path in ("/api/analytics/dashboard", "/api/analytics/creator/{creator_id}"):
        parameters = {each["name"]: each for each in paths[path]["get"]["parameters"]}
        assert parameters["known"]["schema"]["format"] == "date", path
        assert not parameters["known"]["required"]
    others = [each["name"] for each in paths["/api/analytics/gifts"]["get"]["parameters"]]
    assert "known" not in others


# ---- pages ----


def test_the_overview_as_it_was_known(restated: World) -> None:
    then = answer(restated, "ana", "overview", f"?days=7&{THEN}")
    assert "Numbers as known on 5 Mar 2026" in then.text
    (link,) = [a for a in then.page.select("a") if "today" in a.text]
    assert link["href"] == "?days=7&compare=previous"
    assert then.kpis()["total_revenue"][0] == "$1,171.10"
    assert then.kpis()["active_users"][0] == "—"
    assert then.drawn() == {"overview-revenue_trend", "overview-user_growth", "overview-engagement_rate"}
    now = answer(restated, "ana", "overview", "?days=7")
    assert "as known" not in now.text
    assert now.kpis()["total_revenue"][0] == "$1,252.21"


def test_my_dashboard_as_it_was_known(restated: World) -> None:
    then = answer(restated, "cleo", "my-dashboard", f"?days=7&{THEN}")
    assert "Numbers as known on 5 Mar 2026" in then.text
    assert then.kpis()["gift_revenue"][0] == "$42.00"
    assert then.kpis()["supporters"][0] == "—"
    assert not [number for number in CARLS_NUMBERS if number in json.dumps(then.figures) + then.text]
    assert answer(restated, "cleo", "my-dashboard", "?days=7").kpis()["gift_revenue"][0] == "$21.00"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("nonsense", "Known must be a day such as 2026-11-20."),
        ("2026-03-04", "There are no numbers as known on 2026-03-04: they are kept from 2026-03-05 on."),
        ("2026-03-09", "Known must be a day that has come; 2026-03-09 has not."),
        ("<script>alert(1)</script>", "Known must be a day such as 2026-11-20."),
    ],
)
@pytest.mark.parametrize(("who", "page"), [("ana", "overview"), ("cleo", "my-dashboard")])
def test_a_page_says_why_it_has_no_numbers_of_that_day(
    restated: World, who: str, page: str, known: str, said: str
) -> None:
    shown = answer(restated, who, page, f"?days=7&known={known}")
    assert said in shown.text
    assert shown.kpis() == {}
    assert shown.drawn() == set()
    assert "Show today's numbers" in shown.text
    assert "<script" not in str(shown.page)


@pytest.mark.parametrize(("who", "page"), [("cleo", "overview"), ("ana", "my-dashboard")])
def test_the_pages_roles_hold_for_earlier_days(restated: World, who: str, page: str) -> None:
    browser = restated.signed_in(who)
    asked = (f"{page}-address.search", f"?{THEN}")
    assert run_callback(browser, FILLS[page], asked).status_code == 403
    assert browser.get(f"/export/{page}.csv?{THEN}").status_code == 403


@pytest.mark.parametrize(("who", "page"), [("ana", "overview"), ("cleo", "my-dashboard")])
def test_files_hold_what_the_page_shows(restated: World, who: str, page: str) -> None:
    address = f"/export/{page}.csv?days=7&{THEN}"
    found = tables(exported(restated, who, address))
    assert dict(found[""])["As known at the end of (UTC)"] == "2026-03-05"
    heads, *days = found["Days"]
    earned = heads.index("Total revenue ($)" if page == "overview" else "Gift revenue ($)")
    assert days[-1][earned] == ("30.00" if page == "overview" else "21.00")
    assert restated.signed_in(who).get(f"/export/{page}.csv?known=2026-03-04").status_code == 404
    link = restated.signed_in(who).get(f"{'/' if page == 'overview' else '/me'}?days=7&{THEN}").text
    assert f"/export/{page}.csv?days=7&amp;compare=previous&amp;known=2026-03-05" in link
