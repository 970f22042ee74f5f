"""What depends on a missing source table is null, never 0."""

import pytest
from sqlalchemy import Engine

from aggregation.jobs import JOBS
from tests.spec.tables import change, compute, expect, fill

SOURCES = """
users
id | created_at       | is_creator | followers
1  | 2026-03-10 01:00 | false      | 0
2  | 2026-03-10 01:00 | true       | 10

virtual_gifts
created_at
2026-03-10 10:00
"""


def compute_all(engine: Engine) -> None:
    for job in JOBS:
        compute(engine, job.name, "2026-03-10")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "user_sessions",
            """
            daily_analytics
            total_users | new_users | total_gifts_sent | active_users | engagement_rate
            2           | 2         | 1                | null         | null

            user_engagement
            user_id | session_count | session_duration | videos_watched | gifts_sent
            1       | null          | null             | 0              | 1
            2       | null          | null             | 0              | 0

            retention_cohorts
            cohort_size | day_0 | day_1
            2           | null  | null
            """,
        ),
        (
            "video_watches",
            """
            daily_analytics
            total_gifts_sent | active_users | engagement_rate
            1                | null         | null

            user_engagement
            user_id | session_count | session_duration | videos_watched
            1       | 0             | 0                | null
            2       | 0             | 0                | null

            creator_metrics
            video_views | video_likes | gifts_received | followers | engagement_rate
            null        | 0           | 1              | 10        | null

            retention_cohorts
            cohort_size | day_0
            2           | null
            """,
        ),
        (
            "video_interactions",
            """
            creator_metrics
            video_views | video_likes | video_comments | video_shares | engagement_rate
            0           | null        | null           | null         | null
            """,
        ),
        (
            "follows",
            """
            creator_metrics
            video_views | gifts_received | followers | followers_gained
            0           | 1              | null      | null

            creator_profiles
            creator_id | followers
            2          | 10
            """,
        ),
        (
            "transactions",
            """
            revenue_breakdown
            source | amount
            gifts  | 1.00
            """,
        ),
    ],
)
def test_without_one_table(platform: Engine, table: str, expected: str) -> None:
    fill(platform, SOURCES)
    change(platform, f"DROP TABLE {table}")
    compute_all(platform)
    expect(platform, expected)


def test_with_the_required_tables_only(platform: Engine) -> None:
    fill(platform, SOURCES)
    for table in ("user_sessions", "video_watches", "video_interactions", "follows", "transactions"):
        change(platform, f"DROP TABLE {table}")
    compute_all(platform)
    expect(
        platform,
        """
        daily_analytics
        date       | total_users | active_users | total_revenue
        2026-03-10 | 2           | null         | 1.00

        creator_metrics
        creator_id | video_views | gift_revenue | followers
        2          | null        | 0.70         | null
        """,
    )


def test_a_table_that_goes_away_takes_its_numbers_along(platform: Engine) -> None:
    fill(platform, SOURCES)
    compute_all(platform)
    change(platform, "DROP TABLE user_sessions")
    compute_all(platform)
    expect(
        platform,
        """
        daily_analytics
        active_users
        null

        retention_cohorts
        cohort_size | day_0
        2           | null
        """,
    )
