"""The demo platform and the servers that are measured: started here, and ended again.

Everything listens on 127.0.0.1, on ports that are free, and reads one PostgreSQL.
"""

import http.cookiejar
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, func, select

from aggregation import demo
from aggregation.days import utc_now
from aggregation.migrations import migrate
from aggregation.schema import virtual_gifts
from dashboard_app import demonstration
from dashboard_app.accounts import DEMO_PASSWORD
from dashboard_app.settings import PROJECT, Settings

START_SECONDS = 60
STOP_SECONDS = 15
# As the product's server is by default, so that no contestant has more hands than another.
WORKERS, THREADS = Settings.model_fields["web_workers"].default, Settings.model_fields["web_threads"].default


@dataclass(frozen=True)
class Platform:
    """A made-up platform with all its numbers, in a PostgreSQL that stays up while it is used."""

    data_dir: Path
    engine: Engine
    creator_id: int

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)


# ---- the platform ----


@contextmanager
def platform(data_dir: Path | None = None, scale: demo.Scale | None = None) -> Iterator[Platform]:
    """The demo's platform in `data_dir`, made where it is missing; without one, in a folder for this run."""
    if data_dir is None:
        with (
            TemporaryDirectory(prefix="sparkboard-benchmark-") as folder,
            platform(Path(folder), scale) as made,
        ):
            yield made
        return
    settings = Settings(database_url=None, data_dir=data_dir.resolve())
    with settings.database() as engine:
        # A demo in use may stand behind a real database here as little as in `run.py demo`.
        demonstration._require_ours(engine, data_dir)
        migrate(engine)
        if demo.is_loaded(engine) and not _has_gifts_today(engine):
            demonstration._clear(engine)  # else the chart of today would be missing, and with it the fifth
        demonstration._prepare(engine, scale or demo.Scale(), data_dir)
        demonstration._accounts(engine)
        with engine.connect() as connection:
            creator = demo.featured_creator(connection)
        yield Platform(settings.data_dir, engine, creator)


def _has_gifts_today(engine: Engine) -> bool:
    with engine.connect() as connection:
        newest = connection.scalar(select(func.max(virtual_gifts.c.created_at)))
    return newest is not None and newest.date() == utc_now().date()


# ---- servers ----


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """What a started program sees: ours without any of the product's settings, and `settings`."""
    names = {field.upper() for field in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in names} | settings


@contextmanager
def web(data_dir: Path, workers: int = WORKERS, threads: int = THREADS, **settings: str) -> Iterator[str]:
    """The address of the product on `data_dir`, as `python run.py web` serves it."""
    port = free_port()
    values = environment(
        DATA_DIR=str(data_dir.resolve()),
        HOST="127.0.0.1",
        PORT=str(port),
        WEB_WORKERS=str(workers),
        WEB_THREADS=str(threads),
        **settings,
    )
    with process([sys.executable, "run.py", "web"], values, f"http://127.0.0.1:{port}", "/readyz") as address:
        yield address


@contextmanager
def gunicorn(
    application: str, settings: Mapping[str, str], workers: int = WORKERS, threads: int = THREADS
) -> Iterator[str]:
    """The address of another WSGI application (`module:name`), served as the product is."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", application, "--bind", address]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
    command += ["--no-control-socket"]
    with process(command, environment(**settings), f"http://{address}", "/") as ready:
        yield ready


@contextmanager
def process(command: Sequence[str], values: Mapping[str, str], address: str, probe: str) -> Iterator[str]:
    """Start `command`, wait until `address` + `probe` answers, and end it afterwards."""
    with TemporaryDirectory(prefix="sparkboard-benchmark-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            # A session of its own: Ctrl-C reaches only us, and we end it in order.
            server = subprocess.Popen(  # noqa: S603
                command,
                cwd=PROJECT,
                env=dict(values),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            _wait(server, address + probe, log)
            yield address
        finally:
            _end(server)


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise RuntimeError(f"{url} does not answer; its server wrote:\n{last}")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


# ---- signing in ----


class _Staying(urllib.request.HTTPRedirectHandler):
    """Doesn't go where it is sent: a login's answer is its cookies."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def sign_in(address: str, role: str) -> dict[str, str]:
    """The cookies of the demo's login of that role (each is named as its role)."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), _Staying)
    with opener.open(f"{address}/login", timeout=30) as answer:
        token = _token(answer.read().decode())
    form = {"username": role, "password": DEMO_PASSWORD, "csrf_token": token}
    try:
        opener.open(f"{address}/login", urllib.parse.urlencode(form).encode(), timeout=30).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        if answer.code in (302, 303):
            return {cookie.name: cookie.value or "" for cookie in jar}
    raise RuntimeError(f"cannot sign in as {role} at {address}")


def _token(page: str) -> str:
    field = re.search(r'<input[^>]*name="csrf_token"[^>]*>', page)
    value = re.search(r'value="([^"]*)"', field[0]) if field else None
    if value is None:
        raise RuntimeError("the login form has no csrf_token")
    return value[1]
