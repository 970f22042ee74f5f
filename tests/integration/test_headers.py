"""Headers on every answer, whoever makes it, and nothing left on that is for developers."""

import re

import pytest
from werkzeug.test import TestResponse

from dashboard_app.proxies import networks
from dashboard_app.static import StaticFiles
from tests import cast
from tests.cast import World

FILES = StaticFiles()
PATHS = [
    "/",
    "/login",
    "/me",
    "/nothing",
    "/healthz",
    "/readyz",
    "/favicon.ico",
    "/api/openapi.json",
    "/api/analytics/dashboard",
    "/api/analytics/dashboard?days=x",
    "/api/nothing",
    "/_dash-layout",
    "/_dash-component-suites/dash/dcc/async-graph.js",
    "/_dash-component-suites/dash/nothing.js",
    "/assets/nothing.js",
    FILES.charts,
    FILES.logo,
]
DEVELOPERS = [
    "/_reload-hash",
    "/_favicon.ico",
    "/_dash-assets/x",
    "/_mcp",
    "/mcp",
    "/_alive_x",
    "/_dash/mcp",
    "/_dash-dev-tools",
    "/console",
    "/.env",
    "/.git/HEAD",
    "/static/x",
    "/assets/../run.py",
]


def assert_guarded(answer: TestResponse) -> None:
    headers = answer.headers
    answer.close()
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["form-action"] == "'self'"
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", policy["script-src"])
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    # no other host, no scheme but data: for images
    assert not re.search(r"https?:|\*|unsafe-eval|//", headers["Content-Security-Policy"])
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert headers.getlist("X-Frame-Options") == ["DENY"]
    assert headers.getlist("Referrer-Policy") == ["same-origin"]
    assert headers.getlist("Cross-Origin-Opener-Policy") == ["same-origin"]
    assert headers.getlist("Cross-Origin-Resource-Policy") == ["same-origin"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert len(headers.getlist("X-Request-ID")) == 1


@pytest.mark.parametrize("name", ["", "ana", "cleo"])
def test_every_answer_carries_the_headers(world: World, name: str) -> None:
    client = world.signed_in(name) if name else world.client()
    answers = [client.get(path) for path in PATHS]
    answers += [client.post("/_dash-update-component", data=b"x" * 2_000_000), client.put("/login")]
    answers += [client.post("/login", data={"username": "x" * 2_000_000}), client.options("/login")]
    for answer in answers:
        assert_guarded(answer)
    assert {200, 404, 413} <= {answer.status_code for answer in answers}


def test_an_error_of_ours_carries_them_and_tells_nothing(world: World) -> None:
    client = world.signed_in("ana")

    def broken() -> None:
        raise RuntimeError("inside: 10.1.2.3")

    world.app.server.view_functions["/_dash-layout"] = broken
    answer = client.get("/_dash-layout")
    assert_guarded(answer)
    assert (answer.status_code, answer.get_json()) == (500, {"error": "Something went wrong on our side."})


def test_files_that_have_not_changed_carry_them(world: World) -> None:
    client = world.client()
    path = "/_dash-component-suites/dash/dcc/async-graph.js"
    first = client.get(path)
    tag = first.headers["ETag"]
    first.close()
    again = client.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert_guarded(again)


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith(("/_dash-comp", "/assets/"))])
def test_nobody_keeps_private_answers(shared: World, path: str) -> None:
    for client in (shared.client(), shared.signed_in("ana")):
        assert client.get(path).headers.getlist("Cache-Control") == ["no-store"]


@pytest.mark.parametrize("path", ["/assets/nothing.js", "/_dash-component-suites/dash/nothing.js"])
def test_nobody_keeps_errors(world: World, path: str) -> None:
    answer = world.signed_in("ana").get(path)
    assert answer.status_code >= 400
    assert answer.headers.getlist("Cache-Control") == ["no-store"]


def test_strict_transport_over_tls_only(world: World) -> None:
    client = world.client()
    for path in ("/login", FILES.logo, "/nothing"):
        with client.get(path) as plain, client.get(path, base_url="https://localhost") as safe:
            assert "Strict-Transport-Security" not in plain.headers
            assert safe.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_tls_is_believed_from_a_listed_proxy_only(world: World) -> None:
    said = {"X-Forwarded-Proto": "https"}
    assert "Strict-Transport-Security" not in world.client().get("/login", headers=said).headers
    behind = cast.application(world.engine, proxies=networks("127.0.0.1")).client()
    answer = behind.get("/login", headers=said)
    assert "Strict-Transport-Security" in answer.headers
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("path", DEVELOPERS)
def test_nothing_for_developers_is_there(shared: World, path: str) -> None:
    for name in ("ada", "cleo"):
        assert shared.signed_in(name).get(path).status_code in (403, 404)
    assert shared.client().get(path).status_code in (302, 401, 404)


def test_dash_is_not_in_its_development_mode(world: World) -> None:
    tools = world.app._dev_tools
    assert not any(
        (tools.ui, tools.props_check, tools.hot_reload, tools.serve_dev_bundles, tools.silence_routes_logging)
    )
    assert not world.app.server.debug
    page = world.signed_in("ana").get("/").text
    assert '"hot_reload"' not in page
    assert not any("mcp" in str(rule).lower() for rule in world.app.server.url_map.iter_rules())


# ---- request ids ----


def test_every_answer_has_an_id_of_its_own(world: World) -> None:
    client = world.client()
    ids = [client.get("/login", headers={"X-Request-ID": "mine"}).headers["X-Request-ID"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in ids)


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 65, False), ("é", False)]
)
def test_a_listed_proxys_id_is_kept(world: World, given: str, kept: bool) -> None:
    client = cast.application(world.engine, proxies=networks("127.0.0.0/8")).client()
    answer = client.get("/login", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) == kept
