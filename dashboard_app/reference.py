"""The documents that are written from the code: `python -m dashboard_app.reference`."""

from typing import Any

from aggregation import roles
from aggregation.database import connect
from aggregation.metrics import ROLLUPS, UNITS, Metric, every
from aggregation.schema import source
from dashboard_app.factory import create_app
from dashboard_app.settings import PROJECT


def metrics_page() -> str:
    lines = [
        "# Metrics",
        "",
        "Written from `aggregation/metrics.py` by `python -m dashboard_app.reference`. Days are UTC days, "
        "`[00:00, next 00:00)`; a period ends with the newest complete day. The (i) beside a number says the "
        "same.",
        "",
        "| metric | shown as | table | unit | over a period | formula |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_metric_line(metric) for metric in every()),
        "",
        *(f"- **{metric.label}** (`{metric.table}`): {metric.description}" for metric in every()),
    ]
    return "\n".join(lines) + "\n"


def _metric_line(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.label,
        f"`{metric.table}`",
        UNITS[metric.unit],
        metric.days or ROLLUPS[metric.rollup],
        metric.formula,
    )
    return f"| {' | '.join(cells)} |"


ABOUT_ROLES = """\
# Roles in the database

Written from `aggregation/roles.py` by `python -m dashboard_app.reference`.

One role can do everything, as in the README. Where others use the database too, give each process a role
with no more than it needs: whoever takes over the web process then reads no gift and no e-mail address of
the platform, and changes no number.

- `sparkboard_web`, for `web` and `users`: reads numbers; keeps accounts, sessions and tokens; adds to the
  audit log and can't change it. Nothing of the platform's own tables.
- `sparkboard_worker`, for `worker`, `aggregate`, `check`, `forecast` and `jobs`: reads the platform's
  tables, only the columns that it counts; writes numbers; removes old entries of the audit log. No accounts.
- `sparkboard_migrator`, for `migrate`: owns our tables. Nothing of the platform's.
- `sparkboard_partitions` can't sign in. It owns the tables that have a part for each month: only an owner
  can add a month, and the worker does. Worker and migrator belong to it.

`import` writes the platform's tables, so it runs as their owner. So does `migrate --with-triggers`: its role
has to be a member of `sparkboard_migrator`, too, or a superuser: the triggers' functions belong to that one,
so that whoever writes to the platform's tables needs no right to ours. `demo` has a database of its own.

## Making them

As a superuser of the database, or as whoever owns its tables and may make roles:

```sh
export DATABASE_URL=postgresql://admin:…@db.internal/platform
python run.py doctor --grants | psql "$DATABASE_URL"     # the roles
psql "$DATABASE_URL"                                     # \\password sparkboard_web, and so on
DATABASE_URL=postgresql://sparkboard_migrator:…@db.internal/platform python run.py migrate
python run.py doctor --grants | psql "$DATABASE_URL"     # what they may do with the tables
```

Run the script again after a `migrate` that made tables, and when the platform has got one more of the
tables that we read; it may be run at any time. Then start each process with its own `DATABASE_URL`.

`python run.py doctor --for web` (`worker`, `migrator`), with the `DATABASE_URL` of that process, says
what its role lacks and what it may do beyond need, and exits with 1 if there is anything.

The web process can't compute with its role: `POST /api/analytics/calculate-daily` and `POST
/api/analytics/forecast` then answer 503 and name the command that does the same where the worker runs.

## What each needs
"""
ABOUT_THE_API = (
    'Answers are `{"success": true, "data": …}` or `{"error": "…"}`.',
    "",
    "- **Signing in**: `Authorization: Bearer TOKEN` with a token from the account page, or the dashboard's "
    "cookie. A POST by cookie also needs the value of the cookie `_csrf_token` in the header `X-CSRFToken`.",
    "- **Numbers** are numbers with all their digits: money is exact to the cent in the text of the answer. "
    "What isn't known is `null`. Days are ISO 8601 and in UTC.",
    "- **Windows**: `days=N` means the last N complete days, exactly N of them.",
    "- **Long lists** come in one answer up to `limit` rows. `pagination` beside `data` says how many there "
    "are in all (`total`), and where the next ones are (`next`, `null` at the end; also in the header "
    "`Link`).",
    "- **ETag**: send it back as `If-None-Match`, and an unchanged answer is an empty 304. It belongs to one "
    "account. Answers are `no-store`: nothing between here and the caller may keep them.",
    "- **Computing** (`calculate-daily`, `forecast`) writes the analytics tables. Where the web process's "
    "database role may only read (see ROLES.md), it is refused with 503, and the message names the command.",
)


def api_page(description: dict[str, Any]) -> str:
    lines = [
        "# HTTP API",
        "",
        "Written from the code by `python -m dashboard_app.reference`; the machine-readable description is "
        "served at `/api/openapi.json`.",
        "",
        *ABOUT_THE_API,
        "",
        "| route | who | parameters, JSON body | what it does |",
        "| --- | --- | --- | --- |",
    ]
    statuses: dict[str, str] = {}
    for path, operations in description["paths"].items():
        for verb in sorted(operations.keys() - {"parameters"}):
            operation = operations[verb]
            cells = (
                f"`{verb.upper()} {path}`",
                _roles(operation),
                _parameters(description, operations, operation),
                operation["summary"],
            )
            lines.append(f"| {' | '.join(cells)} |")
            statuses |= {
                status: answer["description"]
                for status, answer in operation["responses"].items()
                if "x-roles" in operation
            }
    lines += ["", "| status | means |", "| --- | --- |"]
    lines += [f"| {status} | {statuses[status]} |" for status in sorted(statuses)]
    return "\n".join(lines) + "\n"


def _roles(operation: dict[str, Any]) -> str:
    return ", ".join(operation.get("x-roles", ["anyone"]))


def _parameters(description: dict[str, Any], operations: dict[str, Any], operation: dict[str, Any]) -> str:
    """Those of the path, those of the query and the members of the body, with their defaults."""
    given = [*operations.get("parameters", []), *operation.get("parameters", [])]
    defaults = {each["name"]: each["schema"].get("default") for each in given}
    parameters = ", ".join(_with_default(*each) for each in defaults.items())
    content = operation.get("requestBody", {}).get("content", {})
    for body in content.values():
        name = body["schema"]["$ref"].rpartition("/")[2]
        members = description["components"]["schemas"][name]["properties"]
        inside = ", ".join(_with_default(each, schema.get("default")) for each, schema in members.items())
        return f"body: {parameters}{inside}"
    return parameters or "–"


def _with_default(name: str, default: object) -> str:
    return f"`{name}`" if default is None else f"`{name} = {default}`"


def roles_page() -> str:
    def cell(purpose: roles.Purpose, table: str) -> str:
        privileges = roles.in_order(roles.needed(purpose).get(table, roles.NOTHING))
        return "owns it" if table in roles.owned(purpose) else privileges or "–"

    lines = [
        ABOUT_ROLES,
        f"| table | {' | '.join(roles.Purpose)} |",
        f"| --- |{' --- |' * len(roles.Purpose)}",
        *(
            f"| `{table}` | {' | '.join(cell(purpose, table) for purpose in roles.Purpose)} |"
            for table in (*source.tables, *roles.OURS)
        ),
    ]
    return "\n".join(lines) + "\n"


def description() -> dict[str, Any]:
    """The OpenAPI description; no database is asked for it."""
    app = create_app(connect("postgresql://nobody@127.0.0.1:1/none"), "only for the description")
    answer: dict[str, Any] = app.server.test_client().get("/api/openapi.json").get_json()
    return answer


def pages() -> dict[str, str]:
    """File name → text."""
    return {"METRICS.md": metrics_page(), "API.md": api_page(description()), "ROLES.md": roles_page()}


if __name__ == "__main__":
    for name, page in pages().items():
        (PROJECT / "docs" / name).write_text(page)
