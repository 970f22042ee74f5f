"""Hours of the week, drawn towards the creator's mean."""

import numpy as np
import pytest

from aggregation.best_times import ENOUGH_WEEKS, HOURS, SLOTS, ranked, slots


def weeks(**by_slot: list[int]) -> np.ndarray:
    """(12, 168) gifts; s20=[…] are those of the 20th hour of the week."""
    counts = np.zeros((12, SLOTS))
    for name, values in by_slot.items():
        counts[: len(values), int(name[1:])] = values
    return counts


def test_one_lucky_evening_is_never_ranked() -> None:
    """A hundred gifts once, against three in each of the twelve weeks."""
    found = slots(weeks(s10=[100], s20=[3] * 12), 1.0)
    assert [(slot.weekday, slot.hour) for slot in ranked(found)] == [(0, 20)]
    assert found[10].weeks == 1
    assert found[10].seen > found[20].seen
    assert found[10].gifts < found[10].seen


def test_all_are_drawn_towards_the_mean_and_lie_in_their_limits() -> None:
    chance = np.random.default_rng(1)
    counts = chance.poisson(chance.gamma(1, 2, SLOTS), (12, SLOTS)).astype(float)
    mean = counts.mean()
    for slot in slots(counts, 2.0):
        assert abs(slot.gifts - mean) <= abs(slot.seen - mean)
        assert 0 <= slot.low <= slot.gifts <= slot.high
        assert slot.earned == pytest.approx(2 * slot.gifts)
        assert slot.times == pytest.approx(slot.gifts / mean)


def test_hours_that_do_not_differ_are_all_alike() -> None:
    found = slots(np.tile([[1.0], [3.0]], (6, SLOTS)), 1.0)
    assert {round(slot.gifts, 9) for slot in found} == {2.0}


def test_weeks_that_are_all_alike_divide_nothing_by_zero() -> None:
    """No hour differs, and no week."""
    assert {slot.gifts for slot in slots(np.ones((12, SLOTS)), 1.0)} == {1.0}


def test_few_weeks_with_gifts_are_not_known() -> None:
    found = slots(weeks(s5=[1] * (ENOUGH_WEEKS - 1), s6=[1] * ENOUGH_WEEKS), 1.0)
    assert [slot.is_known for slot in found[5:7]] == [False, True]
    assert (found[HOURS].weekday, found[HOURS].hour) == (1, 0)


def test_without_gifts_there_is_nothing_to_say() -> None:
    assert slots(weeks(), 1.0) == []
    assert slots(np.ones((1, SLOTS)), 1.0) == []


def test_limits_hold_the_truth_about_as_often_as_they_say() -> None:
    """80 %; hours of very different strength, gifts in clusters."""
    chance = np.random.default_rng(7)
    inside = total = 0
    for _ in range(40):
        truth = chance.gamma(0.7, 3, SLOTS)
        counts = chance.negative_binomial(2, 2 / (2 + truth), (12, SLOTS)).astype(float)
        for slot, value in zip(slots(counts, 1.0), truth, strict=True):
            if slot.is_known:
                inside += slot.low <= value <= slot.high
                total += 1
    assert 0.7 < inside / total < 0.9
