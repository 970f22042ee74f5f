"""Settings: the only reader of the environment and of `.env`."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from aggregation.database import connect, embedded_postgres, require_reachable
from aggregation.errors import UserError

PROJECT = Path(__file__).resolve().parent.parent
MIN_SECRET_BYTES = 32
HOW_TO_MAKE_ONE = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'


def _postgres_url(value: SecretStr) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
    except ArgumentError:
        raise ValueError("postgresql://user:password@host:port/database") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("postgresql://user:password@host:port/database")
    return value


class Settings(BaseSettings):
    """Everything that can be set. Names, defaults and meanings are fixed by the contract."""

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

    @property
    def embedded(self) -> bool:
        """Whether the database is the one in DATA_DIR."""
        return self.database_url is None

    def session_secret(self) -> str:
        """The key that signs cookies; generated once and kept in DATA_DIR with the embedded database.

        Raises UserError where DATABASE_URL is set and SECRET_KEY is missing or short.
        """
        if self.secret_key is not None:
            secret = self.secret_key.get_secret_value()
            if len(secret.encode()) < MIN_SECRET_BYTES:
                raise UserError(
                    f"SECRET_KEY is too short: at least {MIN_SECRET_BYTES} bytes. "
                    f"Make one with {HOW_TO_MAKE_ONE}"
                )
            return secret
        if not self.embedded:
            raise UserError(
                f"SECRET_KEY is required with DATABASE_URL: at least {MIN_SECRET_BYTES} bytes. "
                f"Make one with {HOW_TO_MAKE_ONE}"
            )
        return _kept_secret(self.data_dir / "secret_key")

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
    """Settings from the environment and `.env`; raises UserError naming the first bad one."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise UserError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]).upper()
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(field.upper() for field in Settings.model_fields)
        return f"unknown setting {name} in .env; allowed: {allowed}"
    shown = "" if name in ("DATABASE_URL", "SECRET_KEY") else f"={first['input']!r}"
    return f"setting {name}{shown} is not valid; allowed: {_allowed(name, first['msg'])}"


def _allowed(name: str, message: str) -> str:
    match name:
        case "PORT":
            return "a whole number from 1 to 65535"
        case "WEB_WORKERS" | "WEB_THREADS":
            return "a whole number from 1 to 64"
        case _:
            return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    secret = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    return secret
