"""Suggestions: each from a rule, with its evidence, and none by chance."""

from decimal import Decimal

import numpy as np
import pytest

from aggregation.best_times import SLOTS, WEEKS, Window, outstanding
from aggregation.scenarios import Habits
from aggregation.suggestions import Cooling, suggestions

FRIDAY_20 = 4 * 24 + 20


def test_a_clear_evening_is_found_with_its_evidence() -> None:
    chance = np.random.default_rng(3)
    counts = chance.poisson(1.0, (WEEKS, SLOTS)).astype(float)
    counts[:, FRIDAY_20 : FRIDAY_20 + 2] = chance.poisson(6.0, (WEEKS, 2))
    window = outstanding(counts)
    assert window is not None
    assert (window.weekday, window.hour) == (4, 20)
    assert 1.5 <= window.times <= 6
    (found,) = suggestions(window, None, None)
    assert found.evidence.startswith("Fridays 20–22 h bring ")
    assert f"n = {window.weeks}" in found.evidence


@pytest.mark.parametrize(("mean", "clusters"), [(0.05, 0.5), (0.3, 0.5), (2.0, 1.0), (2.0, 100.0)])
def test_without_a_difference_there_is_hardly_ever_a_best_time(mean: float, clusters: float) -> None:
    """All hours alike, gifts in clusters or not: at most one creator in twenty is told anything."""
    chance = np.random.default_rng(11)
    share = clusters / (clusters + mean)
    creators = (
        np.asarray(chance.negative_binomial(clusters, share, (WEEKS, SLOTS)), dtype=np.float64)
        for _ in range(200)
    )
    told = sum(outstanding(counts) is not None for counts in creators)
    assert told <= 10


def test_few_weeks_or_no_gifts_suggest_nothing() -> None:
    assert outstanding(np.zeros((WEEKS, SLOTS))) is None
    assert outstanding(np.ones((WEEKS - 1, SLOTS))) is None


@pytest.mark.parametrize(
    ("cooling", "is_told"),
    [
        (Cooling(3, Decimal("50.00"), Decimal(5)), True),
        (Cooling(2, Decimal("50.00"), Decimal(50)), False),
        (Cooling(30, Decimal("50.00"), Decimal("4.99")), False),
    ],
)
def test_cooling_supporters(cooling: Cooling, is_told: bool) -> None:
    assert [each.name for each in suggestions(None, cooling, None)] == ["cooling"] * is_told


@pytest.mark.parametrize(
    ("days", "share", "is_told"),
    [(10, 0.25, True), (10, 0.249, False), (10, None, False), (9, 1.0, False)],
)
def test_dependency(days: int, share: float | None, is_told: bool) -> None:
    """Of a newcomer's two gifts one supporter always gave half: that says nothing."""
    found = suggestions(None, None, Habits(days, 56, share))
    assert [each.name for each in found] == ["dependency"] * is_told


def test_there_are_three_at_most_and_none_is_invented() -> None:
    all_of_them = suggestions(Window(0, 8, 2.0, 9), Cooling(9, Decimal(9), Decimal(9)), Habits(10, 56, 0.5))
    assert [each.name for each in all_of_them] == ["best_time", "cooling", "dependency"]
    assert suggestions(None, None, None) == []
