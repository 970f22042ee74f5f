"""Tables of forecasts: all that were made, on the page, and what can be taken out."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import starmap
from typing import Any

import pandas as pd

from aggregation import summaries
from aggregation.forecasting import CONFIDENCE
from aggregation.forecasts import StoredForecast, was_made_afterwards
from aggregation.queries import Outlook
from aggregation.summaries import Change, Number
from layouts import formats
from layouts.components import Column, Component, table_card
from layouts.exports import Amount, Cell, Table

AHEAD = 30
ALL_RUNS = "How did each forecast do?"

METHODS = {
    "weekday_mean": "weekday means",
    "ets": "smoothing with weekdays (ETS)",
    "ets_last_year": "smoothing with weekdays and last year's season",
    "linear_regression": "straight line",
    "seasonal_naive": "last week again",
}


def settles(data_through: date) -> date:
    """The day after the last of its 30 days."""
    return data_through + timedelta(days=AHEAD + 1)


def runs_table(runs: pd.DataFrame) -> Component:
    columns = (
        Column("Made on", numeric=False),
        Column("Method", numeric=False),
        Column("Next 30 days"),
        Column("80 % band"),
        Column("Came"),
        Column("Error"),
        Column("Coverage", numeric=False),
    )
    rows = [run_row(run) for run in runs.to_dict("records")]
    late = any(starmap(was_made_afterwards, zip(runs["made_on"], runs["made_at"], strict=True)))
    note = "Afterwards: made later, from the days that were complete then." if late else ""
    return table_card("runs", ALL_RUNS, columns, rows, note, wide=True)


def run_row(run: dict[Any, Any]) -> tuple[str, ...]:
    late = was_made_afterwards(run["made_on"], run["made_at"])
    low, high, came = run["low_80"], run["high_80"], summaries.number(run["actual"])
    return (
        formats.day(run["made_on"]) + (", afterwards" if late else ""),
        METHODS.get(run["methodology"], run["methodology"]),
        formats.short(run["projected"], "money"),
        f"{formats.short(low, 'money')} – {formats.short(high, 'money')}",
        formats.short(came, "money"),
        formats.change_text(error_of(run["projected"], came)),
        # On a phone the words take two lines.
        covered(run, came).replace(" %", "\N{NO-BREAK SPACE}%"),
    )


def error_of(projected: Decimal, came: Number | None) -> Change:
    """By how much the forecast was above (+) or below (−) what came."""
    off = summaries.growth(projected, came)
    return Change("none") if off is None else Change("relative", off)


def covered(run: dict[Any, Any], came: Number | None) -> str:
    if came is None:
        return f"known on {formats.day(settles(run['data_through']))}"
    for nominal in (80, 95):
        if run[f"low_{nominal}"] <= came <= run[f"high_{nominal}"]:
            return f"inside {nominal} %"
    return "outside"


# ---- to take out ----

LIMITS = ("80 % from ($)", "80 % to ($)", "95 % from ($)", "95 % to ($)")


def total_rows(made: StoredForecast) -> Table:
    """Nothing where a number would mislead; the notes say why."""
    columns = ("Next days", "Projected ($)", *LIMITS, f"Confidence (%): {CONFIDENCE}", "Note")
    shown = [] if made.is_zero else [made.totals[days] for days in sorted(made.totals)]
    rows: list[tuple[Cell, ...]] = [
        (
            each.days,
            Amount(each.projected, "money"),
            *(
                Amount(side[nominal] if made.has_limits else None, "money")
                for nominal in (80, 95)
                for side in (each.low, each.high)
            ),
            Amount(Decimal(f"{each.confidence:.1f}"), "percent")
            if each.days == AHEAD and made.has_limits
            else None,
            None,
        )
        for each in shown
    ]
    return Table("Totals", columns, rows + [(None,) * 7 + (note,) for note in made.notes])


def day_rows(outlook: Outlook) -> Table:
    columns = ("Day (UTC)", "Projected ($)", *LIMITS, "Straight line ($)", "Came ($)")
    straight = dict(zip(outlook.line["date"], outlook.line["projected"], strict=True))
    names = ["projected"]
    if outlook.made.has_limits:
        names += ["low_80", "high_80", "low_95", "high_95"]
    rows = [
        (
            day["date"],
            *(Amount(summaries.number(day[name]), "money") for name in names),
            *(None for _ in range(5 - len(names))),
            Amount(summaries.number(straight.get(day["date"])), "money"),
            Amount(summaries.number(day["actual"]), "money"),
        )
        for day in ([] if outlook.made.is_zero else outlook.days.to_dict("records"))
    ]
    return Table("Days ahead", columns, rows)


def run_rows(runs: pd.DataFrame) -> Table:
    columns = (
        "Made on",
        "Knew days through",
        "Method",
        "Made",
        "Next 30 days ($)",
        *LIMITS,
        "Came ($)",
        "Error (%)",
        "Coverage",
    )
    return Table("Forecasts", columns, [_run_cells(run) for run in runs.to_dict("records")])


def _run_cells(run: dict[Any, Any]) -> tuple[Cell, ...]:
    came = summaries.number(run["actual"])
    amounts = (run[name] for name in ("projected", "low_80", "high_80", "low_95", "high_95"))
    return (
        run["made_on"],
        run["data_through"],
        METHODS.get(run["methodology"], run["methodology"]),
        "afterwards" if was_made_afterwards(run["made_on"], run["made_at"]) else "then",
        *(Amount(amount, "money") for amount in amounts),
        Amount(came, "money"),
        Amount(summaries.growth(run["projected"], came), "percent"),
        covered(run, came),
    )
