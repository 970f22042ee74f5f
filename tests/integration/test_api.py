"""The HTTP API: what it says, and to whom it says nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text

from aggregation.database import connect
from aggregation.publishing import aggregate
from aggregation.schema import revenue_forecast, revenue_forecast_totals, source
from aggregation.versions import Scope, bump
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


# ---- lists ----


def test_revenue_breakdown_has_the_rows_of_the_window(world: World) -> None:
    def row(day: str, source: str, amount: float, count: int, average: float) -> dict[str, Any]:
        figures = {"amount": amount, "transactionCount": count, "averageTransaction": average}
        return {"date": day, "source": source} | figures

    # 2 March had no gift; 3 March 14 + 6 and 777.77 + 333.33; 4 March one gift, one refunded, one payment
    assert data(world, "ana", "/api/analytics/revenue-breakdown?days=4") == [
        row("2026-03-01", "gifts", 10.0, 1, 10.0),
        row("2026-03-03", "gifts", 1131.10, 2, 565.55),
        row("2026-03-04", "gifts", 30.0, 1, 30.0),
        row("2026-03-04", "subscriptions", 50.0, 1, 50.0),
    ]


def test_retention_has_a_row_for_each_cohort(world: World) -> None:
    ages = ("day0", "day1", "day7", "day30", "day60", "day90")
    # cleo, carl and vera came on 1 February; 30 days later, on 3 March, vera was there. vito came that
    # day, sent a gift, and was back on the next. Days that are not over are null.
    assert data(world, "ana", "/api/analytics/retention?days=40") == [
        {"cohortDate": "2026-02-01", "cohortSize": 3}
        | dict(zip(ages, (0, 0, 0, 1, None, None), strict=True)),
        {"cohortDate": "2026-03-03", "cohortSize": 1}
        | dict(zip(ages, (1, 1, None, None, None, None), strict=True)),
    ]
    assert len(data(world, "ana", "/api/analytics/retention?days=2")) == 1


def test_gifts_are_by_hour_and_spark(world: World) -> None:
    got = data(world, "ana", "/api/analytics/gifts?days=2")
    # without the running day, and without the refunded gift
    assert [(row["hour"], row["sendCount"], row["revenue"]) for row in got] == [
        ("2026-03-03T20:00:00Z", 1, 20.0),
        ("2026-03-03T21:00:00Z", 1, 1111.10),
        ("2026-03-04T19:00:00Z", 1, 30.0),
    ]
    assert set(got[0]) == {
        "sparkId",
        "hour",
        "sendCount",
        "revenue",
        "uniqueSenders",
        "uniqueRecipients",
        "averageValue",
    }


def test_a_long_list_comes_in_parts(world: World) -> None:
    client = world.signed_in("ana")
    whole = client.get("/api/analytics/gifts?days=4").get_json()
    assert whole["pagination"] == {"total": 4, "limit": 50_000, "offset": 0, "next": None}
    address, rows = "/api/analytics/gifts?days=4&limit=3", []
    first = client.get(address)
    assert first.headers["Link"] == '</api/analytics/gifts?days=4&limit=3&offset=3>; rel="next"'
    while address:
        answer = client.get(address).get_json()
        rows += answer["data"]
        address = answer["pagination"]["next"]
    assert rows == whole["data"]
    assert client.get("/api/analytics/gifts?days=4&offset=4").get_json()["data"] == []


def forecast_made(engine: Engine, made_on: str, revenue: str) -> None:
    with engine.begin() as connection:
        made = {"made_on": made_on, "data_through": "2026-03-01", "methodology": "ets"}
        limits = {f"{side}_{share}": revenue for side in ("low", "high") for share in (80, 95)}
        numbers = {"projected_revenue": revenue, "confidence": 80} | limits
        day = {"low_98": revenue, "high_98": revenue, "forecast_date": "2026-03-06"}
        connection.execute(insert(revenue_forecast).values(made | numbers | day))
        whole = {"days": 30, "chosen": True, "made_at": made_on, "history_days": 28, "state": "ready"}
        scale = {"spread": 1, "recalibration": 1, "notes": []}
        connection.execute(insert(revenue_forecast_totals).values(made | numbers | whole | scale))
        bump(connection, Scope.DAYS)


def test_forecast_is_the_newest(world: World) -> None:
    answer = world.signed_in("ana").get("/api/analytics/forecast")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "No analytics data available"})
    forecast_made(world.engine, "2026-03-02", "1.00")
    forecast_made(world.engine, "2026-03-05", "2.50")
    (row,) = data(world, "ana", "/api/analytics/forecast")
    assert row["madeOn"] == "2026-03-05"
    assert row["forecastDate"] == "2026-03-06"
    assert (row["projectedRevenue"], row["confidence"], row["methodology"]) == (2.5, 80, "ets")


def test_what_to_know_of_the_forecast_stands_beside_it(world: World) -> None:
    forecast_made(world.engine, "2026-03-05", "2.50")
    about = world.signed_in("ana").get("/api/analytics/forecast").get_json()["about"]
    limits = {f"{side}{share}": 2.5 for side in ("low", "high") for share in (80, 95)}
    assert about == {
        "madeOn": "2026-03-05",
        "dataThrough": "2026-03-01",
        "methodology": "ets",
        "historyDays": 28,
        "state": "ready",
        "notes": [],
        "totals": [{"days": 30, "projectedRevenue": 2.5} | limits],
        "confidence": 80,
    }


@pytest.mark.parametrize(("state", "projected"), [("constant", 2.5), ("zero", None)])
def test_where_a_number_of_the_forecast_would_mislead_it_is_null(
    world: World, state: str, projected: float | None
) -> None:
    forecast_made(world.engine, "2026-03-05", "2.50")
    with world.engine.begin() as connection:
        connection.execute(
            text("UPDATE revenue_forecast_totals SET state = :state, notes = '{why}'"), {"state": state}
        )
    about = world.signed_in("ana").get("/api/analytics/forecast").get_json()["about"]
    (total,) = about["totals"]
    assert (about["state"], about["notes"], about["confidence"]) == (state, ["why"], None)
    assert (total["projectedRevenue"], total["low80"], total["high95"]) == (projected, None, None)


def test_a_stale_forecast_says_so_in_the_api(world: World) -> None:
    forecast_made(world.engine, "2026-03-05", "2.50")
    world.app = create_app(world.engine, cast.SECRET, lambda: cast.NOW + timedelta(days=3))
    about = world.signed_in("ana").get("/api/analytics/forecast").get_json()["about"]
    assert about["state"] == "stale"
    assert about["notes"] == ["Stale: the newest complete day is 4 Mar 2026."]


# ---- numbers ----


def test_money_has_all_its_digits(world: World) -> None:
    # more than a double holds
    forecast_made(world.engine, "2026-03-05", "9999999999999999.99")
    text_ = world.signed_in("ana").get("/api/analytics/forecast").text
    assert '"projectedRevenue":9999999999999999.99' in text_


def test_what_is_no_number_is_null(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE daily_analytics DROP CONSTRAINT daily_analytics_money"))
        connection.execute(text("UPDATE daily_analytics SET total_revenue = 'NaN' WHERE date = '2026-03-04'"))
        connection.execute(text("ALTER TABLE revenue_forecast DROP CONSTRAINT revenue_forecast_confidence"))
    forecast_made(world.engine, "2026-03-05", "1.00")
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE revenue_forecast SET confidence = 'Infinity'"))
    client = world.signed_in("ana")
    dashboard, forecast = (client.get(f"/api/analytics/{name}") for name in ("dashboard?days=2", "forecast"))
    assert dashboard.get_json()["data"]["current"]["totalRevenue"] is None
    assert forecast.get_json()["data"][0]["confidence"] is None
    for answer in (dashboard, forecast):
        assert "NaN" not in answer.text
        assert "Infinity" not in answer.text


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    '=HYPERLINK("http://evil.example")',
    "\u202egnp.exe",
    "x" * 10_000,
    'quote " and \\ backslash',
]


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: words[:12])
def test_hostile_words_are_only_words(world: World, words: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM revenue_breakdown WHERE source <> 'gifts'"))
        connection.execute(text("UPDATE revenue_breakdown SET source = :words"), {"words": words})
    answer = world.signed_in("ana").get("/api/analytics/revenue-breakdown?days=1")
    assert {row["source"] for row in answer.get_json()["data"]} == {words}
    # no browser takes it for a page
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ---- tags ----


def test_an_unchanged_answer_is_not_sent_again(world: World) -> None:
    client = world.signed_in("ana")
    first = client.get("/api/analytics/dashboard")
    again = client.get("/api/analytics/dashboard", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "no-store"
    assert set(again.headers["Vary"].split(", ")) >= {"Cookie", "Authorization"}
    other = client.get("/api/analytics/dashboard?days=2", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_a_compressed_answer_has_a_tag_that_works(world: World) -> None:
    client = world.signed_in("ana")
    wanted = {"Accept-Encoding": "br"}
    first = client.get("/api/analytics/dashboard", headers=wanted)
    assert first.headers["Content-Encoding"] == "br"
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/api/analytics/dashboard", headers=wanted | tag).status_code == 304


def test_tags_are_worth_nothing_to_others(world: World) -> None:
    own = f"/api/analytics/creator/{cast.CLEO}"
    tags = {who: world.signed_in(who).get(own).headers["ETag"] for who in ("cleo", "ana", "ada")}
    # all three were given the same numbers
    assert len(set(tags.values())) == 3
    for tag in (*tags.values(), "*"):
        asked = {"If-None-Match": tag}
        assert world.signed_in("carl").get(own, headers=asked).status_code == 403
        assert world.client().get(own, headers=asked).status_code == 401
    assert world.signed_in("cleo").get(own, headers={"If-None-Match": tags["ana"]}).status_code == 200


# ---- who must not get in ----

STAFF_ONLY = (
    "/api/analytics/dashboard",
    "/api/analytics/revenue-breakdown",
    "/api/analytics/retention",
    "/api/analytics/gifts",
    "/api/analytics/forecast",
)
ROUTES = (*STAFF_ONLY, f"/api/analytics/creator/{cast.CLEO}")


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_gets_in_without_a_session(world: World, path: str) -> None:
    answer = world.client().get(path)
    assert answer.status_code == 401
    assert set(answer.get_json()) == {"error"}


def test_creators_must_not_see_the_platform(world: World) -> None:
    client = world.signed_in("cleo")
    for path in STAFF_ONLY:
        answer = client.get(path)
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


# ---- what is not there ----


def test_no_data_yet(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    client = world.signed_in("ana")
    for path in ROUTES:
        answer = client.get(path)
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
    assert client.get("/readyz").get_json() == {"status": "ready", "worker": "not at work"}


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
    assert {path: set(operations) - {"parameters"} for path, operations in paths.items()} == {
        "/api/analytics/dashboard": {"get"},
        "/api/analytics/creator/{creator_id}": {"get"},
        "/api/analytics/revenue-breakdown": {"get"},
        "/api/analytics/retention": {"get"},
        "/api/analytics/gifts": {"get"},
        "/api/analytics/forecast": {"get", "post"},
        "/api/analytics/calculate-daily": {"post"},
        "/healthz": {"get"},
        "/readyz": {"get"},
    }


def test_the_description_says_how_to_sign_in_and_who_may(world: World) -> None:
    described = world.client().get("/api/openapi.json").get_json()
    assert set(described["components"]["securitySchemes"]) == {"token", "session", "csrf"}
    assert described["security"] == [{"token": []}, {"session": []}]
    calculate = described["paths"]["/api/analytics/calculate-daily"]["post"]
    assert calculate["security"] == [{"token": []}, {"session": [], "csrf": []}]
    assert calculate["x-roles"] == ["admin"]
    assert {"200", "401", "403", "422"} <= set(calculate["responses"])
    assert "default" not in calculate["responses"]
    assert described["paths"]["/healthz"]["get"]["security"] == []
