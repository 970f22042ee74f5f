"""Colours and the shared look of charts.

Charts are drawn in the dark theme's colours. The light theme's siblings are put in by
`assets/charts.css`, so that switching themes redraws nothing.
"""

from typing import Any

CYAN = "#00d4ff"
GREEN = "#10b981"
VIOLET = "#8b5cf6"
CORAL = "#ff6b6b"
SERIES = (CYAN, GREEN, VIOLET, CORAL)

FONT = "Inter, system-ui, sans-serif"
CHART_HEIGHT = 280
# Room for the axes' labels. Let plotly find it out itself, and every chart takes twice as long.
MARGIN = {"l": 52, "r": 18, "t": 36, "b": 28}
LABEL_WIDTH = 6.6  # of a character, on the average, in pixels


def faint(colour: str, opacity: float) -> str:
    """`colour` (#rrggbb) as rgba()."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def chart_layout(**changes: Any) -> dict[str, Any]:
    """The layout that all charts share; `changes` are laid over it."""
    return {
        "height": CHART_HEIGHT,
        "margin": MARGIN,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12},
        "hovermode": "x unified",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "dragmode": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemwidth": 30},
        "xaxis": axis(showgrid=False),
        "yaxis": axis(rangemode="tozero"),
        **changes,
    }


def axis(**changes: Any) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "zeroline": False,
        "nticks": 6,
        "ticklabelposition": "outside",
        # Else the lowest label of one axis touches the first of the other, and names touch their bars.
        "ticklabelstandoff": 4,
        # Otherwise each label is measured, which takes a third of the time of a drawing.
        "ticklabeloverflow": "allow",
        **changes,
    }


def money_axis(largest: float, **changes: Any) -> dict[str, Any]:
    """Dollars from 0: with cents where steps may be smaller than a dollar, in k and M from a thousand on."""
    tickformat = ",.2f" if largest < 5 else ",.2~f" if largest < 1000 else "~s"
    return axis(**{"rangemode": "tozero", "tickprefix": "$", "tickformat": tickformat, **changes})
