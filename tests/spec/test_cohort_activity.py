"""cohort_activity: who was active so many days after signing up, and how long they had been away."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

PEOPLE = """
users
id | created_at
1  | 2026-03-01 23:59
2  | 2026-03-01 12:00
3  | 2026-03-03 00:00

user_sessions
user_id | started_at
1       | 2026-03-01 23:59:59
1       | 2026-03-03 08:00
1       | 2026-03-03 20:00
2       | 2026-03-03 08:00
1       | 2026-03-08 08:00
3       | 2026-03-02 08:00
3       | 2026-03-04 08:00
"""
# 3 came a day before signing up: that is no visit of the cohort's.
ALL = """
cohort_activity
date       | age | days_since | users
2026-03-01 | 0   | 0          | 1
2026-03-03 | 2   | 0          | 1
2026-03-03 | 2   | 2          | 1
2026-03-04 | 1   | 0          | 1
2026-03-08 | 7   | 5          | 1
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> int:
    compute(engine, "engagement", first, last)
    return compute(engine, "cohort_activity", first, last)


def test_age_and_days_since_the_visit_before(platform: Engine) -> None:
    fill(platform, PEOPLE)
    compute_both(platform, "2026-03-01", "2026-03-08")
    expect(platform, ALL)


def test_day_by_day_in_any_order_is_the_same(platform: Engine) -> None:
    fill(platform, PEOPLE)
    for day in ("08", "03", "01", "05", "04", "02"):
        compute_both(platform, f"2026-03-{day}")
    expect(platform, ALL)


def test_a_night_adds_only_its_own_day(platform: Engine) -> None:
    fill(platform, PEOPLE)
    compute_both(platform, "2026-03-01", "2026-03-07")
    assert compute_both(platform, "2026-03-08") == 1


def test_a_restated_day_changes_the_next_visits_of_those_who_came(platform: Engine) -> None:
    fill(platform, PEOPLE)
    compute_both(platform, "2026-03-01", "2026-03-08")
    change(platform, "DELETE FROM user_sessions WHERE user_id = 1 AND started_at::date = '2026-03-03'")
    compute_both(platform, "2026-03-03")
    expect(
        platform,
        """
        cohort_activity
        date       | age | days_since | users
        2026-03-01 | 0   | 0          | 1
        2026-03-03 | 2   | 0          | 1
        2026-03-04 | 1   | 0          | 1
        2026-03-08 | 7   | 7          | 1
        """,
    )


def test_nobody_is_followed_for_longer_than_90_days(platform: Engine) -> None:
    fill(
        platform,
        """
        users
        id | created_at
        1  | 2026-01-01

        user_sessions
        user_id | started_at
        1       | 2026-04-01 08:00
        1       | 2026-04-02 08:00
        """,
    )
    compute_both(platform, "2026-04-01", "2026-04-02")
    expect(platform, "cohort_activity\ndate | age | days_since | users\n2026-04-01 | 90 | 0 | 1")


def test_without_sessions_nobody_can_say_who_came(platform: Engine) -> None:
    fill(platform, PEOPLE)
    compute_both(platform, "2026-03-01", "2026-03-08")
    change(platform, "DROP TABLE user_sessions")
    compute_both(platform, "2026-03-01", "2026-03-08")
    expect(platform, "cohort_activity\ndate | users")
