"""Lifecycle, shares and curves as figures."""

from datetime import date, timedelta

import pandas as pd
import pytest

from layouts import people_figures as drawn


def test_who_stays_away_is_below_zero_and_hover_says_the_number() -> None:
    frame = pd.DataFrame(
        {
            "days": ["1 Mar 2026", "2 Mar 2026"],
            "first": [date(2026, 3, 1), date(2026, 3, 2)],
            "new_active_users": [3, 0],
            "returning_users": [5, 6],
            "resurrected_users": [0, 1],
            "dormant_users": [None, 2],
        },
        dtype=object,
    )
    figure = drawn.lifecycle(frame)
    bars = {trace["name"]: trace for trace in figure["data"]}
    assert figure["layout"]["barmode"] == "relative"
    assert bars["Dormant"]["y"] == [None, -2]
    assert bars["Dormant"]["customdata"] == [None, 2]
    assert [sum(bars[name]["y"][day] for name in ("New", "Returning", "Resurrected")) for day in (0, 1)] == [
        8,
        7,
    ]


def test_few_stretches_are_named_by_their_first_day_alone() -> None:
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(30)]
    numbers = {
        name: [1] * 30
        for name in ("new_active_users", "returning_users", "resurrected_users", "dormant_users")
    }
    frame = pd.DataFrame(
        {"days": [f"{day:%d %b %Y}" for day in days], "first": days, **numbers}, dtype=object
    )
    axis = drawn.lifecycle(frame)["layout"]["xaxis"]
    assert axis["ticktext"] == ["1 Mar", "7 Mar", "13 Mar", "19 Mar", "25 Mar"]
    assert axis["tickvals"] == [
        "01 Mar 2026",
        "07 Mar 2026",
        "13 Mar 2026",
        "19 Mar 2026",
        "25 Mar 2026",
    ]


def test_hover_says_which_part_of_all_it_is() -> None:
    (bars,) = drawn.shares(["1", "2"], [3, 1], "Users", "Days", "#000000")["data"]
    assert bars["customdata"] == ["75.0%", "25.0%"]


@pytest.mark.parametrize("compared", [True, False])
def test_a_curve_lies_within_its_band(compared: bool) -> None:
    points = pd.DataFrame(
        {"age": [1, 2, 3], "share": [30.0, 20.0, None], "low": [25.0, 15.0, None], "high": [35.0, 25.0, None]}
    )
    traces = {trace["name"]: trace for trace in drawn.curve(points, points if compared else None)["data"]}
    assert set(traces) == {"95 % from", "95 % to", "This period", *(["Compared"] if compared else [])}
    assert traces["95 % to"]["fill"] == "tonexty"
    assert traces["This period"]["y"] == [30, 20, None]


def test_only_kinds_of_charts_that_the_bundle_has() -> None:
    value = drawn.value(pd.DataFrame({"age": [0, 1, 2], "value": [0, 1, 2]}))
    payers = drawn.payers(pd.DataFrame({"month": [0, 1], "grr": [100, 40], "nrr": [100, 130]}))
    assert {trace["type"] for figure in (value, payers) for trace in figure["data"]} == {"scatter"}
    assert [trace["y"] for trace in payers["data"]] == [[100, 40], [100, 130]]
