"""What the exports of all pages have in common: which numbers they hold, and the key numbers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import pandas as pd

from aggregation import summaries
from aggregation.days import ONE_DAY
from aggregation.metrics import Metric
from aggregation.queries import Queries
from aggregation.withheld import BeingRecounted
from callbacks.selection import Selection
from layouts import formats, shell
from layouts.components import Kpi, verdict_words
from layouts.exports import Amount, Cell, Export, Fact, Table
from layouts.page import Asked, Page, Viewer

# (queries, viewer, asked, now) → what the page shows; None where there are no numbers.
Exporting = Callable[[Queries, Viewer, Asked, datetime], Export | None]

DAYS = "Days"
SIGNS = {"money": "$", "percent": "%", "count": "", "hour": "hour (UTC)"}


def export(
    page: Page, chosen: Selection, asked: Asked, now: datetime, tables: Sequence[Table], owner: str = ""
) -> Export:
    """`owner`: whose numbers these are, where they aren't the platform's."""
    about: list[Fact] = [("Page", page.title), *([("Creator", owner)] if owner else [])]
    return Export(page.name, chosen.shown, [*about, *facts(chosen, asked, now)], tables)


def facts(chosen: Selection, asked: Asked, now: datetime) -> list[Fact]:
    """Periods are [from, to), in UTC."""
    period, freshness, before = chosen.shown, chosen.freshness, chosen.comparable
    unequal = freshness.unequal
    return [
        ("Made at (UTC)", now),
        ("Complete through (UTC)", freshness.coverage.last),
        ("Numbers begin (UTC)", freshness.coverage.first),
        ("Cells that differed when recounted", "not recounted yet" if unequal is None else unequal),
        *([("As known at the end of (UTC)", asked.known)] if asked.known else []),
        ("Period", formats.days(period.days)),
        ("From (UTC, included)", period.first),
        ("To (UTC, not included)", period.last + ONE_DAY),
        *([("Note", chosen.remark)] if chosen.remark else []),
        ("Compared with", shell.COMPARISONS[asked.compare] if before else "nothing"),
        ("Compared from (UTC, included)", before.first if before else None),
        ("Compared to (UTC, not included)", before.last + ONE_DAY if before else None),
    ]


def table(title: str, build: Callable[[], Table]) -> Table:
    """What `build` gives; where it can't be told for now, why."""
    try:
        return build()
    except BeingRecounted as withheld:
        return Table(title, ("Not available",), [(formats.being_recounted(withheld.days),)])


def key_numbers(kpis: Iterable[Kpi]) -> Table:
    columns = ("Key number", "Unit", "This period", "Before", "Change", "Change in", "Note")
    return Table("Key numbers", columns, [_key_number(kpi) for kpi in kpis])


def _key_number(kpi: Kpi) -> tuple[Cell, ...]:
    metric, change = kpi.metric, kpi.change
    return (
        metric.label,
        SIGNS[metric.unit],
        Amount(kpi.value, metric.unit),
        Amount(kpi.before, metric.unit),
        Amount(change.amount, "points" if change.kind == "points" else "percent"),
        {"relative": "%", "points": "pp", "new": "new", "none": ""}[change.kind],
        "; ".join(
            filter(None, (kpi.reason or kpi.note or "; ".join(kpi.words), verdict_words(metric, kpi.verdict)))
        ),
    )


def day_rows(daily: pd.DataFrame, metrics: Sequence[Metric]) -> Table:
    """A row for every day; empty where nothing is known. Columns that are no metric are ids."""
    known = {metric.name: metric for metric in metrics if metric.name in daily}
    names = [name for name in daily.columns if name != "date"]
    heads = [_head(known[name]) if name in known else name.replace("_", " ").capitalize() for name in names]
    units = [known[name].unit if name in known else None for name in names]
    rows = [
        (row["date"], *(_day_cell(row[name], unit) for name, unit in zip(names, units, strict=True)))
        for row in daily.to_dict("records")
    ]
    return Table(DAYS, ("Day (UTC)", *heads), rows)


def _head(metric: Metric) -> str:
    sign = SIGNS[metric.unit]
    return f"{metric.label} ({sign})" if sign else metric.label


def _day_cell(value: object, unit: str | None) -> Cell:
    number = summaries.number(value)
    if unit is None:
        return None if number is None else int(number)
    return Amount(number, unit)  # type: ignore[arg-type]
