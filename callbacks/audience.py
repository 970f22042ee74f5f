"""Audience: sums of visits → cards, figures and the table of days."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.audience import MONTH, WEEK, Lifecycle, blocks
from aggregation.jobs.events import ACTIVITY
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.schema import SESSION_STEPS
from aggregation.summaries import Number
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.selection import NOT_COUNTED, Selection, badge, judged, kpi, select, why_not_counted
from layouts import formats, people_figures, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Cell, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.audience import GRAIN, PAGE, Ids
from layouts.theme import CYAN, VIOLET

BLOCKS = {"day": 1, "week": WEEK, "month": MONTH}
# Of more days than these only the newest are listed.
LISTED = 31

CYCLE = "Where do active users come from, and how many stay away?"
REACH = "How many people come in a day, a week, a month?"
FREQUENCY = "On how many days of four weeks is somebody active?"
LENGTH = "How long are sessions?"
EACH_DAY = "How was each day?"

NEEDS_ACTIVITY = "needs the platform's sessions and watches"
# Whose days add up to, or make the mean of, what the card shows; the others' don't.
JUDGED = (metrics.DAU, metrics.NEW_ACTIVE)
CHANGES = (metrics.NEW_ACTIVE, metrics.RETURNING, metrics.RESURRECTED, metrics.DORMANT)


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked, metrics.DAU)
    parts = filled(queries, chosen, BLOCKS[GRAIN.made(asked)])
    return Filled(parts, badge(freshness, now), not chosen.failures.any)


def nothing_yet() -> Parts:
    words = message_card(
        "No numbers yet",
        "Sparkboard shows whole days, and none has been computed so far.",
        "The operator starts that with: python run.py aggregate",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def filled(queries: Queries, chosen: Selection, block: int) -> Parts:
    figure = partial(chosen.figure, "audience")
    why_not = unavailable(queries, chosen)

    def drawn(build: Callable[[], Drawing]) -> Callable[[], Drawing]:
        return lambda: Drawing(reason=f"Not available: {why_not}.") if why_not else build()

    key_numbers = chosen.section("Key numbers", lambda: cards(kpis(queries, chosen, why_not)))
    return {
        Ids.HEAD: [chosen.line(), key_numbers],
        Ids.DAYS: chosen.section(EACH_DAY, lambda: days_card(queries, chosen, why_not)),
        **figure("lifecycle", CYCLE, drawn(lambda: lifecycle(queries, chosen, block))),
        **figure("reach", REACH, drawn(lambda: reach(reach_of(queries, chosen, chosen.period)))),
        **figure("frequency", FREQUENCY, drawn(lambda: frequency(queries, chosen.period))),
        **figure("session_length", LENGTH, lambda: session_lengths(queries, chosen)),
    }


def unavailable(queries: Queries, chosen: Selection) -> str:
    """Why nobody can say who was active; empty where the numbers are there."""
    if ACTIVITY & chosen.freshness.missing:
        return NEEDS_ACTIVITY
    return why_not_counted(queries, chosen.freshness, "returns", chosen.period)


# ---- numbers ----


def reach_of(queries: Queries, chosen: Selection, period: Period) -> pd.DataFrame:
    return queries.reach(period, chosen.freshness.coverage.first)


def cycles(queries: Queries, chosen: Selection, periods: Sequence[Period]) -> Sequence[Lifecycle]:
    return queries.lifecycles(tuple(periods), chosen.freshness.coverage.first)


def values(queries: Queries, chosen: Selection, period: Period) -> dict[str, Number | None]:
    """What each card is worth over the period."""
    days = reach_of(queries, chosen, period)
    counted = [number for value in days["dau"] if (number := summaries.number(value)) is not None]
    end = days.iloc[-1]
    mau, visits = summaries.number(end["mau"]), summaries.number(end["visits"])
    (cycle,) = cycles(queries, chosen, [period])
    return {
        metrics.DAU.name: Decimal(sum(counted)) / len(counted) if counted else None,
        metrics.WAU.name: summaries.number(end["wau"]),
        metrics.MAU.name: mau,
        metrics.STICKINESS.name: summaries.ratio(visits, MONTH * mau if mau else mau, 100),
        **changes(cycle),
    }


def changes(cycle: Lifecycle) -> dict[str, Number | None]:
    counts = (cycle.new, cycle.returning, cycle.resurrected, cycle.dormant)
    return {metric.name: count for metric, count in zip(CHANGES, counts, strict=True)}


def kpis(queries: Queries, chosen: Selection, why_not: str) -> list[Kpi]:
    shown = (
        metrics.DAU,
        metrics.WAU,
        metrics.MAU,
        metrics.STICKINESS,
        metrics.NEW_ACTIVE,
        metrics.RESURRECTED,
        metrics.DORMANT,
    )
    if why_not:
        return [kpi(metric, None, None, reason=why_not) for metric in shown]
    now = values(queries, chosen, chosen.period)
    earlier = values(queries, chosen, chosen.comparable) if chosen.comparable else {}
    table = days_of(queries, chosen, chosen.period)
    usual = days_of(queries, chosen, chosen.usual)
    return [
        kpi(
            metric,
            now[metric.name],
            earlier.get(metric.name),
            history=[summaries.number(value) for value in table[metric.name]],
            reason=unripe(metric, now[metric.name], chosen),
            verdict=judged(metric, usual, table) if metric in JUDGED else None,
        )
        for metric in shown
    ]


def unripe(metric: metrics.Metric, value: Number | None, chosen: Selection) -> str:
    """Why there is no value, where the days are too few."""
    if value is not None:
        return ""
    has = (chosen.period.last - chosen.freshness.coverage.first).days + 1
    if metric is metrics.DORMANT:
        return f"needs the {chosen.period.days} days before this period"
    needs = WEEK if metric is metrics.WAU else MONTH
    return f"needs {needs} complete days, has {has}" if has < needs else NOT_COUNTED


def cards(entries: Sequence[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in entries], className="kpis")


# ---- figures ----


def lifecycle(queries: Queries, chosen: Selection, block: int) -> Drawing:
    stretches = cycles(queries, chosen, blocks(chosen.period, block))
    if not any(each.active or each.dormant for each in stretches):
        return Drawing(reason="Nobody was active in this period.")
    rows = [
        {"days": formats.span(each.period), "first": each.period.first, **changes(each)} for each in stretches
    ]
    each = "day" if block == 1 else f"stretch of {block} days"
    note = f"Each {each} against the one before. New, returning and resurrected are the active users."
    first = stretches[0].period.first
    if first < chosen.period.first:
        note += f" The first of them begins on {formats.day(first)}, so that all are whole."
    return Drawing(people_figures.lifecycle(pd.DataFrame(rows, dtype=object)), note)


def reach(days: pd.DataFrame) -> Drawing:
    note = "Different people of each day, of the 7 and of the 28 days that end with it."
    return Drawing(people_figures.reach(days), note)


def frequency(queries: Queries, period: Period) -> Drawing:
    found = queries.frequency(period.last)
    if found is None or not sum(found[1]):
        return Drawing(reason="No four whole weeks with activity have been counted yet.")
    sunday, users = found
    labels = [str(days) for days in range(1, MONTH + 1)]
    figure = people_figures.shares(labels, users, "Users", "Active days", CYAN)
    mean = Decimal(sum(n * count for n, count in enumerate(users, start=1))) / sum(users)
    about = formats.span(Period.ending(sunday, MONTH))
    note = f"{sum(users):,} users in the four weeks {about}, active on {mean:.1f} days on average."
    return Drawing(figure, note)


def session_lengths(queries: Queries, chosen: Selection) -> Drawing:
    if "user_sessions" in chosen.freshness.missing:
        return Drawing(reason="Not available: needs the platform's sessions.")
    if why_not := why_not_counted(queries, chosen.freshness, "session_lengths", chosen.period):
        return Drawing(reason=f"Not available: {why_not}.")
    sessions = queries.session_lengths(chosen.period)
    if not sum(sessions):
        return Drawing(reason="No session has ended in this period.")
    figure = people_figures.shares(step_names(), sessions, "Sessions", "Length", VIOLET)
    note = f"{sum(sessions):,} sessions by the day they began; those without a length are left out."
    return Drawing(figure, note)


def step_names() -> list[str]:
    """< 1 min · 1–3 · … · 120+"""
    middle = [f"{begin}–{end}" for begin, end in pairwise(SESSION_STEPS[1:])]
    return [f"< {SESSION_STEPS[1]} min", *middle, f"{SESSION_STEPS[-1]}+"]


# ---- days ----

DAY_COLUMNS = (metrics.DAU, *CHANGES, metrics.WAU, metrics.MAU, metrics.STICKINESS)


def days_of(queries: Queries, chosen: Selection, period: Period) -> pd.DataFrame:
    """A row for each day: each against the day before, and what it ends 7 and 28 days of."""
    begin = chosen.freshness.coverage.first
    days = reach_of(queries, chosen, period).to_dict("records")
    each = cycles(queries, chosen, blocks(period, 1))
    rows: list[dict[Any, Any]] = []
    for day, cycle in zip(days, each, strict=True):
        mau = day["mau"]
        known = changes(cycle) if day["dau"] is not None and day["date"] >= begin else {}
        stickiness = summaries.ratio(day["visits"], MONTH * mau if mau else mau, 100)
        rows.append(day | known | {metrics.STICKINESS.name: stickiness})
    frame = pd.DataFrame(rows, columns=["date", *(each.name for each in DAY_COLUMNS)], dtype=object)
    return frame.where(frame.notna(), None)


def days_card(queries: Queries, chosen: Selection, why_not: str) -> Component:
    if why_not:
        return message_card(EACH_DAY, f"Not available: {why_not}.", wide=True)
    days = days_of(queries, chosen, chosen.period)
    columns = (Column("Day (UTC)", numeric=False), *(Column(metric.label) for metric in DAY_COLUMNS))
    newest = days.iloc[::-1][:LISTED].to_dict("records")
    rows = [
        [
            formats.day(row["date"]),
            *(formats.exact(summaries.number(row[each.name]), each.unit) for each in DAY_COLUMNS),
        ]
        for row in newest
    ]
    cut = f" The newest {LISTED} days; the export has all." if len(days) > LISTED else ""
    note = f"New, returning, resurrected and dormant against the day before.{cut}"
    return table_card("audience_days", EACH_DAY, columns, rows, note, wide=True)


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked, metrics.DAU)
    why_not = unavailable(queries, chosen)
    tables = [exports.key_numbers(kpis(queries, chosen, why_not))]
    if not why_not:
        block = BLOCKS[GRAIN.made(asked)]
        tables.append(exports.day_rows(days_of(queries, chosen, chosen.period), DAY_COLUMNS))
        tables.append(lifecycle_rows(cycles(queries, chosen, blocks(chosen.period, block))))
        tables.append(exports.table("Active days", lambda: frequency_rows(queries, chosen.period)))
    if "user_sessions" not in freshness.missing:
        tables.append(exports.table("Session length", lambda: session_rows(queries, chosen.period)))
    return exports.export(PAGE, chosen, asked, now, tables)


def lifecycle_rows(stretches: Sequence[Lifecycle]) -> Table:
    columns = ("First day (UTC)", "Last day (UTC)", "Active", *(metric.label for metric in CHANGES))
    rows: list[tuple[Cell, ...]] = [
        (
            each.period.first,
            each.period.last,
            each.active,
            *(Amount(count, "count") for count in changes(each).values()),
        )
        for each in stretches
    ]
    return Table("Lifecycle", columns, rows)


def frequency_rows(queries: Queries, period: Period) -> Table:
    """Empty where no four whole weeks have been counted."""
    found = queries.frequency(period.last)
    rows = [(found[0], days, users) for days, users in enumerate(found[1], start=1)] if found else []
    return Table("Active days", ("28 days to (UTC)", "Active days", "Users"), rows)


def session_rows(queries: Queries, period: Period) -> Table:
    lengths: list[tuple[str, int]] = list(zip(step_names(), queries.session_lengths(period), strict=True))
    return Table("Session length", ("Minutes", "Sessions"), lengths)
