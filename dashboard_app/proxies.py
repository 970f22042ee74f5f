"""Reverse proxies: those that are listed are believed what they say about a request, and nobody else."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# In the request's environment: whether a program on this machine asks, and nothing handed it on.
LOCAL = "sparkboard.local"
FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_REQUEST_ID",
)


# Others that proxies leave behind.
HANDED_ON = (*FORWARDED, "HTTP_VIA", "HTTP_X_REAL_IP")


def networks(text: str) -> tuple[Network, ...]:
    """Of addresses and networks with commas between. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


class Proxies:
    """Puts the client's own address, scheme and host into the request.

    A request that no listed proxy handed on keeps nothing of what it says about these.
    """

    def __init__(self, application: "WSGIApplication", trusted: tuple[Network, ...]) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        peer = _address(environ.get("REMOTE_ADDR", ""))
        environ[LOCAL] = peer is not None and peer.is_loopback and not any(map(environ.get, HANDED_ON))
        if self._trusts(peer):
            self._believe(environ)
        else:
            for name in FORWARDED:
                environ.pop(name, None)
        return self._application(environ, start_response)

    def _believe(self, environ: "WSGIEnvironment") -> None:
        environ["REMOTE_ADDR"] = self._client(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR", ""))
        scheme = _nearest(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _nearest(environ.get("HTTP_X_FORWARDED_HOST", ""))
        if host:
            environ["HTTP_HOST"] = host

    def _client(self, peer: str, chain: str) -> str:
        """The nearest address that is no listed proxy's: what stands before it, anyone can have written."""
        for text in reversed(chain.split(",")):
            address = _address(text.strip())
            if address is None:
                break
            peer = str(address)
            if not self._trusts(address):
                break
        return peer

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _nearest(values: str) -> str:
    """What the nearest proxy wrote."""
    return values.rsplit(",", 1)[-1].strip()


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def household(text: str) -> str:
    """What one customer of a provider has: an IPv4 address, or the 64 bits that lead an IPv6 address."""
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address or text)
