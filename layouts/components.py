"""Cards, tables and states: what pages are made of. Data comes in as arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dash import dcc, html

from aggregation.metrics import Metric
from aggregation.summaries import Change, Number
from layouts import formats
from layouts.figures import Figure, drawn

Component = Any


def attributes(**values: str) -> dict[str, Any]:
    """data_kpi="…" → the HTML attribute data-kpi; likewise aria_label."""
    return {name.replace("_", "-"): value for name, value in values.items()}


# ---- KPI cards ----


@dataclass(frozen=True)
class Kpi:
    """A number with its change. `reason` says why where there is no value; `note` is one more fact."""

    metric: Metric
    value: Number | None
    change: Change
    before: Number | None = None
    note: str = ""
    history: Sequence[Number | None] = ()
    reason: str = ""


def kpi_card(kpi: Kpi) -> Component:
    metric = kpi.metric
    data = attributes(data_kpi=metric.name)
    return html.Article(
        [
            html.Div([html.H2(metric.label), _definition(metric)], className="kpi-name"),
            html.P(
                formats.short(kpi.value, metric.unit),
                className="kpi-value",
                title=formats.exact(kpi.value, metric.unit),
                **attributes(data_value="" if kpi.value is None else str(kpi.value)),
            ),
            _change_line(kpi),
            _sparkline(kpi),
        ],
        className="card kpi",
        **data,
    )


def _definition(metric: Metric) -> Component:
    return html.Details(
        [
            html.Summary("i", **attributes(aria_label=f"What is {metric.label}?")),
            html.Div(
                [
                    html.P(metric.description),
                    html.P([html.Strong("Formula: "), metric.formula]),
                    html.P(
                        [
                            html.Strong("From: "),
                            f"{metric.table}, whole days in UTC, newest complete day last",
                        ]
                    ),
                ],
                className="popover-body",
            ),
        ],
        className="definition",
    )


def _change_line(kpi: Kpi) -> Component:
    if kpi.value is None and kpi.reason:
        return html.P(kpi.reason, className="kpi-change none")
    parts: list[Component] = [html.Span(formats.change_text(kpi.change), className="kpi-delta")]
    if kpi.change.kind == "none":
        parts = [html.Span("nothing to compare with")]
    elif kpi.before is not None:
        parts.append(
            html.Span(f"before: {formats.short(kpi.before, kpi.metric.unit)}", className="kpi-before")
        )
    if kpi.note:
        parts.append(html.Span(kpi.note, className="kpi-note"))
    return html.P(parts, className="kpi-change")


def _sparkline(kpi: Kpi) -> Component:
    """A picture of the daily values; the figures below carry the numbers, so screen readers skip it."""
    history = drawn(kpi.history)
    points = [value for value in history if value is not None]
    if len(points) < 2:
        return html.Span(className="sparkline empty", **attributes(aria_hidden="true"))
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 24' preserveAspectRatio='none'>"
        f"<path d='{_sparkline_path(history, min(points), max(points))}' fill='none' stroke='black' "
        "stroke-width='2' vector-effect='non-scaling-stroke' stroke-linecap='round' "
        "stroke-linejoin='round'/></svg>"
    )
    image = f'url("data:image/svg+xml,{quote(svg)}")'
    return html.Span(
        className="sparkline",
        style={"maskImage": image, "WebkitMaskImage": image},
        **attributes(aria_hidden="true"),
    )


def _sparkline_path(history: Sequence[float | None], low: float, high: float) -> str:
    """Every day at its own place; the line breaks where days are missing, and a lone day is a dot."""
    height = (high - low) or 1.0
    steps, last = [], len(history) - 1
    for index, value in enumerate(history):
        if value is None:
            continue
        x, y = 100 * index / last, 22 - 20 * (value - low) / height
        starts = index == 0 or history[index - 1] is None
        ends = index == last or history[index + 1] is None
        steps.append(f"{'M' if starts else 'L'}{x:.1f},{y:.1f}{'h0' if starts and ends else ''}")
    return " ".join(steps)


# ---- figure cards and tables ----


def figure_card(name: str, question: str, figure: Figure, note: str = "", wide: bool = False) -> Component:
    """A chart whose title is the question it answers. The browser makes its table, from the same numbers."""
    data = attributes(data_figure=name)
    title_id = f"figure-{name}-title"
    return html.Section(
        [
            html.Header([html.H2(question, id=title_id), html.P(note) if note else None]),
            dcc.Graph(
                id=f"figure-{name}",
                figure=figure,
                config={"displayModeBar": False, "responsive": True},
                className="chart",
            ),
            html.Details(
                [
                    html.Summary("Show as table"),
                    html.Div(
                        className="twin",
                        tabIndex="0",
                        role="region",
                        **attributes(aria_label=f"Table: {question}"),
                    ),
                ],
                className="table-twin",
            ),
        ],
        className="card figure wide" if wide else "card figure",
        role="group",
        **attributes(aria_labelledby=title_id),
        **data,
    )


@dataclass(frozen=True)
class Column:
    """`numeric` columns are right-aligned, in tabular figures."""

    label: str
    numeric: bool = True


def table_card(
    name: str,
    question: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    note: str = "",
    wide: bool = False,
) -> Component:
    """A table; the first cell of each row is its heading."""
    data = attributes(data_table=name)
    head = html.Tr([html.Th(c.label, scope="col", className=_align(c)) for c in columns])
    body = [
        html.Tr(
            [html.Th(row[0], scope="row")]
            + [html.Td(cell, className=_align(c)) for c, cell in zip(columns[1:], row[1:], strict=True)]
        )
        for row in rows
    ]
    title_id = f"table-{name}-title"
    return html.Section(
        [
            html.Header([html.H2(question, id=title_id), html.P(note) if note else None]),
            html.Div(
                html.Table(
                    [html.Thead(head), html.Tbody(body)], **attributes(aria_labelledby=title_id), **data
                ),
                className="table-scroll",
                tabIndex="0",
                role="region",
                **attributes(aria_labelledby=title_id),
            ),
        ],
        className="card figure wide" if wide else "card figure",
    )


def _align(column: Column) -> str:
    return "number" if column.numeric else ""


# ---- states ----


def message_card(title: str, *lines: Component, state: str = "empty", wide: bool = False) -> Component:
    """Words in the place of a card: what is missing and what to do."""
    return html.Section(
        [html.H2(title), *(html.P(text) for text in lines)],
        className=f"card message {state}{' wide' if wide else ''}",
        role="alert" if state == "failed" else "status",
    )


def empty_figure(name: str, question: str, reason: str, wide: bool = False) -> Component:
    """The same look for every figure without data."""
    return html.Section(
        [html.Header(html.H2(question)), html.P(reason, className="no-data", role="status")],
        className="card figure wide" if wide else "card figure",
        **attributes(data_figure=name),
    )


def section(
    build: Callable[[], Component], title: str, failed: Callable[[str, Exception], None]
) -> Component:
    """`build()`, or a card that says it failed: one broken query must not take the page down."""
    try:
        return build()
    except Exception as error:
        failed(title, error)
        return message_card(
            title,
            "These numbers could not be loaded. The rest of the page is not affected.",
            html.A("Try again", href="", className="button"),
            state="failed",
        )


def skeleton(cards: int, figures: int, cards_class: str = "kpis") -> Component:
    """Grey boxes of the final size, so that nothing jumps when the numbers come."""
    return html.Div(
        [
            html.Div([html.Div(className="card kpi skeleton") for _ in range(cards)], className=cards_class),
            html.Div(
                [
                    html.Div(className=f"card figure skeleton{' wide' if index == 0 else ''}")
                    for index in range(figures)
                ],
                className="figures",
            ),
        ],
        **attributes(aria_hidden="true"),
    )
