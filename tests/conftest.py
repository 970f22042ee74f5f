"""A real PostgreSQL for every test that asks for one: one server a run, a fresh database a test."""

import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Engine, make_url, text
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from aggregation.database import connect, embedded_postgres
from aggregation.migrations import migrate
from aggregation.schema import source
from dashboard_app.settings import Settings

GDQ = Path(__file__).resolve().parents[2] / "shared" / "data" / "gdq"
# Twice what all servers of a run take at once.
MEMORY, ENOUGH = Path("/dev/shm"), 8 * 2**30  # noqa: S108
_numbers = itertools.count(1)
# Whoever was started in the background ignores Ctrl-C, and so would the programs that tests stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# What takes minutes begins first: else one process would still be at it long after the others are done.
LONGEST = (
    "integration/test_gdq.py",
    "browser/test_every_page.py",
    "integration/test_commands.py",
    "integration/test_late_data.py",
    "integration/test_worker.py",
    "integration/test_spark.py",
    "integration/test_people.py",
    "integration/test_torture.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests run in one process; and so do all in the browser, which share a demo."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def execute(url: str, *statements: str) -> None:
    engine = connect(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def database_at(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def environment(**settings: str) -> dict[str, str]:
    """What a started program sees: ours without any of the product's settings, and `settings`."""
    names = {field.upper() for field in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in names} | settings


@contextmanager
def lasting_folder() -> Iterator[Path]:
    """A folder for a server that runs through the whole session.

    Not pytest's: each start of another pytest closes /tmp/pytest-of-… to other users again, and as
    root PostgreSQL runs as a user of its own. In memory where there is enough: a copy of a database is
    hundreds of files, which a disk takes ten times as long for.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    with TemporaryDirectory(prefix="sparkboard-", dir=MEMORY if roomy else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL for this run: TEST_DATABASE_URL (a superuser's), else the embedded one."""
    outside = os.environ.get("TEST_DATABASE_URL")
    if outside:
        yield outside
        return
    with lasting_folder() as folder, embedded_postgres(folder / "postgres") as url:
        # Nothing here must survive a crash.
        execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield url


@contextmanager
def origin(server: str, name: str, of: str) -> Iterator[Engine]:
    """A new database of this name, itself a copy, that tests are copied from once it is filled."""
    execute(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {of}")
    engine = connect(database_at(server, name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated database that tests are copied from."""
    with origin(server, f"template_{os.getpid()}", "template1") as engine:
        migrate(engine)
    return str(engine.url.database)


@pytest.fixture
def empty_database(server: str) -> Iterator[Engine]:
    """A database with nothing in it."""
    yield from fresh(server, "template0")


@pytest.fixture
def database(server: str, template: str) -> Iterator[Engine]:
    """A migrated database without source tables."""
    yield from fresh(server, template)


@pytest.fixture
def platform(database: Engine) -> Engine:
    """A migrated database with all source tables, empty."""
    source.create_all(database)
    return database


def fresh(server: str, of: str) -> Iterator[Engine]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {of} STRATEGY FILE_COPY")
    engine = connect(database_at(server, name))
    yield engine
    engine.dispose()
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")
