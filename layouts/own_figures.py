"""Figures of a creator's own pages."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from aggregation.earnings import Line
from layouts import formats
from layouts.figures import Figure, literal
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

MONEY: dict[str, Any] = {"unit": "money"}


def month_name(month: date) -> str:
    """Oct 2026."""
    return f"{month:%b %Y}"


def _people_axis(largest: int) -> dict[str, Any]:
    """Whole numbers alone: there is no half a person."""
    few = {"dtick": 1, "range": [0, max(largest, 1) + 0.5]} if largest <= 5 else {}
    return axis(rangemode="tozero", tickformat=",.0f", **few)


def months(lines: Sequence[Line], rest: float | None) -> Figure:
    """Bars of what was earned and stayed, and of what was refunded; `rest`: to come in the last month."""
    # Short, so that they stand side by side on a phone.
    names = [f"{line.first:%b} ’{line.first:%y}" for line in lines]
    kept = [float(line.sums.kept) for line in lines]
    refunded = [float(line.sums.refunded) for line in lines]
    data = [_bars("Kept", names, kept, CYAN), _bars("Refunded since", names, refunded, CORAL)]
    if rest is not None:
        coming = _bars("Forecast", names[-1:], [rest], faint(VIOLET, 0.55))
        coming["marker"]["pattern"] = {"shape": "/"}
        data.insert(1, coming)
    largest = max((sum(parts) for parts in zip(kept, refunded, strict=True)), default=0.0) + (rest or 0.0)
    layout = chart_layout(
        barmode="stack",
        # Few months would make bars as wide as the chart.
        bargap=0.3 if len(names) > 4 else 0.6,
        meta={"rows": "Month"},
        xaxis=axis(showgrid=False, type="category", tickangle=0),
        yaxis=money_axis(largest),
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def _bars(name: str, x: Sequence[str], y: Sequence[float], colour: str) -> Figure:
    return {
        "type": "bar",
        "name": name,
        "x": list(x),
        "y": list(y),
        "marker": {"color": colour},
        "meta": MONEY,
        "hovertemplate": f"$%{{y:,.2f}}<extra>{name}</extra>",
    }


def by_spark(named: Sequence[tuple[str, Decimal]]) -> Figure:
    """One bar a name, from the top to the bottom."""
    amounts = [float(amount) for _, amount in named]
    whole = sum(amounts) or 1.0
    labels = [f"{literal(name)} · {formats.short(amount, 'money')}" for name, amount in named]
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "Earned",
        "x": amounts,
        "y": labels,
        "text": [f"{amount / whole:.1%}" for amount in amounts],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [SERIES[place % len(SERIES)] for place in range(len(amounts))]},
        "meta": MONEY,
        "hovertemplate": "%{y}: $%{x:,.2f}<extra></extra>",
    }
    layout = chart_layout(
        hovermode="closest",
        margin={"l": 8 + LABEL_WIDTH * max(map(len, labels), default=0), "r": 16, "t": 8, "b": 8},
        xaxis=axis(range=[0, max(amounts, default=0) * 1.25 or 1], visible=False),
        yaxis=axis(autorange="reversed", showgrid=False, tickvals=labels),
        # Few sparks would make bars as high as the chart.
        bargap=0.3 if len(labels) > 3 else 0.7,
        meta={"rows": "Spark"},
        showlegend=False,
    )
    return {"data": [bars], "layout": layout}


def ranges(names: Sequence[str], low: Sequence[float], mid: Sequence[float], high: Sequence[float]) -> Figure:
    """For each name the range in which it lies in 80 of 100 cases, and its middle."""
    limits = _bars("80 % band", names, [up - down for down, up in zip(low, high, strict=True)], VIOLET)
    limits |= {
        "base": list(low),
        "customdata": list(high),
        "width": 0.35,
        "marker": {"color": faint(VIOLET, 0.38)},
        "meta": MONEY | {"ends": ["low", "high"]},
        "hovertemplate": "$%{base:,.2f} to $%{customdata:,.2f}<extra>80 % band</extra>",
    }
    middle = {
        "type": "scatter",
        "mode": "markers",
        "name": "Forecast",
        "x": list(names),
        "y": list(mid),
        "marker": {"color": GREEN, "size": 12, "symbol": "diamond"},
        "meta": MONEY,
        "hovertemplate": "$%{y:,.2f}<extra>Forecast</extra>",
    }
    layout = chart_layout(
        barmode="overlay",
        meta={"rows": "Next 30 days"},
        xaxis=axis(showgrid=False, type="category", tickangle=0),
        yaxis=money_axis(max(high, default=0.0)),
        showlegend=True,
    )
    return {"data": [limits, middle], "layout": layout}


def cumulative_share(curve: Sequence[tuple[float, float]]) -> Figure:
    """Of the largest x % of supporters comes y % of what was given; dotted where all would give alike."""
    shares = [100 * of_supporters for of_supporters, _ in curve]
    given = {
        "type": "scatter",
        "mode": "lines",
        "name": "Your supporters",
        "x": shares,
        "y": [100 * of_amount for _, of_amount in curve],
        "line": {"color": CYAN, "width": 2.5},
        "fill": "tozeroy",
        "fillcolor": faint(CYAN, 0.12),
        "meta": {"unit": "percent"},
        "hovertemplate": "the largest %{x:.0f}% gave %{y:.1f}%<extra></extra>",
    }
    alike = {
        "type": "scatter",
        "mode": "lines",
        "name": "If all gave alike",
        "x": shares,
        "y": shares,
        "line": {"color": VIOLET, "width": 1.5, "dash": "dot"},
        "meta": {"unit": "percent"},
        "hoverinfo": "skip",
    }
    layout = chart_layout(
        hovermode="closest",
        meta={"rows": "Largest supporters (%)"},
        xaxis=axis(showgrid=False, ticksuffix="%", range=[0, 100]),
        yaxis=axis(ticksuffix="%", range=[0, 102]),
        showlegend=True,
    )
    return {"data": [given, alike], "layout": layout}


def strip(month: date, earned: Decimal, quartiles: Sequence[Decimal]) -> Figure:
    """One line from nothing on: the middle half of similar creators, their median, and who looks at it."""
    lower, median, upper = map(float, quartiles)
    row = [month_name(month)]
    half = {
        "type": "bar",
        "orientation": "h",
        "name": "The middle half",
        "x": [upper - lower],
        "y": row,
        "base": [lower],
        "customdata": [upper],
        "width": 0.35,
        "marker": {"color": faint(VIOLET, 0.38)},
        "meta": MONEY | {"ends": ["A quarter earned up to", "Three quarters earned up to"]},
        "hovertemplate": "$%{base:,.2f} to $%{customdata:,.2f}<extra>The middle half</extra>",
    }
    points = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [value],
            "y": row,
            "marker": marker,
            "meta": MONEY,
            "hovertemplate": f"$%{{x:,.2f}}<extra>{name}</extra>",
        }
        for name, value, marker in (
            ("Half earned up to", median, {"color": VIOLET, "size": 5, "symbol": "square"}),
            ("You", float(earned), {"color": GREEN, "size": 14, "symbol": "diamond"}),
        )
    ]
    most = max(upper, float(earned))
    layout = chart_layout(
        hovermode="closest",
        barmode="overlay",
        meta={"rows": "Month"},
        xaxis=money_axis(most, range=[-0.02 * most, 1.06 * most or 1.0]),
        yaxis=axis(showgrid=False, visible=False),
        margin=MARGIN | {"l": 16},
        showlegend=True,
    )
    return {"data": [half, *points], "layout": layout}


def new_and_returning(
    days: Sequence[date], new: Sequence[int], again: Sequence[int], names: tuple[str, str]
) -> Figure:
    """Stacked bars of the people of each day; `names` of the new ones and of the others."""
    shown = [day.isoformat() for day in days]
    data = [
        _bars(name, shown, values, colour) | {"meta": {"unit": "count"}, "hovertemplate": hover}
        for name, values, colour in ((names[1], again, CYAN), (names[0], new, GREEN))
        for hover in (f"%{{y:,.0f}}<extra>{name}</extra>",)
    ]
    ticks = {"tickvals": shown, "tickformat": "%a"} if len(shown) <= 8 else {"tickformat": "%-d %b"}
    layout = chart_layout(
        barmode="stack",
        meta={"rows": "Day"},
        xaxis=axis(showgrid=False, type="date", tickangle=0, hoverformat="%a %-d %b %Y", **ticks),
        yaxis=_people_axis(max(map(sum, zip(new, again, strict=True)), default=0)),
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}
