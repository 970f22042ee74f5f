"""What the commands do, with settings in hand. `run.py` only names them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from getpass import getpass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from aggregation import (
    checks,
    doctor,
    engines,
    ledger,
    operations,
    publishing,
    requests,
    roles,
    triggers,
    unequal,
)
from aggregation.database import connect, without_password
from aggregation.days import utc_now
from aggregation.errors import UsageError, UserError
from aggregation.migrations import current, migrate, newest
from aggregation.worker import Worker, await_database
from dashboard_app.accounts import Accounts, clean, in_words, require_possible
from dashboard_app.settings import Settings
from dashboard_app.terminal import bars, err, out, table

if TYPE_CHECKING:
    from aggregation.forecasts import StoredTotal
    from aggregation.queries import Freshness
    from dashboard_app.audit import Audit

# pandas takes longer to load than most commands to run, and a worker keeps its memory: it is imported
# where a command reads what pages read. So is Flask, which the audit log asks who is there.

SHOWN_REQUESTS = 10


@contextmanager
def migrated(settings: Settings) -> Iterator[Engine]:
    """The database; the embedded one is brought to the newest version, another one must be at it."""
    with settings.database() as engine:
        if settings.embedded:
            migrate(engine)
        else:
            with engine.connect() as connection:
                version = current(connection)
            if version != newest():
                raise UserError(
                    "the analytics tables are not at the newest version: run python run.py migrate first"
                )
        yield engine


def serve(settings: Settings) -> None:
    secret = settings.session_secret()
    settings.require_free_address()
    counters = settings.share_counters()
    # The web's modules are read while the database starts: half a second of the first start.
    reading = Thread(target=import_module, args=("dashboard_app.server",))
    reading.start()
    try:
        with migrated(settings) as engine:
            url = engine.url
            engine.dispose()
            reading.join()
            from dashboard_app.server import WebServer

            WebServer(settings, url, secret, counters).run()
    finally:
        # An interpreter that ends while it reads complains.
        reading.join()


def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. A database that doesn't answer yet is waited for."""
    settings.require_secret()
    compute = settings.compute()
    if settings.database_url is not None:
        engine = connect(settings.database_url.get_secret_value())
        answers = await_database(engine)
        engine.dispose()
        if not answers:
            return
    with migrated(settings) as engine:
        engines.use(engine, compute)
        Worker(engine).run()


def migrate_tables(settings: Settings, with_triggers: bool | None = None) -> None:
    """`with_triggers`: put them on the source tables, take them away, or (None) leave it as it is."""
    with settings.database() as engine:
        migrate(engine)
        out.print(f"analytics tables are at version {newest()}")
        if with_triggers:
            out.print(f"changes are noted in {', '.join(triggers.install(engine)) or 'no table yet'}")
        elif with_triggers is False:
            out.print(f"triggers taken from {', '.join(triggers.remove(engine)) or 'no table: none had any'}")


def import_files(settings: Settings, folder: Path) -> None:
    # pyarrow takes half a second to load; no other command needs it
    from aggregation import demo, imports

    with migrated(settings) as engine:
        # First: were it killed in between, the demo would take real rows for its own and clear them.
        demo.unmark(engine)
        with bars("rows") as show:
            counts = imports.import_folder(engine, folder, show)
        table(("table", "rows read"), list(counts.items()))


def export_files(settings: Settings, folder: Path) -> None:
    from aggregation import exporting  # as above

    with settings.database() as engine:
        with bars("days") as show:
            counts = exporting.export_folder(engine, folder, show)
        table(("table", "rows written"), list(counts.items()))


def aggregate_days(
    settings: Settings,
    first: date | None,
    last: date | None,
    only: str | None,
    engine_name: str | None = None,
) -> None:
    names = [name.strip() for name in only.split(",")] if only else None
    compute = settings.compute(engine_name)
    with migrated(settings) as engine:
        engines.use(engine, compute)
        with bars("days") as show:
            results = publishing.aggregate(engine, first, last, names, progress=show)
        table(
            ("aggregate", "first day", "last day", "rows changed"),
            [(result.job, result.first, result.last, result.rows) for result in results],
        )


def make_forecast(settings: Settings, days: int) -> None:
    # numpy and statsmodels take seconds to load; no other command needs them
    from aggregation import forecasts
    from aggregation.forecasting import CONFIDENCE, State
    from aggregation.jobs import forecast

    with migrated(settings) as engine:
        now = utc_now()
        made = forecast.make(engine, now, days)
        with engine.connect() as connection:
            stored = forecasts.latest(connection, now)
    if stored is None:
        raise UserError("the forecast that was made is gone: somebody has removed it meanwhile")
    stale = stored.state is State.STALE
    if stale:
        out.print(stored.notes[0], markup=False)
    if not stored.is_zero:
        table(
            ("next days", "revenue", "80 % between", "95 % between"),
            [_total_row(total, known=stored.has_limits) for total in stored.totals.values()],
        )
    lines = [
        f"{stored.methodology}, from {stored.history_days} days"
        f" up to {stored.data_through}; {made.creators:,} creators",
        *([f"{stored.confidence:.0f} % {CONFIDENCE}"] if stored.has_limits else []),
        *stored.notes[stale:],
    ]
    if not made.new:
        lines.append("made before today from the same days: what was stored then stays")
    for line in lines:
        out.print(line, markup=False)


def _total_row(total: "StoredTotal", *, known: bool) -> tuple[object, ...]:
    limits = [
        f"{total.low[each]:,.2f} – {total.high[each]:,.2f}" if known else "not known" for each in (80, 95)
    ]
    return total.days, f"{total.projected:,.2f}", *limits


def recount(settings: Settings, first: date | None, last: date | None) -> bool:
    """Whether every cell is equal."""
    with migrated(settings) as engine:
        with bars("tables") as show:
            report = checks.check(engine, first, last, progress=show)
        _show_report(report)
        return report.cells_unequal == 0


def _show_report(report: checks.Report) -> None:
    for cell in report.unequal:
        out.print(
            f"{cell.table} {cell.key} {cell.column}: stored {cell.stored}, recount says {cell.expected}"
            f"{'' if cell.presence == 'both' else f' ({cell.presence} row)'}",
            markup=False,
        )
    table(
        ("table", "cells", "unequal"),
        [(each.table, each.cells, each.unequal) for each in report.tables],
    )
    for left_out in report.rejected:
        out.print(f"left out: {left_out.table}, {left_out.reason}: {left_out.rows:,} rows", markup=False)
    listed = len(report.unequal)
    more = f", {listed:,} of them listed" if listed < report.cells_unequal else ""
    out.print(
        f"{report.first} to {report.last}: {report.cells_checked:,} cells recounted, "
        f"{report.cells_unequal:,} unequal{more}; {report.share_equal:.4%} equal",
        markup=False,
    )


def show_jobs(settings: Settings) -> None:
    with migrated(settings) as engine:
        with engine.connect() as connection:
            runs = ledger.recent(connection, utc_now())
        table(
            ("job", "days", "state", "rows", "started (UTC)", "seconds", "error"),
            [
                (
                    run.job,
                    str(run.first_day)
                    if run.first_day == run.last_day
                    else f"{run.first_day} – {run.last_day}",
                    run.state,
                    "" if run.rows is None else run.rows,
                    f"{run.started_at:%Y-%m-%d %H:%M:%S}",
                    "" if (took := ledger.took(run)) is None else f"{took.total_seconds():.1f}",
                    run.error or "",
                )
                for run in runs
            ],
        )
        for line in (*how_it_stands(engine), *Worker(engine).due()):
            out.print(line, markup=False)


def how_it_stands(engine: Engine) -> Iterator[str]:
    """What the Operations page says, a line each."""
    from aggregation.queries import Store
    from layouts import formats

    now = utc_now()
    with Store(engine).read() as queries:
        freshness = queries.freshness()
        beat = queries.operations(operations.heartbeat)
        late = queries.operations(operations.lag, now)
        failed = queries.operations(operations.failed_since, now - timedelta(days=1))
        left = queries.operations(unequal.given_up)
        asked = queries.operations(requests.newest, SHOWN_REQUESTS)
    yield f"worker: {operations.told(beat)}"
    if freshness is None:
        yield "complete through: no day yet"
    else:
        yield f"complete through: {freshness.coverage.last}, {_equal(freshness)}"
    yield f"overdue: {formats.duration(late) if late else 'nothing'}; failed in 24 h: {failed}"
    for cell in left:
        yield (
            f"not repaired: {cell.table_name}.{cell.column_name} of {cell.day}, {cell.cells:,} cells unequal "
            f"after {unequal.MOST_TRIES} repairs"
        )
    for each in asked:
        yield (
            f"asked: {each.kind} {each.id} by {each.requested_by}, {each.first_day} to {each.last_day}, "
            f"{each.state}{f': {each.error}' if each.error else ''}"
        )


def _equal(freshness: "Freshness") -> str:
    if freshness.unequal is None:
        return "not recounted yet"
    return f"{freshness.unequal:,} of {freshness.checked:,} recounted cells unequal"


# ---- the database ----


def look_at_database(settings: Settings, purpose: str | None) -> bool:
    """Whether all is well."""
    wanted = _purpose(purpose) if purpose is not None else None
    with settings.database() as engine, engine.connect() as connection:
        found = doctor.diagnose(connection, wanted, one_role=settings.embedded)
        out.print(f"reached {without_password(engine.url)}", markup=False)
    for line in found.facts:
        out.print(line, markup=False)
    for line in found.problems:
        out.print(f"problem: {line}", markup=False)
    return not found.problems


def _purpose(name: str) -> roles.Purpose:
    try:
        return roles.Purpose(name)
    except ValueError:
        raise UsageError(f"no role is for {name!r}; allowed: {', '.join(roles.Purpose)}") from None


def print_grants(settings: Settings) -> None:
    with settings.database() as engine, engine.connect() as connection:
        out.print(roles.grants(connection), markup=False, end="")


# ---- accounts ----


def _audit(engine: Engine) -> "Audit":
    from dashboard_app.audit import Audit

    return Audit(engine)


def add_account(
    settings: Settings, name: str, role: str, creator_id: int | None, *, from_input: bool
) -> None:
    name = clean(name)
    require_possible(name, role, creator_id)
    with migrated(settings) as engine:
        Accounts(engine).add(name, role, _password(from_input=from_input), creator_id)
        _audit(engine).record("account added", None, f"{in_words(role, creator_id)}: {name}")
        out.print(f"added {role} {name}", markup=False)
        _warn_of_unknown(engine, creator_id)


def list_accounts(settings: Settings) -> None:
    with migrated(settings) as engine:
        rows = [
            (
                account.name,
                account.role,
                "" if account.creator_id is None else str(account.creator_id),
                "disabled" if account.disabled else "active",
                f"{account.last_login_at:%Y-%m-%d %H:%M} UTC" if account.last_login_at else "never",
            )
            for account in Accounts(engine).all()
        ]
        table(("name", "role", "creator id", "state", "last login"), rows)


def change_password(settings: Settings, name: str, *, from_input: bool) -> None:
    with migrated(settings) as engine:
        account = Accounts(engine).named(name)
        Accounts(engine).set_password(name, _password(from_input=from_input))
        _audit(engine).record("password reset", None, account.name)
        out.print(f"new password for {account.name}", markup=False)


def change_role(settings: Settings, name: str, role: str, creator_id: int | None) -> None:
    require_possible(name, role, creator_id)
    with migrated(settings) as engine:
        before = Accounts(engine).named(name)
        Accounts(engine).set_role(name, role, creator_id)
        change = f"{in_words(before.role, before.creator_id)} → {in_words(role, creator_id)}"
        _audit(engine).record("role changed", None, f"{change}: {before.name}")
        out.print(f"{before.name}: {change}", markup=False)
        _warn_of_unknown(engine, creator_id)


def disable_account(settings: Settings, name: str) -> None:
    with migrated(settings) as engine:
        account = Accounts(engine).named(name)
        # Also the last admin: whoever has taken over that account must be stopped at once.
        Accounts(engine).disable(name, even_last=True)
        _audit(engine).record("account disabled", None, account.name)
        out.print(f"disabled {account.name}", markup=False)


def enable_account(settings: Settings, name: str) -> None:
    with migrated(settings) as engine:
        account = Accounts(engine).named(name)
        Accounts(engine).enable(name)
        _audit(engine).record("account enabled", None, account.name)
        out.print(f"enabled {account.name}", markup=False)


def _warn_of_unknown(engine: Engine, creator_id: int | None) -> None:
    """Creators may come with a later import."""
    if creator_id is None:
        return
    from aggregation.queries import Store

    with Store(engine).read() as queries:
        if queries.creator_name(creator_id) is None:
            err.print(f"note: nothing is known of creator {creator_id} yet", markup=False)


def _password(*, from_input: bool) -> str:
    if from_input:
        try:
            return sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise UserError("the password is not text in UTF-8") from None
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask for a password; pipe one in with --password-stdin")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise UserError("the two passwords differ")
    return password
