"""A rerun changes nothing; a changed source changes exactly what it should."""

import pytest
from sqlalchemy import Engine

from aggregation.jobs import JOBS
from tests.spec.tables import change, compute, expect, fill, rows
from tests.spec.test_validity import GOOD


def compute_all(engine: Engine) -> int:
    return sum(compute(engine, job.name, "2026-03-09", "2026-03-11") for job in JOBS)


def test_a_second_run_changes_no_row(platform: Engine) -> None:
    fill(platform, GOOD)
    assert compute_all(platform) > 0
    before = {job.name: rows(platform, job.table.name) for job in JOBS}
    assert compute_all(platform) == 0
    assert {job.name: rows(platform, job.table.name) for job in JOBS} == before


def test_a_refund_days_later_leaves_no_trace(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | is_creator
        2  | true

        virtual_gifts
        sender_id | recipient_id | creator_share | platform_share | created_at
        1         | 2            | 7.00          | 3.00           | 2026-03-10 10:00
        3         | 2            | 0.70          | 0.30           | 2026-03-10 11:00
        """,
    )
    compute_all(platform)
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 1")
    compute_all(platform)
    expect(
        platform,
        """
        daily_analytics
        date       | active_users | total_gifts_sent | total_revenue | average_gift_value
        2026-03-09 | 0            | 0                | 0.00          | 0
        2026-03-10 | 1            | 1                | 1.00          | 1
        2026-03-11 | 0            | 0                | 0.00          | 0

        gift_analytics
        hour             | send_count | revenue
        2026-03-10 11:00 | 1          | 1.00

        creator_metrics
        creator_id | gifts_received | gift_revenue
        2          | 1              | 0.70

        creator_supporters
        creator_id | supporter_id | amount
        2          | 3            | 0.70

        revenue_breakdown
        source | amount | transaction_count
        gifts  | 1.00   | 1

        user_engagement
        user_id | gifts_sent | gifts_received
        2       | 0          | 1
        3       | 1          | 0
        """,
    )


@pytest.mark.parametrize(
    "job", [job.name for job in JOBS if job.name not in ("daily", "profiles", "spark_profiles")]
)
def test_rows_of_other_days_are_not_touched(platform: Engine, job: str) -> None:
    """Not even where they are wrong: a run answers for its own days only."""
    fill(platform, GOOD)
    (table,) = (each.table.name for each in JOBS if each.name == job)
    compute(platform, job, "2026-03-10")
    before = rows(platform, table)
    change(platform, "DELETE FROM virtual_gifts")
    change(platform, "DELETE FROM users")
    compute(platform, job, "2026-03-09")
    compute(platform, job, "2026-03-11")
    assert rows(platform, table) == before
