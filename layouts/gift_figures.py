"""Revenue and gifts → plotly figures and heat maps."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from aggregation import summaries
from aggregation.days import week_begin, weekdays_from
from aggregation.explanations import Explanation
from aggregation.metrics import PLATFORM_GIFT_REVENUE, Metric
from aggregation.periods import Period
from aggregation.summaries import Number
from layouts import formats
from layouts.figures import Figure, all_values, day_axis, days, drawn, literal, sources, value_axis
from layouts.heat_maps import Cell, Row
from layouts.theme import CORAL, CYAN, GREEN, LABEL_WIDTH, SERIES, VIOLET, axis, chart_layout, money_axis

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Of charts with a dozen named rows; the style sheet knows it, too.
TALL = 400
# A waterfall whose steps take less of the whole is drawn from somewhat below them, not from 0.
LEAST_STEPS = 0.25


# ---- over days ----


def stacked(frame: pd.DataFrame, names: Mapping[str, str], *, share: bool) -> Figure:
    """Bars of each day, a colour a column of `frame`; `share`: of the day's sum, in percent."""
    unit = "percent" if share else "money"
    hover = "%{y:.1f}%" if share else "$%{y:,.2f}"
    data = [
        {
            "type": "bar",
            "name": literal(names[column]),
            "x": days(frame),
            "y": drawn(frame[column]),
            "marker": {"color": SERIES[index % len(SERIES)]},
            "meta": {"unit": unit},
            "hovertemplate": f"{hover}<extra>{literal(names[column])}</extra>",
        }
        for index, column in enumerate(names)
    ]
    whole = [sum(value or 0.0 for value in row) for row in zip(*(trace["y"] for trace in data), strict=True)]
    yaxis = axis(range=[0, 100], ticksuffix="%") if share else value_axis(PLATFORM_GIFT_REVENUE, whole)
    layout = chart_layout(
        barmode="stack",
        meta={"rows": "Day"},
        xaxis=day_axis(frame),
        yaxis=yaxis,
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def in_percent(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Each day's values as parts of their sum; nothing where that is 0 or not known."""
    rows = []
    for row in frame.to_dict("records"):
        values = [summaries.number(row[column]) for column in columns]
        known = [value for value in values if value is not None]
        whole = sum(known[1:], start=known[0]) if known and len(known) == len(values) else None
        parts = (summaries.ratio(value, whole, 100) for value in values)
        rows.append({"date": row["date"], **dict(zip(columns, parts, strict=True))})
    return pd.DataFrame(rows, columns=["date", *columns], dtype=object)


def lines(frame: pd.DataFrame, names: Mapping[Any, str]) -> Figure:
    """A line a column of `frame`, over days."""
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers" if len(frame) <= 2 else "lines",
            "name": label,
            "x": days(frame),
            "y": drawn(frame[column]),
            "line": {
                "color": SERIES[index % len(SERIES)],
                "width": 2 if len(frame) <= 120 else 1.5,
                "dash": ("solid", "dash", "dot", "dashdot", "longdash")[index // len(SERIES)],
            },
            "meta": {"unit": "money"},
            "hovertemplate": f"$%{{y:,.2f}}<extra>{label}</extra>",
        }
        for index, (column, label) in enumerate(unlike(names).items())
    ]
    layout = chart_layout(
        meta={"rows": "Day"},
        xaxis=day_axis(frame),
        yaxis=value_axis(PLATFORM_GIFT_REVENUE, all_values(data)),
        showlegend=True,
    )
    return {"data": data, "layout": layout}


# ---- parts of a whole ----


def ranking(names: Sequence[str], values: Sequence[Number]) -> Figure:
    """A bar a spark, with its part of the whole."""
    figure = sources(pd.DataFrame({"amount": list(values)}, dtype=object), names)
    labels = unlike(dict(enumerate(names))).values()
    figure["data"][0]["y"] = [
        f"{label} · {formats.short(value, 'money')}" for label, value in zip(labels, values, strict=True)
    ]
    figure["data"][0]["marker"] = {"color": CYAN}
    figure["layout"]["yaxis"] |= {"nticks": 2 * len(names)}
    figure["layout"] |= {"height": TALL, "meta": {"rows": "Spark"}}
    return figure


def two_shares(labels: Sequence[str], counts: Sequence[Number], values: Sequence[Number]) -> Figure:
    """Beside each other, of each spark: its part of all gifts, and of their value."""
    names = list(unlike(dict(enumerate(labels))).values())
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": _percentages(amounts),
            "y": names,
            "marker": {"color": colour},
            "meta": {"unit": "percent"},
            "hovertemplate": f"%{{y}}: %{{x:.1f}}%<extra>{name}</extra>",
        }
        for name, amounts, colour in (("of all gifts", counts, VIOLET), ("of their value", values, CYAN))
    ]
    layout = chart_layout(
        barmode="group",
        hovermode="closest",
        height=TALL,
        margin={"l": _room(names), "r": 16, "t": 36, "b": 28},
        xaxis=axis(rangemode="tozero", ticksuffix="%"),
        yaxis=axis(autorange="reversed", showgrid=False, nticks=2 * len(labels)),
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        meta={"rows": "Spark"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def _percentages(amounts: Sequence[Number]) -> list[float]:
    whole = sum(map(Decimal, amounts)) or Decimal(1)
    return [float(Decimal(amount) * 100 / whole) for amount in amounts]


# ---- why it changed ----


def waterfall(explained: Explanation, labels: Sequence[str]) -> Figure:
    """From what it was, part by part, to what it is; `labels` are those of the parts."""
    names = list(unlike(dict(enumerate(("Before", *labels, "Now")))).values())
    steps = [float(part.change) for part in explained.parts]
    starts = [float(explained.before)]
    for step in steps:
        starts.append(starts[-1] + step)
    amounts = [float(explained.before), *steps, float(explained.now)]
    # Those that fall are drawn from left to right, too: their amount stands at the right, with room.
    bases = [0.0, *map(min, starts[:-1], starts[1:]), 0.0]
    texts = [
        formats.short(explained.before, "money"),
        *(signed(part.change) for part in explained.parts),
        formats.short(explained.now, "money"),
    ]
    colours = [CYAN, *(GREEN if step >= 0 else CORAL for step in steps), CYAN]
    low, high = axis_range([*starts, float(explained.now)])
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "Sum, or what it adds",
        "y": names,
        "x": [abs(amount) for amount in amounts],
        "base": bases,
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": colours},
        # A table of it has these.
        "meta": {"unit": "money", "cells": amounts},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    layout = chart_layout(
        hovermode="closest",
        height=TALL,
        margin={"l": _room(names), "r": 64, "t": 8, "b": 28},
        xaxis=money_axis(max(high, -low), range=[low, high], nticks=4),
        yaxis=axis(autorange="reversed", showgrid=False, nticks=2 * len(names)),
        bargap=0.3,
        meta={"rows": "Part"},
        showlegend=False,
    )
    return {"data": [bars], "layout": layout}


def axis_range(levels: Sequence[float]) -> tuple[float, float]:
    """From 0, unless the steps would be too small to see."""
    low, high = min(levels), max(levels)
    room = (high - low) * 0.12
    if low > 0 and high - low < LEAST_STEPS * high:
        return low - 4 * room if room else 0.0, high + 2 * room
    return min(0.0, low - room), max(high + room, 1.0)


def begins_at_zero(explained: Explanation) -> bool:
    levels = [float(explained.before)]
    for part in explained.parts:
        levels.append(levels[-1] + float(part.change))
    return axis_range(levels)[0] <= 0


def signed(amount: Decimal) -> str:
    """+$1.2k, −$3.40, $0.00."""
    return f"+{formats.short(amount, 'money')}" if amount > 0 else formats.short(amount, "money")


# ---- heat maps ----


def calendar(
    values: Mapping[date, Number | None], metric: Metric, period: Period, week_start: int = 0
) -> tuple[list[str], list[Row]]:
    """Weeks beside each other, a row a weekday; blank outside the period and where nothing is known."""
    begin = week_begin(period.first, week_start)
    weeks = [begin + timedelta(weeks=n) for n in range((period.last - begin).days // 7 + 1)]
    most = max((value for value in values.values() if value), default=0)
    rows = [
        Row(
            WEEKDAYS[weekday],
            [_day_cell(week + timedelta(days=number), values, metric, most) for week in weeks],
        )
        for number, weekday in enumerate(weekdays_from(week_start))
    ]
    return ["Week", *(_week_head(week, weeks) for week in weeks)], rows


def _week_head(week: date, weeks: Sequence[date]) -> str:
    """Its first day; of many weeks only the months' first ones are named."""
    if len(weeks) <= 6:
        return f"{week.day} {week:%b}"
    return f"{week:%b}" if week.day <= 7 else ""


def _day_cell(day: date, values: Mapping[date, Number | None], metric: Metric, most: Number) -> Cell | None:
    value = values.get(day)
    if value is None:
        return None
    told = f"{day:%a} {formats.day(day)}: {formats.exact(value, metric.unit)}"
    return Cell(float(value / most) if most else 0.0, formats.short(value, metric.unit), told)


def week_of_hours(
    hours: pd.DataFrame, occurrences: Sequence[int], week_start: int = 0
) -> tuple[list[str], list[Row]]:
    """Value of each hour of the week, divided by how often that hour came. Blank: it never came."""
    sums = {(row["weekday"], row["hour"]): row["value"] for row in hours.to_dict("records")}
    means = {
        (weekday, hour): Decimal(sums.get((weekday, hour), 0)) / times
        for weekday, times in enumerate(occurrences)
        for hour in range(24)
        if times
    }
    most = max(means.values(), default=Decimal(0))
    rows = [
        Row(
            WEEKDAYS[weekday],
            [_hour_cell(means.get((weekday, hour)), most, WEEKDAYS[weekday], hour) for hour in range(24)],
        )
        for weekday in weekdays_from(week_start)
    ]
    return ["UTC", *(f"{hour:02}" if hour % 3 == 0 else "" for hour in range(24))], rows


def _hour_cell(mean: Decimal | None, most: Decimal, weekday: str, hour: int) -> Cell | None:
    if mean is None:
        return None
    amount = formats.exact(mean, "money")
    return Cell(
        float(mean / most) if most else 0.0, amount, f"{weekday} {hour:02}:00 UTC: {amount} on average"
    )


# ---- pieces ----


def unlike(names: Mapping[Any, str]) -> dict[Any, str]:
    """As a chart takes them; two of one name would be one bar, so they get their numbers."""
    shown = {key: literal(name) for key, name in names.items()}
    alike = {name for name in shown.values() if list(shown.values()).count(name) > 1}
    return {
        key: f"{name} ({place})" if name in alike else name
        for place, (key, name) in enumerate(shown.items(), 1)
    }


def _room(labels: Sequence[str]) -> float:
    return 12 + LABEL_WIDTH * max(map(len, labels), default=0)
