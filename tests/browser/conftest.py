"""The demo as people start it, and a real Chromium on it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from sqlalchemy import Engine
from werkzeug.serving import make_server

from tests import cast
from tests.conftest import environment, lasting_folder

PROJECT = Path(__file__).resolve().parents[2]
ARTIFACTS = PROJECT / "artifacts"
PASSWORD = "sparkboard-demo"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCALE = ["--no-browser", "--days=70", "--creators=12", "--users=500"]
DESKTOP, PHONE = (1440, 900), (390, 844)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """The address of `python run.py demo` with a small platform."""
    port = free_port()
    with lasting_folder() as folder:
        process = subprocess.Popen(
            [sys.executable, "run.py", "demo", f"--port={port}", *SCALE],
            cwd=PROJECT,
            env=environment(DATA_DIR=str(folder)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        printed = list(takewhile(lambda line: "Stop it with Ctrl-C" not in line, process.stdout))
        assert process.poll() is None, "the demo did not start:\n" + "".join(printed)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


@contextmanager
def served(engine: Engine) -> Iterator[str]:
    """The application on this database, with the cast's accounts."""
    with make_server("127.0.0.1", 0, cast.application(engine).app.server, threaded=True) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{web.port}"
        yield address
        # The next one may get the same port.
        for known in [key for key in _sessions if key[0] == address]:
            del _sessions[known]
        web.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
    if not path:
        pytest.skip("no Chromium here: ./scripts/test gets one")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


_sessions: dict[tuple[str, str], list[Any]] = {}


@dataclass
class Visitor:
    """Somebody at a browser, and everything that went wrong there."""

    address: str
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.address}/login")
        self.page.fill("#username", name)
        self.page.fill("#password", password)
        self.page.click("button[type=submit]")
        self.ready()

    def enter(self, name: str, password: str = PASSWORD) -> None:
        """Signed in, but without going through the door each time: with the session of the first."""
        if (self.address, name) in _sessions:
            self.context.add_cookies(_sessions[self.address, name])
        else:
            self.log_in(name, password)
            _sessions[self.address, name] = [
                {"name": each["name"], "value": each["value"], "url": self.address}
                for each in self.context.cookies()
            ]

    def sign_in(self, role: str) -> None:
        """On the first page that somebody sees."""
        self.enter(role)
        self.open("/login")

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready=true]")

    def table_of(self, figure: str) -> Locator:
        """A chart's numbers as a table, opened; it is drawn only then, and a moment later."""
        twin = self.page.locator(f'[data-figure="{figure}"] .table-twin')
        twin.locator("summary").click()
        expect(twin.locator("tbody td").first).to_be_visible()
        return twin

    def screenshot(self, name: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


def visit(browser: Browser, address: str, size: tuple[int, int], theme: str) -> Visitor:
    """Somebody who has never been there."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    return visit_again(context, address)


def visit_again(context: BrowserContext, address: str) -> Visitor:
    """Somebody in whose browser are cookies and files of earlier visits."""
    visitor = Visitor(address, context, context.new_page())
    visitor.page.on(
        "console", lambda m: visitor.problems.append(m.text) if m.type in ("error", "warning") else None
    )
    visitor.page.on("pageerror", lambda error: visitor.problems.append(str(error)))
    # leaving a page breaks off what it was still loading; that is no failure
    visitor.page.on(
        "requestfailed",
        lambda request: (
            None
            if request.failure == "net::ERR_ABORTED"
            else visitor.problems.append(f"failed: {request.url} {request.failure}")
        ),
    )
    visitor.page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, "data:", "blob:"))
            else visitor.problems.append(f"another host: {request.url}")
        ),
    )
    return visitor


@pytest.fixture
def visitor(browser: Browser, demo: str) -> Iterator[Visitor]:
    """A visitor on a desktop; the test fails if the browser complained about anything."""
    someone = visit(browser, demo, DESKTOP, "dark")
    yield someone
    someone.context.close()
    assert someone.problems == []
