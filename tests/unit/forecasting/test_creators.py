"""All creators in one pass: a row doesn't feel its neighbours, and every row is sound."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggregation.forecasting.creators import CreatorForecast, forecast_all

WEEK = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
MONDAY = date(2026, 3, 16)


def test_a_steady_week_comes_again() -> None:
    crowd = forecast_all(np.tile(WEEK, 20)[None], np.ones(140, bool))
    assert crowd.weekdays[0] == pytest.approx(WEEK, abs=3)
    assert crowd.total(30)[0] == pytest.approx(4 * WEEK.sum() + 30, rel=0.02)
    assert crowd.history_days.tolist() == [140]


def test_neighbours_change_nothing() -> None:
    numbers = np.random.default_rng(1)
    values = numbers.gamma(1, 10, (20, 140)) * (numbers.random((20, 140)) < 0.4)
    values[:, 5] = 1
    together = forecast_all(values, np.ones(140, bool))
    for row in range(20):
        alone = forecast_all(values[row : row + 1], np.ones(140, bool))
        assert alone.weekdays[0] == pytest.approx(together.weekdays[row])
        assert alone.spreads[0] == pytest.approx(together.spreads[row])


def test_a_newcomer_is_not_drawn_to_the_days_before() -> None:
    values = np.zeros((1, 365))
    values[0, -14:] = 50
    crowd = forecast_all(values, np.ones(365, bool))
    assert crowd.history_days.tolist() == [14]
    assert crowd.weekdays[0] == pytest.approx([50] * 7, rel=0.02)


def test_a_day_that_was_not_computed_teaches_nothing() -> None:
    values = np.tile(WEEK, 20)[None].copy()
    known = np.ones(140, bool)
    values[0, 130:137], known[130:137] = 0, False
    assert forecast_all(values, known).weekdays[0] == pytest.approx(WEEK, abs=3)


@pytest.mark.parametrize(("active", "spread"), [(0.3, 1.5), (0.55, 1.5), (0.7, 1.0), (1.0, 1.5), (1.0, 0.3)])
def test_who_lives_on_few_large_gifts_is_promised_no_less(active: float, spread: float) -> None:
    """Log-normal days, of which only a part has gifts; over a crowd, what comes is what was promised."""
    numbers = np.random.default_rng(5)
    days = np.exp(numbers.normal(0, spread, (600, 200))) * (numbers.random((600, 200)) < active)
    days[:, 0] = 1
    promised = forecast_all(days[:, :170], np.ones(170, bool)).total(30).sum()
    assert promised == pytest.approx(days[:, 170:].sum(), rel=0.1)


def test_more_days_are_relatively_surer() -> None:
    numbers = np.random.default_rng(2)
    values = numbers.gamma(1, 10, (1, 365))
    day, week, month = forecast_all(values, np.ones(365, bool)).spreads[0]
    assert day < week < month
    assert month / 30 < week / 7 < day


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(14, 80)), elements=st.floats(0, 1e15)))
def test_any_creators(values: np.ndarray) -> None:
    values[:, 3] = np.maximum(values[:, 3], 0.01)
    crowd = forecast_all(values, np.ones(values.shape[1], bool))
    for array in (crowd.weekdays, crowd.spreads):
        assert np.isfinite(array).all()
        assert (array >= 0).all()
    spreads = [float(spread) for spread in crowd.spreads[0]]
    made = CreatorForecast(MONDAY - timedelta(days=1), 80, tuple(crowd.weekdays[0]), *spreads)
    for days in (0, 1, 6, 7, 15, 30, 31, 366):
        total = made.total(MONDAY, days)
        limits = [total.low[95], total.low[80], total.projected, total.high[80], total.high[95]]
        assert limits == sorted(limits)
        assert 0 <= total.confidence <= 100
        assert np.isfinite(limits).all()
