"""Triggers as an operator meets them: the commands, roles, and who fills the platform's tables."""

import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from aggregation import changes, demo, triggers
from aggregation.demo.scale import Scale
from aggregation.errors import UserError
from aggregation.imports import import_folder
from aggregation.publishing import aggregate
from aggregation.roles import Purpose, examine
from aggregation.schema import source
from tests import cast
from tests.commands import PROJECT
from tests.conftest import environment
from tests.integration.platform_roles import Database
from tests.integration.test_commands import SECRET, run, url
from tests.spec.tables import change, fill, rows

LATE_GIFT = (
    "INSERT INTO virtual_gifts (id, spark_id, sender_id, recipient_id, creator_share, platform_share, status,"
    " created_at) VALUES (500, 1, 3, 1, 1, 1, 'completed', '2026-03-02 10:00')"
)


@pytest.fixture
def filled(platform: Engine) -> Engine:
    fill(platform, cast.PLATFORM)
    return platform


def test_migrate_puts_them_on_and_takes_them_away(filled: Engine) -> None:
    before = run("doctor", engine=filled)
    assert "no triggers on the platform's tables" in before.stdout
    done = run("migrate", "--with-triggers", engine=filled)
    assert done.returncode == 0, done.stderr
    assert "changes are noted in users, videos, sparks, virtual_gifts" in done.stdout
    assert "triggers note what changes" in run("doctor", engine=filled).stdout
    change(filled, LATE_GIFT)
    assert len(rows(filled, "source_changes")) == 1
    # Without a word about them all stays as it is.
    assert run("migrate", engine=filled).returncode == 0
    change(filled, "DELETE FROM virtual_gifts WHERE id = 500")
    assert len(rows(filled, "source_changes")) == 2
    away = run("migrate", "--without-triggers", engine=filled)
    assert "triggers taken from" in away.stdout
    change(filled, LATE_GIFT)
    assert len(rows(filled, "source_changes")) == 2


def test_a_table_that_came_later_is_told_of(filled: Engine) -> None:
    change(filled, "DROP TABLE follows")
    triggers.install(filled)
    source.tables["follows"].create(filled)
    done = run("doctor", engine=filled)
    assert done.returncode == 1
    assert "problem: no triggers on follows: run python run.py migrate --with-triggers again" in done.stdout


# ---- who fills the tables ----


def test_an_import_notes_days_not_rows(filled: Engine, tmp_path: Path) -> None:
    aggregate(filled, clock=lambda: cast.NOW)
    triggers.install(filled)
    gifts = [f"{n},1,3,1,,1.00,1.00,completed,2026-03-0{1 + n % 3} 10:00:00" for n in range(1000, 21000)]
    heads = "id,spark_id,sender_id,recipient_id,video_id,creator_share,platform_share,status,created_at"
    (tmp_path / "virtual_gifts.csv").write_text("\n".join([heads, *gifts]))
    import_folder(filled, tmp_path)
    noted = sorted(rows(filled, "source_changes", "subject", "cause", "day"))
    assert [(subject, cause, day.day) for subject, cause, day in noted] == [
        ("virtual_gifts", "late data", day) for day in (1, 2, 3)
    ]
    # The same again changes nothing, and so notes nothing.
    import_folder(filled, tmp_path)
    assert len(rows(filled, "source_changes")) == 3
    aggregate(filled, clock=lambda: cast.NOW)
    assert rows(filled, "source_changes") == []
    assert dict(rows(filled, "daily_analytics", "date", "total_gifts_sent"))[cast.NOW.date().replace(day=2)]


def test_the_demo_notes_few_and_its_backfill_takes_them_in(platform: Engine) -> None:
    triggers.install(platform)
    now = cast.NOW.replace(tzinfo=None)
    demo.load(platform, Scale(days=30, creators=5, users=60), now)
    with platform.connect() as connection:
        noted = changes.noted(connection)
    # A day of a table once for each part that was loaded.
    assert 0 < len(noted) <= 2 * len({(change_.subject, change_.day) for change_ in noted})
    aggregate(platform, clock=lambda: cast.NOW)
    assert rows(platform, "source_changes") == []


# ---- roles ----


@pytest.fixture
def writer(roles: Database) -> Iterator[str]:
    """A role of the platform's own that may write gifts, and nothing else."""
    name = f"writer_{secrets.token_hex(4)}"
    change(roles.owner, f"CREATE ROLE {name}")
    change(roles.owner, f"GRANT INSERT, SELECT ON virtual_gifts TO {name}")
    yield name
    change(roles.owner, f"DROP OWNED BY {name}")
    change(roles.owner, f"DROP ROLE {name}")


def test_whoever_writes_needs_no_right_of_ours(roles: Database, writer: str) -> None:
    triggers.install(roles.owner)
    with roles.owner.begin() as connection:
        connection.execute(text(f"SET LOCAL ROLE {writer}"))
        connection.execute(text(LATE_GIFT))
    assert [row[0] for row in rows(roles.owner, "source_changes", "subject")] == ["virtual_gifts"]
    for forbidden in (
        "INSERT INTO source_changes (subject, cause, day) VALUES ('x', 'x', now())",
        "SELECT * FROM source_changes",
        "DELETE FROM source_changes",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            change(roles.owner, f"SET LOCAL ROLE {writer}; {forbidden}")


def test_the_functions_are_no_way_to_more_rights(roles: Database, writer: str) -> None:
    """They run as who owns the log; so nobody else may use them, nor change what their words mean."""
    triggers.install(roles.owner)
    with roles.owner.begin() as connection:
        owner, public, path = connection.execute(
            text(
                "SELECT proowner = (SELECT relowner FROM pg_class WHERE relname = 'source_changes'),"
                " has_function_privilege(:writer, oid, 'EXECUTE'), proconfig"
                " FROM pg_proc WHERE proname = 'sparkboard_virtual_gifts'"
            ),
            {"writer": writer},
        ).one()
    assert (owner, public, path) == (True, False, ["search_path=pg_catalog, pg_temp"])


def test_the_worker_takes_in_what_was_noted_and_the_web_may_only_read(roles: Database) -> None:
    triggers.install(roles.owner)
    change(roles.owner, LATE_GIFT)
    worker, web = roles.as_(Purpose.WORKER), roles.as_(Purpose.WEB)
    aggregate(worker, clock=lambda: cast.NOW + timedelta(hours=1))
    assert rows(roles.owner, "source_changes") == []
    assert rows(roles.owner, "restatements")
    assert rows(web, "restatements")
    for forbidden in (
        "DELETE FROM restatements",
        "UPDATE restatements SET old = new",
        "INSERT INTO source_changes (subject, cause, day) VALUES ('day', 'x', now())",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            change(web, forbidden)


def test_roles_stay_exact_with_triggers(roles: Database) -> None:
    triggers.install(roles.owner)
    for purpose in Purpose:
        with roles.as_(purpose).connect() as connection:
            assert examine(connection, purpose).is_exact, purpose


@pytest.mark.parametrize("purpose", Purpose)
def test_only_the_tables_owner_can_put_them_on(roles: Database, purpose: Purpose) -> None:
    with pytest.raises(UserError, match="belongs to another role"):
        triggers.install(roles.as_(purpose))


# ---- the worker's start ----


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


def worker_at(address: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROJECT / "run.py"), "worker"],
        env=environment(DATABASE_URL=address, SECRET_KEY=SECRET),
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if words in line:
            return
    raise AssertionError("".join(seen))


def test_a_worker_waits_for_a_database_that_is_down(filled: Engine, tmp_path: Path) -> None:
    folder = filled.url.query.get("host")
    if not isinstance(folder, str):
        pytest.skip("the server has no socket of its own here")
    # Where the server's socket will be, there is nothing yet.
    socket_folder = tmp_path / "s"
    address = make_url(url(filled)).update_query_dict({"host": str(socket_folder)})
    with worker_at(address.render_as_string(hide_password=False)) as process:
        try:
            wait_for(process, "waiting for postgresql+psycopg2://")
            socket_folder.symlink_to(folder)
            wait_for(process, "at work as")
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=15)
            assert process.returncode == 0
            assert "Traceback" not in err
        finally:
            process.kill()


def test_a_worker_that_waits_can_be_stopped() -> None:
    with worker_at(f"postgresql://me:hidden@127.0.0.1:{free_port()}/none") as process:
        try:
            wait_for(process, "waiting for postgresql+psycopg2://me:***@")
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=10)
            assert process.returncode == 0
            assert "hidden" not in err
        finally:
            process.kill()
