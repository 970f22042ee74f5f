"""gift_analytics: each spark's hour."""

from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill


def test_an_hour_of_a_spark(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        spark_id | sender_id | recipient_id | creator_share | platform_share | created_at
        5        | 1         | 3            | 7.00          | 3.00           | 2026-03-10 10:15
        5        | 1         | 4            | 0.70          | 0.30           | 2026-03-10 10:45
        5        | 2         | 4            | 0.01          | 0.00           | 2026-03-10 10:59:59.999999
        6        | 2         | 4            | 2.00          | 1.00           | 2026-03-10 10:30
        """,
    )
    compute(platform, "gifts", "2026-03-10")
    expect(
        platform,
        """
        gift_analytics
        spark_id | hour             | send_count | revenue | average_value
        5        | 2026-03-10 10:00 | 3          | 11.01   | 3.67
        6        | 2026-03-10 10:00 | 1          | 3.00    | 3.00

        gift_analytics
        spark_id | unique_senders | unique_recipients
        5        | 2              | 2
        6        | 1              | 1
        """,
    )


def test_a_gift_on_the_full_hour_belongs_to_the_hour_it_begins(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        spark_id | creator_share | platform_share | created_at
        5        | 1.00          | 0.00           | 2026-03-10 09:59:59.999999
        5        | 2.00          | 0.00           | 2026-03-10 10:00:00
        5        | 4.00          | 0.00           | 2026-03-10 11:00:00
        5        | 8.00          | 0.00           | 2026-03-11 00:00:00
        """,
    )
    compute(platform, "gifts", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        gift_analytics
        spark_id | hour             | send_count | revenue
        5        | 2026-03-10 09:00 | 1          | 1.00
        5        | 2026-03-10 10:00 | 1          | 2.00
        5        | 2026-03-10 11:00 | 1          | 4.00
        5        | 2026-03-11 00:00 | 1          | 8.00
        """,
    )


def test_hours_of_other_days_stay(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        creator_share | created_at
        1.00          | 2026-03-09 23:00
        2.00          | 2026-03-10 00:00
        4.00          | 2026-03-11 00:00
        """,
    )
    compute(platform, "gifts", "2026-03-09", "2026-03-11")
    assert compute(platform, "gifts", "2026-03-10") == 0
    expect(
        platform,
        """
        gift_analytics
        hour             | revenue
        2026-03-09 23:00 | 1.30
        2026-03-10 00:00 | 2.30
        2026-03-11 00:00 | 4.30
        """,
    )
