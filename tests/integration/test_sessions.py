"""Sessions: dead at the next request once they have ended, on every web process; new at each login."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from aggregation.days import utc_now
from dashboard_app.accounts import Accounts
from dashboard_app.sessions import Sessions
from tests import cast
from tests.cast import World

PRIVATE = "/api/analytics/dashboard"


def copied(client: FlaskClient, world: World) -> FlaskClient:
    """Another browser with the same cookies, at `world`."""
    thief = world.client()
    for name in ("sparkboard", "_csrf_token"):
        cookie = client.get_cookie(name)
        assert cookie is not None
        thief.set_cookie(name, cookie.value)
    return thief


def log_out(world: World, client: FlaskClient) -> None:
    cookie = client.get_cookie("_csrf_token")
    assert cookie is not None
    assert client.post("/logout", data={"csrf_token": cookie.value}).status_code == 302


def change_password(world: World, client: FlaskClient) -> None:
    Accounts(world.engine).set_password("ana", "another horse")


def disable(world: World, client: FlaskClient) -> None:
    Accounts(world.engine).disable("ana")


@pytest.mark.parametrize("end", [log_out, change_password, disable])
def test_a_copied_cookie_is_dead_on_every_process(
    world: World, end: Callable[[World, FlaskClient], None]
) -> None:
    other = cast.application(world.engine)
    client = world.signed_in("ana")
    thief = copied(client, other)
    assert thief.get(PRIVATE).status_code == 200
    end(world, client)
    assert thief.get(PRIVATE).status_code == 401
    assert client.get(PRIVATE).status_code == 401
    page = thief.get("/")
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=/")


def test_each_login_is_a_new_session_with_a_new_token(world: World) -> None:
    client = world.signed_in("ana")
    first = copied(client, world)
    old = client.get_cookie("_csrf_token")
    assert old is not None
    form = {"username": "ada", "password": cast.PASSWORD, "csrf_token": old.value}
    assert client.post("/login", data=form).status_code == 302
    new = client.get_cookie("_csrf_token")
    assert new is not None
    assert new.value != old.value
    assert first.get(PRIVATE).status_code == 401
    assert client.post("/logout", data={"csrf_token": old.value}).status_code == 400
    assert client.post("/logout", data={"csrf_token": new.value}).status_code == 302


def test_what_a_browser_had_before_the_login_opens_nothing_after_it(world: World) -> None:
    """Somebody plants a cookie of theirs in a browser, and waits until its owner signs in."""
    attacker = world.client()
    token = cast.csrf_token(attacker)
    planted = attacker.get_cookie("sparkboard")
    assert planted is not None
    victim = world.client()
    victim.set_cookie("sparkboard", planted.value)
    form = {"username": "ana", "password": cast.PASSWORD, "csrf_token": token}
    assert victim.post("/login", data=form).status_code == 302
    assert attacker.get(PRIVATE).status_code == 401
    assert victim.post("/logout", data={"csrf_token": token}).status_code == 400
    assert victim.get(PRIVATE).status_code == 200


def test_both_limits_can_be_set(world: World) -> None:
    clock = cast.Clock()
    app = cast.application(world.engine, clock=clock, idle=timedelta(hours=2), absolute=timedelta(hours=5))
    client = app.signed_in("ana")
    for _ in range(2):
        clock.now += timedelta(hours=1, minutes=59)
        assert client.get(PRIVATE).status_code == 200
    clock.now += timedelta(hours=1, minutes=3)
    assert client.get(PRIVATE).status_code == 401
    client = app.signed_in("ana")
    clock.now += timedelta(hours=2, minutes=1)
    assert client.get(PRIVATE).status_code == 401


def test_expired_sessions_are_swept(world: World) -> None:
    clock = cast.Clock()
    app = cast.application(world.engine, clock=clock)
    app.signed_in("ana")
    clock.now += timedelta(hours=9)
    app.signed_in("ada")
    with world.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM dashboard_sessions")).scalar_one() == 1


def test_a_request_asks_for_its_session_once(world: World) -> None:
    client = world.signed_in("ana")
    asked: list[str] = []
    event.listen(world.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    assert client.get("/_dash-dependencies").status_code == 200
    assert len(asked) == 1
    assert "dashboard_sessions" in asked[0]


def cookies_over(world: World, scheme: str, **headers: str) -> list[str]:
    client = world.client()
    base = f"{scheme}://localhost"
    page = client.get("/login", base_url=base, headers=headers)
    token = page.text.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    form = {"username": "ana", "password": cast.PASSWORD, "csrf_token": token}
    answer = client.post("/login", data=form, base_url=base, headers=headers)
    assert answer.status_code == 302
    return page.headers.getlist("Set-Cookie") + answer.headers.getlist("Set-Cookie")


def test_cookies_are_sent_over_tls_only_where_there_is_tls(world: World) -> None:
    plain, safe = cookies_over(world, "http"), cookies_over(world, "https")
    assert {cookie.split("=")[0] for cookie in safe} == {"sparkboard", "_csrf_token", "sparkboard_device"}
    assert all("Secure" in cookie and "SameSite=Lax" in cookie for cookie in safe)
    assert not any("Secure" in cookie for cookie in plain)
    for cookie in safe:
        assert ("HttpOnly" in cookie) == (not cookie.startswith("_csrf_token="))


def test_sessions_that_nobody_has_open_nothing(world: World) -> None:
    sessions = Sessions(world.engine)
    for token in ("", "x", "\0", "é" * 1000):
        assert sessions.viewer(token, utc_now()) is None
