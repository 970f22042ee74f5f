"""The production web server."""

from typing import Any

from gunicorn.app.base import BaseApplication
from sqlalchemy import URL

from aggregation.database import connect
from dashboard_app.factory import create_app
from dashboard_app.settings import Settings
from dashboard_app.static import StaticFiles


class WebServer(BaseApplication):
    """gunicorn with our settings; its workers make the application after the fork."""

    def __init__(self, settings: Settings, url: URL, secret: str) -> None:
        self._settings = settings
        self._url = url
        self._secret = secret
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        values: dict[str, Any] = {
            "bind": settings.address,
            "workers": settings.web_workers,
            "threads": settings.web_threads,
            "worker_class": "gthread",
            "control_socket_disable": True,
            "graceful_timeout": 10,
            "loglevel": settings.log_level.lower(),
            "proc_name": "sparkboard-web",
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        files = StaticFiles()
        files.compress_in_background(self._settings.data_dir / "static")
        app = create_app(connect(self._url), self._secret, files=files)
        # Dash finishes its set-up on the first request; two first requests at once would race.
        app.server.test_client().get("/healthz")
        return app.server
