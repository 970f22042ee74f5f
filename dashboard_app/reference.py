"""docs/METRICS.md and docs/API.md, written from the code: `python -m dashboard_app.reference`."""

from typing import Any

from aggregation.database import connect
from aggregation.metrics import METRICS, Metric
from dashboard_app.factory import create_app
from dashboard_app.settings import PROJECT

ROLLUPS = {
    "flow": "summed over the period",
    "stock": "value at the end of the period",
    "ratio": "Σ numerator / Σ denominator over the period",
    "distinct": "recounted over the period, never summed",
}
UNITS = {"count": "number", "money": "money", "percent": "%"}


def metrics_page() -> str:
    lines = [
        "# Metrics",
        "",
        "Written from `aggregation/metrics.py` by `python -m dashboard_app.reference`. Days are UTC days, "
        "`[00:00, next 00:00)`; a period ends with the newest complete day.",
        "",
        "| metric | shown as | table | unit | over a period | formula |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_metric_line(metric) for metric in METRICS),
        "",
        *(f"- **{metric.label}** (`{metric.table}`): {metric.description}" for metric in METRICS),
    ]
    return "\n".join(lines) + "\n"


def _metric_line(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.label,
        f"`{metric.table}`",
        UNITS[metric.unit],
        ROLLUPS[metric.rollup],
        metric.formula,
    )
    return f"| {' | '.join(cells)} |"


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


def description() -> dict[str, Any]:
    """The OpenAPI description; no database is asked for it."""
    app = create_app(connect("postgresql://nobody@127.0.0.1:1/none"), "only for the description")
    answer: dict[str, Any] = app.server.test_client().get("/api/openapi.json").get_json()
    return answer


def pages() -> dict[str, str]:
    """File name → text."""
    return {"METRICS.md": metrics_page(), "API.md": api_page(description())}


if __name__ == "__main__":
    for name, page in pages().items():
        (PROJECT / "docs" / name).write_text(page)
