"""How often a password may be tried, and how many are looked at together."""

import hashlib
import hmac
import math
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from itsdangerous import BadData, URLSafeSerializer
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from dashboard_app.counters import Counters
from dashboard_app.proxies import household

WINDOW_MINUTES = 5


def _each_window(amount: int, name: str) -> RateLimitItem:
    return RateLimitItemPerMinute(amount, WINDOW_MINUTES, namespace=name)


# From one address for one account; from one address; for one account. In this order: what one stops
# doesn't count for the next, so that one address alone never locks an account for the others.
PAIR = _each_window(10, "pair")
ADDRESS = _each_window(100, "address")
ACCOUNT = _each_window(30, "account")
# From a browser in which somebody has signed in to this account before. It counts apart from all
# others, so that nobody else's guessing keeps an account's owner out.
DEVICE = _each_window(10, "device")


@dataclass(frozen=True)
class Attempt:
    """One look at a password; it has been counted."""

    _counters: Counters
    _counted: tuple[tuple[RateLimitItem, str], ...]
    # For the browser's cookie once the password was right.
    device: str

    def forgive(self) -> None:
        """The password was right, or wasn't looked at."""
        for item, key in self._counted:
            self._counters.decr(item.key_for(key))


class Throttle:
    """Of attempts to sign in, for all web processes on one database."""

    def __init__(self, engine: Engine, secret: str, clock: Callable[[], datetime]) -> None:
        self._counters = Counters(engine, clock)
        self._limiter = FixedWindowRateLimiter(self._counters)
        self._clock = clock
        self._secret = secret.encode()
        self._devices = URLSafeSerializer(secret, salt="device")

    def attempt(self, name: str, address: str, device: str | None = None) -> Attempt:
        """Counts it. Raises TooManyRequests where it is one too many.

        `device` is what an earlier attempt for this account left in the browser.
        """
        self._counters.sweep()
        account, place = self._hidden(name.strip().lower()), household(address)
        known = self._known(device, account)
        limits = (
            [(DEVICE, known)]
            if known
            else [(PAIR, f"{place} {account}"), (ADDRESS, place), (ACCOUNT, account)]
        )
        for item, key in limits:
            if not self._limiter.hit(item, key):
                raise self._refusal(item, key)
        left = self._devices.dumps([account, secrets.token_hex(8)])
        return Attempt(self._counters, tuple(limits), device if known and device else left)

    def _refusal(self, item: RateLimitItem, key: str) -> TooManyRequests:
        end = self._limiter.get_window_stats(item, key).reset_time
        seconds = max(1, math.ceil(end - self._clock().timestamp()))
        minutes = math.ceil(seconds / 60)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        return TooManyRequests(f"Too many attempts. Try again in {wait}.", retry_after=seconds)

    def _known(self, device: str | None, account: str) -> str | None:
        """The browser's number where it is one of this account's."""
        try:
            owner, number = self._devices.loads(device or "")
        except (BadData, ValueError, TypeError):
            return None
        return str(number) if owner == account else None

    def _hidden(self, name: str) -> str:
        """Names aren't stored: people type passwords where the name should be."""
        return hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()


class Gate:
    """Lets few passwords be looked at together, since each takes 19 MiB: others wait, or are sent away."""

    def __init__(self, together: int = 2, waiting: int = 8) -> None:
        self._together = threading.BoundedSemaphore(together)
        self._places = threading.BoundedSemaphore(together + waiting)

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Raises ServiceUnavailable where too many wait already."""
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable("Too many people are signing in. Try again in a moment.", retry_after=2)
        try:
            with self._together:
                yield
        finally:
            self._places.release()
