"""daily_analytics: the platform's day."""

import pytest
from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill


def test_a_day_with_gifts(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | created_at
        1  | 2026-03-01 12:00
        2  | 2026-03-09 12:00
        3  | 2026-03-10 12:00
        4  | 2026-03-10 13:00

        virtual_gifts
        sender_id | recipient_id | spark_id | creator_share | platform_share | created_at
        1         | 2            | 7        | 7.00          | 3.00           | 2026-03-10 10:00
        1         | 2            | 7        | 1.40          | 0.60           | 2026-03-10 11:00
        3         | 2            | 8        | 0.71          | 0.30           | 2026-03-10 12:30
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(
        platform,
        """
        daily_analytics
        date       | total_users | active_users | new_users | engagement_rate | top_spark_id
        2026-03-10 | 4           | 2            | 2         | 50              | 7

        daily_analytics
        total_gifts_sent | total_revenue | creator_earnings | platform_earnings | average_gift_value
        3                | 13.01         | 9.11             | 3.90              | 4.336667
        """,
    )


def test_days_are_half_open(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | created_at
        1  | 2026-03-09 23:59:59.999999
        2  | 2026-03-10 00:00:00
        3  | 2026-03-10 23:59:59.999999
        4  | 2026-03-11 00:00:00

        virtual_gifts
        sender_id | creator_share | created_at
        1         | 1.00          | 2026-03-09 23:59:59.999999
        2         | 2.00          | 2026-03-10 00:00:00
        3         | 4.00          | 2026-03-10 23:59:59.999999
        4         | 8.00          | 2026-03-11 00:00:00
        """,
    )
    compute(platform, "daily", "2026-03-09", "2026-03-11")
    expect(
        platform,
        """
        daily_analytics
        date       | total_users | new_users | active_users | total_gifts_sent | creator_earnings
        2026-03-09 | 1           | 1         | 1            | 1                | 1.00
        2026-03-10 | 3           | 2         | 2            | 2                | 6.00
        2026-03-11 | 4           | 1         | 1            | 1                | 8.00
        """,
    )
    assert compute(platform, "daily", "2026-03-10") == 0


def test_a_day_without_events_has_its_row(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | created_at
        1  | 2026-03-08 09:00
        2  | 2026-03-11 09:00
        """,
    )
    compute(platform, "daily", "2026-03-07", "2026-03-11")
    expect(
        platform,
        """
        daily_analytics
        date       | total_users | active_users | new_users | engagement_rate | top_spark_id
        2026-03-07 | 0           | 0            | 0         | null            | null
        2026-03-08 | 1           | 0            | 1         | 0               | null
        2026-03-09 | 1           | 0            | 0         | 0               | null
        2026-03-10 | 1           | 0            | 0         | 0               | null
        2026-03-11 | 2           | 0            | 1         | 0               | null

        daily_analytics
        date       | total_gifts_sent | total_revenue | creator_earnings | average_gift_value
        2026-03-07 | 0                | 0.00          | 0.00             | 0
        2026-03-08 | 0                | 0.00          | 0.00             | 0
        2026-03-09 | 0                | 0.00          | 0.00             | 0
        2026-03-10 | 0                | 0.00          | 0.00             | 0
        2026-03-11 | 0                | 0.00          | 0.00             | 0
        """,
    )


def test_total_users_is_as_of_the_day_whatever_span_is_computed(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | created_at
        1  | 2025-12-31 23:00
        2  | 2026-03-09 09:00
        3  | 2026-03-11 09:00
        """,
    )
    compute(platform, "daily", "2026-03-10")
    compute(platform, "daily", "2026-03-11")
    compute(platform, "daily", "2026-03-09")
    expect(
        platform,
        """
        daily_analytics
        date       | total_users | new_users
        2026-03-09 | 2           | 1
        2026-03-10 | 2           | 0
        2026-03-11 | 3           | 1
        """,
    )


def test_active_is_who_had_a_session_watched_or_gave_and_each_counts_once(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id
        1
        2
        3
        4
        5

        user_sessions
        user_id | started_at
        1       | 2026-03-10 08:00
        1       | 2026-03-10 20:00
        5       | 2026-03-11 08:00

        video_watches
        user_id | watched_at
        1       | 2026-03-10 08:10
        2       | 2026-03-10 08:10

        virtual_gifts
        sender_id | recipient_id | status    | created_at
        2         | 4            | completed | 2026-03-10 08:20
        3         | 4            | completed | 2026-03-10 08:20
        5         | 4            | pending   | 2026-03-10 08:20
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(
        platform,
        """
        daily_analytics
        date       | active_users | engagement_rate
        2026-03-10 | 3            | 60
        """,
    )


def test_interactions_and_follows_alone_make_nobody_active(platform: Engine) -> None:
    fill(
        platform,
        """
        video_interactions
        kind | created_at
        like | 2026-03-10 08:00

        follows
        creator_id | created_at
        2          | 2026-03-10 08:00
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(
        platform,
        """
        daily_analytics
        date       | active_users
        2026-03-10 | 0
        """,
    )


@pytest.mark.parametrize(
    ("gifts", "top"),
    [
        pytest.param(["9|0.10", "9|0.10", "5|50.00"], 9, id="most sent, not highest value"),
        pytest.param(["5|1.00", "9|2.00"], 9, id="as often: highest value"),
        pytest.param(["9|1.00", "5|1.00"], 5, id="as often, same value: lowest id"),
        pytest.param(["10|1.00", "9|1.00"], 9, id="ids are compared as numbers"),
    ],
)
def test_top_spark(platform: Engine, gifts: list[str], top: int) -> None:
    rows = "\n".join(f"{gift} | 2026-03-10 10:00" for gift in gifts)
    fill(platform, f"virtual_gifts\nspark_id | creator_share | created_at\n{rows}")
    compute(platform, "daily", "2026-03-10")
    expect(platform, f"daily_analytics\ndate | top_spark_id\n2026-03-10 | {top}")


def test_the_value_of_the_top_spark_is_both_shares(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        spark_id | creator_share | platform_share | created_at
        5        | 2.00          | 0.00           | 2026-03-10 10:00
        9        | 1.00          | 1.50           | 2026-03-10 10:00
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(platform, "daily_analytics\ndate | top_spark_id\n2026-03-10 | 9")


def test_only_completed_gifts_count(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        status    | creator_share | created_at
        completed | 1.00          | 2026-03-10 10:00
        pending   | 2.00          | 2026-03-10 10:00
        failed    | 4.00          | 2026-03-10 10:00
        refunded  | 8.00          | 2026-03-10 10:00
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(
        platform,
        """
        daily_analytics
        date       | total_gifts_sent | creator_earnings
        2026-03-10 | 1                | 1.00
        """,
    )
