"""What people spend after signing up, and after their first gift: cohort_value, gifter_months, gifter_cohorts
and gifter_activity."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

# In January 1 spends 10 and 2 spends 4; in February 1 spends 6 and 3 spends 8; in March 2 spends 9.
GIFTS = """
users
id | created_at
1  | 2026-01-10
2  | 2025-01-01
3  | 2026-01-31

virtual_gifts
id | sender_id | creator_share | platform_share | status    | created_at
1  | 1         | 7.00          | 3.00           | completed | 2026-01-10 08:00
2  | 2         | 2.00          | 2.00           | completed | 2026-01-31 23:59:59
3  | 1         | 4.00          | 2.00           | completed | 2026-02-01 00:00
4  | 3         | 8.00          | 0.00           | completed | 2026-02-28 08:00
5  | 2         | 9.00          | 0.00           | completed | 2026-03-31 08:00
6  | 2         | 9.00          | 0.00           | refunded  | 2026-02-02 08:00
"""
COHORTS = """
gifter_cohorts
date       | cohort_date | gifters | amount | kept
2026-01-31 | 2026-01-31  | 2       | 14.00  | 14.00
2026-02-28 | 2026-01-31  | 1       | 6.00   | 6.00
2026-02-28 | 2026-02-28  | 1       | 8.00   | 8.00
2026-03-31 | 2026-01-31  | 1       | 9.00   | 4.00
"""
MONTHS = (("2026-01-10", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31"))


def compute_months(engine: Engine, *months: tuple[str, str]) -> None:
    for first, last in months:
        compute(engine, "gifter_months", first, last)
        compute(engine, "gifter_cohorts", first, last)


def test_what_each_spent_in_a_month(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute_months(platform, *MONTHS)
    expect(
        platform,
        """
        gifter_months
        user_id | date       | amount
        1       | 2026-01-31 | 10.00
        1       | 2026-02-28 | 6.00
        2       | 2026-01-31 | 4.00
        2       | 2026-03-31 | 9.00
        3       | 2026-02-28 | 8.00
        """,
    )


def test_of_each_no_more_is_kept_than_at_first(platform: Engine) -> None:
    """In March GRR is 4 / 14, NRR 9 / 14."""
    fill(platform, GIFTS)
    compute_months(platform, *MONTHS)
    expect(platform, COHORTS)


def test_months_in_any_order_end_the_same(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute_months(platform, MONTHS[2], MONTHS[0], MONTHS[1])
    expect(platform, COHORTS)


def test_a_month_counts_once_it_is_over(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute_months(platform, ("2026-01-10", "2026-01-30"))
    expect(platform, "gifter_months\nuser_id")
    compute_months(platform, ("2026-01-31", "2026-01-31"))
    expect(platform, "gifter_months\nuser_id | amount\n1 | 10.00\n2 | 4.00")


def test_a_refund_of_the_first_gift_moves_its_sender_to_a_later_month(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute_months(platform, *MONTHS)
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 2")
    compute_months(platform, ("2026-01-31", "2026-01-31"))
    expect(
        platform,
        """
        gifter_cohorts
        date       | cohort_date | gifters | amount | kept
        2026-01-31 | 2026-01-31  | 1       | 10.00  | 10.00
        2026-02-28 | 2026-01-31  | 1       | 6.00   | 6.00
        2026-02-28 | 2026-02-28  | 1       | 8.00   | 8.00
        2026-03-31 | 2026-03-31  | 1       | 9.00   | 9.00
        """,
    )


def test_value_by_days_since_signing_up(platform: Engine) -> None:
    """2 signed up too long ago to be followed."""
    fill(platform, GIFTS)
    compute(platform, "cohort_value", "2026-01-10", "2026-03-31")
    expect(
        platform,
        """
        cohort_value
        date       | age | amount
        2026-01-10 | 0   | 10.00
        2026-02-01 | 22  | 6.00
        2026-02-28 | 28  | 8.00
        """,
    )


def _compute_activity(engine: Engine, first: str, last: str | None = None) -> None:
    for job in ("engagement", "gifters", "gifter_activity"):
        compute(engine, job, first, last)


def test_who_is_there_30_days_after_the_first_gift(platform: Engine) -> None:
    """1 gave first on 10 January and 3 on 28 February; 1 has a session on 9 February."""
    fill(platform, GIFTS)
    fill(platform, "user_sessions\nuser_id | started_at\n1 | 2026-02-09 08:00\n2 | 2026-02-09 08:00")
    wanted = """
        gifter_activity
        date       | age | users
        2026-01-10 | 0   | 1
        2026-01-31 | 0   | 1
        2026-02-09 | 30  | 1
        2026-02-28 | 0   | 1
        """
    _compute_activity(platform, "2026-01-10", "2026-03-31")
    expect(platform, wanted)
    change(platform, "TRUNCATE gifter_activity, gifter_returns, user_engagement")
    for first, last in (("2026-02-09", "2026-03-31"), ("2026-01-10", "2026-02-08")):
        _compute_activity(platform, first, last)
    expect(platform, wanted)


def test_without_the_first_gift_the_next_one_is_the_first(platform: Engine) -> None:
    fill(platform, GIFTS)
    _compute_activity(platform, "2026-01-10", "2026-03-31")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 1")
    _compute_activity(platform, "2026-01-10")
    expect(
        platform,
        """
        gifter_activity
        date       | age | users
        2026-01-31 | 0   | 1
        2026-02-01 | 0   | 1
        2026-02-28 | 0   | 1
        """,
    )
