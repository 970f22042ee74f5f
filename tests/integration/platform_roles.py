"""A platform's database with the roles of docs/ROLES.md."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine, text

from aggregation import running_day
from aggregation.database import connect
from aggregation.migrations import migrate
from aggregation.publishing import aggregate, refresh_running_day
from aggregation.roles import Purpose, grants
from aggregation.schema import source
from tests import cast
from tests.spec.tables import fill

PREFIX = f"test_{os.getpid()}"
PASSWORD = "only for tests"


@dataclass
class Database:
    """A platform's database with the three roles, each with engines of its own."""

    owner: Engine
    engines: list[Engine] = field(default_factory=list)

    def as_(self, purpose: Purpose) -> Engine:
        engine = connect(self.owner.url.set(username=f"{PREFIX}_{purpose}", password=PASSWORD))
        self.engines.append(engine)
        return engine

    def grant(self) -> None:
        """What an administrator does with the script."""
        with self.owner.begin() as connection:
            connection.connection.cursor().execute(grants(connection, PREFIX))
            for purpose in Purpose:
                connection.execute(text(f"ALTER ROLE {PREFIX}_{purpose} PASSWORD '{PASSWORD}'"))


def make(owner: Engine) -> None:
    """As docs/ROLES.md has it: roles, tables made by the migrator, what they need; the worker's numbers."""
    source.create_all(owner)
    fill(owner, cast.PLATFORM)
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE users ADD COLUMN email text DEFAULT 'x@example.com'"))
        connection.execute(text("CREATE TABLE payouts (iban text)"))
    with opened(owner) as database:
        database.grant()
        migrate(database.as_(Purpose.MIGRATOR))
        database.grant()
        worker = database.as_(Purpose.WORKER)
        aggregate(worker, clock=lambda: cast.NOW)
        refresh_running_day(worker, clock=lambda: cast.NOW)
        running_day.refresh(worker, cast.NOW)


@contextmanager
def opened(owner: Engine) -> Iterator[Database]:
    """Roles belong to the whole server, so what a test gave to them is taken back."""
    database = Database(owner)
    yield database
    for engine in database.engines:
        engine.dispose()
    with owner.begin() as connection:
        connection.execute(text(f"ALTER ROLE {PREFIX}_web NOSUPERUSER NOCREATEDB NOCREATEROLE"))
        connection.execute(text(f"REVOKE pg_read_server_files FROM {PREFIX}_web"))
