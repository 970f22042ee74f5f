"""What pages say of forecasts: the Forecast page, the bands on Overview and My dashboard, unusual days.

The forecasts are put into the tables by hand: $10 a day, so that every sum can be checked in the head.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from aggregation import forecasts
from aggregation.jobs.forecast import settle
from aggregation.queries import Store
from aggregation.schema import creator_forecasts, revenue_forecast, revenue_forecast_totals
from aggregation.versions import Scope, bump
from dashboard_app.factory import create_app
from tests import cast
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS
from tests.integration.test_exports import lines, tables
from tests.integration.test_forecasts import put, settled
from tests.integration.test_pages import Shown, answer

TODAY = date(2026, 3, 5)
CONFIDENCE = "Confidence 50 %: probability that the 30-day total lands within ±10 % of the projection."


def store(world: World, made_on: date = TODAY, amount: int = 10, **other: Any) -> None:
    """A forecast of $10 a day, 80 % within 5 and 20, 98 % within 0 and 50; its total 300, within 200 and 400.
    The spread of a total is as large as its days are many.

    Beside it the straight line, of $12 a day.
    """
    keys = {"made_on": made_on, "data_through": made_on - timedelta(days=1)}
    limits = {"low_80": 5, "high_80": 20, "low_95": 1, "high_95": 40, "low_98": 0, "high_98": 50}
    days = [
        keys
        | {name: min(each, amount) if "low" in name else each * amount // 10 for name, each in limits.items()}
        | {
            "forecast_date": made_on + timedelta(days=n),
            "methodology": methodology,
            "projected_revenue": projected,
            "confidence": 50,
        }
        for methodology, projected in (("ets", amount), ("linear_regression", amount * 12 // 10))
        for n in range(30)
    ]
    made_at = datetime(made_on.year, made_on.month, made_on.day, 1, tzinfo=UTC)
    total = settled(0, 300, 200, 400, None, **keys, made_at=made_at, skill=0.25, spread=30.0)
    week = settled(0, 70, 50, 90, None, **keys, made_at=made_at, days=7, spread=7.0)
    put(world.engine, total | other, week | other)
    with world.engine.begin() as connection:
        connection.execute(insert(revenue_forecast), days)
        bump(connection, Scope.DAYS)


def forecast_page(world: World, search: str = "?days=7") -> Shown:
    return answer(world, "ana", "forecast", search)


def figure(shown: Shown, name: str) -> dict[str, dict[str, Any]]:
    """The traces of a chart by their names."""
    return {trace["name"]: trace for trace in shown.figures[name]["data"]}


# ---- the Forecast page ----


def test_the_cards(world: World) -> None:
    store(world)
    kpis = forecast_page(world).kpis()
    # March has brought 10 + 1,131.10 + 30; 27 days of $10 are to come, ± 1.5332 × a spread of 27
    assert kpis == {
        "next_30_days": ("$300.00", "80 %: $200.00 – $400.00 5 Mar – 3 Apr 2026"),
        "running_month": (
            "$1,441.10",
            "$1,171.10 through 4 Mar 2026 $270.00 to come 80 %: $1,399.70 – $1,482.50",
        ),
        "hit_rate": ("—", "no track record yet the first forecast can be judged on 4 Apr 2026"),
        "skill": ("—", "no track record yet in a back-test 25.0%"),
    }


def test_the_fan_has_bands_a_baseline_and_the_confidence_in_words(world: World) -> None:
    store(world)
    shown = forecast_page(world)
    traces = figure(shown, "forecast-fan")
    assert list(traces) == [
        "Total revenue",
        "95 % from",
        "95 % to",
        "80 % from",
        "80 % to",
        "Forecast, 80 % and 95 % band",
        "Straight line",
    ]
    assert traces["Total revenue"]["x"][-1] == "2026-03-04"
    assert traces["Total revenue"]["y"] == [0, 0, 0, 10, 0, 1131.1, 30]
    assert traces["80 % from"]["x"] == [(TODAY + timedelta(days=n)).isoformat() for n in range(30)]
    assert [traces[name]["y"][0] for name in list(traces)[1:]] == [1, 40, 5, 20, 10, 12]
    assert CONFIDENCE in shown.text
    assert "Made on 5 Mar 2026 from 200 complete days through 4 Mar 2026" in shown.text


def test_the_track_record(world: World) -> None:
    """Misses of 10, 20 and 30 %, of 60 in all; the naive missed 120, the line 80."""
    beside = {"chosen": False}
    put(
        world.engine,
        settled(0, 110, 90, 120, 100),
        settled(1, 80, 70, 130, 100),
        settled(2, 130, 105, 150, 100, low_95=101, high_95=160),
        *(settled(n, 140, 0, 200, 100, methodology="seasonal_naive", **beside) for n in range(3)),
        *(settled(n, came, 0, 200, 100, methodology="linear_regression", **beside) for n, came in line()),
    )
    store(world)
    shown = forecast_page(world)
    kpis = shown.kpis()
    assert kpis["hit_rate"] == (
        "66.7%",
        "of the last 3 forecasts, 2 were inside the 80 % band typical miss 20.0 %",
    )
    assert kpis["skill"] == ("50.0%", "than the last week again better than the straight line by 25.0%")
    assert shown.rows("runs") == [
        "5 Mar 2026 smoothing with weekdays (ETS) $300.00 $200.00 – $400.00 — — known on 4 Apr 2026",
        "19 Jan 2026 smoothing with weekdays (ETS) $130.00 $105.00 – $150.00 $100.00 +30.0% outside",
        "12 Jan 2026 smoothing with weekdays (ETS) $80.00 $70.00 – $130.00 $100.00 −20.0% inside 80\xa0%",
        "5 Jan 2026 smoothing with weekdays (ETS) $110.00 $90.00 – $120.00 $100.00 +10.0% inside 80\xa0%",
    ]


def line() -> list[tuple[int, int]]:
    return [(0, 120), (1, 130), (2, 130)]


def test_a_record_made_afterwards_says_so(world: World) -> None:
    put(world.engine, settled(0, 110, 90, 120, 100, made_at=cast.NOW))
    store(world)
    shown = forecast_page(world)
    assert shown.kpis()["hit_rate"][1].endswith("1 made afterwards")
    assert shown.rows("runs")[1].startswith("5 Jan 2026, afterwards ")
    assert "Afterwards: made later, from the days that were complete then." in shown.text


def test_what_was_forecast_four_weeks_ago(world: World) -> None:
    store(world, TODAY - timedelta(weeks=4))
    store(world)
    settle(world.engine)
    shown = forecast_page(world)
    # 5 February to 4 March: $10 on the 1st, 1,131.10 on the 3rd, 30 on the 4th, against 28 × $10
    assert "Made on 5 Feb 2026. Its 28 complete days brought $1,171.10; $280.00 was forecast." in shown.text
    traces = figure(shown, "forecast-four_weeks_ago")
    assert traces["Total revenue"]["y"][-4:] == [10, 0, 1131.1, 30]
    assert len(traces["Total revenue"]["x"]) == 28
    assert len(traces["Straight line"]["x"]) == 30


def test_without_an_old_forecast_nothing_is_compared(world: World) -> None:
    store(world)
    shown = forecast_page(world)
    assert "No forecast is four weeks old yet. The newest one will be on 2 Apr 2026." in shown.text
    assert "forecast-four_weeks_ago" not in shown.drawn()


def test_the_components_are_weekdays_around_a_level(world: World) -> None:
    store(world)
    with world.engine.begin() as connection:
        # of four Mondays, $10 + $7 × 4 / 4
        connection.execute(
            text(
                "UPDATE revenue_forecast SET projected_revenue = 17 "
                "WHERE extract(isodow FROM forecast_date) = 1 AND methodology = 'ets'"
            )
        )
    shown = forecast_page(world)
    traces = figure(shown, "forecast-components")
    assert traces["Forecast"]["x"] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert traces["Forecast"]["y"] == [17, 10, 10, 10, 10, 10, 10]
    assert traces["Level"]["y"] == [11] * 7
    # The numbers begin on 1 February: five Sundays, with $10 on 1 March.
    assert traces["Last 8 weeks"]["y"][6] == 2
    assert "A level of $11.00 a day" in shown.text


def test_what_is_taken_out_is_what_the_page_shows(world: World) -> None:
    put(world.engine, settled(0, 110, 90, 120, 100))
    store(world, notes=["1 Mar 2026 was odd."])
    found = tables(lines(world, "ana", "/export/forecast.csv?days=7"))
    assert list(found)[1:] == ["Key numbers", "Totals", "Days ahead", "Days", "Forecasts"]
    assert dict(found[""])["Compared with"] == "nothing"
    assert [line[2] for line in found["Key numbers"][1:]] == ["300.00", "1441.10", "100.0000", ""]
    assert found["Totals"][1:] == [
        ["7", "70.00", "50.00", "90.00", "0.00", "10000.00", "", ""],
        ["30", "300.00", "200.00", "400.00", "0.00", "10000.00", "50.0000", ""],
        ["", "", "", "", "", "", "", "1 Mar 2026 was odd."],
    ]
    assert found["Days ahead"][1] == ["2026-03-05", "10.00", "5.00", "20.00", "1.00", "40.00", "12.00", ""]
    assert len(found["Days ahead"]) == 1 + 30
    assert found["Days"][-1] == ["2026-03-04", "30.00"]
    assert found["Forecasts"][-1][-3:] == ["100.00", "10.0000", "inside 80 %"]


def test_where_all_days_were_alike_no_limits_are_taken_out(world: World) -> None:
    store(world, state="constant", notes=["All alike."])
    found = tables(lines(world, "ana", "/export/forecast.csv?days=7"))
    assert found["Totals"][2] == ["30", "300.00", "", "", "", "", "", ""]
    assert found["Days ahead"][1] == ["2026-03-05", "10.00", "", "", "", "", "12.00", ""]


@pytest.mark.parametrize("who", ["carl", None])
def test_a_creator_must_not_take_it_out(world: World, who: str | None) -> None:
    store(world)
    client = world.signed_in(who) if who else world.app.server.test_client()
    got = client.get("/export/forecast.csv")
    assert got.status_code in (302, 403, 404)
    assert b"300.00" not in got.data


# ---- words instead of numbers ----


def test_none_made_yet(world: World) -> None:
    shown = forecast_page(world)
    assert "No forecast has been made yet: python run.py forecast makes one." in shown.text
    assert shown.drawn() == set()
    assert shown.kpis() == {}


def test_less_than_a_week(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM daily_analytics WHERE date < '2026-03-02'"))
        bump(connection, Scope.DAYS)
    assert "A forecast needs 7 complete days, has 3." in forecast_page(world).text


def test_no_revenue_at_all(world: World) -> None:
    note = "No revenue in the last 32 days: there is nothing to project."
    zero: dict[str, Any] = {
        "projected_revenue": 0,
        "low_80": 0,
        "high_80": 0,
        "low_95": 0,
        "high_95": 0,
        "confidence": 0,
    }
    store(world, amount=0, state="zero", notes=[note], **zero, spread=0.0)
    shown = forecast_page(world)
    assert shown.kpis()["next_30_days"] == ("—", note)
    assert shown.kpis()["running_month"][0] == "—"
    assert "Confidence" not in shown.text
    assert shown.drawn() == set()


def test_days_that_are_all_alike_promise_no_limits(world: World) -> None:
    note = "All 32 days had the same revenue: how far a day can be off is not known."
    store(world, state="constant", notes=[note])
    shown = forecast_page(world)
    assert shown.kpis()["next_30_days"] == (
        "$300.00",
        "how far it can be off is not known 5 Mar – 3 Apr 2026",
    )
    assert "80 %" not in shown.kpis()["running_month"][1]
    assert list(figure(shown, "forecast-fan")) == ["Total revenue", "Forecast", "Straight line"]
    assert "Confidence" not in shown.text


def test_a_stale_forecast_says_so_first(world: World) -> None:
    store(world)
    world.app = create_app(world.engine, cast.SECRET, lambda: cast.NOW + timedelta(days=3))
    shown = forecast_page(world)
    (notes,) = shown.page.select(".notes p")
    assert notes.text == "Stale: the newest complete day is 4 Mar 2026."
    assert shown.kpis()["next_30_days"][1].endswith("5 Mar – 3 Apr 2026")
    overview = answer(world, "ana", "overview", "?days=7")
    assert "No forecast is drawn. Stale: the newest complete day is 4 Mar 2026." in overview.text
    assert not [name for name in figure(overview, "overview-revenue_trend") if "Forecast" in name]


def test_a_month_that_is_longer_than_the_forecast(world: World) -> None:
    # Made on 28 February, it ends on 29 March.
    store(world, date(2026, 2, 28))
    assert forecast_page(world).kpis()["running_month"] == (
        "$1,421.10",
        "$1,171.10 through 4 Mar 2026 $250.00 to come 80 %: $1,382.77 – $1,459.43 "
        "to 29 Mar 2026, as far as the forecast reaches",
    )


def test_one_broken_read_fails_one_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store(world)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(forecasts, "weeks_ago", broken)
    shown = forecast_page(world)
    assert "These numbers could not be loaded." in shown.text
    assert "a secret detail" not in shown.text
    assert shown.drawn() == {"forecast-fan", "forecast-components"}
    assert len(shown.kpis()) == 4


def test_a_creator_must_not_see_the_platforms_forecast(world: World) -> None:
    store(world)
    client = world.signed_in("cleo")
    refused = run_callback(client, FILLS["forecast"], ("forecast-address.search", ""))
    opened = client.get("/forecast")
    assert (refused.status_code, opened.status_code) == (403, 403)
    assert "$300.00" not in refused.text + opened.text


def test_nobody_sees_it_without_signing_in(world: World) -> None:
    store(world)
    refused = run_callback(world.client(), FILLS["forecast"], ("forecast-address.search", ""))
    opened = world.client().get("/forecast")
    assert (refused.status_code, opened.status_code) == (401, 302)
    assert "$300.00" not in refused.text + opened.text


# ---- Overview ----


def test_the_trend_goes_on_with_the_forecast_in_a_line_of_its_own(world: World) -> None:
    store(world)
    shown = answer(world, "ana", "overview", "?days=7")
    traces = figure(shown, "overview-revenue_trend")
    ahead = [(TODAY + timedelta(days=n)).isoformat() for n in range(7)]
    assert traces["Forecast, 80 % band"]["x"] == ahead
    assert traces["Forecast, 80 % band"]["y"] == [10] * 7
    assert (traces["80 % from"]["y"], traces["80 % to"]["y"]) == ([5] * 7, [20] * 7)
    assert traces["Total revenue"]["y"] == [0, 0, 0, 10, 0, 1131.1, 30]
    assert shown.kpis()["total_revenue"][0] == "$1,171.10"
    assert "The forecast was made on 5 Mar 2026." in shown.text


@pytest.mark.parametrize(("days", "ahead"), [(7, 7), (28, 9), (30, 10), (90, 30), (365, 30)])
def test_the_forecast_takes_no_more_than_its_share_of_the_chart(world: World, days: int, ahead: int) -> None:
    store(world)
    traces = figure(answer(world, "ana", "overview", f"?days={days}"), "overview-revenue_trend")
    assert len(traces["Forecast, 80 % band"]["x"]) == ahead


def test_without_a_forecast_the_trend_is_as_before(world: World) -> None:
    traces = figure(answer(world, "ana", "overview", "?days=7"), "overview-revenue_trend")
    assert list(traces) == ["Total revenue", "Creator earnings", "Total revenue, compared"]


def test_an_unusual_day_is_told_with_what_was_expected(world: World) -> None:
    store(world, date(2026, 3, 2))
    settle(world.engine)
    shown = answer(world, "ana", "overview", "?days=7")
    assert [line.text for line in shown.page.select(".notes p")] == [
        "3 Mar 2026 was unusual: $1,131.10 of gift revenue, where $10.00 was expected ($0.00 – $50.00)."
    ]


def test_of_many_unusual_days_the_newest_are_told(world: World) -> None:
    store(world, date(2026, 2, 27))
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE daily_analytics SET total_revenue = 99 WHERE date >= '2026-02-27'"))
    settle(world.engine)
    notes = [line.text for line in answer(world, "ana", "overview", "?days=7").page.select(".notes p")]
    # 27 February to 4 March
    assert [note[:10] for note in notes[:3]] == ["4 Mar 2026", "3 Mar 2026", "2 Mar 2026"]
    assert notes[3:] == ["3 more in this period."]


def test_operations_tells_an_unusual_day_too(world: World) -> None:
    store(world, date(2026, 3, 2))
    settle(world.engine)
    notes = [line.text for line in answer(world, "ada", "operations", "?days=7").page.select(".notes p")]
    assert (
        "3 Mar 2026 was unusual: $1,131.10 of gift revenue, where $10.00 was expected ($0.00 – $50.00)."
    ) in notes


def test_ordinary_days_bring_no_notice(world: World) -> None:
    store(world, date(2026, 3, 4))
    settle(world.engine)
    assert answer(world, "ana", "overview", "?days=7").page.select(".notes") == []


def test_forecasts_are_read_once_for_each_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store(world)
    read: list[object] = []
    latest = forecasts.latest

    def counted(*given: Any) -> Any:
        read.append(given)
        return latest(*given)

    monkeypatch.setattr(forecasts, "latest", counted)
    numbers = Store(world.engine)
    for minutes in (0, 1, 30):
        with numbers.read() as queries:
            assert queries.forecast(cast.NOW + timedelta(minutes=minutes)) is not None
    assert len(read) == 1
    with world.engine.begin() as connection:
        connection.execute(revenue_forecast_totals.delete())
        bump(connection, Scope.DAYS)
    with numbers.read() as queries:
        assert queries.forecast(cast.NOW) is None


# ---- My dashboard ----


def store_creator(world: World, creator_id: int, amount: float, **other: Any) -> None:
    """`amount` each day, within ± 1.5332 × 1; its totals within ± 1.5332 × 10."""
    row = {
        "creator_id": creator_id,
        "made_on": TODAY,
        "data_through": TODAY - timedelta(days=1),
        "history_days": 40,
        **{f"weekday_{number}": amount for number in range(7)},
        "spread_1": 1.0,
        "spread_7": 10.0,
        "spread_30": 10.0,
    }
    with world.engine.begin() as connection:
        connection.execute(insert(creator_forecasts), row | other)


def test_a_creators_trend_goes_on_with_their_own_forecast(world: World) -> None:
    store_creator(world, cast.CLEO, 7.0)
    store_creator(world, cast.CARL, 777.77)
    shown = answer(world, "cleo", "my-dashboard", "?days=7")
    traces = figure(shown, "my-dashboard-gift_revenue_trend")
    assert traces["Forecast, 80 % band"]["x"][0] == "2026-03-05"
    assert traces["Forecast, 80 % band"]["y"] == [7] * 7
    assert traces["80 % to"]["y"] == pytest.approx([8.5332] * 7)
    # 30 × 7, ± 15.332
    assert "The next 30 days may bring $210.00; in 80 of 100 cases $194.67 – $225.33." in shown.text
    assert "777.77" not in str(shown.figures) + shown.text
    theirs = figure(answer(world, "carl", "my-dashboard", "?days=7"), "my-dashboard-gift_revenue_trend")
    assert theirs["Forecast, 80 % band"]["y"] == [777.77] * 7


def test_a_creators_forecast_is_never_kept(world: World) -> None:
    store_creator(world, cast.CLEO, 7.0)
    answer(world, "cleo", "my-dashboard", "?days=7")
    with world.engine.begin() as connection:
        # without a new version of the data
        connection.execute(creator_forecasts.update().values(weekday_0=9.0))
    traces = figure(answer(world, "cleo", "my-dashboard", "?days=7"), "my-dashboard-gift_revenue_trend")
    # 5 March is a Thursday
    assert traces["Forecast, 80 % band"]["y"] == [7, 7, 7, 7, 9, 7, 7]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"history_days": 3}, "A forecast needs 7 days from your first gift on, has 3."),
        (
            {"data_through": date(2026, 2, 23)},
            "No forecast is drawn: the newest knows nothing after 23 Feb 2026.",
        ),
    ],
)
def test_where_a_creators_forecast_would_mislead(world: World, other: dict[str, Any], said: str) -> None:
    store_creator(world, cast.CLEO, 7.0, **other)
    shown = answer(world, "cleo", "my-dashboard", "?days=7")
    assert said in shown.text
    traces = figure(shown, "my-dashboard-gift_revenue_trend")
    assert list(traces) == ["Gift revenue", "Gift revenue, compared"]
