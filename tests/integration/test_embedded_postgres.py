"""The embedded PostgreSQL: shared by any number of processes, and it survives each of them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from aggregation.database import connect, embedded_postgres, exclusive
from aggregation.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]
# Says its URL once it is in, and leaves at the end of its input.
USER = """
import sys
from pathlib import Path
from aggregation.database import embedded_postgres

with embedded_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the folder."""

    def __init__(self, folder: Path) -> None:
        self._url = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def url(self) -> str:
        """Waits until it is in."""
        assert self._process.stdout is not None
        self._url = self._url or self._process.stdout.readline().strip()
        return self._url

    def leave(self) -> int:
        """Its exit code."""
        self._process.communicate()
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


Arrive = Callable[[], User]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    target = tmp_path / "postgres"
    yield target
    with embedded_postgres(target):
        pass  # stops what a failed test left behind


@pytest.fixture
def arrive(folder: Path) -> Iterator[Arrive]:
    """Starts users of the folder, and ends them if the test doesn't."""
    with ExitStack() as stack:

        def start() -> User:
            user = User(folder)
            stack.callback(user.kill)
            return user

        yield start


def _processes(folder: Path) -> list[int]:
    """All that work in the folder, as each process of PostgreSQL does in its data directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder.resolve():
                found.append(int(entry.name))
        except OSError:  # gone, or none of ours
            continue
    return found


def _is_stopped(folder: Path) -> bool:
    """Waits for it: a server lets go of its files a moment before it is gone."""
    deadline = time.monotonic() + 10
    while _processes(folder) and time.monotonic() < deadline:
        pass
    return _processes(folder) == []


def _postmaster(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split()[0])


def _ask(url: str, statement: str) -> str:
    engine = connect(url)
    with engine.begin() as connection:
        answer = str(connection.execute(text(statement)).scalar_one())
    engine.dispose()
    return answer


REMEMBER = "CREATE TABLE kept AS SELECT 'still here' AS word; SELECT 1"
RECALL = "SELECT word FROM kept"


def test_twice_in_sequence(folder: Path) -> None:
    for statement in (REMEMBER, RECALL):
        with embedded_postgres(folder) as url:
            answer = _ask(url, statement)
            assert _postmaster(folder) in _processes(folder)
        assert _is_stopped(folder)
    assert answer == "still here"


def test_two_processes_start_a_new_one_at_once(folder: Path, arrive: Arrive) -> None:
    users = [arrive(), arrive()]
    urls = {user.url for user in users}
    assert len(urls) == 1
    assert _ask(urls.pop(), "SELECT 1") == "1"
    assert [user.leave() for user in users] == [0, 0]
    assert _is_stopped(folder)


@pytest.mark.parametrize("first_out", [0, 1])
def test_the_last_one_out_stops_it(folder: Path, arrive: Arrive, first_out: int) -> None:
    users = [arrive()]
    url = users[0].url
    users.append(arrive())
    assert users[1].url == url
    server = _postmaster(folder)
    assert users.pop(first_out).leave() == 0
    assert _ask(url, "SELECT 1") == "1"
    assert _postmaster(folder) == server
    assert users.pop().leave() == 0
    assert _is_stopped(folder)


def test_a_killed_user_takes_nothing_along(folder: Path, arrive: Arrive) -> None:
    user = arrive()
    _ask(user.url, REMEMBER)
    user.kill()
    with embedded_postgres(folder) as url:
        assert _ask(url, RECALL) == "still here"
    assert _is_stopped(folder)


def test_a_killed_server_starts_again(folder: Path, arrive: Arrive) -> None:
    user = arrive()
    _ask(user.url, REMEMBER)
    os.kill(_postmaster(folder), signal.SIGKILL)
    user.kill()
    with embedded_postgres(folder) as url:
        assert _ask(url, RECALL) == "still here"
    assert _is_stopped(folder)


def test_a_killed_server_is_replaced_for_its_old_users_too(folder: Path, arrive: Arrive) -> None:
    old = arrive()
    _ask(old.url, REMEMBER)
    os.kill(_postmaster(folder), signal.SIGKILL)
    new = arrive()
    assert _ask(new.url, RECALL) == "still here"
    assert new.leave() == 0
    assert _ask(old.url, RECALL) == "still here"
    assert old.leave() == 0
    assert _is_stopped(folder)


@pytest.mark.parametrize("left", ["all", "half", "nothing"])
def test_a_process_id_left_behind_is_not_trusted(folder: Path, left: str) -> None:
    """After a restart of the machine the id may be any process's: here it is this one's."""
    with embedded_postgres(folder) as url:
        _ask(url, REMEMBER)
        lines = (folder / "postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getpid())
    (folder / "postmaster.pid").write_text("\n".join(lines[: {"all": 8, "half": 4, "nothing": 0}[left]]))
    with embedded_postgres(folder) as url:
        assert _ask(url, RECALL) == "still here"
    assert _is_stopped(folder)


def test_a_socket_that_only_lets_in_is_no_server(folder: Path) -> None:
    """As for a moment after `kill -9`: the process is there, its socket takes callers, nobody answers."""
    with embedded_postgres(folder) as url:
        _ask(url, REMEMBER)
        lines = (folder / "postmaster.pid").read_text().splitlines()
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(f"{lines[4]}/.s.PGSQL.{lines[3]}")
        dying.listen()
        door = threading.Thread(target=lambda: dying.accept()[0].close())
        door.start()
        with embedded_postgres(folder) as url:
            door.join()
            assert _ask(url, RECALL) == "still here"
    assert _is_stopped(folder)


def test_no_port_is_opened(folder: Path) -> None:
    with embedded_postgres(folder) as url:
        assert _ask(url, "SHOW listen_addresses") == ""


def test_a_path_longer_than_a_socket_may_have(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / "postgres"
    assert len(str(folder)) > 107
    with embedded_postgres(folder) as url:
        assert _ask(url, "SELECT 1") == "1"
        with embedded_postgres(folder) as again:
            assert again == url
        assert _ask(url, "SELECT 1") == "1"
    assert _is_stopped(folder)
    Path(str(make_url(url).query["host"])).rmdir()  # its socket was elsewhere, and is gone


def test_a_folder_that_is_none_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("12\n")
    for _ in range(2):
        with pytest.raises(UserError) as caught, embedded_postgres(folder):
            pass
        message = str(caught.value)
        assert message.startswith(f"cannot start the embedded PostgreSQL in {folder}: Version mismatch")
        assert len(message.splitlines()) == 1


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught, embedded_postgres(tmp_path / "file" / "postgres"):
        pass
    assert str(caught.value) == f"cannot write in {tmp_path}/file: File exists"


def test_holders_of_a_lock_queue_up(empty_database: Engine) -> None:
    order: list[str] = []

    def second() -> None:
        with exclusive(empty_database, 7):
            order.append("second in")

    thread = threading.Thread(target=second)
    with exclusive(empty_database, 7):
        thread.start()
        with exclusive(empty_database, 8) as connection:
            waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            while thread.is_alive() and not connection.execute(waiting).scalar_one():
                pass
        order.append("first out")
    thread.join(30)
    assert order == ["first out", "second in"]
