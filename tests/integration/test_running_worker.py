"""Today so far in the worker: it goes on beside all else, and ends with it."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from aggregation import checks, running_day, worker
from aggregation.leases import Lease
from aggregation.publishing import refresh_running_day
from tests.integration.test_running_day import at, counted_hours, give, true_hours
from tests.integration.test_worker import EVENTS, runs
from tests.integration.test_worker_endings import BLOCK, BLOCKED, DONE, running, wait_until
from tests.spec.tables import change, fill, rows

# Of the four that EVENTS and the tests give on the running day, at noon.
COUNTED = "coalesce(sum(gifts), 0) = {} FROM running_hours"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COUNTED_EVERY", 0.05)
    monkeypatch.setattr(worker, "RECOUNTED_EVERY", 0.05)


def test_it_is_counted_while_a_backfill_takes_its_time(platform: Engine) -> None:
    fill(platform, EVENTS)
    with platform.connect() as blocker:
        blocker.execute(BLOCK)
        with running(platform):
            wait_until(platform, BLOCKED)
            wait_until(platform, COUNTED.format(2))
            give(platform, 20, "2026-03-11 11:59:59")
            wait_until(platform, COUNTED.format(3))
            # late: only a recount finds it
            give(platform, 21, "2026-03-11 08:00")
            wait_until(platform, COUNTED.format(4))
            assert rows(platform, "daily_analytics") == []
            blocker.rollback()
            wait_until(platform, DONE)
    assert counted_hours(platform) == true_hours(platform)


def test_its_hours_by_spark_are_too(platform: Engine) -> None:
    """Whatever takes its time holds the writers' lock: a month, a repair, a request."""
    fill(platform, EVENTS)
    hours = "count(*) = {} FROM gift_analytics"
    with platform.connect() as blocker:
        blocker.execute(BLOCK)
        with running(platform):
            wait_until(platform, BLOCKED)
            wait_until(platform, hours.format(2))
            wait_until(platform, "state = 'succeeded' FROM job_runs WHERE job = 'today'")
            assert rows(platform, "daily_analytics") == []
            blocker.rollback()
            wait_until(platform, DONE)
    assert [row[0].day for row in rows(platform, "gift_analytics", "hour")] == [8, 9, 10, 11, 11]
    assert {state for *_, state, _ in runs(platform)} == {"succeeded"}
    assert checks.check(platform, clock=lambda: at("2026-03-11 12:00")).cells_unequal == 0


def test_it_ends_with_the_worker_also_in_mid_statement(
    platform: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE", timedelta(seconds=0.1))
    fill(platform, EVENTS)
    blocked = "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'running_hours'::regclass)"
    with platform.connect() as blocker:
        blocker.execute(text("LOCK TABLE running_hours IN ACCESS EXCLUSIVE MODE"))
        with running(platform) as (working, thread):
            wait_until(platform, blocked)
            asked = time.monotonic()
            working.stop()
            thread.join(10)
            assert time.monotonic() - asked < 5
    assert rows(platform, "running_day") == []


def test_what_fails_in_it_stops_nothing_else_and_passes(
    platform: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    fill(platform, EVENTS)
    change(platform, "ALTER TABLE running_hours RENAME TO away")
    with running(platform):
        wait_until(platform, DONE)
        change(platform, "ALTER TABLE away RENAME TO running_hours")
        wait_until(platform, COUNTED.format(2))
    assert caplog.text.count("today so far: ") == 1
    assert {state for *_, state, _ in runs(platform)} == {"succeeded"}


def test_who_is_not_at_work_counts_nothing(platform: Engine, caplog: pytest.LogCaptureFixture) -> None:
    fill(platform, EVENTS)
    lease = Lease(platform.url)
    assert lease.take()
    ((until,),) = rows(platform, "worker_leases", "expires_at")
    soon = until + timedelta(seconds=2)
    with running(platform):
        # it has looked at the lease a few times
        wait_until(platform, f"max(expires_at) > timestamptz '{soon}' FROM worker_leases")
        assert "another worker is at work" in caplog.text
        assert rows(platform, "running_day") == []
        lease.release()
        wait_until(platform, COUNTED.format(2))


def test_passes_spoil_no_longer_work_on_the_running_day(platform: Engine) -> None:
    """Which is one transaction on one snapshot, and ends by giving its numbers a version."""
    fill(platform, EVENTS)

    def passing(*_: object) -> bool:
        running_day.refresh(platform, at("2026-03-11 12:00"))
        return False

    results = refresh_running_day(platform, clock=lambda: at("2026-03-11 12:00"), stopped=passing)
    assert [result.state for result in results] == ["succeeded"]
