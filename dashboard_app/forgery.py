"""What another site makes a browser send is refused: by its origin, and by a token it cannot know."""

from urllib.parse import urlsplit

from flask import Flask, abort, request
from flask_wtf.csrf import CSRFProtect

from dashboard_app.access import bearer

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OTHER_SITE = "This request comes from another site."
DEFAULT_PORTS = {"http": 80, "https": 443}


def protect(server: Flask) -> None:
    """Check every request that may change something, unless a program's token is what lets it in."""
    # Browsers tell the origin themselves, so nothing is concluded from the referrer.
    server.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_SSL_STRICT=False, WTF_CSRF_TIME_LIMIT=None)
    tokens = CSRFProtect(server)

    @server.before_request
    def check() -> None:
        # No other site can make a browser send this header.
        if request.method in READING or bearer() is not None:
            return
        require_own_site()
        tokens.protect(apply_exemptions=True)


def require_own_site() -> None:
    """403 for what a browser sends on behalf of another site. Other programs say nothing about that."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, OTHER_SITE)
    origin = request.headers.get("Origin")
    if origin is not None and not _own(origin):
        abort(403, OTHER_SITE)


def _own(origin: str) -> bool:
    """Whether it is the address that this request was sent to.

    Where nobody told us of a proxy that speaks TLS, the scheme may be another one than ours.
    """
    scheme, _, _ = origin.partition("://")
    place = _place(origin)
    secure = scheme == "https" or not request.is_secure
    return secure and place is not None and place == _place(f"{scheme}://{request.host}")


def _place(address: str) -> tuple[str, int] | None:
    """Host and port; None for what is no address."""
    try:
        parts = urlsplit(address)
        if not parts.hostname:
            return None
        return parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
