"""Who may do what. Deny by default: what isn't listed here as open needs a session, and what says no roles
is for nobody.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from dash import Dash
from flask import Flask, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from werkzeug.exceptions import HTTPException

from dashboard_app.accounts import Account
from dashboard_app.sessions import Sessions
from dashboard_app.tokens import Tokens
from layouts.page import Page
from layouts.places import place

log = logging.getLogger(__name__)

# Endpoints that anyone may call. Static files, which carry no data, don't come here.
OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz", "/metrics", "/api/openapi.json", "/favicon.ico"})
OPEN_PREFIXES = ("/_dash-component-suites/",)
# Dash answers every address that nothing else claims with its index page.
DASH_INDEX = frozenset({"/", "/<path:path>"})
# What Dash's browser side asks for. Callbacks check the role themselves; the other two carry no numbers.
DASH_SHARED = frozenset({"/_dash-layout", "/_dash-dependencies", "/_dash-update-component"})
# What open pages ask for by themselves: see live.py.
LIVE = "/_dash-live/"
# Dash's browser side reads this cookie and sends it back as X-CSRFToken.
CSRF_COOKIE = "_csrf_token"
# Longer addresses are not led back to after signing in.
LONGEST_RETURN = 2000


def viewer() -> Account | None:
    """The person signed in, from the session alone."""
    # Not the proxy, which stands for somebody else after a new login.
    account = current_user._get_current_object()
    return account if isinstance(account, Account) else None


def bearer() -> str | None:
    """The token that a program sends. It alone counts then: the request's cookies are not looked at."""
    given = request.authorization
    if given is None or given.type != "bearer":
        return None
    # What looks like a list of parameters is no token; it must not let the cookie count either.
    return given.token or ""


def require_role(*roles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For views: 401 without a session, 403 for other roles; hands the viewer over first.

    A view without it is refused to everybody.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(allowed_viewer(frozenset(roles)), *args, **kwargs)

        guarded.roles = frozenset(roles)  # type: ignore[attr-defined]
        return guarded

    return decorate


def allowed_viewer(roles: frozenset[str]) -> Account:
    account = viewer()
    if account is None:
        abort(401)
    if account.role not in roles:
        abort(403)
    return account


def guarded(roles: frozenset[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the role checked on each call, and the signed-in viewer as its first argument.

    Its errors are answered with 500, but for those that say how; what Dash itself raises is then the
    fault of the request.
    """

    @wraps(function)
    def checked(*args: Any) -> Any:
        viewer = allowed_viewer(roles)
        try:
            return function(viewer, *args)
        except HTTPException:
            raise
        except Exception as error:
            log.error("callback %s failed", function.__qualname__, exc_info=error)
            abort(500)

    checked.roles = roles  # type: ignore[attr-defined]
    return checked


def roles_of(function: Any) -> frozenset[str]:
    """Whom a guarded view or callback is for: nobody where it says nothing."""
    roles: frozenset[str] = getattr(function, "roles", frozenset())
    return roles


class GuardedCallbacks:
    """What a `register` gets: callbacks that check the role on each call, and nothing else."""

    def __init__(self, app: Dash, roles: frozenset[str]) -> None:
        self._app = app
        self._roles = roles

    def callback(self, *dependencies: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Like Dash's, but the function gets the signed-in viewer as its first argument."""

        def decorate(function: Callable[..., Any]) -> Any:
            return self._app.callback(*dependencies, **options)(guarded(self._roles, function))

        return decorate


def guard(
    server: Flask,
    sessions: Sessions,
    tokens: Tokens,
    pages: tuple[Page, ...],
    clock: Callable[[], datetime],
) -> None:
    """Put a check of session or token, and of the role, before every request."""
    manager = LoginManager(server, add_context_processor=False)
    manager.session_protection = None
    manager.user_loader(lambda token: None if bearer() is not None else _by_session(sessions, token, clock()))
    manager.request_loader(lambda _: _by_token(tokens, clock()))

    @server.before_request
    def check() -> ResponseReturnValue | None:
        path, endpoint = request.path, request.endpoint
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return None
        account = viewer()
        if account is None:
            return _sign_in_first(path)
        if endpoint in DASH_INDEX:
            # The API says itself what there is of it.
            return None if path.startswith("/api/") else _page(path, account, pages)
        # What there is no view for is answered by Flask.
        if endpoint is not None and endpoint not in DASH_SHARED:
            allowed_viewer(roles_of(server.view_functions[endpoint]))
        return None

    @server.after_request
    def challenge(response: Response) -> Response:
        """What programs are told to sign in with (RFC 6750)."""
        if response.status_code == 401 and request.path.startswith("/api/"):
            fault = "" if bearer() is None else ' error="invalid_token"'
            response.headers["WWW-Authenticate"] = f"Bearer{fault}"
        return response


def _by_session(sessions: Sessions, token: str, now: datetime) -> Account | None:
    return sessions.viewer(token, now, by_hand=not request.path.startswith(LIVE))


def _by_token(tokens: Tokens, now: datetime) -> Account | None:
    """Whose token comes with the request. Tokens are for the API alone."""
    secret = bearer()
    return tokens.bearer(secret, now) if secret is not None and request.path.startswith("/api/") else None


def _sign_in_first(path: str) -> ResponseReturnValue:
    if bearer() is not None and path.startswith("/api/"):
        abort(401, "This token is unknown, has expired or was revoked.")
    if request.method not in ("GET", "HEAD") or path.startswith(("/_dash", "/api/")):
        abort(401)
    wanted = request.full_path.rstrip("?")
    return redirect(url_for("login", next=wanted if len(wanted) <= LONGEST_RETURN else None))


def _page(path: str, account: Account, pages: tuple[Page, ...]) -> ResponseReturnValue | None:
    found = place(pages, path)
    if found is None:
        abort(404)
    if account.role not in found.roles and path == "/":
        return redirect(landing(account.role, pages))
    if account.role not in found.roles:
        abort(403)
    return None


def landing(role: str, pages: tuple[Page, ...]) -> str:
    """The address of the first page of a role."""
    return next(page.path for page in pages if role in page.roles)
