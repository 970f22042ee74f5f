"""What changes on days that were published: the stored day is right after the next run, at most two."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from aggregation import changes, triggers
from aggregation.days import ONE_DAY
from aggregation.errors import UserError
from aggregation.jobs import JOBS
from aggregation.publishing import aggregate
from aggregation.schema import source
from aggregation.worker import Worker
from tests.conftest import fresh, origin
from tests.integration.test_worker import failing
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
        """The night that follows."""
        self.now += ONE_DAY
        self.worker.run_due(self.now)

    def first(self) -> None:
        self.worker.run_due(self.now)


@pytest.fixture(scope="module")
def published_template(server: str, template: str) -> str:
    """The name of a database with triggers, whose first night is over, that tests are copied from."""
    with origin(server, f"{template}_published", template) as engine:
        source.create_all(engine)
        triggers.install(engine)
        published(engine)
    return str(engine.url.database)


@pytest.fixture
def watched(server: str, published_template: str) -> Iterator[Nights]:
    for engine in fresh(server, published_template):
        yield Nights(engine)


def published(engine: Engine) -> Nights:
    fill(engine, platform_of(40))
    made = Nights(engine)
    made.first()
    return made


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    # What creators were told of their peers stays as it was told.
    return {job.name: rows(engine, job.table.name) for job in JOBS if job.name != "peers"}


def assert_right(nights: Nights) -> None:
    """All that is stored is what computing everything from the beginning would store."""
    before = stored(nights.engine)
    tables = ", ".join(job.table.name for job in JOBS)
    change(nights.engine, f"TRUNCATE {tables}")
    aggregate(nights.engine, clock=lambda: nights.now)
    after = stored(nights.engine)
    # The name of who doesn't support anybody any more is harmless.
    assert set(after.pop("supporter_names")) <= set(before.pop("supporter_names"))
    assert before == after


def log(engine: Engine) -> list[tuple[Any, ...]]:
    """What changed, why, and how many days before today."""
    found = rows(engine, "source_changes", "subject", "cause", "day")
    return sorted((subject, cause, (TODAY - day).days) for subject, cause, day in found)


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


SOON = ("a refund five days later", "a payment a week late")


@pytest.mark.parametrize("name", SOON)
def test_without_triggers_the_newest_week_is_right_after_the_next_night(platform: Engine, name: str) -> None:
    nights = published(platform)
    change(platform, LATE[name].replace(ago(8), ago(6)))
    nights.run()
    assert_right(nights)


def test_only_what_changed_is_computed_again(watched: Nights) -> None:
    newest = rows(watched.engine, "job_runs", "id")[-1][0]
    change(watched.engine, LATE["a payment a week late"])
    change(watched.engine, LATE["a refund five days later"])
    watched.run()
    ran: defaultdict[tuple[int, int, str], set[str]] = defaultdict(set)
    columns = ("id", "job", "first_day", "last_day", "reason")
    for number, job, first, last, reason in rows(watched.engine, "job_runs", *columns):
        if number > newest and job not in ("today", "forecast", "check"):
            ran[(TODAY - first).days, (TODAY - last).days, reason].add(job)
    assert ran.pop((8, 8, "late data")) == {"revenue"}
    assert {"daily", "creators", "gifts"} < ran.pop((5, 5, "refund"))
    assert set(ran) == {(0, 0, "schedule")}


def test_a_failed_job_leaves_its_changes_in_the_log(watched: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    change(watched.engine, LATE["a refund five days later"])
    noted = log(watched.engine)
    with failing(monkeypatch, "revenue"):
        watched.run()
    assert log(watched.engine) == noted == [("virtual_gifts", "refund", 5)]
    watched.run()
    assert log(watched.engine) == []
    assert_right(watched)


# ---- transactions that end later ----


def test_who_commits_after_the_day_was_closed_is_counted_after_that(watched: Nights) -> None:
    """With an id, and a time, from before: nothing in the row says that it came late."""
    engine = watched.engine
    # The night of the running day: what is written today is not late, and isn't noted.
    writer = engine.connect()
    writer.execute(text(insert_gift(900, f"{TODAY} 00:00:01")))
    change(engine, insert_gift(901, f"{TODAY} 00:00:02"))
    watched.run()
    gifts = dict(rows(engine, "daily_analytics", "date", "total_gifts_sent"))
    assert gifts[TODAY] == 1
    waiting = [(subject, days) for subject, _, days in log(engine)]
    assert waiting == [("day", 0)]
    # As long as it goes on there is nothing to do.
    watched.worker.run_due(watched.now + timedelta(minutes=1))
    assert len(log(engine)) == 1
    writer.commit()
    writer.close()
    watched.run()
    assert log(engine) == []
    assert dict(rows(engine, "daily_analytics", "date", "total_gifts_sent"))[TODAY] == 2
    assert_right(watched)


def test_who_only_reads_keeps_no_day_open(watched: Nights) -> None:
    with watched.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM virtual_gifts"))
        reader.execute(text("INSERT INTO dashboard_audit (action) VALUES ('looked')"))
        watched.run()
        assert log(watched.engine) == []
        reader.rollback()


def test_a_change_that_is_noted_while_it_is_computed_stays_in_the_log(watched: Nights) -> None:
    engine = watched.engine
    with engine.connect() as late:
        late.execute(text(LATE["a refund five days later"]))
        change(engine, "UPDATE virtual_gifts SET creator_share = 9 WHERE recipient_id = 2 AND id = 4")
        watched.run()
        late.commit()
    # And as it began before the day was over, that day is computed again, too.
    assert log(engine) == [("day", "late data", 0), ("virtual_gifts", "refund", 5)]
    watched.run()
    assert log(engine) == []
    assert_right(watched)


# ---- the log ----


def test_what_the_running_day_does_is_not_noted(watched: Nights) -> None:
    # The day may have changed since this module was read.
    today = datetime.now(UTC).date()
    change(watched.engine, insert_gift(900, f"{today} 00:00:01"))
    change(watched.engine, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 900")
    change(watched.engine, f"INSERT INTO user_sessions VALUES (900, 1, '{today} 00:00:01', NULL)")
    change(watched.engine, "UPDATE user_sessions SET duration_seconds = 7 WHERE id = 900")
    change(watched.engine, f"UPDATE follows SET unfollowed_at = '{today} 00:00:01'")
    assert log(watched.engine) == []


def test_what_makes_no_number_is_not_noted(watched: Nights) -> None:
    """Counters and names change all the time."""
    change(watched.engine, "UPDATE users SET followers = followers + 1, username = 'x'")
    change(watched.engine, "UPDATE videos SET views = views + 1, likes = 3, title = 'x'")
    change(watched.engine, "UPDATE virtual_gifts SET video_id = 1")
    change(watched.engine, "UPDATE virtual_gifts SET status = status")
    assert log(watched.engine) == []


def test_a_statement_notes_a_day_once(watched: Nights) -> None:
    change(
        watched.engine,
        "INSERT INTO virtual_gifts SELECT 1000 + n, 1, 1, 2, NULL, 7, 3, 'completed', "
        f"timestamp '{ago(3)}' - (n % 4) * interval '1 day' FROM generate_series(1, 10000) n",
    )
    assert log(watched.engine) == [("virtual_gifts", "late data", days) for days in (3, 4, 5, 6)]


def test_of_many_entries_alike_one_is_read(watched: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that refunds row by row may note a million a day: the worker's memory knows two."""
    monkeypatch.setattr(changes, "MANY", 100)
    read = list[int]()

    def noted(connection: Connection) -> list[changes.Change]:
        found = all_noted(connection)
        read.append(len(found))
        return found

    all_noted = changes.noted
    monkeypatch.setattr(changes, "noted", noted)
    change(watched.engine, LATE["a refund five days later"])
    change(
        watched.engine,
        "INSERT INTO source_changes (subject, cause, day)"
        f" SELECT 'virtual_gifts', 'refund', date '{TODAY}' - 5 - n % 2 FROM generate_series(1, 200) n",
    )
    # Whose transaction goes on: not to be told apart by what can't be seen yet.
    with watched.engine.connect() as late:
        late.execute(text(LATE["another amount"]))
        xid = late.execute(text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")).scalar_one()
        with watched.engine.begin() as connection:
            changes.note(connection, [("virtual_gifts", TODAY - timedelta(days=5))], "refund", xid)
        watched.run()
        assert read == [2]
        # the one that waits, and the day that the open transaction had begun to write on
        assert {cause for _, cause, _ in log(watched.engine)} == {"refund", "late data"}
        late.commit()
    watched.run()
    assert log(watched.engine) == []
    assert_right(watched)


def test_emptying_a_table_is_noted_as_a_whole(watched: Nights) -> None:
    change(watched.engine, "TRUNCATE transactions, virtual_gifts")
    assert {subject for subject, _, _ in log(watched.engine)} == {"everything"}
    watched.run()
    assert log(watched.engine) == []
    assert_right(watched)


def test_a_backfill_takes_in_what_was_noted(watched: Nights) -> None:
    change(watched.engine, LATE["a refund five days later"])
    change(watched.engine, LATE["a gift before all others"])
    aggregate(watched.engine, clock=lambda: watched.now)
    assert log(watched.engine) == []
    change(watched.engine, LATE["a deleted gift"])
    aggregate(watched.engine, TODAY - timedelta(days=3), clock=lambda: watched.now)
    assert len(log(watched.engine)) == 1


def test_times_with_a_zone_fall_on_utc_days(platform: Engine) -> None:
    change(platform, "ALTER TABLE virtual_gifts ALTER created_at TYPE timestamptz")
    triggers.install(platform)
    with platform.begin() as connection:
        connection.execute(text("SET LOCAL timezone = 'Pacific/Kiritimati'"))
        connection.execute(text(insert_gift(1, f"{TODAY - timedelta(days=2)} 10:00+14")))
    assert log(platform) == [("virtual_gifts", "late data", 3)]


def test_triggers_come_and_go(platform: Engine) -> None:
    for _ in range(2):
        assert set(triggers.install(platform)) == set(source.tables)
    with platform.connect() as connection:
        assert triggers.unwatched(connection) == []
    change(platform, "ALTER TABLE follows DISABLE TRIGGER sparkboard_update")
    with platform.connect() as connection:
        assert triggers.unwatched(connection) == ["follows"]
    assert set(triggers.remove(platform)) == set(source.tables)
    assert triggers.remove(platform) == []
    with platform.connect() as connection:
        assert set(triggers.unwatched(connection)) == set(source.tables)
        left = connection.execute(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'sparkboard%'"))
        assert left.scalar_one() == 0


def test_a_table_that_lacks_a_column_gets_no_triggers(platform: Engine) -> None:
    """They would fail in each statement of the platform."""
    change(platform, "ALTER TABLE videos DROP COLUMN creator_id")
    with pytest.raises(UserError, match=r"videos can't have triggers: column .*creator_id"):
        triggers.install(platform)
    change(platform, "INSERT INTO videos (id, title, created_at) VALUES (1, 'v', now())")


def test_triggers_dont_queue_up_behind_a_long_transaction(
    platform: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a lock on a table lets all its other writers wait."""
    monkeypatch.setattr(triggers, "PATIENCE", timedelta(milliseconds=10))
    with platform.connect() as busy:
        busy.execute(text("LOCK TABLE users IN ROW EXCLUSIVE MODE"))
        with pytest.raises(UserError, match="users is in use by a long transaction"):
            triggers.install(platform)


# ---- any history ----

moments = st.builds(
    lambda day, hour: f"{TODAY - timedelta(days=day)} {hour}:00",
    st.integers(1, 12),
    st.sampled_from(["00", "09", "23"]),
)
gift_ids, people = st.integers(1, 30), st.integers(1, 3)
CHANGES = st.one_of(
    st.builds(insert_gift, st.integers(2000, 2_000_000), moments),
    st.builds("UPDATE virtual_gifts SET status = 'refunded' WHERE id = {}".format, gift_ids),
    st.builds("UPDATE virtual_gifts SET status = 'completed' WHERE id = {}".format, gift_ids),
    st.builds("UPDATE virtual_gifts SET created_at = '{1}' WHERE id = {0}".format, gift_ids, moments),
    st.builds("DELETE FROM virtual_gifts WHERE id = {}".format, gift_ids),
    st.builds("DELETE FROM user_sessions WHERE id = {}".format, gift_ids),
    st.builds(
        "INSERT INTO user_sessions VALUES ({}, {}, '{}', 5)".format,
        st.integers(2000, 2_000_000),
        people,
        moments,
    ),
    st.builds(
        "INSERT INTO video_watches VALUES ({}, {}, 1, '{}', 5)".format,
        st.integers(2000, 2_000_000),
        people,
        moments,
    ),
    st.builds(
        "INSERT INTO follows VALUES ({}, {}, 2, '{}', NULL);"
        " UPDATE users SET followers = followers + 1 WHERE id = 2".format,
        st.integers(2000, 2_000_000),
        people,
        moments,
    ),
    st.builds(
        "INSERT INTO users VALUES ({}, 'u', false, 0, '{}')".format, st.integers(2000, 2_000_000), moments
    ),
    st.builds("UPDATE users SET created_at = '{}' WHERE id = 3".format, moments),
    st.builds("UPDATE sparks SET credits = {}".format, st.integers(1, 9)),
)


@pytest.fixture(scope="module")
def any_platform(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        triggers.install(engine)
        yield engine


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(histories=st.lists(st.lists(CHANGES, max_size=4, unique=True), min_size=1, max_size=3))
def test_any_history_ends_as_a_backfill_would(any_platform: Engine, histories: list[list[str]]) -> None:
    tables = (*(job.table.name for job in JOBS), *source.tables, "job_runs", "data_checks", "source_changes")
    change(any_platform, f"TRUNCATE {', '.join(tables)}")
    fill(any_platform, platform_of(12))
    nights = Nights(any_platform)
    nights.first()
    for statements in histories:
        for statement in statements:
            with suppress(IntegrityError):  # an id that is there already
                change(any_platform, statement)
        nights.run()
    assert log(any_platform) == []
    assert_right(nights)
