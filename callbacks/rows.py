"""The rows behind a number: its days, whose total is what the card shows."""

from collections.abc import Mapping
from datetime import date, datetime

import pandas as pd

from aggregation import metrics, summaries
from aggregation.metrics import CREATOR_METRICS, PLATFORM_METRICS, WITH_ROWS, Metric, Rollup
from aggregation.periods import Period
from aggregation.queries import Queries
from aggregation.summaries import Number
from callbacks.exports import facts
from callbacks.platform_rows import READINGS
from callbacks.selection import Selection, select
from layouts.exports import Amount, Cell, Export, Fact, Table
from layouts.page import Asked

PLATFORM: Mapping[str, Metric] = {metric.name: metric for metric in (*PLATFORM_METRICS, *WITH_ROWS)}
CREATORS: Mapping[str, Metric] = {metric.name: metric for metric in CREATOR_METRICS}

TOTAL: Mapping[Rollup, str] = {
    "flow": "Sum",
    "stock": "At the end",
    "ratio": "Over the period",
    "distinct": "Different in the period",
}
DAY = "Day (UTC)"


def platform(queries: Queries, metric: Metric, asked: Asked, now: datetime) -> Export | None:
    """Of one of PLATFORM; None where nothing has been aggregated yet."""
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen = select(freshness, asked, metric)
    if metric in WITH_ROWS:
        return _export(metric, chosen, asked, now, READINGS[metric](queries, chosen, metric))
    daily = summaries.since(queries.daily(chosen.shown), freshness.coverage.first)
    if metric is metrics.ACTIVE_USERS:
        return _export(metric, chosen, asked, now, _active_users(queries, chosen.shown, daily))
    return _export(metric, chosen, asked, now, of_days(metric, daily))


def creator(queries: Queries, creator_id: int, metric: Metric, asked: Asked, now: datetime) -> Export | None:
    """Of one of CREATORS; None where there is no such creator, or nothing yet."""
    freshness, name = queries.freshness(), queries.creator_name(creator_id)
    if freshness is None or name is None:
        return None
    chosen = select(freshness, asked, metric)
    if metric is metrics.SUPPORTERS_COUNT:
        known = queries.supporters(creator_id, chosen.shown, freshness) is not None
        table = _supporters(queries, creator_id, chosen.shown, known)
    else:
        daily = queries.creator_daily(creator_id, chosen.shown, freshness)
        table = of_days(metric, summaries.since(daily, freshness.coverage.first))
    return _export(metric, chosen, asked, now, table, name)


def _export(
    metric: Metric, chosen: Selection, asked: Asked, now: datetime, table: Table, owner: str = ""
) -> Export:
    about: list[Fact] = [
        ("Number", metric.label),
        ("What it is", metric.description),
        ("Formula", metric.formula),
        ("Unit", metric.measured),
        ("Source table", metric.table),
        *([("Creator", owner)] if owner else []),
    ]
    return Export(f"rows-{metric.name}", chosen.shown, [*about, *facts(chosen, asked, now)], [table])


def of_days(metric: Metric, daily: pd.DataFrame) -> Table:
    """A row a day, after that of all days; of a ratio with what it is made of."""
    parts = [*metric.numerator, *([metric.denominator] if metric.denominator else [])]
    whole = {name: summaries.total(daily, name) for name in parts}
    return _table(
        {**{name: _known(name, metric) for name in parts}, metric.name: metric},
        TOTAL[metric.rollup],
        whole | {metric.name: summaries.value_over(daily, metric)},
        daily,
    )


def _known(name: str, of: Metric) -> Metric:
    """The metric that a part of a ratio is; both are in one table."""
    known = (*PLATFORM_METRICS, *CREATOR_METRICS)
    return next(each for each in known if (each.name, each.table) == (name, of.table))


def _active_users(queries: Queries, period: Period, daily: pd.DataFrame) -> Table:
    first = _by_day(queries.first_visits(period), "first_visits")
    known = summaries.total(daily, metrics.ACTIVE_USERS.name) is not None
    visits = [first.get(day, 0) if known else None for day in daily["date"]]
    days = daily.assign(first_visits=pd.Series(visits, daily.index, dtype=object))
    total = summaries.total(days, "first_visits")
    return _table(
        {metrics.ACTIVE_USERS.name: metrics.ACTIVE_USERS, "first_visits": "Not before in the period"},
        TOTAL["distinct"],
        {"first_visits": total},
        days,
    )


def _supporters(queries: Queries, creator_id: int, period: Period, known: bool) -> Table:
    found = queries.supporter_days(creator_id, period)
    heads = {
        "supporters": "Supporters that day",
        "first_ever": "First gift ever",
        "first_gifts": "Not before in the period",
    }
    columns = {name: _by_day(found, name) for name in heads}
    days = pd.DataFrame(
        [
            {"date": day, **{name: columns[name].get(day, 0) if known else None for name in heads}}
            for day in period.dates()
        ],
        dtype=object,
    )
    counted = ("first_gifts", "first_ever")
    return _table(heads, TOTAL["distinct"], {name: summaries.total(days, name) for name in counted}, days)


def _by_day(frame: pd.DataFrame, name: str) -> dict[date, int]:
    return {day: int(value) for day, value in zip(frame["date"], frame[name], strict=True)}


def _table(
    columns: Mapping[str, Metric | str], whole: str, totals: Mapping[str, Number | None], daily: pd.DataFrame
) -> Table:
    """`columns`: by name the metric, else the heading of a count."""
    units = {name: each.unit if isinstance(each, Metric) else "count" for name, each in columns.items()}
    heads = [each.label if isinstance(each, Metric) else each for each in columns.values()]
    rows: list[tuple[Cell, ...]] = [
        (row["date"], *(Amount(summaries.number(row[name]), unit) for name, unit in units.items()))
        for row in daily.to_dict("records")
    ]
    total: tuple[Cell, ...] = (whole, *(Amount(totals.get(name), unit) for name, unit in units.items()))
    return Table("Days", (DAY, *heads), [total, *rows])
