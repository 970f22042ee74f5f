"""A long table a page at a time: order, search and pages are links and a form, kept in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dash import html
from markupsafe import Markup

from layouts.components import LONG_NAME, Component, attributes
from layouts.page import LONGEST_PICK

ARROWS = {True: "↓", False: "↑"}
ORDERS = {True: "descending", False: "ascending"}


@dataclass(frozen=True)
class Head:
    """A column's head. `sort`: by which name the address orders by it; empty where it can't be."""

    label: str
    sort: str = ""
    numeric: bool = True
    title: str = ""


@dataclass(frozen=True)
class Row:
    """The first cell is a link to `href`."""

    href: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Shown:
    """What is shown of the `total` rows: `rows` from `first` on (from 1), in which order, found by what.

    `question`: the parts of the address that stay as they are, whichever of these changes.
    """

    sort: str
    descending: bool
    find: str
    first: int
    rows: int
    page: int
    pages: int
    total: int
    question: Mapping[str, str]

    def link(self, **changes: str) -> str:
        """The address that differs in `changes`; what is empty is left out."""
        own = {"sort": self.sort, "order": order(self.descending), "find": self.find}
        parts = {**self.question, **own, **changes}
        return f"?{urlencode({name: value for name, value in parts.items() if value})}"


def order(descending: bool) -> str:
    return "desc" if descending else "asc"


def board_card(
    name: str, question: str, heads: Sequence[Head], rows: Sequence[Row], shown: Shown, note: str
) -> Component:
    title_id = f"table-{name}-title"
    table = html.Table(
        [
            html.Thead(html.Tr([_head(head, shown) for head in heads])),
            html.Tbody([_row(row, heads, shown) for row in rows]),
        ],
        **attributes(aria_labelledby=title_id, data_table=name),
    )
    scroll = html.Div(
        table, className="table-scroll", tabIndex="0", role="region", **attributes(aria_labelledby=title_id)
    )
    nobody = html.P(["Nobody is called ", html.Bdi(shown.find), "."], className="no-data", role="status")
    return html.Section(
        [
            html.Div(
                [html.Header([html.H2(question, id=title_id), html.P(note)]), _search(shown)],
                className="board-head",
            ),
            scroll if rows else nobody,
            _pager(shown),
        ],
        className="card figure wide board",
    )


def _head(head: Head, shown: Shown) -> Component:
    sorted_ = bool(head.sort) and head.sort == shown.sort
    classes = _classes(head, shown)
    if not head.sort:
        return html.Th(head.label, scope="col", className=classes)
    # First the largest, names from A on; once more turns it round.
    descending = not shown.descending if sorted_ else head.numeric
    link = html.A(
        [
            head.label,
            html.Span(ARROWS[shown.descending], **attributes(aria_hidden="true")) if sorted_ else None,
        ],
        href=shown.link(sort=head.sort, order=order(descending)),
        id=f"sort-{head.sort}",
        title=head.title or None,
    )
    state = attributes(aria_sort=ORDERS[shown.descending]) if sorted_ else {}
    return html.Th(link, scope="col", className=classes, **state)


def _row(row: Row, heads: Sequence[Head], shown: Shown) -> Component:
    name = row.cells[0]
    link = html.A(
        html.Bdi(name, className="name", title=name if len(name) > LONG_NAME else None), href=row.href
    )
    cells = (
        html.Td(cell, className=_classes(head, shown))
        for cell, head in zip(row.cells[1:], heads[1:], strict=True)
    )
    return html.Tr([html.Th(link, scope="row"), *cells])


def _classes(head: Head, shown: Shown) -> str:
    chosen = "sorted" if head.sort and head.sort == shown.sort else ""
    return " ".join(filter(None, ("number" if head.numeric else "", chosen)))


def _search(shown: Shown) -> Component:
    kept = {**shown.question, "sort": shown.sort, "order": order(shown.descending)}
    hidden = Markup("").join(
        Markup('<input type="hidden" name="{}" value="{}">').format(*part) for part in kept.items()
    )
    field = Markup('<input type="search" name="find" id="find" maxlength="{}" value="{}" autocomplete="off">')
    return html.Form(
        [
            hidden,
            html.Label("Find a creator", htmlFor="find"),
            field.format(LONGEST_PICK, shown.find),
            html.Button("Find", type="submit"),
            html.A("Show all", href=shown.link(find=""), className="button quiet") if shown.find else None,
        ],
        role="search",
        method="GET",
        className="search",
    )


def _pager(shown: Shown) -> Component:
    last = min(shown.first + shown.rows - 1, shown.total)
    where = f"{shown.first:,} – {last:,} of {shown.total:,}" if shown.total else ""
    steps = (("First", 1), ("Previous", shown.page - 1), ("Next", shown.page + 1), ("Last", shown.pages))
    return html.Nav(
        [
            html.Span(where, role="status"),
            *(_step(label, page, shown) for label, page in steps if shown.pages > 1),
        ],
        className="pager",
        **attributes(aria_label="Pages of the table"),
    )


def _step(label: str, page: int, shown: Shown) -> Component:
    if page == shown.page or not 1 <= page <= shown.pages:
        return html.Span(label, className="button quiet", **attributes(aria_disabled="true"))
    return html.A(
        label, href=shown.link(page=str(page)), id=f"page-{label.lower()}", className="button quiet"
    )
