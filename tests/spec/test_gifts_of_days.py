"""Refunds, values, people and names of sparks, and who gave for the first time."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill, rows

GIFTS = """
virtual_gifts
id | spark_id | sender_id | recipient_id | creator_share | platform_share | status    | created_at
1  | 5        | 1         | 9            | 0.70          | 0.30           | completed | 2026-03-10 08:00
2  | 5        | 1         | 8            | 0.70          | 0.30           | completed | 2026-03-10 09:00
3  | 5        | 2         | 8            | 7.00          | 3.00           | completed | 2026-03-10 23:59
4  | 6        | 2         | 8            | 7.00          | 3.00           | completed | 2026-03-11 00:00
5  | 5        | 3         | 9            | 1.40          | 0.60           | refunded  | 2026-03-10 10:00
6  | 6        | 3         | 9            | 0.70          | 0.30           | refunded  | 2026-03-10 11:00
7  | 6        | 3         | 9            | 0.70          | 0.30           | failed    | 2026-03-10 11:00
"""


def test_refunds_are_of_the_day_of_the_gift(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "refunds", "2026-03-09", "2026-03-11")
    expect(platform, "gift_refunds\ndate | gifts | amount\n2026-03-10 | 2 | 3.00")


def test_a_refund_days_later_changes_the_day_of_the_gift(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "refunds", "2026-03-10", "2026-03-11")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id IN (3, 4)")
    assert compute(platform, "refunds", "2026-03-10", "2026-03-11") == 2
    expect(
        platform,
        """
        gift_refunds
        date       | gifts | amount
        2026-03-10 | 3     | 13.00
        2026-03-11 | 1     | 10.00
        """,
    )
    change(platform, "UPDATE virtual_gifts SET status = 'completed' WHERE id = 4")
    compute(platform, "refunds", "2026-03-10", "2026-03-11")
    expect(platform, "gift_refunds\ndate | gifts | amount\n2026-03-10 | 3 | 13.00")


def test_how_many_gifts_had_which_value(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "gift_values", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        gift_values
        date       | amount | gifts
        2026-03-10 | 1.00   | 2
        2026-03-10 | 10.00  | 1
        2026-03-11 | 10.00  | 1
        """,
    )


def test_who_sent_a_spark_and_who_received_it(platform: Engine) -> None:
    """Each person once, in order of the ids, however often they gave."""
    fill(platform, GIFTS)
    compute(platform, "spark_days", "2026-03-10", "2026-03-11")
    columns = ("spark_id", "date", "creator_earnings", "senders", "recipients")
    found = [(row[0], row[1].day, str(row[2]), *row[3:]) for row in rows(platform, "spark_days", *columns)]
    assert found == [(5, 10, "8.40", [1, 2], [8, 9]), (6, 11, "7.00", [2], [8])]


def test_sparks_have_the_names_that_they_have_now(platform: Engine) -> None:
    fill(platform, "sparks\nid | name\n5 | Ember\n6 | Flame")
    compute(platform, "spark_profiles", "2026-03-10")
    change(platform, "UPDATE sparks SET name = 'Blaze' WHERE id = 6")
    change(platform, "DELETE FROM sparks WHERE id = 5")
    assert compute(platform, "spark_profiles", "2026-03-11") == 2
    expect(platform, "spark_profiles\nspark_id | name\n6 | Blaze")


def test_supporters_have_both_shares(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute(platform, "supporters", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        creator_supporters
        creator_id | supporter_id | date       | gifts | amount | gross
        8          | 1            | 2026-03-10 | 1     | 0.70   | 1.00
        8          | 2            | 2026-03-10 | 1     | 7.00   | 10.00
        8          | 2            | 2026-03-11 | 1     | 7.00   | 10.00
        9          | 1            | 2026-03-10 | 1     | 0.70   | 1.00
        """,
    )


# ---- gifters ----


def gifters(engine: Engine, first: str, last: str | None = None) -> list[tuple[object, ...]]:
    compute(engine, "engagement", first, last)
    compute(engine, "gifters", first, last)
    return [(row[0].day, *row[1:]) for row in rows(engine, "gifter_returns")]


def test_days_since_the_gift_before(platform: Engine) -> None:
    """A visit without a gift is none here, and neither is a gift received."""
    fill(platform, GIFTS)
    fill(platform, "user_sessions\nuser_id | started_at\n1 | 2026-03-09\n4 | 2026-03-10\n1 | 2026-03-11")
    assert gifters(platform, "2026-03-09", "2026-03-11") == [(10, 0, 2, [1, 2]), (11, 1, 1, None)]


def test_a_refund_makes_a_later_gift_the_first(platform: Engine) -> None:
    fill(platform, GIFTS)
    gifters(platform, "2026-03-10", "2026-03-11")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3")
    assert gifters(platform, "2026-03-10") == [(10, 0, 1, [1]), (11, 0, 1, [2])]


def test_an_older_gift_that_comes_late_takes_first_from_a_later_one(platform: Engine) -> None:
    fill(platform, GIFTS)
    gifters(platform, "2026-03-10", "2026-03-11")
    fill(platform, "virtual_gifts\nid | sender_id | created_at\n70 | 2 | 2026-03-07 09:00")
    assert gifters(platform, "2026-03-07") == [
        (7, 0, 1, [2]),
        (10, 0, 1, [1]),
        (10, 3, 1, None),
        (11, 1, 1, None),
    ]
