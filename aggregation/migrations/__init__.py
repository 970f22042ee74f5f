"""Alembic migrations of the analytics tables. The platform's own tables are never touched."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from aggregation.database import MIGRATIONS_LOCK, exclusive

VERSION_TABLE = "sparkboard_version"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the analytics tables to `revision`; a second migrator waits, then finds no work."""
    config = _config()
    with exclusive(engine, MIGRATIONS_LOCK), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@cache
def newest() -> str | None:
    """Reads all migrations: once a process."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this program."""
    return current(connection) == newest()


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None where `migrate` has never run."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()
