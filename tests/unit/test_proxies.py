"""Whose word about a request is taken."""

from typing import Any

import pytest

from dashboard_app.proxies import LOCAL, Proxies, household, networks

PROXY = "10.0.0.7"


def seen(peer: str, trusted: str = "10.0.0.0/8, 2001:db8::/32", **headers: str) -> dict[str, Any]:
    """What the application gets to see of a request."""
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "here"} | headers
    given: dict[str, Any] = {}

    def application(environ: dict[str, Any], _: object) -> list[bytes]:
        given.update(environ)
        return []

    Proxies(application, networks(trusted))(environ, lambda *_: lambda _: None)
    return given


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5, 10.0.0.8", "203.0.113.5"),
        ("1.2.3.4, 203.0.113.5", "203.0.113.5"),
        ("1.2.3.4,203.0.113.5,2001:db8::1", "203.0.113.5"),
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("203.0.113.5, unknown", PROXY),
        ("203.0.113.5, unknown, 10.0.0.8", "10.0.0.8"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("", PROXY),
        (", ,", PROXY),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_proxys(chain: str, client: str) -> None:
    assert seen(PROXY, HTTP_X_FORWARDED_FOR=chain)["REMOTE_ADDR"] == client


def test_scheme_and_host_come_from_the_nearest_proxy() -> None:
    environ = seen(PROXY, HTTP_X_FORWARDED_PROTO="http, https", HTTP_X_FORWARDED_HOST="evil, dash.example")
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "dash.example")
    assert seen(PROXY, HTTP_X_FORWARDED_PROTO="gopher")["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize(
    ("peer", "trusted"), [("203.0.113.9", "10.0.0.0/8"), (PROXY, ""), ("", "10.0.0.0/8")]
)
def test_nobody_else_is_believed_anything(peer: str, trusted: str) -> None:
    said = {
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "evil",
        "HTTP_X_REQUEST_ID": "mine",
        "HTTP_FORWARDED": "for=1.2.3.4",
    }
    assert seen(peer, trusted, **said) == {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "here",
        LOCAL: False,
    }


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_households(address: str, counted: str) -> None:
    assert household(address) == counted
