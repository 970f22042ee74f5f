"""How what a creator gets is spread over supporters, against a recount of the list."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from aggregation.partitions import require_months
from aggregation.periods import Period
from aggregation.schema import creator_supporters, supporter_totals
from aggregation.supporters import CANDIDATES, POINTS, TOPS, dependency, largest
from tests.conftest import fresh
from tests.spec.tables import change

DAY = date(2026, 3, 4)
PERIOD = Period(DAY, DAY)
CREATOR = 7
# Many who gave the same, and few who gave alike.
alike = st.lists(st.integers(0, 4), max_size=400)
unlike = st.lists(st.integers(0, 10**9), max_size=60)


@pytest.fixture(scope="module")
def engine(server: str, template: str) -> Iterator[Engine]:
    for each in fresh(server, template):
        with each.begin() as connection:
            require_months(connection, creator_supporters, DAY, DAY)
        yield each


def fill(engine: Engine, cents: list[int], in_all: list[int]) -> None:
    """Who gave so much on the day, and in all."""
    change(engine, "TRUNCATE creator_supporters, supporter_totals")
    person = {"creator_id": CREATOR, "gifts": 1}
    with engine.begin() as connection:
        for table, amounts, more in (
            (creator_supporters, cents, {"date": DAY}),
            (supporter_totals, in_all, {"first_day": DAY, "last_day": DAY, "gift_days": 1}),
        ):
            rows = [
                person | more | {"supporter_id": n, "amount": Decimal(each) / 100}
                for n, each in enumerate(amounts, 1)
            ]
            if rows:
                connection.execute(insert(table), rows)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cents=alike | unlike)
def test_it_equals_a_recount(engine: Engine, cents: list[int]) -> None:
    fill(engine, cents, [])
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


@pytest.mark.parametrize("people", [0, 1, CANDIDATES, CANDIDATES + 2])
def test_the_largest_is_found_among_many_who_gave_more_before(engine: Engine, people: int) -> None:
    """The last of them gave most on the day, and least in all."""
    fill(engine, list(range(1, people + 1)), [10**6 - n for n in range(people)])
    with engine.connect() as connection:
        assert largest(connection, CREATOR, PERIOD) == Decimal(people) / 100
