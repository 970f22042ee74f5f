"""Who may do what. Deny by default: whatever isn't listed here as open needs a session."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from dash import ClientsideFunction, Dash
from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user

from aggregation.days import utc_now
from dashboard_app.accounts import Account
from dashboard_app.sessions import Sessions
from layouts.page import Page

log = logging.getLogger(__name__)

# Endpoints that anyone may call. Static files, which carry no data, don't come here.
OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz", "/api/openapi.json", "/favicon.ico"})
OPEN_PREFIXES = ("/_dash-component-suites/",)
# Dash answers every address that nothing else claims with its index page.
DASH_INDEX = frozenset({"/", "/<path:path>"})


def viewer() -> Account | None:
    """The person signed in, from the session alone."""
    return current_user if isinstance(current_user._get_current_object(), Account) else None


def require_role(*roles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For API views: 401 without a session, 403 for other roles; hands the viewer over first."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(allowed_viewer(frozenset(roles)), *args, **kwargs)

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

    Its errors are answered with 500; what Dash itself raises is then the fault of the request.
    """

    @wraps(function)
    def checked(*args: Any) -> Any:
        viewer = allowed_viewer(roles)
        try:
            return function(viewer, *args)
        except Exception as error:
            log.error("callback %s failed", function.__qualname__, exc_info=error)
            abort(500)

    return checked


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

    def clientside_callback(
        self, script: str | ClientsideFunction, *dependencies: Any, **options: Any
    ) -> None:
        self._app.clientside_callback(  # type: ignore[no-untyped-call]
            script, *dependencies, **options
        )


def guard(server: Flask, sessions: Sessions, pages: tuple[Page, ...]) -> None:
    """Put a session check before every request."""
    manager = LoginManager(server)
    manager.session_protection = None
    manager.user_loader(lambda token: sessions.viewer(token, utc_now()))
    by_path = {page.path: page for page in pages}

    @server.before_request
    def check() -> ResponseReturnValue | None:
        path = request.path
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return None
        account = viewer()
        if account is None:
            return _sign_in_first(path)
        if request.endpoint not in DASH_INDEX or path.startswith("/api/"):
            return None
        return _page(by_path, path, account, pages)


def _sign_in_first(path: str) -> ResponseReturnValue:
    if request.method not in ("GET", "HEAD") or path.startswith(("/_dash", "/api/")):
        abort(401)
    return redirect(url_for("login", next=request.full_path.rstrip("?")))


def _page(
    by_path: dict[str, Page], path: str, account: Account, pages: tuple[Page, ...]
) -> ResponseReturnValue | None:
    page = by_path.get(path)
    if page is None:
        abort(404)
    if account.role not in page.roles and path == "/":
        return redirect(landing(account.role, pages))
    if account.role not in page.roles:
        abort(403)
    return None


def landing(role: str, pages: tuple[Page, ...]) -> str:
    """The address of the first page of a role."""
    return next(page.path for page in pages if role in page.roles)
