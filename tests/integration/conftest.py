from collections.abc import Iterator

import pytest

from aggregation.database import connect
from tests import cast
from tests.conftest import database_at, execute, fresh


@pytest.fixture(scope="session")
def cast_template(server: str, template: str) -> str:
    """The name of a database with the cast and all its numbers, that tests are copied from."""
    name = f"{template}_cast"
    execute(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = connect(database_at(server, name))
    cast.make(engine)
    engine.dispose()
    return name


@pytest.fixture
def world(server: str, cast_template: str) -> Iterator[cast.World]:
    """The cast with all numbers computed, and the application on it."""
    for engine in fresh(server, cast_template):
        yield cast.application(engine)
