"""Cards, tables and states: what pages are made of. Data comes in as arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from dash import html
from markupsafe import Markup

from aggregation.metrics import CREATOR, DAILY, METRICS, SUPPORTERS, WITH_ROWS, Metric
from aggregation.summaries import Change, Number
from aggregation.verdicts import Place, Verdict
from aggregation.withheld import BeingRecounted
from layouts import formats
from layouts.elements import Chart, Fixed, Html
from layouts.figures import BLANK, Figure, drawn
from layouts.markup import markup

Component = Any
# The style sheet cuts names that take more than three lines; these may be.
LONG_NAME = 40
# What fills a page: by id, components or a Box for an Html, and a figure for a chart.
Parts = dict[str, Any]


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
    # instead of the value, where it is no amount: as text, and for data-value
    shown: str = ""
    data: str = ""
    # instead of a change, where there is nothing to compare with by nature
    words: Sequence[str] = ()
    # within its normal range or not; None where that was not asked
    verdict: Verdict | None = None


def kpi_card(kpi: Kpi) -> Component:
    metric = kpi.metric
    data = attributes(data_kpi=metric.name)
    return html.Article(
        [
            html.Div([html.H2(metric.label), _definition(metric)], className="kpi-name"),
            html.P(
                kpi.shown or formats.short(kpi.value, metric.unit),
                className="kpi-value",
                title=kpi.shown or formats.exact(kpi.value, metric.unit),
                **attributes(data_value=kpi.data or ("" if kpi.value is None else str(kpi.value))),
            ),
            _change_line(kpi),
            verdict_line(kpi.metric, kpi.verdict),
            _sparkline(kpi),
        ],
        className="card kpi",
        **data,
    )


def _definition(metric: Metric) -> Component:
    """In the words of metrics.py. The browser adds the interval, and the address's question to the link."""
    said = (("Formula", metric.formula), ("Unit", metric.measured), ("From", metric.table))
    scope = "platform" if metric in WITH_ROWS else _ROWS.get(metric.table) if metric in METRICS else None
    rows = html.A("Open the rows", href=f"/rows/{scope}/{metric.name}", className="rows") if scope else None
    return html.Details(
        [
            html.Summary("i", **attributes(aria_label=f"What is {metric.label}?")),
            html.Div(
                [
                    html.P(metric.description),
                    *(html.P([html.Strong(f"{name}: "), text]) for name, text in said),
                    html.P(className="interval", **attributes(data_days=metric.days)),
                    rows,
                ],
                className="popover-body",
            ),
        ],
        className="definition",
    )


# Where the rows are of metrics that have them; `me` is whose page is open.
_ROWS = {DAILY: "platform", CREATOR: "me", SUPPORTERS: "me"}


def _change_line(kpi: Kpi) -> Component:
    if kpi.value is None and kpi.reason:
        return html.P(kpi.reason, className="kpi-change none")
    if kpi.words:
        return html.P([html.Span(words) for words in kpi.words], className="kpi-change")
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


def verdict_line(metric: Metric, verdict: Verdict | None) -> Component:
    """An arrow and a colour only outside the normal range."""
    if verdict is None:
        return None
    words = verdict_words(metric, verdict)
    if verdict.place in (None, Place.WITHIN):
        return html.P(words, className="kpi-verdict", title=verdict.why or None)
    arrow, direction = ("▲", "up") if verdict.place is Place.ABOVE else ("▼", "down")
    good = " good" if metric.better == direction else " bad"
    mark = html.Span(arrow, **attributes(aria_hidden="true"))
    return html.P([mark, words], className=f"kpi-verdict outside{good if metric.better else ''}")


def verdict_words(metric: Metric, verdict: Verdict | None) -> str:
    """Of a stock its growth is meant."""
    if verdict is None:
        return ""
    if verdict.place is None:
        return verdict.why.partition(":")[0]
    return f"{'growth ' if metric.rollup == 'stock' else ''}{verdict.place} its normal range"


def _sparkline(kpi: Kpi) -> Component:
    """A picture of the daily values; the figures below carry the numbers, so screen readers skip it."""
    history = drawn(kpi.history)
    points = [value for value in history if value is not None]
    if len(points) < 2:
        return html.Span(className="sparkline empty", **attributes(aria_hidden="true"))
    path = _sparkline_path(history, min(points), max(points))
    return Markup(
        '<svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">'
        '<path d="{}" vector-effect="non-scaling-stroke"/></svg>'
    ).format(path)


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


@dataclass(frozen=True)
class Box:
    """What fills an Html, with the state that the style sheet knows it by."""

    content: Component
    state: str = ""


@dataclass(frozen=True)
class Drawing:
    """What a figure card shows: a figure, or the reason why there is none. `note`: one more fact."""

    figure: Figure | None = None
    note: str = ""
    reason: Component = ""


# All from the numbers that the chart was given, made by the browser: see assets/scripts/figures.js.
FIGURE_MENU = str(
    markup(
        [
            html.Details(
                [html.Summary("Show as table"), html.Div(className="twin", tabIndex="0", role="region")],
                className="table-twin",
            ),
            html.Div(
                [
                    html.Button(label, type="button", className="quiet", **attributes(data_save=kind))
                    for kind, label in (("csv", "CSV"), ("png", "PNG"))
                ]
            ),
        ]
    )
)


def figure_card(page: str, name: str, *, wide: bool = False) -> Component:
    """A chart's card; `figure_parts` fills it. It stays while numbers change: plotly goes on."""
    return html.Section(
        [
            Html(f"{page}-{name}-head"),
            Chart(f"{page}-{name}", BLANK),
            Fixed(FIGURE_MENU, className="figure-menu"),
        ],
        className="card figure wide" if wide else "card figure",
        role="group",
        **attributes(data_figure=name, aria_labelledby=_title_id(name)),
    )


def figure_parts(page: str, name: str, question: str, drawing: Drawing) -> Parts:
    """The chart's title is the question it answers."""
    note = html.P(drawing.note) if drawing.note else None
    title = html.Header([html.H2(question, id=_title_id(name)), note])
    if drawing.figure is None:
        reason = html.Div(drawing.reason, className="no-data", role="status")
        return {f"{page}-{name}-head": Box([title, reason], "empty")}
    return {f"{page}-{name}-head": title, f"{page}-{name}": drawing.figure}


def _title_id(name: str) -> str:
    return f"figure-{name}-title"


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
    links: Sequence[str] = (),
    total: Sequence[str] = (),
    long: bool = False,
    more: Sequence[str] = (),
) -> Component:
    """A table; the first cell of each row is its heading, and leads to its address in `links`, if any.

    `total`: its last row. `long`: it scrolls by itself. `more`: below each heading on a phone, what stands
    in columns that have no room there.
    """
    data = attributes(data_table=name)
    head = html.Tr([html.Th(c.label, scope="col", className=_align(c)) for c in columns])
    body = [_row(columns, row, link, rest) for row, link, rest in zip_longest(rows, links, more)]
    foot = html.Tfoot(_row(columns, total)) if total else None
    title_id = f"table-{name}-title"
    return html.Section(
        [
            html.Header([html.H2(question, id=title_id), html.P(note) if note else None]),
            html.Div(
                html.Table(
                    [html.Thead(head), html.Tbody(body), foot],
                    **attributes(aria_labelledby=title_id),
                    **data,
                ),
                className="table-scroll long" if long else "table-scroll",
                tabIndex="0",
                role="region",
                **attributes(aria_labelledby=title_id),
            ),
        ],
        className="card figure wide" if wide else "card figure",
    )


def _row(
    columns: Sequence[Column], row: Sequence[str], link: str | None = None, more: str | None = None
) -> Component:
    cells = [html.Td(cell, className=_align(c)) for c, cell in zip(columns[1:], row[1:], strict=True)]
    rest = html.Small(more, className="more") if more else None
    return html.Tr([html.Th([_name(row[0], link), rest], scope="row"), *cells])


def _name(text: str, link: str | None = None) -> Component:
    """Whatever its direction of writing is, it turns nobody else's; hover shows the whole of a long one."""
    name = html.Bdi(text, className="name", title=text if len(text) > LONG_NAME else None)
    return html.A(name, href=link) if link else name


def _align(column: Column) -> str:
    return "number" if column.numeric else ""


# ---- states ----


def message_card(title: str, *lines: Component, state: str = "empty", wide: bool = False) -> Component:
    """Words in the place of a card: what is missing and what to do."""
    return html.Section(
        [html.H2(title), *(html.P(line) if isinstance(line, str) else line for line in lines)],
        className=f"card message {state}{' wide' if wide else ''}",
        role="alert" if state == "failed" else "status",
    )


def notes_card(lines: Sequence[str]) -> Component:
    """What to know before reading the numbers; nothing where there is nothing to say."""
    if not lines:
        return None
    return html.Div([html.P(line) for line in lines], className="card notes", role="status")


def failure() -> Component:
    """In place of what could not be loaded."""
    return [
        html.P("These numbers could not be loaded. The rest of the page is not affected."),
        html.A("Try again", href="", className="button"),
    ]


def section(
    build: Callable[[], Component], title: str, failed: Callable[[str, Exception], None]
) -> Component:
    """`build()`, or a card that says it failed: one broken query must not take the page down.

    Where it can't be told for now, the card says why.
    """
    try:
        return build()
    except BeingRecounted as withheld:
        return message_card(title, withheld_words(withheld), wide=True)
    except Exception as error:
        failed(title, error)
        return message_card(title, *failure(), state="failed")


def drawing(build: Callable[[], Drawing], title: str, failed: Callable[[str, Exception], None]) -> Drawing:
    """The same for a chart."""
    try:
        return build()
    except BeingRecounted as withheld:
        return Drawing(reason=withheld_words(withheld))
    except Exception as error:
        failed(title, error)
        return Drawing(reason=failure())


def withheld_words(withheld: BeingRecounted) -> str:
    return f"{formats.NO_VALUE} {formats.being_recounted(withheld.days)}"
