"""creator_video_gifts: what creators were given with their own videos."""

from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill

PLATFORM = """
videos
id | creator_id
1  | 7
2  | 8

virtual_gifts
recipient_id | video_id | creator_share | status    | created_at
7            | 1        | 1.00          | completed | 2026-04-01 00:00
7            | 1        | 2.00          | completed | 2026-04-01 23:59:59
7            | null     | 4.00          | completed | 2026-04-01 12:00
7            | 2        | 8.00          | completed | 2026-04-01 12:00
7            | 99       | 16.00         | completed | 2026-04-01 12:00
7            | 1        | 32.00         | refunded  | 2026-04-01 12:00
7            | 1        | NaN           | completed | 2026-04-01 12:00
7            | 1        | 0.50          | completed | 2026-04-02 00:00
8            | 2        | 0.25          | completed | 2026-04-01 12:00
"""


def test_only_gifts_with_a_video_of_their_own(platform: Engine) -> None:
    """None without a video, with another's, or with one that nobody knows."""
    fill(platform, PLATFORM)
    compute(platform, "video_gifts", "2026-04-01", "2026-04-02")
    expect(
        platform,
        """
        creator_video_gifts
        date       | creator_id | gifts | amount
        2026-04-01 | 7          | 2     | 3.00
        2026-04-01 | 8          | 1     | 0.25
        2026-04-02 | 7          | 1     | 0.50
        """,
    )


def test_a_second_run_changes_nothing(platform: Engine) -> None:
    fill(platform, PLATFORM)
    assert compute(platform, "video_gifts", "2026-04-01", "2026-04-02") == 3
    assert compute(platform, "video_gifts", "2026-04-01", "2026-04-02") == 0
