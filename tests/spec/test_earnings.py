"""creator_months: what each creator had earned in the month by the end of each day."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

GIFTS = """
virtual_gifts
recipient_id | creator_share | platform_share | created_at
7            | 1.00          | 0              | 2026-03-30 08:00
7            | 2.00          | 0              | 2026-03-30 20:00
7            | 4.00          | 0              | 2026-04-02 08:00
7            | 8.00          | 0              | 2026-04-04 08:00
8            | 0.50          | 0              | 2026-04-03 08:00
9            | 0.00          | 5.00           | 2026-04-02 08:00
"""
COUNTED = """
creator_months
date       | creator_id | month_to_date
2026-03-30 | 7          | 3.00
2026-03-31 | 7          | 3.00
2026-04-02 | 7          | 4.00
2026-04-03 | 7          | 4.00
2026-04-03 | 8          | 0.50
2026-04-04 | 7          | 12.00
2026-04-04 | 8          | 0.50
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> int:
    compute(engine, "creators", first, last)
    return compute(engine, "earnings", first, last)


def test_a_month_adds_up_and_the_next_begins_anew(platform: Engine) -> None:
    """On 1 April nobody has earned anything yet; who has earned nothing has no row."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-29", "2026-04-04")
    expect(platform, COUNTED)


def test_day_by_day_is_the_same(platform: Engine) -> None:
    fill(platform, GIFTS)
    for day in (29, 30, 31):
        compute_both(platform, f"2026-03-{day}")
    for day in (1, 2, 3, 4):
        compute_both(platform, f"2026-04-0{day}")
    expect(platform, COUNTED)


def test_a_changed_day_changes_the_rest_of_its_month(platform: Engine) -> None:
    """Run until there, as every run is by the worker and `aggregate` (see Job.reach)."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-29", "2026-04-04")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3")
    compute_both(platform, "2026-04-02", "2026-04-04")
    expect(
        platform,
        """
        creator_months
        date       | creator_id | month_to_date
        2026-03-30 | 7          | 3.00
        2026-03-31 | 7          | 3.00
        2026-04-03 | 8          | 0.50
        2026-04-04 | 7          | 8.00
        2026-04-04 | 8          | 0.50
        """,
    )
