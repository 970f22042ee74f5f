"""The worker: what runs when, on a clock that the test moves."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, event, literal_column, text
from sqlalchemy.exc import DBAPIError

from aggregation import checks, jobs, retries, triggers
from aggregation.database import connect
from aggregation.days import months
from aggregation.jobs import forecast
from aggregation.ledger import Reason
from aggregation.publishing import aggregate
from aggregation.schema import source
from aggregation.worker import Worker
from tests.spec.tables import change, expect, fill, rows

MINUTE = timedelta(minutes=1)
EARLY = [
    *("daily", "gifts", "engagement", "returns", "cohort_activity", "frequency", "gifters"),
    *("gifter_activity", "revenue", "refunds", "gift_values", "spark_days", "cohorts"),
]
LATE = [
    *("creators", "video_gifts", "months", "sparks", "hours", "videos", "viewers", "viewer_returns"),
    *("supporters", "supporter_totals", "supporter_returns", "supporter_spreads"),
    *("cohort_value", "gifter_months"),
    *("gifter_cohorts", "session_lengths", "profiles", "peers", "spark_profiles"),
    *("video_names", "supporter_names"),
]
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
        self.worker.count_hours(self.now)
        return [(job, first.day, last.day) for job, first, last, *_ in runs(self.engine)[before:]]


def runs(engine: Engine) -> list[list[Any]]:
    """Of whole days, but those of the newest that each night are computed again."""
    columns = ("job", "first_day", "last_day", "state", "started_at")
    found = rows(engine, "job_runs", "reason", *columns)
    return [
        run for why, *run in found if run[0] not in ("today", "forecast", "check") and why == Reason.SCHEDULE
    ]


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


def test_a_failing_job_stops_no_other_and_is_left_until_the_next_slot(
    platform: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong with the data or the program doesn't pass by itself."""
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    with failing(monkeypatch, "revenue"):
        assert len(clock.at("2026-03-11 12:00")) == len(jobs.JOBS)
        states = {job: state for job, _, _, state, _ in runs(platform)}
        assert states.pop("revenue") == "failed"
        assert set(states.values()) == {"succeeded"}
        assert "job revenue failed for 2026-03-08 to 2026-03-10: division by zero" in caplog.text
        assert clock.at("2026-03-11 12:01") == []
        assert clock.at("2026-03-12 00:09") == []
    assert [job for job, *_ in clock.at("2026-03-12 00:10") if job == "revenue"]
    assert clock.at("2026-03-12 00:11") == []
    assert len(rows(platform, "revenue_breakdown")) == 4


LOCKED = "LOCK TABLE revenue_breakdown IN ACCESS EXCLUSIVE MODE"


@contextmanager
def impatient(engine: Engine) -> Iterator[None]:
    """Sessions that wait for no lock."""

    def hurry(dbapi: Any, *_: Any) -> None:
        dbapi.cursor().execute("SET lock_timeout = '10ms'")
        dbapi.commit()

    event.listen(engine, "connect", hurry)
    engine.dispose()
    yield
    event.remove(engine, "connect", hurry)
    engine.dispose()


def test_what_passes_is_tried_again_soon_and_then_less_and_less_often(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    attempts = list[datetime]()
    with platform.connect() as blocker, impatient(platform):
        blocker.execute(text(LOCKED))
        for second in (*range(60), *range(60, 2400, 10)):
            now = datetime(2026, 3, 11, 12, tzinfo=UTC) + timedelta(seconds=second)
            if clock.at(f"{now:%Y-%m-%d %H:%M:%S}"):
                attempts.append(now)
        blocker.rollback()
        tried = (job for job, *_ in clock.at("2026-03-11 12:45"))
        assert "revenue" in tried
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    longest = [min(retries.LONGEST, retries.SHORTEST * 2**number) for number in range(len(waits))]
    # a pass comes each second, after a minute every ten
    slack = [timedelta(seconds=1 if each - attempts[0] < MINUTE else 10) for each in attempts[1:]]
    limits = zip(waits, longest, slack, strict=True)
    assert all(most / 2 <= wait <= most + late for wait, most, late in limits)
    assert longest[0] == retries.SHORTEST
    assert longest[-1] == retries.LONGEST
    assert rows(platform, "revenue_breakdown") != []


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        ("08006", True),
        ("40001", True),
        ("40P01", True),
        ("53100", True),
        ("53300", True),
        ("55P03", True),
        ("57014", True),
        ("57P01", True),
        ("25006", True),
        ("58030", True),
        ("22012", False),
        ("22003", False),
        ("23505", False),
        ("42501", False),
        ("42P01", False),
    ],
)
def test_what_is_worth_trying_again(platform: Engine, code: str, passes: bool) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(DBAPIError) as caught, platform.begin() as connection:
        connection.execute(text(raised))
    assert retries.is_passing(caught.value) is passes


def test_no_connection_is_worth_trying_again() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DBAPIError) as caught:
        engine.connect()
    assert retries.is_passing(caught.value)
    assert not retries.is_passing(ValueError("a fault of ours"))


def test_a_failure_doesnt_hold_up_the_next_day(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    with failing(monkeypatch, "revenue"):
        clock.at("2026-03-12 00:09")
        ran = clock.at("2026-03-12 00:10")
    assert {job for job, _, last in ran if last == 11} == set(EARLY)


def test_a_pass_without_work_asks_only_whether_there_is_some(platform: Engine) -> None:
    """What others may leave for it: cells to be repaired, and requests."""
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.at("2026-03-11 12:00")
    asked: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(platform, "before_cursor_execute", note)
    clock.worker.run_due(clock.now + MINUTE)
    event.remove(platform, "before_cursor_execute", note)
    assert [re.search(r"FROM (\w+)", statement)[1] for statement in asked] == [  # type: ignore[index]
        "unequal_cells",
        "job_requests",
    ]


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


def test_a_forecast_that_fails_is_left_until_the_next_slot(
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
    clock.at("2026-03-19 00:09")
    assert len(forecasts(platform)) == 1
    clock.at("2026-03-19 00:10")
    assert [state for _, state in forecasts(platform)] == ["failed", "succeeded"]


def test_due_tells_what_is_overdue_and_what_comes(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    names = ", ".join(EARLY + LATE)
    assert clock.worker.due() == [
        f"overdue: {names} for 2026-03-08 to 2026-03-10",
        f"next: 2026-03-12 00:10 UTC {', '.join(EARLY)}",
        f"next: 2026-03-12 00:30 UTC {', '.join(LATE)}",
        "next: 2026-03-12 02:00 UTC check",
        "next: 2026-03-16 01:00 UTC forecast",
    ]
    clock.at("2026-03-11 12:00")
    assert len(clock.worker.due()) == 4


# ---- long absences, and clocks that are set ----


@pytest.mark.parametrize("days", [1, 3, 40, 365])
def test_after_an_absence_every_gap_is_filled_month_by_month(platform: Engine, days: int) -> None:
    fill(platform, EVENTS)
    MovedClock(platform, "2026-03-12 12:00").at("2026-03-12 12:00")
    first, last = date(2026, 3, 12), date(2026, 3, 11) + timedelta(days=days)
    change(
        platform,
        "INSERT INTO virtual_gifts SELECT 1000 + n, 1, 1, 2, NULL, 1, 1, 'completed',"
        f" timestamp '2026-03-12 10:00' + n * interval '1 day' FROM generate_series(0, {days}) n",
    )
    before = len(runs(platform))
    now = datetime.combine(last + timedelta(days=1), time(12), UTC)
    Worker(platform, lambda: now).run_due(now)
    spans = [(since, until) for job, since, until, *_ in runs(platform)[before:] if job == "daily"]
    assert spans == list(months(first, last))
    stored = rows(platform, "daily_analytics", "date", "total_gifts_sent")
    # each day, and not the one that isn't over
    assert [day for day, _ in stored] == [date(2026, 3, 8) + timedelta(days=n) for n in range(4 + days)]
    assert {sent for day, sent in stored if day >= first} == {1}
    assert checks.check(platform, clock=lambda: now).cells_unequal == 0


def test_a_clock_that_was_ahead_has_closed_no_day(platform: Engine, caplog: pytest.LogCaptureFixture) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-10 12:00")
    clock.at("2026-03-10 12:00")
    assert clock.at("2026-03-14 12:00") == [(job, 10, 13) for job in EARLY + LATE]
    change(
        platform,
        "INSERT INTO virtual_gifts VALUES (50, 1, 1, 2, NULL, 1, 1, 'completed', '2026-03-12 10:00')",
    )
    # set right
    assert clock.at("2026-03-11 12:00") == [(job, 10, 10) for job in EARLY + LATE]
    assert "runs began in the future" in caplog.text
    for day in (11, 12, 13):
        assert clock.at(f"2026-03-{day + 1} 00:30") == [(job, day, day) for job in EARLY + LATE]
    expect(platform, "daily_analytics\ntotal_gifts_sent\n1\n1\n1\n2\n1\n0")


def test_a_clock_that_is_set_back_stops_nothing_and_doubles_nothing(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-12 00:31")
    clock.at("2026-03-12 00:31")
    assert clock.at("2026-03-12 00:28") == []
    assert clock.at("2026-03-12 00:31") == []
    clock.at("2026-03-12 10:30")
    # an hour back: the running day is still refreshed
    change(
        platform,
        "INSERT INTO virtual_gifts VALUES (50, 1, 1, 2, NULL, 1, 1, 'completed', '2026-03-12 09:10')",
    )
    assert clock.at("2026-03-12 09:30") == []
    assert [
        sent for hour, sent in rows(platform, "gift_analytics", "hour", "send_count") if hour.day == 12
    ] == [1]


# ---- the nightly recount ----


def recounted(engine: Engine) -> list[tuple[str, int, int]]:
    """When in March, and which days."""
    found = rows(engine, "job_runs", "job", "started_at", "first_day", "last_day")
    return [
        (f"{at.astimezone(UTC):%d %H:%M}", first.day, last.day)
        for job, at, first, last in found
        if job == "check"
    ]


def test_the_newest_days_are_recounted_each_night(platform: Engine, caplog: pytest.LogCaptureFixture) -> None:
    fill(platform, EVENTS)
    # So that no night computes the newest days again before.
    triggers.install(platform)
    clock = MovedClock(platform, "2026-03-11 12:00")
    for now in ("11 12:00", "11 12:01", "12 01:59", "12 02:00", "12 02:01"):
        clock.at(f"2026-03-{now}")
    assert recounted(platform) == [("11 12:00", 8, 10), ("12 02:00", 8, 11)]
    MovedClock(platform, "2026-03-12 03:00").at("2026-03-12 03:00")
    assert len(recounted(platform)) == 2
    assert "unequal" not in caplog.text
    change(platform, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-09'")
    clock.at("2026-03-13 02:00")
    assert re.search(r" 1 of \d+ recounted cells are unequal", caplog.text)


def test_a_recount_of_the_operators_own_is_not_repeated(platform: Engine) -> None:
    fill(platform, EVENTS)
    noon = datetime(2026, 3, 11, 12, tzinfo=UTC)
    aggregate(platform, clock=lambda: noon)
    checks.check(platform, clock=lambda: noon)
    MovedClock(platform, "2026-03-11 12:30").at("2026-03-11 12:30")
    assert recounted(platform) == []


def test_35_days_are_recounted_and_a_part_of_the_older_ones(platform: Engine) -> None:
    """Of 78 older days a thirtieth, rounded up, is 3."""
    fill(platform, EVENTS.replace("2026-03-08", "2025-12-08"))
    MovedClock(platform, "2026-03-31 12:00").at("2026-03-31 12:00")
    ran = rows(platform, "job_runs", "job", "first_day", "last_day")
    checked = [days for job, *days in ran if job == "check"]
    assert checked == [
        [date(2026, 2, 24), date(2026, 3, 30)],
        [date(2025, 12, 8), date(2025, 12, 10)],
    ]


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
