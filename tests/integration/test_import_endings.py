"""However an `import` ends, everything is in or nothing is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from aggregation.errors import UserError
from aggregation.imports import import_folder
from tests.integration.import_files import NOON, OPTIONAL, add, good_files, refusal, rows_of, stored, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The required tables as CSV files, all of them good."""
    return good_files(tmp_path)


@pytest.fixture
def loaded(empty_database: Engine, folder: Path) -> Engine:
    """A database into which the good files went; the folder then holds changes to all of them."""
    write(folder, OPTIONAL)
    import_folder(empty_database, folder)
    (folder / "user_sessions.csv").unlink()
    add(folder, "users", f"4,dan,t,0,{NOON}")
    add(folder, "virtual_gifts", f"102,5,2,1,10,7,3,completed,{NOON}")
    return empty_database


def test_a_bad_last_file_undoes_the_others(loaded: Engine, folder: Path) -> None:
    add(folder, "transactions", f"2,,gifts,1,completed,{NOON}")
    assert refusal(loaded, folder).startswith("transactions.csv, line 3: source 'gifts'")


def test_an_interrupt_undoes_everything(loaded: Engine, folder: Path) -> None:
    def interrupt(table: str, done: int, total: int) -> None:
        if table == "transactions" and done:
            raise KeyboardInterrupt

    before = stored(loaded)
    with pytest.raises(KeyboardInterrupt):
        import_folder(loaded, folder, interrupt)
    assert stored(loaded) == before
    assert import_folder(loaded, folder)["users"] == 4


@pytest.mark.parametrize("rows", [0, 1])
def test_a_lost_connection_is_told_in_one_line(loaded: Engine, folder: Path, rows: int) -> None:
    """Before the first row is copied, and after the last."""
    killer = create_engine(loaded.url)

    def cut(table: str, done: int, total: int) -> None:
        if (table, done) == ("transactions", rows):
            with killer.connect() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    before = stored(loaded)
    with pytest.raises(UserError) as caught:
        import_folder(loaded, folder, cut)
    message = str(caught.value)
    assert message.startswith("transactions.csv: database error: ")
    assert len(message.splitlines()) == 1
    assert stored(loaded) == before
    killer.dispose()


def test_a_database_that_does_not_answer(folder: Path, tmp_path: Path) -> None:
    engine = create_engine(f"postgresql+psycopg2://me:hidden@/x?host={tmp_path}")
    with pytest.raises(UserError) as caught:
        import_folder(engine, folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}: database error: connection to server on socket")
    assert len(message.splitlines()) == 1
    assert "hidden" not in message


def test_what_the_platforms_own_table_refuses(empty_database: Engine, folder: Path) -> None:
    with empty_database.begin() as connection:
        connection.execute(text("CREATE TABLE sparks (id int PRIMARY KEY, name varchar(4), credits int)"))
    assert refusal(empty_database, folder) == (
        "sparks.csv: database error: value too long for type character varying(4); nothing was imported"
    )
    with empty_database.begin() as connection:
        connection.execute(text("ALTER TABLE sparks DROP COLUMN credits"))
    assert refusal(empty_database, folder) == (
        "sparks.csv does not fit: sparks in the database has no column credits"
    )


def test_two_imports_at_once_queue_up(empty_database: Engine, folder: Path) -> None:
    first_is_in, second_waits = threading.Event(), threading.Event()

    def hold(table: str, done: int, total: int) -> None:
        first_is_in.set()
        assert second_waits.wait(30)

    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(import_folder, empty_database, folder, hold)
        assert first_is_in.wait(30)
        second = pool.submit(import_folder, empty_database, folder)
        while not second.done() and not rows_of(empty_database, waiting):
            pass
        assert not second.done()
        second_waits.set()
        assert first.result(30) == second.result(30)
