"""Bands as numbers: which edge is filled to which, and where they begin."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from aggregation import metrics
from layouts import figures, forecast_figures

FIRST = date(2026, 3, 1)


def frame(first: date, **columns: list[Any]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"date": [first + timedelta(days=n) for n in range(count)]} | columns, dtype=object)


CAME = frame(FIRST, total_revenue=[Decimal(10), Decimal(20)], creator_earnings=[Decimal(7), Decimal(14)])
AHEAD = frame(
    FIRST + timedelta(days=2),
    projected=[Decimal(15), Decimal(16)],
    low_80=[Decimal(12), Decimal(13)],
    high_80=[Decimal(18), Decimal(1900)],
    low_95=[Decimal(9), Decimal(9)],
    high_95=[Decimal(21), Decimal(2100)],
)


def names(figure: figures.Figure) -> list[str]:
    return [trace["name"] for trace in figure["data"]]


def test_an_upper_edge_is_filled_down_to_the_lower_one_before_it() -> None:
    traces = forecast_figures.forecast_traces(AHEAD, (80, 95))
    assert [trace.get("fill") for trace in traces] == [None, "tonexty", None, "tonexty", None]
    assert [trace["y"][0] for trace in traces] == [9, 21, 12, 18, 15]
    # what is hidden by a click on the legend is all of it
    assert {trace["legendgroup"] for trace in traces} == {"forecast"}
    assert [trace["name"] for trace in traces if trace.get("showlegend", True)] == [
        "Forecast, 80 % and 95 % band"
    ]


def test_the_forecast_begins_behind_the_last_day_and_is_no_part_of_what_came() -> None:
    plain = figures.revenue_trend(CAME, None, (metrics.TOTAL_REVENUE,))
    figure = forecast_figures.with_forecast(plain, CAME, AHEAD, metrics.TOTAL_REVENUE)
    assert names(figure) == ["Total revenue", "80 % from", "80 % to", "Forecast, 80 % band"]
    assert figure["data"][0] == plain["data"][0]
    assert figure["data"][3]["x"] == ["2026-03-03", "2026-03-04"]
    assert figure["layout"]["xaxis"]["range"] == ["2026-02-28 12:00", "2026-03-04 12:00"]
    assert figure["layout"]["yaxis"]["tickformat"] == "~s"


def test_without_a_forecast_a_trend_is_left_alone() -> None:
    plain = figures.revenue_trend(CAME, None, (metrics.TOTAL_REVENUE,))
    assert forecast_figures.with_forecast(plain, CAME, None, metrics.TOTAL_REVENUE) is plain


def test_days_that_have_come_stand_once_on_the_axis() -> None:
    came = AHEAD.rename(columns={"projected": "total_revenue"})[:1]
    figure = forecast_figures.fan(came, AHEAD, AHEAD, metrics.TOTAL_REVENUE, (80,))
    assert figure["layout"]["xaxis"]["tickvals"] == ["2026-03-03", "2026-03-04"]


def test_weekdays_lie_around_their_level() -> None:
    table = pd.DataFrame(
        {"weekday": ["Mon", "Tue"], "projected": [Decimal(1), Decimal(3)], "recent": [None, Decimal(2)]},
        dtype=object,
    )
    figure = forecast_figures.components(table, 2.0)
    assert [trace["y"] for trace in figure["data"]] == [[1, 3], [None, 2], [2, 2]]
    assert figure["layout"]["xaxis"]["tickvals"] == ["Mon", "Tue"]


def test_everything_can_be_sent() -> None:
    figure = forecast_figures.fan(CAME, AHEAD, AHEAD, metrics.TOTAL_REVENUE)
    json.dumps(figure, allow_nan=False)
    assert {trace["meta"]["unit"] for trace in figure["data"]} == {"money"}
