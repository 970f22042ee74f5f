"""What is written down about who did what, and what never is."""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from aggregation.database import connect
from aggregation.days import utc_now
from dashboard_app import audit as audit_module
from dashboard_app.audit import Audit
from dashboard_app.factory import create_app
from dashboard_app.logs import JsonFormatter, TextFormatter
from dashboard_app.proxies import networks
from tests import cast
from tests.cast import World


def entries(world: World) -> list[tuple[Any, ...]]:
    """(action, actor, subject), the oldest first."""
    rows = reversed(Audit(world.engine).newest(1000))
    return [(row.action, row.actor, row.subject) for row in rows]


def attempt(client: FlaskClient, name: str, password: str) -> int:
    return cast.sign_in(client, name, password).status_code


def log_out(client: FlaskClient) -> None:
    cookie = client.get_cookie("_csrf_token")
    assert cookie is not None
    client.post("/logout", headers={"X-CSRFToken": cookie.value})


# ---- the audit log ----


def test_logins_and_logouts_are_written_down(world: World) -> None:
    client = world.signed_in("ANA")
    log_out(client)
    assert entries(world) == [("login", "ana", None), ("logout", "ana", None)]


def test_failures_name_only_accounts_that_there_are(world: World) -> None:
    """People type their password where the name should be."""
    client = world.client()
    for name in (" Ana ", cast.PASSWORD, "nobody", "\0"):
        assert attempt(client, name, "hunter2hunter2") == 401
    failed = "login failed"
    assert entries(world) == [
        (failed, None, "ana"),
        (failed, None, None),
        (failed, None, None),
        (failed, None, None),
    ]


def test_refused_logins_are_written_down(world: World) -> None:
    client = world.client()
    for _ in range(11):
        attempt(client, "ana", "wrong wrong")
    assert entries(world)[-1] == ("login refused", None, "429")


def test_what_a_role_may_not_is_written_down(world: World) -> None:
    client = world.signed_in("cleo")
    assert client.get("/api/analytics/dashboard?days=7").status_code == 403
    assert client.get("/api/analytics/creator/2").status_code == 403
    assert entries(world)[1:] == [
        ("refused", "cleo", "GET /api/analytics/dashboard"),
        ("refused", "cleo", "GET /api/analytics/creator/2"),
    ]
    other = world.client().post("/login", headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    assert entries(world)[3:] == [("refused", None, "POST /login")]


def test_an_entry_says_from_where_and_in_which_request(world: World) -> None:
    world = cast.application(world.engine, proxies=networks("127.0.0.1"))
    client = world.client()
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "203.0.113.5"
    answer = cast.sign_in(client, "ana")
    (row,) = Audit(world.engine).newest(10)
    assert (row.address, row.request_id) == ("203.0.113.5", answer.headers["X-Request-ID"])
    assert abs(utc_now() - row.at) < timedelta(minutes=5)


def test_nobody_can_fill_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.signed_in("cleo")
    for number in range(70):
        assert client.get(f"/api/analytics/creator/{number + 2}").status_code == 403
    assert len(entries(world)) == 1 + audit_module.REFUSALS.amount
    # others are still written down
    assert world.signed_in("carl").get("/api/analytics/dashboard").status_code == 403
    assert entries(world)[-1] == ("refused", "carl", "GET /api/analytics/dashboard")


def test_what_anybody_says_is_cut(world: World) -> None:
    audit = Audit(world.engine)
    audit.record("new", None, "x" * 5000 + "\0")
    assert audit.newest(1)[0].subject == "x" * audit_module.LONGEST_SUBJECT


# ---- logs ----


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that is logged, at DEBUG, as it goes to stderr."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if request.param == "json" else TextFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def failing() -> None:
    logging.getLogger("somewhere").warning("before")
    raise RuntimeError("broken")


def test_every_line_of_a_request_bears_its_id(world: World, log: io.StringIO) -> None:
    world.app.server.view_functions["/_dash-layout"] = failing
    client = world.signed_in("ana")
    log.truncate(0)
    log.seek(0)
    with client.get("/_dash-layout") as answer:
        assert answer.status_code == 500
    logging.getLogger("somewhere").warning("afterwards")
    lines = [line for line in log.getvalue().splitlines() if re.match(r"[{0-9]", line)]
    name = answer.headers["X-Request-ID"]
    assert len(lines) == 3
    assert [name in line for line in lines] == [True, True, False]
    if lines[0].startswith("{"):
        assert json.loads(lines[0])["request_id"] == name


def test_nobody_outside_writes_lines_of_the_log(log: io.StringIO) -> None:
    forged = "2026-01-01T00:00:00Z ERROR forged: line"
    name = f"x\n{forged}\r{forged}\u2028{forged}\x1b[31m\x9b"
    logging.getLogger("somewhere").warning("%s failed", name)
    assert len(log.getvalue().splitlines()) == 1
    assert log.getvalue().count("forged: line") == 3
    assert not re.search("[\x1b\x9b\u2028]", log.getvalue())


def test_secrets_are_in_no_log_no_answer_and_no_entry(world: World, log: io.StringIO) -> None:
    typed, mistyped = cast.PASSWORD, "correct hoarse"
    seen: list[str] = []
    client = world.client()
    for name, password in (("ana", mistyped), (mistyped, "x"), ("ana", typed)):
        answer = cast.sign_in(client, name, password)
        seen.append(f"{[pair for pair in answer.headers if pair[0] != 'Set-Cookie']}")
    cookies = [client.get_cookie(name) for name in ("sparkboard", "_csrf_token", "sparkboard_device")]
    values = [cookie.value for cookie in cookies[:2] if cookie]
    assert len(values) == 2
    world.app.server.view_functions["/_dash-dependencies"] = failing
    for path in (
        "/",
        "/_dash-dependencies",
        "/api/analytics/dashboard?days=x",
        "/nothing",
        "/me",
        "/_dash-layout",
    ):
        seen.append(client.get(path, headers={"Authorization": "Basic c2VjcmV0OnNlY3JldA=="}).text)
        seen.append(client.get(path, headers={"Authorization": "Bearer the-secret-of-a-program"}).text)
    with world.engine.connect() as connection:
        tables = ("dashboard_audit", "dashboard_limits", "dashboard_sessions")
        seen += [
            str(connection.execute(text(f"SELECT json_agg(t) FROM {table} t")).scalar_one())
            for table in tables
        ]
        hashes = connection.execute(text("SELECT password_hash FROM dashboard_accounts")).scalars().all()
        tokens = connection.execute(text("SELECT token_hash FROM dashboard_sessions")).scalars().all()
    shown = log.getvalue() + "".join(seen)
    assert "/_dash-dependencies failed" in log.getvalue()
    for secret in (typed, mistyped, *values[:1], *hashes, cast.SECRET, "the-secret-of-a-program", "c2VjcmV0"):
        assert secret not in shown
    assert not any(token in log.getvalue() for token in tokens)


def test_a_database_that_is_gone_tells_no_password(log: io.StringIO) -> None:
    engine = connect("postgresql://me:s3cr3t-word@127.0.0.1:1/none?sslpassword=s3cr3t-key")
    client = create_app(engine, cast.SECRET).server.test_client()
    token = cast.csrf_token(client)
    form = {"username": "ana", "password": cast.PASSWORD, "csrf_token": token}
    answers = [client.post("/login", data=form), client.get("/readyz")]
    assert [answer.status_code for answer in answers] == [503, 503]
    shown = log.getvalue() + "".join(answer.text for answer in answers)
    assert "127.0.0.1" in log.getvalue()
    for secret in ("s3cr3t", cast.PASSWORD, cast.SECRET):
        assert secret not in shown
    engine.dispose()
