"""creator_months: what each creator had had in the month by the end of each day."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

GIFTS = """
videos
id | creator_id
1  | 7
2  | 8

virtual_gifts
recipient_id | video_id | creator_share | platform_share | created_at
7            | 1        | 1.00          | 0              | 2026-03-30 08:00
7            | null     | 2.00          | 0              | 2026-03-30 20:00
7            | 1        | 4.00          | 0              | 2026-04-02 08:00
7            | 1        | 8.00          | 0              | 2026-04-04 08:00
8            | 1        | 0.50          | 0              | 2026-04-03 08:00
9            | null     | 0.00          | 5.00           | 2026-04-02 08:00
"""
COUNTED = """
creator_months
date       | creator_id | earnings | gifts | views | reactions | video_earnings
2026-03-30 | 7          | 3.00     | 2     | 0     | 0         | 1.00
2026-03-31 | 7          | 3.00     | 2     | 0     | 0         | 1.00
2026-04-02 | 7          | 4.00     | 1     | 0     | 0         | 4.00
2026-04-02 | 9          | 0.00     | 1     | 0     | 0         | 0.00
2026-04-03 | 7          | 4.00     | 1     | 0     | 0         | 4.00
2026-04-03 | 8          | 0.50     | 1     | 0     | 0         | 0.00
2026-04-03 | 9          | 0.00     | 1     | 0     | 0         | 0.00
2026-04-04 | 7          | 12.00    | 2     | 0     | 0         | 12.00
2026-04-04 | 8          | 0.50     | 1     | 0     | 0         | 0.00
2026-04-04 | 9          | 0.00     | 1     | 0     | 0         | 0.00
"""
JOBS = ("creators", "video_gifts", "months")


def compute_all(engine: Engine, first: str, last: str | None = None) -> None:
    for job in JOBS:
        compute(engine, job, first, last)


def test_a_month_adds_up_and_the_next_begins_anew(platform: Engine) -> None:
    """On 1 April nobody has had anything yet. What 8 was given with a video of 7's is not earned by views."""
    fill(platform, GIFTS)
    compute_all(platform, "2026-03-29", "2026-04-04")
    expect(platform, COUNTED)


def test_day_by_day_is_the_same(platform: Engine) -> None:
    fill(platform, GIFTS)
    for day in (29, 30, 31):
        compute_all(platform, f"2026-03-{day}")
    for day in (1, 2, 3, 4):
        compute_all(platform, f"2026-04-0{day}")
    expect(platform, COUNTED)


def test_a_changed_day_changes_the_rest_of_its_month(platform: Engine) -> None:
    """Run until there, as every run is by the worker and `aggregate` (see Job.reach)."""
    fill(platform, GIFTS)
    compute_all(platform, "2026-03-29", "2026-04-04")
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id IN (3, 6)")
    compute_all(platform, "2026-04-02", "2026-04-04")
    expect(
        platform,
        """
        creator_months
        date       | creator_id | earnings | gifts | views | reactions | video_earnings
        2026-03-30 | 7          | 3.00     | 2     | 0     | 0         | 1.00
        2026-03-31 | 7          | 3.00     | 2     | 0     | 0         | 1.00
        2026-04-03 | 8          | 0.50     | 1     | 0     | 0         | 0.00
        2026-04-04 | 7          | 8.00     | 1     | 0     | 0         | 8.00
        2026-04-04 | 8          | 0.50     | 1     | 0     | 0         | 0.00
        """,
    )


WATCHED = """
videos
id | creator_id
1  | 7

video_watches
video_id | watched_at
1        | 2026-04-01 08:00
1        | 2026-04-01 09:00
1        | 2026-04-03 09:00

video_interactions
video_id | kind    | created_at
1        | like    | 2026-04-03 09:00
1        | comment | 2026-04-03 09:00
1        | share   | 2026-04-03 09:00
"""


def test_views_and_reactions_count_without_gifts(platform: Engine) -> None:
    fill(platform, WATCHED)
    compute_all(platform, "2026-04-01", "2026-04-03")
    expect(
        platform,
        """
        creator_months
        date       | creator_id | earnings | gifts | views | reactions | video_earnings
        2026-04-01 | 7          | 0.00     | 0     | 2     | 0         | 0.00
        2026-04-02 | 7          | 0.00     | 0     | 2     | 0         | 0.00
        2026-04-03 | 7          | 0.00     | 0     | 3     | 3         | 0.00
        """,
    )


def test_what_one_day_does_not_know_the_month_does_not_know_from_then_on(platform: Engine) -> None:
    """On the 2nd the platform had no interactions: half a sum would mislead."""
    fill(platform, WATCHED)
    fill(platform, "virtual_gifts\nrecipient_id | created_at\n7 | 2026-04-02 08:00")
    compute(platform, "creators", "2026-04-01", "2026-04-03")
    change(platform, "UPDATE creator_metrics SET video_likes = NULL WHERE date = '2026-04-02'")
    compute(platform, "months", "2026-04-01", "2026-04-03")
    expect(
        platform,
        """
        creator_months
        date       | creator_id | views | reactions
        2026-04-01 | 7          | 2     | 0
        2026-04-02 | 7          | 2     | null
        2026-04-03 | 7          | 3     | null
        """,
    )


def test_it_goes_on_from_the_day_before_and_what_is_unknown_stays_so(platform: Engine) -> None:
    fill(platform, WATCHED)
    fill(platform, "virtual_gifts\nrecipient_id | created_at\n7 | 2026-04-02 08:00")
    compute(platform, "creators", "2026-04-01", "2026-04-03")
    change(platform, "UPDATE creator_metrics SET video_likes = NULL WHERE date = '2026-04-02'")
    for day in (1, 2, 3):
        compute(platform, "months", f"2026-04-0{day}")
    known = """
        creator_months
        date       | creator_id | gifts | views | reactions
        2026-04-01 | 7          | 0     | 2     | 0
        2026-04-02 | 7          | 1     | 2     | null
        2026-04-03 | 7          | 1     | 3     | null
        """
    expect(platform, known)
    # What lies before the day before isn't read again.
    change(platform, "DELETE FROM creator_metrics WHERE date < '2026-04-03'")
    compute(platform, "months", "2026-04-03")
    expect(platform, known)


def test_without_the_day_before_the_month_is_summed_up_from_its_days(platform: Engine) -> None:
    fill(platform, GIFTS)
    for job in ("creators", "video_gifts"):
        compute(platform, job, "2026-03-29", "2026-04-04")
    compute(platform, "months", "2026-04-04")
    expect(
        platform,
        """
        creator_months
        date       | creator_id | earnings | gifts | views | reactions | video_earnings
        2026-04-04 | 7          | 12.00    | 2     | 0     | 0         | 12.00
        2026-04-04 | 8          | 0.50     | 1     | 0     | 0         | 0.00
        2026-04-04 | 9          | 0.00     | 1     | 0     | 0         | 0.00
        """,
    )
