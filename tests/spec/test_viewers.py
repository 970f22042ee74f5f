"""creator_viewers and viewer_returns: who watched a creator's videos, and for how long they hadn't."""

from sqlalchemy import Engine

from tests.spec.tables import change, compute, expect, fill

WATCHES = """
videos
id | creator_id
1  | 7
2  | 7
3  | 8

video_watches
user_id | video_id | watched_at
1       | 1        | 2026-03-10 00:00
1       | 2        | 2026-03-10 23:59
1       | 1        | 2026-03-11 08:00
1       | 1        | 2026-03-14 08:00
2       | 2        | 2026-03-11 08:00
2       | 1        | 2026-03-14 08:00
2       | 3        | 2026-03-14 08:00
2       | 99       | 2026-03-14 08:00
"""
COUNTED = """
viewer_returns
creator_id | date       | days_since | viewers
7          | 2026-03-10 | 0          | 1
7          | 2026-03-11 | 0          | 1
7          | 2026-03-11 | 1          | 1
7          | 2026-03-14 | 3          | 2
8          | 2026-03-14 | 0          | 1
"""


def compute_both(engine: Engine, first: str, last: str | None = None) -> None:
    compute(engine, "viewers", first, last)
    compute(engine, "viewer_returns", first, last)


def test_watches_of_a_day_are_one_viewer(platform: Engine) -> None:
    """Nor is one of a video that is gone anybody's."""
    fill(platform, WATCHES)
    compute_both(platform, "2026-03-10", "2026-03-14")
    expect(
        platform,
        """
        creator_viewers
        creator_id | viewer_id | date       | views
        7          | 1         | 2026-03-10 | 2
        7          | 1         | 2026-03-11 | 1
        7          | 1         | 2026-03-14 | 1
        7          | 2         | 2026-03-11 | 1
        7          | 2         | 2026-03-14 | 1
        8          | 2         | 2026-03-14 | 1
        """,
    )
    expect(platform, COUNTED)


def test_day_by_day_in_any_order_is_the_same(platform: Engine) -> None:
    fill(platform, WATCHES)
    for day in ("2026-03-14", "2026-03-10", "2026-03-12", "2026-03-11"):
        compute_both(platform, day)
    expect(platform, COUNTED)


def test_a_changed_day_changes_when_its_viewers_came_next(platform: Engine) -> None:
    """Without the 11th, 1 had been away for 4 days on the 14th, and 2 had never come before."""
    fill(platform, WATCHES)
    compute_both(platform, "2026-03-10", "2026-03-14")
    change(platform, "DELETE FROM video_watches WHERE watched_at::date = '2026-03-11'")
    compute_both(platform, "2026-03-11")
    expect(
        platform,
        """
        viewer_returns
        creator_id | date       | days_since | viewers
        7          | 2026-03-10 | 0          | 1
        7          | 2026-03-14 | 0          | 1
        7          | 2026-03-14 | 4          | 1
        8          | 2026-03-14 | 0          | 1
        """,
    )


def test_without_recorded_watches_nobody_is_known(platform: Engine) -> None:
    change(platform, "DROP TABLE video_watches")
    fill(platform, "virtual_gifts\ncreated_at\n2026-03-10 10:00")
    compute_both(platform, "2026-03-10")
    expect(platform, "creator_viewers\ncreator_id\n\nviewer_returns\ncreator_id\n")
