"""How the worker begins and ends: stopped, signalled, killed, and in whatever time zone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import schedule
from sqlalchemy import Engine, text

from aggregation import ledger, worker
from aggregation.jobs import JOBS
from aggregation.publishing import Interrupted
from aggregation.worker import Worker
from tests.integration.test_worker import EVENTS, MovedClock, runs
from tests.spec.tables import change, fill, rows


@contextmanager
def running(engine: Engine, **arguments: Any) -> Iterator[tuple[Worker, threading.Thread]]:
    working = Worker(engine, lambda: datetime(2026, 3, 11, 12, tzinfo=UTC), **arguments)
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        yield working, thread
    finally:
        working.stop()
        thread.join(15)
        assert not thread.is_alive()


def wait_until(engine: Engine, condition: str) -> None:
    """Ask the database until it says yes; on a busy machine it is given two minutes."""
    given_up = time.monotonic() + 120
    while time.monotonic() < given_up:
        with engine.connect() as connection:
            if connection.execute(text(f"SELECT {condition}")).scalar_one():
                return
            connection.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError(f"never came true: {condition}")


# Nothing is missing any more; and, the last that a first pass does, all is recounted.
DONE = f"EXISTS (SELECT FROM job_runs WHERE job = '{JOBS[-1].name}' AND state = 'succeeded')"
RECOUNTED = "EXISTS (SELECT FROM job_runs WHERE job = 'check' AND state = 'succeeded')"
# A job of whole days waits, and holds the writers' lock.
BLOCK = text("LOCK TABLE revenue_breakdown IN ACCESS EXCLUSIVE MODE")
BLOCKED = "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'revenue_breakdown'::regclass)"


def test_it_runs_until_it_is_stopped(platform: Engine) -> None:
    fill(platform, EVENTS)
    with running(platform) as (working, thread):
        wait_until(platform, DONE)
        asked = time.monotonic()
        working.stop()
        thread.join(10)
        assert time.monotonic() - asked < 2
    assert {state for *_, state, _ in runs(platform)} == {"succeeded"}


def test_a_stop_cancels_what_takes_too_long(platform: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GRACE", timedelta(seconds=0.1))
    fill(platform, EVENTS)
    with platform.connect() as blocker:
        blocker.execute(BLOCK)
        with running(platform) as (working, thread):
            wait_until(platform, BLOCKED)
            asked = time.monotonic()
            working.stop()
            thread.join(10)
            assert time.monotonic() - asked < 5
    assert {state for *_, state, _ in runs(platform)} == {"interrupted"}
    with running(platform):
        wait_until(platform, DONE)
    with platform.connect() as connection:
        assert ledger.complete_through(connection) == date(2026, 3, 10)


def test_a_stop_between_jobs_rolls_back(platform: Engine) -> None:
    fill(platform, EVENTS)
    clock = MovedClock(platform, "2026-03-11 12:00")
    clock.worker.stop()
    with pytest.raises(Interrupted):
        clock.at("2026-03-11 12:00")
    assert {state for *_, state, _ in runs(platform)} == {"interrupted"}
    assert rows(platform, "daily_analytics") == []


def test_its_start_marks_what_a_dead_process_left(platform: Engine, caplog: pytest.LogCaptureFixture) -> None:
    ledger.start(platform, "daily", date(2026, 3, 1), date(2026, 3, 2), datetime(2026, 3, 3, tzinfo=UTC))
    with running(platform):
        wait_until(platform, "EXISTS (SELECT FROM job_runs WHERE state = 'interrupted')")
    assert "1 runs of a process that ended were marked as interrupted" in caplog.text


def test_a_wall_clock_set_back_doesnt_put_it_to_sleep(
    platform: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of daylight saving: `schedule` alone would tick an hour later."""
    local = SimpleNamespace(hours_back=0)

    class Local(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(hours=local.hours_back)

    moved = SimpleNamespace(datetime=Local, timedelta=timedelta)
    monkeypatch.setattr(schedule, "datetime", moved)
    monkeypatch.setattr(worker, "TICK_SECONDS", 1)
    ticks = threading.Semaphore(0)

    def tick(_self: Worker, _now: datetime) -> None:
        ticks.release()

    monkeypatch.setattr(Worker, "run_due", tick)
    with running(platform):
        assert ticks.acquire(timeout=10)
        assert ticks.acquire(timeout=10)
        local.hours_back = 1
        for _ in range(3):
            assert ticks.acquire(timeout=10)


# ---- as a process ----

PROGRAM = """
import logging, sys
from aggregation.database import connect
from aggregation.worker import Worker
logging.basicConfig(level="INFO")
Worker(connect(sys.argv[1])).run()
print("dash" in sys.modules or "flask" in sys.modules)
"""


@contextmanager
def process(engine: Engine, **environment: str) -> Iterator[subprocess.Popen[str]]:
    url = engine.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **environment},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time(platform: Engine, number: signal.Signals) -> None:
    fill(platform, EVENTS)
    with process(platform) as child:
        wait_until(platform, DONE)
        asked = time.monotonic()
        child.send_signal(number)
        out, err = child.communicate(timeout=10)
        assert time.monotonic() - asked < 5
    assert (child.returncode, out) == (0, "False\n")
    assert "worker stops" in err
    assert "Traceback" not in err


def test_a_signal_in_mid_statement_ends_it_in_time(platform: Engine) -> None:
    fill(platform, EVENTS)
    with platform.connect() as blocker:
        blocker.execute(BLOCK)
        with process(platform) as child:
            wait_until(platform, BLOCKED)
            asked = time.monotonic()
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate(timeout=10)
            assert time.monotonic() - asked < 10
    assert child.returncode == 0
    assert "the work under way was rolled back" in err
    assert {state for *_, state, _ in runs(platform)} == {"interrupted"}


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_the_time_zone_of_the_machine_changes_nothing(platform: Engine, zone: str) -> None:
    """The process's own now, in a zone whose calendar day often isn't the one in UTC."""
    change(
        platform,
        "INSERT INTO virtual_gifts SELECT n, 1, 1, 2, NULL, 1, 1, 'completed',"
        " date_trunc('hour', now() AT TIME ZONE 'UTC') - n * interval '1 hour' FROM generate_series(1, 72) n",
    )
    with process(platform, TZ=zone) as child:
        wait_until(platform, DONE)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)
    with platform.connect() as connection:
        stored = connection.execute(
            text("SELECT date, total_gifts_sent FROM daily_analytics ORDER BY 1")
        ).all()
        counted = connection.execute(
            text("SELECT created_at::date, count(*) FROM virtual_gifts GROUP BY 1 ORDER BY 1")
        ).all()
    assert [tuple(row) for row in stored] == [tuple(row) for row in counted][: len(stored)]
    assert len(stored) in (2, 3)


@pytest.mark.parametrize("now", ["03-08 06:59", "03-08 07:01", "11-01 05:30", "11-01 06:30"])
def test_what_is_due_is_the_same_across_daylight_saving(
    platform: Engine, monkeypatch: pytest.MonkeyPatch, now: str
) -> None:
    now = f"2026-{now}"
    fill(platform, "users\nid | created_at\n1 | 2026-03-01")
    expected = MovedClock(platform, now).worker.due()
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "America/New_York")
            time.tzset()
            assert MovedClock(platform, now).worker.due() == expected
    finally:
        time.tzset()
