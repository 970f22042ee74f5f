"""Audience of a creator: hours of the week and similar creators → cards, a heat map and a table."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import NamedTuple

from dash import html

from aggregation import metrics
from aggregation.best_times import ENOUGH_WEEKS, HOURS, Slot, ranked
from aggregation.days import weekdays_from
from aggregation.peers import Standing
from aggregation.periods import Period
from aggregation.queries import Freshness, Queries, Store
from aggregation.returns import People
from aggregation.summaries import Change
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.my_dashboard import NOT_COUNTED, nothing_yet, unknown_creator
from callbacks.selection import Selection, badge, kpi, select
from layouts import formats, own_figures, shell
from layouts.components import (
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Export, Table
from layouts.heat_maps import Cell, Row, heat_map_card
from layouts.own_figures import month_name
from layouts.page import Asked, Viewer
from layouts.pages.my_audience import PAGE, Ids

SHOWN = 10
WHO = "Do new viewers come, and do others come back?"
WHEN = "When do my gifts come?"
BEST = "When should I be live?"
LIKE_ME = "How do I compare with similar creators?"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
METHOD = (
    "Gifts expected in one such hour (UTC), from the last 12 weeks, drawn towards your average: one lucky "
    f"evening makes no best time. Grey: gifts in fewer than {ENOUGH_WEEKS} of the weeks, so never ranked."
)
PERIODS = "Hours are of the last 12 weeks, the comparison of a calendar month, whichever period is chosen."
PRIVACY = (
    "Similar: as many digits in the number of followers. Rounded quartiles of a calendar month, published "
    "once and never changed; only where at least 20 creators earned something and none has above a quarter "
    "of the sum."
)
TOO_FEW = "Not enough similar creators."
NOT_RECORDED = "Not available: views aren't recorded."


class Watched(NamedTuple):
    """Who watched in the period and in the one before; nobody known and why."""

    viewers: People | None
    earlier: People | None
    why: str


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
    chosen = select(freshness, asked, metrics.VIEWERS_COUNT)
    return Filled(filled(queries, creator_id, chosen), badge(freshness, now), not chosen.failures.any)


def _only(parts: Parts) -> Parts:
    """The words of My dashboard, here."""
    (words,) = parts.values()
    return {Ids.HEAD: words}


def filled(queries: Queries, creator_id: int, chosen: Selection) -> Parts:
    figure = partial(chosen.figure, "my-audience")
    told = cache(partial(hours, queries, creator_id, chosen.freshness))
    standing = cache(partial(queries.peer_standing, creator_id))
    return {
        Ids.HEAD: [
            chosen.line(),
            html.P(PERIODS, className="period-line"),
            chosen.section(
                "Key numbers",
                lambda: cards(key_numbers(watched(queries, creator_id, chosen), *told(), standing())),
            ),
        ],
        Ids.HOURS: chosen.section(WHEN, lambda: heat_map(*told(), chosen.week_start)),
        Ids.SLOTS: chosen.section(BEST, lambda: best_table(*told())),
        **figure("new_and_returning", WHO, lambda: new_and_returning(queries, creator_id, chosen)),
        **figure("benchmark", LIKE_ME, lambda: benchmark(standing())),
    }


def watched(queries: Queries, creator_id: int, chosen: Selection) -> Watched:
    if "video_watches" in chosen.freshness.missing:
        return Watched(None, None, NOT_RECORDED)

    def of(period: Period) -> People | None:
        return queries.viewers(creator_id, period, chosen.freshness)

    withheld = chosen.withheld(metrics.VIEWERS_COUNT, creator_id)
    viewers = of(chosen.period)
    earlier = of(chosen.comparable) if chosen.comparable else None
    return Watched(viewers, earlier, withheld or ("" if viewers else NOT_COUNTED))


def hours(queries: Queries, creator_id: int, freshness: Freshness) -> tuple[Sequence[Slot], str]:
    """The hours of the week; none and why."""
    if queries.lacks("hours", freshness.coverage, freshness):
        return [], f"Hours are {NOT_COUNTED}."
    slots = queries.best_times(creator_id, freshness.coverage)
    return slots, "" if slots else f"Needs gifts, and {ENOUGH_WEEKS} whole weeks of numbers."


# ---- cards ----


def cards(kpis: Sequence[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis], className="kpis")


def key_numbers(watched: Watched, slots: Sequence[Slot], why: str, standing: Standing | None) -> list[Kpi]:
    viewers, earlier = watched.viewers, watched.earlier
    best = next(iter(ranked(slots)), None)
    none = why or f"no hour had gifts in {ENOUGH_WEEKS} of the weeks"
    quarter = standing.quarter if standing else None
    return [
        kpi(
            metrics.VIEWERS_COUNT,
            viewers.total if viewers else None,
            earlier.total if earlier else None,
            note=f"{viewers.new:,} new" if viewers else "",
            reason=watched.why,
        ),
        kpi(
            metrics.RETURNING_VIEWERS,
            viewers.returning if viewers else None,
            earlier.returning if earlier else None,
            reason=watched.why or "nobody watched in this period",
        ),
        _card(
            metrics.BEST_HOUR,
            Decimal(f"{best.earned:.2f}") if best else None,
            *([f"{name(best)}, {best.times:.1f} × an average hour"] if best else [none]),
        ),
        _card(
            metrics.QUARTER,
            quarter,
            f"{QUARTERS[quarter - 1]}, {month_name(standing.month)}"
            if standing and quarter
            else "not enough similar creators",
        ),
    ]


def _card(metric: metrics.Metric, value: int | Decimal | None, *words: str) -> Kpi:
    return Kpi(metric, value, Change("none"), words=words)


def name(slot: Slot) -> str:
    return f"{WEEKDAYS[slot.weekday]} {slot.hour:02}:00 UTC"


# ---- figures and table ----


def heat_map(slots: Sequence[Slot], why: str, week_start: int = 0) -> Component:
    if not slots:
        return message_card(WHEN, why, wide=True)
    most = max(slot.gifts for slot in slots)
    rows = [
        Row(WEEKDAYS[day], [heat(slot, most) for slot in slots[day * HOURS : (day + 1) * HOURS]])
        for day in weekdays_from(week_start)
    ]
    # Every hour's name would not fit on a phone.
    columns = ("UTC", *("" if hour % 6 else f"{hour:02}" for hour in range(HOURS)))
    return heat_map_card("best_times", WHEN, columns, rows, note=METHOD, dense=True, wide=True)


def heat(slot: Slot, most: float) -> Cell:
    told = (
        f"{name(slot)}: {slot.gifts:.1f} gifts expected, {slot.low:.1f} to {slot.high:.1f}; "
        f"n = {slot.weeks} weeks with gifts"
    )
    return Cell(slot.gifts / most, f"{slot.gifts:.1f}", told, weak=not slot.is_known)


def best_table(slots: Sequence[Slot], why: str) -> Component:
    best = ranked(slots)[:SHOWN]
    if not best:
        return message_card(BEST, why or f"No hour had gifts in {ENOUGH_WEEKS} of the last 12 weeks.")
    columns = (
        Column("Hour (UTC)", numeric=False),
        Column("Gifts"),
        Column("80 % limits"),
        Column("Earned"),
        Column("n"),
    )
    note = "Expected in one such hour. n: in how many of the weeks it had gifts."
    return table_card("best_slots", BEST, columns, [best_row(slot) for slot in best], note)


def best_row(slot: Slot) -> tuple[str, ...]:
    earned = formats.exact(Decimal(f"{slot.earned:.2f}"), "money")
    limits = f"{slot.low:.1f} – {slot.high:.1f}"
    return (name(slot).removesuffix(" UTC"), f"{slot.gifts:.1f}", limits, earned, str(slot.weeks))


def new_and_returning(queries: Queries, creator_id: int, chosen: Selection) -> Drawing:
    if "video_watches" in chosen.freshness.missing:
        return Drawing(reason=NOT_RECORDED)
    if queries.lacks("viewer_returns", chosen.period, chosen.freshness):
        return Drawing(reason=f"Viewers are {NOT_COUNTED}.")
    found = queries.viewers_by_day(creator_id, chosen.period)
    if not found:
        return Drawing(reason="Nobody watched in this period.")
    days: list[date] = [day for day in chosen.period.dates() if day >= chosen.freshness.coverage.first]
    new, again = zip(*(found.get(day, (0, 0)) for day in days), strict=True)
    names = ("First time ever", "Watched before")
    return Drawing(own_figures.new_and_returning(days, new, again, names), "Viewers of each day.")


def benchmark(standing: Standing | None) -> Drawing:
    if standing is None or standing.quartiles is None:
        return Drawing(reason=[html.P(TOO_FEW), html.P(PRIVACY, className="hint")])
    low, high = standing.followers
    lower, median, upper = (formats.exact(value, "money") for value in standing.quartiles)
    words = (
        f"{month_name(standing.month)}: you earned {formats.exact(standing.earned, 'money')}. Of creators "
        f"with {low:,} to {high:,} followers a quarter earned up to {lower}, half up to {median}, three "
        f"quarters up to {upper}. {PRIVACY}"
    )
    return Drawing(own_figures.strip(standing.month, standing.earned, standing.quartiles), words)


# ---- export ----


def export(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, creator_id = queries.freshness(), viewer.creator_id
    owner = None if creator_id is None else queries.creator_name(creator_id)
    if freshness is None or creator_id is None or owner is None:
        return None
    chosen = select(freshness, asked, metrics.VIEWERS_COUNT)

    def numbers() -> Table:
        who = watched(queries, creator_id, chosen)
        told = hours(queries, creator_id, freshness)
        return exports.key_numbers(key_numbers(who, *told, queries.peer_standing(creator_id)))

    def by_hour() -> Table:
        slots, _ = hours(queries, creator_id, freshness)
        return Table("Hours of the week", COLUMNS, [slot_cells(slot) for slot in slots])

    tables = [exports.table("Key numbers", numbers), exports.table("Hours of the week", by_hour)]
    return exports.export(PAGE, chosen, asked, now, tables, owner=owner)


COLUMNS = (
    "Weekday",
    "Hour (UTC)",
    "Gifts expected",
    "From",
    "To",
    "Earned ($)",
    "Weeks with gifts",
    "Ranked",
)


def slot_cells(slot: Slot) -> tuple[str | int | Amount, ...]:
    return (
        WEEKDAYS[slot.weekday],
        slot.hour,
        *(Amount(Decimal(f"{value:.4f}"), "points") for value in (slot.gifts, slot.low, slot.high)),
        Amount(Decimal(f"{slot.earned:.2f}"), "money"),
        slot.weeks,
        "yes" if slot.is_known else "too few weeks",
    )
