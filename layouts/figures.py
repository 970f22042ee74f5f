"""Frames → plotly figures, as plain dicts. Money becomes float here, where it is drawn."""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from aggregation import summaries
from aggregation.metrics import PLATFORM_GIFT_REVENUE, Metric
from layouts import formats
from layouts.theme import (
    CORAL,
    CYAN,
    GREEN,
    LABEL_WIDTH,
    MARGIN,
    SERIES,
    VIOLET,
    axis,
    chart_layout,
    faint,
    money_axis,
)

Figure = dict[str, Any]

# Where there is nothing to draw.
BLANK: Figure = {"data": [], "layout": {}}

_HOVER = {"money": "$,.2f", "count": ",.0f", "percent": ".2f"}
# What the rows of a chart's table are.
_DAYS = {"rows": "Day"}

LONGEST_NAME = 20
# They would turn the direction of what stands beside them.
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def pickable(figure: Figure, part: str, keys: Sequence[str] = (), chosen: str = "") -> Figure:
    """The figure, whose points narrow the page by `part` of the address when they are clicked.

    `keys`: what a point stands for, in their order, where that isn't its place on the axis of days. `chosen`
    is marked; clicked again it is let go.
    """
    meta = figure["layout"].get("meta", {}) | {"part": part, **({"keys": list(keys)} if keys else {})}
    layout = figure["layout"] | {"meta": meta}
    if chosen and not keys:
        layout["shapes"] = [_mark(chosen)]
    elif chosen in keys:
        at = list(keys).index(chosen)
        bars = figure["data"][0]
        marker = bars["marker"] | {"opacity": [1 if index == at else 0.35 for index in range(len(keys))]}
        return {"data": [bars | {"marker": marker}, *figure["data"][1:]], "layout": layout}
    return figure | {"layout": layout}


def leading(figure: Figure, links: Sequence[str]) -> Figure:
    """The figure, whose points lead to these addresses when they are clicked; an empty one to nowhere.

    For those who don't click in charts, the same links have to stand in a table.
    """
    meta = figure["layout"].get("meta", {}) | {"links": list(links)}
    return figure | {"layout": figure["layout"] | {"meta": meta}}


def _mark(day: str) -> dict[str, Any]:
    line = {"color": CORAL, "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": day, "x1": day, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def literal(name: str) -> str:
    """A name as a chart takes it: plotly reads HTML in every text, and has no end of room.

    The table of a chart (page.js) undoes the escapes.
    """
    shown = _DIRECTIONS.sub("", name)
    if len(shown) > LONGEST_NAME:
        shown = f"{shown[: LONGEST_NAME - 1]}…"
    escaped = html.escape(shown, quote=False)
    return escaped if escaped.isascii() else f"\u2068{escaped}\u2069"


def drawn(values: Iterable[Any]) -> list[float | None]:
    """Values as a chart takes them; missing ones stay gaps."""
    return [None if value is None or pd.isna(value) else float(value) for value in values]


def days(frame: pd.DataFrame) -> list[str]:
    return [day.isoformat() for day in frame["date"]]


def hover(metric: Metric, name: str | None = None) -> str:
    return f"{_hover_value(metric)}<extra>{name or metric.label}</extra>"


def _hover_value(metric: Metric) -> str:
    return f"%{{y:{_HOVER[metric.unit]}}}{'%' if metric.unit == 'percent' else ''}"


def value_axis(metric: Metric, values: Iterable[float | None], **changes: Any) -> dict[str, Any]:
    """An axis from 0; in k and M from a thousand on (below it d3 would write 0.8 as 800m)."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    if metric.unit == "money":
        return money_axis(largest, **changes)
    affix = {"ticksuffix": "%"} if metric.unit == "percent" else {}
    tickformat = "~s" if largest >= 1000 else ",.2~f"
    return axis(**{"rangemode": "tozero", "tickformat": tickformat, **affix, **changes})


def _points_or_line(frame: pd.DataFrame) -> str:
    """A single day is a point: a line of one point would be invisible."""
    return "lines+markers" if len(frame) <= 2 else "lines"


def line(frame: pd.DataFrame, metric: Metric, colour: str, *, filled: bool = False, **changes: Any) -> Figure:
    return {
        "type": "scatter",
        "mode": _points_or_line(frame),
        "name": metric.label,
        "x": days(frame),
        "y": drawn(frame[metric.name]),
        # a year of days would run together in thick lines
        "line": {"color": colour, "width": 2.5 if len(frame) <= 120 else 1.5},
        "marker": {"color": colour, "size": 7},
        "meta": {"unit": metric.unit},
        "hovertemplate": hover(metric),
        **({"fill": "tozeroy", "fillcolor": faint(colour, 0.12)} if filled else {}),
        **changes,
    }


def earlier_line(frame: pd.DataFrame, before: pd.DataFrame, metric: Metric, colour: str) -> Figure:
    """The compared period, dashed, day by day under the shown one; hover says its own date."""
    name = f"{metric.label}, compared"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": days(frame),
        "y": drawn(before[metric.name]),
        "customdata": [formats.day(day) for day in before["date"]],
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
        "opacity": 0.65,
        "meta": {"unit": metric.unit},
        "hovertemplate": f"{_hover_value(metric)} on %{{customdata}}<extra>{name}</extra>",
    }


def trend(
    frame: pd.DataFrame, before: pd.DataFrame | None, metrics: Sequence[Metric], colours: Sequence[str]
) -> Figure:
    """Lines over days, the first one filled; of it also the compared period where there is one."""
    data = [
        line(frame, metric, colour, filled=index == 0)
        for index, (metric, colour) in enumerate(zip(metrics, colours, strict=True))
    ]
    if before is not None and len(before) == len(frame) and before[metrics[0].name].notna().any():
        data.append(earlier_line(frame, before, metrics[0], colours[0]))
    layout = chart_layout(
        yaxis=value_axis(metrics[0], all_values(data)),
        xaxis=day_axis(frame),
        meta=_DAYS,
        showlegend=len(data) > 1,
    )
    return {"data": data, "layout": layout}


def revenue_trend(frame: pd.DataFrame, before: pd.DataFrame | None, metrics: Sequence[Metric]) -> Figure:
    return trend(frame, before, metrics, (CYAN, GREEN)[: len(metrics)])


def rate(frame: pd.DataFrame, before: pd.DataFrame | None, metric: Metric) -> Figure:
    return trend(frame, before, (metric,), (VIOLET,))


def user_growth(frame: pd.DataFrame, active: Metric, new: Metric, everyone: Metric) -> Figure:
    """Active and new on the left axis; the total, far larger, on its own at the right."""
    data = [
        {
            "type": "bar",
            "name": new.label,
            "x": days(frame),
            "y": drawn(frame[new.name]),
            "marker": {"color": VIOLET},
            "meta": {"unit": new.unit},
            "hovertemplate": hover(new),
        },
        line(frame, active, CYAN),
        line(
            frame,
            everyone,
            GREEN,
            yaxis="y2",
            name=f"{everyone.label} (right)",
            line={"color": GREEN, "width": 2, "dash": "dot"},
            hovertemplate=hover(everyone),
        ),
    ]
    right = value_axis(
        everyone,
        data[2]["y"],
        overlaying="y",
        side="right",
        showgrid=False,
        rangemode="normal",
        tickmode="auto",
        nticks=5,
    )
    return {
        "data": data,
        "layout": chart_layout(
            xaxis=day_axis(frame),
            yaxis=value_axis(active, all_values(data[:2])),
            yaxis2=right,
            margin=MARGIN | {"r": 48},
            meta=_DAYS,
            showlegend=True,
        ),
    }


def sources(frame: pd.DataFrame, names: Sequence[str]) -> Figure:
    """One bar a source, largest at the top, with its share of the whole."""
    amounts = [amount or 0.0 for amount in drawn(frame["amount"])]
    whole = sum(amounts) or 1.0
    amounts_short = [formats.short(summaries.number(amount), "money") for amount in frame["amount"]]
    labels = [f"{literal(name)} · {amount}" for name, amount in zip(names, amounts_short, strict=True)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "Revenue",
        "x": amounts,
        "y": labels,
        "text": [f"{amount / whole:.1%}" for amount in amounts],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [SERIES[index % len(SERIES)] for index in range(len(amounts))]},
        "meta": {"unit": "money"},
        "hovertemplate": "%{y}: $%{x:,.2f}<extra></extra>",
    }
    layout = chart_layout(
        hovermode="closest",
        margin={"l": 8 + LABEL_WIDTH * max(map(len, labels), default=0), "r": 16, "t": 8, "b": 8},
        # room for the label behind the longest bar
        xaxis=axis(range=[0, max(amounts, default=0) * 1.25 or 1], visible=False),
        yaxis=axis(autorange="reversed", showgrid=False),
        bargap=0.35,
        meta={"rows": "Source"},
        showlegend=False,
    )
    return {"data": [bars], "layout": layout}


def stacked_bars(frame: pd.DataFrame, metrics: Sequence[Metric], colours: Sequence[str]) -> Figure:
    data = [
        {
            "type": "bar",
            "name": metric.label,
            "x": days(frame),
            "y": drawn(frame[metric.name]),
            "marker": {"color": colour},
            "meta": {"unit": metric.unit},
            "hovertemplate": hover(metric),
        }
        for metric, colour in zip(metrics, colours, strict=True)
    ]
    layout = chart_layout(
        barmode="stack",
        meta=_DAYS,
        xaxis=day_axis(frame),
        yaxis=value_axis(metrics[0], all_values(data)),
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def reactions(frame: pd.DataFrame, metrics: Sequence[Metric]) -> Figure:
    return stacked_bars(frame, metrics, (CORAL, CYAN, VIOLET))


def today_by_hour(today: pd.DataFrame, usual: pd.DataFrame, running_hour: int) -> Figure:
    """Bars of the running day, hatched in the hour that is still running, on the usual band."""
    hours = [f"{hour:02}:00" for hour in range(24)]
    by_hour = {
        int(hour): float(revenue) for hour, revenue in zip(today["hour"], today["revenue"], strict=True)
    }
    values = [by_hour.get(hour, 0.0) if hour <= running_hour else None for hour in range(24)]
    patterns = ["/" if hour == running_hour else "" for hour in range(24)]
    bars = {
        "type": "bar",
        "name": "Today so far",
        "x": hours,
        "y": values,
        "width": 0.6,
        "marker": {"color": CYAN, "pattern": {"shape": patterns}},
        "meta": {"unit": "money"},
        "hovertemplate": "$%{y:,.2f}<extra>Today so far</extra>",
    }
    data = [*_band(hours, usual), bars]
    layout = chart_layout(
        barmode="overlay",
        # live: the page draws it again while it stays open
        meta={"rows": "Hour (UTC)", "live": True},
        xaxis=axis(showgrid=False, type="category", tickvals=hours[4::4], tickangle=0),
        yaxis=value_axis(PLATFORM_GIFT_REVENUE, all_values(data)),
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def _band(hours: list[str], usual: pd.DataFrame) -> list[Figure]:
    """For each hour a bar from the lower to the upper quartile."""
    if usual.empty:
        return []
    bars = {
        "type": "bar",
        "name": "Usual for this weekday",
        "x": hours,
        "base": drawn(usual["low"]),
        "y": drawn(usual["high"] - usual["low"]),
        "customdata": drawn(usual["high"]),
        "width": 0.96,
        "marker": {"color": faint(VIOLET, 0.38)},
        "meta": {"unit": "money"},
        "hovertemplate": "$%{base:,.2f} to $%{customdata:,.2f}<extra>Usual for this weekday</extra>",
    }
    return [bars]


def all_values(traces: Sequence[Figure]) -> list[float | None]:
    return [value for trace in traces for value in trace["y"]]


def day_axis(frame: pd.DataFrame) -> dict[str, Any]:
    """Whole days: half a day of room at both ends keeps the outer labels whole, and few days all get one."""
    shown = days(frame)
    reach: dict[str, Any] = {}
    if shown:
        before = frame["date"].iloc[0] - timedelta(days=1)
        reach = {"range": [f"{before.isoformat()} 12:00", f"{shown[-1]} 12:00"]}
    # A week's days go by their names: those fit on a phone.
    ticks = {"tickvals": shown, "tickformat": "%a"} if len(shown) <= 8 else {"tickformat": "%-d %b"}
    return axis(
        showgrid=False,
        type="date",
        tickangle=0,
        hoverformat="%a %-d %b %Y",
        spikedash="solid",
        **reach,
        **ticks,
    )
