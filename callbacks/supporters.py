"""Supporters: a creator's supporters → cards, figures and a table in pages."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from dash import html

from aggregation import metrics
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.returns import People
from aggregation.summaries import Change
from aggregation.supporters import Dependency, Standing, Supporter, SupporterPage
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.my_dashboard import NOT_COUNTED, nothing_yet, supporters_kpi, unknown_creator
from callbacks.selection import Selection, badge, kpi, no_gifts, select
from layouts import formats, own_figures, shell
from layouts.components import (
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    attributes,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.supporters import PAGE, Ids
from layouts.places import here

ROWS = 25
# The last page that is shown; beyond, the table is not for reading.
LAST_PAGE = 200
EXPORTED = 10_000

SHARE = "How much do I depend on few?"
DAYS = "Do new supporters come, and do others come back?"
WHO = "Who supports me, and who is slipping?"

STANDINGS = {
    Standing.NEW: "new",
    Standing.RETURNING: "returning",
    Standing.COOLING: "cooling",
    Standing.LAPSED: "lapsed",
    Standing.EARLIER: "earlier",
}
STANDING_WORDS = (
    "New: first gift ever in these days. Returning: gave before and in them. Lapsed: gave in as many days "
    "before, not since. Earlier: before that. Cooling: at least 3 gifts, and silent for longer than "
    "14 days and 3 usual gaps. All sums are of all time."
)


class Choice(NamedTuple):
    """What the address says of the table."""

    standing: Standing | None
    page: int


Spread = Callable[[Period], Dependency | None]


class Numbers(NamedTuple):
    """Of the period, and of the one before where there is one."""

    supporters: People | None
    earlier: People | None
    spread: Dependency | None
    spread_before: Dependency | None
    cooling: int | None
    # why the number of supporters can't be told for now
    withheld: str


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=False)


def content(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Filled:
    """Whose page this is comes from the session alone, never from the browser."""
    freshness = queries.freshness()
    if freshness is None:
        return Filled(_only(nothing_yet()), shell.badge(None))
    creator_id = viewer.creator_id
    if creator_id is None or queries.creator_name(creator_id) is None:
        return Filled(_only(unknown_creator()), badge(freshness, now))
    chosen = select(freshness, asked, metrics.SUPPORTERS_COUNT)
    return Filled(filled(queries, creator_id, chosen, asked), badge(freshness, now), not chosen.failures.any)


def _only(parts: Parts) -> Parts:
    """The words of My dashboard, here."""
    (words,) = parts.values()
    return {Ids.HEAD: words}


def choice(asked: Asked) -> Choice:
    """The usual where the address makes no sense."""
    said = dict(parse_qsl(asked.search.removeprefix("?")))
    state, number = said.get("state", ""), said.get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    return Choice(Standing(state) if state in set(Standing) else None, min(max(page, 1), LAST_PAGE))


def filled(queries: Queries, creator_id: int, chosen: Selection, asked: Asked) -> Parts:
    figure = partial(chosen.figure, "supporters")
    spread = cache(partial(queries.dependency, creator_id))

    def numbers() -> list[Kpi]:
        return key_numbers(read(queries, creator_id, chosen, spread), chosen)

    return {
        Ids.HEAD: [chosen.line(), chosen.section("Key numbers", lambda: cards(numbers()))],
        **figure(
            "cumulative_share", SHARE, lambda: cumulative_share(queries, creator_id, spread(chosen.period))
        ),
        **figure("new_and_returning", DAYS, lambda: new_and_returning(queries, creator_id, chosen)),
        Ids.TABLE: chosen.section(WHO, lambda: table(queries, creator_id, chosen, asked)),
    }


def read(queries: Queries, creator_id: int, chosen: Selection, spread_of: Spread) -> Numbers:
    def of(period: Period) -> tuple[People | None, Dependency | None]:
        return queries.supporters(creator_id, period, chosen.freshness), spread_of(period)

    supporters, spread = of(chosen.period)
    earlier, spread_before = of(chosen.comparable) if chosen.comparable else (None, None)
    counted = not queries.lacks("supporter_totals", chosen.freshness.coverage, chosen.freshness)
    cooling = queries.cooling_supporters(creator_id, chosen.freshness.coverage.last) if counted else None
    withheld = chosen.withheld(metrics.SUPPORTERS_COUNT, creator_id)
    return Numbers(supporters, earlier, spread, spread_before, cooling, withheld)


# ---- cards ----


def cards(kpis: Sequence[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis], className="kpis three")


def key_numbers(numbers: Numbers, chosen: Selection) -> list[Kpi]:
    supporters, earlier = numbers.supporters, numbers.earlier
    everybody = supporters_kpi(supporters, earlier, numbers.withheld)
    nobody = "nobody gave anything in this period"
    why_not = numbers.withheld or NOT_COUNTED
    return [
        everybody,
        kpi(
            metrics.NEW_SUPPORTERS,
            supporters.new if supporters else None,
            earlier.new if earlier else None,
            reason="" if supporters else why_not,
        ),
        kpi(
            metrics.RETURNING_SHARE,
            supporters.returning if supporters else None,
            earlier.returning if earlier else None,
            reason=nobody if supporters else why_not,
        ),
        kpi(
            metrics.EFFECTIVE_SUPPORTERS,
            effective(numbers.spread),
            effective(numbers.spread_before),
            note=f"of {numbers.spread.supporters:,}" if numbers.spread else "",
            reason=nobody,
        ),
        kpi(
            metrics.TOP_SHARE,
            top_share(numbers.spread, 1),
            top_share(numbers.spread_before, 1),
            note=top_words(numbers.spread),
            reason=nobody,
        ),
        Kpi(
            metrics.COOLING,
            numbers.cooling,
            Change("none"),
            words=(f"at the end of {formats.day(chosen.freshness.coverage.last)}",),
            reason=NOT_COUNTED,
        ),
    ]


def effective(spread: Dependency | None) -> Decimal | None:
    return formats.rounded(spread.effective, 1) if spread else None


def top_share(spread: Dependency | None, top: int) -> Decimal | None:
    return spread.top[top] * 100 if spread else None


def top_words(spread: Dependency | None) -> str:
    if spread is None or spread.supporters <= 5:
        return ""
    return " · ".join(
        f"top {top}: {formats.short(top_share(spread, top), 'percent')}"
        for top in (5, 10)
        if spread.supporters > top
    )


# ---- figures ----


def cumulative_share(queries: Queries, creator_id: int, spread: Dependency | None) -> Drawing:
    if spread is None:
        return Drawing(reason=no_gifts(queries.last_gift_day(creator_id)))
    note = "Supporters of the period, those who gave most first."
    return Drawing(own_figures.cumulative_share(spread.curve), note)


def new_and_returning(queries: Queries, creator_id: int, chosen: Selection) -> Drawing:
    period = chosen.period
    if queries.lacks("supporter_returns", period, chosen.freshness):
        return Drawing(reason=f"Supporters are {NOT_COUNTED}.")
    found = queries.supporters_by_day(creator_id, period)
    if not found:
        return Drawing(reason=no_gifts(queries.last_gift_day(creator_id)))
    days: list[date] = [day for day in period.dates() if day >= chosen.freshness.coverage.first]
    new, again = zip(*(found.get(day, (0, 0)) for day in days), strict=True)
    return Drawing(
        own_figures.new_and_returning(days, new, again, ("First gift ever", "Gave before")),
        "Supporters of each day.",
    )


# ---- the table ----


def table(queries: Queries, creator_id: int, chosen: Selection, asked: Asked) -> Component:
    if queries.lacks("supporter_totals", chosen.freshness.coverage, chosen.freshness):
        return message_card(WHO, f"Supporters are {NOT_COUNTED}.", wide=True)
    wanted, judged = choice(asked), judged_over(chosen)
    found = queries.supporters_page(creator_id, judged, wanted.standing, ROWS, (wanted.page - 1) * ROWS)
    columns = (
        Column("Supporter", numeric=False),
        Column("Total"),
        Column("State", numeric=False),
        Column("Last gift"),
        Column("Usual gap"),
        Column("Favourite", numeric=False),
    )
    rows = [row(supporter) for supporter in found.rows]
    words = f"As of {formats.day(judged.last)}. {STANDING_WORDS}"
    more = [more_words(supporter) for supporter in found.rows]
    shown = table_card("supporters", WHO, columns, rows, words, wide=True, more=more)
    return [filters(wanted.standing, asked), shown, nothing_found(wanted, found), pager(wanted, found, asked)]


def judged_over(chosen: Selection) -> Period:
    """As many days as are shown, until the newest complete one: what somebody is, they are now."""
    return Period.ending(chosen.freshness.coverage.last, chosen.period.days)


def row(supporter: Supporter) -> tuple[str, ...]:
    return (
        supporter_name(supporter),
        formats.exact(supporter.amount, "money"),
        STANDINGS[supporter.standing],
        formats.day(supporter.last_day),
        gap_words(supporter.usual_gap),
        supporter.spark or formats.NO_VALUE,
    )


def more_words(supporter: Supporter) -> str:
    gap = supporter.usual_gap
    often = "" if gap is None else f"every {gap_words(gap)}" if gap > 1 else "every day"
    return " · ".join(part for part in (often, supporter.spark) if part)


def supporter_name(supporter: Supporter) -> str:
    return supporter.name or "left the platform"


def gap_words(gap: int | None) -> str:
    if gap is None:
        return formats.NO_VALUE
    return "1 day" if gap == 1 else f"{gap:,} days"


def address(asked: Asked, **parts: str | int | None) -> str:
    """This page with other choices, and the period as it is."""
    kept = asked.question | {name: str(part) for name, part in parts.items() if part}
    return f"{here(PAGE, asked)}?{urlencode(kept)}"


def filters(standing: Standing | None, asked: Asked) -> Component:
    choices: list[tuple[Standing | None, str]] = [(None, "all"), *STANDINGS.items()]
    links = [
        html.A(
            words.capitalize(),
            href=address(asked, state=each and each.value),
            className="button current" if each is standing else "button",
            **(attributes(aria_current="true") if each is standing else {}),
        )
        for each, words in choices
    ]
    return html.Nav(links, className="filters", **attributes(aria_label="Which supporters"))


def nothing_found(wanted: Choice, found: SupporterPage) -> Component:
    if found.rows:
        return None
    what = f"Nobody is {STANDINGS[wanted.standing]}" if wanted.standing else "Nobody has supported you"
    return html.P(f"{what} so far." if wanted.page == 1 else "There are no more.", className="no-data")


def pager(wanted: Choice, found: SupporterPage, asked: Asked) -> Component:
    """Previous and next; how many pages there are would cost more than it tells."""
    state = wanted.standing and wanted.standing.value
    before = address(asked, state=state, page=wanted.page - 1) if wanted.page > 1 else None
    after = (
        address(asked, state=state, page=wanted.page + 1) if found.more and wanted.page < LAST_PAGE else None
    )
    if before is None and after is None:
        return None
    return html.Nav(
        [
            html.A("Previous", href=before, className="button", rel="prev") if before else None,
            html.Span(f"Page {wanted.page}"),
            html.A("Next", href=after, className="button", rel="next") if after else None,
        ],
        className="pager",
        **attributes(aria_label="More supporters"),
    )


# ---- export ----


def export(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, creator_id = queries.freshness(), viewer.creator_id
    name = None if creator_id is None else queries.creator_name(creator_id)
    if freshness is None or creator_id is None or name is None:
        return None
    chosen = select(freshness, asked, metrics.SUPPORTERS_COUNT)

    def numbers() -> Table:
        spread = partial(queries.dependency, creator_id)
        return exports.key_numbers(key_numbers(read(queries, creator_id, chosen, spread), chosen))

    def people() -> Table:
        found = queries.supporters_page(creator_id, judged_over(chosen), choice(asked).standing, EXPORTED)
        return Table("Supporters", COLUMNS, [cells(each) for each in found.rows])

    tables = [exports.table("Key numbers", numbers), exports.table("Supporters", people)]
    return exports.export(PAGE, chosen, asked, now, tables, owner=name)


COLUMNS = (
    "Supporter",
    "Total ($)",
    "Gifts",
    "State",
    "First gift",
    "Last gift",
    "Usual gap (days)",
    "Favourite spark",
)


def cells(supporter: Supporter) -> tuple[str | int | date | Amount | None, ...]:
    return (
        supporter_name(supporter),
        Amount(supporter.amount, "money"),
        supporter.gifts,
        STANDINGS[supporter.standing],
        supporter.first_day,
        supporter.last_day,
        supporter.usual_gap,
        supporter.spark,
    )
