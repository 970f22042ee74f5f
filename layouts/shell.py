"""The frame around every page: header, menu, period control, badge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
from dash import dcc, html
from markupsafe import Markup

from aggregation.periods import Comparison, Period
from layouts import formats
from layouts.components import Component, attributes
from layouts.elements import Html, Selection
from layouts.markup import markup
from layouts.page import DEFAULT_DAYS, Asked, Page, PlainPage


class Ids:
    URL = "url"
    MENU = "shell-menu"
    ACCOUNT = "shell-account"
    PAGE = "shell-page"
    PERIOD = "period"
    DATES = "dates"
    COMPARE = "compare"
    FRESHNESS = "shell-freshness"
    BADGE = "complete-through"


# In the place of a number of days.
CUSTOM = "custom"
COMPARISONS = {
    Comparison.PREVIOUS: "the days before",
    Comparison.WEEKDAY_ALIGNED: "same weekdays before",
    Comparison.YEAR_AGO: "a year ago",
    Comparison.WEEKS_AGO: "364 days ago",
    Comparison.NONE: "nothing",
}


@dataclass(frozen=True)
class Choice:
    """A control of a page's own: `part` is its name in the address and one of the page's picks.

    `options` are values and their words.
    """

    part: str
    label: str
    options: Sequence[tuple[str, str]]
    usual: str

    def made(self, asked: Asked) -> str:
        """What it is set to; the usual where the address says nothing that it knows."""
        value = asked.pick(self.part)
        return value if value in dict(self.options) else self.usual


@dataclass(frozen=True)
class Open:
    """What is open in the frame: a page, with what goes with it."""

    page: Component
    menu: Sequence[Component]
    account: Sequence[Component]


def layout(path: str | None = None, search: str | None = None, opened: Open | None = None) -> Component:
    """The frame, empty or with what is open at this address."""
    shown = opened or Open(None, (), ())
    return html.Div(
        [
            dcc.Location(id=Ids.URL, refresh="callback-nav", pathname=path, search=search),
            html.A("Skip to the page", href=f"#{Ids.PAGE}", className="skip-link"),
            html.Header(
                [
                    html.A(
                        [html.Span(className="logo"), html.Span("Sparkboard")],
                        href="/",
                        className="brand",
                    ),
                    html.Nav(list(shown.menu), id=Ids.MENU, **attributes(aria_label="Pages")),
                    html.Div(list(shown.account), id=Ids.ACCOUNT, className="account"),
                ],
                className="top",
            ),
            html.Main(shown.page, id=Ids.PAGE, tabIndex="-1"),
        ],
        className="shell",
    )


def bar(
    title: str,
    address: str,
    periods: Sequence[int],
    asked: Asked,
    *,
    compares: bool = True,
    export: str = "",
    choices: Sequence[Choice] = (),
) -> Component:
    """The line above the numbers: what is shown, for when, compared with what, and how fresh.

    `address` is the id under which the page's callback reads the selection. `compares`: the page does,
    with an earlier period. `export`: the name of the page if its numbers can be taken out.
    """
    days = [*((str(days), f"Last {days} days") for days in periods), (CUSTOM, "Custom range")]
    comparisons = [(choice.value, label) for choice, label in COMPARISONS.items()]
    chosen = CUSTOM if asked.typed else str(asked.days)
    controls = [_control(Ids.PERIOD, "days", "Period", days, chosen), _dates(asked)]
    if compares:
        controls.append(_control(Ids.COMPARE, "compare", "Compare with", comparisons, asked.compare.value))
    for each in choices:
        controls.append(_control(each.part, each.part, each.label, each.options, each.made(asked)))
    if export:
        controls.append(_export(export, asked))
    controls.append(_keys())
    usual = {"days": str(DEFAULT_DAYS), "compare": Comparison.PREVIOUS.value}
    # Of the path only what says whose page it is.
    path = f"/creators/{asked.creator.id}" if asked.creator else ""
    usual |= {each.part: each.usual for each in choices}
    return html.Div(
        [
            _heading(title, asked),
            html.Div(Html(Ids.FRESHNESS), role="status"),
            Selection(address, asked.search, str(markup(controls)), usual, path),
        ],
        className="bar",
    )


def _heading(title: str, asked: Asked) -> Component:
    """On a creator's page that an analyst has opened: whose it is, and the way back."""
    if asked.creator is None:
        return html.H1(title)
    back = html.A("‹ All creators", href="/creators", className="back")
    return html.Div([back, html.H1(html.Bdi(asked.creator.name, className="name"))], className="heading")


def _control(name: str, part: str, label: str, options: Sequence[tuple[str, str]], value: str) -> Component:
    """`part`: what it is called in the address."""
    choices = [{"value": key, "label": text} for key, text in options]
    return html.Div(
        [html.Label(label, htmlFor=name), dbc.Select(id=name, name=part, options=choices, value=value)],
        className="control",
    )


def _dates(asked: Asked) -> Markup:
    """Both ends of a range of one's own; shown where one is chosen. `to` is its last day."""
    first, last = asked.typed or ("", "")
    # Fields of dates take a browser as long to make as the rest of the page: they become such when shown.
    kind, hidden = ("date", "") if asked.typed else ("hidden", "hidden")
    box = Markup('<div class="control dates" id="{}" {}>{}<span>to</span>{}</div>')
    field = Markup('<input type="{}" name="{}" aria-label="{}" min="2000-01-01" max="2999-12-31" value="{}">')
    return box.format(
        Ids.DATES,
        hidden,
        field.format(kind, "from", "First day", first),
        field.format(kind, "to", "Last day", last),
    )


def _export(page: str, asked: Asked) -> Component:
    """Links to the files; in the browser they follow the address."""
    question = urlencode(asked.question)
    file = f"creators/{asked.creator.id}/{page}" if asked.creator else page
    links = [
        html.A(label, href=f"/export/{file}.{kind}?{question}")
        for kind, label in (("csv", "CSV file"), ("xlsx", "Excel workbook"))
    ]
    return html.Details(
        [html.Summary("Export"), html.Div(links, className="popover-body")], className="export"
    )


def _keys() -> Component:
    """Opens the list that assets/scripts/keys.js makes."""
    about = "Keyboard shortcuts"
    return html.Button(
        "?", type="button", className="quiet", title=about, **attributes(data_keys="", aria_label=about)
    )


def menu(pages: Sequence[Page | PlainPage], current: str | None) -> list[Component]:
    """Links to the pages; a single page needs no menu."""
    if len(pages) < 2:
        return []
    # Dash opens its own pages without leaving the frame.
    return [
        (dcc.Link if isinstance(page, Page) else html.A)(
            page.title,
            href=page.path,
            className="current" if page.path == current else "",
        )
        for page in pages
    ]


def account(name: str, role: str, csrf_token: str) -> list[Component]:
    return [
        # Its words are in the style sheet: they depend on a choice that only the browser knows.
        html.Button(
            id="theme-switch",
            type="button",
            className="quiet",
            title="Switch between the system's, the light and the dark theme",
        ),
        html.A(
            [html.Span(name, className="who"), html.Span(role, className="role")],
            href="/account",
            title="Your account",
        ),
        html.Form(
            [
                dcc.Input(type="hidden", name="csrf_token", value=csrf_token, id="shell-csrf"),
                html.Button("Log out", type="submit", className="quiet"),
            ],
            action="/logout",
            method="POST",
        ),
    ]


def badge(
    coverage: Period | None, unequal: int | None = None, days_behind: int = 0, checked: int = 0
) -> Component:
    """`complete through 21 Nov 2026 UTC · all cells equal`, as far as it has been checked.

    The day is the oldest table's; `unequal` are of the `checked` cells, None where nothing has been.
    """
    if coverage is None:
        return html.Span("no complete day yet", className="badge")
    parts = [f"complete through {formats.day(coverage.last)} UTC", _verdict(unequal, checked)]
    if days_behind > 0:
        parts.insert(1, f"{formats.days(days_behind)} behind")
    return html.Span(
        " · ".join(parts),
        id=Ids.BADGE,
        className="badge alarm" if unequal or days_behind > 0 else "badge",
        **attributes(data_through=coverage.last.isoformat()),
    )


def _verdict(unequal: int | None, checked: int) -> str:
    match unequal:
        case None:
            return "not recounted yet"
        case 0:
            return "all cells equal"
        case _:
            return f"{_share(unequal, checked)} of cells equal, {unequal:,} withheld"


def _share(unequal: int, checked: int) -> str:
    """Rounded down: 100 % is said of all cells only."""
    share = Decimal(100) * max(checked - unequal, 0) / max(checked, 1)
    return f"{share.quantize(Decimal('0.001'), ROUND_DOWN).normalize():f} %"


def period_line(
    period: Period,
    before: Period | None,
    *,
    compared: bool,
    begin: date | None = None,
    against: str = "",
    picked: Sequence[tuple[str, str]] = (),
) -> Component:
    """Which days are shown and compared; `begin`: where the numbers begin, if within the period.

    `against`: what the compared days are, in words. `picked`: what was clicked, by part of the address, as it
    is shown. The interval stands in it for scripts, both days inside.
    """
    parts = [f"{formats.days(period.days)}: {formats.span(period)}"]
    if begin is not None:
        parts.append(f"the numbers begin on {formats.day(begin)}")
    if before is not None and compared:
        parts.append(f"compared with {against}{formats.span(before)}{_weekdays(period, before)}")
    elif before is not None:
        parts.append("nothing to compare with: there are no numbers of the days before")
    ends = attributes(data_first=period.first.isoformat(), data_last=period.last.isoformat())
    chips = [_chip(part, words) for part, words in picked]
    return html.P([html.Span(", ".join(parts)), *chips], className="period-line", **ends)


def _chip(part: str, words: str) -> Component:
    """What narrows the page; a click lets it go."""
    cross = html.Span("×", **attributes(aria_hidden="true"))
    hint = html.Span("Show all again:", className="unseen")
    return html.Button([hint, words, cross], type="button", className="chip", **attributes(data_drop=part))


def _weekdays(period: Period, before: Period) -> str:
    """A remark where one of the two has more of some weekdays."""
    alike = period.days % 7 == 0 or period.first.weekday() == before.first.weekday()
    return "" if alike else " (other weekdays)"


def notice(title: str, text: str) -> Component:
    """A whole page of words: not found, not allowed."""
    return html.Div(
        [html.H1(title), html.P(text), html.A("Back to the start", href="/", className="button")],
        className="notice",
        **attributes(data_page="notice"),
    )
