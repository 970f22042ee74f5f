"""Who had come in months that are over: whoever isn't noted is not looked for, and nobody is forgotten."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from aggregation.days import months
from aggregation.jobs import chosen
from aggregation.jobs.seen import BITS, SLOTS
from aggregation.publishing import run
from aggregation.schema import source, video_watches, videos, virtual_gifts
from tests.conftest import fresh
from tests.spec.tables import change, rows

# The ends of months, where what is noted begins and ends.
DAYS = [
    *(date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28)),
    *(date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)),
]
# The same months again a year later.
YEARS = [
    *(date(2025, 2, 28), date(2025, 3, 31), date(2025, 4, 1), date(2025, 12, 31)),
    *(date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)),
]
# The first two have the same bit, the first and the third the same bits of months.
CREATORS = (1, 1 + BITS, 1 + SLOTS, 2, -5)
PEOPLE = (11, 12, 13)
JOBS = ("engagement", "returns", "gifters", "viewers", "viewer_returns", "supporters", "supporter_returns")
FILLED = (
    "virtual_gifts, video_watches, user_engagement, user_returns, gifter_returns, creator_viewers, "
    "viewer_returns, creator_supporters, supporter_returns, supporter_changes, people_seen"
)
NOON = time(12, tzinfo=UTC)
ids = count(1)

Who = tuple[int, ...]
# Creator, person, day.
Came = set[tuple[int, int, int]]
came = st.sets(
    st.tuples(st.sampled_from(CREATORS), st.sampled_from(PEOPLE), st.integers(0, len(DAYS) - 1)), max_size=25
)
spans = st.tuples(st.integers(0, len(DAYS) - 1), st.integers(0, len(DAYS) - 1)).map(sorted)


@pytest.fixture(scope="module")
def empty(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        with engine.begin() as connection:
            made = {"title": "", "views": 0, "likes": 0, "comments": 0, "shares": 0}
            made |= {"created_at": datetime(2026, 1, 1, tzinfo=UTC)}
            each = [made | {"id": 100 + n, "creator_id": creator} for n, creator in enumerate(CREATORS)]
            connection.execute(insert(videos), each)
        yield engine


def store(engine: Engine, gave: Came, watched: Came, first: int, last: int) -> None:
    """These days anew, month by month, as the worker computes them."""
    inside = range(first, last + 1)
    gift = {"spark_id": 1, "creator_share": 1, "platform_share": 0, "status": "completed"}
    gifts = [
        gift | {"id": next(ids), "sender_id": who, "recipient_id": creator, "created_at": _noon(day)}
        for creator, who, day in gave
        if day in inside
    ]
    watches = [
        {"id": next(ids), "user_id": who, "video_id": 100 + CREATORS.index(creator), "seconds_watched": 1}
        | {"watched_at": _noon(day)}
        for creator, who, day in watched
        if day in inside
    ]
    days = f"BETWEEN '{DAYS[first]}' AND '{DAYS[last]} 23:00'"
    change(engine, f"DELETE FROM virtual_gifts WHERE created_at {days}")
    change(engine, f"DELETE FROM video_watches WHERE watched_at {days}")
    with engine.begin() as connection:
        if gifts:
            connection.execute(insert(virtual_gifts), gifts)
        if watches:
            connection.execute(insert(video_watches), watches)
    compute(engine, DAYS[first], DAYS[last])


def compute(engine: Engine, first: date, last: date) -> None:
    for span in months(first, last):
        with engine.begin() as connection:
            for job in chosen(JOBS):
                run(connection, job, *span, later=span[1] == last)


def _noon(day: int) -> datetime:
    return datetime.combine(DAYS[day], NOON)


def returns(visits: set[tuple[Who, int]], by: int) -> list[tuple[object, ...]]:
    """Rows of a table of returns: `by` so many, the day, days since the visit before, how many."""
    counted: Counter[tuple[object, ...]] = Counter()
    for who, day in visits:
        before = [other for each, other in visits if each == who and other < day]
        since = (DAYS[day] - DAYS[max(before)]).days if before else 0
        counted[*who[:by], DAYS[day], since] += 1
    return sorted((*key, number) for key, number in counted.items())


def assert_right(engine: Engine, gave: Came, watched: Came) -> None:
    givers: set[tuple[Who, int]] = {((creator, who), day) for creator, who, day in gave}
    viewers: set[tuple[Who, int]] = {((creator, who), day) for creator, who, day in watched}
    assert sorted(rows(engine, "supporter_returns")) == returns(givers, 1)
    assert sorted(rows(engine, "viewer_returns")) == returns(viewers, 1)
    gifters: set[tuple[Who, int]] = {((who,), day) for _, who, day in gave}
    active = gifters | {((who,), day) for _, who, day in watched}
    assert sorted(rows(engine, "user_returns")) == returns(active, 0)
    found = rows(engine, "gifter_returns", "date", "days_since", "gifters")
    assert sorted(found) == returns(gifters, 0)


@pytest.mark.parametrize("days", [DAYS, YEARS], ids=["months", "years"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    before=st.tuples(came, came),
    after=st.tuples(came, came),
    restated=st.lists(spans, min_size=1, max_size=3),
)
def test_days_in_any_order(
    empty: Engine,
    days: list[date],
    before: tuple[Came, Came],
    after: tuple[Came, Came],
    restated: list[list[int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "DAYS", days)
        change(empty, f"TRUNCATE {FILLED}")
        # The newest first: what is computed after it lies in months that are noted already.
        store(empty, *before, 5, 7)
        store(empty, *before, 0, 4)
        assert_right(empty, *before)
        gave, watched = before
        for first, last in restated:
            gave, watched = (
                {each for each in then if not first <= each[2] <= last}
                | {each for each in new if first <= each[2] <= last}
                for then, new in zip((gave, watched), after, strict=True)
            )
            store(empty, gave, watched, first, last)
        assert_right(empty, gave, watched)


ONCE: Came = {(1, 11, 0), (1, 11, 7)}


def test_whoever_is_not_noted_is_not_looked_for(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    store(empty, ONCE, ONCE, 0, 7)
    assert_right(empty, ONCE, ONCE)
    # As if somebody else had come until March, and 11 hadn't.
    change(empty, "UPDATE people_seen SET person_id = 99 WHERE person_id = 11")
    april = date(2026, 4, 2)
    compute(empty, april, april)
    for table in ("viewer_returns", "supporter_returns", "user_returns", "gifter_returns"):
        assert rows(empty, table, "date", "days_since")[-1] == (april, 0)


def test_nobody_is_looked_for_before_the_day_of_the_first_visit(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    visits = {(1, 11, 3), (1, 12, 7)}
    store(empty, visits, visits, 0, 7)
    # As if 11 had come on the first of that month, too, and nobody knew.
    for table in ("user_engagement", "creator_supporters", "creator_viewers"):
        record = """(jsonb_populate_record(known, '{"date": "2026-02-01"}')).*"""
        change(empty, f"INSERT INTO {table} SELECT {record} FROM {table} AS known WHERE date = '2026-02-28'")
    with empty.begin() as connection:
        for job in chosen(["returns", "gifters", "viewer_returns", "supporter_returns"]):
            run(connection, job, date(2026, 2, 28), date(2026, 2, 28), later=False)
    assert_right(empty, visits, visits)


def test_days_computed_together_find_whoever_came_long_ago(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    # 13 has the same creator twice in the span; 12 gives to one with the same bits as 11's.
    visits = {(1, 11, 0), (1, 11, 7), (1 + SLOTS, 12, 1), (1, 12, 7), (2, 13, 2), (2, 13, 6), (2, 13, 7)}
    store(empty, visits, visits, 0, 7)
    change(empty, "TRUNCATE viewer_returns, supporter_returns, user_returns, gifter_returns")
    compute(empty, DAYS[0], DAYS[5])
    compute(empty, DAYS[6], DAYS[7])
    assert_right(empty, visits, visits)


def test_a_late_change_in_a_noted_month_is_noted(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    store(empty, ONCE, ONCE, 0, 6)
    visits = ONCE | {(1, 13, 1), (1, 13, 7)}
    store(empty, visits, visits, 1, 1)
    store(empty, visits, visits, 7, 7)
    assert_right(empty, visits, visits)


def test_a_month_with_another_creator_forgets_no_earlier_one(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    visits = {(1, 11, 0), (2, 11, 2), (1, 11, 7)}
    store(empty, visits, visits, 0, 6)
    store(empty, visits, visits, 7, 7)
    assert_right(empty, visits, visits)


def test_the_first_of_a_month_belongs_to_those_not_noted_yet(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    visits = {(1, 11, 6), (1, 11, 7)}
    store(empty, visits, visits, 0, 6)
    store(empty, visits, visits, 7, 7)
    assert_right(empty, visits, visits)


def test_an_upgrade_brings_it_empty_and_the_first_night_notes_all_months(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}")
    store(empty, ONCE, ONCE, 0, 6)
    change(empty, "TRUNCATE people_seen")
    store(empty, ONCE, ONCE, 7, 7)
    assert_right(empty, ONCE, ONCE)
    noted = rows(empty, "people_seen", "person_id", "kind", "through")
    kinds = ("gifter", "supporter", "user", "viewer")
    assert {(kind, day) for who, kind, day in noted if who != 11} == {
        (kind, date(2026, 3, 31)) for kind in kinds
    }
    assert {(who, kind) for who, kind, _ in noted if who == 11} == {(11, kind) for kind in kinds}


def test_months_in_which_somebody_had_not_come_are_not_looked_through(empty: Engine) -> None:
    change(empty, f"TRUNCATE {FILLED}, supporter_totals")
    visits = {(1, 11, 2), (1, 11, 7)}
    store(empty, visits, visits, 0, 6)
    sum_up(empty)
    # As if 11 had come in January and March, too, and nobody knew.
    for table in ("creator_supporters", "creator_viewers"):
        for day in ("2026-01-31", "2026-03-31"):
            record = f"""(jsonb_populate_record(known, '{{"date": "{day}"}}')).*"""
            change(
                empty, f"INSERT INTO {table} SELECT {record} FROM {table} AS known WHERE date = '2026-02-01'"
            )
    store(empty, visits, visits, 7, 7)
    sum_up(empty)
    assert_right(empty, visits, visits)
    february, april = date(2026, 2, 1), date(2026, 4, 2)
    found = rows(empty, "supporter_totals", "first_day", "previous_day", "last_day", "gift_days")
    assert found == [(february, february, april, 2)]


def test_whose_last_day_goes_before_its_month_is_noted_has_no_sums(empty: Engine) -> None:
    """The run of the first of March notes who came in February, and 11 didn't after all."""
    change(empty, f"TRUNCATE {FILLED}, supporter_totals")
    other = {(1, 12, 0)}
    store(empty, {(1, 11, 3), *other}, other, 0, 3)
    sum_up(empty)
    store(empty, other, other, 3, 4)
    sum_up(empty)
    assert rows(empty, "supporter_totals", "supporter_id") == [(12,)]


def sum_up(engine: Engine) -> None:
    with engine.begin() as connection:
        run(connection, chosen(["supporter_totals"])[0], DAYS[0], DAYS[-1])
