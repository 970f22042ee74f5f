"""creator_metrics: what happened on a creator's day."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

CREATORS = """
users
id | is_creator | followers
1  | false      | 0
2  | true       | 100
3  | true       | 50

videos
id | creator_id
1  | 2
2  | 2
3  | 3
"""


def test_a_creators_day(platform: Engine) -> None:
    fill(
        platform,
        CREATORS
        + """
        video_watches
        video_id | watched_at
        1        | 2026-03-10 08:00
        1        | 2026-03-10 08:01
        2        | 2026-03-10 08:02
        2        | 2026-03-10 08:03
        3        | 2026-03-10 08:04

        video_interactions
        video_id | kind    | created_at
        1        | like    | 2026-03-10 08:00
        2        | like    | 2026-03-10 08:00
        2        | comment | 2026-03-10 08:00
        3        | share   | 2026-03-10 08:00

        virtual_gifts
        sender_id | recipient_id | creator_share | platform_share | created_at
        1         | 2            | 7.00          | 3.00           | 2026-03-10 10:00
        1         | 2            | 0.70          | 0.30           | 2026-03-10 10:00

        follows
        creator_id | created_at
        2          | 2026-03-10 10:00
        2          | 2026-03-10 11:00
        """,
    )
    compute(platform, "creators", "2026-03-10")
    expect(
        platform,
        """
        creator_metrics
        creator_id | date       | video_views | video_likes | video_comments | video_shares | engagement_rate
        2          | 2026-03-10 | 4           | 2           | 1              | 0            | 75
        3          | 2026-03-10 | 1           | 0           | 0              | 1            | 100

        creator_metrics
        creator_id | date       | gifts_received | gift_revenue | followers | followers_gained
        2          | 2026-03-10 | 2              | 7.70         | 100       | 2
        3          | 2026-03-10 | 0              | 0.00         | 50        | 0
        """,
    )


def test_engagement_above_999_percent_fits(platform: Engine) -> None:
    likes = "\n".join(["1 | like | 2026-03-10 08:00"] * 10)
    fill(platform, CREATORS + "\nvideo_watches\nvideo_id | watched_at\n1 | 2026-03-10 08:00")
    fill(platform, f"video_interactions\nvideo_id | kind | created_at\n{likes}")
    compute(platform, "creators", "2026-03-10")
    expect(platform, "creator_metrics\nvideo_views | video_likes | engagement_rate\n1 | 10 | 1000")


def test_without_a_view_there_is_no_rate(platform: Engine) -> None:
    fill(
        platform, CREATORS + "\nvideo_interactions\nvideo_id | kind | created_at\n1 | like | 2026-03-10 08:00"
    )
    compute(platform, "creators", "2026-03-10")
    expect(platform, "creator_metrics\nvideo_views | video_likes | engagement_rate\n0 | 1 | null")


def test_days_are_half_open(platform: Engine) -> None:
    fill(
        platform,
        CREATORS
        + """
        video_watches
        video_id | watched_at
        1        | 2026-03-09 23:59:59.999999
        1        | 2026-03-10 00:00:00
        1        | 2026-03-10 23:59:59.999999
        1        | 2026-03-11 00:00:00
        """,
    )
    compute(platform, "creators", "2026-03-10")
    expect(
        platform,
        """
        creator_metrics
        creator_id | date       | video_views
        2          | 2026-03-10 | 2
        """,
    )


def test_followers_walk_back_from_now(platform: Engine) -> None:
    """100 now. Two came on the 12th, one left on the 11th, three came and one left on the 10th."""
    fill(
        platform,
        CREATORS
        + """
        follows
        creator_id | created_at       | unfollowed_at
        2          | 2026-03-12 10:00 | null
        2          | 2026-03-12 11:00 | null
        2          | 2026-03-01 10:00 | 2026-03-11 12:00
        2          | 2026-03-10 10:00 | null
        2          | 2026-03-10 11:00 | null
        2          | 2026-03-10 12:00 | 2026-03-10 13:00

        virtual_gifts
        recipient_id | created_at
        2            | 2026-03-09 10:00
        """,
    )
    for first, last in (
        ("2026-03-12", "2026-03-12"),
        ("2026-03-09", "2026-03-10"),
        ("2026-03-11", "2026-03-11"),
    ):
        compute(platform, "creators", first, last)
    walked = """
        creator_metrics
        creator_id | date       | followers | followers_gained
        2          | 2026-03-09 | 97        | 0
        2          | 2026-03-10 | 99        | 2
        2          | 2026-03-11 | 98        | -1
        2          | 2026-03-12 | 100       | 2
        """
    expect(platform, walked)
    assert compute(platform, "creators", "2026-03-02", "2026-03-20") == 0
    expect(platform, walked)


def test_a_follow_and_unfollow_on_one_day_still_make_a_row(platform: Engine) -> None:
    fill(
        platform,
        CREATORS
        + """
        follows
        creator_id | created_at       | unfollowed_at
        2          | 2026-03-10 10:00 | 2026-03-10 23:59:59.999999
        3          | 2026-03-10 10:00 | 2026-03-11 00:00:00
        """,
    )
    compute(platform, "creators", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        creator_metrics
        creator_id | date       | followers | followers_gained
        2          | 2026-03-10 | 100       | 0
        3          | 2026-03-10 | 51        | 1
        3          | 2026-03-11 | 50        | -1
        """,
    )
    assert compute(platform, "creators", "2026-03-10") == 0


def test_who_has_rows(platform: Engine) -> None:
    """Flagged users, owners of videos and recipients of gifts; never a mere viewer who is followed."""
    change(platform, "ALTER TABLE users ALTER is_creator DROP NOT NULL")
    fill(
        platform,
        """
        users
        id | is_creator | followers
        1  | false      | 7
        2  | true       | 7
        3  | false      | 7
        4  | false      | 7
        5  | null       | 7

        videos
        creator_id
        3

        virtual_gifts
        recipient_id | status    | created_at
        4            | completed | 2026-03-08 10:00
        1            | refunded  | 2026-03-08 10:00

        follows
        creator_id | created_at
        1          | 2026-03-10 10:00
        2          | 2026-03-10 10:00
        3          | 2026-03-10 10:00
        4          | 2026-03-10 10:00
        5          | 2026-03-10 10:00
        6          | 2026-03-10 10:00
        """,
    )
    compute(platform, "creators", "2026-03-10")
    expect(
        platform,
        """
        creator_metrics
        creator_id | date       | followers | followers_gained
        2          | 2026-03-10 | 7         | 1
        3          | 2026-03-10 | 7         | 1
        4          | 2026-03-10 | 7         | 1
        """,
    )


def test_an_erased_recipient_keeps_the_money(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        recipient_id | creator_share | created_at
        99           | 5.00          | 2026-03-10 10:00
        """,
    )
    compute(platform, "creators", "2026-03-10")
    expect(
        platform,
        """
        creator_metrics
        creator_id | date       | gifts_received | gift_revenue | followers | followers_gained
        99         | 2026-03-10 | 1              | 5.00         | null      | 0
        """,
    )


def test_watches_of_an_unknown_video_belong_to_nobody(platform: Engine) -> None:
    fill(platform, CREATORS + "\nvideo_watches\nvideo_id | watched_at\n77 | 2026-03-10 08:00")
    assert compute(platform, "creators", "2026-03-10") == 0
