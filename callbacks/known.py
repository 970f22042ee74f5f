"""A page with `?known=2026-11-01` in its address: its numbers as they were known at the end of that day."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from urllib.parse import urlencode

import pandas as pd
from dash import html

from aggregation import summaries
from aggregation.errors import UsageError
from aggregation.known import KnownQueries
from aggregation.metrics import Metric
from aggregation.queries import Queries
from aggregation.summaries import Number
from callbacks.guard import Content, Filled
from callbacks.selection import Selection, badge, kpi, select
from layouts import formats, shell
from layouts.components import Box, Component, Drawing, Kpi, Parts, kpi_card, message_card
from layouts.page import Asked, Viewer

# (numbers, viewer, chosen) → what fills the page, under the line that says of when it is.
Telling = Callable[[KnownQueries, Viewer, Selection], Parts]

NOT_KEPT = "can't be told of an earlier day"


def told(content: Content, telling: Telling, head: str) -> Content:
    """`content`, or, for an address that asks for it, what `telling` makes of what was known.

    `head`: the id of the part above all others.
    """

    def fill(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Filled:
        if not asked.known:
            return content(queries, viewer, asked, now)
        freshness = queries.freshness()
        shown = shell.badge(None) if freshness is None else badge(freshness, now)
        try:
            numbers, chosen = as_known(queries, asked, now)
        except UsageError as error:
            return Filled({head: Box(refusal(str(error), asked), "nothing")}, shown)
        parts = telling(numbers, viewer, chosen)
        above = [line(numbers.on, asked), chosen.line()]
        return Filled(parts | {head: [*above, parts[head]]}, shown, not chosen.failures.any)

    return fill


def as_known(queries: Queries, asked: Asked, now: datetime) -> tuple[KnownQueries, Selection]:
    """Raises UsageError, with the reason, where nothing can be told."""
    numbers = KnownQueries(queries, day_of(asked.known), now.date())
    freshness = numbers.freshness()
    if freshness is None:
        raise UsageError(f"nothing was known on {numbers.on}: no day had been computed")
    # What was clicked in today's charts narrows nothing here.
    return numbers, select(freshness, replace(asked, picked=()))


def day_of(text: str) -> date:
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise UsageError("known must be a day such as 2026-11-20")


def line(on: date, asked: Asked) -> Component:
    return html.Div(
        html.P([html.Strong(f"Numbers as known on {formats.day(on)}"), " · ", back(asked)]),
        className="card notes",
        role="status",
    )


def refusal(reason: str, asked: Asked) -> Component:
    return message_card("No numbers for that day", f"{reason[:1].upper()}{reason[1:]}.", html.P(back(asked)))


def back(asked: Asked) -> Component:
    question = urlencode(replace(asked, known="").question)
    return html.A("Show today's numbers", href=f"?{question}")


# ---- parts ----


def cards(
    metrics: Sequence[Metric],
    now: Mapping[str, Number | None],
    before: Mapping[str, Number | None],
    daily: pd.DataFrame,
    layout: str = "kpis",
) -> Component:
    """`now` and `before` are what the metrics are worth, by name; `daily` has their days."""
    return html.Div([kpi_card(_kpi(metric, now, before, daily)) for metric in metrics], className=layout)


def _kpi(
    metric: Metric, now: Mapping[str, Number | None], before: Mapping[str, Number | None], daily: pd.DataFrame
) -> Kpi:
    value = now.get(metric.name)
    history = [summaries.number(cell) for cell in daily[metric.name]] if metric.name in daily else []
    reason = "" if value is not None else NOT_KEPT
    return kpi(metric, value, before.get(metric.name), history=history, reason=reason)


def left_out(chosen: Selection, page: str, figures: Mapping[str, str]) -> Parts:
    """Cards of charts that say why they are empty; `figures`: what they ask, by name."""
    parts: Parts = {}
    for name, question in figures.items():
        parts |= chosen.figure(page, name, question, lambda: Drawing(reason=f"This {NOT_KEPT}."))
    return parts
