"""The forecast of a series: numbers that can be checked in the head, and laws that hold for any series."""

from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggregation.forecasting import (
    MIN_DAYS,
    TOTALS,
    Forecast,
    State,
    TooShortError,
    forecast,
    intervals,
    method_for,
)
from aggregation.forecasting.methods import METHODS
from aggregation.forecasting.smoothing import Parameters
from benchmarks.forecast import read

SERIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "series" / "daily.csv"
LAST = date(2026, 11, 21)
WEEK = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
NOISE = np.random.default_rng(7)


def weeks(count: float, noise: float = 0.1) -> np.ndarray:
    """A week's rhythm with noise, `count` weeks long."""
    days = int(count * 7)
    return np.asarray(np.resize(WEEK, days) * (1 + noise * NOISE.standard_normal(days)).clip(0.2))


def require_sound(made: Forecast) -> None:
    """Whatever the series: nothing is missing, infinite, negative or crossed."""
    days = [made.projected, *made.band.low.values(), *made.band.high.values()]
    assert all(np.isfinite(each).all() and (each >= 0).all() for each in days)
    for inner, outer in ((80, 95), (95, 98)):
        assert (made.band.low[outer] <= made.band.low[inner]).all()
        assert (made.band.high[inner] <= made.band.high[outer]).all()
    assert (made.band.low[80] <= made.projected).all()
    assert (made.projected <= made.band.high[80]).all()
    for total in made.totals.values():
        limits = [total.low[95], total.low[80], total.projected, total.high[80], total.high[95]]
        assert limits == sorted(limits)
        assert np.isfinite(limits).all()
        assert limits[0] >= 0
        assert 0 <= total.confidence <= 100
        assert total.skill is None or -1 <= total.skill <= 1


# ---- the ladder ----


@pytest.mark.parametrize(
    ("days", "name"),
    [(7, "weekday_mean"), (27, "weekday_mean"), (28, "ets"), (399, "ets"), (400, "ets_last_year")],
)
def test_the_ladder(days: int, name: str) -> None:
    assert method_for(days) == name


def test_less_than_a_week_is_said_not_projected() -> None:
    with pytest.raises(TooShortError, match="needs 7 complete days, has 3"):
        forecast(np.array([1.0, 2.0, 3.0]), LAST)


def test_a_missing_day_is_no_day_of_history() -> None:
    with pytest.raises(TooShortError, match="has 6"):
        forecast(np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0, 7.0]), LAST)


def test_two_equal_weeks_come_again_drawn_to_their_mean() -> None:
    made = forecast(np.tile(WEEK, 2), LAST, days=7)
    # Two of each weekday and once the mean, 40.
    assert made.projected == pytest.approx((2 * WEEK + 40) / 3)
    assert made.dates[0] == LAST + timedelta(days=1)
    assert made.totals[7].projected == pytest.approx(280)


def test_a_steady_rhythm_is_continued() -> None:
    made = forecast(np.tile(WEEK, 20), LAST)
    assert made.methodology == "ets"
    assert made.projected == pytest.approx(np.resize(WEEK, 30), rel=0.02)


def test_the_rhythm_starts_with_the_weekday_that_is_next() -> None:
    made = forecast(np.tile(WEEK, 20)[:-3], LAST)
    assert made.projected[:3] == pytest.approx([50, 60, 70], rel=0.02)


def test_last_years_change_is_believed_half_way() -> None:
    """A year ago revenue rose fourfold in the weeks that come now; a doubling is the most believed."""
    level = np.full(430, 100.0) + np.tile([1.0, -1.0], 215)
    level[430 - 364 : 430 - 364 + 60] *= 4
    made = forecast(level, LAST)
    assert made.methodology == "ets_last_year"
    assert made.projected[15] == pytest.approx(100 * np.sqrt(2), rel=0.05)


def test_the_changes_of_two_years_are_averaged() -> None:
    """A year ago revenue doubled, the year before it stayed: of the mean in the log, a half is believed."""
    level = np.full(800, 100.0) + np.tile([1.0, -1.0], 400)
    level[800 - 364 : 800 - 364 + 60] *= 2
    assert forecast(level, LAST).projected[15] == pytest.approx(100 * 2**0.25, rel=0.03)


def test_the_last_four_weeks_count_a_third() -> None:
    """Smoothing that can't move stays at 10; the last four weeks' mean is 16."""
    values = np.full(56, 10.0)
    values[-28:] = 16.0
    fixed = Parameters(0.0, 0.0, np.array([10.0]), np.zeros((1, 7)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aggregation.forecasting.methods.fitted", lambda _: fixed)
        assert METHODS["ets"].project(values, [28, 56], 9) == pytest.approx(
            np.array([[10.0] * 9, [12.0] * 9])
        )


def test_the_first_designs_line_is_one() -> None:
    made = forecast(np.arange(1.0, 61.0), LAST, methodology="linear_regression")
    assert made.projected == pytest.approx(np.arange(61.0, 91.0))


def test_a_falling_line_ends_at_zero() -> None:
    made = forecast(np.arange(30.0, 0.0, -1.0), LAST, methodology="linear_regression")
    assert made.projected == pytest.approx(np.zeros(30), abs=1e-9)


def test_the_seasonal_naive_repeats_the_last_week() -> None:
    values = weeks(10)
    made = forecast(values, LAST, methodology="seasonal_naive")
    assert made.projected == pytest.approx(np.resize(values[-7:], 30))


# ---- words ----


def test_an_outlier_is_damped_and_named() -> None:
    values = weeks(20)
    plain = forecast(values, LAST).totals[30].projected
    values[-4] = 2000.0
    made = forecast(values, LAST)
    assert made.totals[30].projected == pytest.approx(plain, rel=0.1)
    assert "18 Nov 2026 was far above what is usual on its weekday; it counts only in part." in made.notes


def test_an_outlier_of_long_ago_is_not_named() -> None:
    values = weeks(20, 0.01)
    values[-40] = 2000.0
    assert not any("far above" in note for note in forecast(values, LAST).notes)


def test_a_new_level_is_believed() -> None:
    values = weeks(30)
    values[-35:] *= 3
    assert forecast(values, LAST).totals[7].projected == pytest.approx(3 * WEEK.sum(), rel=0.15)


def test_no_revenue_at_all() -> None:
    made = forecast(np.zeros(90), LAST)
    assert made.state is State.ZERO
    assert made.totals[30].projected == made.totals[30].high[95] == made.confidence == 0
    assert made.notes == ("No revenue in the last 90 days: there is nothing to project.",)


def test_the_same_revenue_every_day() -> None:
    made = forecast(np.full(90, 25.0), LAST)
    assert made.state is State.CONSTANT
    assert made.totals[30].projected == pytest.approx(750)
    assert "how far a day can be off is not known" in made.notes[0]


def test_few_days() -> None:
    made = forecast(weeks(2), LAST)
    assert made.state is State.SHORT
    assert made.notes[0] == "Only 14 days so far: the limits are wide until there are 28."


def test_days_before_the_first_revenue_are_no_history() -> None:
    values = weeks(10)
    with_silence = np.concatenate([np.zeros(200), values])
    assert forecast(with_silence, LAST).projected == pytest.approx(forecast(values, LAST).projected)


# ---- limits ----


def test_variation_is_what_days_differ_by_on_their_weekday() -> None:
    # Two weeks, each day 1 off the mean of its weekday: 14 squares by 14 − 7; the mean is 41
    assert intervals.variation(np.append(WEEK, WEEK + 2)) == pytest.approx(np.sqrt(2) / 41)
    # Of less than two weeks: half of the standard deviation, 20, of a mean of 40
    assert intervals.variation(WEEK) == pytest.approx(0.5 * 20 / 40)


def test_at_no_step_of_the_ladder_do_limits_jump() -> None:
    """Of steady noise, 27 days and 28 are as good as the same; the mean of ten histories."""
    histories = [weeks(8, 0.3) for _ in range(10)]
    before, after = (
        np.mean([forecast(values[:days], LAST).totals[30].spread for values in histories])
        for days in (27, 28)
    )
    assert after / before == pytest.approx(1, abs=0.15)


def test_a_noisier_series_has_wider_limits_and_less_confidence() -> None:
    calm, wild = forecast(weeks(40, 0.05), LAST), forecast(weeks(40, 0.6), LAST)
    assert calm.confidence > wild.confidence + 20
    total_calm, total_wild = calm.totals[30], wild.totals[30]
    assert total_calm.high[80] - total_calm.low[80] < total_wild.high[80] - total_wild.low[80]


def test_limits_of_a_total_are_no_sums_of_limits_of_days() -> None:
    made = forecast(weeks(40, 0.3), LAST)
    days = float((made.band.high[80] - made.band.low[80]).sum())
    assert made.totals[30].high[80] - made.totals[30].low[80] < 0.6 * days


def test_the_own_record_moves_the_limits_and_nothing_else() -> None:
    values = weeks(40)
    plain, wider = forecast(values, LAST), forecast(values, LAST, recalibration={30: 1.5})
    assert wider.totals[30].spread == pytest.approx(1.5 * plain.totals[30].spread)
    assert wider.totals[30].projected == plain.totals[30].projected
    assert wider.totals[7] == plain.totals[7]
    assert wider.confidence < plain.confidence


# ---- laws ----

amounts = st.floats(0, 1e16, allow_subnormal=False) | st.just(float("nan")) | st.just(0.0)
calm = st.floats(0, 100).map(lambda amount: round(amount, 2))


@settings(max_examples=60, deadline=None)
@given(arrays(float, st.integers(0, 90), elements=amounts | calm), st.sampled_from([None, *METHODS]))
def test_any_series(values: np.ndarray, methodology: str | None) -> None:
    if np.isfinite(values).sum() < MIN_DAYS:
        with pytest.raises(TooShortError):
            forecast(values, LAST, methodology=methodology)
        return
    # Of the last four weeks, after a long silence, too many may be missing.
    with suppress(TooShortError):
        require_sound(forecast(values, LAST, methodology=methodology))


@settings(max_examples=15, deadline=None)
@given(arrays(float, st.integers(1, 60), elements=amounts | calm), st.integers(400, 420))
def test_any_long_series(few: np.ndarray, days: int) -> None:
    """Repeated: hypothesis makes and shrinks so many numbers badly."""
    values = np.resize(few, days)
    if np.isfinite(values[-28:]).sum() >= MIN_DAYS:
        require_sound(forecast(values, LAST))


@pytest.mark.parametrize("values", [-np.arange(60.0), np.full(60, np.inf), np.full(60, 1e300)])
def test_what_is_no_revenue(values: np.ndarray) -> None:
    """Negative days count as 0, infinite ones are missing or cut."""
    require_sound(forecast(values, LAST))


@pytest.mark.parametrize("days", [1, 2, 6, 7, 8, 29, 30, 31, 90, 366])
def test_any_horizon(days: int) -> None:
    made = forecast(weeks(20), LAST, days=days)
    assert len(made.projected) == len(made.dates) == len(made.band.low[80]) == days
    assert set(made.totals) == {*TOTALS, days}
    require_sound(made)


@pytest.mark.skipif(not SERIES.is_file(), reason=f"no real series in {SERIES}")
def test_every_prefix_of_the_real_series() -> None:
    for _, name, values in read(SERIES):
        for days in range(1, 61):
            try:
                require_sound(forecast(values[:days], LAST))
            except TooShortError:
                assert days < MIN_DAYS + 5, name
