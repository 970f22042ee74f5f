"""Figures of all creators next to each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from aggregation.concentration import Concentration
from layouts.figures import Figure, literal
from layouts.theme import CYAN, VIOLET, axis, chart_layout, faint

PERCENT = list(range(101))


@dataclass(frozen=True)
class Point:
    name: str
    views: int
    rpm: float
    earnings: str


def lorenz(now: Concentration, before: Concentration | None) -> Figure:
    """Earners, from the least earnings on, against what they earned together."""
    data = [
        _curve("Earnings", now, {"color": CYAN, "width": 2.5}, fill="tozeroy", fillcolor=faint(CYAN, 0.12))
    ]
    if before is not None and before.curve:
        data.append(_curve("Earnings, compared", before, {"color": CYAN, "width": 1.5, "dash": "dash"}))
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "If all earned the same",
            "x": PERCENT,
            "y": PERCENT,
            "line": {"color": VIOLET, "width": 1.5, "dash": "dot"},
            "meta": {"unit": "percent"},
            "hoverinfo": "skip",
        }
    )
    percent = {"range": [0, 100], "ticksuffix": "%", "dtick": 25}
    layout = chart_layout(
        xaxis=axis(showgrid=False, **percent),
        yaxis=axis(**percent),
        meta={"rows": "Creators, from the least earnings on (%)"},
        hovermode="closest",
        showlegend=True,
    )
    return {"data": data, "layout": layout}


def _curve(name: str, spread: Concentration, line: dict[str, object], **more: object) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": PERCENT,
        "y": [round(float(share), 4) for share in spread.curve],
        "line": line,
        "meta": {"unit": "percent"},
        "hovertemplate": "The %{x:.0f}% who earned least earned %{y:.2f}%<extra></extra>",
        **more,
    }


def views_rpm(points: Sequence[Point], rows: str) -> Figure:
    """A point each, both axes in powers of ten. `rows`: what they are."""
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": "RPM",
        "x": [point.views for point in points],
        "y": [point.rpm for point in points],
        "customdata": [[literal(point.name), point.earnings] for point in points],
        "marker": {"color": faint(CYAN, 0.6), "size": 8, "line": {"color": CYAN, "width": 1}},
        # A table of it has a row a point, by these names.
        "meta": {"unit": "money", "across": "Views", "names": [literal(point.name) for point in points]},
        "hovertemplate": "%{customdata[0]}<br>%{x:,.0f} views, RPM $%{y:,.2f}<br>"
        "earned %{customdata[1]}<extra></extra>",
    }
    powers = {"type": "log", "tickformat": "~s", "dtick": 1}
    layout = chart_layout(
        xaxis=axis(title={"text": "Views", "standoff": 4}, **powers),
        yaxis=axis(title={"text": "RPM", "standoff": 4}, tickprefix="$", **powers),
        margin={"l": 64, "r": 12, "t": 12, "b": 44},
        meta={"rows": rows},
        hovermode="closest",
        showlegend=False,
    )
    return {"data": [dots], "layout": layout}
