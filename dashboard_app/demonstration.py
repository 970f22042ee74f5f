"""`demo`: a made-up platform with all its numbers, web and worker in one go."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from aggregation import checks, demo, ledger, publishing, running_day
from aggregation.days import last_complete_day, utc_now
from aggregation.errors import UsageError, UserError
from aggregation.migrations import migrate
from aggregation.schema import accounts, analytics, sessions, source, virtual_gifts, worker_leases
from dashboard_app.accounts import DEMO_PASSWORD, Accounts
from dashboard_app.settings import PROJECT, Settings
from dashboard_app.terminal import bars, err, out, stages

START_SECONDS = 60
RECOUNTED_DAYS = 35
# Each takes an eighth of a second.
RECORD_WEEKS = 20


def run(settings: Settings, days: int, creators: int, users: int, *, open_browser: bool) -> None:
    """Prepare what is missing, then serve until Ctrl-C or SIGTERM. Raises UserError."""
    if not settings.embedded:
        raise UsageError("demo makes up a platform in its own database: run it without DATABASE_URL")
    scale = demo.Scale(days=days, creators=creators, users=users)
    _require_sensible(scale)
    settings.require_free_address()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with settings.database() as engine:
        _require_ours(engine, settings.data_dir)
        migrate(engine)
        _prepare(engine, scale, settings.data_dir)
        logins = _accounts(engine)
        engine.dispose()
        _serve(settings, logins, open_browser=open_browser)


def _require_sensible(scale: demo.Scale) -> None:
    try:
        demo.require_sensible(scale)
    except UserError as error:
        raise UsageError(str(error)) from None


def _require_ours(engine: Engine, data_dir: Path) -> None:
    """Real data is neither deleted nor opened to everyone who knows the demo's password."""
    if demo.holds_rows(engine) and not demo.is_made_up(engine):
        raise UsageError(
            f"DATA_DIR={data_dir} holds a platform that was not made up by demo; choose another DATA_DIR"
        )


# ---- the platform and its numbers ----


def _prepare(engine: Engine, scale: demo.Scale, data_dir: Path) -> None:
    now = utc_now()
    if demo.is_loaded(engine) and _last_gift_is_old(engine):
        err.print("The demo's data has grown old: making it anew.")
        _clear(engine)
    if demo.is_loaded(engine):
        if scale != demo.Scale():
            err.print(
                f"The demo keeps the platform it has; delete DATA_DIR={data_dir} for one of other sizes.",
                markup=False,
            )
    else:
        with stages() as show:
            demo.load(engine, scale, now.replace(tzinfo=None), show)
    if _through(engine) != last_complete_day(now):
        with bars("days") as show:
            publishing.aggregate(engine, progress=show)
        publishing.refresh_running_day(engine)
        running_day.refresh(engine, now)
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))
        _forecast(engine)
        last = last_complete_day(now)
        with bars("tables") as show:
            checks.check(engine, last - timedelta(days=RECOUNTED_DAYS - 1), last, progress=show)


def _forecast(engine: Engine) -> None:
    """With those of the Mondays before, for a record to look at. None is made from less than a week."""
    # numpy and statsmodels take seconds to load, and the next start of the demo needs neither
    from aggregation.forecasting import TooShortError
    from aggregation.jobs import forecast

    now = utc_now()
    monday = now.date() - timedelta(days=now.weekday() or 7)
    forecast.make_afterwards(engine, [monday - timedelta(weeks=n) for n in range(RECORD_WEEKS)], now)
    with suppress(TooShortError):
        forecast.make(engine, now)


def _through(engine: Engine) -> object:
    with engine.connect() as connection:
        return ledger.complete_through(connection)


def _last_gift_is_old(engine: Engine) -> bool:
    """Whether a whole day has gone by without events: nothing happens on the made-up platform by itself."""
    with engine.connect() as connection:
        newest = connection.scalar(select(func.max(virtual_gifts.c.created_at)))
    return newest is None or newest.date() < last_complete_day(utc_now())


def _clear(engine: Engine) -> None:
    """Forget the platform and its numbers; accounts stay."""
    kept = {accounts.name, sessions.name, worker_leases.name}
    names = [table.name for table in analytics.sorted_tables if table.name not in kept]
    with engine.begin() as connection:
        source.drop_all(connection)
        connection.execute(text(f"TRUNCATE {', '.join(names)}"))


def _accounts(engine: Engine) -> list[tuple[str, str]]:
    """(role, name) of one login a role; made where they are missing."""
    store = Accounts(engine, demo=True)
    existing = {account.name: account for account in store.all()}
    with engine.connect() as connection:
        featured = demo.featured_creator(connection)
    for role in ("admin", "analyst", "creator"):
        if role not in existing:
            store.add(role, role, DEMO_PASSWORD, featured if role == "creator" else None)
    return [(role, role) for role in ("admin", "analyst", "creator")]


# ---- web and worker ----


def _serve(settings: Settings, logins: list[tuple[str, str]], *, open_browser: bool) -> None:
    log_folder = settings.data_dir / "logs"
    log_folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(_process(name, settings, log_folder)) for name in ("web", "worker")
        }
        stack.callback(_stop, list(processes.values()))
        address = f"http://{settings.address}"
        _wait_until_ready(address, processes, log_folder)
        try:
            _announce(address, logins)
            if open_browser:
                webbrowser.open(address)
            _watch(processes, log_folder)
        except KeyboardInterrupt:
            err.print("\nstopping …")


def _process(name: str, settings: Settings, log_folder: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATA_DIR": str(settings.data_dir.resolve()),
        "PORT": str(settings.port),
        "HOST": settings.host,
    }
    with (log_folder / f"{name}.log").open("ab") as log:
        # A session of its own: Ctrl-C reaches only us, and we end the children in order.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, str(PROJECT / "run.py"), name],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(address: str, processes: dict[str, subprocess.Popen[bytes]], log_folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _raise_if_ended(processes, log_folder)
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise UserError(f"the web server did not answer within {START_SECONDS} s; see {log_folder / 'web.log'}")


def _watch(processes: dict[str, subprocess.Popen[bytes]], log_folder: Path) -> None:
    while True:
        _raise_if_ended(processes, log_folder)
        time.sleep(0.5)


def _raise_if_ended(processes: dict[str, subprocess.Popen[bytes]], log_folder: Path) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            log = log_folder / f"{name}.log"
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise UserError(f"the {name} process has ended: {' '.join(last)} (log: {log})")


def _announce(address: str, logins: list[tuple[str, str]]) -> None:
    out.print(f"\nSparkboard is at {address}", markup=False)
    for role, name in logins:
        out.print(f"  {role:<8} name: {name:<8}  password: {DEMO_PASSWORD}", markup=False)
    out.print("Stop it with Ctrl-C.", markup=False)
    # Through a pipe the lines would otherwise wait in a buffer.
    sys.stdout.flush()
