"""user_engagement: what each user did on a day."""

from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill


def test_a_users_day(platform: Engine) -> None:
    fill(
        platform,
        """
        sparks
        id | credits
        5  | 100
        6  | 30

        user_sessions
        user_id | started_at       | duration_seconds
        1       | 2026-03-10 08:00 | 60
        1       | 2026-03-10 20:00 | 90
        2       | 2026-03-10 20:00 | 5

        video_watches
        user_id | video_id | watched_at
        1       | 1        | 2026-03-10 08:01
        1       | 1        | 2026-03-10 08:02
        1       | 2        | 2026-03-10 08:03

        virtual_gifts
        spark_id | sender_id | recipient_id | created_at
        5        | 1         | 2            | 2026-03-10 09:00
        6        | 1         | 3            | 2026-03-10 09:00
        6        | 2         | 1            | 2026-03-10 09:00
        """,
    )
    compute(platform, "engagement", "2026-03-10")
    expect(
        platform,
        """
        user_engagement
        user_id | date       | session_count | session_duration | videos_watched
        1       | 2026-03-10 | 2             | 150              | 3
        2       | 2026-03-10 | 1             | 5                | 0
        3       | 2026-03-10 | 0             | 0                | 0

        user_engagement
        user_id | gifts_received | gifts_sent | credits_spent
        1       | 1              | 2          | 130
        2       | 1              | 1          | 30
        3       | 1              | 0          | 0
        """,
    )


def test_a_session_counts_on_the_day_it_starts(platform: Engine) -> None:
    fill(
        platform,
        """
        user_sessions
        user_id | started_at                 | duration_seconds
        1       | 2026-03-09 23:59:59.999999 | 7200
        1       | 2026-03-10 00:00:00        | 10
        """,
    )
    compute(platform, "engagement", "2026-03-09", "2026-03-10")
    expect(
        platform,
        """
        user_engagement
        user_id | date       | session_count | session_duration
        1       | 2026-03-09 | 1             | 7200
        1       | 2026-03-10 | 1             | 10
        """,
    )


def test_a_session_still_running_has_no_seconds_yet(platform: Engine) -> None:
    fill(
        platform,
        """
        user_sessions
        user_id | started_at       | duration_seconds
        1       | 2026-03-10 08:00 | null
        """,
    )
    compute(platform, "engagement", "2026-03-10")
    expect(
        platform,
        """
        user_engagement
        user_id | session_count | session_duration
        1       | 1             | 0
        """,
    )


def test_an_unknown_spark_costs_nothing(platform: Engine) -> None:
    fill(
        platform,
        """
        sparks
        id | credits
        5  | 100

        virtual_gifts
        spark_id | sender_id | recipient_id | created_at
        5        | 1         | 1            | 2026-03-10 09:00
        77       | 1         | 1            | 2026-03-10 09:00
        """,
    )
    compute(platform, "engagement", "2026-03-10")
    expect(
        platform,
        """
        user_engagement
        user_id | gifts_received | gifts_sent | credits_spent
        1       | 2              | 2          | 100
        """,
    )


def test_gifts_that_are_not_completed_spend_nothing(platform: Engine) -> None:
    fill(
        platform,
        """
        sparks
        id | credits
        1  | 100

        virtual_gifts
        status   | created_at
        refunded | 2026-03-10 09:00
        pending  | 2026-03-10 09:00
        """,
    )
    assert compute(platform, "engagement", "2026-03-10") == 0
