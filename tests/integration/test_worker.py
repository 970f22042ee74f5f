"""The worker: what runs when, on a clock that the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, literal_column, text

from aggregation import jobs
from aggregation.agenda import RETRY_AFTER
from aggregation.jobs import forecast
from aggregation.publishing import aggregate
from aggregation.schema import source
from aggregation.worker import Worker
from tests.spec.tables import change, expect, fill, rows

MINUTE = timedelta(minutes=1)
EARLY = ["daily", "gifts", "engagement", "returns", "revenue", "cohorts"]
LATE = ["creators", "earnings", "supporters", "supporter_returns", "profiles"]
USERS = """
users
id | created_at       | is_creator
1  | 2026-03-01 09:00 | false
2  | 2026-03-01 09:00 | true

"""
EVENTS = """
users
id | created_at       | is_creator
1  | 2026-03-08 09:00 | false
2  | 2026-03-08 09:00 | true

virtual_gifts
created_at
2026-03-08 10:00
2026-03-09 10:00
2026-03-10 10:00
2026-03-11 10:00
2026-03-11 11:00
"""


class MovedClock:
    def __init__(self, engine: Engine, now: str) -> None:
        self.engine = engine
        self.now = datetime.fromisoformat(now).replace(tzinfo=UTC)
        self.worker = Worker(engine, lambda: self.now)

    def at(self, now: str) -> list[tuple[str, int, int]]:
        """Set the clock, let the worker pass; what ran: (job, first day, last day) of March."""
        self.now = datetime.fromisoformat(now).replace(tzinfo=UTC)
        before = len(runs(self.engine))
        self.worker.run_due(self.now)
        return [(job, first.day, last.day) for job, first, last, *_ in runs(self.engine)[before:]]


def runs(engine: Engine) -> list[tuple[Any, ...]]:
    """Of whole days."""
    columns = ("job", "first_day", "last_day", "state", "started_at")
    return [run for run in rows(engine, "job_runs", *columns) if run[0] not in ("today", "forecast")]


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """This job's statements divide by zero."""

    def replaced(job: jobs.Job) -> jobs.Job:
        def statement(first: date, last: date, missing: frozenset[str]) -> Any:
            return job.statement(first, last, missing).where(literal_column("1/0") > 0)

        return replace(job, statement=statement) if job.name == name else job

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "JOBS", tuple(map(replaced, jobs.JOBS)))
        yield


def test_the_start_catches_up_on_every_missing_day(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    assert clock.at("2026-03-11 12:00") == [(job, 8, 10) for job in EARLY + LATE]
    assert [day.day for (day,) in rows(platform, "daily_analytics", "date")] == [8, 9, 10]


def test_a_night(platform: Engine) -> None:
    """The day's own jobs run when it is complete, the creators' at half past, then all of its tables."""
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.at("2026-03-11 12:00")
    assert clock.at("2026-03-12 00:05") == []
    assert clock.at("2026-03-12 00:09:59") == []
    assert clock.at("2026-03-12 00:10") == [(job, 11, 11) for job in EARLY]
    assert clock.at("2026-03-12 00:11") == []
    assert clock.at("2026-03-12 00:30") == [(job, 11, 11) for job in EARLY + LATE]
    assert clock.at("2026-03-12 00:31") == []
    assert clock.at("2026-03-12 23:59") == []
    expect(platform, "daily_analytics\ntotal_gifts_sent\n1\n1\n1\n2")


def test_a_gift_refunded_between_the_slots_breaks_no_identity(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.at("2026-03-12 00:10")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 5")
    clock.at("2026-03-12 00:30")
    day = "WHERE date = '2026-03-11'"
    with platform.connect() as connection:
        query = text(
            f"SELECT (SELECT creator_earnings FROM daily_analytics {day}),"
            f" (SELECT gift_revenue FROM creator_metrics {day})"
        )
        earned, received = connection.execute(query).one()
    assert earned == received


def test_a_restart_does_only_what_is_missing(platform: Engine) -> None:
    fill(platform, EVENTS)
    MovedClock(platform, "2026-03-10 12:00").at("2026-03-10 12:00")
    restarted = MovedClock(platform, "2026-03-12 12:00")
    assert restarted.at("2026-03-12 12:00") == [(job, 10, 11) for job in EARLY + LATE]
    assert MovedClock(platform, "2026-03-12 13:00").at("2026-03-12 13:00") == []


def test_a_gap_is_closed(platform: Engine) -> None:
    fill(platform, EVENTS)
    aggregate(platform, last=date(2026, 3, 8), clock=lambda: datetime(2026, 3, 12, 2, tzinfo=UTC))
    aggregate(platform, date(2026, 3, 10), clock=lambda: datetime(2026, 3, 12, 2, tzinfo=UTC))
    assert MovedClock(platform, "2026-03-12 12:00").at("2026-03-12 12:00") == [
        (job, 9, 9) for job in EARLY + LATE
    ]


def test_events_that_come_later_are_noticed(platform: Engine) -> None:
    clock = MovedClock(platform, "2026-03-12 12:00")
    assert clock.at("2026-03-12 12:00") == []
    fill(platform, EVENTS)
    assert clock.at("2026-03-12 12:01") == [(job, 8, 11) for job in EARLY + LATE]


def test_without_the_platforms_tables_it_says_so_once_and_waits(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = MovedClock(database, "2026-03-12 12:00")
    for minute in range(3):
        assert clock.at(f"2026-03-12 12:0{minute}") == []
    assert caplog.text.count("catching up: the database has no users") == 1
    assert "Traceback" not in caplog.text
    assert clock.worker.due()[0].startswith("nothing can run: the database has no users")
    source.create_all(database)
    fill(database, EVENTS)
    assert clock.at("2026-03-12 12:04") == [(job, 8, 11) for job in EARLY + LATE]


def test_a_failing_job_stops_no_other_and_is_tried_again_later(
    platform: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    with failing(monkeypatch, "revenue"):
        assert len(clock.at("2026-03-11 12:00")) == len(jobs.JOBS)
        states = {job: state for job, _, _, state, _ in runs(platform)}
        assert states.pop("revenue") == "failed"
        assert set(states.values()) == {"succeeded"}
        assert "job revenue failed for 2026-03-08 to 2026-03-10: division by zero" in caplog.text
        assert clock.at("2026-03-11 12:01") == []
    again = clock.now - MINUTE + RETRY_AFTER
    assert [job for job, *_ in clock.at(f"{again:%Y-%m-%d %H:%M}") if job == "revenue"]
    assert clock.at("2026-03-11 13:30") == []
    assert len(rows(platform, "revenue_breakdown")) == 3


def test_a_failure_doesnt_hold_up_the_next_day(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    with failing(monkeypatch, "revenue"):
        clock.at("2026-03-12 00:09")
        ran = clock.at("2026-03-12 00:10")
    assert {job for job, _, last in ran if last == 11} == set(EARLY)


def test_a_pass_without_work_asks_nothing_of_the_database(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.at("2026-03-11 12:00")
    asked: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(platform, "before_cursor_execute", note)
    clock.worker.run_due(clock.now + MINUTE)
    event.remove(platform, "before_cursor_execute", note)
    assert asked == []


def test_the_running_day_by_the_hour_every_five_minutes(platform: Engine) -> None:
    def refreshed() -> str:
        return next(
            f"{at:%H:%M}" for job, at in rows(platform, "job_runs", "job", "started_at") if job == "today"
        )

    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 10:30")
    clock.at("2026-03-11 10:30")
    hours = rows(platform, "gift_analytics", "hour", "send_count")
    assert hours[-1] == (datetime(2026, 3, 11, 11), 1)  # noqa: DTZ001
    assert len(hours) == 5
    assert len(rows(platform, "daily_analytics")) == 3
    for now, expected in (("10:34", "10:30"), ("10:35", "10:35"), ("10:36", "10:35"), ("10:41", "10:41")):
        clock.at(f"2026-03-11 {now}")
        assert refreshed() == expected
    assert sum(job == "today" for (job,) in rows(platform, "job_runs", "job")) == 1


MONTH = "\n".join(["virtual_gifts", "created_at", *(f"2026-03-{day:02} 10:00" for day in range(1, 28))])


def forecasts(engine: Engine) -> list[tuple[str, str]]:
    """Those in the ledger: when they started, in March, and how they ended."""
    found = rows(engine, "job_runs", "job", "started_at", "state")
    return [(f"{start.astimezone(UTC):%d %H:%M}", state) for job, start, state in found if job == "forecast"]


def test_the_forecast_is_made_at_once_then_on_mondays(platform: Engine) -> None:
    fill(platform, USERS + MONTH)
    clock = MovedClock(platform, "2026-03-13 12:00")
    for now in (
        "13 12:00",
        "13 12:01",
        "14 12:00",
        "15 12:00",
        "16 00:59",
        "16 01:00",
        "16 01:01",
        "17 01:00",
    ):
        clock.at(f"2026-03-{now}")
    assert forecasts(platform) == [("13 12:00", "succeeded"), ("16 01:00", "succeeded")]
    known = set(rows(platform, "revenue_forecast", "made_on", "data_through"))
    assert known == {(date(2026, 3, 13), date(2026, 3, 12)), (date(2026, 3, 16), date(2026, 3, 15))}
    # What came of the first is known without another forecast.
    came = rows(platform, "revenue_forecast", "forecast_date", "actual_revenue")
    assert {day for day, actual in came if actual is not None} == {
        date(2026, 3, day) for day in range(13, 17)
    }


def test_a_restart_makes_no_second_forecast(platform: Engine) -> None:
    fill(platform, USERS + MONTH)
    MovedClock(platform, "2026-03-18 12:00").at("2026-03-18 12:00")
    MovedClock(platform, "2026-03-18 13:00").at("2026-03-18 13:00")
    assert len(forecasts(platform)) == 1
    # A Monday that was slept through is made up for.
    MovedClock(platform, "2026-03-24 13:00").at("2026-03-24 13:00")
    assert len(forecasts(platform)) == 2


def test_a_backfill_is_followed_by_a_forecast(platform: Engine) -> None:
    fill(platform, USERS + MONTH)
    clock = MovedClock(platform, "2026-03-18 12:00")
    clock.at("2026-03-18 12:00")
    clock.at("2026-03-19 12:00")
    assert len(forecasts(platform)) == 1
    later = datetime(2026, 3, 19, 13, tzinfo=UTC)
    aggregate(platform, date(2026, 3, 17), date(2026, 3, 18), clock=lambda: later)
    for minute in range(2):
        clock.at(f"2026-03-19 13:0{minute + 1}")
    assert [start for start, _ in forecasts(platform)] == ["18 12:00", "19 13:01"]


def test_with_less_than_a_week_there_is_nothing_to_forecast(
    platform: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform, USERS + MONTH)
    clock = MovedClock(platform, "2026-03-07 12:00")
    clock.at("2026-03-07 12:00")
    assert forecasts(platform) == []
    assert "forecast" not in caplog.text
    clock.at("2026-03-08 12:00")
    assert len(forecasts(platform)) == 1


def test_a_forecast_that_fails_is_tried_again_later(
    platform: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no fit")

    fill(platform, USERS + MONTH)
    clock = MovedClock(platform, "2026-03-18 12:00")
    with monkeypatch.context() as patch:
        patch.setattr(forecast, "_store", fail)
        for minute in range(3):
            clock.at(f"2026-03-18 12:0{minute}")
    assert forecasts(platform) == [("18 12:00", "failed")]
    assert caplog.text.count("the forecast: no fit") == 1
    clock.at("2026-03-18 12:10")
    assert len(forecasts(platform)) == 1
    clock.at("2026-03-18 12:15")
    assert [state for _, state in forecasts(platform)] == ["failed", "succeeded"]


def test_due_tells_what_is_overdue_and_what_comes(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    names = ", ".join(EARLY + LATE)
    assert clock.worker.due() == [
        f"overdue: {names} for 2026-03-08 to 2026-03-10",
        f"next: 2026-03-12 00:10 UTC {', '.join(EARLY)}",
        f"next: 2026-03-12 00:30 UTC {', '.join(LATE)}",
        "next: 2026-03-16 01:00 UTC forecast",
    ]
    clock.at("2026-03-11 12:00")
    assert len(clock.worker.due()) == 3


# ---- what is kept for a limited time ----


def audited(engine: Engine) -> list[str]:
    return sorted(action for (action,) in rows(engine, "dashboard_audit", "action"))


def entry(engine: Engine, action: str, days_old: int) -> None:
    age = f"now() - interval '{days_old} days'"
    change(engine, f"INSERT INTO dashboard_audit (action, at) VALUES ('{action}', {age})")


def test_old_entries_of_the_audit_log_go_once_a_day(platform: Engine) -> None:
    """Their age is by the database's clock, not by the worker's."""
    for action, days in (("old", 401), ("kept", 399)):
        entry(platform, action, days)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.at("2026-03-11 12:00")
    assert audited(platform) == ["kept"]
    entry(platform, "older", 500)
    clock.at("2026-03-11 23:59")
    assert audited(platform) == ["kept", "older"]
    clock.at("2026-03-12 00:00")
    assert audited(platform) == ["kept"]
    clock.at("2036-03-12 00:00")
    assert audited(platform) == ["kept"]
