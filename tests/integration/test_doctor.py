"""`run.py doctor` as operators use it."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from aggregation.roles import Purpose, grants
from tests.cast import World
from tests.integration.platform_roles import PASSWORD, PREFIX, Database
from tests.integration.test_commands import error_of, run, url


def problems(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("problem: ")]


def test_a_role_that_fits_is_well(roles: Database) -> None:
    done = run("doctor", "--for", "web", engine=roles.as_(Purpose.WEB))
    assert (done.returncode, problems(done)) == (0, []), done.stdout + done.stderr
    assert f"role {PREFIX}_web" in done.stdout.splitlines()
    # without a word about what it is for, too
    assert run("doctor", engine=roles.as_(Purpose.WORKER)).returncode == 0


def test_a_role_that_does_not_fit_is_not(roles: Database) -> None:
    done = run("doctor", "--for", "worker", engine=roles.as_(Purpose.WEB))
    assert done.returncode == 1
    assert f"problem: worker needs more: {PREFIX}_web may not make tables in this schema" in problems(done)
    assert done.stderr == ""


def test_passwords_are_not_shown(roles: Database) -> None:
    engine = roles.as_(Purpose.WEB)
    assert PASSWORD in url(engine) or "only%20for%20tests" in url(engine) or "only+for+tests" in url(engine)
    done = run("doctor", engine=engine)
    assert f"reached postgresql+psycopg2://{PREFIX}_web:***@" in done.stdout
    for shown in (PASSWORD, "only%20for", "only+for"):
        assert shown not in done.stdout + done.stderr


def test_a_superuser_is_more_than_anything_needs(world: World) -> None:
    done = run("doctor", engine=world.engine)
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in problems(done)] == [f"{each} needs less" for each in Purpose]
    assert all(line.endswith("is a superuser: it may do anything") for line in problems(done))


def test_missing_migrations_are_said(empty_database: Engine) -> None:
    done = run("doctor", engine=empty_database)
    assert done.returncode == 1
    assert any("run python run.py migrate" in line for line in problems(done))
    assert "problem: the platform's table virtual_gifts is not there" in problems(done)


def test_the_embedded_database_has_one_role(tmp_path: Path) -> None:
    done = run("doctor", DATA_DIR=str(tmp_path / "data"))
    assert "the embedded database has one role for everything" in done.stdout
    assert not any("superuser" in line for line in problems(done))


SPAN = ("--from", "2026-03-01", "--to", "2026-03-04")


@pytest.mark.parametrize(
    ("purpose", "command"),
    [
        (Purpose.MIGRATOR, ("migrate",)),
        (Purpose.WORKER, ("aggregate", *SPAN)),
        (Purpose.WORKER, ("check", *SPAN)),
        (Purpose.WORKER, ("jobs",)),
        (Purpose.WEB, ("users", "list")),
        (Purpose.WEB, ("users", "add", "ann", "--role", "analyst", "--password-stdin")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_each_role_runs_its_commands(roles: Database, purpose: Purpose, command: tuple[str, ...]) -> None:
    done = run(*command, engine=roles.as_(purpose), given="an unusual pass phrase\n")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("purpose", "command"),
    [
        (Purpose.WEB, ("aggregate", *SPAN)),
        (Purpose.WEB, ("check", *SPAN)),
        (Purpose.WORKER, ("users", "list")),
        (Purpose.MIGRATOR, ("aggregate", *SPAN)),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_no_role_runs_anothers_commands(roles: Database, purpose: Purpose, command: tuple[str, ...]) -> None:
    line = error_of(run(*command, engine=roles.as_(purpose)), 1)
    assert "permission denied for table" in line


def test_the_script_comes_as_it_is(world: World) -> None:
    done = run("doctor", "--grants", engine=world.engine)
    with world.engine.connect() as connection:
        assert done.stdout == grants(connection)
    assert "CREATE ROLE sparkboard_web LOGIN;" in done.stdout
    assert "GRANT SELECT ON daily_analytics TO sparkboard_web;" in done.stdout
    assert "ALTER TABLE user_engagement_2026_03 OWNER TO sparkboard_partitions;" in done.stdout


def test_wrong_use_and_no_database_are_one_line(world: World) -> None:
    line = error_of(run("doctor", "--for", "dba", engine=world.engine), 2)
    assert line == "error: no role is for 'dba'; allowed: web, worker, migrator"
    missing = world.engine.url.set(drivername="postgresql", database="no_such_database")
    shown = missing.render_as_string(hide_password=False)
    line = error_of(run("doctor", DATABASE_URL=shown, SECRET_KEY="x" * 32), 1)
    assert "cannot reach" in line
