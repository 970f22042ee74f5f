"""Heat maps as tables: read by screen readers, and without the larger plotly bundle that theirs needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html

from layouts.components import Component, attributes

STEPS = 9


@dataclass(frozen=True)
class Cell:
    """`share` of the strongest colour, 0 to 1. `told`: what hover says. `weak`: too little is known."""

    share: float
    text: str
    told: str = ""
    weak: bool = False


@dataclass(frozen=True)
class Row:
    """A cell that is None is blank: nothing is known there, which is not 0."""

    label: str
    cells: Sequence[Cell | None]


def heat_map_card(
    name: str,
    question: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    note: str = "",
    dense: bool = False,
    wide: bool = False,
) -> Component:
    """`columns[0]` heads the rows' labels. `dense`: too many columns for texts in the cells."""
    title_id = f"figure-{name}-title"
    head = html.Tr([html.Th(label, scope="col") for label in columns])
    body = [html.Tr([html.Th(row.label, scope="row"), *map(_cell, row.cells)]) for row in rows]
    table = html.Table(
        [html.Thead(head), html.Tbody(body)],
        className="heat-map dense" if dense else "heat-map",
        **attributes(aria_labelledby=title_id),
    )
    return html.Section(
        [
            html.Header([html.H2(question, id=title_id), html.P(note) if note else None]),
            html.Div(
                table,
                className="table-scroll",
                tabIndex="0",
                role="region",
                **attributes(aria_labelledby=title_id),
            ),
        ],
        className="card figure wide" if wide else "card figure",
        **attributes(data_figure=name),
    )


def _cell(cell: Cell | None) -> Component:
    if cell is None:
        return html.Td(className="blank")
    step = min(STEPS - 1, max(0, int(cell.share * STEPS)))
    return html.Td(
        html.Span(cell.text), title=cell.told or None, className=f"h{step} weak" if cell.weak else f"h{step}"
    )
