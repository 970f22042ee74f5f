"""user_returns: how many of a day's active users had been away for how long."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

VISITS = """
user_sessions
user_id | started_at
1       | 2026-03-10 08:00
1       | 2026-03-10 20:00
1       | 2026-03-11 08:00
1       | 2026-03-14 08:00
2       | 2026-03-11 08:00
2       | 2026-03-14 08:00
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> int:
    compute(engine, "engagement", first, last)
    return compute(engine, "returns", first, last)


def test_days_since_the_visit_before(platform: Engine) -> None:
    """From the 11th to the 14th: 2 who came on the 11th, and nobody who hadn't come by then."""
    fill(platform, VISITS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    expect(
        platform,
        """
        user_returns
        date       | days_since | users
        2026-03-10 | 0          | 1
        2026-03-11 | 0          | 1
        2026-03-11 | 1          | 1
        2026-03-14 | 3          | 2
        """,
    )


def test_whoever_has_a_session_a_watch_or_a_gift_sent_is_active(platform: Engine) -> None:
    fill(
        platform,
        """
        user_sessions
        user_id | started_at
        1       | 2026-03-10 08:00

        video_watches
        user_id | watched_at
        2       | 2026-03-10 08:00

        virtual_gifts
        sender_id | recipient_id | created_at
        3         | 4            | 2026-03-10 08:00
        4         | 3            | 2026-03-12 08:00
        """,
    )
    compute_both(platform, "2026-03-10", "2026-03-12")
    expect(
        platform,
        """
        user_returns
        date       | days_since | users
        2026-03-10 | 0          | 3
        2026-03-12 | 0          | 1
        """,
    )


def test_day_by_day_in_any_order_is_the_same(platform: Engine) -> None:
    fill(platform, VISITS)
    for day in ("2026-03-14", "2026-03-10", "2026-03-12", "2026-03-11"):
        compute_both(platform, day)
    expect(
        platform,
        """
        user_returns
        date       | days_since | users
        2026-03-10 | 0          | 1
        2026-03-11 | 0          | 1
        2026-03-11 | 1          | 1
        2026-03-14 | 3          | 2
        """,
    )


def test_a_changed_day_changes_the_next_visit_of_its_users(platform: Engine) -> None:
    fill(platform, VISITS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    change(platform, "DELETE FROM user_sessions WHERE started_at::date = '2026-03-11'")
    fill(platform, "user_sessions\nid | user_id | started_at\n9 | 3 | 2026-03-11 08:00")
    compute_both(platform, "2026-03-11")
    expect(
        platform,
        """
        user_returns
        date       | days_since | users
        2026-03-10 | 0          | 1
        2026-03-11 | 0          | 1
        2026-03-14 | 0          | 1
        2026-03-14 | 4          | 1
        """,
    )


def test_visits_that_a_day_does_not_bear_on_are_not_touched(platform: Engine) -> None:
    """Not even where they are wrong: who came on the 11th isn't new on the 14th, whatever the 10th was."""
    fill(platform, VISITS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    change(platform, "UPDATE user_returns SET users = 77 WHERE date = '2026-03-14'")
    assert compute_both(platform, "2026-03-10") == 0
    expect(
        platform,
        "user_returns\ndate | users\n2026-03-10 | 1\n2026-03-11 | 1\n2026-03-11 | 1\n2026-03-14 | 77",
    )
