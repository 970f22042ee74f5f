"""Which of the workers on a database is at work, and that no other writes.

A row of worker_leases says who, and until when by the database's clock. Its token grows with each new
holder. What a holder commits is fenced: the row is asked for his token in the same transaction, and kept
from changing hands until that ends. So one that was frozen, or cut off, writes nothing when it comes back.
"""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from aggregation.database import connect

log = logging.getLogger(__name__)

TERM = timedelta(seconds=3)
RENEWED_EVERY = timedelta(seconds=1)
# How often those who wait look.
LOOKED_AT_EVERY = timedelta(seconds=0.5)
SERIALIZATION_FAILURE = "40001"


class Deposed(Exception):  # noqa: N818
    """Another holds the lease: the transaction was rolled back."""


class Lease:
    """One process's claim to the lease `name`."""

    def __init__(self, url: URL, name: str = "worker") -> None:
        self.name = name
        # Also the name of the holder's sessions, by which the next one finds and ends them.
        host = socket.gethostname().encode("ascii", "replace").decode()[:32]
        self.holder = f"sparkboard {name} {host} {os.getpid()} {secrets.token_hex(3)}"
        self._engine = connect(url, self.holder, statement_timeout="2s", lock_timeout="2s")
        self._token: int | None = None
        self._lost = threading.Event()
        self._done = threading.Event()
        self._heart: threading.Thread | None = None

    @property
    def lost(self) -> bool:
        """Whether another has taken it since `take`; known a second later at the latest."""
        return self._lost.is_set()

    def take(self) -> bool:
        """Whether it is ours now. Where its holder let it run out, his sessions are ended first."""
        with self._engine.connect() as connection:
            seen = connection.execute(SEEN, {"name": self.name}).one_or_none()
        if seen and not seen.free:
            return False
        with self._engine.begin() as connection:
            if seen and seen.holder != self.holder:
                # They may hold locks, and commit no more in any case.
                connection.execute(END_SESSIONS, {"holder": seen.holder})
            self._token = connection.scalar(TAKE, self._me | {"term": TERM})
        if self._token is None:
            return False
        self._lost.clear()
        self._done.clear()
        self._heart = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._heart.start()
        return True

    @property
    def _me(self) -> dict[str, object]:
        return {"name": self.name, "holder": self.holder, "token": self._token}

    def release(self, within: timedelta = timedelta(seconds=1)) -> None:
        """Let the next one in at once. Where the database doesn't answer `within` this, after TERM."""
        self._done.set()
        if self._heart:
            self._heart.join(within.total_seconds())
        self._engine.dispose()

    def _beat(self) -> None:
        troubled = False
        while not self._done.wait(RENEWED_EVERY.total_seconds()):
            try:
                if not self._extend(TERM):
                    self._lost.set()
                    return
                troubled = False
            except DBAPIError as error:
                if not troubled:
                    log.warning("the lease can't be renewed: %s", str(error.orig).strip().splitlines()[0])
                troubled = True
        try:
            self._extend(timedelta())
        except DBAPIError as error:
            log.warning("the lease is left to run out: %s", str(error.orig).strip().splitlines()[0])

    def _extend(self, term: timedelta) -> bool:
        """Also after it ran out, if nobody wanted it meanwhile."""
        with self._engine.begin() as connection:
            return connection.execute(EXTEND, self._me | {"term": term}).rowcount == 1

    # ---- the fence ----

    @contextmanager
    def fencing(self, engine: Engine) -> Iterator[None]:
        """Meanwhile each commit of this engine raises Deposed unless the lease is ours."""
        event.listen(engine, "commit", self._require)
        try:
            yield
        finally:
            event.remove(engine, "commit", self._require)

    def _require(self, connection: Connection) -> None:
        if not self._is_ours(connection):
            self._lost.set()
            # Whoever catches this finds no transaction that he could go on with.
            connection.connection.rollback()
            raise Deposed("another worker has taken over")

    def _is_ours(self, connection: Connection) -> bool:
        try:
            return connection.execute(OURS, self._me).one_or_none() is not None
        except DBAPIError as error:
            # Its snapshot is older than the new holder.
            if getattr(error.orig, "pgcode", None) == SERIALIZATION_FAILURE:
                return False
            raise


SEEN = text("SELECT holder, expires_at < clock_timestamp() AS free FROM worker_leases WHERE name = :name")
TAKE = text("""
    INSERT INTO worker_leases AS l (name, holder, token, expires_at)
    VALUES (:name, :holder, 1, clock_timestamp() + :term)
    ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, token = l.token + 1, expires_at = excluded.expires_at
        WHERE l.expires_at < clock_timestamp()
    RETURNING token
""")
EXTEND = text("""
    UPDATE worker_leases SET expires_at = clock_timestamp() + :term WHERE name = :name AND token = :token
""")
# The token is part of a unique key: FOR KEY SHARE keeps it from changing until the transaction ends, while
# the term may be extended, even in transactions with an older snapshot.
OURS = text("SELECT 1 FROM worker_leases WHERE name = :name AND token = :token FOR KEY SHARE")
# Of our own role only: no other may be ended without more privileges.
END_SESSIONS = text("""
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = :holder AND datname = current_database() AND usename = current_user
      AND pid <> pg_backend_pid()
""")
