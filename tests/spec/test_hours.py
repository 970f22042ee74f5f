"""creator_hours: how many gifts each creator was given in each hour."""

from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill


def test_hours_are_half_open_and_in_utc(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        recipient_id | creator_share | status    | created_at
        7            | 1.00          | completed | 2026-03-10 00:00
        7            | 2.00          | completed | 2026-03-10 00:59:59.999999
        7            | 4.00          | completed | 2026-03-10 01:00
        7            | 8.00          | refunded  | 2026-03-10 01:00
        8            | 0.50          | completed | 2026-03-10 23:30
        7            | 9.00          | completed | 2026-03-11 00:00
        """,
    )
    compute(platform, "hours", "2026-03-10")
    expect(
        platform,
        """
        creator_hours
        creator_id | date       | hour             | gifts | earned
        7          | 2026-03-10 | 2026-03-10 00:00 | 2     | 3.00
        7          | 2026-03-10 | 2026-03-10 01:00 | 1     | 4.00
        8          | 2026-03-10 | 2026-03-10 23:00 | 1     | 0.50
        """,
    )
