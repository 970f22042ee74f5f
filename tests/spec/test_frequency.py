"""user_frequency and session_lengths: how often and how long people are there."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

# Sundays: 1 and 8 March 2026.
SESSIONS = """
user_sessions
user_id | started_at       | duration_seconds
1       | 2026-02-01 08:00 | 0
1       | 2026-02-02 00:00 | 59
1       | 2026-02-02 09:00 | 60
1       | 2026-03-01 23:59 | 179
2       | 2026-02-09 08:00 | 180
2       | 2026-03-02 08:00 | 7199
3       | 2026-03-08 08:00 | 7200
3       | 2026-03-08 09:00 | null
"""


def test_active_days_of_the_four_weeks_to_each_sunday(platform: Engine) -> None:
    """To 1 March from 2 February on: 1 on two days, 2 on one. To 8 March: 1 on one, 2 on two, 3 on one."""
    fill(platform, SESSIONS)
    compute(platform, "engagement", "2026-02-01", "2026-03-10")
    compute(platform, "frequency", "2026-02-23", "2026-03-10")
    expect(
        platform,
        """
        user_frequency
        date       | days | users
        2026-03-01 | 1    | 1
        2026-03-01 | 2    | 1
        2026-03-08 | 1    | 2
        2026-03-08 | 2    | 1
        """,
    )


def test_other_days_have_no_row(platform: Engine) -> None:
    fill(platform, SESSIONS)
    compute(platform, "engagement", "2026-02-01", "2026-03-10")
    compute(platform, "frequency", "2026-03-02", "2026-03-07")
    expect(platform, "user_frequency\ndate | days | users")


def test_a_session_is_counted_by_its_length_on_the_day_it_began(platform: Engine) -> None:
    """From a minute on it is in the class of one minute; one without a length is in none."""
    fill(platform, SESSIONS)
    compute(platform, "session_lengths", "2026-02-01", "2026-03-10")
    expect(
        platform,
        """
        session_lengths
        date       | minutes | sessions
        2026-02-01 | 0       | 1
        2026-02-02 | 0       | 1
        2026-02-02 | 1       | 1
        2026-02-09 | 3       | 1
        2026-03-01 | 1       | 1
        2026-03-02 | 60      | 1
        2026-03-08 | 120     | 1
        """,
    )


def test_without_sessions_there_are_no_lengths(platform: Engine) -> None:
    fill(platform, SESSIONS)
    compute(platform, "session_lengths", "2026-02-01", "2026-03-10")
    change(platform, "DROP TABLE user_sessions")
    compute(platform, "session_lengths", "2026-02-01", "2026-03-10")
    expect(platform, "session_lengths\ndate | sessions")
