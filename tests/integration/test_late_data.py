"""What changes on days that were published: the stored day is right after the next run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from aggregation import triggers
from aggregation.days import ONE_DAY
from aggregation.jobs import JOBS
from aggregation.publishing import aggregate
from aggregation.worker import Worker
from tests.spec.tables import change, fill, rows

# Triggers go by the database's clock, so the platform of these tests lives around now.
TODAY = datetime.now(UTC).date()


def ago(days: int, time: str = "10:00") -> str:
    return f"{TODAY - timedelta(days=days)} {time}"


def platform_of(days: int) -> str:
    gifts = "\n".join(f"{n} | 1 | 2 | 7.00 | 3.00 | {ago(n)}" for n in range(1, days + 1))
    sessions = "\n".join(f"{n} | 1 | {ago(n, '09:00')}" for n in range(1, days + 1))
    return f"""
users
id | is_creator | followers | created_at
1  | false      | 0         | {ago(days, "00:00")}
2  | true       | 1         | {ago(days, "00:00")}
3  | false      | 0         | {ago(days, "00:00")}

videos
id | creator_id | created_at
1  | 2          | {ago(days, "00:00")}

sparks
id | credits
1  | 10

virtual_gifts
id | sender_id | recipient_id | creator_share | platform_share | created_at
{gifts}

user_sessions
id | user_id | started_at
{sessions}

follows
id | follower_id | creator_id | created_at
1  | 1           | 2          | {ago(days, "00:00")}
"""


class Nights:
    """A worker whose nights come when they are called for."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = datetime.combine(TODAY, datetime.min.time(), UTC) + timedelta(hours=3)
        self.worker = Worker(engine, lambda: self.now)

    def run(self) -> None:
        """A pass of the night that follows, and the one after it."""
        self.now += ONE_DAY
        self.worker.run_due(self.now)

    def first(self) -> None:
        self.worker.run_due(self.now)


@pytest.fixture(params=["triggers", "no triggers"])
def nights(request: pytest.FixtureRequest, platform: Engine) -> Nights:
    """40 days are published."""
    if request.param == "triggers":
        triggers.install(platform)
    return published(platform)


@pytest.fixture
def watched(platform: Engine) -> Nights:
    triggers.install(platform)
    return published(platform)


def published(engine: Engine) -> Nights:
    fill(engine, platform_of(40))
    made = Nights(engine)
    made.first()
    return made


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {job.name: rows(engine, job.table.name) for job in JOBS}


def assert_right(nights: Nights) -> None:
    """All that is stored is what computing everything from the beginning would store."""
    before = stored(nights.engine)
    tables = ", ".join(job.table.name for job in JOBS)
    change(nights.engine, f"TRUNCATE {tables}")
    aggregate(nights.engine, clock=lambda: nights.now)
    assert before == stored(nights.engine)


def log(engine: Engine) -> list[tuple[Any, ...]]:
    found = rows(engine, "source_changes", "subject", "cause", "day")
    return [(subject, cause, (TODAY - day).days) for subject, cause, day in found]


def insert_gift(number: int, when: str) -> str:
    return (
        "INSERT INTO virtual_gifts (id, spark_id, sender_id, recipient_id, creator_share, platform_share,"
        f" status, created_at) VALUES ({number}, 1, 3, 2, 70, 30, 'completed', '{when}')"
    )


LATE = {
    "a refund five days later": "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 5",
    "a gift a month late": insert_gift(1000, ago(30)),
    "a gift before all others": insert_gift(1000, ago(60)),
    "another amount": "UPDATE virtual_gifts SET creator_share = 8 WHERE id = 20",
    "another day": f"UPDATE virtual_gifts SET created_at = '{ago(12)}' WHERE id = 25",
    "a deleted gift": "DELETE FROM virtual_gifts WHERE id = 14",
    "a session a month late": f"INSERT INTO user_sessions VALUES (1000, 3, '{ago(30)}', 60)",
    "a session that ends late": "UPDATE user_sessions SET duration_seconds = 4000 WHERE id = 8",
    "a watch a month late": f"INSERT INTO video_watches VALUES (1, 3, 1, '{ago(31)}', 5)",
    "a like two weeks late": f"INSERT INTO video_interactions VALUES (1, 3, 1, 'like', '{ago(14)}')",
    "a payment a week late": f"INSERT INTO transactions VALUES (1, 1, 'ads', 5, 'completed', '{ago(8)}')",
    "a follow ten days late": f"""
        INSERT INTO follows VALUES (7, 3, 2, '{ago(10)}', NULL);
        UPDATE users SET followers = 2 WHERE id = 2""",
    "an unfollow nine days ago": f"""
        UPDATE follows SET unfollowed_at = '{ago(9)}' WHERE id = 1;
        UPDATE users SET followers = 0 WHERE id = 2""",
    "a user who comes late": f"""
        INSERT INTO users VALUES (9, 'late', false, 0, '{ago(20)}');
        INSERT INTO user_sessions VALUES (2000, 9, '{ago(13)}', 60)""",
    "a user who goes": "DELETE FROM users WHERE id = 3",
    "a video that comes after its watches": f"""
        INSERT INTO video_watches VALUES (1, 3, 5, '{ago(6)}', 5);
        INSERT INTO videos VALUES (5, 2, 'v', 0, 0, 0, 0, '{ago(7)}')""",
    "another price": "UPDATE sparks SET credits = 12 WHERE id = 1",
    "a creator who wasn't one": f"""
        INSERT INTO follows VALUES (7, 1, 3, '{ago(10)}', NULL);
        UPDATE users SET is_creator = true, followers = 1 WHERE id = 3""",
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE.keys())
def test_with_triggers_it_is_right_after_the_next_run(watched: Nights, late: str) -> None:
    change(watched.engine, late)
    watched.run()
    assert log(watched.engine) == []
    assert_right(watched)
