"""The application: everything assembled and guarded. Each call makes a fresh one."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_compress import Compress
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from sqlalchemy import Engine
from werkzeug import Response as BaseResponse
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from aggregation.days import utc_now
from aggregation.queries import Store
from callbacks import REGISTER
from callbacks import shell as shell_callbacks
from dashboard_app import access, api, login
from dashboard_app.accounts import Accounts
from dashboard_app.answers import CALLBACKS, Answers, GuardedPage, answer_before_dash
from dashboard_app.api.forecasts import Forecast
from dashboard_app.first_answer import Application
from dashboard_app.sessions import Sessions
from dashboard_app.static import StaticFiles
from layouts.pages import PAGES

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
# Dash's browser side reads this cookie and sends it back as X-CSRFToken.
CSRF_COOKIE = "_csrf_token"

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


def create_app(
    engine: Engine,
    secret: str,
    clock: Callable[[], datetime] = utc_now,
    files: StaticFiles | None = None,
    forecast: Forecast | None = None,
) -> Application:
    """A guarded application on `engine`. `clock` tells the time (aware, UTC) to pages that show today.

    `forecast` is what POST /api/analytics/forecast calls; None: there is no forecasting yet.
    """
    files = files or StaticFiles()
    server = Flask("dashboard_app", static_folder=None)
    server.jinja_env.globals["files"] = files
    server.config.update(
        SECRET_KEY=secret,
        MAX_CONTENT_LENGTH=MAX_BODY,
        SESSION_COOKIE_NAME="sparkboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        COMPRESS_ALGORITHM=["br", "gzip"],
    )
    sessions, store, answers = Sessions(engine), Store(engine), Answers(clock)
    access.guard(server, sessions, PAGES)
    CSRFProtect(server)
    login.register(server, Accounts(engine), sessions, PAGES)
    api.register(server, store, engine, clock, forecast)
    app = Application(server, PAGES, answers, files)
    _register_pages(app, store, answers)
    _answer_problems(server)
    secured = partial(secure, POLICY.format(first=files.first_hash))
    _set_headers(server, secured)
    Compress(server)
    server.wsgi_app = files.before(server.wsgi_app, secured)  # type: ignore[assignment, method-assign]
    return app


def _register_pages(app: Application, store: Store, answers: Answers) -> None:
    everyone = frozenset(role for page in PAGES for role in page.roles)
    shell_callbacks.register(access.GuardedCallbacks(app, everyone), app.opened)
    for page in PAGES:
        REGISTER[page.name](GuardedPage(app, page, answers), store)
    answer_before_dash(app.server, PAGES, answers)


def _answer_problems(server: Flask) -> None:
    @server.errorhandler(HTTPException)
    def http_problem(error: HTTPException) -> ResponseReturnValue:
        answer = make_response(problem(error.code or 500, _message(error)))
        if isinstance(error, MethodNotAllowed):
            answer.allow.update(error.valid_methods or ())
        return answer

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


POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'sha256-{first}'",
        # plotly and Dash write style attributes
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)


def secure(policy: str, response: BaseResponse) -> None:
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")


def _set_headers(server: Flask, secured: Callable[[BaseResponse], None]) -> None:
    @server.after_request
    def headers(response: Response) -> Response:
        secured(response)
        if not request.path.startswith(access.OPEN_PREFIXES):
            response.headers["Cache-Control"] = "no-store"
        if response.mimetype == "text/html" and access.viewer() is not None:
            response.set_cookie(CSRF_COOKIE, generate_csrf(), samesite="Lax")
        return response
