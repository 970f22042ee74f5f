from datetime import UTC, datetime

import pytest

from aggregation.agenda import FORECAST_NEEDS_DAYS, Task, last_forecast_slot, next_starts
from aggregation.forecasting import MIN_DAYS
from aggregation.jobs import JOBS


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        (datetime(2026, 3, 16, 0, 59, 59, tzinfo=UTC), datetime(2026, 3, 9, 1, tzinfo=UTC)),
        (datetime(2026, 3, 16, 1, tzinfo=UTC), datetime(2026, 3, 16, 1, tzinfo=UTC)),
        (datetime(2026, 3, 22, 23, 59, tzinfo=UTC), datetime(2026, 3, 16, 1, tzinfo=UTC)),
        (datetime(2026, 3, 23, 0, 30, tzinfo=UTC), datetime(2026, 3, 16, 1, tzinfo=UTC)),
    ],
)
def test_the_forecasts_slot_is_mondays_at_one(now: datetime, slot: datetime) -> None:
    assert last_forecast_slot(now) == slot


def test_the_worker_waits_for_as_many_days_as_a_forecast_needs() -> None:
    assert FORECAST_NEEDS_DAYS == MIN_DAYS


def test_the_next_starts_come_soonest_first() -> None:
    starts = next_starts(datetime(2026, 3, 16, 0, 20, tzinfo=UTC))
    assert [(f"{start:%d %H:%M}", len(jobs)) for start, jobs in starts] == [
        ("16 00:30", 21),
        ("16 01:00", 1),
        ("16 02:00", 1),
        ("17 00:10", 13),
    ]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
def test_a_job_is_due_exactly_from_its_next_start_on(job: object) -> None:
    now = datetime(2026, 3, 11, 12, tzinfo=UTC)
    (each,) = (one for one in JOBS if one is job)
    start = each.next_start(now)
    assert each.due(start.replace(microsecond=0)) > each.due(now)
    assert each.due(start.replace(minute=start.minute - 1, second=59)) == each.due(now)


def test_a_task_reads_like_a_sentence() -> None:
    day = datetime(2026, 3, 11, tzinfo=UTC).date()
    assert str(Task(day, day, ("daily", "gifts"))) == "daily, gifts for 2026-03-11"
    assert str(Task(day.replace(day=1), day, ("daily",))) == "daily for 2026-03-01 to 2026-03-11"
