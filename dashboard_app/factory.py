"""The application: everything assembled and guarded. Each call makes a fresh one."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dash import Dash
from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from sqlalchemy import Engine
from werkzeug.exceptions import HTTPException

from aggregation.days import utc_now
from aggregation.queries import Queries
from callbacks import REGISTER
from callbacks import shell as shell_callbacks
from dashboard_app import access, api, login
from dashboard_app.accounts import Accounts
from layouts import shell
from layouts.page import Viewer
from layouts.pages import PAGES

log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parent.parent / "assets"
MAX_BODY = 1024 * 1024
# Dash's browser side reads this cookie and sends it back as X-CSRFToken.
CSRF_COOKIE = "_csrf_token"

INDEX = """<!doctype html>
<html lang="en">
<head>
  {%metas%}
  <title>{%title%}</title>
  <link rel="icon" href="/assets/logo.svg">
  <script src="/assets/head/theme.js"></script>
  {%css%}
</head>
<body>
  {%app_entry%}
  <footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""

CALLBACKS = "/_dash-update-component"

TITLES = {401: "Please sign in", 403: "Not allowed", 404: "Page not found"}
# Instead of the web server's own, which speak of browsers and URLs.
TEXTS = {
    401: "Please sign in first.",
    403: "Your account may not see this.",
    404: "There is nothing at this address.",
    405: "This address can't be used that way.",
    413: "The request is too large.",
    500: "Something went wrong on our side.",
}


def create_app(engine: Engine, secret: str, clock: Callable[[], datetime] = utc_now) -> Dash:
    """A guarded application on `engine`. `clock` tells the time (aware, UTC) to pages that show today."""
    server = Flask("dashboard_app")
    server.config.update(
        SECRET_KEY=secret,
        MAX_CONTENT_LENGTH=MAX_BODY,
        SESSION_COOKIE_NAME="sparkboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
    )
    accounts, queries = Accounts(engine), Queries(engine)
    access.guard(server, accounts, PAGES)
    CSRFProtect(server)
    login.register(server, accounts, PAGES)
    api.register(server, queries, engine)
    app = _dash(server)
    _register_pages(app, queries, clock)
    _answer_problems(server)
    _set_headers(server, app.csp_hashes())
    return app


def _dash(server: Flask) -> Dash:
    app = Dash(
        "sparkboard",
        server=server,  # type: ignore[arg-type]
        assets_folder=str(ASSETS),
        # Loaded by the index itself, before anything is drawn.
        assets_ignore=r"theme\.js",
        index_string=INDEX,
        title="Sparkboard",
        update_title="",
        compress=True,
        suppress_callback_exceptions=True,
        use_pages=False,
        enable_mcp=False,
        add_log_handler=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.layout = shell.layout()
    return app


def _register_pages(app: Dash, queries: Queries, clock: Callable[[], datetime]) -> None:
    everyone = frozenset(role for page in PAGES for role in page.roles)
    shell_callbacks.register(access.GuardedPage(app, everyone, clock), PAGES, _account)
    for page in PAGES:
        REGISTER[page.name](access.GuardedPage(app, page.roles, clock), queries)


def _account(viewer: Viewer) -> list[Any]:
    return shell.account(viewer.name, viewer.role, generate_csrf())


def _answer_problems(server: Flask) -> None:
    @server.errorhandler(HTTPException)
    def http_problem(error: HTTPException) -> ResponseReturnValue:
        return problem(error.code or 500, _message(error))

    @server.errorhandler(CSRFError)
    def forged(error: CSRFError) -> ResponseReturnValue:
        return problem(400, "The form has expired. Load the page again and repeat.")

    @server.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        if request.path == CALLBACKS:
            return problem(400, "The request is malformed.")
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return problem(500, TEXTS[500])


def _message(error: HTTPException) -> str:
    """Validation's first message, else the reason given with abort()."""
    details = (getattr(error, "data", None) or {}).get("messages")
    while isinstance(details, dict) and details:
        details = next(iter(details.values()))
    if isinstance(details, list) and details:
        return str(details[0])
    own_words = error.description if error.description != type(error).description else None
    return own_words or TEXTS.get(error.code or 500) or error.name


def problem(status: int, message: str) -> ResponseReturnValue:
    """JSON for programs, a page for people."""
    if request.path.startswith(("/api/", "/_dash")):
        return jsonify({"error": message}), status
    title = TITLES.get(status, "That didn't work")
    return render_template("problem.html", title=title, text=message), status


def _set_headers(server: Flask, script_hashes: Sequence[str]) -> None:
    policy = "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {' '.join(script_hashes)}",
            # plotly and Dash write style attributes
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )

    @server.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if not request.path.startswith(access.OPEN_PREFIXES):
            response.headers["Cache-Control"] = "no-store"
        if response.mimetype == "text/html" and access.viewer() is not None:
            response.set_cookie(
                CSRF_COOKIE,
                generate_csrf(),
                samesite="Lax",
            )
        return response
