"""Contributions to a change: known by heart, and adding up for any ledger."""

import math
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.explanations import (
    ENTERED_OR_LEFT,
    FACTORS,
    Explanation,
    Gifting,
    Part,
    by_factors,
    in_cents,
    segment,
)

# A gift: who sent it, and its value in cents.
ledgers = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 20_000)), max_size=40)


def gifting(gifts: list[tuple[int, int]]) -> Gifting:
    return Gifting(
        len({sender for sender, _ in gifts}), len(gifts), Decimal(sum(cents for _, cents in gifts)) / 100
    )


def changes(parts: list[Part]) -> dict[str, Decimal]:
    return {part.name: part.change for part in parts}


def test_only_the_gifters_doubled() -> None:
    parts = by_factors(Gifting(20, 40, Decimal(400)), Gifting(10, 20, Decimal(200)))
    assert changes(parts) == dict(zip(FACTORS, (Decimal(200), Decimal(0), Decimal(0)), strict=True))


def test_opposite_factors_that_cancel() -> None:
    """Twice the gifters with half the gifts each: R stays, L(R, R) = R, and ± R · ln 2 is left."""
    parts = by_factors(Gifting(20, 20, Decimal(100)), Gifting(10, 20, Decimal(100)))
    assert changes(parts) == dict(
        zip(FACTORS, (Decimal("69.31"), Decimal("-69.31"), Decimal(0)), strict=True)
    )


def test_a_change_of_all_three() -> None:
    """From 10 × 2 × 5 = 100 to 20 × 3 × 4 = 240: L = 140 / ln 2.4 = 159.915…"""
    parts = by_factors(Gifting(20, 60, Decimal(240)), Gifting(10, 20, Decimal(100)))
    mean = 140 / math.log(2.4)
    wanted = [mean * math.log(ratio) for ratio in (2, 1.5, 0.8)]
    assert [float(part.change) for part in parts] == pytest.approx(wanted, abs=0.01)
    assert sum(part.change for part in parts) == 140


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (Gifting(2, 3, Decimal("4.05")), Gifting(0, 0, Decimal(0)), "4.05"),
        (Gifting(0, 0, Decimal(0)), Gifting(2, 3, Decimal("4.05")), "-4.05"),
        (Gifting(2, 3, Decimal(0)), Gifting(2, 3, Decimal(7)), "-7"),
        (Gifting(0, 0, Decimal(0)), Gifting(0, 0, Decimal(0)), "0"),
    ],
)
def test_what_is_zero_entered_or_left(now: Gifting, before: Gifting, change: str) -> None:
    assert changes(by_factors(now, before)) == {ENTERED_OR_LEFT: Decimal(change)}


@given(now=ledgers, before=ledgers)
def test_factors_add_up_to_the_cent(now: list[tuple[int, int]], before: list[tuple[int, int]]) -> None:
    one, other = gifting(now), gifting(before)
    parts = by_factors(one, other)
    assert Explanation(one.amount, other.amount, parts).adds_up
    assert all(part.change == part.change.quantize(Decimal("0.01")) for part in parts)


@given(now=ledgers, before=ledgers)
def test_a_factor_that_grew_never_takes_away(
    now: list[tuple[int, int]], before: list[tuple[int, int]]
) -> None:
    """But for the cent that the rounding may cost, or bring."""
    one, other = gifting(now), gifting(before)
    for part, x1, x0 in zip(by_factors(one, other), one.factors, other.factors, strict=False):
        if part.name != ENTERED_OR_LEFT:
            assert (x1 - x0) * part.change >= 0 or abs(part.change) <= Decimal("0.01")


@given(now=ledgers, before=ledgers)
def test_backwards_is_the_same_the_other_way_round(
    now: list[tuple[int, int]], before: list[tuple[int, int]]
) -> None:
    there, back = by_factors(gifting(now), gifting(before)), by_factors(gifting(before), gifting(now))
    for one, other in zip(there, back, strict=True):
        assert abs(one.change + other.change) <= Decimal("0.01")


@given(now=ledgers, before=ledgers)
def test_segments_add_up(now: list[tuple[int, int]], before: list[tuple[int, int]]) -> None:
    sums: defaultdict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for side, gifts in enumerate((now, before)):
        for sender, cents in gifts:
            sums[sender][side] += Decimal(cents) / 100
    parts = [segment(str(sender), now_, before_) for sender, (now_, before_) in sums.items()]
    assert Explanation(gifting(now).amount, gifting(before).amount, parts).adds_up


def test_a_lost_part_is_noticed() -> None:
    assert not Explanation(Decimal(3), Decimal(1), [segment("a", Decimal(2), Decimal(1))]).adds_up


@given(
    amounts=st.lists(
        st.decimals(min_value=-(10**6), max_value=10**6, places=7, allow_nan=False, allow_infinity=False),
        min_size=1,
        max_size=12,
    )
)
def test_rounding_keeps_the_sum_and_moves_nothing_by_a_cent(amounts: list[Decimal]) -> None:
    rest = -sum(amounts, start=Decimal(0)) % Decimal("0.01")
    amounts = [amounts[0] + rest, *amounts[1:]]
    total = sum(amounts, start=Decimal(0))
    rounded = in_cents(amounts, total)
    assert sum(rounded) == total
    assert all(abs(one - other) < Decimal("0.01") for one, other in zip(rounded, amounts, strict=True))
