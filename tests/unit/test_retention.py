"""Shares, their intervals, and the days of cohorts."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from aggregation.periods import Period
from aggregation.retention import (
    Ages,
    Cohorts,
    GifterCohorts,
    Grain,
    Share,
    Spending,
    groups,
    last_month_end,
    later_month,
    whole,
    wilson,
)

FIRST = date(2026, 3, 2)  # a Monday


@pytest.mark.parametrize("whole_", [1, 2, 7, 30, 311, 12_345])
@pytest.mark.parametrize("rate", [0, 0.001, 0.1, 0.5, 0.93, 1])
def test_wilsons_interval_is_that_of_statsmodels(whole_: int, rate: float) -> None:
    part = round(whole_ * rate)
    expected = proportion_confint(part, whole_, alpha=0.05, method="wilson")
    assert wilson(part, whole_) == pytest.approx(tuple(map(float, expected)), abs=1e-12)


def test_of_nobody_there_is_no_share() -> None:
    assert (Share(0, 0).percent, Share(0, 0).interval) == (None, None)
    assert Share(1, 3).percent == Decimal(100) / 3


def cohorts(since: date = FIRST) -> Cohorts:
    """Sign-ups of three days; through the third, so that day 1 is known of the first two."""
    sizes = np.array([10, 20, 30])
    returned = np.array([[9, 5], [18, 4], [27, 0]])
    days = Period(FIRST, FIRST + timedelta(2))
    return Cohorts(days, since, days.last, (Ages(0, 0), Ages(1, 1)), sizes, returned)


def test_averages_are_weighted_and_of_ripe_cohorts_only() -> None:
    """Day 1: (5 + 4) of (10 + 20); the third cohort would make it 9 of 60."""
    table = cohorts()
    assert table.share(0, table.days) == Share(54, 60)
    assert table.share(1, table.days) == Share(9, 30)
    assert table.share(1, Period(FIRST + timedelta(2), FIRST + timedelta(2))) == Share(0, 0)
    assert [table.known_days(column, table.days) for column in (0, 1)] == [3, 2]


def test_what_came_before_activity_was_recorded_is_not_known() -> None:
    """From the second day on: day 0 of the last two, day 1 of the first two."""
    table = cohorts(since=FIRST + timedelta(1))
    assert table.share(0, table.days) == Share(45, 50)
    assert table.share(1, table.days) == Share(9, 30)
    assert [table.known_days(column, table.days) for column in (0, 1)] == [2, 2]


def test_days_outside_have_nobody() -> None:
    table = cohorts()
    before = Period(FIRST - timedelta(5), FIRST - timedelta(1))
    assert table.share(0, before) == Share(0, 0)
    assert table.share(0, Period(before.first, FIRST)) == Share(9, 10)
    assert (table.people(before), table.people(table.days)) == (0, 60)


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    days = Period(date(2026, 3, 25), date(2026, 4, 7))
    assert groups(days, Grain.WEEK) == [
        Period(date(2026, 3, 25), date(2026, 3, 29)),
        Period(date(2026, 3, 30), date(2026, 4, 5)),
        Period(date(2026, 4, 6), date(2026, 4, 7)),
    ]
    assert [each.days for each in groups(days, Grain.MONTH)] == [7, 7]
    assert len(groups(days, Grain.DAY)) == 14
    assert whole(days, Grain.WEEK) == Period(date(2026, 3, 23), days.last)
    assert whole(days, Grain.MONTH) == Period(date(2026, 3, 1), days.last)
    assert whole(days, Grain.DAY) == days


@pytest.mark.parametrize(("start", "first"), [(6, date(2026, 3, 22)), (5, date(2026, 3, 21))])
def test_weeks_begin_as_somebody_chose(start: int, first: date) -> None:
    """25 March 2026 is a Wednesday."""
    days = Period(date(2026, 3, 25), date(2026, 4, 7))
    assert whole(days, Grain.WEEK, start) == Period(first, days.last)
    weeks = groups(whole(days, Grain.WEEK, start), Grain.WEEK, start)
    assert [each.first.weekday() for each in weeks] == [start] * len(weeks)
    assert [each.days for each in weeks[:-1]] == [7, 7]
    assert groups(days, Grain.MONTH, start) == groups(days, Grain.MONTH)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 2, 27), date(2026, 1, 31)),
        (date(2026, 2, 28), date(2026, 2, 28)),
        (date(2028, 2, 28), date(2028, 1, 31)),
        (date(2026, 1, 1), date(2025, 12, 31)),
    ],
)
def test_the_newest_month_that_is_over(day: date, end: date) -> None:
    assert last_month_end(day) == end


def test_months_later() -> None:
    january = date(2026, 1, 31)
    assert [later_month(january, n) for n in (-1, 0, 1, 11, 12)] == [
        date(2025, 12, 31),
        january,
        date(2026, 2, 28),
        date(2026, 12, 31),
        date(2027, 1, 31),
    ]


def test_grr_and_nrr_are_weighted_over_ripe_months() -> None:
    """Month 1 of January's: 6 of 14. February's isn't over: it takes no part, not even in the base."""
    january, february = date(2026, 1, 31), date(2026, 2, 28)
    months = GifterCohorts(
        {
            (january, january): Spending(2, Decimal(14), Decimal(14)),
            (january, february): Spending(1, Decimal(21), Decimal(6)),
            (february, february): Spending(1, Decimal(8), Decimal(8)),
        },
        january,
        february,
    )
    assert months.kept(months.months, 1) == (Decimal(600) / 14, Decimal(150))
    assert months.kept([february], 1) == (None, None)
    assert months.kept(months.months, 0) == (Decimal(100), Decimal(100))


def test_grr_and_nrr_leave_out_the_month_within_which_gifts_begin() -> None:
    """Of January's two last days: what was spent in February is no multiple of it. March's: 3 of 4."""
    january, february, march = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)
    months = GifterCohorts(
        {
            (january, january): Spending(2, Decimal(1), Decimal(1)),
            (january, february): Spending(2, Decimal(30), Decimal(1)),
            (february, february): Spending(1, Decimal(4), Decimal(4)),
            (february, march): Spending(1, Decimal(3), Decimal(3)),
        },
        february,
        march,
    )
    assert not months.ripe(january, 1)
    assert months.over(january, 1)
    assert months.kept([january], 1) == (None, None)
    assert months.kept(months.months, 1) == (Decimal(75), Decimal(75))
