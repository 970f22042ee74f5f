"""Poison rows never stop a job and never reach a total, whatever types the platform's columns have."""

import pytest
from sqlalchemy import Engine

from aggregation.jobs import JOBS
from tests.spec.tables import change, compute, expect, fill, rows

TIMES = (
    ("users", "created_at"),
    ("videos", "created_at"),
    ("virtual_gifts", "created_at"),
    ("user_sessions", "started_at"),
    ("video_watches", "watched_at"),
    ("video_interactions", "created_at"),
    ("follows", "created_at"),
    ("follows", "unfollowed_at"),
    ("transactions", "created_at"),
)
# One row of each kind that counts: 1 sends 0.70 + 0.30 to 2 with a video, which is 2's.
GOOD = """
users
id | created_at       | is_creator | followers
1  | 2026-03-10 01:00 | false      | 0
2  | 2026-03-10 01:00 | true       | 10

videos
creator_id
2

sparks
name
Ember

virtual_gifts
id | spark_id | video_id | status    | created_at
1  | 5        | 1        | completed | 2026-03-10 10:00
9  | 5        | 1        | refunded  | 2026-03-10 10:00

user_sessions
user_id | started_at
1       | 2026-03-10 10:00

video_watches
watched_at
2026-03-10 10:00

video_interactions
kind | created_at
like | 2026-03-10 10:00

follows
creator_id | created_at
2          | 2026-03-10 10:00

transactions
source | amount | created_at
ads    | 5.00   | 2026-03-10 10:00
"""
POISON = """
virtual_gifts
id  | spark_id | sender_id | recipient_id | creator_share  | platform_share | status    | created_at
101 | 5        | 1         | 2            | null           | 1              | completed | 2026-03-10 10:00
102 | 5        | 1         | 2            | 1              | null           | completed | 2026-03-10 10:00
103 | 5        | 1         | 2            | NaN            | 1              | completed | 2026-03-10 10:00
104 | 5        | 1         | 2            | 1              | NaN            | completed | 2026-03-10 10:00
105 | 5        | 1         | 2            | Infinity       | 1              | completed | 2026-03-10 10:00
106 | 5        | 1         | 2            | 1              | -Infinity      | completed | 2026-03-10 10:00
107 | 5        | 1         | 2            | -0.01          | 1              | completed | 2026-03-10 10:00
108 | 5        | 1         | 2            | 1              | -0.01          | completed | 2026-03-10 10:00
109 | 5        | 1         | 2            | 10000000000.00 | 1              | completed | 2026-03-10 10:00
110 | null     | 1         | 2            | 1              | 1              | completed | 2026-03-10 10:00
111 | 5        | null      | 2            | 1              | 1              | completed | 2026-03-10 10:00
112 | 5        | 1         | null         | 1              | 1              | completed | 2026-03-10 10:00
113 | 5        | 1         | 2            | 1              | 1              | done      | 2026-03-10 10:00
114 | 5        | 1         | 2            | 1              | 1              | null      | 2026-03-10 10:00
115 | 5        | 1         | 2            | 1              | 1              | completed | null
116 | 5        | 1         | 2            | 1              | 1              | completed | infinity
117 | 5        | 1         | 2            | 1              | 1              | completed | -infinity
118 | 5        | 1         | 2            | NaN            | 1              | refunded  | 2026-03-10 10:00
119 | 5        | 1         | 2            | 1              | null           | refunded  | 2026-03-10 10:00
120 | null     | 1         | 2            | 1              | 1              | refunded  | 2026-03-10 10:00

user_sessions
id  | user_id | started_at       | duration_seconds
101 | 1       | 2026-03-10 10:00 | -1
102 | null    | 2026-03-10 10:00 | 5
103 | 1       | null             | 5
104 | 1       | infinity         | 5
105 | 1       | 2026-03-10 10:00 | NaN
106 | 1       | 2026-03-10 10:00 | Infinity

video_watches
id  | user_id | video_id | watched_at
101 | null    | 1        | 2026-03-10 10:00
102 | 1       | null     | 2026-03-10 10:00
103 | 1       | 1        | -infinity
104 | 1       | 1        | null

video_interactions
id  | user_id | video_id | kind  | created_at
101 | null    | 1        | like  | 2026-03-10 10:00
102 | 1       | null     | like  | 2026-03-10 10:00
103 | 1       | 1        | wave  | 2026-03-10 10:00
104 | 1       | 1        | null  | 2026-03-10 10:00
105 | 1       | 1        | like  | infinity
106 | 1       | 1        | like  | null

follows
id  | follower_id | creator_id | created_at       | unfollowed_at
101 | null        | 2          | 2026-03-10 10:00 | null
102 | 1           | null       | 2026-03-10 10:00 | null
103 | 1           | 2          | null             | 2026-03-10 10:00
104 | 1           | 2          | infinity         | null
105 | 1           | 2          | -infinity        | null
106 | 1           | 2          | 2026-03-10 10:00 | infinity
107 | 1           | 2          | 2026-03-10 10:00 | -infinity

transactions
id  | source | amount         | status    | created_at
101 | ads    | null           | completed | 2026-03-10 10:00
102 | ads    | NaN            | completed | 2026-03-10 10:00
103 | ads    | Infinity       | completed | 2026-03-10 10:00
104 | ads    | -5.00          | completed | 2026-03-10 10:00
105 | ads    | 10000000000.00 | completed | 2026-03-10 10:00
106 | null   | 1.00           | completed | 2026-03-10 10:00
107 | gifts  | 1.00           | completed | 2026-03-10 10:00
108 | ads    | 1.00           | done      | 2026-03-10 10:00
109 | ads    | 1.00           | completed | infinity
110 | ads    | 1.00           | completed | null

users
id  | created_at | is_creator
101 | null       | true
102 | infinity   | true
103 | -infinity  | false
104 | 0001-01-01 | false
"""


# What only whole weeks or months fill, or thousands of people.
NOT_OF_DAYS = {
    "user_frequency",
    "gifter_months",
    "gifter_cohorts",
    "peer_benchmarks",
    "supporter_spreads",
}


def lenient(engine: Engine, share: str, moment: str) -> None:
    """Columns of a platform that checks nothing."""
    for table, column in TIMES:
        change(engine, f"ALTER TABLE {table} ALTER {column} DROP NOT NULL, ALTER {column} TYPE {moment}")
    for table, *ids in (
        ("virtual_gifts", "spark_id", "sender_id", "recipient_id", "status"),
        ("user_sessions", "user_id"),
        ("video_watches", "user_id", "video_id"),
        ("video_interactions", "user_id", "video_id", "kind"),
        ("follows", "follower_id", "creator_id"),
        ("transactions", "source"),
    ):
        change(engine, f"ALTER TABLE {table} " + ", ".join(f"ALTER {name} DROP NOT NULL" for name in ids))
    shares = ", ".join(f"ALTER {name} TYPE {share}" for name in ("creator_share", "platform_share"))
    change(engine, f"ALTER TABLE virtual_gifts {shares}")
    change(engine, f"ALTER TABLE transactions ALTER amount TYPE {share}")
    change(engine, f"ALTER TABLE user_sessions ALTER duration_seconds TYPE {share}")


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """All tables after all jobs have run for the days around."""
    for job in JOBS:
        compute(engine, job.name, "2026-03-09", "2026-03-11")
    return {job.table.name: rows(engine, job.table.name) for job in JOBS}


@pytest.mark.parametrize("moment", ["timestamp", "timestamptz"])
@pytest.mark.parametrize("share", ["numeric", "float8"])
def test_poison_changes_nothing(platform: Engine, share: str, moment: str) -> None:
    lenient(platform, share, moment)
    fill(platform, GOOD)
    clean = everything(platform)
    assert len(clean["daily_analytics"]) == 3
    assert {name for name, found in clean.items() if not found} == NOT_OF_DAYS
    fill(platform, POISON)
    clean["creator_profiles"] += [(101, "somebody", 0), (102, "somebody", 0)]
    assert everything(platform) == clean


def test_column_types_dont_change_the_numbers(platform: Engine) -> None:
    fill(platform, GOOD)
    before = everything(platform)
    lenient(platform, "float8", "timestamptz")
    for job in JOBS:
        assert compute(platform, job.name, "2026-03-09", "2026-03-11") == 0
    assert everything(platform) == before


def test_floats_are_rounded_row_by_row_and_add_up(platform: Engine) -> None:
    """0.1 + 0.2 in floats is 0.30000000000000004; a thousand times 0.1 is 99.9999999999986."""
    lenient(platform, "float8", "timestamp")
    gifts = "\n".join(["0.1 | 0.2 | 2026-03-10 10:00"] * 1000)
    fill(platform, f"virtual_gifts\ncreator_share | platform_share | created_at\n{gifts}")
    compute(platform, "daily", "2026-03-10")
    expect(
        platform,
        """
        daily_analytics
        total_revenue | creator_earnings | platform_earnings
        300.00        | 100.00           | 200.00
        """,
    )


def test_fractions_of_a_cent_dont_add_up(platform: Engine) -> None:
    lenient(platform, "float8", "timestamp")
    gifts = "\n".join(["0.004 | 0.006 | 2026-03-10 10:00"] * 3)
    fill(platform, f"virtual_gifts\ncreator_share | platform_share | created_at\n{gifts}")
    compute(platform, "daily", "2026-03-10")
    expect(platform, "daily_analytics\ncreator_earnings | platform_earnings\n0.00 | 0.03")


def test_the_largest_share_counts(platform: Engine) -> None:
    fill(
        platform,
        """
        virtual_gifts
        creator_share | platform_share | created_at
        9999999999.99 | 9999999999.99  | 2026-03-10 10:00
        9999999999.99 | 0.00           | 2026-03-10 10:00
        """,
    )
    compute(platform, "daily", "2026-03-10")
    expect(platform, "daily_analytics\ntotal_revenue | creator_earnings\n29999999999.97 | 19999999999.98")


def test_timestamptz_sources_fall_on_utc_days(platform: Engine) -> None:
    lenient(platform, "numeric", "timestamptz")
    fill(
        platform,
        """
        virtual_gifts
        creator_share | platform_share | created_at
        1.00          | 0.00           | 2026-03-10 20:00-05
        2.00          | 0.00           | 2026-03-11 00:30+02
        4.00          | 0.00           | 2026-03-11 02:00+02
        """,
    )
    compute(platform, "daily", "2026-03-10", "2026-03-11")
    compute(platform, "gifts", "2026-03-10", "2026-03-11")
    expect(
        platform,
        """
        daily_analytics
        date       | total_revenue
        2026-03-10 | 2.00
        2026-03-11 | 5.00

        gift_analytics
        hour             | revenue
        2026-03-10 22:00 | 2.00
        2026-03-11 00:00 | 4.00
        2026-03-11 01:00 | 1.00
        """,
    )


def test_impossible_prices_cost_nothing(platform: Engine) -> None:
    change(platform, "ALTER TABLE sparks ALTER credits TYPE float8, ALTER credits DROP NOT NULL")
    fill(
        platform,
        """
        sparks
        id | credits
        1  | -5
        2  | NaN
        3  | null
        4  | 7

        virtual_gifts
        spark_id | created_at
        1        | 2026-03-10 10:00
        2        | 2026-03-10 10:00
        3        | 2026-03-10 10:00
        4        | 2026-03-10 10:00
        """,
    )
    compute(platform, "engagement", "2026-03-10")
    expect(platform, "user_engagement\nuser_id | gifts_sent | credits_spent\n1 | 4 | 7\n2 | 0 | 0")
