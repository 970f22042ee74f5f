"""Data versions: by them whoever keeps a number knows whether it is still true.

A version is the transaction that changed the numbers last. It is written in that transaction, so
it is never seen without the numbers, nor they without it.
"""

import threading
from collections.abc import Callable, Hashable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from cachetools import LRUCache, cachedmethod
from sqlalchemy import BigInteger, Connection, Text, func, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql

from aggregation.schema import data_versions

Method = TypeVar("Method", bound=Callable[..., Any])

# Frames kept in a process. A year of days is some 0.3 MB, most are a tenth of that.
KEPT = 256


class Scope(StrEnum):
    """What changes together: whole days each night, the running day's hours by spark every few minutes,
    recounts, and today so far every few seconds.
    """

    DAYS = "days"
    TODAY = "today"
    CHECKS = "checks"
    NOW = "now"


class Versions(NamedTuple):
    """0 where nothing has been computed yet."""

    days: int = 0
    today: int = 0
    checks: int = 0
    now: int = 0


def bump(connection: Connection, scope: Scope) -> None:
    """Say, in the connection's transaction, that numbers of this scope have changed."""
    version = as_type(as_type(func.pg_current_xact_id(), Text), BigInteger)
    insertion = postgresql.insert(data_versions).values(scope=scope, version=version)
    connection.execute(
        insertion.on_conflict_do_update(
            index_elements=[data_versions.c.scope], set_={"version": insertion.excluded.version}
        )
    )


# Made once: it is asked on every request.
_CURRENT = select(data_versions.c.scope, data_versions.c.version)
# The same in one value, for a query that asks for something else, too: see `stated`.
CURRENT = select(func.json_object_agg(data_versions.c.scope, data_versions.c.version)).scalar_subquery()


def current(connection: Connection) -> Versions:
    return Versions(**{row.scope: row.version for row in connection.execute(_CURRENT)})


def stated(value: Mapping[str, int] | None) -> Versions:
    """What `CURRENT` gave."""
    return Versions(**(value or {}))


class Frames:
    """What one process keeps of what it has read. The oldest unused goes first."""

    def __init__(self) -> None:
        self._cache: LRUCache[Hashable, Any] = LRUCache(KEPT)
        self._condition = threading.Condition()

    @cachedmethod(
        lambda self: self._cache, key=lambda self, key, _: key, condition=lambda self: self._condition
    )
    def get(self, key: Hashable, read: Callable[[], Any]) -> Any:
        """Of many that ask at once, one reads and the others wait for it; what fails is not kept."""
        return read()


def kept(*scopes: Scope) -> Callable[[Method], Method]:
    """For methods of an object with `versions` and `frames`: read once for each version of the scopes.

    What comes back is shared: it must not be changed.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        def keep(self: Any, *arguments: Hashable) -> Any:
            versions = tuple(getattr(self.versions, scope) for scope in scopes)
            return self.frames.get((method.__name__, arguments, versions), lambda: method(self, *arguments))

        return cast(Method, keep)

    return decorate
