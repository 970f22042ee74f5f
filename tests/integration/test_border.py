"""What comes from outside: odd addresses, questions, forms and bodies. Never a 500, never another host."""

import json
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from aggregation.database import connect
from dashboard_app.factory import MAX_BODY, create_app
from layouts.pages import PAGES
from tests import cast
from tests.cast import World
from tests.integration.test_access import FILLS

CALLBACKS = "/_dash-update-component"


@pytest.fixture(scope="module")
def analyst(shared: World) -> FlaskClient:
    return shared.signed_in("ana")


def send(client: FlaskClient, body: bytes, content_type: str = "application/json") -> TestResponse:
    cookie = client.get_cookie("_csrf_token")
    assert cookie is not None
    headers = {"X-CSRFToken": cookie.value}
    return client.post(CALLBACKS, data=body, content_type=content_type, headers=headers)


# ---- callbacks ----

IDS = st.sampled_from(
    ["overview-address", "my-dashboard-address", "url", "period", "compare", "", "\0", '{"index":2}']
)
OUTPUTS = st.sampled_from(
    [
        *FILLS.values(),
        "..shell-page.children...shell-menu.children...shell-account.children..",
        "x.y",
        "",
        ".",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["?days=7", "/me"])
)
JSON = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3)
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": IDS | JSON,
            "property": st.sampled_from(["search", "pathname"]) | JSON,
            "value": JSON,
        },
    ),
    max_size=3,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "output": OUTPUTS | JSON,
        "outputs": PARTS | JSON,
        "inputs": PARTS | st.lists(PARTS, max_size=2) | JSON,
        "state": PARTS | JSON,
        "changedPropIds": st.lists(st.text(max_size=10), max_size=2) | JSON,
        "background": JSON,
        "cacheKey": JSON,
        "job": JSON,
        "parsedChangedPropsIds": JSON,
    },
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=BODIES | JSON)
def test_no_body_of_a_callback_is_an_error_of_ours(analyst: FlaskClient, body: object) -> None:
    answer = send(analyst, json.dumps(body).encode())
    assert answer.status_code in (200, 204, 400, 403), body
    if answer.status_code >= 400:
        assert set(answer.get_json()) == {"error"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "text/plain", "", "x/y; charset=z"]),
)
def test_no_bytes_are_an_error_of_ours(analyst: FlaskClient, body: bytes, kind: str) -> None:
    assert send(analyst, body, kind).status_code in (400, 415)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'"x"',
        b"null",
        b"not json",
        b'{"output": "no-such.children"}',
        b"[" * 100_000,
        b'{"output":' * 50_000,
        b'{"output": 1e999999, "inputs": [NaN, Infinity]}',
        b'{"output": ' + b"9" * 10_000 + b"}",
        b'\xef\xbb\xbf{"output": "x.y"}',
        b'"\xff\xfe"',
        '{"output": "x.y"}'.encode("utf-16"),
        b'{"output": "\\ud800.x", "inputs": [], "outputs": {"id": "\\ud800", "property": "x"}}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_unusual_json_is_refused(analyst: FlaskClient, body: bytes) -> None:
    assert send(analyst, body).status_code == 400


def test_large_bodies_are_refused(analyst: FlaskClient) -> None:
    visitor = analyst.application.test_client()
    assert send(analyst, b"x" * (MAX_BODY + 1)).status_code == 413
    assert send(analyst, b"[" + b" " * (MAX_BODY - 2) + b"]").status_code == 400
    for client in (analyst, visitor):
        answer = client.post(
            "/login", data=b"x" * (MAX_BODY + 1), content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 413
    many = client.post("/login", data={f"field{number}": "x" for number in range(2000)})
    assert many.status_code in (400, 413)
    assert visitor.post(CALLBACKS, data=b"x" * (MAX_BODY + 1)).status_code == 401


def test_a_database_that_is_gone_is_not_the_requests_fault(engine_gone: World) -> None:
    client = engine_gone.client()
    with engine_gone.app.server.test_request_context():
        pass
    client.set_cookie("sparkboard", signed_cookie(engine_gone))
    for path in ("/", "/me", "/api/analytics/dashboard"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "The database can't be reached. Try again in a moment." in answer.text.replace("&#39;", "'")
    assert client.post(CALLBACKS, json={}).status_code == 503
    assert client.get("/login").status_code == 503


@pytest.fixture
def engine_gone() -> Iterator[World]:
    engine: Engine = connect("postgresql://me:hidden-password@127.0.0.1:1/none")
    yield World(engine, create_app(engine, cast.SECRET))
    engine.dispose()


def signed_cookie(world: World) -> str:
    server = world.app.server
    serializer = server.session_interface.get_signing_serializer(server)
    return str(serializer.dumps({"_user_id": "a token"}))


# ---- questions of pages ----

QUESTIONS = [
    "days=١٢",
    "days=%D9%A1%D9%A2",
    "days=1e3",
    "days=-1",
    "days=0",
    "days=7.0",
    "days=+7",
    "days=7&days=30&days=x",
    "days[]=7",
    "days=" + "9" * 3000,
    "days=%00",
    "days=7%00",
    "%00=%00",
    "days=%FF%FE",
    "%ff%fe%fd",
    "days=%ED%A0%80",
    "days=7;compare=x",
    "compare=__class__",
    "&&&&===%",
    "%",
    "days",
    "=",
    "?" * 100,
    "&".join(f"a{number}=1" for number in range(1000)),
    "days=<script>alert(1)</script>",
    "days=7%0d%0aSet-Cookie:x=y",
    "\ue000",
    "%EE%80%80%EE%80%81",
    "next=//evil.example",
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda text: repr(text[:30]))
def test_odd_questions_show_the_usual_page(analyst: FlaskClient, question: str) -> None:
    answer = analyst.get(f"/?{question}")
    assert answer.status_code == 200
    assert "Set-Cookie:x" not in str(answer.headers)
    assert "<script>alert" not in answer.text
    usual = analyst.get("/?days=7" if question.startswith(("days=7&", "days=7;")) else "/").text
    assert shown_period(answer.text) in (shown_period(usual), shown_period(analyst.get("/").text))
    body = {
        "output": FILLS["overview"],
        "inputs": [{"id": "overview-address", "property": "search", "value": f"?{question}"}],
        "changedPropIds": ["overview-address.search"],
    }
    assert send(analyst, json.dumps(body).encode()).status_code == 200


def shown_period(page: str) -> str:
    """Which of the period's choices is chosen in the page's HTML."""
    assert 'id="period"' in page
    control = page.split('id="period"')[1].split("</select>")[0]
    return next(option for option in control.split("<option") if "selected" in option)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=60) | st.binary(max_size=40), page=st.sampled_from(PAGES))
def test_no_question_is_an_error_of_ours(analyst: FlaskClient, question: str | bytes, page: object) -> None:
    path = getattr(page, "path", "/")
    raw = quote(question, safe="&=?;%+") if isinstance(question, str) else quote(question, safe="&=")
    assert analyst.get(f"{path}?{raw}").status_code in (200, 302, 403)


# ---- paths ----

TRICKS = [
    "/%2e%2e",
    "/..",
    "/../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/assets/../../run.py",
    "/assets/%2e%2e/run.py",
    "/_dash-component-suites/dash/../../../etc/passwd",
    "/_dash-component-suites/dash/..%2f..%2f..%2fetc%2fpasswd",
    "/_dash-component-suites/os/path.py",
    "/%00",
    "/me%00",
    "/me%00.js",
    "///evil.example/%2e%2e",
    "/me/",
    "/ME",
    "/me;x=1",
    "/./me",
    "/me/../me",
    "/%ff%fe",
    "/me%0d%0aX-Evil:1",
    "/" + "a" * 3000,
    "/login/",
    "/login/../me",
]


@pytest.mark.parametrize("path", TRICKS, ids=lambda text: text[:40])
def test_tricks_with_paths_lead_nowhere(shared: World, path: str) -> None:
    # as a server hands it over: a client would take what follows // for a host
    raw = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1")}
    visitor = shared.client().get("/", environ_overrides=raw)
    assert visitor.status_code in (302, 400, 404), path
    if visitor.status_code == 302:
        assert visitor.headers["Location"].startswith("/login")
    answer = shared.signed_in("cleo").get("/", environ_overrides=raw)
    assert answer.status_code in (400, 404), path
    assert "X-Evil" not in visitor.headers
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(("path", "status"), [("//me", 403), ("///me", 403), ("//", 200), ("//nothing", 404)])
def test_more_slashes_are_no_way_around_a_rule(analyst: FlaskClient, path: str, status: int) -> None:
    assert analyst.get("/", environ_overrides={"PATH_INFO": path}).status_code == status
    visitor = analyst.application.test_client().get("/", environ_overrides={"PATH_INFO": path})
    assert visitor.status_code == 302
    assert visitor.headers["Location"].startswith("/login?next=/")


# ---- where a login leads ----

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "http:evil.example",
    "/me\r\nSet-Cookie: a=b",
    "/é",
    "/\0",
    "/" + "a" * 3000,
    "%2f%2fevil.example",
]


@pytest.mark.parametrize("target", ELSEWHERE, ids=lambda text: repr(text[:30]))
def test_a_login_never_leads_elsewhere(shared: World, target: str) -> None:
    answer = cast.sign_in(shared.client(), "ana", target=f"/login?next={quote(target)}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "target", ["/?days=90", "/@evil.example", "/%2f%2fevil.example", "/a//evil.example", "/..//evil.example"]
)
def test_a_login_leads_back_within_this_host(world: World, target: str) -> None:
    answer = cast.sign_in(world.client(), "ana", target=f"/login?next={quote(target)}")
    place = urlsplit(answer.headers["Location"])
    assert (answer.status_code, place.scheme, place.netloc) == (302, "", "")
    assert answer.headers["Location"] == target


def test_a_very_long_address_is_not_led_back_to(world: World) -> None:
    answer = world.client().get("/?" + "a" * 3000)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


@settings(max_examples=200, deadline=None)
@given(target=st.text(max_size=30) | st.text("/\\\t\r\n @:.%?#ae", max_size=12))
def test_no_target_has_another_host(target: str) -> None:
    from dashboard_app.login import _own_path

    path = _own_path(target)
    if path is not None:
        # as browsers read it: they drop tabs and line breaks, and take \ for /
        read = "".join(character for character in path.strip() if character not in "\t\r\n").replace(
            "\\", "/"
        )
        assert read.startswith("/")
        assert not read.startswith("//")
