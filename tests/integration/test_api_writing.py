"""Computing through the API: who may, what it does, and what stops it."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from aggregation.database import WRITERS_LOCK, exclusive
from aggregation.schema import source
from dashboard_app.api import calculations
from tests import cast
from tests.cast import World
from tests.spec.tables import fill

CALCULATE = "/api/analytics/calculate-daily"
FORECAST = "/api/analytics/forecast"


def post(world: World, who: str, path: str, body: Any) -> Any:
    client = world.signed_in(who)
    return client.post(path, json=body, headers=cast.csrf_header(client))


def scalar(engine: Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar()


# ---- who must not ----


@pytest.mark.parametrize("path", [CALCULATE, FORECAST])
@pytest.mark.parametrize("who", ["ana", "cleo"])
def test_only_admins_compute(world: World, path: str, who: str) -> None:
    before = scalar(world.engine, "SELECT count(*) FROM job_runs")
    # the role is looked at before the body
    for body in ({"date": "2026-03-03"}, {"nonsense": 1}):
        assert post(world, who, path, body).status_code == 403
    assert scalar(world.engine, "SELECT count(*) FROM job_runs") == before


@pytest.mark.parametrize("path", [CALCULATE, FORECAST])
def test_nobody_computes_without_a_session(world: World, path: str) -> None:
    assert world.client().post(path, json={}).status_code in (400, 401)


@pytest.mark.parametrize("path", [CALCULATE, FORECAST])
def test_a_cookie_alone_computes_nothing(world: World, path: str) -> None:
    answer = world.signed_in("ada").post(path, json={"date": "2026-03-03"})
    assert (answer.status_code, set(answer.get_json())) == (400, {"error"})


# ---- a day ----


def test_a_day_is_computed_anew(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET creator_share = 24.00 WHERE id = 4"))
    answer = post(world, "ada", CALCULATE, {"date": "2026-03-04"})
    assert answer.status_code == 200
    done = answer.get_json()["data"]
    assert done["date"] == "2026-03-04"
    changed = {job["job"]: job["rowsChanged"] for job in done["jobs"]}
    # one day, one hour of one spark, one source of revenue, one creator, one supporter
    assert {name: changed[name] for name in ("daily", "gifts", "revenue", "creators", "supporters")} == (
        dict.fromkeys(("daily", "gifts", "revenue", "creators", "supporters"), 1)
    )
    earned = "SELECT creator_earnings FROM daily_analytics WHERE date = '2026-03-04'"
    assert str(scalar(world.engine, earned)) == "24.00"
    # and again: nothing is left to do
    again = post(world, "ada", CALCULATE, {"date": "2026-03-04"}).get_json()["data"]["jobs"]
    assert {job["rowsChanged"] for job in again} == {0}


def test_readers_see_what_was_computed(world: World) -> None:
    client = world.signed_in("ana")
    path = "/api/analytics/dashboard?days=1"
    assert client.get(path).get_json()["data"]["current"]["creatorEarnings"] == 21.0
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET creator_share = 24.00 WHERE id = 4"))
    assert post(world, "ada", CALCULATE, {"date": "2026-03-04"}).status_code == 200
    assert client.get(path).get_json()["data"]["current"]["creatorEarnings"] == 24.0


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-03-05", "2026-03-05 is not complete yet; the last complete day is 2026-03-04"),
        ("2026-03-06", "2026-03-06 is not complete yet; the last complete day is 2026-03-04"),
        ("9999-12-31", "9999-12-31 is not complete yet; the last complete day is 2026-03-04"),
        ("2026-01-31", "nothing happened up to 2026-01-31; the first event is of 2026-02-01"),
        ("0001-01-01", "nothing happened up to 0001-01-01; the first event is of 2026-02-01"),
    ],
)
def test_days_that_can_not_be_computed(world: World, day: str, reason: str) -> None:
    answer = post(world, "ada", CALCULATE, {"date": day})
    assert (answer.status_code, answer.get_json()) == (422, {"error": reason})


def test_it_does_not_wait_for_long_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculations, "PATIENCE", calculations.PATIENCE / 100)
    with exclusive(world.engine, WRITERS_LOCK):
        answer = post(world, "ada", CALCULATE, {"date": "2026-03-04"})
    assert answer.status_code == 409
    assert "try again" in answer.get_json()["error"]
    assert post(world, "ada", CALCULATE, {"date": "2026-03-04"}).status_code == 200


def test_a_job_that_fails_is_named_without_its_reason(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE creator_supporters ADD CHECK (amount < 1500)"))
        connection.execute(text("UPDATE virtual_gifts SET creator_share = 2000 WHERE id = 4"))
    answer = post(world, "ada", CALCULATE, {"date": "2026-03-04"})
    assert answer.status_code == 500
    assert answer.get_json()["error"].startswith("Could not be computed: supporters.")
    assert "2000" not in answer.text


def test_it_is_written_down_who_computed(world: World) -> None:
    post(world, "ada", CALCULATE, {"date": "2026-03-04"})
    query = "SELECT actor || ' ' || subject FROM dashboard_audit WHERE action = 'calculate-daily'"
    assert scalar(world.engine, query) == "ada 2026-03-04"


# ---- a forecast ----


def test_a_forecast_is_made_and_answered(world: World) -> None:
    answer = post(world, "ada", FORECAST, {"days": 7})
    assert answer.status_code == 200
    rows = answer.get_json()["data"]
    assert [row["forecastDate"] for row in rows] == [f"2026-03-{day:02}" for day in range(5, 12)]
    assert {(row["madeOn"], row["dataThrough"]) for row in rows} == {("2026-03-05", "2026-03-04")}
    assert len({row["methodology"] for row in rows}) == 1
    assert world.signed_in("ana").get(FORECAST).get_json()["data"] == rows


def test_thirty_days_are_the_default(world: World) -> None:
    assert len(post(world, "ada", FORECAST, {}).get_json()["data"]) == 30


def test_what_the_forecast_refuses_is_said(world: World) -> None:
    answer = post(world, "ada", FORECAST, {"days": 367})
    assert (answer.status_code, answer.get_json()) == (
        422,
        {"error": "days must be between 1 and 366, not 367"},
    )


def test_missing_source_tables_are_said(database: Engine) -> None:
    source.create_all(database)
    fill(database, cast.PLATFORM)
    world = cast.with_accounts(database)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE sparks"))
    answer = post(world, "ada", CALCULATE, {"date": "2026-03-04"})
    assert answer.status_code == 422
    assert "the database has no sparks" in answer.get_json()["error"]
