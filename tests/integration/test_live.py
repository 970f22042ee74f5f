"""What an open page asks for by itself: fresh, for whom the page is, and nobody kept signed in by it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from aggregation import running_day
from aggregation.queries import Queries
from dashboard_app.factory import create_app
from tests import cast
from tests.cast import World
from tests.integration.test_access import FILLS

OVERVIEW, MINE = "/_dash-live/overview", "/_dash-live/my-dashboard"


def live(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def hours(parts: Any, page: str) -> list[float | None]:
    found: list[float | None] = parts[f"{page}-today"]["figure"]["data"][-1]["y"]
    return found


def give(world: World, recipient: int, share: float, moment: str = "2026-03-05 11:00") -> None:
    with world.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO virtual_gifts"
                " SELECT max(id) + 1, 1, 3, :recipient, NULL, :share, 1, 'completed',"
                " CAST(:moment AS timestamp) FROM virtual_gifts"
            ),
            {"recipient": recipient, "share": share, "moment": moment},
        )


# ---- what it says ----


def test_the_platforms_day_follows_each_pass(world: World) -> None:
    client = world.signed_in("ana")
    assert hours(live(client, OVERVIEW), "overview")[9:12] == [0, 5, 0]
    give(world, cast.CARL, 20)
    running_day.refresh(world.engine, cast.NOW)
    parts = live(client, OVERVIEW)
    assert set(parts) == {"overview-today", "overview-today-head"}
    assert hours(parts, "overview")[9:12] == [0, 5, 21]
    head = parts["overview-today-head"]["content"]["html"]
    assert "$26.00 from 2 gifts by 12:00 UTC, usual by then $0.00 – $0.00." in head


def test_a_creators_day_is_their_share_of_their_gifts(world: World) -> None:
    give(world, cast.CARL, 20)
    running_day.refresh(world.engine, cast.NOW)
    parts = live(world.signed_in("cleo"), MINE)
    assert hours(parts, "my-dashboard")[9:12] == [0, 3.5, 0]
    head = parts["my-dashboard-today-head"]["content"]["html"]
    assert "$3.50 from 1 gift by 12:00 UTC." in head
    assert "A whole Thursday usually brings $0.00 – $0.00." in head
    assert hours(live(world.signed_in("carl"), MINE), "my-dashboard")[9:12] == [0, 0, 20]


def test_the_page_says_the_same_as_what_it_asks_for(world: World) -> None:
    client = world.signed_in("cleo")
    page = cast.run_callback(client, FILLS["my-dashboard"], ("my-dashboard-address.search", "")).get_json()
    for name, value in live(client, MINE).items():
        assert page["response"][name] == value


def test_a_worker_that_is_down_is_told_of(world: World) -> None:
    later = create_app(world.engine, cast.SECRET, lambda: cast.NOW + timedelta(minutes=7))
    client = World(world.engine, later).signed_in("ana")
    head = live(client, OVERVIEW)["overview-today-head"]["content"]["html"]
    assert "Nothing has been counted since 12:00." in head
    assert "Nothing has been counted since" not in str(live(world.signed_in("ana"), OVERVIEW))


def test_a_new_day_begins_with_nothing(world: World) -> None:
    tomorrow = create_app(world.engine, cast.SECRET, lambda: datetime(2026, 3, 6, 0, 1, tzinfo=UTC))
    client = World(world.engine, tomorrow).signed_in("ana")
    parts = live(client, OVERVIEW)
    assert "No gifts counted yet today, 6 Mar 2026 (UTC)." in parts["overview-today-head"]["content"]["html"]
    assert parts.get("overview-today", {"figure": {"data": []}})["figure"]["data"] == []


def test_what_fails_is_said_and_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("for a moment")

    client = world.signed_in("ana")
    with monkeypatch.context() as patch:
        patch.setattr(Queries, "today", broken)
        assert "These numbers could not be loaded." in str(live(client, OVERVIEW))
    assert "These numbers could not be loaded." not in str(live(client, OVERVIEW))


# ---- whom it says it to ----


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [("cleo", OVERVIEW, 403), ("ana", MINE, 403), ("ada", MINE, 403), ("ada", OVERVIEW, 200)],
)
def test_it_is_for_whom_the_page_is(world: World, who: str, path: str, status: int) -> None:
    assert world.signed_in(who).get(path).status_code == status


def test_a_creator_is_asked_for_by_nobody_else(world: World) -> None:
    """Whatever the address says."""
    client = world.signed_in("cleo")
    expected = live(client, MINE)
    give(world, cast.CARL, 777.77)
    running_day.refresh(world.engine, cast.NOW)
    for more in ("?creator_id=2", "?viewer=carl", "/2"):
        answer = client.get(MINE + more)
        assert "777" not in answer.text
        assert answer.status_code == 404 or answer.get_json() == expected


def test_nobody_is_told_without_a_session(world: World) -> None:
    assert world.client().get(OVERVIEW).status_code == 401


def test_it_keeps_nobody_signed_in(world: World) -> None:
    """A page that is left open asks for ever; the session goes idle as if it didn't."""
    client = world.signed_in("ana")
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE dashboard_sessions SET last_seen_at = now() - interval '1 hour'"))

    def seen() -> datetime:
        with world.engine.connect() as connection:
            moment: datetime = connection.execute(
                text("SELECT last_seen_at FROM dashboard_sessions")
            ).scalar_one()
            return moment

    before = seen()
    live(client, OVERVIEW)
    assert seen() == before
    assert client.get("/").status_code == 200
    assert seen() > before


# ---- what it leaves alone ----


def test_a_pass_leaves_the_rest_of_a_kept_page_as_it_was(world: World) -> None:
    """Only the running day is read again."""
    client = world.signed_in("ana")
    client.get("/?days=7")
    running_day.refresh(world.engine, cast.NOW)
    asked = list[str]()
    event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    client.get("/?days=7")
    read = " ".join(asked)
    assert "running_hours" in read
    for table in ("daily_analytics", "revenue_breakdown", "creator_months", "creator_metrics"):
        assert f"FROM {table}" not in read


def test_a_page_without_the_running_day_is_kept_over_passes(world: World) -> None:
    client = world.signed_in("ana")
    client.get("/forecast")
    running_day.refresh(world.engine, cast.NOW)
    asked = list[str]()
    event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    client.get("/forecast")
    assert [
        statement for statement in asked if "dashboard_" not in statement and "SET" not in statement
    ] == []
