"""The Overview the way most people write Dash: a callback a chart, pandas, nothing tuned.

It starts with what the tutorials start with: graph objects, Bootstrap components, the full plotly
bundle, default assets. No stylesheet from elsewhere, as the measurement must not need the internet.
"""

import os
from decimal import Decimal
from typing import Any

import dash_bootstrap_components as dbc
import pandas as pd
import plotly.graph_objects as go
from dash import Dash, Input, Output, dcc, html
from flask import Flask
from sqlalchemy import Engine, create_engine

from aggregation.periods import Period
from benchmarks.contestants import content
from benchmarks.contestants.content import QUESTIONS

DATABASE_URL = "BENCHMARK_DATABASE_URL"
CYAN, GREEN, VIOLET = "#00d4ff", "#10b981", "#8b5cf6"
HEIGHT = 280
GRID = {"display": "grid", "gap": "16px", "marginTop": "16px"}
CARDS_GRID = {**GRID, "gridTemplateColumns": "repeat(auto-fit, minmax(max(160px, 22%), 1fr))"}
CHARTS_GRID = {**GRID, "gridTemplateColumns": "repeat(auto-fit, minmax(min(100%, 600px), 1fr))"}
PAGE = {"maxWidth": "1360px", "margin": "0 auto", "padding": "0 24px"}
FRAME = {"border": "1px solid #ccc", "padding": "16px"}
VALUE = {"fontSize": "28px", "margin": 0}
WHOLE_ROW = {"gridColumn": "1 / -1"}


def create() -> Flask:
    """The WSGI application, on the database that BENCHMARK_DATABASE_URL names."""
    engine = create_engine(os.environ[DATABASE_URL])
    app = Dash(__name__, title="Overview")
    app.layout = layout()
    register(app, engine)
    server: Flask = app.server
    server.add_url_rule("/healthz", view_func=lambda: "ok")
    return server


def layout() -> Any:
    periods = [{"label": f"Last {days} days", "value": str(days)} for days in content.PERIODS]
    return html.Div(
        [
            html.H1("Overview"),
            dbc.Select(id="period", options=periods, value=str(content.DEFAULT_DAYS)),
            html.Div(id="cards", style={**CARDS_GRID, "minHeight": "312px"}),
            html.Div(
                [
                    chart("revenue_trend", wide=True),
                    chart("revenue_sources"),
                    chart("user_growth"),
                    chart("engagement_rate"),
                    chart("today"),
                    html.Div(
                        [html.H2(QUESTIONS["movers"]), html.Div(id="movers")], style={**FRAME, **WHOLE_ROW}
                    ),
                ],
                style=CHARTS_GRID,
            ),
        ],
        style=PAGE,
    )


def chart(name: str, *, wide: bool = False) -> Any:
    return dbc.Card(
        [
            html.H2(QUESTIONS[name]),
            dcc.Graph(id=name, className="chart", style={"height": f"{HEIGHT}px"}),
        ],
        style={**FRAME, **(WHOLE_ROW if wide else {})},
    )


def register(app: Any, engine: Engine) -> None:
    def on_period(name: str, prop: str, answer: Any) -> None:
        def callback(days: str) -> Any:
            return answer(engine, content.period(engine, int(days)))

        app.callback(Output(name, prop), Input("period", "value"))(callback)

    on_period("cards", "children", cards)
    on_period("movers", "children", movers)
    on_period("revenue_trend", "figure", revenue_trend)
    on_period("revenue_sources", "figure", revenue_sources)
    on_period("user_growth", "figure", user_growth)
    on_period("engagement_rate", "figure", engagement_rate)
    on_period("today", "figure", today)


# ---- what the callbacks answer ----


def cards(engine: Engine, shown: Period) -> list[Any]:
    return [
        dbc.Card(
            [
                html.H2(card.metric.label),
                html.P(card.value, className="kpi-value", style=VALUE),
                html.P(card.change),
            ],
            style=FRAME,
        )
        for card in content.cards(engine, shown)
    ]


def movers(engine: Engine, shown: Period) -> Any:
    rows = content.movers_rows(content.movers(engine, shown))
    return dbc.Table.from_dataframe(pd.DataFrame(rows, columns=["Creator", "Earned", "Before", "Change"]))


def revenue_trend(engine: Engine, shown: Period) -> go.Figure:
    frame, before = content.daily(engine, shown), content.daily(engine, content.earlier(shown))
    ahead = content.forecast(engine, shown)
    return go.Figure(
        [
            line(frame, "total_revenue", "Total revenue", CYAN, fill="tozeroy"),
            line(frame, "creator_earnings", "Creator earnings", GREEN),
            compared(frame, before, "total_revenue", "Total revenue, compared", CYAN),
            line(ahead, "low_80", "80 % from", VIOLET, showlegend=False),
            line(ahead, "high_80", "80 % to", VIOLET, fill="tonexty", showlegend=False),
            line(ahead, "projected", "Forecast, 80 % band", VIOLET),
        ],
        size(),
    )


def revenue_sources(engine: Engine, shown: Period) -> go.Figure:
    frame = content.by_source(engine, shown)
    amounts = frame["amount"].astype(float)
    bars = go.Bar(
        x=amounts,
        y=[content.SOURCES.get(source, source) for source in frame["source"]],
        text=[f"{amount / amounts.sum():.1%}" for amount in amounts],
        textposition="outside",
        orientation="h",
        marker={"color": [CYAN, GREEN, VIOLET, "#ff6b6b"][: len(frame)]},
    )
    return go.Figure([bars], size(yaxis={"autorange": "reversed"}))


def user_growth(engine: Engine, shown: Period) -> go.Figure:
    frame = content.daily(engine, shown)
    return go.Figure(
        [
            go.Bar(x=frame["date"], y=frame["new_users"], name="New users", marker={"color": VIOLET}),
            line(frame, "active_users", "Active users", CYAN),
            line(frame, "total_users", "Total users (right)", GREEN, yaxis="y2"),
        ],
        size(yaxis2={"overlaying": "y", "side": "right", "showgrid": False}),
    )


def engagement_rate(engine: Engine, shown: Period) -> go.Figure:
    frame, before = content.daily(engine, shown), content.daily(engine, content.earlier(shown))
    return go.Figure(
        [
            line(frame, "engagement_rate", "Active share", VIOLET, fill="tozeroy"),
            compared(frame, before, "engagement_rate", "Active share, compared", VIOLET),
        ],
        size(),
    )


def today(engine: Engine, _shown: Period) -> go.Figure:
    usual, hours = content.usual_hours(engine), content.hours(engine)
    band = go.Bar(
        x=usual["hour"],
        y=usual["high"] - usual["low"],
        base=usual["low"],
        name="Usual for this weekday",
        marker={"color": "rgba(139, 92, 246, 0.38)"},
    )
    so_far = go.Bar(
        x=hours["hour"],
        y=hours["revenue"].astype(float),
        name="Today so far",
        width=0.6,
        marker={"color": CYAN},
    )
    return go.Figure([band, so_far], size(barmode="overlay"))


# ---- parts of figures ----


def line(frame: pd.DataFrame, column: str, name: str, colour: str, **more: Any) -> go.Scatter:
    y = plain(frame[column])
    return go.Scatter(x=frame["date"], y=y, mode="lines", name=name, line={"color": colour}, **more)


def compared(frame: pd.DataFrame, before: pd.DataFrame, column: str, name: str, colour: str) -> go.Scatter:
    dashed = {"color": colour, "dash": "dash"}
    return go.Scatter(x=frame["date"], y=plain(before[column]), mode="lines", name=name, line=dashed)


def plain(values: pd.Series) -> list[float]:
    """Numbers as JSON has them: sums of money come as Decimal."""
    return [float(value) if isinstance(value, Decimal) else value for value in values]


def size(**more: Any) -> dict[str, Any]:
    margin = {"l": 40, "r": 40, "t": 30, "b": 30}
    return {"height": HEIGHT, "margin": margin, "legend": {"orientation": "h"}, **more}
