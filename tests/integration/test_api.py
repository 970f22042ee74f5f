"""The HTTP API: what it says, and to whom it says nothing."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from aggregation.database import connect
from aggregation.publishing import aggregate
from aggregation.schema import source
from dashboard_app.factory import create_app
from tests import cast
from tests.cast import World
from tests.spec.tables import fill


def data(world: World, who: str, path: str) -> Any:
    answer = world.signed_in(who).get(path)
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body["success"] is True
    return body["data"]


# ---- the dashboard ----


def test_dashboard_of_two_days(world: World) -> None:
    got = data(world, "ana", "/api/analytics/dashboard?days=2")
    # 4 March: vito gave 21 + 9 to cleo, the other gift is refunded; vera and vito watched.
    assert got["current"] == {
        "date": "2026-03-04",
        "totalUsers": 4,
        "activeUsers": 2,
        "totalRevenue": 30.0,
        "creatorEarnings": 21.0,
        "platformEarnings": 9.0,
        "giftsReceived": 1,
        "engagementRate": 50.0,
    }
    assert got["previous"]["date"] == "2026-03-03"
    assert got["previous"]["totalRevenue"] == 1131.10
    assert [row["date"] for row in got["analytics"]] == ["2026-03-03", "2026-03-04"]


def test_dashboard_trend_compares_the_last_day_with_the_first(world: World) -> None:
    trend = data(world, "ana", "/api/analytics/dashboard?days=2")["trend"]
    assert trend["userGrowth"] == 0
    assert trend["revenueGrowth"] == pytest.approx((30 - 1131.10) / 1131.10 * 100)
    assert trend["engagementTrend"] == 0


def test_dashboard_period_sums_flows_and_recounts_distinct_users(world: World) -> None:
    period = data(world, "ana", "/api/analytics/dashboard?days=2")["period"]
    assert period["totalRevenue"] == 1161.10
    assert period["creatorEarnings"] == 812.77
    assert period["platformEarnings"] == 348.33
    assert period["giftsReceived"] == 3
    assert period["totalUsers"] == 4
    # vera and vito, each active on both days
    assert period["activeUsers"] == 2
    assert period["engagementRate"] == 50.0
    assert period["averageGiftValue"] == pytest.approx(387.0333333333)


def test_dashboard_change_is_against_the_window_before(world: World) -> None:
    got = data(world, "ana", "/api/analytics/dashboard?days=2")
    assert got["previousPeriod"]["totalRevenue"] == 10.0
    assert got["change"]["totalRevenue"] == 11511.0
    # nobody signed up on 1 and 2 March: no percentage of nothing
    assert got["previousPeriod"]["newUsers"] == 0
    assert got["change"]["newUsers"] is None


def test_a_window_before_the_first_day_is_unknown_not_zero(world: World) -> None:
    got = data(world, "ana", "/api/analytics/dashboard?days=30")
    assert got["previousPeriod"]["totalRevenue"] is None
    assert got["change"]["totalRevenue"] is None


def test_every_window_has_exactly_its_days(world: World) -> None:
    got = data(world, "ana", "/api/analytics/dashboard?days=60")
    assert len(got["analytics"]) == 60
    assert got["analytics"][0]["totalUsers"] is None
    assert got["previous"] == dict.fromkeys(got["current"]) | {"date": "2026-01-04"}
    # what there is is summed: nothing came before the first day
    assert got["period"]["totalRevenue"] == 1171.10
    creator = data(world, "ana", f"/api/analytics/creator/{cast.CLEO}?days=60")
    assert creator["period"]["giftRevenue"] == 42.0


def test_a_day_whose_creators_job_has_not_run_is_not_the_newest(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE job_runs SET last_day = '2026-03-03' WHERE job = 'creators'"))
    got = data(world, "ana", f"/api/analytics/creator/{cast.CLEO}?days=1")
    assert got["current"]["date"] == "2026-03-03"
    assert got["current"]["giftRevenue"] == 14.0


def test_growth_from_nothing_is_null(world: World) -> None:
    # 2 March has no gift
    trend = data(world, "ana", "/api/analytics/dashboard?days=3")["trend"]
    assert trend["revenueGrowth"] is None


def test_thirty_days_are_the_default(world: World) -> None:
    assert len(data(world, "ana", "/api/analytics/dashboard")["analytics"]) == 30


# ---- a creator ----


def test_creator_sums_and_rate(world: World) -> None:
    got = data(world, "cleo", f"/api/analytics/creator/{cast.CLEO}?days=4")
    assert got["period"] == {
        "videoViews": 4,
        "videoLikes": 1,
        "videoComments": 1,
        "videoShares": 0,
        "giftsReceived": 3,
        "giftRevenue": 42.0,
        "followersGained": 1,
        # 2 reactions on 4 views
        "avgEngagementRate": 50.0,
    }


def test_creator_has_every_day_of_the_window(world: World) -> None:
    got = data(world, "ana", f"/api/analytics/creator/{cast.CLEO}?days=4")
    assert [(row["date"], row["giftRevenue"], row["followers"]) for row in got["metrics"]] == [
        ("2026-03-01", 7.0, 11),
        ("2026-03-02", 0, 11),
        ("2026-03-03", 14.0, 11),
        ("2026-03-04", 21.0, 12),
    ]
    assert got["current"] == got["metrics"][-1]


def test_days_before_the_first_have_no_value(world: World) -> None:
    rows = data(world, "ana", f"/api/analytics/creator/{cast.CLEO}?days=60")["metrics"]
    assert len(rows) == 60
    assert rows[0]["giftRevenue"] is None
    assert rows[0]["followers"] is None


def test_unknown_creator_is_404_for_analysts(world: World) -> None:
    answer = world.signed_in("ana").get("/api/analytics/creator/99")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "No such creator"})


# ---- who must not get in ----

ROUTES = ("/api/analytics/dashboard", f"/api/analytics/creator/{cast.CLEO}")


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_gets_in_without_a_session(world: World, path: str) -> None:
    answer = world.client().get(path)
    assert answer.status_code == 401
    assert set(answer.get_json()) == {"error"}


def test_creators_must_not_see_the_platform(world: World) -> None:
    answer = world.signed_in("cleo").get("/api/analytics/dashboard")
    assert answer.status_code == 403
    assert set(answer.get_json()) == {"error"}


def test_an_unknown_and_another_creator_answer_a_creator_alike(world: World) -> None:
    client = world.signed_in("cleo")
    other = client.get(f"/api/analytics/creator/{cast.CARL}")
    unknown = client.get("/api/analytics/creator/99")
    assert other.status_code == unknown.status_code == 403
    assert other.data == unknown.data


def test_the_role_is_checked_before_the_parameters(world: World) -> None:
    assert world.signed_in("cleo").get("/api/analytics/dashboard?days=x").status_code == 403


def test_answers_are_not_stored_by_caches(world: World) -> None:
    answer = world.signed_in("ana").get("/api/analytics/dashboard")
    assert answer.headers["Cache-Control"] == "no-store"


# ---- bad input ----


@pytest.mark.parametrize(
    "days", ["0", "-1", "3661", "30.0", "1e3", "abc", "", "٣", " 7", "9" * 400, "true", "null", "7;--"]
)
def test_days_that_are_no_number_from_1_to_3660(world: World, days: str) -> None:
    answer = world.signed_in("ana").get("/api/analytics/dashboard", query_string={"days": days})
    assert answer.status_code == 422
    assert answer.get_json() == {"error": "days must be a whole number from 1 to 3660"}


@pytest.mark.parametrize("creator", ["abc", "-1", "1.0", "9" * 40])
def test_creators_that_are_no_id(world: World, creator: str) -> None:
    answer = world.signed_in("ana").get(f"/api/analytics/creator/{creator}")
    assert answer.status_code == 404
    assert set(answer.get_json()) == {"error"}


def test_no_data_yet(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    answer = world.signed_in("ana").get("/api/analytics/dashboard")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "No analytics data available"})


def test_missing_activity_is_null_never_zero(database: Engine) -> None:
    source.create_all(database)
    fill(database, cast.PLATFORM)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE video_watches, user_sessions"))
    aggregate(database, clock=lambda: cast.NOW)
    world = cast.with_accounts(database)
    got = data(world, "ana", "/api/analytics/dashboard?days=2")
    assert got["current"]["activeUsers"] is None
    assert got["period"]["activeUsers"] is None
    assert got["period"]["engagementRate"] is None
    rows = data(world, "ana", f"/api/analytics/creator/{cast.CLEO}?days=4")["metrics"]
    assert {row["videoViews"] for row in rows} == {None}


# ---- health and description ----


def test_health_is_open_to_anyone(world: World) -> None:
    client = world.client()
    assert client.get("/healthz").get_json() == {"status": "up"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_not_ready_before_migrations(empty_database: Engine) -> None:
    client = create_app(empty_database, cast.SECRET).server.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "migrate" in answer.get_json()["error"]


def test_not_ready_without_database() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/none")
    answer = create_app(engine, cast.SECRET).server.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "the database can't be reached")


def test_the_description_names_every_route(world: World) -> None:
    paths = json.loads(world.client().get("/api/openapi.json").data)["paths"]
    assert set(paths) == {
        "/api/analytics/dashboard",
        "/api/analytics/creator/{creator_id}",
        "/healthz",
        "/readyz",
    }
