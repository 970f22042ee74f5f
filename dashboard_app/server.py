"""The production web server."""

import gc
from pathlib import Path
from socket import socket
from typing import Any

import gunicorn.util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from sqlalchemy import URL

from aggregation.database import connect
from dashboard_app.factory import create_app
from dashboard_app.headers import ALWAYS
from dashboard_app.settings import Settings
from dashboard_app.static import StaticFiles

# Longer than proxies keep an idle connection (60 s is usual): of the two ends, the one that speaks
# first must be the one that hangs up, or a request meets a closed door.
KEEP_ALIVE_SECONDS = 75


class Log(Logger):
    """gunicorn's messages, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def refuse(connection: socket, status: int, reason: str, _: str) -> None:
    """Answer what is no HTTP, which never comes to the application. Nothing of it is repeated."""
    headers = ALWAYS | {
        "Connection": "close",
        "Cache-Control": "no-store",
        "Content-Length": str(len(reason)),
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Content-Type": "text/plain",
    }
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    gunicorn.util.write_nonblock(connection, "\r\n".join([*lines, "", reason]).encode("latin-1"))


class WebServer(BaseApplication):
    """gunicorn with our settings.

    The application is made and warmed once, before the first worker is forked: workers take requests
    at once, and those that a SIGHUP starts are there before the old ones, which finish what they have,
    stop listening. Workers are not recycled: nothing in them grows.
    """

    def __init__(self, settings: Settings, url: URL, secret: str, counters: Path | None = None) -> None:
        self._settings = settings
        self._url = url
        self._secret = secret
        self._counters = counters
        self._files = StaticFiles()
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        values: dict[str, Any] = {
            "bind": settings.address,
            "workers": settings.web_workers,
            "threads": settings.web_threads,
            "worker_class": "gthread",
            "preload_app": True,
            "post_worker_init": self._in_worker,
            "keepalive": KEEP_ALIVE_SECONDS,
            "control_socket_disable": True,
            "graceful_timeout": 10,
            "loglevel": settings.log_level.lower(),
            "logger_class": Log,
            # Which proxies are believed what is settings.trusted_proxies' business alone: see proxies.py.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "proc_name": "sparkboard-web",
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        gunicorn.util.write_error = refuse
        app = create_app(
            connect(self._url),
            self._secret,
            files=self._files,
            protection=self._settings.protection(),
            demo=self._settings.embedded,
            counters=self._counters,
        )
        # Dash finishes its set-up on the first request; two first requests at once would race. This
        # one must ask no database: workers would share its connection.
        app.server.test_client().get("/healthz")
        # What is there now stays: looking through it for garbage would stop all threads for a while.
        gc.collect()
        gc.freeze()
        return app.server

    def _in_worker(self, _: Any) -> None:
        """Threads do not live through a fork."""
        self._files.compress_in_background(self._settings.data_dir / "static")
