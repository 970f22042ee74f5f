"""The command line as operators use it: real processes, exit status, one line for each error."""

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from aggregation.days import last_complete_day, utc_now
from aggregation.schema import source
from tests import cast
from tests.conftest import environment
from tests.spec.tables import fill

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "x" * 32


def url(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(
    *arguments: str, engine: Engine | None = None, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    if engine is not None:
        settings = {"DATABASE_URL": url(engine), "SECRET_KEY": SECRET} | settings
    return subprocess.run(
        [sys.executable, str(PROJECT / "run.py"), *arguments],
        input=given,
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=120,
    )


def error_of(done: subprocess.CompletedProcess[str], status: int) -> str:
    """The one line of a command that failed with `status`."""
    assert done.returncode == status, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.fixture
def platform_with_gifts(database: Engine) -> Engine:
    source.create_all(database)
    fill(database, cast.PLATFORM)
    return database


# ---- from files to numbers ----


def test_aggregate_check_and_jobs(platform_with_gifts: Engine) -> None:
    done = run("aggregate", "--from", "2026-03-01", "--to", "2026-03-04", engine=platform_with_gifts)
    assert done.returncode == 0, done.stderr
    with platform_with_gifts.connect() as connection:
        revenue = connection.execute(text("SELECT sum(total_revenue) FROM daily_analytics")).scalar_one()
    assert str(revenue) == "1171.10"
    checked = run("check", "--from", "2026-03-01", "--to", "2026-03-04", engine=platform_with_gifts)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "100.0000% equal" in checked.stdout
    listed = run("jobs", engine=platform_with_gifts)
    assert listed.returncode == 0, listed.stderr
    assert "daily" in listed.stdout
    assert "succeeded" in listed.stdout


def test_aggregating_again_changes_nothing(platform_with_gifts: Engine) -> None:
    days = ("aggregate", "--from", "2026-03-01", "--to", "2026-03-04")
    assert run(*days, engine=platform_with_gifts).returncode == 0
    again = run(*days, engine=platform_with_gifts)
    assert {line.split()[-1] for line in again.stdout.strip().splitlines()[1:]} == {"0"}


def test_check_names_a_wrong_cell_and_exits_with_1(platform_with_gifts: Engine) -> None:
    days = ("--from", "2026-03-01", "--to", "2026-03-04")
    assert run("aggregate", *days, engine=platform_with_gifts).returncode == 0
    with platform_with_gifts.begin() as connection:
        connection.execute(text("UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-04'"))
    done = run("check", *days, engine=platform_with_gifts)
    assert done.returncode == 1
    assert "new_users: stored 7, recount says 0" in done.stdout


def test_check_reports_poison_rows_by_reason(platform_with_gifts: Engine) -> None:
    days = ("--from", "2026-03-01", "--to", "2026-03-04")
    with platform_with_gifts.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET creator_share = 'NaN' WHERE id = 3"))
    assert run("aggregate", *days, engine=platform_with_gifts).returncode == 0
    done = run("check", *days, engine=platform_with_gifts)
    assert done.returncode == 0, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("left out:")]
    assert "virtual_gifts" in line
    assert "1 rows" in line


def test_import_a_folder_of_csv_files(database: Engine, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(
        "id,username,is_creator,followers,created_at\n1,cleo,true,3,2026-03-01T10:00:00\n"
        "2,vera,false,0,2026-03-01T10:00:00\n"
    )
    (tmp_path / "videos.csv").write_text("id,creator_id,title,views,likes,comments,shares,created_at\n")
    (tmp_path / "sparks.csv").write_text("id,name,credits\n1,Ember,10\n")
    (tmp_path / "virtual_gifts.csv").write_text(
        "id,spark_id,sender_id,recipient_id,video_id,creator_share,platform_share,status,created_at\n"
        "1,1,2,1,,0.07,0.03,completed,2026-03-01T12:00:00\n"
    )
    done = run("import", str(tmp_path), engine=database)
    assert done.returncode == 0, done.stderr
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM virtual_gifts")).scalar_one() == 1


# ---- errors are one line ----


def test_a_folder_that_is_not_there(database: Engine, tmp_path: Path) -> None:
    assert "nowhere" in error_of(run("import", str(tmp_path / "nowhere"), engine=database), 1)


def test_a_day_that_is_no_day(database: Engine) -> None:
    done = run("aggregate", "--from", "2026-02-30", engine=database)
    assert done.returncode == 2
    assert "2026-02-30" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_day_that_is_not_complete_is_refused(platform_with_gifts: Engine) -> None:
    today = utc_now().date()
    line = error_of(run("aggregate", "--to", today.isoformat(), engine=platform_with_gifts), 2)
    assert str(last_complete_day(utc_now())) in line


def test_a_name_no_job_has(platform_with_gifts: Engine) -> None:
    line = error_of(run("aggregate", "--only", "dayly", engine=platform_with_gifts), 2)
    assert "dayly" in line
    assert "daily" in line


def test_aggregating_without_source_tables(database: Engine) -> None:
    line = error_of(run("aggregate", engine=database), 1)
    assert "virtual_gifts" in line


def test_a_database_that_is_not_migrated(empty_database: Engine) -> None:
    line = error_of(run("aggregate", engine=empty_database), 1)
    assert "run.py migrate" in line
    assert run("migrate", engine=empty_database).returncode == 0
    assert run("jobs", engine=empty_database).returncode == 0


def test_a_database_that_cannot_be_reached() -> None:
    line = error_of(run("migrate", DATABASE_URL="postgresql://me:hidden@127.0.0.1:1/none"), 1)
    assert "cannot reach" in line
    assert "hidden" not in line


def test_a_malformed_setting() -> None:
    line = error_of(run("jobs", PORT="eighty"), 2)
    assert "PORT" in line
    assert "eighty" in line


def test_the_web_server_refuses_a_missing_secret(database: Engine) -> None:
    line = error_of(run("web", DATABASE_URL=url(database)), 2)
    assert "SECRET_KEY" in line


def test_the_demo_stays_away_from_a_real_database(database: Engine) -> None:
    line = error_of(run("demo", "--no-browser", engine=database), 2)
    assert "DATABASE_URL" in line


def test_tracebacks_come_with_debug(database: Engine, tmp_path: Path) -> None:
    done = run("import", str(tmp_path / "nowhere"), engine=database, LOG_LEVEL="DEBUG")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


# ---- accounts ----


def test_accounts(database: Engine) -> None:
    account = ("users", "add", "ada", "--role", "admin", "--password-stdin")
    added = run(*account, engine=database, given="long enough")
    assert added.returncode == 0, added.stderr
    listed = run("users", "list", engine=database).stdout
    assert "ada" in listed
    assert "never" in listed
    changed = run("users", "password", "ada", "--password-stdin", engine=database, given="longer still\n")
    assert changed.returncode == 0
    assert run("users", "disable", "ada", engine=database).returncode == 0
    assert "disabled" in run("users", "list", engine=database).stdout
    with database.connect() as connection:
        stored = connection.execute(text("SELECT password_hash FROM dashboard_accounts")).scalar_one()
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (("add", "bo", "--role", "king"), "long enough", "admin, analyst, creator"),
        (("add", "bo", "--role", "creator"), "long enough", "--creator-id"),
        (("add", "bo", "--role", "admin", "--creator-id", "1"), "long enough", "--creator-id"),
        (("add", "bo", "--role", "admin"), "short", "8"),
        (("password", "nobody"), "long enough", "nobody"),
    ],
)
def test_accounts_that_cannot_be(
    database: Engine, arguments: tuple[str, ...], password: str, said: str
) -> None:
    done = run("users", *arguments, "--password-stdin", engine=database, given=password)
    assert said in error_of(done, 1)


def test_the_same_name_twice(database: Engine) -> None:
    arguments = ("users", "add", "Ada", "--role", "admin", "--password-stdin")
    assert run(*arguments, engine=database, given="long enough").returncode == 0
    again = run("users", "add", "ada", *arguments[3:], engine=database, given="long enough")
    assert "already" in error_of(again, 1)


def test_a_password_is_not_asked_for_without_a_terminal(database: Engine) -> None:
    assert "--password-stdin" in error_of(run("users", "add", "bo", "--role", "admin", engine=database), 2)


# ---- the worker ----


def test_the_worker_catches_up_and_stops_on_sigterm(platform_with_gifts: Engine) -> None:
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "run.py"), "worker"],
        env=environment(DATABASE_URL=url(platform_with_gifts), SECRET_KEY=SECRET),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "running" in line:
            break
    newest = newest_day(platform_with_gifts)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)
    assert process.returncode == 0
    assert newest is None or newest <= last_complete_day(utc_now())
    with platform_with_gifts.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM job_runs WHERE state = 'running'")).scalar_one()
    assert left == 0


def newest_day(engine: Engine) -> date | None:
    with engine.connect() as connection:
        newest: date | None = connection.execute(text("SELECT max(date) FROM daily_analytics")).scalar_one()
    return newest


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    for command in ("demo", "web", "worker", "migrate", "import", "aggregate", "check", "jobs", "users"):
        assert f"  {command} " in shown
