"""Data versions: by them whoever keeps a number knows whether it is still true.

A version is the transaction that changed the numbers last. It is written in that transaction, so
it is never seen without the numbers, nor they without it.
"""

import threading
from collections.abc import Callable, Hashable
from enum import StrEnum
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
    """What changes together: whole days each night, the running day every few minutes, recounts."""

    DAYS = "days"
    TODAY = "today"
    CHECKS = "checks"


class Versions(NamedTuple):
    """0 where nothing has been computed yet."""

    days: int = 0
    today: int = 0
    checks: int = 0


def bump(connection: Connection, scope: Scope) -> None:
    """Say, in the connection's transaction, that numbers of this scope have changed."""
    version = as_type(as_type(func.pg_current_xact_id(), Text), BigInteger)
    insertion = postgresql.insert(data_versions).values(scope=scope, version=version)
    connection.execute(
        insertion.on_conflict_do_update(
            index_elements=[data_versions.c.scope], set_={"version": insertion.excluded.version}
        )
    )


def current(connection: Connection) -> Versions:
    rows = connection.execute(select(data_versions.c.scope, data_versions.c.version))
    return Versions(**{row.scope: row.version for row in rows})


class Frames:
    """What one process keeps of what it has read. The oldest unused goes first."""

    def __init__(self) -> None:
        self.cache: LRUCache[Hashable, Any] = LRUCache(KEPT)
        self.condition = threading.Condition()


def kept(*scopes: Scope) -> Callable[[Method], Method]:
    """For methods of an object with `versions` and `frames`: read once for each version of the scopes.

    Of many that ask at once, one reads and the others wait for it. What comes back is shared: it
    must not be changed.
    """

    def decorate(method: Method) -> Method:
        def key(self: Any, *arguments: Hashable) -> Hashable:
            versions = tuple(getattr(self.versions, scope) for scope in scopes)
            return (method.__name__, arguments, versions)

        keep = cachedmethod(
            lambda self: self.frames.cache, key=key, condition=lambda self: self.frames.condition
        )
        return cast(Method, keep(method))

    return decorate
