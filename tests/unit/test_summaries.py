from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation import metrics
from aggregation.summaries import Change, change, growth, ratio, total, value_over

FRAME = pd.DataFrame(
    {
        "total_users": [10, 20],
        "active_users": [5, 5],
        "total_gifts_sent": [1, 3],
        "total_revenue": [Decimal("0.10"), Decimal("0.20")],
    },
    dtype=object,
)


def test_flows_are_summed_exactly() -> None:
    assert value_over(FRAME, metrics.TOTAL_REVENUE) == Decimal("0.30")


def test_stocks_are_taken_at_the_end() -> None:
    assert value_over(FRAME, metrics.TOTAL_USERS) == 20


def test_ratios_divide_sums_and_are_no_mean_of_ratios() -> None:
    # 10 of 30, not the mean of 50 % and 25 %
    assert value_over(FRAME, metrics.ACTIVE_SHARE) == Decimal(1000) / 30
    assert value_over(FRAME, metrics.AVERAGE_GIFT) == Decimal("0.075")


def test_distinct_counts_are_never_summed() -> None:
    with pytest.raises(ValueError, match="active_users"):
        value_over(FRAME, metrics.ACTIVE_USERS)


def test_a_missing_day_makes_a_sum_unknown() -> None:
    holes = pd.DataFrame({"gift_revenue": [Decimal(1), None]}, dtype=object)
    assert total(holes, "gift_revenue") is None
    assert total(holes.iloc[:0], "gift_revenue") is None


def test_no_denominator_no_ratio() -> None:
    assert ratio(0, 0) is None
    assert ratio(None, 5) is None


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (110, 100, Change("relative", Decimal(10))),
        (0, 100, Change("relative", Decimal(-100))),
        (5, 0, Change("new")),
        (0, 0, Change("relative", Decimal(0))),
        (None, 5, Change("none")),
        (5, None, Change("none")),
        (5, -10, Change("relative", Decimal(150))),
    ],
)
def test_change_of_amounts(now: int | None, before: int | None, expected: Change) -> None:
    assert change(metrics.TOTAL_GIFTS, now, before) == expected


def test_change_of_rates_is_in_points() -> None:
    moved = change(metrics.ACTIVE_SHARE, Decimal("5.5"), Decimal("5.0"))
    assert moved == Change("points", Decimal("0.5"))


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_growth_is_never_infinite(now: int, before: int) -> None:
    grown = growth(now, before)
    assert (grown is None) == (before == 0)
    assert grown is None or grown.is_finite()
