"""Figures of the Operations page."""

from collections.abc import Mapping
from datetime import date

from aggregation.periods import Period
from layouts.figures import Figure
from layouts.theme import CYAN, axis, chart_layout


def durations(period: Period, seconds: Mapping[date, Mapping[str, float]]) -> Figure:
    """A bar a day; hover names the slowest job."""
    days = period.dates()
    slowest = [
        max(seconds[day], key=lambda job: seconds[day][job]) if seconds.get(day) else "" for day in days
    ]
    bars = {
        "type": "bar",
        "name": "All jobs (s)",
        "x": [day.isoformat() for day in days],
        "y": [round(sum(seconds[day].values()), 2) if day in seconds else None for day in days],
        "customdata": slowest,
        "marker": {"color": CYAN},
        "meta": {"unit": "count"},
        "hovertemplate": "%{y:,.1f} s, slowest: %{customdata}<extra></extra>",
    }
    layout = chart_layout(
        meta={"rows": "Day"},
        xaxis=axis(showgrid=False, type="date", tickangle=0, tickformat="%-d %b", hoverformat="%a %-d %b %Y"),
        yaxis=axis(rangemode="tozero", ticksuffix=" s"),
        showlegend=False,
    )
    return {"data": [bars], "layout": layout}
