"""Gifts: frames → cards, figures, the hours of the week and the table of sparks."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.gifting import occurrences
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.summaries import Number
from aggregation.verdicts import Verdict
from aggregation.withheld import BeingRecounted
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, judged_days, kpi, no_gifts, select
from layouts import figures, formats, gift_figures, shell
from layouts.choices import link
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
from layouts.pages.gifts import PAGE, Ids

CARDS = (
    metrics.TOTAL_GIFTS,
    metrics.GIFT_VALUE,
    metrics.AVERAGE_GIFT,
    metrics.GIFTERS,
    metrics.RECIPIENTS,
    metrics.PEAK_HOUR,
)
# Sparks with bars of their own, and with lines; the others are one.
RANKED = 9
LINES = 5
# In the table; all are in the export.
LISTED = 100
NOT_COMPUTED = "not computed for all of these days"
NOT_COUNTED = "not counted for all of these days yet"

# A row of Queries.sparks.
Spark = dict[Any, Any]

BEST = "Which sparks bring most?"
BOTH = "Are the most sent also the most valuable?"
HOURS = "At which hours of the week is most given?"
TREND = "How do the sparks develop?"
SPARKS = "How does each spark do?"


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked, metrics.GIFT_VALUE)
    return Filled(filled(queries, chosen, asked), badge(freshness, now), not chosen.failures.any)


def nothing_yet() -> Parts:
    words = message_card(
        "No numbers yet",
        "Sparkboard shows whole days, and none has been computed so far.",
        "The operator starts that with: python run.py aggregate",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def filled(queries: Queries, chosen: Selection, asked: Asked) -> Parts:
    figure = partial(chosen.figure, "gifts")
    key_numbers = chosen.section("Key numbers", lambda: cards(queries, chosen))
    return {
        Ids.HEAD: [chosen.section("Period", lambda: period_line(queries, chosen, asked)), key_numbers],
        **figure("ranked", BEST, lambda: ranked(queries, chosen, asked)),
        **figure("count_and_value", BOTH, lambda: count_and_value(queries, chosen)),
        Ids.HOURS: chosen.section(HOURS, lambda: hours(queries, chosen, asked)),
        **figure("trend", TREND, lambda: trend(queries, chosen, asked)),
        Ids.SPARKS: chosen.section(SPARKS, lambda: spark_table(queries, chosen, asked)),
    }


def period_line(queries: Queries, chosen: Selection, asked: Asked) -> Component:
    try:
        spark = picked_spark(queries, chosen, asked)
    except BeingRecounted:
        # What is shown of sparks says so itself.
        spark = None
    return chosen.line([("spark", f"Hours and trend of {spark_name(spark)}")] if spark else [])


def sent(queries: Queries, chosen: Selection) -> pd.DataFrame:
    """The sparks that were sent in the period, by value."""
    sparks = queries.sparks(chosen.period, chosen.comparable)
    return sparks[sparks["gifts"] > 0]


def spark_name(row: Spark) -> str:
    name: str | None = row["name"]
    return name or f"Spark {row['spark_id']}"


# ---- cards ----


def cards(queries: Queries, chosen: Selection) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis(queries, chosen)], className="kpis three")


def kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    now = values(queries, chosen.period, chosen)
    before = values(queries, chosen.comparable, chosen) if chosen.comparable else {}
    days, usual = (histories(queries, period, chosen) for period in (chosen.period, chosen.usual))
    words = notes(queries, chosen)
    return [
        kpi(
            metric,
            now[metric.name],
            before.get(metric.name),
            history=days.get(metric.name, ()),
            reason="" if now[metric.name] is not None else reason(metric, queries, chosen),
            note=words.get(metric.name, ""),
            verdict=judgement(metric, now[metric.name], usual, days),
            # The difference of two hours of the day means nothing.
            words=[words[metric.name]] if metric is metrics.PEAK_HOUR and metric.name in words else (),
            withheld=chosen.withheld(metric),
        )
        for metric in CARDS
    ]


def values(queries: Queries, period: Period, chosen: Selection) -> dict[str, Number | None]:
    daily = summaries.since(queries.daily(period), chosen.freshness.coverage.first)
    gifts, value = (summaries.total(daily, name) for name in ("total_gifts_sent", "total_revenue"))
    best = peak_of(queries, period, chosen) if gifts is not None else None
    return {
        metrics.TOTAL_GIFTS.name: gifts,
        metrics.GIFT_VALUE.name: value,
        metrics.AVERAGE_GIFT.name: summaries.ratio(value, gifts),
        metrics.GIFTERS.name: queries.gifters(period) if gifts is not None else None,
        metrics.RECIPIENTS.name: recipients(queries, period) if gifts is not None else None,
        metrics.PEAK_HOUR.name: None if best is None else best[0],
    }


def recipients(queries: Queries, period: Period) -> int | None:
    people = queries.people_of_sparks(period)
    if people is None:
        return None
    return int(people[people["spark_id"].isna()]["recipients"].iloc[0])


def peak_of(queries: Queries, period: Period, chosen: Selection) -> tuple[int, Decimal] | None:
    """`peak` of the period; None while one of its hours is being recounted."""
    if chosen.freshness.withheld.of_metric(metrics.PEAK_HOUR, period):
        return None
    return peak(queries.hours_of_the_week(period, None))


def peak(hours_of_week: pd.DataFrame) -> tuple[int, Decimal] | None:
    """The hour of the day with the largest value, and its part of all in percent; None without gifts."""
    sums: dict[int, tuple[Decimal, int]] = {}
    for row in hours_of_week.to_dict("records"):
        value, gifts = sums.get(row["hour"], (Decimal(0), 0))
        sums[row["hour"]] = (value + row["value"], gifts + row["gifts"])
    if not sums:
        return None
    best = min(sums, key=lambda hour: (-sums[hour][0], -sums[hour][1], hour))
    whole = sum((value for value, _ in sums.values()), start=Decimal(0))
    return best, summaries.ratio(sums[best][0], whole, 100) or Decimal(0)


Days = dict[str, list[Number | None]]


def judgement(metric: Metric, value: Number | None, usual: Days, days: Days) -> Verdict | None:
    """None for what no day has a value of."""
    if value is None or metric.name not in days:
        return None
    return judged_days(usual[metric.name], days[metric.name], metric.unit)


def histories(queries: Queries, period: Period, chosen: Selection) -> Days:
    """Of each card that has them, the values of the days."""
    daily = summaries.since(queries.daily(period), chosen.freshness.coverage.first)
    gifters = queries.gifters_by_day(period)
    gifts, value = (
        [summaries.number(each) for each in daily[name]] for name in ("total_gifts_sent", "total_revenue")
    )
    return {
        metrics.TOTAL_GIFTS.name: gifts,
        metrics.GIFT_VALUE.name: value,
        metrics.AVERAGE_GIFT.name: [summaries.ratio(*both) for both in zip(value, gifts, strict=True)],
        metrics.GIFTERS.name: [
            None if count is None else gifters.get(day, 0)
            for day, count in zip(daily["date"], gifts, strict=True)
        ],
    }


def notes(queries: Queries, chosen: Selection) -> dict[str, str]:
    """One more fact to a card: the median, the conversion, how much comes in the peak hour."""
    period, facts = chosen.period, dict[str, str]()
    middle = queries.median_gift(period)
    if middle is not None:
        facts[metrics.AVERAGE_GIFT.name] = f"median {formats.exact(middle, 'money')}"
    daily = summaries.since(queries.daily(period), chosen.freshness.coverage.first)
    if summaries.total(daily, metrics.ACTIVE_USERS.name) is not None:
        conversion = summaries.ratio(queries.gifters(period), queries.active_users(period), 100)
        if conversion is not None:
            facts[metrics.GIFTERS.name] = f"{formats.short(conversion, 'percent')} of active users"
    best = peak_of(queries, period, chosen)
    if best is not None:
        facts[metrics.PEAK_HOUR.name] = (
            f"until {(best[0] + 1) % 24:02}:00 UTC, {formats.short(best[1], 'percent')} of the value"
        )
    return facts


def reason(metric: Metric, queries: Queries, chosen: Selection) -> str:
    daily = summaries.since(queries.daily(chosen.period), chosen.freshness.coverage.first)
    gifts = summaries.total(daily, metrics.TOTAL_GIFTS.name)
    if gifts is None:
        return NOT_COMPUTED
    return NOT_COUNTED if metric in (metrics.GIFTERS, metrics.RECIPIENTS) else "no gifts in this period"


# ---- figures ----


def ranked(queries: Queries, chosen: Selection, asked: Asked) -> Drawing:
    sparks, spark = sent(queries, chosen), picked_spark(queries, chosen, asked)
    if sparks.empty:
        return Drawing(reason=no_gifts(queries.last_gift_day()))
    rows = leading(sparks, RANKED)
    figure = gift_figures.ranking([row["name"] for row in rows], [row["value"] for row in rows])
    keys = [str(row["spark_id"]) for row in rows if row["spark_id"] is not None]
    figure = figures.pickable(figure, "spark", keys, str(spark["spark_id"]) if spark else "")
    return Drawing(figure, "By value, with each spark's share of all. A click shows its hours and trend.")


def leading(sparks: pd.DataFrame, limit: int) -> list[dict[Any, Any]]:
    """name, gifts, value of the first sparks, and of all others together."""
    rows = [{**row, "name": spark_name(row)} for row in sparks.to_dict("records")]
    named, others = (rows, []) if len(rows) <= limit + 1 else (rows[:limit], rows[limit:])
    if not others:
        return named
    gifts, value = (sum(row[name] for row in others) for name in ("gifts", "value"))
    return [*named, {"spark_id": None, "name": f"{len(others):,} others", "gifts": gifts, "value": value}]


def count_and_value(queries: Queries, chosen: Selection) -> Drawing:
    sparks = sent(queries, chosen)
    if sparks.empty:
        return Drawing(reason=no_gifts(queries.last_gift_day()))
    rows = leading(sparks, RANKED)
    figure = gift_figures.two_shares(
        [row["name"] for row in rows], [row["gifts"] for row in rows], [row["value"] for row in rows]
    )
    return Drawing(figure)


def picked_spark(queries: Queries, chosen: Selection, asked: Asked) -> Spark | None:
    """The row of the spark in the address; None where there is none, or none that was sent."""
    sparks = queries.sparks(chosen.period, chosen.comparable).to_dict("records")
    return next((row for row in sparks if str(row["spark_id"]) == asked.pick("spark")), None)


def hours(queries: Queries, chosen: Selection, asked: Asked) -> Component:
    spark = picked_spark(queries, chosen, asked)
    sums = queries.hours_of_the_week(chosen.period, spark["spark_id"] if spark else None)
    counted = chosen.period.inside(chosen.freshness.coverage)
    if sums.empty or counted is None:
        return message_card(HOURS, no_gifts(queries.last_gift_day()), wide=True)
    columns, rows = gift_figures.week_of_hours(sums, occurrences(counted), chosen.week_start)
    whose = f"{spark_name(spark)}: v" if spark else "V"
    said = f"{whose}alue of gifts in each hour, on average over the weeks of the period."
    return heat_map_card("hours", HOURS, columns, rows, note=said, dense=True, wide=True)


def trend(queries: Queries, chosen: Selection, asked: Asked) -> Drawing:
    sparks, spark = sent(queries, chosen), picked_spark(queries, chosen, asked)
    if sparks.empty:
        return Drawing(reason=no_gifts(queries.last_gift_day()))
    shown = [spark] if spark else sparks.to_dict("records")[:LINES]
    names = {row["spark_id"]: spark_name(row) for row in shown}
    values = queries.spark_trend(chosen.period, tuple(names))
    frame = over_days(values, list(names), queries.daily(chosen.period))
    most = not spark and len(sparks) > LINES
    said = f"Value of the {LINES} sparks that bring most." if most else ""
    return Drawing(gift_figures.lines(frame, names), said)


def over_days(values: pd.DataFrame, spark_ids: Sequence[int], daily: pd.DataFrame) -> pd.DataFrame:
    """A row a day and a column a spark: 0 where it wasn't sent, None where the day isn't computed."""
    amounts = {(row["date"], row["spark_id"]): row["value"] for row in values.to_dict("records")}
    rows: list[dict[Any, Any]] = []
    for row in daily.to_dict("records"):
        known = summaries.number(row[metrics.TOTAL_GIFTS.name]) is not None
        each = {
            spark: amounts.get((row["date"], spark), Decimal(0)) if known else None for spark in spark_ids
        }
        rows.append({"date": row["date"], **each})
    return pd.DataFrame(rows, columns=["date", *spark_ids], dtype=object)


# ---- table ----


def spark_table(queries: Queries, chosen: Selection, asked: Asked) -> Component:
    sparks = sent(queries, chosen)
    if sparks.empty:
        return message_card(SPARKS, no_gifts(queries.last_gift_day()), wide=True)
    columns = (
        Column("Spark", numeric=False),
        *(
            Column(label)
            for label in ("Gifts", "Value", "Senders", "Recipients", "Average", "Change of value")
        ),
        Column("First sent", numeric=False),
        Column("Last sent", numeric=False),
    )
    people = people_by_spark(queries, chosen.period)
    listed = sparks.head(LISTED).to_dict("records")
    rows = [_texts(row, people, chosen) for row in listed]
    links = [_toggle(row, asked) for row in listed]
    total = _texts(total_row(queries, chosen), people, chosen)
    said = "A click on a spark shows its hours and trend."
    if len(sparks) > LISTED:
        said += f" {LISTED} of {len(sparks):,} are listed; all are in the export."
    return table_card(
        "sparks", SPARKS, columns, rows, note=said, wide=True, links=links, total=total, long=len(rows) > 15
    )


def people_by_spark(queries: Queries, period: Period) -> dict[int | None, tuple[int, int]]:
    """Distinct senders and recipients; under None those of all sparks. Empty where not counted yet."""
    people = queries.people_of_sparks(period)
    if people is None:
        return {}
    return {row["spark_id"]: (row["senders"], row["recipients"]) for row in people.to_dict("records")}


def _sums(queries: Queries, period: Period | None, chosen: Selection) -> tuple[Number | None, Number | None]:
    """Gifts and their value, from the platform's days."""
    if period is None:
        return None, None
    daily = summaries.since(queries.daily(period), chosen.freshness.coverage.first)
    gifts, value = (
        summaries.total(daily, metric.name) for metric in (metrics.TOTAL_GIFTS, metrics.TOTAL_REVENUE)
    )
    return gifts, value


def total_row(queries: Queries, chosen: Selection) -> dict[Any, Any]:
    """Of all sparks, from the platform's days: a query of its own."""
    gifts, value = _sums(queries, chosen.period, chosen)
    gifts_before, value_before = _sums(queries, chosen.comparable, chosen)
    sparks = sent(queries, chosen)
    return {
        "spark_id": None,
        "name": "All sparks",
        "gifts": gifts,
        "value": value,
        "gifts_before": gifts_before,
        "value_before": value_before,
        "first": min(sparks["first"]),
        "last": max(sparks["last"]),
    }


def _numbers(row: Spark, people: dict[int | None, tuple[int, int]], chosen: Selection) -> tuple[Any, ...]:
    """gifts, value, senders, recipients, average, change of the value."""
    senders, takers = people.get(row["spark_id"], (None, None))
    before = row["value_before"] if chosen.comparable else None
    return (
        row["gifts"],
        row["value"],
        senders,
        takers,
        summaries.ratio(row["value"], row["gifts"]),
        summaries.change(metrics.GIFT_VALUE, row["value"], before),
    )


def _texts(row: Spark, people: dict[int | None, tuple[int, int]], chosen: Selection) -> tuple[str, ...]:
    gifts, value, senders, takers, average, change = _numbers(row, people, chosen)
    return (
        spark_name(row),
        formats.exact(gifts, "count"),
        formats.exact(value, "money"),
        formats.exact(senders, "count"),
        formats.exact(takers, "count"),
        formats.exact(average, "money"),
        formats.change_text(change),
        formats.day(row["first"]),
        formats.day(row["last"]),
    )


def _toggle(row: Spark, asked: Asked) -> str:
    """The address that shows this spark's hours and trend alone; where it does already, those of all."""
    key = str(row["spark_id"])
    return link(asked, "hours", spark="" if key == asked.pick("spark") else key)


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked, metrics.GIFT_VALUE)
    tables = [
        exports.key_numbers(kpis(queries, chosen)),
        exports.table("Sparks", lambda: spark_rows(queries, chosen)),
        exports.table(
            "Hours of the week", lambda: hour_rows(queries, chosen, picked_spark(queries, chosen, asked))
        ),
    ]
    return exports.export(PAGE, chosen, asked, now, tables)


def spark_rows(queries: Queries, chosen: Selection) -> Table:
    columns = (
        "Spark",
        "Spark id",
        "Gifts",
        "Value ($)",
        "Senders",
        "Recipients",
        "Average ($)",
        "Value before ($)",
        "Change (%)",
        "First sent (UTC)",
        "Last sent (UTC)",
    )
    people, sparks = people_by_spark(queries, chosen.period), sent(queries, chosen)
    if sparks.empty:
        return Table("Sparks", columns, [])
    rows = [*sparks.to_dict("records"), total_row(queries, chosen)]
    return Table("Sparks", columns, [_spark_row(row, people, chosen) for row in rows])


def _spark_row(row: Spark, people: dict[int | None, tuple[int, int]], chosen: Selection) -> tuple[Cell, ...]:
    gifts, value, senders, takers, average, _ = _numbers(row, people, chosen)
    before = row["value_before"] if chosen.comparable else None
    return (
        spark_name(row),
        row["spark_id"],
        gifts,
        Amount(value, "money"),
        senders,
        takers,
        Amount(average, "money"),
        Amount(before, "money"),
        Amount(summaries.growth(value, before), "percent"),
        row["first"],
        row["last"],
    )


def hour_rows(queries: Queries, chosen: Selection, spark: Spark | None) -> Table:
    columns = ("Sparks", "Weekday", "Hour (UTC)", "Came so often", "Gifts", "Value ($)", "Value an hour ($)")
    counted = chosen.period.inside(chosen.freshness.coverage)
    times = occurrences(counted) if counted else [0] * 7
    sums = queries.hours_of_the_week(chosen.period, spark["spark_id"] if spark else None).to_dict("records")
    whose = spark_name(spark) if spark else "all"
    rows = [
        (
            whose,
            gift_figures.WEEKDAYS[row["weekday"]],
            row["hour"],
            times[row["weekday"]],
            row["gifts"],
            Amount(row["value"], "money"),
            Amount(summaries.ratio(row["value"], times[row["weekday"]]), "money"),
        )
        for row in sums
    ]
    return Table("Hours of the week", columns, rows)
