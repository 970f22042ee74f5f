"""creator_sparks: what each creator was given of each spark, and what of it is refunded by now."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

GIFTS = """
virtual_gifts
recipient_id | spark_id | creator_share | status    | created_at
7            | 1        | 1.00          | completed | 2026-03-10 00:00
7            | 1        | 2.00          | refunded  | 2026-03-10 23:59:59
7            | 2        | 4.00          | completed | 2026-03-10 10:00
7            | 1        | 8.00          | completed | 2026-03-11 00:00
7            | 1        | 16.00         | pending   | 2026-03-10 10:00
7            | 1        | 32.00         | failed    | 2026-03-10 10:00
8            | 1        | 64.00         | refunded  | 2026-03-10 10:00
"""


def test_earned_is_what_came_and_refunded_what_of_it_is_refunded_by_now(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "sparks", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        creator_sparks
        creator_id | date       | spark_id | gifts | earned | refunded_gifts | refunded
        7          | 2026-03-10 | 1        | 2     | 3.00   | 1              | 2.00
        7          | 2026-03-10 | 2        | 1     | 4.00   | 0              | 0.00
        7          | 2026-03-11 | 1        | 1     | 8.00   | 0              | 0.00
        8          | 2026-03-10 | 1        | 1     | 64.00  | 1              | 64.00
        """,
    )


def test_a_refund_that_comes_later_is_booked_on_the_days_of_its_gift(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "sparks", "2026-03-10", "2026-03-11")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3")
    assert compute(platform, "sparks", "2026-03-10", "2026-03-11") == 1
    expect(
        platform,
        """
        creator_sparks
        creator_id | date       | spark_id | earned | refunded
        7          | 2026-03-10 | 1        | 3.00   | 2.00
        7          | 2026-03-10 | 2        | 4.00   | 4.00
        7          | 2026-03-11 | 1        | 8.00   | 0.00
        8          | 2026-03-10 | 1        | 64.00  | 64.00
        """,
    )
