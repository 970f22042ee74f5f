"""Lifecycle, frequency and retention → plotly figures."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from aggregation import metrics
from aggregation.metrics import Metric
from layouts.figures import Figure, all_values, day_axis, drawn, value_axis
from layouts.theme import CORAL, CYAN, GREEN, VIOLET, axis, chart_layout, faint

_COUNT = "%{customdata:,.0f}"
# Of the stretches below the bars.
MOST_NAMED = 5
_DAYS = "Days after signing up"


def lifecycle(frame: pd.DataFrame) -> Figure:
    """Bars over stretches of days, which `frame` names in words (`days`) and by their `first` day.

    Above zero who was active, by where they come from; below it who was not any more.
    """
    kinds = (
        (metrics.RETURNING, CYAN, 1),
        (metrics.NEW_ACTIVE, GREEN, 1),
        (metrics.RESURRECTED, VIOLET, 1),
        (metrics.DORMANT, CORAL, -1),
    )
    data = [_lifecycle_bars(frame, metric, colour, sign) for metric, colour, sign in kinds]
    # By their first days alone, and few of them, as there is no more room on a phone.
    named = frame.iloc[:: -(-len(frame) // MOST_NAMED)]
    layout = chart_layout(
        barmode="relative",
        bargap=0.15,
        meta={"rows": "Days"},
        xaxis=axis(
            showgrid=False,
            type="category",
            tickangle=0,
            tickvals=list(named["days"]),
            ticktext=[f"{day.day} {day:%b}" for day in named["first"]],
        ),
        yaxis=value_axis(metrics.NEW_ACTIVE, all_values(data), zeroline=True, rangemode="normal"),
        legend=chart_layout()["legend"] | {"traceorder": "normal"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def _lifecycle_bars(frame: pd.DataFrame, metric: Metric, colour: str, sign: int) -> Figure:
    values = drawn(frame[metric.name])
    return {
        "type": "bar",
        "name": metric.label,
        "x": list(frame["days"]),
        "y": [None if value is None else sign * value for value in values],
        "customdata": values,
        "marker": {"color": colour},
        "meta": {"unit": "count"},
        "hovertemplate": f"{_COUNT}<extra>{metric.label}</extra>",
    }


def reach(frame: pd.DataFrame) -> Figure:
    """Users of a day, of 7 and of 28 days."""
    data = [
        _line([day.isoformat() for day in frame["date"]], drawn(frame[metric.name]), metric.label, colour)
        | {"meta": {"unit": "count"}, "hovertemplate": f"%{{y:,.0f}}<extra>{metric.label}</extra>"}
        for metric, colour in ((metrics.DAU, CYAN), (metrics.WAU, GREEN), (metrics.MAU, VIOLET))
    ]
    layout = chart_layout(
        xaxis=day_axis(frame),
        yaxis=value_axis(metrics.DAU, all_values(data)),
        meta={"rows": "Day"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def shares(labels: Sequence[str], counts: Sequence[int], name: str, rows: str, colour: str) -> Figure:
    """Bars of counts; hover also says which part of all it is."""
    whole = sum(counts) or 1
    values = drawn(counts)
    bars = {
        "type": "bar",
        "name": name,
        "x": list(labels),
        "y": values,
        "customdata": [f"{count / whole:.1%}" for count in counts],
        "marker": {"color": colour},
        "meta": {"unit": "count"},
        "hovertemplate": f"%{{y:,.0f}} (%{{customdata}})<extra>{name}</extra>",
    }
    layout = chart_layout(
        bargap=0.2,
        meta={"rows": rows},
        # Turned where they would lie on each other, as on a phone.
        xaxis=axis(showgrid=False, type="category", nticks=10, automargin="height"),
        yaxis=value_axis(metrics.DAU, values),
        showlegend=False,
    )
    return {"data": [bars], "layout": layout}


def curve(points: pd.DataFrame, before: pd.DataFrame | None) -> Figure:
    """Percent over ages, within its band; `points` has age, share, low, high, told (all in percent)."""
    edge = {"width": 0, "color": CYAN}
    low = _line(points["age"], drawn(points["low"]), "95 % from", CYAN) | {"line": edge, "showlegend": False}
    high = _line(points["age"], drawn(points["high"]), "95 % to", CYAN) | {
        "line": edge,
        "showlegend": False,
        "fill": "tonexty",
        "fillcolor": faint(CYAN, 0.2),
    }
    data = [low, high, _line(points["age"], drawn(points["share"]), "This period", CYAN)]
    if before is not None:
        dashed = {"line": {"color": CYAN, "width": 1.5, "dash": "dash"}, "opacity": 0.65}
        data.append(_line(before["age"], drawn(before["share"]), "Compared", CYAN) | dashed)
    for trace in data:
        trace |= {"meta": {"unit": "percent"}, "hovertemplate": f"%{{y:.2f}}%<extra>{trace['name']}</extra>"}
    return _over_ages(data, value_axis(metrics.DAY_1, all_values(data)), _DAYS)


def value(points: pd.DataFrame) -> Figure:
    """Money per sign-up over ages."""
    name = metrics.SIGNUP_VALUE.label
    trace = _line(points["age"], drawn(points["value"]), name, GREEN) | {
        "fill": "tozeroy",
        "fillcolor": faint(GREEN, 0.12),
        "meta": {"unit": "money"},
        "hovertemplate": f"$%{{y:,.2f}}<extra>{name}</extra>",
    }
    return _over_ages([trace], value_axis(metrics.SIGNUP_VALUE, trace["y"]), _DAYS)


def payers(points: pd.DataFrame) -> Figure:
    """GRR and NRR (percent) over months."""
    data = [
        _line(points["month"], drawn(points[metric.name]), metric.label, colour)
        | {
            "mode": "lines+markers",
            "meta": {"unit": "percent"},
            "hovertemplate": f"%{{y:.1f}}%<extra>{metric.label}</extra>",
        }
        for metric, colour in ((metrics.GRR, CYAN), (metrics.NRR, GREEN))
    ]
    rows = "Months after the first gift"
    return _over_ages(data, value_axis(metrics.GRR, all_values(data)), rows)


def _line(x: Any, y: list[float | None], name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines" if len(y) > 2 else "lines+markers",
        "name": name,
        "x": list(x),
        "y": y,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 6},
    }


def _over_ages(data: list[Figure], yaxis: dict[str, Any], rows: str) -> Figure:
    layout = chart_layout(
        xaxis=axis(showgrid=False, tickangle=0, nticks=10, tickformat=",d"),
        yaxis=yaxis,
        meta={"rows": rows},
        showlegend=len(data) > 1,
    )
    return {"data": data, "layout": layout}
