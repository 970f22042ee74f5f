"""Revenue: frames → cards, figures, why it changed, and the table of days by source."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.summaries import Number
from aggregation.verdicts import Verdict
from callbacks import exports
from callbacks.explained import (
    AMOUNTS,
    SOURCES,
    SPLITS,
    Explained,
    Split,
    chosen_amount,
    chosen_split,
    explain,
)
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, judged_days, kpi, no_gifts, select
from layouts import figures, formats, gift_figures, shell
from layouts.choices import choices
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
from layouts.heat_maps import heat_map_card
from layouts.page import Asked, Viewer
from layouts.pages.revenue import PAGE, Ids
from layouts.theme import GREEN, VIOLET

CARDS = (
    metrics.ALL_REVENUE,
    metrics.PLATFORM_GIFT_REVENUE,
    metrics.REFUND_RATE,
    metrics.TAKE_RATE,
    metrics.ARPU,
    metrics.ARPPU,
)
SHOWN = {"amount": "Amount", "share": "Share"}
NEEDS_PAYMENTS = "needs the platform's transactions"
NEEDS_ACTIVITY = "needs the platform's sessions and watches"
NOT_COMPUTED = "not computed for all of these days"
NOT_COUNTED = "not counted for all of these days yet"

FROM = "Where does the money come from, day by day?"
KEPT = "Who gets what viewers pay for gifts?"
WHEN = "On which days do gifts bring most?"
WHY = "Why did it change?"
PARTS = "What each part adds"
BY_DAY = "How much came from where, each day?"


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked, metrics.PLATFORM_GIFT_REVENUE)
    return Filled(filled(queries, chosen, asked), badge(freshness, now), not chosen.failures.any)


def nothing_yet() -> Parts:
    words = message_card(
        "No numbers yet",
        "Sparkboard shows whole days, and none has been computed so far.",
        "The operator starts that with: python run.py aggregate",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def filled(queries: Queries, chosen: Selection, asked: Asked) -> Parts:
    daily = queries.daily(chosen.period)
    figure = partial(chosen.figure, "revenue")
    key_numbers = chosen.section("Key numbers", lambda: cards(queries, chosen))
    return {
        Ids.HEAD: [chosen.line(), key_numbers],
        **figure("by_source", FROM, lambda: by_source(queries, chosen, asked)),
        **figure("shares", KEPT, lambda: shares(queries, daily)),
        Ids.CALENDAR: chosen.section(WHEN, lambda: calendar(queries, chosen, daily)),
        **figure("why", WHY, lambda: why(queries, chosen, asked)),
        Ids.PARTS: chosen.section(PARTS, lambda: parts_card(explain(queries, chosen, asked))),
        Ids.DAYS: chosen.section(BY_DAY, lambda: day_table(queries, chosen)),
    }


# ---- cards ----


def cards(queries: Queries, chosen: Selection) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis(queries, chosen)], className="kpis three")


def kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    now = values(queries, chosen.period, chosen)
    before = values(queries, chosen.comparable, chosen) if chosen.comparable else {}
    days, usual = (histories(queries, period, chosen) for period in (chosen.period, chosen.usual))
    return chosen.told(
        kpi(
            metric,
            now[metric.name],
            before.get(metric.name),
            history=days[metric.name],
            reason="" if now[metric.name] is not None else reason(metric, queries, chosen),
            note=note(metric, queries, chosen.period),
            verdict=judgement(metric, now[metric.name], usual[metric.name], days[metric.name]),
            withheld=chosen.withheld(metric),
        )
        for metric in CARDS
    )


def values(queries: Queries, period: Period, chosen: Selection) -> dict[str, Number | None]:
    """What each card says of a period; ratios by their own sums."""
    daily = summaries.since(queries.daily(period), chosen.freshness.coverage.first)
    gifts, platform = (summaries.total(daily, name) for name in ("total_revenue", "platform_earnings"))
    refunded, active = queries.refunds(period), summaries.total(daily, "active_users")
    everybody = None if active is None else queries.active_users(period)
    back = None if refunded is None else refunded.amount
    return {
        metrics.ALL_REVENUE.name: all_revenue(queries, period, chosen) if gifts is not None else None,
        metrics.PLATFORM_GIFT_REVENUE.name: gifts,
        metrics.REFUND_RATE.name: None
        if back is None or gifts is None
        else summaries.ratio(back, back + gifts, 100),
        metrics.TAKE_RATE.name: summaries.ratio(platform, gifts, 100),
        metrics.ARPU.name: summaries.ratio(gifts, everybody),
        metrics.ARPPU.name: summaries.ratio(gifts, queries.gifters(period)),
    }


def refund_rate(refunded: Number | None, completed: Number | None) -> Decimal | None:
    """Of the value of completed and refunded gifts, in percent."""
    if refunded is None or completed is None:
        return None
    return summaries.ratio(refunded, refunded + completed, 100)


def all_revenue(queries: Queries, period: Period, chosen: Selection) -> Decimal | None:
    doubtful = chosen.freshness.withheld.of_metric(metrics.ALL_REVENUE, period)
    if doubtful or "transactions" in chosen.freshness.missing:
        return None
    return sum(queries.revenue_by_source(period)["amount"], start=Decimal(0))


def judgement(
    metric: Metric, value: Number | None, usual: Sequence[Number | None], days: Sequence[Number | None]
) -> Verdict | None:
    """None for refunds, too: they come days later, so that the newest days always look better."""
    return None if value is None or metric is metrics.REFUND_RATE else judged_days(usual, days, metric.unit)


def histories(queries: Queries, period: Period, chosen: Selection) -> dict[str, list[Number | None]]:
    """Each card's value of each day."""
    days, refunds = source_days(queries, period, chosen), queries.refunds_by_day(period)
    gifters = queries.gifters_by_day(period)
    rows = summaries.since(queries.daily(period), chosen.freshness.coverage.first).to_dict("records")
    by_day = {row["date"]: row for row in days.to_dict("records")}
    gifts, platform, active = (
        [summaries.number(row[name]) for row in rows]
        for name in ("total_revenue", "platform_earnings", "active_users")
    )
    back = [refunds.get(row["date"], Decimal(0)) for row in rows]
    return {
        metrics.ALL_REVENUE.name: [summaries.number(by_day[row["date"]]["all"]) for row in rows],
        metrics.PLATFORM_GIFT_REVENUE.name: gifts,
        metrics.REFUND_RATE.name: [refund_rate(*both) for both in zip(back, gifts, strict=True)],
        metrics.TAKE_RATE.name: _ratios(platform, gifts, 100),
        metrics.ARPU.name: _ratios(gifts, active),
        metrics.ARPPU.name: _ratios(gifts, [gifters.get(row["date"]) for row in rows]),
    }


def _ratios(
    numerators: Sequence[Number | None], denominators: Sequence[Number | None], scale: int = 1
) -> list[Number | None]:
    return [summaries.ratio(*both, scale) for both in zip(numerators, denominators, strict=True)]


def reason(metric: Metric, queries: Queries, chosen: Selection) -> str:
    daily = summaries.since(queries.daily(chosen.period), chosen.freshness.coverage.first)
    if metric is metrics.ALL_REVENUE and "transactions" in chosen.freshness.missing:
        return NEEDS_PAYMENTS
    if daily[metrics.TOTAL_REVENUE.name].isna().any():
        return NOT_COMPUTED
    if metric is metrics.ARPU and daily[metrics.ACTIVE_USERS.name].isna().any():
        return NEEDS_ACTIVITY
    uncounted = {metrics.REFUND_RATE: queries.refunds, metrics.ARPPU: queries.gifters}
    if metric in uncounted and uncounted[metric](chosen.period) is None:
        return NOT_COUNTED
    return "no such event in this period"


def note(metric: Metric, queries: Queries, period: Period) -> str:
    """How many people stand behind an average, and how much was refunded."""
    if metric is metrics.ARPPU:
        gifters = queries.gifters(period)
        return "" if gifters is None else f"{gifters:,} gifters"
    refunded = queries.refunds(period) if metric is metrics.REFUND_RATE else None
    return "" if refunded is None else f"{formats.short(refunded.amount, 'money')} refunded"


# ---- figures ----


def source_days(queries: Queries, period: Period, chosen: Selection) -> pd.DataFrame:
    """date, a column a source, and `all`, for every day; None where the day isn't computed, or is being
    recounted.

    `all` is None where the platform has no transactions, too.
    """
    found = queries.sources_by_day(period)
    amounts = {(row["date"], row["source"]): row["amount"] for row in found.to_dict("records")}
    sources = ordered_sources({source for _, source in amounts})
    whole = "transactions" not in chosen.freshness.missing
    doubtful = chosen.freshness.withheld.of_metric(metrics.ALL_REVENUE, period)
    rows: list[dict[Any, Any]] = []
    for row in queries.daily(period).to_dict("records"):
        day: date = row["date"]
        if day in doubtful or summaries.number(row[metrics.TOTAL_REVENUE.name]) is None:
            rows.append({"date": day})
            continue
        each = {source: amounts.get((day, source), Decimal(0)) for source in sources}
        total = sum(each.values(), start=Decimal(0)) if whole else None
        rows.append({"date": day, **each, "all": total})
    frame = pd.DataFrame(rows, columns=["date", *sources, "all"], dtype=object)
    return frame.where(frame.notna(), None)


def ordered_sources(found: set[str]) -> list[str]:
    """Gifts always, then the known ones, then whatever else the platform has."""
    known = [source for source in SOURCES if source == "gifts" or source in found]
    return [*known, *sorted(found - set(known))]


def source_names(frame: pd.DataFrame) -> dict[str, str]:
    return {name: SOURCES.get(name, name) for name in frame.columns if name not in ("date", "all")}


def by_source(queries: Queries, chosen: Selection, asked: Asked) -> Drawing:
    frame = source_days(queries, chosen.period, chosen)
    names = source_names(frame)
    picked = asked.pick("show")
    shown = picked if picked in SHOWN else "amount"
    if not any(value for name in names for value in frame[name]):
        return Drawing(reason="No revenue in this period.")
    control: Any = [choices("Show", "show", SHOWN, shown, asked, "by_source")]
    if "transactions" in chosen.freshness.missing:
        control.append(f" Only gifts: {NEEDS_PAYMENTS}.")
    share = shown == "share"
    drawn = gift_figures.in_percent(frame, list(names)) if share else frame
    return Drawing(gift_figures.stacked(drawn, names, share=share), control)


def shares(queries: Queries, daily: pd.DataFrame) -> Drawing:
    if not any(daily[metrics.TOTAL_GIFTS.name]):
        return Drawing(reason=no_gifts(queries.last_gift_day()))
    both = (metrics.CREATOR_EARNINGS, metrics.PLATFORM_EARNINGS)
    sums = [summaries.total(daily[daily["total_revenue"].notna()], metric.name) for metric in both]
    whole = sum(Decimal(each or 0) for each in sums)
    told = " · ".join(
        f"{metric.label} {formats.short(amount, 'money')}"
        f" ({formats.short(summaries.ratio(amount, whole, 100), 'percent')})"
        for metric, amount in zip(both, sums, strict=True)
    )
    return Drawing(figures.stacked_bars(daily, both, (GREEN, VIOLET)), told)


def calendar(queries: Queries, chosen: Selection, daily: pd.DataFrame) -> Component:
    if not any(daily[metrics.TOTAL_GIFTS.name]):
        return message_card(WHEN, no_gifts(queries.last_gift_day()))
    amounts = {
        row["date"]: summaries.number(row[metrics.TOTAL_REVENUE.name]) for row in daily.to_dict("records")
    }
    columns, rows = gift_figures.calendar(
        amounts, metrics.PLATFORM_GIFT_REVENUE, chosen.period, chosen.week_start
    )
    said = "Gift revenue of each day. The stronger the colour, the more; blank where nothing is known."
    return heat_map_card("calendar", WHEN, columns, rows, note=said, dense=len(columns) > 7)


# ---- why it changed ----


def why(queries: Queries, chosen: Selection, asked: Asked) -> Drawing:
    explained = explain(queries, chosen, asked)
    control = controls(asked)
    if explained.explanation is None:
        return Drawing(note=control, reason=explained.reason)
    if not (explained.explanation.now or explained.explanation.before):
        return Drawing(note=control, reason=no_gifts(queries.last_gift_day()))
    figure = gift_figures.waterfall(explained.explanation, [row.label for row in explained.rows])
    figure = figures.leading(figure, ["", *(row.href for row in explained.rows), ""])
    if not gift_figures.begins_at_zero(explained.explanation):
        control = [*control, " The axis does not begin at 0."]
    return Drawing(figure, control)


def controls(asked: Asked) -> Any:
    split, amount = chosen_split(asked), chosen_amount(asked)
    by = choices("By", "split", SPLITS, split, asked, "why")
    if split is Split.SOURCES:
        return [by, " Of all revenue."]
    return [by, choices("Of", "amount", AMOUNTS, amount, asked, "why")]


def parts_card(explained: Explained) -> Component:
    explanation = explained.explanation
    if explanation is None:
        return message_card(PARTS, explained.reason)
    columns = (
        Column("Part", numeric=False),
        Column("This period"),
        Column("Before"),
        Column("Adds"),
    )
    rows = [(row.label, row.now, row.before, _adds(row.part.change)) for row in explained.rows]
    total = (
        explained.subject,
        formats.exact(explanation.now, "money"),
        formats.exact(explanation.before, "money"),
        _adds(explanation.change),
    )
    links = [row.href for row in explained.rows]
    said = "What the parts add makes up the whole change, to the cent."
    return table_card("parts", PARTS, columns, rows, note=said, links=links, total=total)


def _adds(amount: Decimal) -> str:
    return f"+{formats.exact(amount, 'money')}" if amount > 0 else formats.exact(amount, "money")


# ---- days by source ----


def day_table(queries: Queries, chosen: Selection) -> Component:
    frame = source_days(queries, chosen.period, chosen)
    names = source_names(frame)
    columns = (Column("Day (UTC)", numeric=False), *(Column(name) for name in names.values()), Column("All"))
    rows = [
        (formats.day(row["date"]), *(_amount(row[name]) for name in (*names, "all")))
        for row in reversed(frame.to_dict("records"))
    ]
    sums = source_totals(queries, chosen)
    total = (f"{chosen.period.days} days", *(_amount(sums[name]) for name in (*names, "all")))
    missing = "transactions" in chosen.freshness.missing
    said = f"Only gifts: {NEEDS_PAYMENTS}." if missing else ""
    return table_card("days", BY_DAY, columns, rows, note=said, wide=True, total=total, long=True)


def source_totals(queries: Queries, chosen: Selection) -> dict[str, Decimal | None]:
    """Of the period, by a query of its own."""
    found = queries.revenue_by_source(chosen.period).to_dict("records")
    sums = {row["source"]: row["amount"] for row in found}
    whole = None if "transactions" in chosen.freshness.missing else sum(sums.values(), start=Decimal(0))
    names = source_names(source_days(queries, chosen.period, chosen))
    return {**{name: sums.get(name, Decimal(0)) for name in names}, "all": whole}


def _amount(value: object) -> str:
    return formats.exact(summaries.number(value), "money")


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked, metrics.PLATFORM_GIFT_REVENUE)
    tables = [
        exports.key_numbers(kpis(queries, chosen)),
        exports.table("Days by source", lambda: day_rows(queries, chosen)),
        exports.table(
            "Why it changed",
            lambda: part_rows(explain(queries, chosen, asked), SPLITS[chosen_split(asked)]),
        ),
    ]
    return exports.export(PAGE, chosen, asked, now, tables)


def day_rows(queries: Queries, chosen: Selection) -> Table:
    frame = source_days(queries, chosen.period, chosen)
    names = source_names(frame)
    heads = ("Day (UTC)", *(f"{name} ($)" for name in names.values()), "All ($)")
    rows: list[tuple[Cell, ...]] = [
        (row["date"], *(Amount(summaries.number(row[name]), "money") for name in (*names, "all")))
        for row in frame.to_dict("records")
    ]
    sums = source_totals(queries, chosen)
    total: tuple[Cell, ...] = ("All days", *(Amount(sums[name], "money") for name in (*names, "all")))
    return Table("Days by source", heads, [*rows, total])


def part_rows(explained: Explained, split: str) -> Table:
    """The parts, and the whole change as the last row; why there are none, where there are none."""
    columns = ("Why it changed", "Split by", "Part", "This period", "Before", "Adds ($)")
    explanation = explained.explanation
    if explanation is None:
        return Table(
            "Why it changed", columns, [(explained.subject, split, explained.reason, None, None, None)]
        )
    rows = [
        (explained.subject, split, row.label, row.now, row.before, Amount(row.part.change, "money"))
        for row in explained.rows
    ]
    whole: tuple[Cell, ...] = (
        explained.subject,
        split,
        "The whole change",
        formats.exact(explanation.now, "money"),
        formats.exact(explanation.before, "money"),
        Amount(explanation.change, "money"),
    )
    return Table("Why it changed", columns, [*rows, whole])
