from collections.abc import Iterator

import pytest

from aggregation.roles import Purpose
from tests import cast
from tests.conftest import execute, fresh, origin
from tests.integration import platform_roles


@pytest.fixture(scope="session")
def cast_template(server: str, template: str) -> str:
    """The name of a database with the cast and all its numbers, that tests are copied from."""
    with origin(server, f"{template}_cast", template) as engine:
        cast.make(engine)
    return str(engine.url.database)


@pytest.fixture
def world(server: str, cast_template: str) -> Iterator[cast.World]:
    """The cast with all numbers computed, and the application on it."""
    for engine in fresh(server, cast_template):
        yield cast.application(engine)


@pytest.fixture(scope="session")
def shared(server: str, cast_template: str) -> Iterator[cast.World]:
    """The same, for all tests that change nothing in it."""
    for engine in fresh(server, cast_template):
        yield cast.application(engine)


@pytest.fixture(scope="session")
def roles_template(server: str) -> Iterator[str]:
    """The name of a database with roles and numbers, that tests are copied from."""
    name = f"template_{platform_roles.PREFIX}"
    with origin(server, name, "template0") as engine:
        platform_roles.make(engine)
    yield name
    roles = (f"{platform_roles.PREFIX}_{each}" for each in (*Purpose, "partitions"))
    execute(server, f"DROP DATABASE {name}", *(f"DROP ROLE {role}" for role in roles))


@pytest.fixture
def roles(server: str, roles_template: str) -> Iterator[platform_roles.Database]:
    """A platform's database with roles of its own for web, worker and migrator, and all numbers."""
    for engine in fresh(server, roles_template):
        with platform_roles.opened(engine) as database:
            yield database
