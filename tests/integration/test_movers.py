"""Movers from the months so far: the same as from each day, whatever was earned, computed or restated."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from aggregation import queries
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Queries, Store
from aggregation.schema import source
from benchmarks.datasize import asked_of, tables_of
from tests.conftest import fresh
from tests.spec.tables import change, fill, rows

BASE = date(2026, 1, 25)
DAYS = range(45)
NOW = datetime(2026, 3, 11, 1, 0, tzinfo=UTC)

Gifts = list[tuple[int, int, int]]
gifts = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(DAYS), st.sampled_from([0, 1, 250, 999_999])), max_size=25
)
spans = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)


def day(number: int) -> date:
    return BASE + timedelta(days=number)


def give(engine: Engine, given_: Gifts) -> None:
    """The platform has these gifts (creator, day, cents), and its first sign-up on the first day."""
    change(engine, "TRUNCATE virtual_gifts, users")
    fill(engine, f"users\ncreated_at\n{BASE}")
    lines = [
        f"{creator} | {cents // 100}.{cents % 100:02} | 0 | {day(number)}"
        for creator, number, cents in given_
    ]
    fill(
        engine,
        "\n".join(["virtual_gifts", "recipient_id | creator_share | platform_share | created_at", *lines]),
    )


@pytest.fixture(scope="module")
def giving(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        yield engine


def run(engine: Engine, first: int = 0, last: int = 44, only: list[str] | None = None) -> None:
    aggregate(engine, day(first), day(last), only, clock=lambda: NOW)


def movers(engine: Engine, period: Period, before: Period) -> list[tuple[Any, ...]]:
    with Store(engine).read() as reader:
        return list(reader.movers(period, before, 10).itertuples(index=False, name=None))


def pairs() -> list[tuple[Period, Period]]:
    """Of every length, ending on the last day, and some that end before."""
    ends = [(days, 44) for days in (1, 7, 10, 14, 22)] + [(3, 20), (5, 11), (7, 37)]
    periods = [Period.ending(day(last), days) for days, last in ends]
    return [(period, period.shifted(-period.days)) for period in periods]


def by_day(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[Any, ...]]]:
    with monkeypatch.context() as patch:
        patch.setattr(Queries, "_summed_from_months", lambda *_: None)
        return [movers(engine, *pair) for pair in pairs()]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(before=gifts, after=gifts, restated=st.lists(spans, max_size=2))
def test_the_same_as_from_each_day(
    giving: Engine, monkeypatch: pytest.MonkeyPatch, before: Gifts, after: Gifts, restated: list[list[int]]
) -> None:
    give(giving, before)
    run(giving)
    give(giving, after)
    for first, last in restated:
        run(giving, first, last, ["creators"])
    with monkeypatch.context() as patch:
        patch.setattr(queries, "_summed_from_days", lambda *_: pytest.fail("not from the months so far"))
        from_months = [movers(giving, *pair) for pair in pairs()]
    assert from_months == by_day(giving, monkeypatch)


LEDGER = [(1, 2, 500), (1, 40, 700), (2, 30, 100), (2, 44, 300)]
LAST_WEEK = (Period(day(38), day(44)), Period(day(31), day(37)))


def test_what_is_read(giving: Engine) -> None:
    give(giving, LEDGER)
    run(giving)
    with asked_of(giving) as asked:
        assert [row[0] for row in movers(giving, *LAST_WEEK)] == [1, 2]
    read = tables_of(giving, asked)
    assert "creator_months" in read
    assert "creator_metrics" not in read


def test_days_that_are_not_summed_up_yet_are_added_up(giving: Engine) -> None:
    """As after an upgrade that brought the table: the numbers are the same, only slower."""
    give(giving, LEDGER)
    run(giving)
    expected = movers(giving, *LAST_WEEK)
    change(giving, "TRUNCATE creator_months")
    change(giving, "DELETE FROM job_runs WHERE job = 'months'")
    assert movers(giving, *LAST_WEEK) == expected
    run(giving, only=["creators"])
    assert len(rows(giving, "creator_months")) > 0
    assert movers(giving, *LAST_WEEK) == expected


def test_a_changed_day_changes_the_rest_of_its_month(giving: Engine) -> None:
    """Days long computed, which the run itself isn't asked for."""
    give(giving, LEDGER)
    run(giving)
    change(giving, "UPDATE virtual_gifts SET creator_share = 9 WHERE id = 2")
    run(giving, 40, 40)
    columns = ("date", "creator_id", "earnings")
    found = pd.DataFrame(rows(giving, "creator_months", *columns), columns=columns)
    mine = found[(found["creator_id"] == 1) & (found["date"] >= day(38))]
    assert [str(value) for value in mine["earnings"]] == ["9.00"] * 5
