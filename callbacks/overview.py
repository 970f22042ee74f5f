"""Overview: frames → cards, figures and the table of movers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.errors import UsageError
from aggregation.forecasting import State
from aggregation.forecasts import Anomaly
from aggregation.known import KnownQueries
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Outlook, Queries, Store
from aggregation.summaries import Number
from callbacks import exports, known, running_day
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, judged, kpi, no_gifts, select
from layouts import figures, forecast_figures, formats, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    notes_card,
    table_card,
)
from layouts.exports import Amount, Cell, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.overview import PAGE, Ids

CARDS = (
    metrics.TOTAL_USERS,
    metrics.ACTIVE_USERS,
    metrics.TOTAL_REVENUE,
    metrics.CREATOR_EARNINGS,
    metrics.TOTAL_GIFTS,
    metrics.ACTIVE_SHARE,
    metrics.NEW_USERS,
    metrics.AVERAGE_GIFT,
)
GIFTS = "gifts"
SOURCES = {
    GIFTS: "Gifts",
    "subscriptions": "Subscriptions",
    "ads": "Ads",
    "premium_features": "Premium features",
}
MOVERS = 10
# Of more unusual days than these only the number is told.
TOLD = 3
NEEDS_ACTIVITY = "needs the platform's sessions and watches"

TREND = "How is gift revenue developing?"
GROWTH = "Is the audience growing?"
MIX = "Where does the money come from?"
ACTIVITY = "Which share of users is active each day?"
UNUSUAL = "Unusual days"
MOVED = "Which creators' earnings changed most?"


def register(page: PageGuard, store: Store) -> None:
    content_or_known = known.told(content, as_known, Ids.HEAD)
    page.fill(store, content_or_known, shared=True, live=running_day.of_platform)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked)
    whole = select(freshness, replace(asked, picked=()))
    parts = filled(queries, chosen, whole, picked_source(asked), now)
    return Filled(parts, badge(freshness, now), not chosen.failures.any)


def picked_source(asked: Asked) -> str:
    """The source that was clicked; empty where none was."""
    source = asked.pick("source")
    return source if source in SOURCES else ""


def as_known(numbers: KnownQueries, _: Viewer, chosen: Selection) -> Parts:
    """The page as it was known on an earlier day: what is made of daily_analytics."""
    daily = numbers.daily(chosen.period)
    counted = summaries.since(daily, chosen.freshness.coverage.first)
    before = chosen.before_in(numbers.daily, metrics.PLATFORM_METRICS)
    now = numbers.platform_values(CARDS, chosen.period, counted)
    earlier = (
        {}
        if before is None or not chosen.comparable
        else numbers.platform_values(CARDS, chosen.comparable, before)
    )
    shown = (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS)
    figure = partial(chosen.figure, "overview")
    return {
        Ids.HEAD: chosen.section("Key numbers", lambda: known.cards(CARDS, now, earlier, counted)),
        **figure("revenue_trend", TREND, lambda: Drawing(figures.revenue_trend(daily, before, shown))),
        **figure("user_growth", GROWTH, lambda: growth(daily)),
        **figure("engagement_rate", ACTIVITY, lambda: activity(daily, before)),
        **known.left_out(chosen, "overview", {"revenue_sources": MIX, "today": running_day.QUESTION}),
    }


def nothing_yet() -> Parts:
    words = message_card(
        "No numbers yet",
        "Sparkboard shows whole days, and none has been computed so far.",
        "The operator starts that with: python run.py aggregate",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def filled(queries: Queries, chosen: Selection, whole: Selection, source: str, now: datetime) -> Parts:
    """Lines are drawn of the `whole` period; a day that was clicked narrows all else."""
    daily, before = days_and_before(queries, whole)
    figure = partial(chosen.figure, "overview")
    key_numbers = chosen.section("Key numbers", lambda: cards(queries, chosen))
    unusual = chosen.section(UNUSUAL, lambda: notes_card(unusual_days(queries.anomalies(chosen.shown))))
    picked = [("source", f"Trend of {SOURCES[source].lower()}")] if source else []

    def over_days(drawing: Drawing) -> Drawing:
        return pickable(drawing, "day", chosen=chosen.day.isoformat() if chosen.day else "")

    def revenue() -> Drawing:
        if source and source != GIFTS:
            return source_trend(queries, whole, source)
        return trend(queries, whole, daily, before, now)

    question = TREND if not source else f"How is revenue from {SOURCES[source].lower()} developing?"
    return {
        Ids.HEAD: [chosen.line(picked), unusual, key_numbers],
        Ids.MOVERS: chosen.section(MOVED, lambda: movers_card(queries, chosen)),
        **figure("revenue_trend", question, lambda: over_days(revenue())),
        **figure("revenue_sources", MIX, lambda: mix(queries.revenue_by_source(chosen.shown), source)),
        **figure("user_growth", GROWTH, lambda: over_days(growth(daily))),
        **figure("engagement_rate", ACTIVITY, lambda: over_days(activity(daily, before))),
    }


def days_and_before(queries: Queries, chosen: Selection) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The days shown, and those they are compared with where there are such."""
    return queries.daily(chosen.shown), chosen.before_in(queries.daily, metrics.PLATFORM_METRICS)


def pickable(drawing: Drawing, part: str, keys: Sequence[str] = (), chosen: str = "") -> Drawing:
    if drawing.figure is None:
        return drawing
    return replace(drawing, figure=figures.pickable(drawing.figure, part, keys, chosen))


# ---- cards ----


def cards(queries: Queries, chosen: Selection) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis(queries, chosen)], className="kpis")


def kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    daily, before = days_and_before(queries, chosen)
    counted = summaries.since(daily, chosen.freshness.coverage.first)
    now = queries.platform_values(CARDS, chosen.shown, counted)
    earlier: dict[str, Number | None] = {}
    if before is not None and chosen.comparable:
        earlier = queries.platform_values(CARDS, chosen.comparable, before)
    usual = queries.daily(chosen.usual)
    return [platform_kpi(metric, now, earlier, counted, usual, chosen.withheld(metric)) for metric in CARDS]


def platform_kpi(
    metric: Metric,
    now: dict[str, Number | None],
    before: dict[str, Number | None],
    daily: pd.DataFrame,
    usual: pd.DataFrame,
    withheld: str,
) -> Kpi:
    value = now[metric.name]
    return kpi(
        metric,
        value,
        before.get(metric.name),
        withheld=withheld,
        history=[summaries.number(cell) for cell in daily[metric.name]],
        reason="" if value is not None else missing_reason(metric, daily),
        verdict=None if value is None else judged(metric, usual, daily),
    )


def missing_reason(metric: Metric, counted: pd.DataFrame) -> str:
    if counted[metrics.TOTAL_USERS.name].isna().any():
        return "not computed for all of these days"
    if metric in (metrics.ACTIVE_USERS, metrics.ACTIVE_SHARE):
        return NEEDS_ACTIVITY
    return "no such event in this period"


# ---- figures ----


def trend(
    queries: Queries, chosen: Selection, daily: pd.DataFrame, before: pd.DataFrame | None, now: datetime
) -> Drawing:
    shown = (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS)
    if not any(daily[metrics.TOTAL_GIFTS.name]):
        return Drawing(reason=no_gifts(queries.last_gift_day()))
    ahead, note = expected(queries.forecast(now), chosen.ahead)
    figure = figures.revenue_trend(daily, before, shown)
    return Drawing(forecast_figures.with_forecast(figure, daily, ahead, metrics.TOTAL_REVENUE), note)


def expected(outlook: Outlook | None, ahead: Period) -> tuple[pd.DataFrame | None, str]:
    """The forecast of these days, and a remark; None where no band may be drawn."""
    if outlook is None:
        return None, ""
    if outlook.made.state not in (State.READY, State.SHORT):
        return None, f"No forecast is drawn. {outlook.made.notes[0]}"
    days = outlook.days
    within = days[(days["date"] >= ahead.first) & (days["date"] <= ahead.last)]
    return within, f"The forecast was made on {formats.day(outlook.made.made_on)}."


def unusual_days(anomalies: Sequence[Anomaly]) -> list[str]:
    told = [
        f"{formats.day(each.day)} was unusual: {formats.short(each.revenue, 'money')} of gift revenue, where "
        f"{formats.short(each.expected, 'money')} was expected "
        f"({formats.short(each.low, 'money')} – {formats.short(each.high, 'money')})."
        for each in anomalies[:TOLD]
    ]
    more = len(anomalies) - TOLD
    return [*told, f"{more} more in this period."] if more > 0 else told


def growth(daily: pd.DataFrame) -> Drawing:
    return Drawing(figures.user_growth(daily, metrics.ACTIVE_USERS, metrics.NEW_USERS, metrics.TOTAL_USERS))


def source_trend(queries: Queries, chosen: Selection, source: str) -> Drawing:
    metric = replace(metrics.TOTAL_REVENUE, name="amount", label=SOURCES[source])
    daily = queries.source_days(source, chosen.period)
    if not any(daily["amount"]):
        return Drawing(reason=f"No revenue from {SOURCES[source].lower()} in this period.")
    compared = chosen.comparable_by(metrics.ALL_REVENUE)
    before = queries.source_days(source, compared) if compared else None
    return Drawing(figures.revenue_trend(daily, before, (metric,)))


def mix(by_source: pd.DataFrame, source: str = "") -> Drawing:
    """`source` is marked."""
    if by_source.empty:
        return Drawing(reason="No revenue in this period.")
    names = [SOURCES.get(name, name) for name in by_source["source"]]
    return pickable(Drawing(figures.sources(by_source, names)), "source", list(by_source["source"]), source)


def activity(daily: pd.DataFrame, before: pd.DataFrame | None) -> Drawing:
    if daily[metrics.ACTIVE_SHARE.name].isna().all():
        return Drawing(reason=f"Not available: {NEEDS_ACTIVITY}.")
    return Drawing(figures.rate(daily, before, metrics.ACTIVE_SHARE))


# ---- movers ----


def movers_card(queries: Queries, chosen: Selection) -> Component:
    compared = chosen.comparable_by(metrics.GIFT_REVENUE)
    if compared is None:
        return message_card(MOVED, "Needs a period to compare with.", wide=True)
    return movers_table(queries.movers(chosen.shown, compared, MOVERS))


def movers_table(movers: pd.DataFrame) -> Component:
    if movers.empty:
        return message_card(MOVED, "No creator's earnings changed between the two periods.", wide=True)
    columns = (Column("Creator", numeric=False), Column("Earned"), Column("Before"), Column("Change"))
    rows = [mover(row) for row in movers.to_dict("records")]
    links = [f"/creators/{creator}" for creator in movers["creator_id"]]
    return table_card("movers", MOVED, columns, rows, wide=True, links=links)


def mover(row: dict[Any, Any]) -> tuple[str, str, str, str]:
    moved = summaries.change(metrics.GIFT_REVENUE, row["now"], row["before"])
    return (
        creator_name(row),
        formats.exact(row["now"], "money"),
        formats.exact(row["before"], "money"),
        formats.change_text(moved),
    )


def creator_name(row: dict[Any, Any]) -> str:
    name: str | None = row["name"]
    return name or f"Creator {row['creator_id']}"


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    if asked.known:
        return known_export(queries, asked, now)
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked)
    tables = [
        exports.key_numbers(kpis(queries, chosen)),
        exports.day_rows(queries.daily(chosen.shown), metrics.PLATFORM_METRICS),
        exports.table("Revenue by source", lambda: source_rows(queries.revenue_by_source(chosen.shown))),
    ]
    if source := picked_source(asked):
        tables.append(source_day_rows(SOURCES[source], queries.source_days(source, chosen.period)))
    if compared := chosen.comparable_by(metrics.GIFT_REVENUE):
        tables.append(
            exports.table("Movers", lambda: mover_rows(queries.movers(chosen.shown, compared, MOVERS)))
        )
    return exports.export(PAGE, chosen, asked, now, tables)


def known_export(queries: Queries, asked: Asked, now: datetime) -> Export | None:
    try:
        numbers, chosen = known.as_known(queries, asked, now)
    except UsageError:
        return None
    days = exports.day_rows(numbers.daily(chosen.period), metrics.PLATFORM_METRICS)
    return exports.export(PAGE, chosen, asked, now, [days])


def source_rows(by_source: pd.DataFrame) -> Table:
    rows = [
        (SOURCES.get(row["source"], row["source"]), Amount(row["amount"], "money"), row["transaction_count"])
        for row in by_source.to_dict("records")
    ]
    return Table("Revenue by source", ("Source", "Revenue ($)", "Gifts or payments"), rows)


def source_day_rows(name: str, daily: pd.DataFrame) -> Table:
    rows = [(row["date"], Amount(row["amount"], "money")) for row in daily.to_dict("records")]
    return Table(f"{name} by day", ("Day (UTC)", f"{name} ($)"), rows)


def mover_rows(movers: pd.DataFrame) -> Table:
    columns = ("Creator", "Creator id", "Earned ($)", "Before ($)", "Change ($)", "Change (%)")
    return Table("Movers", columns, [mover_row(row) for row in movers.to_dict("records")])


def mover_row(row: dict[Any, Any]) -> tuple[Cell, ...]:
    now, before = row["now"], row["before"]
    moved = summaries.growth(now, before)
    amounts = (Amount(amount, "money") for amount in (now, before, now - before))
    return (creator_name(row), row["creator_id"], *amounts, Amount(moved, "percent"))
