"""Headers that every answer carries, whoever makes it: pages, API, static files, errors."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Files that carry no data; they say themselves how long they hold.
PUBLIC = ("/assets/", "/_dash-component-suites/")

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Only this host: what else there is in its domain may not speak TLS.
STRICT_TRANSPORT = "max-age=31536000"


def policy(script_hash: str) -> str:
    """The content security policy of pages with one script of their own, of this SHA-256 (base64)."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'sha256-{script_hash}'",
            # plotly and Dash write style attributes
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )


class SecurityHeaders:
    """Outside of everything else that answers."""

    def __init__(self, application: "WSGIApplication", content_policy: str) -> None:
        self._application = application
        self._always = ALWAYS | {"Content-Security-Policy": content_policy}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], *problem: Any) -> Any:
            return start_response(status, self._with(environ, status, headers), *problem)

        return self._application(environ, started)

    def _with(
        self, environ: "WSGIEnvironment", status: str, given: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        headers = Headers(given)
        for name, value in self._always.items():
            headers[name] = value
        if environ["wsgi.url_scheme"] == "https":
            headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        if status[0] not in "23" or not environ["PATH_INFO"].startswith(PUBLIC):
            headers["Cache-Control"] = "no-store"
        return headers.to_wsgi_list()
