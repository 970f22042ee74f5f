"""revenue_breakdown: what came in, by source."""

from sqlalchemy import Engine

from tests.spec.tables import compute, expect, fill


def test_a_day_by_source(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        creator_share | platform_share | status    | created_at
        7.00          | 3.00           | completed | 2026-03-10 10:00
        1.40          | 0.60           | completed | 2026-03-10 11:00
        1.40          | 0.60           | refunded  | 2026-03-10 11:00

        transactions
        user_id | source           | amount | status    | created_at
        1       | subscriptions    | 4.99   | completed | 2026-03-10 00:00
        2       | subscriptions    | 4.99   | completed | 2026-03-10 23:59:59.999999
        3       | subscriptions    | 4.99   | completed | 2026-03-11 00:00
        4       | subscriptions    | 4.99   | failed    | 2026-03-10 10:00
        5       | subscriptions    | 4.99   | refunded  | 2026-03-10 10:00
        null    | ads              | 120.00 | completed | 2026-03-10 03:00
        1       | premium_features | 0.00   | completed | 2026-03-10 03:00
        """,
    )
    compute(platform, "revenue", "2026-03-10")
    expect(
        platform,
        """
        revenue_breakdown
        date       | source           | amount | transaction_count | average_transaction
        2026-03-10 | ads              | 120.00 | 1                 | 120
        2026-03-10 | gifts            | 12.00  | 2                 | 6
        2026-03-10 | premium_features | 0.00   | 1                 | 0
        2026-03-10 | subscriptions    | 9.98   | 2                 | 4.99
        """,
    )


def test_a_day_without_revenue_has_no_row(platform: Engine) -> None:
    fill(
        platform,
        """
        transactions
        source | amount | created_at
        ads    | 1.00   | 2026-03-09 10:00
        ads    | 2.00   | 2026-03-11 10:00
        """,
    )
    compute(platform, "revenue", "2026-03-09", "2026-03-11")
    expect(
        platform,
        """
        revenue_breakdown
        date       | source | amount
        2026-03-09 | ads    | 1.00
        2026-03-11 | ads    | 2.00
        """,
    )


def test_a_source_nobody_knew_passes_but_gifts_have_their_own_ledger(platform: Engine) -> None:
    fill(
        platform,
        """
        transactions
        source      | amount | created_at
        merchandise | 15.00  | 2026-03-10 10:00
        gifts       | 99.00  | 2026-03-10 10:00
        """,
    )
    compute(platform, "revenue", "2026-03-10")
    expect(
        platform,
        """
        revenue_breakdown
        source      | amount
        merchandise | 15.00
        """,
    )
