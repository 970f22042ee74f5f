"""Creators: how earnings are spread, and the leaderboard."""

from dataclasses import replace
from datetime import date, datetime
from functools import partial
from math import ceil
from urllib.parse import urlencode

from dash import html

from aggregation import metrics, summaries
from aggregation.concentration import Concentration
from aggregation.leaderboard import Order, Sort, Spread, Standing
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.summaries import Number
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, kpi, select
from layouts import creator_figures, figures, formats, shell
from layouts.components import Box, Component, Drawing, Kpi, Parts, kpi_card, message_card
from layouts.creator_figures import Point
from layouts.exports import Amount, Cell, Export, Lines, Table
from layouts.leaderboard import Head, Row, Shown, board_card
from layouts.page import Asked, Viewer
from layouts.pages.creators import PAGE, PICKS, Ids
from layouts.places import THEIRS

ROWS = 50
DOTS = 200

SHAPE = "How evenly are earnings spread?"
WORTH = "Who earns much with few views?"
BOARD = "Who earns what?"
NOT_YET = "not computed for all of these days yet"
NOTHING_COMPARED = "needs a period to compare with"

HEADS = (
    Head("Creator", "name", numeric=False),
    Head("Earnings", "earnings"),
    Head("Change", "change", title="Of earnings, against the compared period"),
    Head("Gifts", "gifts"),
    Head("Supporters", "supporters"),
    Head("Followers", "followers", title="At the end of the period"),
    Head("Engagement", "engagement", title="Likes, comments and shares for every 100 views"),
    Head("RPM", "rpm", title="Earnings from gifts with a video, for every 1,000 views"),
)


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked, metrics.GIFT_REVENUE)
    return Filled(filled(queries, chosen, asked), badge(freshness, now), not chosen.failures.any)


def nothing_yet() -> Parts:
    words = "They appear when the first whole day has been computed."
    return {Ids.HEAD: Box(message_card("No numbers yet", words), "nothing")}


def filled(queries: Queries, chosen: Selection, asked: Asked) -> Parts:
    if not countable(queries, chosen):
        words = "The worker is still adding up these days, or one of them has failed."
        return {Ids.HEAD: Box([chosen.line(), message_card("Not available yet", words)], "nothing")}
    figure = partial(chosen.figure, "creators")
    return {
        Ids.HEAD: [chosen.line(), chosen.section("Key numbers", lambda: cards(queries, chosen))],
        Ids.BOARD: chosen.section(BOARD, lambda: board(queries, chosen, asked)),
        **figure("lorenz", SHAPE, lambda: shape(queries, chosen)),
        **figure("views_rpm", WORTH, lambda: worth(queries, chosen, asked)),
    }


def countable(queries: Queries, chosen: Selection) -> bool:
    return all(queries.summed_up(days) for days in (chosen.period, chosen.comparable) if days)


# ---- cards ----


def cards(queries: Queries, chosen: Selection) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis(queries, chosen)], className="kpis five")


def kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    spread = queries.spread(chosen.period, chosen.comparable)
    shown = [
        spread_kpi(metrics.ACTIVE_EARNERS, spread, "earners"),
        spread_kpi(metrics.MEDIAN_EARNINGS, spread, "median"),
        spread_kpi(metrics.TOP_1_SHARE, spread, "top_1_share"),
        spread_kpi(metrics.GINI, spread, "gini"),
    ]
    dark = spread.went_dark
    reason = NOTHING_COMPARED if dark is None else ""
    words = ("earned before, nothing now",)
    return [*shown, replace(kpi(metrics.WENT_DARK, dark, None, reason=reason), words=words)]


def spread_kpi(metric: Metric, spread: Spread, name: str) -> Kpi:
    value: Number | None = getattr(spread.now, name)
    before: Number | None = getattr(spread.before, name) if spread.before else None
    return kpi(metric, value, before, reason="" if value is not None else "nobody earned in this period")


# ---- figures ----


def shape(queries: Queries, chosen: Selection) -> Drawing:
    spread = queries.spread(chosen.period, chosen.comparable)
    if not spread.now.earners:
        return Drawing(reason="Nobody earned in this period.")
    return Drawing(creator_figures.lorenz(spread.now, spread.before), population(spread.now))


def population(spread: Concentration) -> str:
    """Of whom it speaks, and the other measures."""
    people = f"{spread.earners:,} {'creator' if spread.earners == 1 else 'creators'} with earnings"
    return (
        f"Of {people}. The top 10% earned {formats.short(spread.top_10_share, 'percent')}; it is as "
        f"concentrated as {formats.short(spread.effective, 'count')} creators earning the same."
    )


def worth(queries: Queries, chosen: Selection, asked: Asked) -> Drawing:
    if "video_watches" in chosen.freshness.missing:
        return Drawing(reason="Not available: needs the platform's watches.")
    best = queries.best_earners(chosen.period, chosen.comparable, DOTS)
    dots = [(point, row.creator_id) for row in best if (point := dot(row))]
    if not dots:
        return Drawing(reason="No gifts with a video in this period.")
    note = f"Of the {len(best):,} creators who earned most, those with views and gifts with a video."
    figure = creator_figures.views_rpm([point for point, _ in dots], "Creator")
    return Drawing(figures.leading(figure, [address(asked, creator_id) for _, creator_id in dots]), note)


def dot(row: Standing) -> Point | None:
    """None where one of both is 0 or isn't known: it has no place on axes in powers of ten."""
    rpm = rpm_of(row)
    if not row.views or not rpm:
        return None
    return Point(row.name, row.views, float(rpm), formats.exact(row.earnings, "money"))


def rpm_of(row: Standing) -> Number | None:
    return summaries.ratio(row.video_earnings, row.views, metrics.RPM.scale)


def engagement_of(row: Standing) -> Number | None:
    return summaries.ratio(row.reactions, row.views, metrics.CREATOR_ENGAGEMENT.scale)


# ---- the board ----


def wanted(asked: Asked, chosen: Selection) -> Order:
    """What the address orders by; the usual where it makes no sense."""
    known = set(Sort) - (set() if chosen.comparable else {Sort.CHANGE})
    sort = Sort(asked.pick("sort")) if asked.pick("sort") in known else Sort.EARNINGS
    descending = {"asc": False, "desc": True}.get(asked.pick("order"), sort is not Sort.NAME)
    return Order(sort, descending, sought(asked.pick("find")))


def sought(text: str) -> str:
    """Without what the database takes for no text, and blanks around it."""
    return text.replace("\0", "").encode(errors="ignore").decode().strip()


def wanted_page(asked: Asked) -> int:
    text = asked.pick("page")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def board(queries: Queries, chosen: Selection, asked: Asked) -> Component:
    order = wanted(asked, chosen)
    total = queries.how_many_creators(order.find)
    pages = max(ceil(total / ROWS), 1)
    page = min(max(wanted_page(asked), 1), pages)
    offset = (page - 1) * ROWS
    rows = queries.standings(chosen.period, chosen.comparable, order, ROWS, offset)
    question = own_question(asked)
    shown = Shown(
        order.sort.value, order.descending, order.find, offset + 1, len(rows), page, pages, total, question
    )
    heads = [head if chosen.comparable or head.sort != "change" else Head("Change") for head in HEADS]
    counted = queries.supporters_counted(chosen.period)
    lines = [Row(address(asked, row.creator_id), cells(row, chosen, counted)) for row in rows]
    return board_card("leaderboard", BOARD, heads, lines, shown, note(chosen, counted))


def own_question(asked: Asked) -> dict[str, str]:
    """Of the address, what isn't about the order of the board."""
    return {name: value for name, value in asked.question.items() if name not in PICKS}


def address(asked: Asked, creator_id: int) -> str:
    """Of the creator's page, for the same days."""
    return f"{THEIRS}/{creator_id}?{urlencode(own_question(asked))}"


def note(chosen: Selection, counted: bool) -> str:
    parts = ["A name leads to the creator's page."]
    if not counted:
        parts.append(f"Supporters: {chosen.withheld(metrics.SUPPORTERS_COUNT) or NOT_YET}.")
    until = Period(date.min, chosen.period.last)
    if days := chosen.freshness.withheld.days(metrics.CREATOR, ("followers",), until):
        parts.append(f"Followers: {formats.being_recounted(days)}.")
    if "follows" in chosen.freshness.missing:
        parts.append("Followers are as they are now: the platform doesn't record follows.")
    return " ".join(parts)


def cells(row: Standing, chosen: Selection, counted: bool) -> tuple[str, ...]:
    moved = summaries.change(metrics.GIFT_REVENUE, row.earnings, row.before if chosen.comparable else None)
    return (
        row.name,
        formats.exact(row.earnings, "money"),
        formats.change_text(moved),
        formats.exact(row.gifts, "count"),
        formats.exact(row.supporters if counted else None, "count"),
        formats.exact(row.followers, "count"),
        formats.exact(engagement_of(row), "percent"),
        formats.exact(rpm_of(row), "money"),
    )


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked, metrics.GIFT_REVENUE)
    if not countable(queries, chosen):
        return None
    order = wanted(asked, chosen)
    tables = [
        exports.table("Key numbers", lambda: exports.key_numbers(kpis(queries, chosen))),
        exports.table("Leaderboard", lambda: board_rows(queries, chosen, order)),
    ]
    facts = [("Sorted by", sorted_by(order)), ("Search", order.find)]
    file = exports.export(PAGE, chosen, asked, now, tables)
    return replace(file, facts=[*file.facts, *facts])


def sorted_by(order: Order) -> str:
    label = next(head.label for head in HEADS if head.sort == order.sort)
    return f"{label}, {'largest' if order.descending else 'smallest'} first"


COLUMNS = (
    "Creator",
    "Creator id",
    "Earnings ($)",
    "Before ($)",
    "Change (%)",
    "Gifts",
    "Supporters",
    "Followers",
    "Views",
    "Likes, comments, shares",
    "Engagement (%)",
    "Earnings with a video ($)",
    "RPM ($)",
)


def board_rows(queries: Queries, chosen: Selection, order: Order) -> Table:
    rows = queries.standings(chosen.period, chosen.comparable, order, None)
    counted = queries.supporters_counted(chosen.period)
    return Table("Leaderboard", COLUMNS, Lines(rows, partial(board_row, chosen=chosen, counted=counted)))


def board_row(row: Standing, chosen: Selection, counted: bool) -> tuple[Cell, ...]:
    before = row.before if chosen.comparable else None
    return (
        row.name,
        row.creator_id,
        Amount(row.earnings, "money"),
        Amount(before, "money"),
        Amount(summaries.growth(row.earnings, before), "percent"),
        row.gifts,
        row.supporters if counted else None,
        row.followers,
        row.views,
        row.reactions,
        Amount(engagement_of(row), "percent"),
        Amount(row.video_earnings, "money"),
        Amount(rpm_of(row), "money"),
    )
