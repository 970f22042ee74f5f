"""How what a creator gets is spread over supporters, against a recount of the list."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from aggregation.checks import check
from aggregation.jobs import chosen, supporter_spreads
from aggregation.jobs.supporter_spreads import MANY, POINTS, TOPS
from aggregation.partitions import require_months
from aggregation.periods import KNOWN_DAYS, Period
from aggregation.publishing import run
from aggregation.schema import creator_supporters, source
from aggregation.supporters import Dependency, dependency, largest
from layouts.page import CREATOR_PERIODS
from tests.conftest import fresh
from tests.spec.tables import change, rows

DAY = date(2026, 3, 4)
PERIOD = Period(DAY, DAY)
CREATOR = 7
# Many who gave the same, and few who gave alike.
alike = st.lists(st.integers(0, 4), max_size=400)
unlike = st.lists(st.integers(0, 10**9), max_size=60)


@pytest.fixture(scope="module")
def engine(server: str, template: str) -> Iterator[Engine]:
    for each in fresh(server, template):
        source.create_all(each)
        change(each, "INSERT INTO users VALUES (1, 'somebody', true, 0, '2025-01-01')")
        with each.begin() as connection:
            require_months(connection, creator_supporters, DAY - timedelta(days=200), DAY)
        yield each


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cents=alike | unlike)
def test_it_equals_a_recount(engine: Engine, cents: list[int]) -> None:
    give(engine, [(person, 0, each) for person, each in enumerate(cents)])
    gave = sorted((Decimal(each) / 100 for each in cents if each), reverse=True)
    with engine.connect() as connection:
        found = dependency(connection, CREATOR, PERIOD)
    if not gave:
        assert found is None
        return
    assert found is not None
    whole, count = sum(gave), len(gave)
    assert (found.supporters, found.amount) == (count, whole)
    assert found.effective == whole * whole / sum(each * each for each in gave)
    assert found.top == {top: sum(gave[:top]) / whole for top in TOPS}
    step = max(1, count // POINTS)
    places = sorted({top for top in TOPS if top <= count} | set(range(step, count + 1, step)) | {count})
    assert found.curve == [
        (0.0, 0.0),
        *((place / count, float(sum(gave[:place]) / whole)) for place in places),
    ]


def give(engine: Engine, gifts: list[tuple[int, int, int]]) -> None:
    """Who, how many days before DAY, and how many cents; of who gave twice a day the first."""
    change(engine, "TRUNCATE creator_supporters, supporter_spreads")
    given_ = [
        {"creator_id": CREATOR, "supporter_id": person, "date": DAY - timedelta(days=before), "gifts": 1}
        | {"amount": Decimal(cents) / 100}
        for (person, before), cents in {(who, when): cents for who, when, cents in reversed(gifts)}.items()
    ]
    with engine.begin() as connection:
        if given_:
            connection.execute(insert(creator_supporters), given_)


def store(engine: Engine, many: int) -> None:
    with pytest.MonkeyPatch.context() as patch, engine.begin() as connection:
        patch.setattr(supporter_spreads, "MANY", many)
        # A statement of its own, made with this number.
        job = replace(chosen(["supporter_spreads"])[0], statement=partial(supporter_spreads.statement))
        run(connection, job, DAY, DAY)


def seen(engine: Engine) -> list[tuple[Dependency | None, Decimal]]:
    with engine.connect() as connection:
        return [
            (dependency(connection, CREATOR, each), largest(connection, CREATOR, each)) for each in PERIODS
        ]


def first_and_before(days: int) -> list[Period]:
    newest = Period.ending(DAY, days)
    return [newest, newest.shifted(-days)]


PERIODS = [each for days in CREATOR_PERIODS for each in first_and_before(days)]
PERIODS += [Period.ending(DAY, KNOWN_DAYS)]
gifts = st.tuples(
    st.integers(1, 30), st.sampled_from([0, 6, 7, 13, 14, 60, 89, 90, 179, 180]), st.integers(0, 9)
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(given_=st.lists(gifts, max_size=80))
def test_what_is_stored_of_a_large_creator_is_what_would_be_counted(
    engine: Engine, given_: list[tuple[int, int, int]]
) -> None:
    give(engine, [(1, 0, 1), *given_])
    counted = seen(engine)
    store(engine, 0)
    change(engine, "TRUNCATE creator_supporters")
    assert seen(engine) == counted


@pytest.mark.parametrize(
    ("people", "stored"),
    [
        # 10,000 in so many days are 3,111 in 28 days for 90, 5,000 for 56, 9,333 for 30.
        (3_111, set()),
        (3_112, {(90, 0)}),
        (5_001, {(90, 0), (56, 0)}),
        (6_222, {(90, 0), (56, 0)}),
        (6_223, {(90, 0), (56, 0), (90, 90)}),
        (9_334, {(90, 0), (56, 0), (90, 90), (30, 0)}),
        (10_001, {(90, 0), (56, 0), (90, 90), (30, 0), (28, 0)}),
        (18_667, {(90, 0), (56, 0), (90, 90), (30, 0), (28, 0), (30, 30)}),
        (20_001, {(90, 0), (56, 0), (90, 90), (30, 0), (28, 0), (30, 30), (28, 28)}),
    ],
)
def test_only_what_would_take_long_to_count_is_stored(
    engine: Engine, people: int, stored: set[tuple[int, int]]
) -> None:
    """Days of the period, and how many days before the newest one it ends."""
    give(engine, [(person, person % 28, 5) for person in range(people)] + [(1, 30, 9), (1, 100, 9)])
    store(engine, MANY)
    found = rows(engine, "supporter_spreads", "first_day", "last_day")
    assert {((last - first).days + 1, (DAY - last).days) for first, last in found} == stored


def test_an_independent_recount_finds_each_wrong_cell(engine: Engine) -> None:
    give(engine, [(person, person % 50, person % 997) for person in range(2 * MANY)])
    store(engine, MANY)
    found = rows(engine, "supporter_spreads", "place")
    assert recounted(engine) == (3 * len(found), 0)
    change(engine, "UPDATE supporter_spreads SET so_far = so_far + 1 WHERE last_day = '2026-03-04'")
    wrong = [end for (end,) in rows(engine, "supporter_spreads", "last_day") if end == DAY]
    assert wrong
    assert recounted(engine) == (3 * len(found), len(wrong))


def recounted(engine: Engine) -> tuple[int, int]:
    night = datetime(2026, 3, 5, 6, tzinfo=UTC)
    report = check(engine, DAY - timedelta(days=200), DAY, clock=lambda: night)
    (part,) = (each for each in report.tables if each.table == "supporter_spreads")
    return part.cells, part.unequal
