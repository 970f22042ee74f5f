"""retention_cohorts: how many of a day's new users were active exactly N days later."""

import pytest
from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

SIGNED_UP = """
users
id | created_at
1  | 2026-03-01 00:00
2  | 2026-03-01 12:00
3  | 2026-03-01 23:59:59.999999
4  | 2026-03-02 00:00
"""


def test_on_day_n_is_exactly_n_calendar_days_later(platform: Engine) -> None:
    fill(
        platform,
        SIGNED_UP
        + """
        user_sessions
        user_id | started_at
        1       | 2026-03-01 00:00
        1       | 2026-03-02 00:00
        1       | 2026-03-02 09:00
        3       | 2026-03-02 23:59:59.999999
        2       | 2026-03-03 00:00
        4       | 2026-03-03 08:00
        2       | 2026-03-08 08:00
        1       | 2026-03-09 08:00
        """,
    )
    compute(platform, "cohorts", "2026-03-01", "2026-03-09")
    expect(
        platform,
        """
        retention_cohorts
        cohort_date | cohort_size | day_0 | day_1 | day_7 | day_30 | day_60 | day_90
        2026-03-01  | 3           | 1     | 2     | 1     | null   | null   | null
        2026-03-02  | 1           | 0     | 1     | 0     | null   | null   | null
        """,
    )


@pytest.mark.parametrize("age", [0, 1, 7, 30, 60, 90])
def test_a_cell_is_null_until_its_day_is_computed_then_counts(platform: Engine, age: int) -> None:
    activity = f"TIMESTAMP '2026-03-01 10:00' + INTERVAL '{age} days'"
    fill(platform, SIGNED_UP)
    change(platform, f"INSERT INTO user_sessions VALUES (1, 1, {activity}, 60)")
    with platform.connect() as connection:
        day = str(connection.exec_driver_sql(f"SELECT CAST({activity} AS date)").scalar())
    compute(platform, "cohorts", day)
    cells = " | ".join("1" if column == age else "null" for column in (0, 1, 7, 30, 60, 90))
    with platform.begin() as connection:
        connection.exec_driver_sql("DELETE FROM retention_cohorts WHERE cohort_date <> '2026-03-01'")
    expect(
        platform,
        f"""
        retention_cohorts
        cohort_date | cohort_size | day_0 | day_1 | day_7 | day_30 | day_60 | day_90
        2026-03-01  | 3           | {cells}
        """,
    )


def test_watching_and_giving_are_activity_too(platform: Engine) -> None:
    fill(
        platform,
        SIGNED_UP
        + """
        video_watches
        user_id | watched_at
        1       | 2026-03-02 08:00

        virtual_gifts
        sender_id | recipient_id | status    | created_at
        2         | 1            | completed | 2026-03-02 08:00
        3         | 1            | refunded  | 2026-03-02 08:00
        """,
    )
    compute(platform, "cohorts", "2026-03-01", "2026-03-02")
    expect(
        platform,
        """
        retention_cohorts
        cohort_date | cohort_size | day_0 | day_1
        2026-03-01  | 3           | 0     | 2
        2026-03-02  | 1           | 0     | null
        """,
    )


def test_activity_before_signing_up_is_nobodys_retention(platform: Engine) -> None:
    fill(
        platform,
        SIGNED_UP
        + """
        user_sessions
        user_id | started_at
        4       | 2026-03-01 08:00
        99      | 2026-03-01 08:00
        """,
    )
    compute(platform, "cohorts", "2026-03-01")
    expect(platform, "retention_cohorts\ncohort_date | cohort_size | day_0\n2026-03-01 | 3 | 0")


def test_a_night_fills_its_cells_and_keeps_the_others(platform: Engine) -> None:
    fill(
        platform,
        SIGNED_UP
        + """
        user_sessions
        user_id | started_at
        1       | 2026-03-01 08:00
        1       | 2026-03-02 08:00
        2       | 2026-03-02 08:00
        1       | 2026-03-08 08:00
        """,
    )
    for day in ("2026-03-01", "2026-03-02", "2026-03-08"):
        compute(platform, "cohorts", day)
    expect(
        platform,
        """
        retention_cohorts
        cohort_date | cohort_size | day_0 | day_1 | day_7 | day_30
        2026-03-01  | 3           | 1     | 2     | 1     | null
        2026-03-02  | 1           | 0     | null  | null  | null
        """,
    )


def test_a_day_without_sign_ups_has_no_cohort(platform: Engine) -> None:
    fill(platform, SIGNED_UP)
    compute(platform, "cohorts", "2026-02-27", "2026-03-04")
    expect(platform, "retention_cohorts\ncohort_date | cohort_size\n2026-03-01 | 3\n2026-03-02 | 1")


def test_a_cohort_that_vanished_is_removed_with_its_day(platform: Engine) -> None:
    fill(platform, SIGNED_UP)
    compute(platform, "cohorts", "2026-03-01", "2026-03-02")
    change(platform, "DELETE FROM users WHERE id = 4")
    assert compute(platform, "cohorts", "2026-03-01", "2026-03-02") == 1
    expect(platform, "retention_cohorts\ncohort_date | cohort_size\n2026-03-01 | 3")
