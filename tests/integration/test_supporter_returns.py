"""Distinct and new supporters of any period as sums: never other numbers than counting them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations_with_replacement, count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, Engine, cast, delete, insert

from aggregation.periods import Period
from aggregation.queries import Freshness, Store
from aggregation.returns import People
from aggregation.schema import job_runs, source, virtual_gifts
from tests.conftest import fresh
from tests.spec.tables import change, compute, rows

BASE = date(2026, 1, 28)
GIFT = {"spark_id": 1, "creator_share": 1, "platform_share": 0, "status": "completed"}
ids = count(1)
NOON = time(12, tzinfo=UTC)
FILLED = (
    "virtual_gifts, creator_supporters, supporter_returns, supporter_totals, supporter_changes, people_seen"
)
DAYS = range(10)
CREATORS = (1, 2)

Gave = set[tuple[int, int, int]]
gave = st.sets(st.tuples(st.sampled_from(CREATORS), st.integers(1, 4), st.sampled_from(DAYS)), max_size=30)
spans = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map(sorted)


def day(number: int) -> date:
    return BASE + timedelta(days=number)


ALL = Period(day(0), day(9))


@pytest.fixture(scope="module")
def supported(server: str, template: str) -> Iterator[Engine]:
    """With a succeeded run over all days in the ledger."""
    for engine in fresh(server, template):
        source.create_all(engine)
        with engine.begin() as connection:
            run = {"job": "supporter_returns", "first_day": ALL.first, "last_day": ALL.last}
            known = {"state": "succeeded", "started_at": "2026-02-09 00:00+00", "code_version": "0"}
            connection.execute(insert(job_runs).values(run | known))
        yield engine


def store(engine: Engine, supporters: Gave, first: int, last: int, summed_up: bool) -> None:
    """The gifts of these days, and who came back by them; `summed_up`: each pair's all, too."""
    gifts = [
        GIFT
        | {"id": next(ids), "sender_id": supporter, "recipient_id": creator}
        | {"created_at": datetime.combine(day(number), NOON)}
        for creator, supporter, number in supporters
        if first <= number <= last
    ]
    with engine.begin() as connection:
        span = cast(virtual_gifts.c.created_at, Date).between(day(first), day(last))
        connection.execute(delete(virtual_gifts).where(span))
        if gifts:
            connection.execute(insert(virtual_gifts), gifts)
    for job in ("supporters", "supporter_returns", *(["supporter_totals"] if summed_up else [])):
        compute(engine, job, str(day(first)), str(day(last)))


def counted(supporters: Gave, creator: int, first: int, last: int) -> People:
    mine = [(supporter, number) for each, supporter, number in supporters if each == creator]
    inside = {supporter for supporter, number in mine if first <= number <= last}
    before = {supporter for supporter, number in mine if number < first}
    return People(len(inside), len(inside - before))


TOTALS = (
    *("creator_id", "supporter_id", "first_day", "previous_day", "last_day", "gift_days", "usual_gap"),
    *("gifts", "days"),
)


def summed(supporters: Gave) -> list[tuple[Any, ...]]:
    """Columns of TOTALS, a row for each supporter of a creator."""
    pairs = sorted({(creator, supporter) for creator, supporter, _ in supporters})
    return [
        (*pair, *_summed([day(n) for *who, n in sorted(supporters) if tuple(who) == pair])) for pair in pairs
    ]


def _summed(days: list[date]) -> tuple[Any, ...]:
    gaps = sorted((after - before).days for before, after in pairwise(days))
    usual = gaps[(len(gaps) - 1) // 2] if gaps else None
    several = len(days) > 1
    kept = days if several else None
    return days[0], days[-2] if several else None, days[-1], len(days), usual, len(days), kept


def wrong_periods(engine: Engine, supporters: Gave) -> list[tuple[int, int, int]]:
    with Store(engine).read() as queries:
        return [
            (creator, first, last)
            for creator in CREATORS
            for first, last in combinations_with_replacement(DAYS, 2)
            if queries.supporters(creator, Period(day(first), day(last)), Freshness(ALL, None))
            != counted(supporters, creator, first, last)
        ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    before=gave,
    after=gave,
    summed_up=st.booleans(),
    restated=st.lists(st.tuples(spans, st.booleans()), max_size=3),
)
def test_every_period_also_after_restatements(
    supported: Engine, before: Gave, after: Gave, summed_up: bool, restated: list[tuple[list[int], bool]]
) -> None:
    change(supported, f"TRUNCATE {FILLED}")
    store(supported, before, 0, 4, summed_up)
    store(supported, before, 5, 9, summed_up)
    assert wrong_periods(supported, before) == []
    now = before
    for (first, last), summed_up in restated:
        kept = {each for each in now if not first <= each[2] <= last}
        now = kept | {each for each in after if first <= each[2] <= last}
        store(supported, now, first, last, summed_up)
    assert wrong_periods(supported, now) == []
    compute(supported, "supporter_totals", str(ALL.first), str(ALL.last))
    assert rows(supported, "supporter_totals", *TOTALS) == summed(now)


def test_what_is_not_summed_up_yet_is_looked_for(supported: Engine) -> None:
    """A late gift between the last two days that the sums know."""
    change(supported, f"TRUNCATE {FILLED}")
    store(supported, {(1, 1, 0), (1, 1, 5)}, 0, 9, summed_up=True)
    late = GIFT | {"id": next(ids), "sender_id": 1, "recipient_id": 1}
    with supported.begin() as connection:
        connection.execute(insert(virtual_gifts), [late | {"created_at": datetime.combine(day(3), NOON)}])
    compute(supported, "supporters", str(day(3)))
    change(supported, "DELETE FROM supporter_returns")
    compute(supported, "supporter_returns", str(day(5)))
    assert rows(supported, "supporter_returns", "date", "days_since") == [(day(5), 2)]


@pytest.mark.parametrize(
    ("period", "known"),
    [
        (Period(day(0), day(9)), False),
        (Period(day(4), day(5)), False),
        (Period(day(0), day(3)), True),
        # what lies outside the coverage isn't missing
        (Period(day(-9), day(3)), True),
    ],
)
def test_days_that_are_not_counted_are_not_zero(database: Engine, period: Period, known: bool) -> None:
    with database.begin() as connection:
        run = {"job": "supporter_returns", "first_day": ALL.first, "last_day": day(4)}
        finished = {"state": "succeeded", "started_at": "2026-02-09 00:00+00", "code_version": "0"}
        connection.execute(insert(job_runs).values(run | finished))
    with Store(database).read() as queries:
        answer = queries.supporters(1, period, Freshness(ALL, None))
    assert answer == (People(0, 0) if known else None)
