"""Settings: the only reader of the environment and of `.env`."""

import errno
import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from aggregation import engines
from aggregation.database import connect, embedded_postgres, require_reachable, without_password
from aggregation.engines import Compute
from aggregation.errors import UsageError, UserError
from dashboard_app.protection import Protection
from dashboard_app.proxies import Network, networks

log = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parent.parent
MIN_SECRET_BYTES = 32
SPARK_MASTERS = "local[N], local[*], spark://HOST:PORT, yarn, k8s://… or sc://HOST:PORT"
SPARK_SOURCES = "a folder or object store of Parquet, or database (DATABASE_URL by JDBC)"
HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'


def _postgres_url(value: SecretStr) -> SecretStr:
    url = _parsed_url(value.get_secret_value())
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("postgresql://user:password@host:port/database")
    return value


def _parsed_url(value: str) -> URL | None:
    try:
        return make_url(value)
    except (ArgumentError, ValueError):  # a ValueError quotes what it takes for the port: part of a password
        return None


def _networks(value: Any) -> Any:
    return networks(value) if isinstance(value, str) else value


def _spark_master(value: str) -> str:
    if not re.fullmatch(r"local(\[(\*|\d+)\])?|yarn|(spark|sc)://.+|k8s://.+", value):
        raise ValueError(SPARK_MASTERS)
    return value


def _spark_options(value: Any) -> Any:
    """`name=value`, with spaces between."""
    if not isinstance(value, str):
        return value
    pairs = [each.partition("=") for each in value.split()]
    if not all(name.startswith("spark.") and equals for name, equals, _ in pairs):
        raise ValueError("spark.NAME=VALUE, with spaces between")
    return {name: each for name, _, each in pairs}


Hours = Annotated[int, Field(ge=1, le=8760)]


class Settings(BaseSettings):
    """Everything that can be set. Names, defaults and meanings are those of README.md."""

    model_config = SettingsConfigDict(
        env_file=PROJECT / ".env", extra="forbid", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = None
    data_dir: Path = PROJECT / "var"
    secret_key: SecretStr | None = None
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8050
    web_workers: Annotated[int, Field(ge=1, le=64)] = min(4, os.cpu_count() or 1)
    web_threads: Annotated[int, Field(ge=1, le=64)] = 4
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    session_idle_hours: Hours = 8
    session_absolute_hours: Hours = 24
    metrics_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = ()

    spark_master: Annotated[str, AfterValidator(_spark_master)] | None = None
    spark_source: str | None = None
    spark_options: Annotated[dict[str, str], NoDecode, BeforeValidator(_spark_options)] = {}

    def compute(self, name: str | None = None) -> Compute:
        """The engine of that name; by default Spark where SPARK_MASTER is set, else the database.

        Raises UsageError for a name that there isn't, and for Spark without what it needs.
        """
        if name not in (None, "database", "spark"):
            raise UsageError(f"no engine is called {name!r}; allowed: database, spark")
        if name == "database" or (name is None and self.spark_master is None):
            return engines.DATABASE
        if self.spark_master is None:
            raise UsageError(f"SPARK_MASTER is required for Spark; allowed: {SPARK_MASTERS}")
        if self.spark_source is None:
            raise UsageError(f"SPARK_SOURCE is required with SPARK_MASTER; allowed: {SPARK_SOURCES}")
        url = None
        if self.spark_source == "database":
            if self.database_url is None:
                raise UsageError("SPARK_SOURCE=database needs DATABASE_URL: the embedded one has no address")
            url = make_url(self.database_url.get_secret_value())
        return engines.cluster(self.spark_master, self.spark_options, self.spark_source, url)

    @property
    def embedded(self) -> bool:
        """Whether the database is the one in DATA_DIR."""
        return self.database_url is None

    def protection(self) -> Protection:
        return Protection(
            idle=timedelta(hours=self.session_idle_hours),
            absolute=timedelta(hours=self.session_absolute_hours),
            proxies=self.trusted_proxies,
            metrics_token=self.metrics_token.get_secret_value() if self.metrics_token else None,
        )

    def share_counters(self) -> Path | None:
        """The folder in which the processes of one web server count together; None where there can't be one.

        Before prometheus_client is imported, which reads the environment then.
        """
        folder = self.data_dir.resolve() / "counters" / str(os.getpid())
        try:
            _remove_left(folder.parent)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            log.warning("each process has counters of its own: %s", error)
            return None
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        return folder

    def session_secret(self) -> str:
        """The key that signs cookies; generated once and kept in DATA_DIR with the embedded database.

        Raises UsageError where DATABASE_URL is set and SECRET_KEY is missing or short.
        """
        self.require_secret()
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _kept_secret(self.data_dir / "secret_key")

    def require_secret(self) -> None:
        """Raises UsageError where SECRET_KEY is short, or missing though DATABASE_URL is set."""
        if self.secret_key is None and self.embedded:
            return
        if self.secret_key is None:
            fault = "required with DATABASE_URL"
        elif len(self.secret_key.get_secret_value().encode()) < MIN_SECRET_BYTES:
            fault = "too short"
        else:
            return
        raise UsageError(
            f"SECRET_KEY is {fault}: at least {MIN_SECRET_BYTES} bytes. Make one with {HOW_TO_MAKE_ONE}"
        )

    @property
    def address(self) -> str:
        """HOST:PORT, with brackets around an IPv6 address."""
        host = self.host.strip("[]")
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def require_free_address(self) -> None:
        """Raises UserError where the web server could not listen on HOST and PORT."""
        if os.environ.get("GUNICORN_FD"):
            return  # started by SIGUSR2: it takes over the sockets of the server that runs
        host = self.host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                # As gunicorn does: connections that have just ended don't count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, self.port))
                probe.listen()  # two sockets that don't listen may share an address
        except (OSError, UnicodeError) as error:
            raise UserError(_why_not_bound(self.host, self.port, error)) from None

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """An engine on the configured database; starts the embedded one where no URL is set."""
        if self.database_url is not None:
            engine = connect(self.database_url.get_secret_value())
            require_reachable(engine)
            yield engine
            engine.dispose()
            return
        with embedded_postgres(self.data_dir / "postgres") as url:
            engine = connect(url)
            yield engine
            engine.dispose()


def load(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; raises UsageError naming the first bad one."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise UsageError(_one_line(error)) from None
    except UnicodeDecodeError:
        raise UsageError(".env is not UTF-8 text") from None


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]).upper()
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(field.upper() for field in Settings.model_fields)
        return f"unknown setting {name} in .env; allowed: {allowed}"
    shown = _shown(name, first["input"])
    return f"setting {name}{shown} is not valid; allowed: {_allowed(name, first['msg'])}"


def _shown(name: str, value: Any) -> str:
    """The value without what is secret; nothing where that can't be told apart."""
    match name:
        case "SECRET_KEY" | "METRICS_TOKEN" | "SPARK_OPTIONS":
            return ""
        case "DATABASE_URL":
            url = _parsed_url(str(value))
            return f"={without_password(url)!r}" if url else ""
        case _:
            return f"={value!r}"


def _allowed(name: str, message: str) -> str:
    match name:
        case "PORT":
            return "a whole number from 1 to 65535"
        case "WEB_WORKERS" | "WEB_THREADS":
            return "a whole number from 1 to 64"
        case "SESSION_IDLE_HOURS" | "SESSION_ABSOLUTE_HOURS":
            return "a whole number from 1 to 8760"
        case "METRICS_TOKEN":
            return "16 characters or more"
        case "TRUSTED_PROXIES":
            return "IP addresses or networks with commas between, such as 10.0.0.7,192.168.0.0/16"
        case _:
            return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _why_not_bound(host: str, port: int, error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return f"PORT={port} is taken on HOST={host}: stop what listens there, or choose another PORT"
    if code == errno.EACCES:
        return f"PORT={port} is not allowed for this system user: choose a PORT from 1024 on"
    reason = error.strerror if isinstance(error, OSError) else error
    return f"cannot listen on HOST={host}, PORT={port}: {reason}"


def _remove_left(folder: Path) -> None:
    """What servers that have ended left behind."""
    for each in folder.iterdir() if folder.exists() else ():
        if each.name.isdigit() and not _is_running(int(each.name)):
            shutil.rmtree(each, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _kept_secret(path: Path) -> str:
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_secret(path)
        secret = path.read_text()
    except OSError as error:
        raise UserError(f"cannot keep a secret in {path.parent}: {error.strerror}") from None
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise UserError(
            f"{path} is damaged: at least {MIN_SECRET_BYTES} bytes. Delete it, and a new one is made"
        )
    return secret


def _make_secret(path: Path) -> None:
    """Appears under its name all at once, so that no other process can read half of it."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key.") as draft:
        draft.write(secrets.token_urlsafe(48))
        draft.flush()
        with suppress(FileExistsError):  # another process was first: its secret counts
            path.hardlink_to(draft.name)
