"""The worker on odd days of the calendar, and by clocks that are wrong: no day twice, none left out."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from aggregation import checks
from aggregation.days import last_complete_day
from tests.integration.test_worker import EARLY, LATE, MovedClock, runs
from tests.spec.tables import change, fill, rows

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def open_on(engine: Engine, day: date) -> None:
    """Somebody who gives and somebody who gets."""
    fill(engine, f"users\nid | created_at | is_creator\n1 | {day} | false\n2 | {day} | true")


def give(engine: Engine, first: datetime, last: datetime) -> None:
    """A gift at half past each hour, as many on a day as it has hours."""
    change(
        engine,
        "INSERT INTO virtual_gifts"
        " SELECT extract(epoch FROM at), 1, 1, 2, NULL, 0.70, 0.30, 'completed', at"
        f" FROM generate_series(timestamp '{first:%Y-%m-%d %H:30}', timestamp '{last:%Y-%m-%d %H:%M}',"
        " interval '1 hour') at",
    )


def through(clock: MovedClock, first: datetime, last: datetime, step: timedelta) -> Counter[tuple[str, date]]:
    """Pass after pass; how often each job ran for each day."""
    before, now = len(runs(clock.engine)), first
    while now <= last:
        clock.at(f"{now:%Y-%m-%d %H:%M}")
        now += step
    ran = runs(clock.engine)[before:]
    assert {state for *_, state, _ in ran} == {"succeeded"}
    return Counter(
        (job, since + n * DAY) for job, since, until, *_ in ran for n in range((until - since).days + 1)
    )


def night(day: date) -> dict[tuple[str, date], int]:
    """The early jobs run at 00:10, and once more when all tables are made from one snapshot at 00:30."""
    return {(job, day): 2 for job in EARLY} | {(job, day): 1 for job in LATE}


def sent(engine: Engine) -> dict[date, int]:
    return dict(rows(engine, "daily_analytics", "date", "total_gifts_sent"))


def sent_by_hour(engine: Engine) -> list[int]:
    return [count for _, count in rows(engine, "gift_analytics", "hour", "send_count")]


def test_a_leap_day_is_a_day(platform: Engine) -> None:
    open_on(platform, date(2028, 2, 27))
    give(platform, datetime(2028, 2, 27), datetime(2028, 3, 3))  # noqa: DTZ001
    clock = MovedClock(platform, "2028-02-28 12:00")
    clock.at("2028-02-28 12:00")
    leap = [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
    for day in leap:
        midnight = datetime.combine(day + DAY, datetime.min.time(), UTC)
        ran = through(clock, midnight, midnight + HOUR, timedelta(minutes=10))
        assert ran == night(day), day
        assert clock.at(f"{day + DAY} 12:00") == []
    assert sent(platform) == dict.fromkeys([date(2028, 2, 27), *leap], 24)
    assert sent_by_hour(platform) == [1] * (4 * 24 + 24)
    assert checks.check(platform, clock=lambda: clock.now).cells_unequal == 0


def test_a_leap_day_that_was_slept_through_is_filled(platform: Engine) -> None:
    open_on(platform, date(2028, 2, 27))
    give(platform, datetime(2028, 2, 27), datetime(2028, 3, 2))  # noqa: DTZ001
    MovedClock(platform, "2028-02-28 12:00").at("2028-02-28 12:00")
    woken = MovedClock(platform, "2028-03-02 12:00")
    spans = [(first, last) for job, first, last in woken.at("2028-03-02 12:00") if job == "daily"]
    assert spans == [(28, 29), (1, 1)]
    days = [date(2028, 2, 27), date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
    assert sent(platform) == dict.fromkeys(days, 24)
    assert checks.check(platform, clock=lambda: woken.now).cells_unequal == 0


@contextmanager
def local_time(zone: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "changes", "hours"),
    [
        # at one in UTC, the hour of the forecast
        ("Europe/London", "2026-03-29 01:00", 1),
        ("Europe/London", "2026-10-25 01:00", -1),
        # at midnight in UTC, or an hour before it
        ("Asia/Gaza", "2026-03-28 00:00", 1),
        ("Asia/Gaza", "2026-10-23 23:00", -1),
        # at two in UTC, the hour of the recount
        ("Africa/Casablanca", "2026-03-22 02:00", 1),
    ],
)
def test_a_night_on_which_the_clocks_change_is_a_night(
    platform: Engine, zone: str, changes: str, hours: int
) -> None:
    at = datetime.fromisoformat(changes).replace(tzinfo=UTC)
    midnight = (at + 2 * HOUR).replace(hour=0)
    day = midnight.date() - DAY
    open_on(platform, day - DAY)
    give(platform, midnight.replace(tzinfo=None) - 2 * DAY, midnight.replace(tzinfo=None) + 6 * HOUR)
    with local_time(zone):
        before, after = (time.localtime((at + n * HOUR).timestamp()).tm_gmtoff for n in (-1, 1))
        assert (after - before) / 3600 == hours
        clock = MovedClock(platform, f"{midnight - 12 * HOUR:%Y-%m-%d %H:%M}")
        clock.at(f"{clock.now:%Y-%m-%d %H:%M}")
        ran = through(clock, midnight - 2 * HOUR, midnight + 3 * HOUR, timedelta(minutes=15))
    assert ran == night(day)
    assert sent(platform) == {day - DAY: 24, day: 24}
    assert set(sent_by_hour(platform)) == {1}
    # and what is there of the running day
    assert len(sent_by_hour(platform)) == 48 + 6


# Hours by which the clock is wrong, day after day.
@pytest.mark.parametrize("wrong", [(-3, 0), (0, 30, -26), (75, -1, 1), (-50, 50, 0)])
def test_whatever_the_clock_does_the_days_come_out_right(platform: Engine, wrong: tuple[int, ...]) -> None:
    """Gifts come by the true time, the worker goes by its own; at last its clock is set right."""
    true = datetime(2026, 3, 4, 7, tzinfo=UTC)
    given = datetime(2026, 3, 1, tzinfo=UTC)
    open_on(platform, date(2026, 3, 1))
    clock = MovedClock(platform, f"{true:%Y-%m-%d %H:%M}")
    for hours in (*wrong, 0):
        give(platform, given, true)
        given = true.replace(minute=0)
        clock.at(f"{true + hours * HOUR:%Y-%m-%d %H:%M}")
        true += DAY
    true -= DAY
    days = (last_complete_day(true) - date(2026, 3, 1)).days + 1
    assert sent(platform) == {date(2026, 3, 1) + n * DAY: 24 for n in range(days)}
    assert sent_by_hour(platform) == [1] * int((true - datetime(2026, 3, 1, tzinfo=UTC)) / HOUR)
    assert checks.check(platform, clock=lambda: true).cells_unequal == 0
    # And goes on so: nothing of it is due again.
    assert clock.at(f"{true:%Y-%m-%d %H:%M}") == []
