"""The command line as operators use it: real processes, exit status, one line for each error."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from aggregation import demo
from aggregation.database import connect, embedded_postgres
from aggregation.days import last_complete_day, utc_now, written
from aggregation.jobs import JOBS
from aggregation.migrations import migrate
from aggregation.schema import source
from tests import cast, commands
from tests.commands import PROJECT
from tests.conftest import environment, lasting_folder
from tests.integration.test_forecasts import fill_days
from tests.spec.tables import fill, rows

SECRET = "x" * 32


def url(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(
    *arguments: str, engine: Engine | None = None, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    if engine is not None:
        settings = {"DATABASE_URL": url(engine), "SECRET_KEY": SECRET} | settings
    return commands.run(*arguments, given=given, **settings)


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
    # a line a run, also where no terminal is wide enough; each with the time of its own work
    took = dict(rows(platform_with_gifts, "job_runs", "job", "seconds"))
    lines = [line.split() for line in listed.stdout.splitlines()]
    ran = {line[0]: line for line in lines if "succeeded" in line}
    assert set(ran) == {job.name for job in JOBS}
    for name, line in ran.items():
        assert line[1:5] == ["2026-03-01", "–", "2026-03-04", "succeeded"]
        assert line[8] == f"{took[name]:.1f}"


def test_forecast(database: Engine) -> None:
    source.create_all(database)
    first = last_complete_day(utc_now()) - timedelta(days=59)
    gifts = [f"{first + timedelta(days=day)} 10:00" for day in range(60)]
    users = f"users\nid | created_at | is_creator\n1 | {first} 09:00 | false\n2 | {first} 09:00 | true"
    fill(database, "\n".join([users, "", "virtual_gifts", "created_at", *gifts]))
    assert run("aggregate", engine=database).returncode == 0
    done = run("forecast", "--days", "14", engine=database)
    assert done.returncode == 0, done.stderr
    assert "ets, from 60 days" in done.stdout
    assert "1 creators" in done.stdout
    # Every day had the same revenue: nothing tells how far one can be off.
    assert "not known" in done.stdout
    assert "how far a day can be off is not known" in done.stdout
    assert "probability" not in done.stdout
    with database.connect() as connection:
        days = connection.execute(text("SELECT count(DISTINCT forecast_date) FROM revenue_forecast")).scalar()
    assert days == 14
    again = run("forecast", "--days", "14", engine=database)
    assert again.returncode == 0, again.stderr
    assert "stays" in again.stdout


def test_a_forecast_of_too_little_says_what_it_needs(platform_with_gifts: Engine) -> None:
    assert "aggregated" in error_of(run("forecast", engine=platform_with_gifts), 1)
    days = ("--from", "2026-03-01", "--to", "2026-03-04")
    assert run("aggregate", *days, engine=platform_with_gifts).returncode == 0
    line = error_of(run("forecast", engine=platform_with_gifts), 1)
    assert line == "error: a forecast needs 7 complete days, has 4"
    assert "days" in error_of(run("forecast", "--days", "0", engine=platform_with_gifts), 2)


@pytest.mark.parametrize(
    ("revenue", "days_ago", "first", "last", "limits"),
    [
        ([0.0] * 30, 0, "weekday_mean|ets, from 30 days", "No revenue in the last 30 days", 0),
        ([50.0] * 30, 0, "next days", "All 30 days had the same revenue", 0),
        ([40.0, 50, 60, 70, 80, 90, 30] * 5, 1, "next days", "ets, from 35 days", 2),
        ([40.0, 50, 60, 70, 80, 90, 30] * 5, 2, "Stale: the newest complete day is {}.", "ets, from 35", 2),
    ],
    ids=["all zero", "constant", "fresh", "stale"],
)
def test_a_forecast_says_in_words_what_a_number_would_hide(
    database: Engine, revenue: list[float], days_ago: int, first: str, last: str, limits: int
) -> None:
    """What is stale says so before its numbers."""
    newest = last_complete_day(utc_now()) - timedelta(days=days_ago)
    fill_days(database, revenue, newest)
    done = run("forecast", engine=database)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.match(first.format(re.escape(written(newest))), lines[0].strip()), done.stdout
    assert any(line.startswith(last) for line in lines), done.stdout
    assert sum(" – " in line for line in lines) == limits
    assert ("probability" in done.stdout) is (limits > 0)
    assert done.stdout.count("Stale") == (days_ago == 2)


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


def write_platform(folder: Path) -> None:
    """CSV files of the required tables."""
    (folder / "users.csv").write_text(
        "id,username,is_creator,followers,created_at\n1,cleo,true,3,2026-03-01T10:00:00\n"
        "2,vera,false,0,2026-03-01T10:00:00\n"
    )
    (folder / "videos.csv").write_text("id,creator_id,title,views,likes,comments,shares,created_at\n")
    (folder / "sparks.csv").write_text("id,name,credits\n1,Ember,10\n")
    (folder / "virtual_gifts.csv").write_text(
        "id,spark_id,sender_id,recipient_id,video_id,creator_share,platform_share,status,created_at\n"
        "1,1,2,1,,0.07,0.03,completed,2026-03-01T12:00:00\n"
    )


def test_import_a_folder_of_csv_files(database: Engine, tmp_path: Path) -> None:
    write_platform(tmp_path)
    done = run("import", str(tmp_path), engine=database)
    assert done.returncode == 0, done.stderr
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM virtual_gifts")).scalar_one() == 1


# ---- errors are one line ----


def test_a_folder_that_is_not_there(database: Engine, tmp_path: Path) -> None:
    assert "nowhere" in error_of(run("import", str(tmp_path / "nowhere"), engine=database), 1)


def test_a_day_that_is_no_day(database: Engine) -> None:
    assert "2026-02-30" in error_of(run("aggregate", "--from", "2026-02-30", engine=database), 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch",), "'nosuch'"),
        (("web", "--port", "abc"), "--port"),
        (("web", "--port", "70000"), "--port"),
        (("jobs", "--nosuch"), "--nosuch"),
        (("import",), "folder"),
        (("users", "nosuch"), "'nosuch'"),
        (("demo", "--days", "0"), "days must be from 1"),
        (("demo", "--users", "5"), "users must be at least 320"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    line = error_of(run(*arguments), 2)
    assert line.startswith("error: ")
    assert said in line


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


def test_the_web_without_a_database_says_so_alone() -> None:
    """What it reads meanwhile is waited for. In an interpreter of its own, whose end is the real one."""
    settings = {"DATABASE_URL": "postgresql://me:hidden@127.0.0.1:1/none", "SECRET_KEY": SECRET}
    done = subprocess.run(
        [sys.executable, "run.py", "web"],
        cwd=PROJECT,
        env=environment(**settings, PORT=free_port()),
        capture_output=True,
        text=True,
        timeout=commands.TIMEOUT,
        check=False,
    )
    assert "cannot reach" in error_of(done, 1)


def test_a_malformed_setting() -> None:
    line = error_of(run("jobs", PORT="eighty"), 2)
    assert "PORT" in line
    assert "eighty" in line


def test_the_web_server_refuses_a_missing_secret(database: Engine) -> None:
    line = error_of(run("web", DATABASE_URL=url(database)), 2)
    assert "SECRET_KEY" in line


@pytest.mark.parametrize("command", ["web", "worker"])
@pytest.mark.parametrize("secret", ["", "short"])
def test_the_secret_is_looked_at_before_the_database(command: str, secret: str) -> None:
    line = error_of(run(command, DATABASE_URL="postgresql://me@127.0.0.1:1/none", SECRET_KEY=secret), 2)
    assert "SECRET_KEY" in line


@pytest.fixture(params=["127.0.0.1", "::1"])
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A host and a port that somebody listens at."""
    host = request.param
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        other.listen()
        yield host, other.getsockname()[1]


@pytest.mark.parametrize("command", ["web", "demo"])
def test_a_port_that_is_taken(taken: tuple[str, int], command: str, tmp_path: Path) -> None:
    host, port = taken
    line = error_of(run(command, "--port", str(port), HOST=host, DATA_DIR=str(tmp_path / "data")), 1)
    assert f"PORT={port}" in line
    assert not (tmp_path / "data" / "postgres").exists()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a..b", "not:an:address"])
def test_a_host_that_is_not_here(host: str, tmp_path: Path) -> None:
    line = error_of(run("web", HOST=host, DATA_DIR=str(tmp_path / "data")), 1)
    assert f"HOST={host}" in line


def test_the_demo_stays_away_from_a_real_database(database: Engine) -> None:
    line = error_of(run("demo", "--no-browser", engine=database), 2)
    assert "DATABASE_URL" in line


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with lasting_folder() as folder:
        yield folder


def contents(data_dir: Path) -> tuple[int, int]:
    """How many gifts and accounts there are."""
    with embedded_postgres(data_dir / "postgres") as address:
        engine = connect(address)
        with engine.connect() as connection:
            gifts = connection.execute(text("SELECT count(*) FROM virtual_gifts")).scalar_one()
            accounts = connection.execute(text("SELECT count(*) FROM dashboard_accounts")).scalar_one()
        engine.dispose()
    return gifts, accounts


def test_the_demo_leaves_imported_data_alone(data_dir: Path, tmp_path: Path) -> None:
    write_platform(tmp_path)
    assert run("import", str(tmp_path), DATA_DIR=str(data_dir)).returncode == 0
    line = error_of(run("demo", "--no-browser", "--port", free_port(), DATA_DIR=str(data_dir)), 2)
    assert f"DATA_DIR={data_dir} holds a platform that was not made up by demo" in line
    assert contents(data_dir) == (1, 0)


def test_the_demo_leaves_alone_what_was_imported_into_its_own(data_dir: Path, tmp_path: Path) -> None:
    write_platform(tmp_path)
    with embedded_postgres(data_dir / "postgres") as address:
        engine = connect(address)
        migrate(engine)
        long_ago = utc_now().replace(tzinfo=None) - timedelta(days=30)
        demo.load(engine, demo.Scale(days=3, creators=2, users=10), long_ago)
        engine.dispose()
    assert run("import", str(tmp_path), DATA_DIR=str(data_dir)).returncode == 0
    before = contents(data_dir)
    line = error_of(run("demo", "--no-browser", "--port", free_port(), DATA_DIR=str(data_dir)), 2)
    assert "choose another DATA_DIR" in line
    assert contents(data_dir) == before


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_the_demo_makes_old_data_anew_and_keeps_new_data(data_dir: Path) -> None:
    with embedded_postgres(data_dir / "postgres") as address:
        engine = connect(address)
        long_ago = utc_now().replace(tzinfo=None) - timedelta(days=30)
        demo.load(engine, demo.Scale(days=3, creators=2, users=10), long_ago)
        engine.dispose()
    said = shown_by_demo(data_dir)
    assert "has grown old" in said
    assert "keeps the platform" not in said
    assert contents(data_dir)[1] == 3
    said = shown_by_demo(data_dir)
    assert "has grown old" not in said
    assert f"keeps the platform it has; delete DATA_DIR={data_dir}" in said


def shown_by_demo(data_dir: Path) -> str:
    """What a small demo says on stderr until it is up; then it is stopped."""
    sizes = ("--days", "7", "--creators", "10", "--users", "200")
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "run.py"), "demo", "--no-browser", "--port", free_port(), *sizes],
        env=environment(DATA_DIR=str(data_dir)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 0, said
    return said


def test_tracebacks_come_with_debug(database: Engine, tmp_path: Path) -> None:
    done = run("import", str(tmp_path / "nowhere"), engine=database, LOG_LEVEL="DEBUG")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


# ---- accounts ----


def test_accounts(database: Engine) -> None:
    account = ("users", "add", "ada", "--role", "analyst", "--password-stdin")
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
        (("add", "b\x1b[2Jo", "--role", "admin"), "long enough", "control characters"),
        (("add", "bo", "--role", "admin"), "short", "8"),
        (("add", "bo", "--role", "admin"), "password1", "too easy to guess"),
        (("password", "nobody"), "long enough", "nobody"),
    ],
)
def test_accounts_that_cannot_be(
    database: Engine, arguments: tuple[str, ...], password: str, said: str
) -> None:
    done = run("users", *arguments, "--password-stdin", engine=database, given=password)
    assert said in error_of(done, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "king"), "admin, analyst, creator"),
        (("--role", "creator"), "--creator-id"),
        (("--role", "admin", "--creator-id", "1"), "--creator-id"),
        (("--role", "creator", "--creator-id", "0"), "--creator-id"),
        (("--role", "creator", "--creator-id", "99999999999999999999"), "--creator-id"),
    ],
)
def test_wrong_usage_is_told_before_a_password_is_asked_for(arguments: tuple[str, ...], said: str) -> None:
    assert said in error_of(run("users", "add", "bo", *arguments), 2)


def test_what_is_done_to_accounts_is_written_down(database: Engine) -> None:
    for name in ("Ada", "alma"):
        added = ("users", "add", name, "--role", "admin", "--password-stdin")
        assert run(*added, engine=database, given="long enough").returncode == 0
    for arguments in (
        ("role", "ada", "--role", "analyst"),
        ("disable", "ada"),
        ("enable", "ada"),
        ("password", "ada", "--password-stdin"),
    ):
        done = run("users", *arguments, engine=database, given="longer still")
        assert (done.returncode, done.stderr) == (0, "")
        assert "Ada" in done.stdout
    with database.connect() as connection:
        written = connection.execute(text("SELECT action, actor, subject FROM dashboard_audit ORDER BY id"))
        assert [tuple(line) for line in written] == [
            ("account added", None, "admin: Ada"),
            ("account added", None, "admin: alma"),
            ("role changed", None, "admin → analyst: Ada"),
            ("account disabled", None, "Ada"),
            ("account enabled", None, "Ada"),
            ("password reset", None, "Ada"),
        ]


def test_the_last_admin_stays_one(database: Engine) -> None:
    arguments = ("users", "add", "ada", "--role", "admin", "--password-stdin")
    assert run(*arguments, engine=database, given="long enough").returncode == 0
    demotion = run("users", "role", "ada", "--role", "analyst", engine=database)
    assert "last active admin" in error_of(demotion, 1)
    assert "active" in run("users", "list", engine=database).stdout


def test_the_terminal_can_stop_even_the_last_admin(database: Engine) -> None:
    """Whoever has taken over that account must be stopped at once."""
    arguments = ("users", "add", "ada", "--role", "admin", "--password-stdin")
    assert run(*arguments, engine=database, given="long enough").returncode == 0
    assert run("users", "disable", "ada", engine=database).returncode == 0
    assert "disabled" in run("users", "list", engine=database).stdout


def test_a_creator_may_come_after_their_account(database: Engine) -> None:
    arguments = ("users", "add", "cleo", "--role", "creator", "--creator-id", "17", "--password-stdin")
    done = run(*arguments, engine=database, given="long enough")
    assert (done.returncode, done.stdout) == (0, "added creator cleo\n")
    assert done.stderr == "note: nothing is known of creator 17 yet\n"


def test_the_demos_password_opens_nothing_with_a_database_of_ones_own(database: Engine) -> None:
    arguments = ("users", "add", "admin", "--role", "admin", "--password-stdin")
    assert "too easy" in error_of(run(*arguments, engine=database, given="sparkboard-demo"), 1)
    done = run("demo", "--no-browser", engine=database)
    assert "without DATABASE_URL" in error_of(done, 2)


def test_names_are_listed_as_they_are(database: Engine) -> None:
    arguments = ("users", "add", "a[/b]c", "--role", "admin", "--password-stdin")
    assert run(*arguments, engine=database, given="long enough").returncode == 0
    listed = run("users", "list", engine=database)
    assert "a[/b]c" in listed.stdout, listed.stderr


def test_database_errors_hide_their_parameters(database: Engine) -> None:
    with database.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text("SELECT CAST(:secret AS integer) + 1"), {"secret": 10**30})
    assert "parameters hidden" in str(raised.value)


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


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    shown = done.stdout
    for command in ("demo", "web", "worker", "migrate", "import", "aggregate", "check", "jobs", "users"):
        assert f"  {command} " in shown


# ---- files out, and what computes ----


def test_export(platform_with_gifts: Engine, tmp_path: Path) -> None:
    done = run("export", str(tmp_path / "lake"), engine=platform_with_gifts)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "lake").iterdir()} == set(source.tables)
    assert "virtual_gifts" in done.stdout
    again = run("export", str(tmp_path / "lake"), engine=platform_with_gifts)
    assert error_of(again, 1).endswith("is not empty; allowed: a new folder, or an empty one")


def test_an_engine_that_there_isnt(platform_with_gifts: Engine) -> None:
    done = run("aggregate", "--engine", "duckdb", engine=platform_with_gifts)
    assert error_of(done, 2) == "error: no engine is called 'duckdb'; allowed: database, spark"
    done = run("aggregate", "--engine", "spark", engine=platform_with_gifts)
    assert error_of(done, 2).startswith("error: SPARK_MASTER is required for Spark; allowed: local[N]")
