"""What another site makes a browser send changes nothing."""

import itertools

import pytest
from flask.testing import FlaskClient

from tests import cast
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS

OTHERS = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:8051"},
    {"Origin": "http://evil.example/localhost"},
    {"Origin": "http://localhost@evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[::1"},
    {"Origin": "http://localhost:port"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]
OWN = [
    {},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:80"},
    # a proxy that nobody told us of speaks TLS
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


def token(client: FlaskClient) -> str:
    cookie = client.get_cookie("_csrf_token")
    assert cookie is not None
    return cookie.value


def log_in(client: FlaskClient, headers: dict[str, str], csrf: str) -> int:
    form = {"username": "ana", "password": cast.PASSWORD, "csrf_token": csrf}
    return client.post("/login", data=form, headers=headers).status_code


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_nothing_is_taken_from_another_site(shared: World, headers: dict[str, str]) -> None:
    """Even with the right token."""
    visitor, client = shared.client(), shared.signed_in("ana")
    assert log_in(visitor, headers, cast.csrf_token(visitor)) == 403
    given = {"X-CSRFToken": token(client)} | headers
    assert client.post("/_dash-update-component", json={}, headers=given).status_code == 403
    refused = client.post("/logout", headers=given)
    assert refused.status_code == 403
    assert "This request comes from another site." in refused.text
    assert client.get("/api/analytics/dashboard").status_code == 200


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_our_own_pages_and_programs_are_let_in(world: World, headers: dict[str, str]) -> None:
    client = world.client()
    assert log_in(client, headers, cast.csrf_token(client)) == 302
    assert client.post("/logout", headers={"X-CSRFToken": token(client)} | headers).status_code == 302


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://localhost", 302), ("https://localhost:443", 302), ("http://localhost", 403)],
)
def test_over_tls_only_pages_that_came_over_tls_are_ours(world: World, origin: str, status: int) -> None:
    client, over = world.client(), {"base_url": "https://localhost"}
    page = client.get("/login", **over).text
    csrf = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    form = {"username": "ana", "password": cast.PASSWORD, "csrf_token": csrf}
    answer = client.post("/login", data=form, headers={"Origin": origin}, **over)
    assert answer.status_code == status


def test_reading_is_nobodys_business(world: World) -> None:
    """A link on another site opens a page."""
    client = world.signed_in("ana")
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("csrf", ["", "x", "another", "ImYi.aaaa.bbbb"])
def test_the_token_is_this_browsers_own(world: World, csrf: str) -> None:
    if csrf == "another":
        csrf = cast.csrf_token(world.client())
    visitor, client = world.client(), world.signed_in("ana")
    visitor.get("/login")
    assert log_in(visitor, {}, csrf) == 400
    for path in ("/logout", "/_dash-update-component"):
        assert client.post(path, headers={"X-CSRFToken": csrf}, json={}).status_code == 400
        assert client.post(path, data={"csrf_token": csrf}).status_code == 400
    assert client.get("/api/analytics/dashboard").status_code == 200


def test_callbacks_need_the_token(world: World) -> None:
    client = world.signed_in("ana")
    value = token(client)
    asked = (FILLS["overview"], ("overview-address.search", ""))
    assert run_callback(client, *asked).status_code == 200
    client.set_cookie("_csrf_token", "x")
    assert run_callback(client, *asked).status_code == 400
    client.set_cookie("_csrf_token", value)
    assert run_callback(client, *asked).status_code == 200


def test_a_programs_token_counts_alone(world: World) -> None:
    """With a token of its own no cookie is looked at, so another site's form gets nothing from it."""
    client = world.signed_in("ana")
    for headers, path in itertools.product(
        [{"Authorization": "Bearer no-such-token"}, {"Authorization": "bearer x"}],
        ["/api/analytics/dashboard", "/_dash-layout"],
    ):
        assert client.get(path, headers=headers).status_code == 401
    assert client.post("/logout", headers={"Authorization": "Bearer x"}).status_code == 401
    assert client.get("/api/analytics/dashboard", headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_a_programs_token_opens_no_login_without_the_forms(world: World) -> None:
    client = world.client()
    client.get("/login")
    assert log_in(client, {"Authorization": "Bearer x"}, "") == 401
