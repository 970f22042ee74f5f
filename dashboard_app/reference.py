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


def api_page(description: dict[str, Any]) -> str:
    lines = [
        "# HTTP API",
        "",
        "Written from the code by `python -m dashboard_app.reference`; the machine-readable description is "
        "served at `/api/openapi.json`.",
        "",
        'Answers are `{"success": true, "data": …}` or `{"error": "…"}`. Numbers are numbers, days are '
        "ISO 8601 and in UTC, what isn't known is `null`. 401: not signed in · 403: not allowed · 404: no "
        "such creator, or no data yet · 422: a parameter that makes no sense.",
        "",
        "| route | parameters | what it gives |",
        "| --- | --- | --- |",
    ]
    for path, operations in description["paths"].items():
        for verb in operations.keys() - {"parameters"}:
            summary = operations[verb].get("summary", "")
            lines.append(f"| `{verb.upper()} {path}` | {_parameters(operations, verb)} | {summary} |")
    return "\n".join(lines) + "\n"


def _parameters(operations: dict[str, Any], verb: str) -> str:
    """Those of the path and those of the query, with their defaults."""
    given = [*operations.get("parameters", []), *operations[verb].get("parameters", [])]
    defaults = [each.get("schema", {}).get("default") for each in given]
    named = [
        f"`{each['name']}`" if default is None else f"`{each['name']} = {default}`"
        for each, default in zip(given, defaults, strict=True)
    ]
    return ", ".join(named) or "–"


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
