from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from aggregation.days import (
    ONE_DAY,
    RelativeDay,
    Unforeseeable,
    days_between,
    last_complete_day,
    months,
)


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


def test_a_relative_day_can_be_reckoned_with() -> None:
    first, last = RelativeDay(0), RelativeDay(6)
    assert (last + ONE_DAY, first - 28 * ONE_DAY) == (RelativeDay(7), RelativeDay(-28))
    assert (last - first, first < last, max(first, last)) == (timedelta(days=6), True, last)
    assert days_between(first - ONE_DAY, first) == [RelativeDay(-1), RelativeDay(0)]  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", ["month", "day", "weekday", "replace", "isoformat", "toordinal"])
def test_but_which_day_it_is_nobody_knows(asked: str) -> None:
    with pytest.raises(Unforeseeable, match=f"the {asked} of a day that isn't known yet"):
        getattr(RelativeDay(3), asked)


@pytest.mark.parametrize(("after", "name"), [(0, "day+0"), (7, "day+7"), (-28, "day-28")])
def test_its_parameter_tells_how_far_it_is(after: int, name: str) -> None:
    assert RelativeDay(after).parameter(RelativeDay.DAY) == name
    assert RelativeDay.of_parameter(name) == after
    assert RelativeDay.of_parameter(RelativeDay(after).parameter(RelativeDay.MIDNIGHT)) == after


@pytest.mark.parametrize("name", ["day", "day7", "today+7", "day+7_1", "param_1"])
def test_other_parameters_are_not_days(name: str) -> None:
    assert RelativeDay.of_parameter(name) is None
