"""What the web server does before and around the application: `python run.py web`, asked in raw bytes."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dashboard_app.headers import ALWAYS
from tests import cast
from tests.conftest import fresh
from tests.integration.test_restart import SECONDS, Server, serving

PASSWORD = "a-very-hidden-word"


@pytest.fixture(scope="module")
def web(server: str, cast_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a password in DATABASE_URL, logs in JSON, and nobody's word believed."""
    for engine in fresh(server, cast_template):
        world = cast.application(engine)
        url = engine.url.set(drivername="postgresql", password=PASSWORD)
        settings = {
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
        }
        with serving(world, tmp_path_factory.mktemp("web"), **settings) as started:
            yield started


def ask(web: Server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to these bytes."""
    with closing(socket.create_connection(("127.0.0.1", web.port), SECONDS)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n<script>alert(1)</script>: x\r\n\r\n", 400),
        (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 431),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nothing\r\n\r\n", 501),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else "",
)
def test_what_is_no_http_is_refused_with_the_headers(web: Server, request_: bytes, status: int) -> None:
    got, headers, body = ask(web, request_)
    assert got == status
    assert ALWAYS.items() <= headers.items()
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"
    assert b"<" not in body
    assert int(headers["Content-Length"]) == len(body)


def test_bodies_without_a_length_are_limited_too(web: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    status, headers, _ = ask(web, head + form + chunk * 32 + b"0\r\n\r\n")
    # what is over the limit is cut off, and the form's token with it
    assert status in (400, 413)
    assert ALWAYS.items() <= headers.items()


def test_nobody_on_this_machine_is_believed_either(web: Server) -> None:
    """gunicorn by itself would believe 127.0.0.1, and let it set even the path."""
    said = [
        "GET /login HTTP/1.1",
        "Host: x",
        "Connection: close",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 203.0.113.5",
        "Script-Name: /login",
        "Path-Info: /healthz",
    ]
    status, headers, _ = ask(web, "\r\n".join([*said, "", ""]).encode())
    assert status == 200
    assert "Strict-Transport-Security" not in headers
    assert "Secure" not in headers["Set-Cookie"]


def test_the_banner_has_no_version(web: Server) -> None:
    _, headers, _ = ask(web, b"GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert headers["Server"] == "gunicorn"
    assert "X-Powered-By" not in headers


def test_every_line_is_json_and_no_process_shows_a_secret(web: Server) -> None:
    ask(web, b"nonsense\r\n\r\n")
    web.log.wait(lambda: any("Invalid request" in line for line in web.log.lines))
    for line in web.log.lines:
        assert set(json.loads(line)) >= {"time", "level", "logger", "message"}
    shown = "".join(web.log.lines)
    for pid in {web.process.pid, *web.workers}:
        shown += Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/comm").read_text()
    assert "run.py" in shown
    for secret in (PASSWORD, cast.SECRET, web.headers["X-CSRFToken"]):
        assert secret not in shown
