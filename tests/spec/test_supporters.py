"""creator_supporters and creator_profiles: what a creator's page knows about people."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill


def test_who_gave_how_much_to_whom(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        sender_id | recipient_id | creator_share | platform_share | status    | created_at
        1         | 2            | 7.00          | 3.00           | completed | 2026-03-10 00:00
        1         | 2            | 0.70          | 0.30           | completed | 2026-03-10 23:59:59.999999
        1         | 2            | 0.07          | 0.03           | completed | 2026-03-11 00:00
        1         | 3            | 1.00          | 1.00           | completed | 2026-03-10 10:00
        3         | 2            | 2.00          | 1.00           | refunded  | 2026-03-10 10:00
        """,
    )
    compute(platform, "supporters", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        creator_supporters
        creator_id | supporter_id | date       | gifts | amount
        2          | 1            | 2026-03-10 | 2     | 7.70
        2          | 1            | 2026-03-11 | 1     | 0.07
        3          | 1            | 2026-03-10 | 1     | 1.00
        """,
    )


def test_profiles_are_of_all_creators_whatever_the_day(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | username | is_creator | followers
        1  | viewer   | false      | 1
        2  | flagged  | true       | 20
        3  | owner    | false      | 30
        4  | gifted   | false      | 40

        videos
        creator_id
        3

        virtual_gifts
        sender_id | recipient_id | status    | created_at
        1         | 4            | completed | 2020-03-10 10:00
        1         | 99           | completed | 2020-03-10 10:00
        4         | 1            | failed    | 2020-03-10 10:00
        """,
    )
    compute(platform, "profiles", "2026-03-10")
    expect(
        platform,
        """
        creator_profiles
        creator_id | name    | followers
        2          | flagged | 20
        3          | owner   | 30
        4          | gifted  | 40
        99         | null    | null
        """,
    )


def test_profiles_follow_what_changes(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | username | is_creator | followers
        2  | before   | true       | 20
        3  | same     | true       | 30
        4  | leaves   | true       | 40
        """,
    )
    compute(platform, "profiles", "2026-03-10")
    change(platform, "UPDATE users SET username = 'after', followers = 21 WHERE id = 2")
    change(platform, "DELETE FROM users WHERE id = 4")
    assert compute(platform, "profiles", "2026-03-10") == 2
    expect(
        platform,
        """
        creator_profiles
        creator_id | name  | followers
        2          | after | 21
        3          | same  | 30
        """,
    )


def test_profiles_of_who_was_given_a_gift_come_and_go_with_it(platform: Engine) -> None:
    """Known ones stay as long as any gift counts; who is new is found on the gift's day."""
    fill(
        platform,
        """
        virtual_gifts
        recipient_id | created_at
        4            | 2026-03-08 10:00
        5            | 2026-03-08 10:00
        """,
    )
    compute(platform, "profiles", "2026-03-10")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE recipient_id = 5")
    fill(platform, "virtual_gifts\nid | recipient_id | created_at\n9 | 6 | 2026-03-10 10:00")
    compute(platform, "profiles", "2026-03-10")
    expect(platform, "creator_profiles\ncreator_id\n4\n6")
