"""The web server as operators run it: its first requests, and a restart under load."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import event

from dashboard_app.factory import create_app
from dashboard_app.first_answer import Application
from dashboard_app.server import WebServer
from dashboard_app.settings import Settings
from tests import cast
from tests.cast import World
from tests.conftest import environment
from tests.integration.test_access import FILLS

PROJECT = Path(__file__).resolve().parents[2]
WORKERS = 2
FIRST_AT_ONCE = 16
STREAMS = 6
# What each stream asks at least before the restart, and after the old workers have gone.
REQUESTS = 20
SECONDS = 60


@dataclass
class Log:
    """What the server writes, line by line as it comes."""

    lines: list[str] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            with self.came:
                self.lines.append(line)
                self.came.notify_all()

    def pids(self, event: str) -> set[int]:
        found = (re.search(rf"{event} \(?(?:with )?pid: (\d+)", line) for line in self.lines)
        return {int(each[1]) for each in found if each}

    def wait(self, until: Callable[[], object]) -> None:
        with self.came:
            assert self.came.wait_for(until, SECONDS), "".join(self.lines)


@dataclass
class Server:
    process: subprocess.Popen[str]
    log: Log
    port: int
    headers: dict[str, str]

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def callback(self, connection: http.client.HTTPConnection, search: str = "?days=7") -> tuple[int, bytes]:
        """Overview's data, asked as Dash's browser side does."""
        asked = {
            "output": FILLS["overview"],
            "inputs": [{"id": "overview-address", "property": "search", "value": search}],
            "changedPropIds": ["overview-address.search"],
        }
        headers = self.headers | {"Content-Type": "application/json"}
        connection.request("POST", "/_dash-update-component", json.dumps(asked), headers)
        return answer(connection)

    def page(self, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
        connection.request("GET", "/", headers=self.headers)
        return answer(connection)

    @property
    def masters(self) -> set[int]:
        found = (re.search(r"Listening at: .* \((\d+)\)", line) for line in self.log.lines)
        return {int(each[1]) for each in found if each}

    @property
    def workers(self) -> set[int]:
        return self.log.pids("Booting worker") - self.log.pids("Worker exiting")


def answer(connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    got = connection.getresponse()
    return got.status, got.read()


def signed_in(world: World) -> dict[str, str]:
    """What a browser sends that has signed in before; so the server's first requests can be any."""
    client = world.signed_in("ana")
    client.get("/")
    cookies = {name: client.get_cookie(name) for name in ("sparkboard", "_csrf_token")}
    values = {name: cookie.value for name, cookie in cookies.items() if cookie}
    assert len(values) == len(cookies)
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in values.items()),
        "X-CSRFToken": values["_csrf_token"],
    }


@pytest.fixture
def web(world: World, tmp_path: Path) -> Iterator[Server]:
    with serving(world, tmp_path) as server:
        yield server


@contextmanager
def serving(world: World, data_dir: Path, **more: str) -> Iterator[Server]:
    """`python run.py web`, from the moment on at which it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "DATABASE_URL": world.engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
        "SECRET_KEY": cast.SECRET,
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "WEB_WORKERS": str(WORKERS),
    }
    with subprocess.Popen(
        [sys.executable, str(PROJECT / "run.py"), "web"],
        env=environment(**settings | more),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        log = Log()
        assert process.stderr is not None
        reader = threading.Thread(target=log.read, args=(process.stderr,))
        reader.start()
        try:
            log.wait(lambda: any("Listening at" in line for line in log.lines))
            yield Server(process, log, port, signed_in(world))
        finally:
            process.terminate()
            process.wait(SECONDS)
            reader.join()


def test_the_first_requests_may_come_all_at_once(web: Server) -> None:
    together = threading.Barrier(FIRST_AT_ONCE, timeout=SECONDS)

    def first(index: int) -> tuple[int, bytes]:
        connection = web.connection()
        connection.connect()
        together.wait()
        with closing(connection):
            return web.page(connection) if index % 2 else web.callback(connection)

    with ThreadPoolExecutor(FIRST_AT_ONCE) as pool:
        answers = list(pool.map(first, range(FIRST_AT_ONCE)))
    assert [status for status, _ in answers] == [200] * FIRST_AT_ONCE
    assert len({body for _, body in answers[::2]}) == 1
    assert all(b"$1,171.10" in body or b"first-view" in body for _, body in answers)


@dataclass
class Stream:
    """One browser that never stops asking, over a connection that it keeps."""

    server: Server
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    moved: threading.Condition = field(default_factory=threading.Condition)
    enough: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        connection = self.server.connection()
        while not self.enough.is_set():
            try:
                status, body = self.server.callback(connection, f"?days={(7, 28, 30, 90)[self.answered % 4]}")
                problem = None if status == 200 and body else f"answered {status}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                connection.close()
            with self.moved:
                self.answered += 1
                self.failures += [problem] if problem else []
                self.moved.notify_all()
        connection.close()

    def wait_for_more(self) -> None:
        with self.moved:
            wanted = self.answered + REQUESTS
            assert self.moved.wait_for(lambda: self.answered >= wanted, SECONDS)


def test_a_restart_under_load_loses_no_request(web: Server) -> None:
    streams = [Stream(web) for _ in range(STREAMS)]
    with ThreadPoolExecutor(STREAMS) as pool:
        running = [pool.submit(stream.run) for stream in streams]
        try:
            for _ in range(2):
                restart_between(web, streams)
        finally:
            for stream in streams:
                stream.enough.set()
    assert [each.exception() for each in running] == [None] * STREAMS
    assert [stream.failures for stream in streams] == [[]] * STREAMS


def restart_between(server: Server, streams: list[Stream]) -> None:
    """Restart while the streams flow; afterwards only new workers answer."""
    for stream in streams:
        stream.wait_for_more()
    server.log.wait(lambda: len(server.workers) == WORKERS)
    old = server.workers
    os.kill(server.process.pid, signal.SIGHUP)
    server.log.wait(lambda: old <= server.log.pids("Worker exiting") and len(server.workers) == WORKERS)
    for stream in streams:
        stream.wait_for_more()


def test_a_new_version_takes_over_without_losing_a_request(web: Server) -> None:
    streams = [Stream(web) for _ in range(STREAMS)]
    # The new server ends last, when nobody asks any more.
    with ExitStack() as last, ThreadPoolExecutor(STREAMS) as pool, ExitStack() as first:
        for stream in streams:
            first.callback(stream.enough.set)
        running = [pool.submit(stream.run) for stream in streams]
        for stream in streams:
            stream.wait_for_more()
        old = web.workers
        os.kill(web.process.pid, signal.SIGUSR2)
        web.log.wait(lambda: len(web.workers - old) == WORKERS)
        (master,) = web.masters - {web.process.pid}
        last.callback(os.kill, master, signal.SIGTERM)
        web.process.terminate()
        assert web.process.wait(SECONDS) == 0
        for stream in streams:
            stream.wait_for_more()
    assert [each.exception() for each in running] == [None] * STREAMS
    assert [stream.failures for stream in streams] == [[]] * STREAMS


def test_it_ends_in_order(web: Server) -> None:
    with closing(web.connection()) as connection:
        assert web.callback(connection)[0] == 200
        web.process.terminate()
        # A kept connection is answered once more when its worker has heard of it, and told that it ends.
        while connection.sock is not None:
            assert web.callback(connection)[0] == 200
    assert web.process.wait(SECONDS) == 0


# ---- what workers inherit ----


def test_the_application_is_warm_before_workers_have_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dash is set up, and no connection to the database is there that several workers would share."""
    asked: list[object] = []
    event.listen(world.engine, "connect", lambda *_: asked.append("connected"))
    event.listen(world.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    monkeypatch.setattr("dashboard_app.server.connect", lambda _: world.engine)
    settings = Settings(data_dir=tmp_path, database_url=None)
    made: list[Application] = []

    def create(*arguments: Any, **options: Any) -> Application:
        made.append(create_app(*arguments, **options))
        return made[0]

    monkeypatch.setattr("dashboard_app.server.create_app", create)
    world.engine.dispose()
    WebServer(settings, world.engine.url, cast.SECRET).load()
    assert asked == []
    assert made[0]._got_first_request["setup_server"]


def test_workers_stay(tmp_path: Path, world: World) -> None:
    """Recycling would lose what they keep, and hide what grows."""
    web = WebServer(Settings(data_dir=tmp_path, database_url=None), world.engine.url, cast.SECRET)
    assert web.cfg.max_requests == 0
    assert web.cfg.preload_app
