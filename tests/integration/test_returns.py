"""Distinct users of any period as a sum over user_returns: never another number than counting them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from aggregation.partitions import require_months
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Store
from aggregation.schema import source, user_engagement
from tests.conftest import fresh
from tests.spec.tables import change, compute, fill, rows

BASE = date(2026, 1, 28)
DAYS = range(10)
NOW = datetime(2026, 2, 7, 1, 0, tzinfo=UTC)

Visits = set[tuple[int, int]]
visits = st.sets(st.tuples(st.integers(1, 4), st.sampled_from(DAYS)), max_size=25)
spans = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)


def day(number: int) -> date:
    return BASE + timedelta(days=number)


@pytest.fixture(scope="module")
def visited(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        yield engine


def store(engine: Engine, come: Visits, first: int, last: int) -> None:
    """user_engagement of these days: who came, and someone who was only given gifts."""
    change(engine, f"DELETE FROM user_engagement WHERE date BETWEEN '{day(first)}' AND '{day(last)}'")
    with engine.begin() as connection:
        require_months(connection, user_engagement, day(first), day(last))
    lines = [
        f"({user}, '{day(number)}', 1, 0, 0, 0, 0, 0)" for user, number in come if first <= number <= last
    ]
    lines += [f"(9, '{day(number)}', 0, 0, 0, 1, 0, 0)" for number in range(first, last + 1)]
    change(engine, f"INSERT INTO user_engagement VALUES {', '.join(lines)}")
    compute(engine, "returns", str(day(first)), str(day(last)))


def distinct(come: Visits, first: int, last: int) -> int:
    return len({user for user, number in come if first <= number <= last})


def wrong_periods(engine: Engine, come: Visits) -> list[tuple[int, int]]:
    with Store(engine).read() as queries:
        return [
            (first, last)
            for first, last in combinations_with_replacement(DAYS, 2)
            if queries.active_users(Period(day(first), day(last))) != distinct(come, first, last)
        ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(before=visits, after=visits, restated=st.lists(spans, max_size=3))
def test_every_period_also_after_restatements(
    visited: Engine, before: Visits, after: Visits, restated: list[list[int]]
) -> None:
    change(visited, "TRUNCATE user_engagement, user_returns")
    store(visited, before, 0, 4)
    store(visited, before, 5, 9)
    assert wrong_periods(visited, before) == []
    come = before
    for first, last in restated:
        kept = {(user, number) for user, number in come if not first <= number <= last}
        come = kept | {(user, number) for user, number in after if first <= number <= last}
        store(visited, come, first, last)
    assert wrong_periods(visited, come) == []


def test_whoever_runs_engagement_runs_returns(platform: Engine) -> None:
    """Across a month's end, too: each month is a span of its own."""
    fill(
        platform,
        """
        user_sessions
        user_id | started_at
        1       | 2026-01-28 08:00
        1       | 2026-02-05 08:00
        2       | 2026-01-29 08:00
        """,
    )
    aggregate(platform, clock=lambda: NOW)
    change(platform, "DELETE FROM user_sessions WHERE id = 1")
    fill(platform, "user_sessions\nid | user_id | started_at\n7 | 1 | 2026-01-31 08:00")
    results = aggregate(platform, last=date(2026, 1, 31), only=["engagement"], clock=lambda: NOW)
    assert [result.job for result in results] == [
        *("engagement", "returns", "cohort_activity", "frequency", "gifters", "gifter_activity")
    ]
    assert rows(platform, "user_returns") == [
        (date(2026, 1, 29), 0, 1),
        (date(2026, 1, 31), 0, 1),
        (date(2026, 2, 5), 5, 1),
    ]
