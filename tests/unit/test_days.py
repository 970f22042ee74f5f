from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from aggregation.days import days_between, last_complete_day, months


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 3, 11, 0, 9, 59, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 3, 11, 0, 10, tzinfo=UTC), date(2026, 3, 10)),
        (datetime(2026, 3, 11, 23, 59, tzinfo=UTC), date(2026, 3, 10)),
        (datetime(2026, 3, 10, 20, 10, tzinfo=timezone(timedelta(hours=-4))), date(2026, 3, 10)),
        (datetime(2026, 3, 11, 9, 9, tzinfo=timezone(timedelta(hours=9))), date(2026, 3, 9)),
    ],
)
def test_a_day_is_complete_ten_minutes_after_it_ended_in_utc(now: datetime, day: date) -> None:
    assert last_complete_day(now) == day


def test_both_ends_are_inside() -> None:
    assert days_between(date(2026, 2, 28), date(2026, 3, 1)) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert days_between(date(2026, 3, 2), date(2026, 3, 1)) == []


def test_months_cover_every_day_once() -> None:
    first, last = date(2023, 12, 31), date(2024, 3, 1)
    pieces = list(months(first, last))
    assert pieces == [
        (date(2023, 12, 31), date(2023, 12, 31)),
        (date(2024, 1, 1), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 29)),
        (date(2024, 3, 1), date(2024, 3, 1)),
    ]
    assert [day for piece in pieces for day in days_between(*piece)] == days_between(first, last)


def test_no_days_no_months() -> None:
    assert list(months(date(2026, 3, 2), date(2026, 3, 1))) == []
