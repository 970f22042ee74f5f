"""The command line: `python run.py --help`."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError  # no public name yet

from aggregation.errors import UsageError, UserError

INTERRUPTED = 130

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
users_app = typer.Typer(no_args_is_help=True, help="Accounts: add, list, password, role, disable, enable.")
app.add_typer(users_app, name="users")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day (UTC).")]
Role = Annotated[str, typer.Option(help="admin, analyst or creator.")]
CreatorId = Annotated[int | None, typer.Option(min=1, max=2**63 - 1, help="Whose page a creator sees.")]
PasswordFromInput = Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")]


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Where the page is served.")] = None,
    days: Annotated[int, typer.Option(help="Days of history.")] = 365,
    creators: Annotated[int, typer.Option(help="How many creators.")] = 320,
    users: Annotated[int, typer.Option(help="How many users.")] = 22_000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")] = False,
) -> None:
    """A made-up platform, all its numbers, web and worker, until Ctrl-C."""
    from dashboard_app import demonstration

    demonstration.run(_settings(port), days, creators, users, open_browser=not no_browser)


@app.command()
def web(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Instead of PORT.")] = None,
) -> None:
    """Serve the dashboard and the API."""
    from dashboard_app.commands import serve

    serve(_settings(port))


@app.command()
def worker() -> None:
    """Run the schedule until SIGTERM; catch up on what was missed."""
    from dashboard_app.commands import work

    work(_settings())


@app.command()
def migrate(
    *,
    with_triggers: Annotated[
        bool | None,
        typer.Option(
            "--with-triggers/--without-triggers",
            help="Put triggers on the source tables that note late changes, or take them away.",
        ),
    ] = None,
) -> None:
    """Bring the analytics tables to the newest version."""
    from dashboard_app.commands import migrate_tables

    migrate_tables(_settings(), with_triggers)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="CSV or Parquet files named after the tables.")],
) -> None:
    """Load a folder of files into the source tables: all or nothing."""
    from dashboard_app.commands import import_files

    import_files(_settings(), folder)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.")],
) -> None:
    """Write the source tables as Parquet, events by day, for Spark and its like."""
    from dashboard_app.commands import export_files

    export_files(_settings(), folder)


@app.command()
def aggregate(
    from_: From = None,
    to: To = None,
    only: Annotated[str | None, typer.Option(help="Names of aggregates, with commas between.")] = None,
    engine: Annotated[
        str | None, typer.Option(help="database or spark; by default spark where SPARK_MASTER is set.")
    ] = None,
) -> None:
    """Compute every aggregate for these days; may be repeated."""
    from dashboard_app.commands import aggregate_days

    aggregate_days(_settings(), _day(from_), _day(to), only, engine)


@app.command()
def forecast(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days ahead.")] = 30,
) -> None:
    """Fit and store the revenue forecast, and that of each creator."""
    from dashboard_app.commands import make_forecast

    make_forecast(_settings(), days)


@app.command()
def check(from_: From = None, to: To = None) -> None:
    """Recount from the source and compare; exit 1 if anything differs."""
    from dashboard_app.commands import recount

    if not recount(_settings(), _day(from_), _day(to)):
        raise typer.Exit(1)


@app.command()
def jobs() -> None:
    """What ran when, how long, with what result; what is due next."""
    from dashboard_app.commands import show_jobs

    show_jobs(_settings())


@app.command()
def doctor(
    for_: Annotated[
        str | None, typer.Option("--for", help="web, worker or migrator: what the role is for.")
    ] = None,
    grants: Annotated[bool, typer.Option("--grants", help="Print SQL that makes the roles.")] = False,
) -> None:
    """Look at the database, and what the role may do beyond need; exit 1 if anything is wrong."""
    from dashboard_app.commands import look_at_database, print_grants

    if grants:
        print_grants(_settings())
    elif not look_at_database(_settings(), for_):
        raise typer.Exit(1)


@users_app.command("add")
def users_add(
    name: str,
    role: Role,
    creator_id: CreatorId = None,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Add an account."""
    from dashboard_app.commands import add_account

    add_account(_settings(), name, role, creator_id, from_input=password_stdin)


@users_app.command("list")
def users_list() -> None:
    """All accounts."""
    from dashboard_app.commands import list_accounts

    list_accounts(_settings())


@users_app.command("password")
def users_password(name: str, password_stdin: PasswordFromInput = False) -> None:
    """Set a new password; ends the account's sessions and revokes its tokens."""
    from dashboard_app.commands import change_password

    change_password(_settings(), name, from_input=password_stdin)


@users_app.command("role")
def users_role(name: str, role: Role, creator_id: CreatorId = None) -> None:
    """Change what an account may see; ends its sessions and revokes its tokens."""
    from dashboard_app.commands import change_role

    change_role(_settings(), name, role, creator_id)


@users_app.command("enable")
def users_enable(name: str) -> None:
    """Let a disabled account sign in again."""
    from dashboard_app.commands import enable_account

    enable_account(_settings(), name)


@users_app.command("disable")
def users_disable(name: str) -> None:
    """Disable an account; ends its sessions and revokes its tokens."""
    from dashboard_app.commands import disable_account

    disable_account(_settings(), name)


def _settings(port: int | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from dashboard_app import logs, settings

    loaded = settings.load(**({} if port is None else {"port": port}))
    logs.configure(loaded.log_level, loaded.log_format)
    return loaded


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def main() -> int:
    """The exit status: 0 success, 1 the work failed or found differences, 2 wrong usage."""
    try:
        status = int(app(standalone_mode=False) or 0)
    except NoArgsIsHelpError as error:
        print(error.format_message())  # noqa: T201
        return 0
    except ClickException as error:
        _report(UsageError(error.format_message()))
        return 2
    except UserError as error:
        _report(error)
        return 2 if isinstance(error, UsageError) else 1
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Exception as error:
        _report(error)
        return 1
    if status == INTERRUPTED:
        print("stopped", file=sys.stderr)  # noqa: T201
    return status


def _report(error: Exception) -> None:
    """One line; with the traceback at LOG_LEVEL=DEBUG."""
    import logging

    if logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("run").debug("failed", exc_info=error)
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"error: {text}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
