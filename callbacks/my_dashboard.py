"""My dashboard: a creator's frames → cards, figures and the table of the period."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.errors import UsageError
from aggregation.forecasting import MIN_DAYS, STALE_AFTER
from aggregation.forecasting.creators import CreatorForecast
from aggregation.known import KnownQueries
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.returns import People
from aggregation.suggestions import Suggestion
from aggregation.summaries import Number
from aggregation.verdicts import Verdict, verdict
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
    attributes,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Export
from layouts.page import Asked, Viewer
from layouts.pages.my_dashboard import PAGE, Ids

CARDS = (
    metrics.FOLLOWERS,
    metrics.GIFTS_RECEIVED,
    metrics.GIFT_REVENUE,
    metrics.CREATOR_ENGAGEMENT,
    metrics.VIEWS,
)
PERFORMANCE = (
    metrics.VIEWS,
    metrics.LIKES,
    metrics.COMMENTS,
    metrics.SHARES,
    metrics.GIFT_REVENUE,
    metrics.CREATOR_ENGAGEMENT,
)
REACTIONS = (metrics.LIKES, metrics.COMMENTS, metrics.SHARES)

EARNED = "What did my gifts bring?"
REACTED = "How do people react to my videos?"
PERFORMED = "How did this period go?"
NEXT = "What should I do next?"
NOT_COUNTED = "not counted for all of these days yet"


class Numbers(NamedTuple):
    """What a creator's page is made of: of the period, and of the one before where there is one."""

    daily: pd.DataFrame
    before: pd.DataFrame | None
    supporters: People | None
    earlier: People | None
    # the days that make the normal ranges
    usual: pd.DataFrame
    supporters_verdict: Verdict | None


def register(page: PageGuard, store: Store) -> None:
    content_or_known = known.told(content, as_known, Ids.HEAD)
    page.fill(store, content_or_known, shared=False, live=running_day.of_creator)


def content(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Filled:
    """Whose page this is comes from the session alone, never from the browser."""
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    creator_id = viewer.creator_id
    if creator_id is None or queries.creator_name(creator_id) is None:
        return Filled(unknown_creator(), badge(freshness, now))
    chosen = select(freshness, asked)
    return Filled(filled(queries, creator_id, chosen), badge(freshness, now), not chosen.failures.any)


def as_known(numbers: KnownQueries, viewer: Viewer, chosen: Selection) -> Parts:
    """The page as it was known on an earlier day: what is made of creator_metrics."""
    creator_id = viewer.creator_id
    if creator_id is None or numbers.creator_name(creator_id) is None:
        return {Ids.HEAD: unknown_creator()[Ids.HEAD].content}
    daily = numbers.creator_daily(creator_id, chosen.period, chosen.freshness)
    counted = summaries.since(daily, chosen.freshness.coverage.first)
    days = partial(numbers.creator_daily, creator_id, freshness=chosen.freshness)
    before = chosen.before_in(days, metrics.CREATOR_METRICS)
    now = summaries.values_over(counted, CARDS)
    earlier = {} if before is None else summaries.values_over(before, CARDS)
    shown = (*CARDS, metrics.SUPPORTERS_COUNT)
    key_numbers = partial(known.cards, shown, now, earlier, counted, "kpis three")
    figure = partial(chosen.figure, "my-dashboard")
    return {
        Ids.HEAD: chosen.section("Key numbers", key_numbers),
        Ids.PERFORMANCE: chosen.section(PERFORMED, lambda: performance_table(counted, before)),
        **figure(
            "gift_revenue_trend",
            EARNED,
            lambda: Drawing(figures.revenue_trend(daily, before, (metrics.GIFT_REVENUE,))),
        ),
        **figure("reactions", REACTED, lambda: reactions(daily)),
        **known.left_out(chosen, "my-dashboard", {"today": running_day.QUESTION}),
    }


def nothing_yet() -> Parts:
    words = "Your numbers appear here once the first day is complete."
    return {Ids.HEAD: Box(message_card("No numbers yet", words), "nothing")}


def unknown_creator() -> Parts:
    words = message_card(
        "No numbers yet",
        "There are no videos or gifts under your account so far.",
        "Your numbers appear the day after your first video or gift.",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def filled(queries: Queries, creator_id: int, chosen: Selection) -> Parts:
    found = numbers(queries, creator_id, chosen)
    daily, before = found.daily, found.before
    counted = summaries.since(daily, chosen.freshness.coverage.first)
    withheld = partial(chosen.withheld, creator_id=creator_id)
    key_numbers = chosen.section("Key numbers", lambda: cards(counted, found, withheld))
    figure = partial(chosen.figure, "my-dashboard")
    return {
        Ids.HEAD: [chosen.line(), key_numbers],
        Ids.NEXT: chosen.section(NEXT, lambda: next_card(queries.suggestions(creator_id, chosen.freshness))),
        Ids.PERFORMANCE: chosen.section(PERFORMED, lambda: performance_table(counted, before)),
        **figure("gift_revenue_trend", EARNED, lambda: earned(queries, creator_id, chosen, daily, before)),
        **figure("reactions", REACTED, lambda: reactions(daily)),
    }


def numbers(queries: Queries, creator_id: int, chosen: Selection) -> Numbers:
    days = partial(queries.creator_daily, creator_id, freshness=chosen.freshness)
    compared = chosen.comparable_by(metrics.SUPPORTERS_COUNT)
    daily, before, usual = (
        days(chosen.period),
        chosen.before_in(days, metrics.CREATOR_METRICS),
        days(chosen.usual),
    )
    supporters = queries.supporters(creator_id, chosen.period, chosen.freshness)
    earlier = queries.supporters(creator_id, compared, chosen.freshness) if compared else None
    judgement = None if supporters is None else judged_supporters(queries, creator_id, chosen)
    return Numbers(daily, before, supporters, earlier, usual, judgement)


def judged_supporters(queries: Queries, creator_id: int, chosen: Selection) -> Verdict | None:
    """Of how many there are a day; None where not all of these days have been counted yet."""
    days = Period(chosen.usual.first, chosen.shown.last)
    if queries.supporters(creator_id, days, chosen.freshness) is None:
        return None
    found = queries.supporter_days(creator_id, days)
    counts = dict(zip(found["date"], found["supporters"], strict=True))
    begin, first = chosen.usual.days, chosen.freshness.coverage.first
    values = [counts.get(day, 0) if day >= first else None for day in days.dates()]
    return verdict(values[:begin], values[begin:], metrics.SUPPORTERS_COUNT.unit)


# ---- cards ----


def cards(daily: pd.DataFrame, found: Numbers, withheld: Callable[[Metric], str]) -> Component:
    kpis = [creator_kpi(metric, daily, found.before, found.usual, withheld(metric)) for metric in CARDS]
    kpis.append(own_supporters(found, withheld))
    return html.Div([kpi_card(entry) for entry in kpis], className="kpis three")


def creator_kpi(
    metric: Metric, daily: pd.DataFrame, before: pd.DataFrame | None, usual: pd.DataFrame, withheld: str
) -> Kpi:
    value = summaries.value_over(daily, metric)
    return kpi(
        metric,
        value,
        None if before is None else summaries.value_over(before, metric),
        withheld=withheld,
        note=gained_note(daily) if metric is metrics.FOLLOWERS else "",
        history=[summaries.number(cell) for cell in daily[metric.name]],
        reason="" if value is not None else missing_reason(metric, daily),
        verdict=None if value is None else judged(metric, usual, daily),
    )


def own_supporters(found: Numbers, withheld: Callable[[Metric], str]) -> Kpi:
    reason = withheld(metrics.SUPPORTERS_COUNT)
    return supporters_kpi(found.supporters, found.earlier, reason, found.supporters_verdict)


def supporters_kpi(
    supporters: People | None, earlier: People | None, withheld: str, judgement: Verdict | None = None
) -> Kpi:
    return kpi(
        metrics.SUPPORTERS_COUNT,
        None if supporters is None else supporters.total,
        None if earlier is None else earlier.total,
        withheld=withheld,
        note=f"{supporters.new:,} new" if supporters else "",
        reason="" if supporters else NOT_COUNTED,
        verdict=judgement,
    )


def gained_note(daily: pd.DataFrame) -> str:
    gained = summaries.total(daily, metrics.FOLLOWERS_GAINED.name)
    if gained is None:
        return ""
    return f"{'+' if gained > 0 else ''}{formats.exact(gained, 'count')} in this period".replace("-", "−")


def missing_reason(metric: Metric, daily: pd.DataFrame) -> str:
    parts = [*metric.numerator, metric.denominator] if metric.rollup == "ratio" else [metric.name]
    if daily[parts].isna().any(axis=None):
        return "not recorded on all of these days"
    return "no views in this period"


# ---- figures and table ----


def earned(
    queries: Queries,
    creator_id: int,
    chosen: Selection,
    daily: pd.DataFrame,
    before: pd.DataFrame | None,
) -> Drawing:
    if not any(daily[metrics.GIFTS_RECEIVED.name]):
        return Drawing(reason=no_gifts(queries.last_gift_day(creator_id)))
    ahead, note = expected(queries.creator_forecast(creator_id), chosen.ahead)
    figure = figures.revenue_trend(daily, before, (metrics.GIFT_REVENUE,))
    return Drawing(forecast_figures.with_forecast(figure, daily, ahead, metrics.GIFT_REVENUE), note)


def expected(made: CreatorForecast | None, ahead: Period) -> tuple[pd.DataFrame | None, str]:
    """The forecast of these days, and what it says of 30; None and why where a number would mislead."""
    if made is None:
        return None, ""
    if made.history_days < MIN_DAYS:
        return None, f"A forecast needs {MIN_DAYS} days from your first gift on, has {made.history_days}."
    if ahead.first - made.data_through > timedelta(weeks=1) + STALE_AFTER:
        return None, f"No forecast is drawn: the newest knows nothing after {formats.day(made.data_through)}."
    days = [(day, made.day(day)) for day in ahead.dates()]
    rows = [(day, each.projected, each.low[80], each.high[80]) for day, each in days]
    month = made.total(ahead.first, 30)
    low, middle, high = (
        formats.short(Decimal(f"{amount:.2f}"), "money")
        for amount in (month.low[80], month.projected, month.high[80])
    )
    frame = pd.DataFrame(rows, columns=["date", "projected", "low_80", "high_80"], dtype=object)
    return frame, f"The next 30 days may bring {middle}; in 80 of 100 cases {low} – {high}."


def reactions(daily: pd.DataFrame) -> Drawing:
    if daily[[metric.name for metric in REACTIONS]].isna().all(axis=None):
        return Drawing(reason="Not available: likes, comments and shares aren't recorded.")
    if not any(summaries.total(daily, metric.name) for metric in REACTIONS):
        return Drawing(reason="No likes, comments or shares in this period.")
    return Drawing(figures.reactions(daily, REACTIONS))


def performance_table(daily: pd.DataFrame, before: pd.DataFrame | None) -> Component:
    columns = (Column("", numeric=False), Column("This period"), Column("Before"), Column("Change"))
    rows = [performance_row(metric, daily, before) for metric in PERFORMANCE]
    return table_card("performance", PERFORMED, columns, rows)


def performance_row(
    metric: Metric, daily: pd.DataFrame, before: pd.DataFrame | None
) -> tuple[str, str, str, str]:
    value = summaries.value_over(daily, metric)
    earlier: Number | None = None if before is None else summaries.value_over(before, metric)
    return (
        metric.label,
        formats.exact(value, metric.unit),
        formats.exact(earlier, metric.unit),
        formats.change_text(summaries.change(metric, value, earlier)),
    )


# ---- suggestions ----


def next_card(found: Sequence[Suggestion]) -> Component:
    """Each with its evidence and its rule; none is better than an invented one."""
    if not found:
        return message_card(NEXT, "Nothing stands out clearly enough to suggest anything.", wide=True)
    items = [
        html.Li(
            [
                html.H3(each.advice),
                html.P(each.evidence),
                html.P(["Rule: ", each.rule], className="hint"),
            ],
            **attributes(data_suggestion=each.name),
        )
        for each in found
    ]
    return html.Section(
        [html.H2(NEXT, id="next-title"), html.Ul(items, className="suggestions")],
        className="card wide",
        **attributes(aria_labelledby="next-title"),
    )


# ---- export ----


def export(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, creator_id = queries.freshness(), viewer.creator_id
    name = None if creator_id is None else queries.creator_name(creator_id)
    if freshness is None or creator_id is None or name is None:
        return None
    if asked.known:
        return known_export(queries, creator_id, name, asked, now)
    chosen = select(freshness, asked)
    found = numbers(queries, creator_id, chosen)
    daily = found.daily
    counted = summaries.since(daily, freshness.coverage.first)
    withheld = partial(chosen.withheld, creator_id=creator_id)
    kpis = [
        *(
            creator_kpi(metric, counted, found.before, found.usual, withheld(metric))
            for metric in dict.fromkeys((*CARDS, *PERFORMANCE))
        ),
        own_supporters(found, withheld),
    ]
    tables = [exports.key_numbers(kpis), exports.day_rows(daily, metrics.CREATOR_METRICS)]
    return exports.export(PAGE, chosen, asked, now, tables, owner=name)


def known_export(queries: Queries, creator_id: int, name: str, asked: Asked, now: datetime) -> Export | None:
    try:
        numbers, chosen = known.as_known(queries, asked, now)
    except UsageError:
        return None
    daily = numbers.creator_daily(creator_id, chosen.period, chosen.freshness)
    days = exports.day_rows(daily, metrics.CREATOR_METRICS)
    return exports.export(PAGE, chosen, asked, now, [days], owner=name)
