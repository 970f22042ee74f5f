"""Figures as numbers: what is drawn, where the gaps are, which axis."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from aggregation import metrics
from layouts import figures

MONEY = st.one_of(st.none(), st.decimals(0, 10**9, places=2, allow_nan=False, allow_infinity=False))


def frame(**columns: list[Any]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(count)]
    return pd.DataFrame({"date": days} | columns, dtype=object)


REVENUE = frame(
    total_revenue=[Decimal("10.50"), None, Decimal(30)], creator_earnings=[Decimal(7), None, Decimal(21)]
)


def test_gaps_stay_gaps() -> None:
    figure = figures.revenue_trend(REVENUE, None, (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS))
    assert [trace["name"] for trace in figure["data"]] == ["Total revenue", "Creator earnings"]
    assert figure["data"][0]["y"] == [10.5, None, 30.0]
    assert figure["data"][0]["x"] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_the_compared_period_lies_under_the_shown_one_and_names_its_own_days() -> None:
    before = frame(total_revenue=[Decimal(1), Decimal(2), Decimal(3)])
    before["date"] = [day - timedelta(days=3) for day in before["date"]]
    figure = figures.revenue_trend(REVENUE, before, (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS))
    dashed = figure["data"][2]
    assert dashed["x"] == figure["data"][0]["x"]
    assert dashed["y"] == [1.0, 2.0, 3.0]
    assert dashed["customdata"][0] == "26 Feb 2026"
    assert dashed["line"]["dash"] == "dash"


def test_total_users_have_an_axis_of_their_own() -> None:
    data = frame(active_users=[5, 6], new_users=[1, 2], total_users=[1000, 1002])
    figure = figures.user_growth(data, metrics.ACTIVE_USERS, metrics.NEW_USERS, metrics.TOTAL_USERS)
    axes = {trace["name"]: trace.get("yaxis", "y") for trace in figure["data"]}
    assert axes == {"New users": "y", "Active users": "y", "Total users (right)": "y2"}
    assert figure["layout"]["yaxis2"]["side"] == "right"


def test_sources_show_their_share_of_the_whole() -> None:
    by_source = pd.DataFrame({"source": ["gifts", "ads"], "amount": [Decimal(75), Decimal(25)]}, dtype=object)
    bars = figures.sources(by_source, ["Gifts", "Ads"])["data"][0]
    assert bars["text"] == ["75.0%", "25.0%"]
    assert bars["y"] == ["Gifts · $75.00", "Ads · $25.00"]


def test_hours_to_come_are_empty_and_the_running_one_is_hatched() -> None:
    today = pd.DataFrame({"hour": [9, 11], "revenue": [Decimal(5), Decimal(7)]}, dtype=object)
    figure = figures.today_by_hour(today, pd.DataFrame(columns=["hour", "low", "high"]), 11)
    (bars,) = figure["data"]
    assert bars["y"][8:13] == [0.0, 5.0, 0.0, 7.0, None]
    assert bars["marker"]["pattern"]["shape"][10:13] == ["", "/", ""]


def test_the_usual_band_reaches_from_quartile_to_quartile() -> None:
    usual = pd.DataFrame({"hour": range(24), "low": [1.0] * 24, "high": [4.0] * 24})
    today = pd.DataFrame({"hour": [0], "revenue": [Decimal(5)]}, dtype=object)
    band = figures.today_by_hour(today, usual, 0)["data"][0]
    assert (band["base"][0], band["y"][0]) == (1.0, 3.0)


def test_all_traces_say_their_unit() -> None:
    users = frame(active_users=[5, 6], new_users=[1, 2], total_users=[1000, 1002])
    growth = figures.user_growth(users, metrics.ACTIVE_USERS, metrics.NEW_USERS, metrics.TOTAL_USERS)
    rate = frame(engagement_rate=[Decimal(1), Decimal(2)])
    share = figures.rate(rate, rate, metrics.ACTIVE_SHARE)
    revenue = figures.revenue_trend(REVENUE, REVENUE, (metrics.TOTAL_REVENUE,))
    units = [[trace["meta"]["unit"] for trace in figure["data"]] for figure in (growth, share, revenue)]
    assert units == [["count"] * 3, ["percent"] * 2, ["money"] * 2]


def test_days_have_half_a_day_of_room_at_both_ends() -> None:
    for figure in (
        figures.revenue_trend(REVENUE, None, (metrics.TOTAL_REVENUE,)),
        figures.stacked_bars(REVENUE, (metrics.TOTAL_REVENUE,), ("#000000",)),
    ):
        assert figure["layout"]["xaxis"]["range"] == ["2026-02-28 12:00", "2026-03-03 12:00"]


def test_few_days_all_have_their_label() -> None:
    few = figures.trend(frame(video_likes=[1] * 8), None, (metrics.LIKES,), ("#000000",))["layout"]["xaxis"]
    many = figures.trend(frame(video_likes=[1] * 9), None, (metrics.LIKES,), ("#000000",))["layout"]["xaxis"]
    assert few["tickvals"] == [f"2026-03-0{day}" for day in range(1, 9)]
    assert "tickvals" not in many


def test_small_values_get_no_milli_ticks() -> None:
    assert figures.value_axis(metrics.TOTAL_GIFTS, [0.5, 3.0])["tickformat"] == ",.2~f"
    assert figures.value_axis(metrics.TOTAL_GIFTS, [1500.0, None])["tickformat"] == "~s"


def test_a_few_cents_are_written_as_cents() -> None:
    few, many, most = (figures.value_axis(metrics.TOTAL_REVENUE, [top]) for top in (0.6, 60.0, 6000.0))
    assert few["tickprefix"] == many["tickprefix"] == most["tickprefix"] == "$"
    assert (few["tickformat"], many["tickformat"], most["tickformat"]) == (",.2f", ",.2~f", "~s")


@given(st.lists(MONEY, min_size=1, max_size=40))
def test_any_series_makes_valid_json(values: list[Decimal | None]) -> None:
    data = frame(total_revenue=values, creator_earnings=values)
    figure = figures.revenue_trend(data, data, (metrics.TOTAL_REVENUE, metrics.CREATOR_EARNINGS))
    json.dumps(figure, allow_nan=False)


def test_a_clicked_day_is_marked_and_the_others_can_be() -> None:
    plain = figures.revenue_trend(REVENUE, None, (metrics.TOTAL_REVENUE,))
    clicked = figures.pickable(plain, "day", chosen="2026-03-02")
    assert clicked["layout"]["meta"] == {"rows": "Day", "part": "day"}
    assert [mark["x0"] for mark in clicked["layout"]["shapes"]] == ["2026-03-02"]
    assert clicked["data"] == plain["data"]
    assert "shapes" not in figures.pickable(plain, "day")["layout"]
    assert "part" not in plain["layout"]["meta"]


def test_a_clicked_bar_stands_out() -> None:
    amounts = pd.DataFrame({"amount": [Decimal(3), Decimal(1)]}, dtype=object)
    plain = figures.sources(amounts, ["Gifts", "Ads"])
    clicked = figures.pickable(plain, "source", ["gifts", "ads"], "ads")
    assert clicked["layout"]["meta"] == {"rows": "Source", "part": "source", "keys": ["gifts", "ads"]}
    assert clicked["data"][0]["marker"]["opacity"] == [0.35, 1]
    assert "opacity" not in plain["data"][0]["marker"]
    assert "opacity" not in figures.pickable(plain, "source", ["gifts", "ads"])["data"][0]["marker"]
