"""Stored forecasts: kept for good, compared with what came, and read back."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert, text

from aggregation import forecasts
from aggregation.errors import UsageError, UserError
from aggregation.forecasting import State, TooShortError
from aggregation.forecasting import forecast as fit
from aggregation.jobs import forecast
from aggregation.periods import Period
from aggregation.publishing import Interrupted
from aggregation.queries import Store
from aggregation.schema import creator_metrics, daily_analytics, revenue_forecast_totals
from tests.spec.tables import change, rows

LAST = date(2026, 3, 15)  # a Sunday
MONDAY = datetime(2026, 3, 16, 1, tzinfo=UTC)
WEEK = [100, 110, 120, 130, 140, 200, 180]  # Monday to Sunday
NUMBERS = np.random.default_rng(3)


def fill_days(engine: Engine, revenue: list[Any], last: date = LAST) -> None:
    """Complete days up to `last`; None: that day was not computed."""
    first = last - timedelta(days=len(revenue) - 1)
    days = [
        {
            "date": first + timedelta(days=n),
            "total_users": 1,
            "new_users": 0,
            "total_gifts_sent": 1,
            "total_revenue": amount,
            "creator_earnings": 0,
            "platform_earnings": amount,
        }
        for n, amount in enumerate(revenue)
        if amount is not None
    ]
    with engine.begin() as connection:
        connection.execute(insert(daily_analytics), days)


def fill_creator(engine: Engine, creator_id: int, revenue: list[Any], last: date = LAST) -> None:
    first = last - timedelta(days=len(revenue) - 1)
    days = [
        {
            "creator_id": creator_id,
            "date": first + timedelta(days=n),
            "gifts_received": 1,
            "gift_revenue": amount,
        }
        for n, amount in enumerate(revenue)
        if amount
    ]
    with engine.begin() as connection:
        connection.execute(insert(creator_metrics), days)


def noisy_weeks(count: int) -> list[Any]:
    """Ending on a Sunday."""
    return [round(float(day * (1 + 0.1 * NUMBERS.standard_normal())), 2) for day in WEEK * count]


@pytest.fixture
def history(database: Engine) -> Engine:
    """Twenty weeks of days up to LAST."""
    fill_days(database, noisy_weeks(20))
    return database


def stored(engine: Engine) -> tuple[list[Any], list[Any]]:
    return rows(engine, "revenue_forecast"), rows(engine, "revenue_forecast_totals")


# ---- making ----


def test_a_forecast_and_what_it_is_compared_with(history: Engine) -> None:
    made = forecast.make(history, MONDAY)
    assert made.new
    keys = rows(history, "revenue_forecast", "made_on", "data_through", "forecast_date", "methodology")
    assert {key[:2] for key in keys} == {(date(2026, 3, 16), LAST)}
    assert {key[2] for key in keys} == {LAST + timedelta(days=n) for n in range(1, 31)}
    assert {key[3] for key in keys} == {"ets", "linear_regression", "seasonal_naive"}
    totals = rows(history, "revenue_forecast_totals", "methodology", "days", "chosen")
    assert totals == [
        (name, days, name == "ets")
        for name in ("ets", "linear_regression", "seasonal_naive")
        for days in (7, 30)
    ]
    (week,) = (total for total in [made.forecast.totals[7]])
    assert week.projected == pytest.approx(sum(WEEK), rel=0.1)
    assert rows(history, "job_runs", "job", "state", "last_day")[-1] == (
        "forecast",
        "succeeded",
        date(2026, 4, 14),
    )


def test_made_again_it_stays_as_it_was(history: Engine) -> None:
    forecast.make(history, MONDAY)
    before = stored(history)
    change(history, "UPDATE daily_analytics SET total_revenue = total_revenue * 3")
    again = forecast.make(history, MONDAY + timedelta(hours=2))
    assert not again.new
    assert stored(history) == before


def test_another_day_makes_another_one(history: Engine) -> None:
    forecast.make(history, MONDAY)
    before = stored(history)
    change(history, "UPDATE daily_analytics SET total_revenue = total_revenue * 3")
    assert forecast.make(history, MONDAY + timedelta(days=1)).new
    after = stored(history)
    assert [row for row in after[0] if row in before[0]] == before[0]
    assert len(after[0]) == 2 * len(before[0])


def test_a_longer_horizon_adds_days_and_a_total(history: Engine) -> None:
    forecast.make(history, MONDAY, days=7)
    before = rows(history, "revenue_forecast")
    forecast.make(history, MONDAY, days=60)
    after = rows(history, "revenue_forecast")
    assert len(after) == 3 * 60
    assert set(before) <= set(after)
    totals = rows(history, "revenue_forecast_totals", "methodology", "days")
    assert [days for name, days in totals if name == "ets"] == [7, 30, 60]


@pytest.mark.parametrize("days", [0, -1, 367, 3660])
def test_a_horizon_that_cannot_be(history: Engine, days: int) -> None:
    with pytest.raises(UsageError, match="days must be between 1 and 366"):
        forecast.make(history, MONDAY, days)
    assert stored(history) == ([], [])


def test_too_few_days(database: Engine) -> None:
    fill_days(database, [1, 2, 3])
    with pytest.raises(TooShortError, match="needs 7 complete days, has 3"):
        forecast.make(database, MONDAY)
    with database.connect() as connection:
        assert forecasts.why_none(connection, MONDAY) == "A forecast needs 7 complete days, has 3."
    assert stored(database) == ([], [])
    assert rows(database, "job_runs") == []


def test_nothing_aggregated(database: Engine) -> None:
    with pytest.raises(UserError, match="no complete day has been aggregated yet"):
        forecast.make(database, MONDAY)


def test_the_running_day_is_not_known(history: Engine) -> None:
    fill_days(history, [1_000_000], LAST + timedelta(days=1))
    assert forecast.make(history, MONDAY).forecast.data_through == LAST


def test_a_day_that_was_not_computed_is_no_day_without_revenue(database: Engine) -> None:
    days = noisy_weeks(20)
    days[-10] = days[-20] = None
    fill_days(database, days)
    with database.connect() as connection:
        values = forecast.read_history(connection, MONDAY).values
    assert len(values) == 140
    assert np.flatnonzero(np.isnan(values)).tolist() == [120, 130]
    assert forecast.make(database, MONDAY).forecast.history_days == 138


def test_a_failure_is_recorded_and_leaves_nothing(history: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("creators have gone")

    monkeypatch.setattr(forecast, "_store_creators", fail)
    with pytest.raises(RuntimeError):
        forecast.make(history, MONDAY)
    assert stored(history) == ([], [])
    assert rows(history, "job_runs", "state", "error") == [("failed", "creators have gone")]


def test_a_stop_leaves_nothing_half_made(history: Engine) -> None:
    fill_creator(history, 1, WEEK * 20)
    asked = itertools.count()
    with pytest.raises(Interrupted):
        # After the three fits, in the middle of storing.
        forecast.make(history, MONDAY, stopped=lambda: next(asked) == 3)
    assert stored(history) == ([], [])
    assert rows(history, "creator_forecasts") == []
    assert rows(history, "job_runs", "state") == [("interrupted",)]


# ---- making those of the past ----


def past(weeks: int) -> date:
    """The Monday so many weeks before MONDAY."""
    return MONDAY.date() - timedelta(weeks=weeks)


def test_made_afterwards_it_knows_only_the_days_before(history: Engine) -> None:
    assert forecast.make_afterwards(history, [past(2), past(5)], MONDAY) == 2
    with history.connect() as connection:
        known = forecast.read_history(connection, MONDAY - timedelta(weeks=5))
        old = forecasts.weeks_ago(connection, MONDAY, weeks=5)
        assert old is not None
        days = forecasts.fan(connection, old)
    assert (known.last, len(known.values)) == (past(5) - timedelta(days=1), 105)
    assert (old.made_on, old.made_at, old.data_through) == (past(5), MONDAY, known.last)
    assert old.afterwards
    expected = fit(known.values, known.last).projected
    assert [float(each) for each in days["projected"]] == pytest.approx(expected, abs=0.01)


def test_made_afterwards_it_makes_a_record(history: Engine) -> None:
    forecast.make_afterwards(history, [past(weeks) for weeks in range(1, 9)], MONDAY)
    with history.connect() as connection:
        record = forecasts.record(connection)
    # Of those made one to four weeks ago not all 30 days have come.
    assert (record.forecasts, record.afterwards) == (4, 4)
    assert record.skill is not None


def test_made_afterwards_it_is_not_the_newest(history: Engine) -> None:
    forecast.make(history, MONDAY)
    before = stored(history)
    forecast.make_afterwards(history, [past(1)], MONDAY + timedelta(hours=1))
    with history.connect() as connection:
        newest = forecasts.latest(connection, MONDAY)
        made = forecasts.runs(connection)["made_on"].tolist()
    assert newest is not None
    assert (newest.made_on, newest.afterwards) == (MONDAY.date(), False)
    assert made == [MONDAY.date(), past(1)]
    assert [row for row in stored(history)[0] if row in before[0]] == before[0]


def test_days_that_have_a_forecast_or_too_little_are_left_out(history: Engine) -> None:
    forecast.make(history, MONDAY)
    first = LAST - timedelta(days=139)
    days = [MONDAY.date(), first, first + timedelta(days=6), first + timedelta(days=7)]
    assert forecast.make_afterwards(history, days, MONDAY + timedelta(days=1)) == 1
    made = {key[0] for key in rows(history, "revenue_forecast_totals", "made_on")}
    assert made == {MONDAY.date(), first + timedelta(days=7)}


def test_none_is_made_afterwards_for_the_time_before_the_first_revenue(history: Engine) -> None:
    """From five weeks ago on there is revenue: a week of it is known four weeks ago, and no less will do."""
    with history.begin() as connection:
        connection.execute(
            text("UPDATE daily_analytics SET total_revenue = 0 WHERE date < :first"), {"first": past(5)}
        )
    assert forecast.make_afterwards(history, [past(4) - timedelta(days=1), past(4), past(9)], MONDAY) == 1
    assert {key[0] for key in rows(history, "revenue_forecast_totals", "made_on")} == {past(4)}


# ---- what came ----


def test_what_came_is_written_when_it_is_complete(history: Engine) -> None:
    forecast.make(history, MONDAY)
    projected = rows(history, "revenue_forecast", "forecast_date", "projected_revenue")
    fill_days(history, WEEK[:6], LAST + timedelta(days=6))
    assert forecast.settle(history) == 6 * 3
    came = rows(history, "revenue_forecast", "forecast_date", "methodology", "actual_revenue")
    assert [actual for _, name, actual in came if name == "ets"][:7] == [*map(Decimal, WEEK[:6]), None]
    assert {actual for (actual,) in rows(history, "revenue_forecast_totals", "actual_revenue")} == {None}
    fill_days(history, WEEK[6:], LAST + timedelta(days=7))
    forecast.settle(history)
    totals = rows(history, "revenue_forecast_totals", "days", "actual_revenue")
    assert {actual for days, actual in totals if days == 7} == {Decimal(sum(WEEK))}
    assert {actual for days, actual in totals if days == 30} == {None}
    assert rows(history, "revenue_forecast", "forecast_date", "projected_revenue") == projected
    assert forecast.settle(history) == 0


def test_a_restated_day_is_what_came(history: Engine) -> None:
    forecast.make(history, MONDAY)
    fill_days(history, WEEK, LAST + timedelta(days=7))
    forecast.settle(history)
    change(history, "UPDATE daily_analytics SET total_revenue = 0 WHERE date = '2026-03-16'")
    assert forecast.settle(history) == 2 * 3
    totals = rows(history, "revenue_forecast_totals", "days", "actual_revenue")
    assert {actual for days, actual in totals if days == 7} == {Decimal(sum(WEEK) - 100)}


def test_what_came_changes_the_version_of_the_data(history: Engine) -> None:
    store = Store(history)
    before = store.versions().days
    forecast.make(history, MONDAY)
    made = store.versions().days
    forecast.settle(history)
    assert before < made == store.versions().days
    fill_days(history, WEEK, LAST + timedelta(days=7))
    forecast.settle(history)
    assert store.versions().days > made


def settled(week: int, projected: int, low: int, high: int, came: int | None, **other: Any) -> dict[str, Any]:
    """A row of totals, made on Monday of that week of 2026."""
    made_on = date(2026, 1, 5) + timedelta(weeks=week)
    return {
        "made_on": made_on,
        "data_through": made_on - timedelta(days=1),
        "methodology": "ets",
        "days": 30,
        "chosen": True,
        "made_at": datetime(made_on.year, made_on.month, made_on.day, 1, tzinfo=UTC),
        "history_days": 200,
        "projected_revenue": projected,
        "low_80": low,
        "high_80": high,
        "low_95": 0,
        "high_95": 10_000,
        "confidence": 50,
        "spread": 10.0,
        "recalibration": 1.0,
        "state": "ready",
        "notes": [],
        "actual_revenue": came,
    } | other


def put(engine: Engine, *totals: dict[str, Any]) -> None:
    with engine.begin() as connection:
        for total in totals:
            connection.execute(insert(revenue_forecast_totals), total)


def test_the_record(database: Engine) -> None:
    """Misses of 10, 20 and 30 %; inside twice; the naive misses 60 in all twice over, the line as much."""
    put(
        database,
        settled(0, 110, 90, 120, 100),
        settled(1, 80, 70, 130, 100),
        settled(2, 130, 105, 150, 100),
        settled(3, 999, 0, 1000, None),
        *(settled(n, 140, 0, 200, 100, methodology="seasonal_naive", chosen=False) for n in range(3)),
        *(settled(n, 120, 0, 200, 100, methodology="linear_regression", chosen=False) for n in range(3)),
    )
    with database.connect() as connection:
        record = forecasts.record(connection)
    assert (record.forecasts, record.inside) == (3, 2)
    assert record.typical_miss == pytest.approx(20)
    assert record.skill == pytest.approx(0.5)
    assert record.over_line == pytest.approx(0)


def test_of_a_week_only_the_newest_counts(database: Engine) -> None:
    later = datetime(2026, 1, 7, tzinfo=UTC)
    put(
        database,
        settled(0, 200, 150, 250, 100),
        settled(0, 100, 90, 120, 100, made_on=later.date(), made_at=later),
    )
    with database.connect() as connection:
        record = forecasts.record(connection)
    assert (record.forecasts, record.inside, record.typical_miss) == (1, 1, 0)


def test_without_a_record_nothing_is_claimed(history: Engine) -> None:
    with history.connect() as connection:
        assert forecasts.record(connection) == forecasts.Record()
        assert forecast.recalibrations(connection) == {7: 1.0, 30: 1.0}


def test_limits_learn_from_their_own_misses(history: Engine) -> None:
    """30-day totals of half a year that missed by three times the spread they were given."""
    put(history, *(settled(n, 100, 90, 110, 130) for n in range(26)))
    with history.connect() as connection:
        factors = forecast.recalibrations(connection)
    assert factors[7] == 1.0
    assert 1.3 < factors[30] < 3 / np.sqrt(2)
    put(history, *(settled(n, 100, 90, 110, 130) for n in range(26, 52)))
    with history.connect() as connection:
        assert forecast.recalibrations(connection)[30] > factors[30]
    spread = forecast.make(history, MONDAY).forecast.totals[30].spread
    change(history, "TRUNCATE revenue_forecast_totals")
    plain = forecast.make(history, MONDAY + timedelta(days=1)).forecast.totals[30].spread
    assert spread > 1.3 * plain


def test_misses_count_without_the_factor_that_was_in_use(database: Engine) -> None:
    """Missed by twice a spread that was doubled already: by four times the plain one."""
    put(database, *(settled(n, 100, 90, 110, 120, recalibration=1.0) for n in range(20)))
    with database.connect() as connection:
        plain = forecast.recalibrations(connection)[30]
    change(database, "UPDATE revenue_forecast_totals SET spread = spread * 2, recalibration = 2")
    with database.connect() as connection:
        assert forecast.recalibrations(connection)[30] == pytest.approx(plain)


# ---- reading ----


def test_the_newest_and_its_days(history: Engine) -> None:
    with history.connect() as connection:
        assert forecasts.latest(connection, MONDAY) is None
        assert forecasts.why_none(connection, MONDAY).startswith("No forecast has been made yet")
    forecast.make(history, MONDAY)
    with history.connect() as connection:
        newest = forecasts.latest(connection, MONDAY)
        assert newest is not None
        assert (newest.state, newest.methodology, newest.data_through) == (State.READY, "ets", LAST)
        assert newest.totals[7].low[95] <= newest.totals[7].low[80] <= newest.totals[7].projected
        days = forecasts.fan(connection, newest)
        line = forecasts.fan(connection, newest, "linear_regression")
        assert list(forecasts.runs(connection)["methodology"]) == ["ets"]
    assert days["date"].tolist() == line["date"].tolist()
    assert days["date"].iloc[0] == date(2026, 3, 16)
    assert len(days) == 30
    assert days["actual"].tolist() == [None] * 30
    assert days["projected"].sum() == pytest.approx(newest.totals[30].projected, abs=Decimal("0.2"))


def state_at(engine: Engine, now: datetime) -> tuple[State, str]:
    with engine.connect() as connection:
        made = forecasts.latest(connection, now)
    assert made is not None
    return made.state, "".join(made.notes[:1])


def test_without_new_days_it_is_stale(history: Engine) -> None:
    forecast.make(history, MONDAY)
    assert state_at(history, MONDAY + timedelta(days=1))[0] is State.READY
    assert state_at(history, MONDAY + timedelta(days=2)) == (
        State.STALE,
        "Stale: the newest complete day is 15 Mar 2026.",
    )


def test_a_week_later_it_is_still_good_but_not_two_days_more(history: Engine) -> None:
    forecast.make(history, MONDAY)
    fill_days(history, WEEK * 2, LAST + timedelta(weeks=2))
    assert state_at(history, MONDAY + timedelta(days=8))[0] is State.READY
    state, why = state_at(history, MONDAY + timedelta(days=9))
    assert state is State.STALE
    assert why == "Stale: made over a week ago, it knows nothing after 15 Mar 2026."


def test_what_was_forecast_four_weeks_ago(history: Engine) -> None:
    forecast.make(history, MONDAY)
    fill_days(history, WEEK * 4, LAST + timedelta(weeks=4))
    now = MONDAY + timedelta(weeks=4)
    forecast.make(history, now)
    with history.connect() as connection:
        old, new = forecasts.weeks_ago(connection, now), forecasts.latest(connection, now)
        assert old is not None
        assert new is not None
        assert (old.made_on, new.made_on) == (date(2026, 3, 16), date(2026, 4, 13))
        assert forecasts.weeks_ago(connection, now, weeks=5) is None
        came = forecasts.fan(connection, old)["actual"].tolist()
    assert came == [*map(Decimal, WEEK * 4), None, None]


def test_the_band_of_a_period_is_of_the_newest_forecasts(history: Engine) -> None:
    forecast.make(history, MONDAY)
    fill_days(history, WEEK, LAST + timedelta(weeks=1))
    forecast.make(history, MONDAY + timedelta(weeks=1))
    period = Period(LAST - timedelta(days=3), LAST + timedelta(days=60))
    with history.connect() as connection:
        days = forecasts.band(connection, period)
    assert days["date"].tolist() == [LAST + timedelta(days=n) for n in range(1, 38)]
    made = rows(
        history, "revenue_forecast", "data_through", "forecast_date", "methodology", "projected_revenue"
    )
    newest = [row[3] for row in made if row[0] == LAST + timedelta(weeks=1) and row[2] == "ets"]
    assert days["projected"].tolist()[7:] == newest


def test_a_day_outside_its_band_is_told_with_what_was_expected(history: Engine) -> None:
    forecast.make(history, MONDAY)
    week: list[Any] = [*WEEK]
    week[1], week[3] = 5000, 1
    fill_days(history, week, LAST + timedelta(weeks=1))
    forecast.settle(history)
    with history.connect() as connection:
        found = forecasts.anomalies(connection, Period(LAST, LAST + timedelta(days=30)))
        assert forecasts.anomalies(connection, Period(LAST, LAST + timedelta(days=1))) == []
    assert [(each.day, each.revenue) for each in found] == [
        (date(2026, 3, 19), Decimal(1)),
        (date(2026, 3, 17), Decimal(5000)),
    ]
    assert all(each.low <= each.expected <= each.high for each in found)


def test_ordinary_days_are_not_told(history: Engine) -> None:
    forecast.make(history, MONDAY)
    fill_days(history, noisy_weeks(1), LAST + timedelta(weeks=1))
    forecast.settle(history)
    with history.connect() as connection:
        assert len(forecasts.anomalies(connection, Period(LAST, LAST + timedelta(days=7)))) <= 1


# ---- creators ----


def test_creators_in_one_pass(history: Engine) -> None:
    fill_creator(history, 1, WEEK * 20)
    fill_creator(history, 2, [0] * 100 + [70] * 40)
    fill_creator(history, 3, [500], LAST - timedelta(days=400))
    made = forecast.make(history, MONDAY)
    assert made.creators == 2
    with history.connect() as connection:
        steady, newcomer, silent = (forecasts.creator(connection, number) for number in (1, 2, 3))
    assert steady is not None
    assert newcomer is not None
    assert silent is None
    assert steady.weekdays == pytest.approx(WEEK, rel=0.05)
    assert newcomer.history_days == 40
    assert newcomer.weekdays == pytest.approx([70] * 7, rel=0.02)
    week = steady.total(date(2026, 3, 16), 7)
    assert week.projected == pytest.approx(sum(WEEK), rel=0.02)
    assert week.low[95] <= week.low[80] <= week.projected <= week.high[80] <= week.high[95]
    assert steady.total(date(2026, 3, 31), 1).projected == pytest.approx(110, rel=0.05)
    assert steady.total(date(2026, 3, 31), 0).high[95] == 0
    assert steady.day(date(2026, 3, 21)).projected == pytest.approx(200, rel=0.05)


def test_creators_without_revenue_for_a_year_are_forgotten(database: Engine) -> None:
    fill_days(database, noisy_weeks(53))
    fill_creator(database, 1, WEEK * 20)
    fill_creator(database, 2, [10], LAST - timedelta(days=364))
    assert forecast.make(database, MONDAY).creators == 2
    fill_days(database, WEEK, LAST + timedelta(weeks=1))
    assert forecast.make(database, MONDAY + timedelta(weeks=1)).creators == 1
    assert rows(database, "creator_forecasts", "creator_id", "made_on") == [(1, date(2026, 3, 23))]


def test_the_table_refuses_what_is_no_forecast(history: Engine) -> None:
    forecast.make(history, MONDAY)
    for wrong in ("'NaN'", "-1"):
        with pytest.raises(Exception, match="revenue_forecast_"), history.begin() as connection:
            connection.execute(text(f"UPDATE revenue_forecast SET low_98 = {wrong}, high_98 = {wrong}"))
    with pytest.raises(Exception, match="revenue_forecast_limits"), history.begin() as connection:
        connection.execute(text("UPDATE revenue_forecast SET low_80 = high_80 + 1"))
