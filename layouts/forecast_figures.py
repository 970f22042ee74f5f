"""Forecasts → plotly figures: bands, and what they are compared with."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from aggregation.metrics import PLATFORM_GIFT_REVENUE, Metric
from layouts.figures import Figure, all_values, day_axis, days, drawn, line, value_axis
from layouts.theme import CORAL, CYAN, VIOLET, axis, chart_layout, faint

# How strongly bands are filled, by their coverage in percent.
_FILLS = {80: 0.22, 95: 0.12}
_GROUP = "forecast"


def forecast_traces(forecast: pd.DataFrame, nominals: Sequence[int] = (80,)) -> list[Figure]:
    """A band for each coverage, widest first, and the line of what is projected; one entry in the legend.

    `forecast` has date, projected, and low_… and high_… of each of the `nominals`.
    """
    traces = [trace for nominal in sorted(nominals, reverse=True) for trace in _band(forecast, nominal)]
    bands = " and ".join(f"{nominal} %" for nominal in sorted(nominals))
    projected = _line(forecast, "projected", "Forecast", {"color": VIOLET, "width": 2.5, "dash": "dot"})
    name = f"Forecast, {bands} band" if nominals else "Forecast"
    return [*traces, projected | {"name": name, "legendgroup": _GROUP}]


def _band(forecast: pd.DataFrame, nominal: int) -> list[Figure]:
    """Its lower edge, and its upper one, filled down to the other."""
    plain = {"legendgroup": _GROUP, "showlegend": False}
    low, high = (
        _line(forecast, f"{side}_{nominal}", f"{nominal} % {word}", {"color": VIOLET, "width": 0}) | plain
        for side, word in (("low", "from"), ("high", "to"))
    )
    return [low, high | {"fill": "tonexty", "fillcolor": faint(VIOLET, _FILLS[nominal])}]


def _line(frame: pd.DataFrame, column: str, name: str, look: dict[str, Any]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": days(frame),
        "y": drawn(frame[column]),
        "line": look,
        "meta": {"unit": "money"},
        "hovertemplate": f"$%{{y:,.2f}}<extra>{name}</extra>",
    }


def with_forecast(
    figure: Figure, actual: pd.DataFrame, forecast: pd.DataFrame | None, metric: Metric
) -> Figure:
    """A trend, and behind its last day what is expected of the next ones."""
    if forecast is None:
        return figure
    return _over_days([*figure["data"], *forecast_traces(forecast)], actual, forecast, metric)


def fan(
    actual: pd.DataFrame,
    forecast: pd.DataFrame,
    baseline: pd.DataFrame,
    metric: Metric,
    nominals: Sequence[int] = (80, 95),
) -> Figure:
    """What came, what is projected with its bands, and the straight line it is compared with."""
    straight = _line(baseline, "projected", "Straight line", {"color": CORAL, "width": 1.5, "dash": "dash"})
    data = [line(actual, metric, CYAN), *forecast_traces(forecast, nominals), straight]
    return _over_days(data, actual, forecast, metric)


def _over_days(data: list[Figure], first: pd.DataFrame, then: pd.DataFrame, metric: Metric) -> Figure:
    both = pd.concat([first[["date"]], then[["date"]]]).drop_duplicates().sort_values("date")
    layout = chart_layout(
        yaxis=value_axis(metric, all_values(data)),
        xaxis=day_axis(both),
        meta={"rows": "Day"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def components(weekdays: pd.DataFrame, level: float) -> Figure:
    """Of each weekday (`weekday`, `projected`, `recent`) the projected day beside the recent one."""
    names = list(weekdays["weekday"])
    bars = {
        "type": "bar",
        "name": "Forecast",
        "x": names,
        "y": drawn(weekdays["projected"]),
        "width": 0.6,
        "marker": {"color": VIOLET},
    }
    recent = {
        "type": "scatter",
        "mode": "markers",
        "name": "Last 8 weeks",
        "x": names,
        "y": drawn(weekdays["recent"]),
        "marker": {"color": CYAN, "size": 9, "symbol": "diamond"},
    }
    mean = {
        "type": "scatter",
        "mode": "lines",
        "name": "Level",
        "x": names,
        "y": [level] * len(names),
        "line": {"color": CORAL, "width": 1.5, "dash": "dash"},
    }
    data = [
        trace | {"meta": {"unit": "money"}, "hovertemplate": f"$%{{y:,.2f}}<extra>{trace['name']}</extra>"}
        for trace in (bars, recent, mean)
    ]
    layout = chart_layout(
        xaxis=axis(showgrid=False, type="category", tickangle=0, tickvals=names),
        yaxis=value_axis(PLATFORM_GIFT_REVENUE, all_values(data)),
        meta={"rows": "Weekday"},
        showlegend=True,
    )
    return {"data": data, "layout": layout}
