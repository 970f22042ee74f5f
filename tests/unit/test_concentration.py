"""How earnings are spread: worked examples, and what holds for any ledger."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.concentration import Concentration, concentration

ledgers = st.lists(st.integers(1, 10**14), min_size=1, max_size=250)


def test_four_creators() -> None:
    """$1, $2, $3 and $14: of all 16 pairs the mean difference is 5, half of twice the mean of 5."""
    found = concentration([1400, 100, 300, 200])
    assert found == Concentration(
        earners=4,
        median=Decimal("2.5"),
        top_1_share=Decimal(70),
        top_10_share=Decimal(70),
        gini=Decimal(50),
        # 20² / (1 + 4 + 9 + 196)
        effective=Decimal(400) / Decimal(210),
        curve=found.curve,
    )
    assert [found.curve[percent] for percent in (0, 25, 50, 75, 100)] == [0, 5, 15, 30, 100]
    # half of the second's $2
    assert found.curve[37] + found.curve[38] == 2 * found.curve[25] + Decimal(10) * (37 + 38 - 50) / 25


def test_nobody_and_somebody() -> None:
    assert concentration([]) == Concentration(0)
    alone = concentration([12345])
    assert (alone.earners, alone.median) == (1, Decimal("123.45"))
    assert (alone.gini, alone.effective) == (Decimal(0), Decimal(1))
    assert alone.top_1_share == alone.top_10_share == 100


@pytest.mark.parametrize(("earners", "richest"), [(1, 1), (100, 1), (101, 2), (200, 2), (201, 3)])
def test_one_percent_is_rounded_up(earners: int, richest: int) -> None:
    found = concentration([1] * (earners - richest) + [2] * richest)
    assert found.top_1_share is not None
    assert found.top_1_share == Decimal(200 * richest) / Decimal(earners + richest)


@given(ledgers)
def test_gini_is_half_the_relative_mean_difference(cents: list[int]) -> None:
    """The definition by all pairs, which knows nothing of ranks."""
    few = cents[:40]
    pairs = sum(abs(one - other) for one, other in product(few, few))
    exact = Fraction(100 * pairs, 2 * len(few) * sum(few))
    found = concentration(few).gini
    assert found is not None
    assert abs(Fraction(found) - exact) < Fraction(1, 10**9)


@given(ledgers, st.randoms())
def test_what_always_holds(cents: list[int], chance: object) -> None:
    found = concentration(cents)
    assert found.gini is not None
    assert found.effective is not None
    assert 0 <= found.gini < 100
    assert 1 <= round(found.effective, 9) <= len(cents)
    assert len(found.curve) == 101
    assert (found.curve[0], found.curve[-1]) == (Decimal(0), Decimal(100))
    assert list(found.curve) == sorted(found.curve)
    assert all(share <= percent for percent, share in enumerate(found.curve))
    assert found.top_1_share is not None
    assert found.top_10_share is not None
    assert found.top_1_share <= found.top_10_share <= 100
    assert concentration([100 * each for each in cents]).gini == found.gini
    chance.shuffle(cents)  # type: ignore[attr-defined]
    assert concentration(cents) == found


def test_when_all_earn_the_same() -> None:
    found = concentration([700] * 250)
    assert (found.gini, found.effective, found.median) == (Decimal(0), Decimal(250), Decimal(7))
    assert list(found.curve) == list(range(101))
