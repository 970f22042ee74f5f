"""Days × jobs: a sign in each cell, so that colour is never the only carrier."""

from collections.abc import Mapping, Sequence
from datetime import date

from dash import html

from layouts import formats
from layouts.components import Component, attributes

# By outcome: the sign in the cell, and what it means.
SIGNS = {
    "ok": ("✓", "ok"),
    "late": ("L", "late: more than an hour after it was due"),
    "restated": ("R", "restated: numbers changed after they were first published"),
    "failed": ("✕", "failed"),
    "missing": ("!", "due, and not computed yet"),
    "running": ("…", "running"),
}


def job_grid_card(
    question: str,
    days: Sequence[date],
    jobs: Sequence[tuple[str, Mapping[date, tuple[str, str]]]],
) -> Component:
    """`jobs`: a name, and for each day its outcome and what hover says; days without one are blank."""
    title = "figure-job_grid-title"
    head = html.Tr([html.Th("Job", scope="col"), *(_day(day, day == days[0]) for day in days)])
    body = [
        html.Tr([html.Th(name, scope="row"), *(_cell(name, day, of.get(day)) for day in days)])
        for name, of in jobs
    ]
    table = html.Table(
        [html.Thead(head), html.Tbody(body)], className="job-grid", **attributes(aria_labelledby=title)
    )
    return html.Section(
        [
            html.Header([html.H2(question, id=title), _legend(jobs)]),
            html.Div(
                table,
                className="table-scroll",
                tabIndex="0",
                role="region",
                **attributes(aria_labelledby=title),
            ),
        ],
        className="card figure wide",
        **attributes(data_figure="job_grid"),
    )


def _day(day: date, first: bool) -> Component:
    return html.Th(
        [f"{day:%b} " if first or day.day == 1 else "", str(day.day)],
        scope="col",
        title=formats.day(day),
    )


def _cell(name: str, day: date, found: tuple[str, str] | None) -> Component:
    if found is None:
        return html.Td(className="blank")
    outcome, told = found
    sign, _ = SIGNS[outcome]
    return html.Td(
        html.Span(sign), title=f"{name}, {formats.day(day)}: {outcome}, {told}", className=f"run {outcome}"
    )


def _legend(jobs: Sequence[tuple[str, Mapping[date, tuple[str, str]]]]) -> Component:
    """Of the signs that there are."""
    seen = {outcome for _, of in jobs for outcome, _ in of.values()}
    shown = [(outcome, *SIGNS[outcome]) for outcome in SIGNS if outcome in seen]
    return html.P(
        [
            html.Span([html.Span(sign, className=f"run {outcome}"), f" {words}"])
            for outcome, sign, words in shown
        ],
        className="job-legend",
    )
