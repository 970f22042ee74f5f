"""Signing in, and what a session is worth. Who may open what is in test_matrix.py."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from aggregation.days import utc_now
from dashboard_app.accounts import Accounts
from dashboard_app.answers import output_of
from dashboard_app.sessions import Sessions
from layouts.pages import PAGES
from tests import cast
from tests.cast import World, run_callback

FILLS = {page.name: output_of(page) for page in PAGES}
MEMBERS = {"admin": "ada", "analyst": "ana", "creator": "cleo"}


def test_unknown_addresses_are_404(world: World) -> None:
    assert world.signed_in("ada").get("/no-such-page").status_code == 404


def test_a_creator_sees_their_own_numbers(world: World) -> None:
    client = world.signed_in("carl")
    answer = run_callback(client, FILLS["my-dashboard"], ("my-dashboard-address.search", "?days=7"))
    assert "777.77" in answer.text
    assert "9,431" in answer.text


# ---- sessions ----


@pytest.mark.parametrize(("column", "age"), [("created_at", "25 hours"), ("last_seen_at", "9 hours")])
def test_sessions_end_by_themselves(world: World, column: str, age: str) -> None:
    client = world.signed_in("ana")
    with world.engine.begin() as connection:
        connection.execute(text(f"UPDATE dashboard_sessions SET {column} = now() - interval '{age}'"))
    assert client.get("/api/analytics/dashboard").status_code == 401


def test_use_keeps_a_session_alive(world: World) -> None:
    sessions, start = Sessions(world.engine), utc_now()
    account = Accounts(world.engine).verified("ana", cast.PASSWORD)
    assert account is not None
    account = sessions.open(account, start)
    for hours in (7, 14, 21):
        assert sessions.viewer(account.session_token, start + timedelta(hours=hours)) is not None
    assert sessions.viewer(account.session_token, start + timedelta(hours=25)) is None


def test_the_stored_token_opens_nothing(world: World) -> None:
    world.signed_in("ana")
    with world.engine.connect() as connection:
        stored = connection.execute(text("SELECT token_hash FROM dashboard_sessions")).scalar_one()
    assert Sessions(world.engine).viewer(stored, utc_now()) is None


# ---- signing in ----


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong"), ("nobody", cast.PASSWORD), ("ana", "")])
def test_a_wrong_name_and_a_wrong_password_look_alike(world: World, name: str, password: str) -> None:
    client = world.client()
    answer = cast.sign_in(client, name, password)
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert client.get("/api/analytics/dashboard").status_code == 401


def test_names_are_not_case_sensitive(world: World) -> None:
    assert cast.sign_in(world.client(), "ANA").status_code == 302


def test_a_name_with_a_nul_is_a_wrong_name(world: World) -> None:
    assert cast.sign_in(world.client(), "an\0a").status_code == 401


@pytest.mark.parametrize(("path", "status"), [("/api/analytics/dashboard", 401), ("/api/nothing", 401)])
def test_refusals_are_said_in_plain_words(world: World, path: str, status: int) -> None:
    answer = world.client().get(path)
    assert (answer.status_code, answer.get_json()) == (status, {"error": "Please sign in first."})


def test_logging_out_by_a_link_is_refused(world: World) -> None:
    client = world.signed_in("ana")
    assert client.get("/logout").status_code == 404
    assert client.post("/logout").status_code == 400
    assert client.get("/api/analytics/dashboard").status_code == 200


def test_creators_land_on_their_own_page(world: World) -> None:
    assert cast.sign_in(world.client(), "cleo").headers["Location"] == "/me"
