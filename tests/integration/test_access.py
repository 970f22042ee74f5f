"""Who must not get in: every path and every callback, without a session and with the wrong role."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text

from aggregation.days import utc_now
from dashboard_app.accounts import Accounts
from dashboard_app.answers import output_of
from dashboard_app.sessions import Sessions
from dashboard_app.static import StaticFiles
from layouts.page import Page
from layouts.pages import PAGES
from tests import cast
from tests.cast import World, run_callback

FILLS = {page.name: output_of(page) for page in PAGES}
MEMBERS = {"admin": "ada", "analyst": "ana", "creator": "cleo"}
PRIVATE = ["/", "/me", "/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/anything"]


@pytest.mark.parametrize("path", PRIVATE)
def test_nothing_is_served_without_a_session(world: World, path: str) -> None:
    answer = world.client().get(path)
    assert answer.status_code in (302, 401)
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_callbacks_answer_nobody_without_a_session(world: World, page: Page) -> None:
    answer = run_callback(world.client(), FILLS[page.name], (f"{page.name}-address.search", ""))
    # refused as forged or as not signed in, whichever is looked at first
    assert answer.status_code in (400, 401)
    assert "html" not in answer.text


@pytest.mark.parametrize(
    ("page", "role"), list(itertools.product(PAGES, MEMBERS)), ids=lambda x: getattr(x, "name", x)
)
def test_callbacks_answer_only_their_roles(world: World, page: Page, role: str) -> None:
    client = world.signed_in(MEMBERS[role])
    answer = run_callback(client, FILLS[page.name], (f"{page.name}-address.search", "?days=7"))
    assert answer.status_code == (200 if role in page.roles else 403)


@pytest.mark.parametrize(
    ("page", "role"), list(itertools.product(PAGES, MEMBERS)), ids=lambda x: getattr(x, "name", x)
)
def test_pages_open_only_for_their_roles(world: World, page: Page, role: str) -> None:
    answer = world.signed_in(MEMBERS[role]).get(page.path)
    if role in page.roles:
        assert answer.status_code == 200
    elif page.path == "/":
        # the bare address leads everyone to their own first page
        assert (answer.status_code, answer.headers["Location"]) == (302, "/me")
    else:
        assert answer.status_code == 403


def test_unknown_addresses_are_404(world: World) -> None:
    assert world.signed_in("ada").get("/no-such-page").status_code == 404


def test_a_creator_never_sees_another_creators_numbers(world: World) -> None:
    client = world.signed_in("cleo")
    forged = ["", "?days=28&creator_id=2", "?creator=2", {"creator_id": 2}, 2, None, ["?days=7"]]
    answers = [
        run_callback(client, FILLS["my-dashboard"], ("my-dashboard-address.search", value)).text
        for value in forged
    ]
    answers += [
        run_callback(
            client,
            "..shell-page.children...shell-menu.children...shell-account.children..",
            ("url.pathname", path),
            state=[("url.search", "?creator_id=2")],
        ).text
        for path in ("/me", "/", "/creators/2", "/me?creator_id=2")
    ]
    answers += [client.get(path).text for path in ("/me", "/?creator_id=2", "/api/analytics/creator/2")]
    assert "cleo" not in cast.CARLS_NUMBERS
    for answer in answers:
        for number in cast.CARLS_NUMBERS:
            assert number not in answer


def test_a_creator_sees_their_own_numbers(world: World) -> None:
    client = world.signed_in("carl")
    answer = run_callback(client, FILLS["my-dashboard"], ("my-dashboard-address.search", "?days=7"))
    assert "777.77" in answer.text
    assert "9,431" in answer.text


# ---- sessions ----


def test_a_copied_cookie_is_dead_after_logout(world: World) -> None:
    client = world.signed_in("ana")
    copied = client.get_cookie("sparkboard")
    client.get("/")
    token = client.get_cookie("_csrf_token")
    assert copied is not None
    assert token is not None
    assert client.post("/logout", data={"csrf_token": token.value}).status_code == 302
    thief = world.client()
    thief.set_cookie("sparkboard", copied.value)
    assert thief.get("/api/analytics/dashboard").status_code == 401


@pytest.mark.parametrize("change", ["password", "disable"])
def test_sessions_end_with_the_password_and_the_account(world: World, change: str) -> None:
    client = world.signed_in("ana")
    accounts = Accounts(world.engine)
    if change == "password":
        accounts.set_password("ana", "another horse")
    else:
        accounts.disable("ana")
    assert client.get("/api/analytics/dashboard").status_code == 401


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


def test_the_session_cookie_is_out_of_scripts_reach(world: World) -> None:
    cookies = cast.sign_in(world.client(), "ana").headers.getlist("Set-Cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("sparkboard="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session


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


def test_signing_in_without_the_token_is_refused(world: World) -> None:
    answer = world.client().post("/login", data={"username": "ana", "password": cast.PASSWORD})
    assert answer.status_code == 400


def test_callbacks_without_the_token_are_refused(world: World) -> None:
    client = world.signed_in("ana")
    answer = client.post("/_dash-update-component", json={})
    assert answer.status_code == 400
    assert set(answer.get_json()) == {"error"}


@pytest.mark.parametrize("body", ["{}", "[]", '"x"', "null", '{"output": "no-such.children"}', "not json"])
def test_malformed_callbacks_are_refused(world: World, body: str) -> None:
    client = world.signed_in("ana")
    client.get("/")
    token = client.get_cookie("_csrf_token")
    assert token is not None
    answer = client.post(
        "/_dash-update-component",
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": token.value},
    )
    assert answer.status_code == 400
    assert set(answer.get_json()) == {"error"}


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


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_signing_in_never_leads_to_another_host(world: World, target: str) -> None:
    answer = cast.sign_in(world.client(), "ana", target=f"/login?next={target}")
    assert answer.headers["Location"] == "/"


def test_signing_in_leads_back_to_where_one_was(world: World) -> None:
    answer = cast.sign_in(world.client(), "ana", target="/login?next=/?days=90")
    assert answer.headers["Location"] == "/?days=90"


def test_creators_land_on_their_own_page(world: World) -> None:
    assert cast.sign_in(world.client(), "cleo").headers["Location"] == "/me"


# ---- headers ----


@pytest.mark.parametrize(
    "path", ["/login", "/", "/api/analytics/dashboard", StaticFiles().charts, "/nothing"]
)
def test_every_answer_carries_the_headers(world: World, path: str) -> None:
    answer = world.client().get(path)
    headers = answer.headers
    answer.close()
    policy = headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in scripts
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_large_bodies_are_refused(world: World) -> None:
    answer = world.signed_in("ana").post("/_dash-update-component", data=b"x" * 2_000_000)
    assert answer.status_code in (400, 413)
