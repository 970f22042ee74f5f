"""What is drawn of gifts: order of weekdays, and room for what stands beside bars."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from aggregation.explanations import Explanation, Part
from aggregation.metrics import PLATFORM_GIFT_REVENUE
from aggregation.periods import Period
from layouts.gift_figures import calendar, waterfall, week_of_hours

NOVEMBER = Period(date(2026, 11, 5), date(2026, 11, 17))


@pytest.mark.parametrize(
    ("start", "weekday", "weeks"),
    [(0, "Mon", ["2 Nov", "9 Nov", "16 Nov"]), (6, "Sun", ["1 Nov", "8 Nov", "15 Nov"])],
)
def test_a_calendar_begins_its_weeks_as_somebody_chose(start: int, weekday: str, weeks: list[str]) -> None:
    """5 November 2026 is a Thursday."""
    columns, rows = calendar({date(2026, 11, 5): 3}, PLATFORM_GIFT_REVENUE, NOVEMBER, start)
    assert columns[1:] == weeks
    assert rows[0].label == weekday
    thursday = next(row for row in rows if row.label == "Thu")
    assert [cell is not None for cell in thursday.cells] == [True, False, False]


def test_hours_stay_with_their_weekday() -> None:
    sums = pd.DataFrame([{"weekday": 6, "hour": 20, "value": Decimal(5)}])
    _, rows = week_of_hours(sums, [1] * 7, 6)
    assert [row.label for row in rows] == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    shown = rows[0].cells[20]
    assert shown is not None
    assert shown.told == "Sun 20:00 UTC: $5.00 on average"


def test_a_fall_is_drawn_from_where_it_ends() -> None:
    """So its amount stands right of it; at its left are the labels, where the screen is narrow."""
    changes = [Part(str(change), Decimal(change)) for change in (-95, 55)]
    (bars,) = waterfall(Explanation(Decimal(60), Decimal(100), changes), ["a", "b"])["data"]
    assert list(zip(bars["base"], bars["x"], strict=True)) == [(0, 100), (5, 95), (5, 55), (0, 60)]
    assert bars["meta"]["cells"] == [100, -95, 55, 60]
    assert bars["text"] == ["$100.00", "−$95.00", "+$55.00", "$60.00"]


def test_a_waterfall_that_has_room_begins_at_zero() -> None:
    figure = waterfall(Explanation(Decimal(60), Decimal(100), [Part("a", Decimal(-40))]), ["a"])
    assert figure["layout"]["xaxis"]["range"][0] == 0
