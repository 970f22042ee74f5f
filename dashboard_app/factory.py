"""The application: everything assembled and guarded. Each call makes a fresh one."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from dash.exceptions import DependencyException
from flask import Flask, Response, jsonify, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_compress import Compress
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from aggregation.days import utc_now
from aggregation.queries import Store
from aggregation.withheld import BeingRecounted
from callbacks import REGISTER
from callbacks import shell as shell_callbacks
from dashboard_app import (
    access,
    administration,
    api,
    exports,
    forgery,
    frame,
    live,
    login,
    monitoring,
    own_account,
    rerunning,
    rows,
    statements,
)
from dashboard_app.accounts import Accounts
from dashboard_app.administration import Administration
from dashboard_app.adoption import Adoption
from dashboard_app.answers import CALLBACKS, Answers, GuardedPage, answer_before_dash
from dashboard_app.audit import Audit
from dashboard_app.first_answer import Application
from dashboard_app.headers import SecurityHeaders, policy
from dashboard_app.own_account import OwnAccount
from dashboard_app.protection import Protection
from dashboard_app.proxies import Proxies
from dashboard_app.request_ids import RequestIds
from dashboard_app.rerunning import Rerunning
from dashboard_app.sessions import Sessions
from dashboard_app.static import StaticFiles
from dashboard_app.throttling import Gate, Throttle
from dashboard_app.tokens import Tokens
from layouts import formats
from layouts.pages import PAGES

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
# Of the headers of an exception: when to come again, what else may be asked.
CARRIED = ("Retry-After", "Allow")

TITLES = {401: "Please sign in", 403: "Not allowed", 404: "Page not found"}
# Instead of the web server's own, which speak of browsers and URLs.
TEXTS = {
    401: "Please sign in first.",
    403: "Your account may not see this.",
    404: "There is nothing at this address.",
    405: "This address can't be used that way.",
    413: "The request is too large.",
    415: "This kind of content is not understood here.",
    503: "The database can't be reached. Try again in a moment.",
    500: "Something went wrong on our side.",
}


def create_app(
    engine: Engine,
    secret: str,
    clock: Callable[[], datetime] = utc_now,
    files: StaticFiles | None = None,
    protection: Protection = Protection(),  # noqa: B008 - frozen
    *,
    demo: bool = False,
    counters: Path | None = None,
) -> Application:
    """A guarded application on `engine`. `clock` tells the time (aware, UTC) to pages that show today.

    `demo`: whether the demo's accounts may be used. `counters`: the folder where all processes of this
    server count, if it has several.
    """
    files = files or StaticFiles()
    server = _server(secret)
    server.jinja_env.globals["files"] = files
    accounts, audit, tokens = Accounts(engine, demo=demo), Audit(engine), Tokens(engine)
    sessions, now = Sessions(engine, protection), protection.clock
    store, answers = Store(engine), Answers(clock)
    monitoring.register(server, engine, clock, protection.metrics_token, counters)
    access.guard(server, sessions, tokens, PAGES, now)
    forgery.protect(server)
    door = login.Door(accounts, sessions, Throttle(engine, secret, now), Gate(), audit, protection)
    login.register(server, door, PAGES)
    frame.register(server)
    administration.register(server, Administration(accounts, sessions, audit, store, now))
    own_account.register(server, OwnAccount(door, tokens))
    rerunning.register(server, Rerunning(engine, audit, clock))
    api.register(server, store, engine, clock)
    exports.register(server, PAGES, store, audit, clock)
    rows.register(server, store, audit, clock)
    statements.register(server, store, clock)
    app = Application(server, PAGES, answers, files, Adoption(engine, clock))
    _register_pages(app, store, answers)
    live.register(server, answers)
    _answer_problems(server, audit)
    _give_csrf_cookie(server)
    Compress(server)
    # From the inside to the outside.
    inner = RequestIds(SecurityHeaders(files.before(server.wsgi_app), policy(files.first_hash)))
    server.wsgi_app = Proxies(inner, protection.proxies)  # type: ignore[method-assign]
    return app


def _server(secret: str) -> Flask:
    server = Flask("dashboard_app", static_folder=None)
    # An address with two slashes is another address, not a redirect.
    server.url_map.merge_slashes = False
    server.session_interface = Cookies()
    server.config.update(
        SECRET_KEY=secret,
        MAX_CONTENT_LENGTH=MAX_BODY,
        SESSION_COOKIE_NAME="sparkboard",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
    )
    return server


def _register_pages(app: Application, store: Store, answers: Answers) -> None:
    everyone = frozenset(role for page in PAGES for role in page.roles)
    shell_callbacks.register(access.GuardedCallbacks(app, everyone), app.opened)
    for page in PAGES:
        REGISTER[page.name](GuardedPage(app, page, answers), store)
    answer_before_dash(app.server, PAGES, answers)


def _answer_problems(server: Flask, audit: Audit) -> None:
    server.register_error_handler(BeingRecounted, _withheld)

    @server.errorhandler(HTTPException)
    def http_problem(error: HTTPException) -> ResponseReturnValue:
        if error.code == 403:
            account = access.viewer()
            audit.refusal("refused", account.name if account else None, f"{request.method} {request.path}")
        answer = server.make_response(problem(error.code or 500, _message(error)))
        answer.headers.extend((name, value) for name, value in error.get_headers() if name in CARRIED)
        return answer

    @server.errorhandler(CSRFError)
    def forged(error: CSRFError) -> ResponseReturnValue:
        return problem(400, "The form has expired. Load the page again and repeat.")

    @server.errorhandler(DependencyException)
    def no_such_script(_: DependencyException) -> ResponseReturnValue:
        return problem(404, TEXTS[404])

    @server.errorhandler(OperationalError)
    def unreachable(error: OperationalError) -> ResponseReturnValue:
        log.error("%s %s: no database: %s", request.method, request.path, error.orig)
        return problem(503, TEXTS[503])

    @server.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        if request.path == CALLBACKS:
            return problem(400, "The request is malformed.")
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return problem(500, TEXTS[500])


def _withheld(error: BeingRecounted) -> ResponseReturnValue:
    return problem(503, formats.being_recounted(error.days))


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


class Cookies(SecureCookieSessionInterface):
    """Over TLS they are sent over TLS only."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def _give_csrf_cookie(server: Flask) -> None:
    @server.after_request
    def cookie(response: Response) -> Response:
        # After an error of ours the database may not be there to ask who it is.
        if response.mimetype == "text/html" and response.status_code < 500 and access.viewer() is not None:
            response.set_cookie(access.CSRF_COOKIE, generate_csrf(), samesite="Lax", secure=request.is_secure)
        return response
