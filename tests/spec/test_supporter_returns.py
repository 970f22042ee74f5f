"""supporter_returns: how many of a creator's supporters of a day hadn't given to them for how long."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

GIFTS = """
virtual_gifts
sender_id | recipient_id | created_at
1         | 7            | 2026-03-10 08:00
1         | 7            | 2026-03-10 20:00
1         | 7            | 2026-03-11 08:00
1         | 7            | 2026-03-14 08:00
2         | 7            | 2026-03-11 08:00
2         | 7            | 2026-03-14 08:00
2         | 8            | 2026-03-14 08:00
"""
COUNTED = """
supporter_returns
creator_id | date       | days_since | supporters
7          | 2026-03-10 | 0          | 1
7          | 2026-03-11 | 0          | 1
7          | 2026-03-11 | 1          | 1
7          | 2026-03-14 | 3          | 2
8          | 2026-03-14 | 0          | 1
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> int:
    compute(engine, "supporters", first, last)
    return compute(engine, "supporter_returns", first, last)


def test_days_since_the_gift_before_to_the_same_creator(platform: Engine) -> None:
    """Creator 7 has 2 supporters from the 11th to the 14th: both of the 11th, and nobody else on the 14th."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    expect(platform, COUNTED)


def test_day_by_day_in_any_order_is_the_same(platform: Engine) -> None:
    fill(platform, GIFTS)
    for day in ("2026-03-14", "2026-03-10", "2026-03-12", "2026-03-11"):
        compute_both(platform, day)
    expect(platform, COUNTED)


def test_only_gifts_that_count_do(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        sender_id | recipient_id | status    | created_at
        1         | 7            | refunded  | 2026-03-10 08:00
        1         | 7            | completed | 2026-03-11 08:00
        """,
    )
    compute_both(platform, "2026-03-10", "2026-03-11")
    expect(platform, "supporter_returns\ndate | days_since | supporters\n2026-03-11 | 0 | 1")


def test_a_changed_day_changes_when_its_supporters_gave_next(platform: Engine) -> None:
    """Without the 11th, 1 had been away for 4 days on the 14th, and 2 had never given before."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE created_at::date = '2026-03-11'")
    fill(platform, "virtual_gifts\nid | sender_id | recipient_id | created_at\n9 | 3 | 7 | 2026-03-11 08:00")
    compute_both(platform, "2026-03-11")
    expect(
        platform,
        """
        supporter_returns
        creator_id | date       | days_since | supporters
        7          | 2026-03-10 | 0          | 1
        7          | 2026-03-11 | 0          | 1
        7          | 2026-03-14 | 0          | 1
        7          | 2026-03-14 | 4          | 1
        8          | 2026-03-14 | 0          | 1
        """,
    )


def test_gifts_that_a_day_does_not_bear_on_are_not_touched(platform: Engine) -> None:
    """Not even where they are wrong: who gave on the 11th isn't new on the 14th, whatever the 10th was."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-10", "2026-03-14")
    change(platform, "UPDATE supporter_returns SET supporters = 77 WHERE days_since = 3")
    assert compute_both(platform, "2026-03-10") == 0
    expect(platform, COUNTED.replace("3          | 2", "3          | 77"))


def test_later_days_of_a_month_that_has_no_rows_yet(platform: Engine) -> None:
    """As after an upgrade that brought the table: who supported is known for longer than who came back."""
    fill(
        platform,
        """
        virtual_gifts
        sender_id | recipient_id | created_at
        1         | 7            | 2026-03-31 08:00
        1         | 7            | 2026-05-01 08:00
        """,
    )
    compute(platform, "supporters", "2026-03-31", "2026-05-01")
    compute(platform, "supporter_returns", "2026-03-31")
    expect(
        platform,
        """
        supporter_returns
        creator_id | date       | days_since | supporters
        7          | 2026-03-31 | 0          | 1
        7          | 2026-05-01 | 31         | 1
        """,
    )
