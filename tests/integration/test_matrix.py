"""Every role × every route and callback there is: who isn't named gets in nowhere.

The routes and callbacks are those of the application, not a list: a new one without a rule fails here.
"""

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import brotli
import pytest
from dash import Dash
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from aggregation.days import utc_now
from dashboard_app.access import CSRF_COOKIE, DASH_INDEX, DASH_SHARED, OPEN_PATHS, roles_of
from dashboard_app.accounts import Accounts
from dashboard_app.answers import output_of
from dashboard_app.factory import create_app
from dashboard_app.tokens import Tokens
from layouts.page import Page
from layouts.pages import PAGES
from tests import cast
from tests.architecture.test_wiring import app  # noqa: F401 - a fixture
from tests.cast import World
from tests.conftest import fresh

ROLES = ("admin", "analyst", "creator")
MEMBERS = {"admin": "ada", "analyst": "ana", "creator": "cleo", "anonymous": ""}
EVERYONE = frozenset(ROLES)
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# Open routes by their rule; what they may tell is in their own tests.
OPEN_RULES = OPEN_PATHS | {"/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"}
# Dash makes these; nobody is let in.
CLOSED_RULES = {"/_dash-assets/<path:filename>", "/_reload-hash", "/_favicon.ico"}
# What stands for the parts of an address, where another creator is one.
EXAMPLES: dict[str, object] = {"creator_id": cast.CARL, "number": 999_999, "metric": "gift_revenue"}

# Their digits also occur by chance, in the middle of a token or hash.
CARLS = re.compile(rf"(?<![0-9A-Za-z])({'|'.join(map(re.escape, cast.CARLS_NUMBERS))})(?![1-9A-Za-z])")


# ---- the rules ----


def rules(dash: Dash) -> list[tuple[str, Rule]]:
    """With their address, which several may share for different methods."""
    return [(str(rule), rule) for rule in dash.server.url_map.iter_rules()]


def test_every_route_has_a_rule(app: Dash) -> None:  # noqa: F811
    without = {
        text
        for text, rule in rules(app)
        if text not in OPEN_RULES
        and rule.endpoint not in DASH_INDEX | DASH_SHARED
        and not roles_of(app.server.view_functions[rule.endpoint])
    }
    assert without == CLOSED_RULES


def test_every_callback_has_a_rule(app: Dash) -> None:  # noqa: F811
    on_server = {name: entry["callback"] for name, entry in app.callback_map.items() if "callback" in entry}
    assert len(on_server) > len(PAGES)
    assert [name for name, callback in on_server.items() if not roles_of(callback)] == []
    for page in PAGES:
        assert roles_of(on_server[output_of(page)]) == page.viewers


def test_a_new_route_without_a_rule_is_for_nobody(world: World) -> None:
    world.app.server.add_url_rule("/api/new", view_func=lambda: "777.77")
    assert world.client().get("/api/new").status_code == 401
    for role in ROLES:
        assert world.signed_in(MEMBERS[role]).get("/api/new").status_code == 403


# ---- everybody asks for everything ----


@pytest.fixture(scope="module")
def people(server: str, cast_template: str) -> Iterator["People"]:
    """One application for the whole matrix: nothing here changes anything."""
    for engine in fresh(server, cast_template):
        yield People(World(engine, create_app(engine, cast.SECRET, lambda: cast.NOW)))


class People:
    """A browser for each role, and one for nobody."""

    def __init__(self, world: World) -> None:
        self.app = world.app
        self.clients = {
            role: world.signed_in(name) if name else world.client() for role, name in MEMBERS.items()
        }
        self.secrets = {role: token_of(world, MEMBERS[role]) for role in ROLES}

    def ask(self, role: str, path: str, method: str = "GET", **options: Any) -> TestResponse:
        """With the token, so that nothing is refused for the lack of it."""
        client = self.clients[role]
        headers = {"X-CSRFToken": token(client)} | options.pop("headers", {})
        return client.open(path, method=method, headers=headers, **options)


def token_of(world: World, name: str) -> str:
    """The secret of a new API token."""
    account = Accounts(world.engine).verified(name, cast.PASSWORD)
    assert account is not None
    now = utc_now()
    return Tokens(world.engine).make(account, "matrix", now + timedelta(days=1), now)[1]


def token(client: FlaskClient) -> str:
    cookie = client.get_cookie(CSRF_COOKIE)
    return cookie.value if cookie else ""


def everything_in(answer: TestResponse) -> str:
    """Headers and body, as they came and unpacked."""
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress}.get(
        answer.headers.get("Content-Encoding", ""), bytes
    )
    body = answer.data
    text = unpack(body).decode(errors="replace") if body else ""
    with suppress(ValueError):
        # numbers hide in escapes
        text += json.dumps(json.loads(text), ensure_ascii=False)
    return f"{answer.headers}\n{body!r}\n{text}"


def assert_nothing_of_carl(answer: TestResponse) -> None:
    found = CARLS.search(everything_in(answer))
    assert found is None, found


def example(rule: Rule) -> str:
    """An address of this rule."""
    values = {name: EXAMPLES.get(name, "x") for name in rule.arguments}
    built = rule.build(values)
    assert built is not None
    return built[1]


def test_nobody_gets_anything_without_a_session(people: People) -> None:
    for text, rule in rules(people.app):
        for method in METHODS:
            if text in OPEN_RULES:
                continue
            answer = people.ask("anonymous", example(rule), method)
            api = text.startswith(("/api/", "/_dash"))
            if method in ("GET", "HEAD") and not api:
                assert answer.status_code == 302, (method, text)
                assert answer.headers["Location"].startswith("/login?next="), (method, text)
            else:
                assert answer.status_code == 401, (method, text)
            assert_nothing_of_carl(answer)


@pytest.mark.parametrize("role", ROLES)
def test_routes_answer_only_their_roles(people: People, role: str) -> None:
    for text, rule in rules(people.app):
        if text in OPEN_RULES or rule.endpoint in DASH_INDEX | DASH_SHARED or text == "/logout":
            continue
        allowed = role in roles_of(people.app.server.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) & set(METHODS)):
            answer = people.ask(role, example(rule), method)
            if not allowed:
                # Which methods an address has is no secret.
                silent = method == "OPTIONS" and not answer.data
                assert answer.status_code == 403 or silent, (method, text)
            else:
                assert answer.status_code not in (401, 500), (method, text)
            if role == "creator":
                assert_nothing_of_carl(answer)


@pytest.mark.parametrize("role", ROLES)
def test_tokens_open_the_api_for_their_role_and_nothing_else(people: People, role: str) -> None:
    secret = {"Authorization": f"Bearer {people.secrets[role]}"}
    program = people.app.server.test_client()
    for text, rule in rules(people.app):
        if text in OPEN_RULES:
            continue
        for method in sorted((rule.methods or set()) & set(METHODS)):
            answer = program.open(example(rule), method=method, headers=secret)
            if not text.startswith("/api/"):
                assert answer.status_code in (302, 401), (method, text)
            elif role not in roles_of(people.app.server.view_functions[rule.endpoint]):
                silent = method == "OPTIONS" and not answer.data
                assert answer.status_code == 403 or silent, (method, text)
            else:
                # the creator's own route is open to them, Carl's isn't
                assert answer.status_code not in (401, 500), (method, text)
            if role == "creator":
                assert_nothing_of_carl(answer)


@pytest.mark.parametrize(
    ("role", "page"), list(itertools.product(ROLES, PAGES)), ids=lambda x: getattr(x, "name", x)
)
def test_pages_answer_only_their_roles(people: People, role: str, page: Page) -> None:
    for method in METHODS:
        answer = people.ask(role, page.path, method)
        if method not in ("GET", "HEAD", "OPTIONS"):
            assert answer.status_code == 405, method
        elif role in page.roles:
            assert answer.status_code == 200
        else:
            # the bare address leads everyone to their own first page
            assert answer.status_code == (302 if page.path == "/" else 403)
        if role == "creator":
            assert_nothing_of_carl(answer)


def asked_for(dash: Dash, output: str, value: object, state: object = None) -> dict[str, Any]:
    """A callback's request with `value` for every input and `state` for every state."""
    entry = next(entry for entry in dash._callback_list if entry["output"] == output)
    parts = [
        dict(zip(("id", "property"), part.rsplit(".", 1), strict=True))
        for part in output.strip(".").split("...")
    ]
    return {
        "output": output,
        "outputs": parts,
        "inputs": [{**given, "value": value} for given in entry["inputs"]],
        "state": [{**given, "value": state} for given in entry["state"]],
        "changedPropIds": [f"{given['id']}.{given['property']}" for given in entry["inputs"]],
    }


@pytest.mark.parametrize("role", MEMBERS)
def test_callbacks_answer_only_their_roles(people: People, role: str) -> None:
    for output, entry in people.app.callback_map.items():
        if "callback" not in entry:
            continue
        allowed = role in roles_of(entry["callback"])
        # Whoever isn't a creator opens a creator's page at the creator's address.
        mine = any(page.mine and output == output_of(page) for page in PAGES)
        address = f"/creators/{cast.CARL}" if mine and role != "creator" else ""
        body = asked_for(people.app, output, address, "")
        answer = people.ask(role, "/_dash-update-component", "POST", json=body)
        assert answer.status_code == (401 if role == "anonymous" else 200 if allowed else 403), output


# ---- a creator asks for another's ----

FORGED: list[object] = [
    "?creator_id=2",
    "?creator=2&days=7",
    "?days=28&viewer=carl&user=carl&role=admin",
    {"creator_id": 2},
    ["?days=7", 2],
    2,
    None,
    True,
    "/me?creator_id=2",
    "/",
    "/creators/2",
    "\ue000",
    "\ue001",
]


def test_forged_callbacks_give_nothing_of_another_creator(people: People) -> None:
    for output, entry in people.app.callback_map.items():
        if "callback" not in entry:
            continue
        for value, state in itertools.product(FORGED, ["", "?creator_id=2", {"creator_id": 2}]):
            body = asked_for(people.app, output, value, state)
            answer = people.ask("creator", "/_dash-update-component", "POST", json=body)
            assert answer.status_code in (200, 400, 403), (output, value, state)
            assert_nothing_of_carl(answer)


def test_forged_ids_give_nothing_of_another_creator(people: People) -> None:
    """The inputs of one callback for another's output, pattern ids, outputs that nobody registered."""
    mine = output_of(next(page for page in PAGES if "creator" in page.roles))
    others = [output_of(page) for page in PAGES if "creator" not in page.roles]
    good = asked_for(people.app, mine, "?days=7")
    forged = [
        *(good | {"output": other} for other in others),
        *(good | {"outputs": asked_for(people.app, other, "")["outputs"]} for other in others),
        good | {"inputs": [{"id": "overview-address", "property": "search", "value": ""}]},
        good | {"inputs": [{"id": {"type": "creator", "index": 2}, "property": "search", "value": ""}]},
        good | {"inputs": [[{"id": {"type": "creator", "index": 2}, "property": "search", "value": ""}]]},
        good | {"output": '{"index":2,"type":"creator"}.content'},
        good | {"output": f"{mine}@2"},
        good | {"changedPropIds": ['{"index":2}.search']},
    ]
    for body in forged:
        answer = people.ask("creator", "/_dash-update-component", "POST", json=body)
        assert answer.status_code in (200, 400, 403), body
        assert_nothing_of_carl(answer)


def test_forged_jobs_and_cache_keys_give_nothing(people: People) -> None:
    mine = asked_for(
        people.app, output_of(next(page for page in PAGES if "creator" in page.roles)), "?days=7"
    )
    kept = ("cacheKey=x&job=1", "cacheKey=..%2f..&oldJob=1", "cancelJob=1", "cacheKey=%00&job=%00")
    for question in kept:
        address = f"/_dash-update-component?{question}"
        for extra in ({}, {"cacheKey": "x", "job": "1", "background": True}):
            answer = people.ask("creator", address, "POST", json=mine | extra)
            assert answer.status_code in (200, 400), (question, extra)
            assert_nothing_of_carl(answer)


def test_forged_addresses_and_headers_give_nothing_of_another_creator(people: People) -> None:
    people.ask("admin", "/api/analytics/creator/2")
    carl = World(None, people.app).signed_in("carl")  # type: ignore[arg-type]
    theirs = [carl.get(path) for path in ("/me", "/api/analytics/creator/2?days=7")]
    assert all(CARLS.search(everything_in(answer)) for answer in theirs)
    tags = ", ".join(['"x"', "*", *(answer.headers.get("ETag", "") for answer in theirs)])
    questions = ("", "?creator_id=2", "?creator=2&creator=1", "?viewer=2", "?id=2&user_id=2&role=admin")
    headers = [
        {},
        {"If-None-Match": tags, "If-Modified-Since": "Wed, 01 Jan 2098 00:00:00 GMT"},
        {"X-Creator-Id": "2", "X-User": "carl", "X-Forwarded-User": "carl", "Remote-User": "carl"},
        {"Accept-Encoding": "br"},
        {"Accept-Encoding": "gzip"},
        {"X-Original-URL": "/api/analytics/creator/2", "X-Rewrite-URL": "/api/analytics/creator/2"},
        {"X-HTTP-Method-Override": "POST", "Range": "bytes=0-"},
    ]
    paths = (
        "/me",
        "/",
        "/api/analytics/creator/2",
        "/api/analytics/creator/1",
        "/creators/2",
        "/export/my-dashboard.csv",
        "/export/overview.csv",
        "/_dash-layout",
    )
    for path, question, extra in itertools.product(paths, questions, headers):
        answer = people.ask("creator", path + question, headers=extra)
        assert answer.status_code != 500, (path, question, extra)
        assert_nothing_of_carl(answer)


def test_an_unknown_id_and_a_forbidden_one_are_answered_alike(people: People) -> None:
    def answer(creator: int | str) -> tuple[int, bytes, list[tuple[str, str]]]:
        got = people.ask("creator", f"/api/analytics/creator/{creator}")
        return got.status_code, got.data, [pair for pair in got.headers if pair[0] != "X-Request-ID"]

    others = [answer(creator) for creator in (2, 3, 4, 999_999, 2**62)]
    assert others[0][0] == 403
    assert others == others[:1] * len(others)
