from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.periods import Comparison, Period

LAST = date(2026, 11, 21)


def test_a_period_of_n_days_has_n_days_and_ends_with_the_last() -> None:
    period = Period.ending(LAST, 30)
    assert (period.first, period.last, period.days) == (date(2026, 10, 23), LAST, 30)
    assert len(period.dates()) == 30


@pytest.mark.parametrize(
    ("comparison", "first", "last"),
    [
        (Comparison.PREVIOUS, date(2026, 9, 23), date(2026, 10, 22)),
        # 30 days need 5 whole weeks
        (Comparison.WEEKDAY_ALIGNED, date(2026, 9, 18), date(2026, 10, 17)),
        (Comparison.YEAR_AGO, date(2025, 10, 23), date(2025, 11, 21)),
        (Comparison.WEEKS_AGO, date(2025, 10, 24), date(2025, 11, 22)),
    ],
)
def test_compared_periods_of_30_days(comparison: Comparison, first: date, last: date) -> None:
    assert Period.ending(LAST, 30).compared(comparison) == Period(first, last)


def test_a_year_before_leap_day_is_28_february() -> None:
    before = Period.ending(date(2028, 2, 29), 7).compared(Comparison.YEAR_AGO)
    assert before == Period.ending(date(2027, 2, 28), 7)


def test_the_part_of_a_period_inside_another() -> None:
    period = Period.ending(LAST, 7)
    assert period.inside(Period.ending(LAST, 3)) == Period.ending(LAST, 3)
    assert period.inside(Period(date(2026, 1, 1), period.first)) == Period(period.first, period.first)
    assert period.inside(Period.ending(period.first - timedelta(days=1), 3)) is None


def test_no_comparison() -> None:
    assert Period.ending(LAST, 7).compared(Comparison.NONE) is None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(1, 3660))
def test_comparisons_keep_the_length_and_never_overlap(last: date, days: int) -> None:
    period = Period.ending(last, days)
    for comparison in (Comparison.PREVIOUS, Comparison.WEEKDAY_ALIGNED):
        before = period.compared(comparison)
        assert before is not None
        assert before.days == days
        assert before.last < period.first
    aligned = period.compared(Comparison.WEEKDAY_ALIGNED)
    assert aligned is not None
    assert aligned.first.weekday() == period.first.weekday()


@pytest.mark.parametrize("length", [1, 2, 28, 30, 31, 59, 365, 366])
def test_a_period_is_put_together_from_months_so_far(length: int) -> None:
    """Each day of it is counted once, and no other: the months so far of the days put one upon the other."""
    for shift in range(70):
        period = Period.ending(date(2026, 3, 31) - timedelta(days=shift), length)
        counted: Counter[date] = Counter()
        for day, sign in period.from_months():
            for number in range(1, day.day + 1):
                counted[day.replace(day=number)] += sign
        assert {day for day, count in counted.items() if count} == set(period.dates())
        assert set(counted.values()) <= {0, 1}


def test_months_so_far_of_two_weeks_and_of_a_year() -> None:
    assert Period(date(2026, 3, 10), date(2026, 3, 23)).from_months() == [
        (date(2026, 3, 9), -1),
        (date(2026, 3, 23), 1),
    ]
    assert len(Period(date(2025, 3, 10), date(2026, 3, 9)).from_months()) == 14
