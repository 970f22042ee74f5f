"""The rows behind a number, as a plain page: what it is, and its rows, mostly days, their total first."""

from collections.abc import Sequence
from datetime import date

from dash import html

from layouts import formats
from layouts.components import Component, attributes
from layouts.exports import Amount, Cell, Export

# The others are on the page that one comes from.
FACTS = (
    "What it is",
    "Formula",
    "Unit",
    "Source table",
    "Creator",
    "Note",
    "From (UTC, included)",
    "To (UTC, not included)",
    "Complete through (UTC)",
)
# On the page; the file has all.
MOST = 1000


def content(title: str, export: Export, csv: str) -> Component:
    """`csv`: the address of the same as a file."""
    (table,) = export.tables
    known = dict(export.facts)
    total, days = table.rows[0], table.rows[1 : MOST + 1]
    more = len(table.rows) - 1 - MOST
    head = html.Tr(
        [
            html.Th(name, scope="col", className="number" if at else "")
            for at, name in enumerate(table.columns)
        ]
    )
    return [
        html.Div(
            [html.H1(f"{title}: the rows"), html.A("CSV file", href=csv, className="button", download="")],
            className="bar",
        ),
        html.Section(
            html.Dl(
                [
                    part
                    for name in FACTS
                    if name in known
                    for part in (html.Dt(name), html.Dd(html.Bdi(shown(known[name]))))
                ]
            ),
            className="card",
        ),
        html.Section(
            html.Div(
                html.Table(
                    [html.Thead(head), html.Tbody([_row(total, "total"), *(_row(day, "") for day in days)])],
                    **attributes(data_table="rows", aria_label=f"{title}: the rows"),
                ),
                className="table-scroll",
                tabIndex="0",
                role="region",
                **attributes(aria_label=f"{title}: the rows"),
            ),
            className="card",
        ),
        html.P(f"The first {MOST:,} rows; {more:,} more are in the file.") if more > 0 else None,
    ]


def _row(cells: Sequence[Cell], kind: str) -> Component:
    first, *others = cells
    return html.Tr([html.Th(shown(first), scope="row"), *map(_cell, others)], className=kind)


def _cell(cell: Cell) -> Component:
    value = cell.value if isinstance(cell, Amount) else cell
    exact = attributes(data_value="" if value is None else str(value))
    return html.Td(shown(cell), className="number", **exact)


def shown(cell: Cell) -> str:
    match cell:
        case Amount(value, unit):
            return formats.exact(value, "percent" if unit == "points" else unit)
        case date():
            return f"{cell:%a} {formats.day(cell)}"
        case None:
            return formats.NO_VALUE
        case _:
            return str(cell)
