"""An id for each request: in its answer, in the log's lines about it, and in the audit log."""

import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

from dashboard_app.logs import request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")


class RequestIds:
    """Keeps the id that a trusted proxy gave; makes one otherwise. (proxies.py removes all other ids.)"""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        name = given if _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)
        request_id.set(name)

        def started(status: str, headers: list[tuple[str, str]], *problem: Any) -> Any:
            return start_response(status, [*headers, ("X-Request-ID", name)], *problem)

        return ClosingIterator(self._application(environ, started), _forget)


def _forget() -> None:
    request_id.set(None)
