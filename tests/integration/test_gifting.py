"""What pages read about gifts: equal to counting the gifts themselves, for any period."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from aggregation.explanations import Explanation, Gifting, Part, by_factors
from aggregation.gifting import Amount, Gifter, occurrences
from aggregation.periods import Period
from aggregation.publishing import aggregate
from aggregation.queries import Queries, Store
from aggregation.schema import source
from tests.conftest import fresh
from tests.spec.tables import change, fill

FIRST = date(2026, 2, 25)
DAYS = 10
NOW = datetime(2026, 3, 7, 12, tzinfo=UTC)


class Sent(NamedTuple):
    day: int
    hour: int
    spark: int
    sender: int
    recipient: int
    cents: int
    status: str


gifts = st.builds(
    Sent,
    st.integers(0, DAYS - 1),
    st.integers(0, 23),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(6, 9),
    st.sampled_from([0, 1, 99, 100, 1999]),
    st.sampled_from(["completed", "completed", "completed", "refunded", "failed"]),
)
ledgers = st.lists(gifts, min_size=1, max_size=25)
periods = st.tuples(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1)).map(
    lambda ends: Period(FIRST + timedelta(min(ends)), FIRST + timedelta(max(ends)))
)


@pytest.fixture(scope="module")
def counted(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        # So that coverage is the same whatever the ledger: from the first day to the last.
        fill(engine, f"users\nid | created_at\n1 | {FIRST}\n2 | {FIRST}")
        fill(engine, "sparks\nid | name\n1 | Ember\n2 | Flame")
        fill(
            engine,
            "transactions\nsource | amount | created_at\nads | 5.00 | 2026-03-01\nads | 7.00 | 2026-03-05",
        )
        yield engine


def store(engine: Engine, ledger: list[Sent]) -> None:
    change(engine, "DELETE FROM virtual_gifts")
    lines = "\n".join(
        f"{gift.spark} | {gift.sender} | {gift.recipient} | {Decimal(gift.cents - gift.cents // 3) / 100} | "
        f"{Decimal(gift.cents // 3) / 100} | {gift.status} | {FIRST + timedelta(gift.day)} {gift.hour:02}:30"
        for gift in ledger
    )
    fill(
        engine,
        "virtual_gifts\nspark_id | sender_id | recipient_id | creator_share | platform_share | status"
        f" | created_at\n{lines}",
    )
    aggregate(engine, clock=lambda: NOW)


def of(ledger: list[Sent], period: Period, status: str = "completed") -> list[Sent]:
    return [
        gift
        for gift in ledger
        if period.first <= FIRST + timedelta(gift.day) <= period.last and gift.status == status
    ]


def worth(some: list[Sent], amount: Amount = Amount.REVENUE) -> Decimal:
    return sum(
        (
            Decimal(gift.cents if amount is Amount.REVENUE else gift.cents - gift.cents // 3) / 100
            for gift in some
        ),
        start=Decimal(0),
    )


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(ledger=ledgers, now=periods, before=periods)
def test_everything_equals_a_count_of_the_gifts(
    counted: Engine, ledger: list[Sent], now: Period, before: Period
) -> None:
    store(counted, ledger)
    with Store(counted).read() as queries:
        check_sums(queries, ledger, now)
        check_sparks(queries, ledger, now, before)
        for amount in Amount:
            check_explanations(queries, ledger, amount, now, before)


def check_sums(queries: Queries, ledger: list[Sent], now: Period) -> None:
    sent, taken_back = of(ledger, now), of(ledger, now, "refunded")
    assert queries.gifters(now) == len({gift.sender for gift in sent})
    refunds = queries.refunds(now)
    assert refunds is not None
    assert (refunds.gifts, refunds.amount) == (len(taken_back), worth(taken_back))
    assert sum(amount or 0 for amount in queries.refunds_by_day(now).values()) == refunds.amount
    assert queries.median_gift(now) == (median(Decimal(gift.cents) / 100 for gift in sent) if sent else None)
    hours: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for gift in sent:
        hours[((FIRST + timedelta(gift.day)).weekday(), gift.hour)] += Decimal(gift.cents) / 100
    found = queries.hours_of_the_week(now)
    assert {(row.weekday, row.hour): row.value for row in found.itertuples()} == hours
    sources = queries.sources_by_day(now)
    assert sum(sources[sources["source"] == "gifts"]["amount"]) == worth(sent)


def check_sparks(queries: Queries, ledger: list[Sent], now: Period, before: Period) -> None:
    people = queries.people_of_sparks(now)
    assert people is not None
    counts = {row["spark_id"]: (row["senders"], row["recipients"]) for row in people.to_dict("records")}
    sent = of(ledger, now)
    sparks = {gift.spark for gift in sent}
    wanted = {
        spark: (
            len({gift.sender for gift in sent if gift.spark in some}),
            len({gift.recipient for gift in sent if gift.spark in some}),
        )
        for spark, some in [(None, sparks), *((spark, {spark}) for spark in sparks)]
    }
    assert counts == wanted
    for row in queries.sparks(now, before).to_dict("records"):
        ours = [gift for gift in sent if gift.spark == row["spark_id"]]
        theirs = [gift for gift in of(ledger, before) if gift.spark == row["spark_id"]]
        days = [FIRST + timedelta(gift.day) for gift in ours]
        assert (row["gifts"], row["value"]) == (len(ours), worth(ours))
        assert (row["gifts_before"], row["value_before"]) == (len(theirs), worth(theirs))
        assert (row["first"], row["last"]) == (min(days, default=None), max(days, default=None))


def check_explanations(
    queries: Queries, ledger: list[Sent], amount: Amount, now: Period, before: Period
) -> None:
    ours, theirs = of(ledger, now), of(ledger, before)
    total = (worth(ours, amount), worth(theirs, amount))
    for limit in (1, 50):
        for segments in (
            queries.changed_by_spark(amount, now, before, limit),
            queries.changed_by_creator(amount, now, before, limit),
        ):
            assert segments is not None
            assert Explanation(*total, [each.part for each in segments]).adds_up
            assert len(segments) <= limit + 1
    creators = queries.changed_by_creator(amount, now, before, 50)
    assert creators is not None
    assert {each.id: (each.part.now, each.part.before) for each in creators} == {
        creator: tuple(
            worth([gift for gift in some if gift.recipient == creator], amount) for some in (ours, theirs)
        )
        for creator in {gift.recipient for gift in ours + theirs}
    }
    kinds = queries.changed_by_gifter(amount, now, before)
    assert kinds is not None
    assert Explanation(*total, kinds).adds_up
    assert {part.name: part.members for part in kinds} == members(ledger, now, before)


def members(ledger: list[Sent], now: Period, before: Period) -> dict[str, int]:
    gave_now, gave_before = ({gift.sender for gift in of(ledger, period)} for period in (now, before))
    earlier = {gift.sender for gift in of(ledger, Period(FIRST, now.first - timedelta(1)))}
    only_now = gave_now - gave_before
    return {
        Gifter.NEW: len(only_now - earlier),
        Gifter.RETURNING: len(gave_now & gave_before),
        Gifter.RESURRECTED: len(only_now & earlier),
        Gifter.LOST: len(gave_before - gave_now),
    }


def test_sources_explain_all_revenue(counted: Engine) -> None:
    store(counted, [Sent(5, 8, 1, 1, 6, 1999, "completed")])
    now, before = Period(date(2026, 3, 2), date(2026, 3, 6)), Period(date(2026, 2, 25), date(2026, 3, 1))
    with Store(counted).read() as queries:
        parts = queries.changed_by_source(now, before)
    assert [(part.name, part.now, part.before) for part in parts] == [
        ("gifts", Decimal("19.99"), Decimal(0)),
        ("ads", Decimal(7), Decimal(5)),
    ]


def test_all_others_are_summed_up(counted: Engine) -> None:
    store(counted, [Sent(5, 8, spark, 1, 6, 100 * spark, "completed") for spark in (1, 2, 3, 4)])
    period, none = Period(date(2026, 3, 2), date(2026, 3, 2)), Period(date(2026, 3, 1), date(2026, 3, 1))
    with Store(counted).read() as queries:
        segments = queries.changed_by_spark(Amount.REVENUE, period, none, 2)
    assert segments is not None
    assert [(each.id, each.part) for each in segments] == [
        (4, Part("Spark 4", Decimal(4), Decimal(4), Decimal(0))),
        (3, Part("Spark 3", Decimal(3), Decimal(3), Decimal(0))),
        (None, Part("", Decimal(3), Decimal(3), Decimal(0), 2)),
    ]


@pytest.mark.parametrize("job", ["refunds", "gift_values", "spark_days", "gifters", "supporters"])
def test_what_isnt_counted_for_all_days_is_unknown(counted: Engine, job: str) -> None:
    """As after an upgrade, before the worker's first pass."""
    store(counted, [Sent(5, 8, 1, 1, 6, 1999, "completed")])
    change(counted, f"UPDATE job_runs SET state = 'interrupted' WHERE job = '{job}'")
    now, before = Period(date(2026, 3, 2), date(2026, 3, 6)), Period(date(2026, 2, 25), date(2026, 3, 1))
    with Store(counted).read() as queries:
        answers = {
            "refunds": queries.refunds(now),
            "gift_values": queries.median_gift(now),
            "spark_days": queries.people_of_sparks(now),
            "gifters": queries.gifters(now),
            "supporters": queries.changed_by_creator(Amount.REVENUE, now, before, 5),
        }
        assert {name for name, answer in answers.items() if answer is None} == {job}
        assert (queries.changed_by_gifter(Amount.REVENUE, now, before) is None) == (
            job in ("gifters", "supporters")
        )
        assert (queries.changed_by_spark(Amount.EARNINGS, now, before, 5) is None) == (job == "spark_days")
    change(counted, "UPDATE job_runs SET state = 'succeeded' WHERE state = 'interrupted'")


def test_factors_of_two_periods(counted: Engine) -> None:
    """Two gifters with three gifts after one with one: what the page multiplies is what was counted."""
    ledger = [Sent(1, 8, 1, 1, 6, 100, "completed")]
    ledger += [Sent(5, 8, 1, sender, 6, 1999, "completed") for sender in (1, 1, 2)]
    store(counted, ledger)
    now, before = Period(date(2026, 3, 2), date(2026, 3, 6)), Period(date(2026, 2, 25), date(2026, 3, 1))
    with Store(counted).read() as queries:
        giftings = [
            Gifting(queries.gifters(period) or 0, len(of(ledger, period)), worth(of(ledger, period)))
            for period in (now, before)
        ]
    assert [giving.gifters for giving in giftings] == [2, 1]
    assert Explanation(giftings[0].amount, giftings[1].amount, by_factors(*giftings)).adds_up


def test_weekdays_are_counted_as_often_as_they_come() -> None:
    assert occurrences(Period(date(2026, 3, 2), date(2026, 3, 10))) == [2, 2, 1, 1, 1, 1, 1]
