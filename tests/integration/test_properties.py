"""Whatever the platform's tables hold: the recount agrees, and the order of runs doesn't matter."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from aggregation.checks import check
from aggregation.jobs import JOBS
from aggregation.publishing import aggregate
from aggregation.schema import source
from tests.conftest import fresh
from tests.spec.tables import change, rows
from tests.spec.test_validity import lenient

BASE = date(2026, 1, 30)
LAST = BASE + timedelta(days=92)
NOW = datetime(2026, 5, 3, 1, 0, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]

days = st.sampled_from([0, 1, 2, 7, 8, 30, 31, 60, 61, 90, 91])
clock_times = st.sampled_from(["00:00:00", "23:59:59.999999", "10:00:00", "10:30:00", "09:59:59.999999"])
moments = st.builds(lambda day, time: f"{BASE + timedelta(days=day)} {time}", days, clock_times)
odd_moments = moments | st.sampled_from([None, "infinity", "-infinity", "0001-01-01"])
people = st.integers(1, 5)
odd_people = people | st.sampled_from([None, 99])
shares = st.sampled_from(["0", "0.01", "1.00", "2.50", "9999999999.99"])
odd_shares = shares | st.sampled_from([None, "NaN", "Infinity", "-0.01"])


def table(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    rows_ = st.lists(st.fixed_dictionaries(columns), max_size=12)
    return rows_.map(lambda each: [{"id": number, **row} for number, row in enumerate(each, start=1)])


platforms: st.SearchStrategy[Rows] = st.fixed_dictionaries(
    {
        "users": st.lists(
            st.fixed_dictionaries(
                {"is_creator": st.booleans(), "followers": st.integers(0, 9), "created_at": odd_moments}
            ),
            min_size=5,
            max_size=5,
        ).map(lambda each: [{"id": n, "username": "u", **row} for n, row in enumerate(each, start=1)]),
        "videos": table(creator_id=people, title=st.just("v"), created_at=moments),
        "sparks": st.just([{"id": 1, "name": "s", "credits": 10}, {"id": 2, "name": "t", "credits": 3}]),
        "virtual_gifts": table(
            spark_id=st.integers(1, 3) | st.none(),
            sender_id=odd_people,
            recipient_id=odd_people,
            creator_share=odd_shares,
            platform_share=odd_shares,
            status=st.sampled_from(["completed"] * 6 + ["pending", "refunded", "done"]),
            created_at=odd_moments,
        ),
        "user_sessions": table(
            user_id=odd_people,
            started_at=odd_moments,
            duration_seconds=st.sampled_from([None, 0, 60, -1]),
        ),
        "video_watches": table(user_id=odd_people, video_id=odd_people, watched_at=odd_moments),
        "video_interactions": table(
            user_id=odd_people,
            video_id=odd_people,
            kind=st.sampled_from(["like", "comment", "share", "wave"]),
            created_at=odd_moments,
        ),
        "follows": table(
            follower_id=odd_people, creator_id=odd_people, created_at=odd_moments, unfollowed_at=odd_moments
        ),
        "transactions": table(
            source=st.sampled_from(["ads", "subscriptions", "gifts", "merchandise"]) | st.none(),
            amount=odd_shares,
            status=st.sampled_from(["completed"] * 4 + ["failed", "done"]),
            created_at=odd_moments,
        ),
    }
)
# Each example is a platform of four months and takes about a second.
thorough = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.fixture(scope="module")
def anything(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        lenient(engine, "numeric", "timestamp")
        yield engine


def clock() -> datetime:
    return NOW


def replace_all(engine: Engine, platform: Rows) -> None:
    """The source holds these rows, and nothing is aggregated."""
    change(engine, f"TRUNCATE {', '.join(job.table.name for job in JOBS)}, job_runs, data_checks")
    replace_source(engine, platform)


def replace_source(engine: Engine, platform: Rows) -> None:
    """The source holds these rows, and a sign-up on the first day."""
    change(engine, f"TRUNCATE {', '.join(source.tables)}")
    with engine.begin() as connection:
        for name, content in platform.items():
            for row in content:
                holders = ", ".join(["%s"] * len(row))
                insertion = f"INSERT INTO {name} ({', '.join(row)}) VALUES ({holders})"
                connection.exec_driver_sql(insertion, tuple(row.values()))
    change(
        engine, f"INSERT INTO users (id, username, is_creator, created_at) VALUES (6, 'u', false, '{BASE}')"
    )


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {job.name: rows(engine, job.table.name) for job in JOBS}


@thorough
@given(platform=platforms)
def test_the_recount_agrees_and_a_rerun_changes_nothing(anything: Engine, platform: Rows) -> None:
    replace_all(anything, platform)
    aggregate(anything, clock=clock)
    report = check(anything, clock=clock)
    assert report.unequal == ()
    assert {table.table: table.cells for table in report.tables}["identities"] == 5 * 93
    assert {result.rows for result in aggregate(anything, clock=clock)} == {0}


@thorough
@given(platform=platforms, data=st.data())
def test_spans_in_any_order_end_the_same(anything: Engine, platform: Rows, data: st.DataObject) -> None:
    replace_all(anything, platform)
    aggregate(anything, clock=clock)
    whole = stored(anything)
    replace_all(anything, platform)
    cuts = sorted(data.draw(st.sets(st.integers(1, 92), max_size=4)))
    spans = list(zip([0, *cuts], [cut - 1 for cut in [*cuts, 93]], strict=True))
    for first, last in data.draw(st.permutations(spans)):
        aggregate(anything, BASE + timedelta(days=first), BASE + timedelta(days=last), clock=clock)
    assert stored(anything) == whole


@thorough
@given(before=platforms, after=platforms)
def test_nothing_of_an_earlier_source_remains(anything: Engine, before: Rows, after: Rows) -> None:
    replace_all(anything, after)
    aggregate(anything, clock=clock)
    right = stored(anything)
    replace_all(anything, before)
    aggregate(anything, clock=clock)
    replace_source(anything, after)
    aggregate(anything, clock=clock)
    assert stored(anything) == right
