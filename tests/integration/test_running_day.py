"""Today so far: what a pass counts, what it leaves to a recount, and that both end at the truth."""

import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from aggregation import retries, running_day, versions
from aggregation.errors import UserError
from aggregation.versions import Versions
from tests.integration.test_worker_endings import wait_until
from tests.spec.tables import change, expect, fill, rows

GIFTS = """
virtual_gifts
recipient_id | creator_share | platform_share | status    | created_at
2            | 7.00          | 3.00           | completed | 2026-03-10 23:59:59
2            | 7.00          | 3.00           | completed | 2026-03-11 00:00
2            | 0.70          | 0.30           | completed | 2026-03-11 09:15
3            | 1.40          | 0.60           | completed | 2026-03-11 09:16
2            | 0.70          | 0.30           | refunded  | 2026-03-11 09:17
2            | null          | 0.30           | completed | 2026-03-11 09:18
2            | 2.10          | 0.90           | completed | 2026-03-11 11:58
"""
NOON = "2026-03-11 12:00"


def at(now: str) -> datetime:
    return datetime.fromisoformat(now).replace(tzinfo=UTC)


def count(engine: Engine, now: str = NOON) -> None:
    running_day.refresh(engine, at(now))


def recount(engine: Engine) -> int:
    """All hours of the running day; how many rows changed."""
    with engine.connect() as connection:
        hours = running_day.hours_to_recount(connection)
    return sum(running_day.recount(engine, hour) for hour in hours)


def give(engine: Engine, number: int, moment: str, creator: int = 2) -> None:
    change(
        engine,
        f"INSERT INTO virtual_gifts VALUES"
        f" ({number}, 1, 1, {creator}, NULL, 0.70, 0.30, 'completed', '{moment}')",
    )


def true_hours(engine: Engine, since: str = "2026-03-11") -> list[tuple[Any, ...]]:
    """Counted plainly: hour, creator, gifts, revenue, creator's share."""
    query = f"""
        SELECT date_trunc('hour', created_at), recipient_id, count(*), sum(creator_share + platform_share),
               sum(creator_share)
        FROM virtual_gifts
        WHERE status = 'completed' AND creator_share IS NOT NULL AND created_at >= '{since}'
        GROUP BY 1, 2 ORDER BY 1, 2
    """
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def counted_hours(engine: Engine) -> list[tuple[Any, ...]]:
    found = rows(engine, "running_creator_hours", "hour", "creator_id", "gifts", "revenue", "creator_share")
    return [row for row in found if row[2]]


def assert_hours_are_their_creators_sums(engine: Engine) -> None:
    sums: dict[Any, list[Any]] = {}
    for hour, _, *amounts in counted_hours(engine):
        sums[hour] = [sum(pair) for pair in zip(sums.get(hour, [0, 0, 0]), amounts, strict=True)]
    assert {hour: amounts for hour, *amounts in rows(engine, "running_hours")} == sums


# ---- a pass ----


def test_the_gifts_of_today_by_hour(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform)
    expect(
        platform,
        """
        running_hours
        hour             | gifts | revenue | creator_share
        2026-03-11 00:00 | 1     | 10.00   | 7.00
        2026-03-11 09:00 | 2     | 3.00    | 2.10
        2026-03-11 11:00 | 1     | 3.00    | 2.10

        running_creator_hours
        hour             | creator_id | gifts | revenue | creator_share
        2026-03-11 00:00 | 2          | 1     | 10.00   | 7.00
        2026-03-11 09:00 | 2          | 1     | 1.00    | 0.70
        2026-03-11 09:00 | 3          | 1     | 2.00    | 1.40
        2026-03-11 11:00 | 2          | 1     | 3.00    | 2.10
        """,
    )


def test_it_says_when(platform: Engine) -> None:
    with platform.connect() as connection:
        assert running_day.counted_at(connection) is None
    fill(platform, GIFTS)
    count(platform)
    count(platform, "2026-03-11 12:00:03")
    with platform.connect() as connection:
        assert running_day.counted_at(connection) == at("2026-03-11 12:00:03")
        (row,) = running_day.by_hour(connection, at(NOON).date(), 3)
    assert tuple(row) == (9, 1, 2, Decimal("1.40"))


def test_what_comes_is_added_in_whatever_order_it_is_committed(platform: Engine) -> None:
    fill(platform, GIFTS)
    give(platform, 20, "2026-03-11 11:59:59")
    count(platform)
    # begun before the newest that is counted, committed after
    give(platform, 21, "2026-03-11 11:59:10", 4)
    give(platform, 22, "2026-03-11 12:00:01")
    count(platform, "2026-03-11 12:00:03")
    assert counted_hours(platform) == true_hours(platform)
    assert_hours_are_their_creators_sums(platform)


def test_a_refund_of_a_moment_ago_is_seen_at_once(platform: Engine) -> None:
    give(platform, 1, "2026-03-11 11:59:30", 3)
    give(platform, 2, "2026-03-11 11:59:59")
    count(platform)
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 1")
    count(platform, "2026-03-11 12:00:03")
    assert [creator for _, creator, *_ in counted_hours(platform)] == [2]
    assert_hours_are_their_creators_sums(platform)


def test_a_pass_reads_only_what_came_since(platform: Engine) -> None:
    """A gift of the morning is left to the recount: a pass that finds it has read the day again."""
    fill(platform, GIFTS)
    count(platform)
    give(platform, 20, "2026-03-11 08:30")
    before = counted_hours(platform)
    count(platform, "2026-03-11 12:00:03")
    assert counted_hours(platform) == before


def test_a_pass_that_finds_nothing_new_writes_no_row_of_numbers(platform: Engine) -> None:
    def written() -> list[tuple[Any, ...]]:
        with platform.connect() as connection:
            query = "SELECT xmin::text, ctid::text FROM running_creator_hours ORDER BY hour, creator_id"
            return [tuple(row) for row in connection.execute(text(query))]

    fill(platform, GIFTS)
    count(platform)
    count(platform, "2026-03-11 12:00:03")
    before = written()
    count(platform, "2026-03-11 12:00:06")
    assert written() == before


def test_after_a_pause_it_goes_on_where_it_was(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform)
    for number in range(30):
        give(platform, 100 + number, f"2026-03-11 {12 + number // 10}:{number % 10 + 10}:00", number % 3)
    count(platform, "2026-03-11 15:00")
    assert counted_hours(platform) == true_hours(platform)
    assert_hours_are_their_creators_sums(platform)


def test_each_pass_has_a_version_of_its_own_and_leaves_whole_days(platform: Engine) -> None:
    def current() -> Versions:
        with platform.connect() as connection:
            return versions.current(connection)

    fill(platform, GIFTS)
    count(platform)
    before = current()
    count(platform, "2026-03-11 12:00:03")
    assert current().now > before.now
    assert current()._replace(now=0) == before._replace(now=0)


def test_without_the_platforms_tables_it_says_so(database: Engine) -> None:
    with pytest.raises(UserError, match="the database has no"):
        count(database)


# ---- the day's ends ----


def test_a_day_that_is_complete_goes(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform)
    give(platform, 20, "2026-03-11 23:59:58")
    count(platform, "2026-03-12 00:00:02")
    give(platform, 21, "2026-03-11 23:59:59")
    give(platform, 22, "2026-03-12 00:00:03")
    count(platform, "2026-03-12 00:00:05")
    assert counted_hours(platform) == true_hours(platform)
    count(platform, "2026-03-12 00:10")
    assert counted_hours(platform) == true_hours(platform, "2026-03-12")
    assert_hours_are_their_creators_sums(platform)
    assert len(rows(platform, "running_day")) == 1


def test_a_quiet_night_keeps_no_rows(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform)
    count(platform, "2026-03-13 08:00")
    assert rows(platform, "running_creator_hours") == rows(platform, "running_hours") == []


def test_a_clock_that_was_ahead_is_forgotten(platform: Engine) -> None:
    fill(platform, GIFTS)
    give(platform, 20, "2026-03-14 10:00")
    count(platform, "2026-03-14 12:00")
    count(platform)
    assert counted_hours(platform) == [
        row for row in true_hours(platform) if row[0].date() == at(NOON).date()
    ]
    ((day, *_),) = rows(platform, "running_day")
    assert day == at(NOON).date()


def test_a_clock_that_is_ahead_lets_no_gift_pass_by(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform, "2026-03-11 17:00")
    give(platform, 20, "2026-03-11 11:57:30")
    count(platform, "2026-03-11 17:00:03")
    assert counted_hours(platform) == true_hours(platform)


# ---- the recount ----


def test_a_recount_finds_what_came_late_and_what_was_refunded(platform: Engine) -> None:
    fill(platform, GIFTS)
    count(platform)
    give(platform, 20, "2026-03-11 08:30", 5)
    give(platform, 21, "2026-03-11 09:30", 3)
    change(platform, "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 2")
    change(platform, "UPDATE virtual_gifts SET creator_share = 0.50 WHERE id = 3")
    assert recount(platform) == 4
    assert counted_hours(platform) == true_hours(platform)
    assert_hours_are_their_creators_sums(platform)
    assert recount(platform) == 0
    # what a recount has set right a pass doesn't undo
    count(platform, "2026-03-11 12:00:03")
    assert counted_hours(platform) == true_hours(platform)


def test_a_recount_of_the_running_hour_leaves_what_isnt_settled(platform: Engine) -> None:
    give(platform, 1, "2026-03-11 12:10")
    give(platform, 2, "2026-03-11 12:19:59")
    count(platform, "2026-03-11 12:20")
    give(platform, 3, "2026-03-11 12:05")
    recount(platform)
    count(platform, "2026-03-11 12:20:03")
    assert counted_hours(platform) == true_hours(platform)


def test_a_pass_between_a_recounts_count_and_its_writing_is_not_lost(platform: Engine) -> None:
    """The recount waits for a row that the pass holds; the pass settles more of the same hour."""
    give(platform, 1, "2026-03-11 12:10")
    count(platform, "2026-03-11 12:10:01")
    give(platform, 2, "2026-03-11 12:05")
    with platform.connect().execution_options(isolation_level="REPEATABLE READ") as passing:
        passing.execute(text("SELECT FROM running_creator_hours FOR UPDATE"))
        other = threading.Thread(
            target=running_day.recount, args=(platform, datetime.fromisoformat("2026-03-11 12:00"))
        )
        other.start()
        wait_until(platform, "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')")
        running_day._count(passing, at("2026-03-11 12:12"))
        passing.commit()
        other.join()
    give(platform, 3, "2026-03-11 12:14")
    count(platform, "2026-03-11 12:14:01")
    assert counted_hours(platform) == true_hours(platform)


def test_of_two_at_the_same_rows_one_is_to_be_done_again(platform: Engine) -> None:
    give(platform, 1, "2026-03-11 12:10")
    count(platform, "2026-03-11 12:10:01")
    give(platform, 2, "2026-03-11 12:11")
    with platform.connect().execution_options(isolation_level="REPEATABLE READ") as slow:
        slow.execute(text("SELECT 1 FROM running_day"))
        count(platform, "2026-03-11 12:11:01")
        with pytest.raises(DBAPIError) as caught:
            running_day._count(slow, at("2026-03-11 12:11:02"))
    assert retries.is_passing(caught.value)
    assert counted_hours(platform) == true_hours(platform)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_it_ends_at_the_truth(platform: Engine, seed: int) -> None:
    """Gifts that come late by seconds or hours, refunds and other amounts, passes and recounts at random."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    now = at("2026-03-11 09:00")
    for number in range(1, 121):
        now += timedelta(seconds=chance.choice((1, 3, 20, 90, 600)))
        late = timedelta(seconds=chance.choice((0, 1, 30, 59, 61, 4000)))
        give(platform, number, f"{max(now - late, at('2026-03-11 00:00')):%Y-%m-%d %H:%M:%S}", number % 4)
        if chance.random() < 0.2:
            victim = chance.randint(1, number)
            change(platform, f"UPDATE virtual_gifts SET status = 'refunded' WHERE id = {victim}")
        if chance.random() < 0.6:
            running_day.refresh(platform, now)
        if chance.random() < 0.1:
            recount(platform)
    running_day.refresh(platform, now + timedelta(seconds=1))
    recount(platform)
    assert counted_hours(platform) == true_hours(platform)
    assert_hours_are_their_creators_sums(platform)
