"""supporter_totals, supporter_profiles and spark_profiles: who a creator's supporters are."""

from datetime import date

import pytest
from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill, rows

# Supporter 1 of creator 7 gave on the 1st, 2nd, 5th and 9th: gaps 1, 3, 4.
GIFTS = """
virtual_gifts
id | sender_id | recipient_id | spark_id | creator_share | created_at
1  | 1         | 7            | 1        | 1.00          | 2026-03-01 10:00
2  | 1         | 7            | 2        | 2.00          | 2026-03-02 10:00
3  | 1         | 7            | 2        | 4.00          | 2026-03-05 10:00
4  | 1         | 7            | 1        | 8.00          | 2026-03-09 10:00
5  | 1         | 7            | 2        | 16.00         | 2026-03-09 11:00
6  | 1         | 7            | 2        | 32.00         | 2026-03-09 12:00
7  | 2         | 7            | 3        | 0.50          | 2026-03-02 10:00
8  | 1         | 8            | 3        | 0.25          | 2026-03-02 10:00
"""
SUMMED = """
supporter_totals
creator_id | supporter_id | first_day  | last_day   | gift_days | gifts | amount | usual_gap | spark_id
7          | 1            | 2026-03-01 | 2026-03-09 | 4         | 6     | 63.00  | 3         | 2
7          | 2            | 2026-03-02 | 2026-03-02 | 1         | 1     | 0.50   | null      | 3
8          | 1            | 2026-03-02 | 2026-03-02 | 1         | 1     | 0.25   | null      | 3
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> int:
    compute(engine, "supporters", first, last)
    return compute(engine, "supporter_totals", first, last)


def test_what_each_supporter_gave_in_all(platform: Engine) -> None:
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-01", "2026-03-09")
    expect(platform, SUMMED)


def test_day_by_day_is_the_same(platform: Engine) -> None:
    fill(platform, GIFTS)
    for day in range(1, 10):
        compute_both(platform, f"2026-03-0{day}")
    expect(platform, SUMMED)


def test_the_days_of_whoever_gave_on_several_are_kept(platform: Engine) -> None:
    fill(platform, GIFTS)
    days = [date(2026, 3, day) for day in (1, 2, 5, 9)]
    compute_both(platform, "2026-03-01", "2026-03-09")
    kept = rows(platform, "supporter_totals", "supporter_id", "days", "spark_ids")
    assert kept == [(1, days, [1, 2, 2, 2]), (2, None, None), (1, None, None)]


@pytest.mark.parametrize(("by_older_version", "gift_days"), [(False, 4), (True, 3)])
def test_a_later_day_is_added_to_what_is_stored(
    platform: Engine, by_older_version: bool, gift_days: int
) -> None:
    """Days of before aren't read again; of rows that an older version wrote they are."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-01", "2026-03-05")
    # As if there had never been a 2nd of March, and nobody knew.
    change(platform, "DELETE FROM creator_supporters WHERE date = '2026-03-02'")
    if by_older_version:
        change(platform, "UPDATE supporter_totals SET days = NULL, spark_ids = NULL")
    compute_both(platform, "2026-03-06", "2026-03-09")
    found = rows(platform, "supporter_totals", "supporter_id", "last_day", "gift_days")
    assert (1, date(2026, 3, 9), gift_days) in found


def test_of_two_middle_gaps_the_lower_is_the_usual_one(platform: Engine) -> None:
    """Gaps 1 and 7."""
    fill(platform, GIFTS)
    change(platform, "DELETE FROM virtual_gifts WHERE id = 3")
    compute_both(platform, "2026-03-01", "2026-03-09")
    assert rows(platform, "supporter_totals", "usual_gap")[0] == (1,)


def test_a_refund_long_ago_changes_its_supporter_alone(platform: Engine) -> None:
    """Also where the day is neither the supporter's first nor the last, and where none is left."""
    fill(platform, GIFTS)
    compute_both(platform, "2026-03-01", "2026-03-09")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id IN (3, 7)")
    compute(platform, "supporters", "2026-03-02", "2026-03-05")
    noted = rows(platform, "supporter_changes")
    assert noted == [(7, 1, date(2026, 3, 5)), (7, 2, date(2026, 3, 2))]
    assert compute(platform, "supporter_totals", "2026-03-02", "2026-03-05") == 2
    assert rows(platform, "supporter_changes") == []
    expect(
        platform,
        """
        supporter_totals
        creator_id | supporter_id | gift_days | gifts | amount | usual_gap
        7          | 1            | 3         | 5     | 59.00  | 1
        8          | 1            | 1         | 1     | 0.25   | null
        """,
    )


def test_whose_last_gift_is_refunded_has_the_one_before_as_the_last(platform: Engine) -> None:
    """In another month, too: nothing is left of the row in the month that it was in."""
    fill(
        platform,
        """
        virtual_gifts
        id | sender_id | recipient_id | created_at
        1  | 1         | 7            | 2026-01-30
        2  | 1         | 7            | 2026-02-27
        3  | 1         | 7            | 2026-03-05
        """,
    )
    compute_both(platform, "2026-01-30", "2026-03-05")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3")
    compute_both(platform, "2026-03-05")
    expect(
        platform,
        """
        supporter_totals
        creator_id | supporter_id | first_day  | previous_day | last_day   | gift_days
        7          | 1            | 2026-01-30 | 2026-01-30   | 2026-02-27 | 2
        """,
    )
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 2")
    compute_both(platform, "2026-02-27")
    expect(
        platform,
        """
        supporter_totals
        first_day  | previous_day | last_day   | gift_days
        2026-01-30 | null         | 2026-01-30 | 1
        """,
    )


def test_cooling_begins_after_three_usual_gaps_but_not_before_two_weeks(platform: Engine) -> None:
    """Three gifts on a day have no gap; two gifts never cool."""
    fill(
        platform,
        """
        virtual_gifts
        sender_id | recipient_id | created_at
        1         | 7            | 2026-03-01
        1         | 7            | 2026-03-07
        1         | 7            | 2026-03-13
        2         | 7            | 2026-03-01
        2         | 7            | 2026-03-02
        2         | 7            | 2026-03-03
        3         | 7            | 2026-03-01
        3         | 7            | 2026-03-01
        3         | 7            | 2026-03-01
        4         | 7            | 2026-03-01
        4         | 7            | 2026-03-02
        """,
    )
    compute_both(platform, "2026-03-01", "2026-03-13")
    expect(
        platform,
        """
        supporter_totals
        supporter_id | last_day   | cooling_from
        1            | 2026-03-13 | 2026-04-01
        2            | 2026-03-03 | 2026-03-18
        3            | 2026-03-01 | 2026-03-16
        4            | 2026-03-02 | null
        """,
    )


def test_names_are_of_those_who_gave_and_follow_what_changes(platform: Engine) -> None:
    fill(platform, GIFTS)
    fill(platform, "users\nid | username\n1 | vera\n2 | vito\n3 | never gave\n7 | cleo")
    fill(platform, "sparks\nid | name\n1 | Ember\n2 | Comet")
    compute(platform, "supporters", "2026-03-01", "2026-03-09")
    compute(platform, "supporter_names", "2026-03-09")
    compute(platform, "spark_profiles", "2026-03-09")
    expect(platform, "supporter_profiles\nsupporter_id | name\n1 | vera\n2 | vito")
    expect(platform, "spark_profiles\nspark_id | name\n1 | Ember\n2 | Comet")
    change(platform, "UPDATE users SET username = 'vera b' WHERE id = 1")
    change(platform, "DELETE FROM users WHERE id = 2")
    compute(platform, "supporter_names", "2026-03-09")
    expect(platform, "supporter_profiles\nsupporter_id | name\n1 | vera b\n2 | null")
