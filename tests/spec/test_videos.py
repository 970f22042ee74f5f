"""creator_videos: what happened on a day on each video, and what was given without one."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

EVENTS = """
videos
id | creator_id
1  | 7
2  | 7
3  | 8

virtual_gifts
recipient_id | video_id | creator_share | status    | created_at
7            | 1        | 1.00          | completed | 2026-03-10 00:00
7            | 1        | 2.00          | completed | 2026-03-10 23:59:59
7            | null     | 4.00          | completed | 2026-03-10 10:00
7            | 3        | 8.00          | completed | 2026-03-10 10:00
7            | 99       | 16.00         | completed | 2026-03-10 10:00
7            | 2        | 32.00         | refunded  | 2026-03-10 10:00

video_watches
video_id | watched_at
1        | 2026-03-10 10:00
1        | 2026-03-10 11:00
3        | 2026-03-10 10:00
1        | 2026-03-11 00:00

video_interactions
video_id | kind    | created_at
1        | like    | 2026-03-10 10:00
2        | comment | 2026-03-10 10:00
2        | share   | 2026-03-10 10:00
2        | share   | 2026-03-10 11:00
"""


def test_each_video_of_a_day_and_what_was_given_without_one(platform: Engine) -> None:
    """Gifts on somebody else's video, or on one that isn't there, count as without a video."""
    fill(platform, EVENTS)
    compute(platform, "videos", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        creator_videos
        creator_id | date       | video_id | views | likes | comments | shares | gifts | earned
        7          | 2026-03-10 | 0        | 0     | 0     | 0        | 0      | 3     | 28.00
        7          | 2026-03-10 | 1        | 2     | 1     | 0        | 0      | 2     | 3.00
        7          | 2026-03-10 | 2        | 0     | 0     | 1        | 2      | 0     | 0.00
        7          | 2026-03-11 | 1        | 1     | 0     | 0        | 0      | 0     | 0.00
        8          | 2026-03-10 | 3        | 1     | 0     | 0        | 0      | 0     | 0.00
        """,
    )


def test_the_sums_of_the_videos_are_those_of_their_creator(platform: Engine) -> None:
    fill(platform, EVENTS)
    for job in ("videos", "creators"):
        compute(platform, job, "2026-03-10", "2026-03-11")
    with platform.connect() as connection:
        sums = (
            "SELECT creator_id, date, sum({}), sum({}), sum({}), sum({}), sum({}), sum({}) "
            "FROM {} GROUP BY 1, 2 ORDER BY 1, 2"
        )
        by_video = ("views", "likes", "comments", "shares", "gifts", "earned", "creator_videos")
        by_creator = (
            "video_views",
            "video_likes",
            "video_comments",
            "video_shares",
            "gifts_received",
            "gift_revenue",
            "creator_metrics",
        )
        one, other = (
            connection.exec_driver_sql(sums.format(*names)).all() for names in (by_video, by_creator)
        )
    assert one == other
    assert len(one) == 3


def test_what_is_not_recorded_is_null(platform: Engine) -> None:
    fill(platform, EVENTS)
    change(platform, "DROP TABLE video_watches, video_interactions")
    compute(platform, "videos", "2026-03-10")
    expect(
        platform,
        """
        creator_videos
        video_id | views | likes | comments | shares | gifts
        0        | null  | null  | null     | null   | 3
        1        | null  | null  | null     | null   | 2
        """,
    )


def test_titles_follow_what_changes(platform: Engine) -> None:
    fill(platform, "videos\nid | creator_id | title | created_at\n1 | 7 | before | 2026-03-10 23:00")
    compute(platform, "video_names", "2026-03-10")
    change(platform, "UPDATE videos SET title = 'after'")
    compute(platform, "video_names", "2026-03-11")
    expect(platform, "video_profiles\nvideo_id | title | made_on\n1 | after | 2026-03-10")
