"""What Gifts says, asked over HTTP as a browser does. The cast's ledger is in tests/cast.py."""

import pytest
from sqlalchemy import Engine, text

from aggregation.publishing import aggregate
from aggregation.queries import Queries
from tests import cast
from tests.cast import World
from tests.integration.test_pages import answer, words

WEEK = "?days=7"


def test_cards_of_seven_days(world: World) -> None:
    """Gifts of 10, 20, 1,111.10 and 30: the middle two are 20 and 30."""
    assert answer(world, "ana", "gifts", WEEK).kpis() == {
        "total_gifts_sent": ("4", "new before: 0"),
        "gift_value": ("$1,171.10", "new before: $0.00"),
        "average_gift_value": ("$292.78", "nothing to compare with median $25.00"),
        "gifters": ("2", "new before: 0 100.0% of active users"),
        "recipients": ("2", "new before: 0"),
        # 1,111.10 came at 21:00
        "peak_hour": ("21:00", "until 22:00 UTC, 94.9% of the value"),
    }


def test_the_table_of_sparks(world: World) -> None:
    shown = answer(world, "ana", "gifts", WEEK)
    row = "4 $1,171.10 2 2 $292.78 new 1 Mar 2026 4 Mar 2026"
    assert shown.rows("sparks") == [f"Ember {row}"]
    assert words(shown.page.select_one("[data-table=sparks] tfoot")) == f"All sparks {row}"


def second_spark(world: World) -> World:
    """carl's gift was another spark, of no name."""
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET spark_id = 2 WHERE id = 3"))
    aggregate(world.engine, clock=lambda: cast.NOW)
    return cast.application(world.engine)


def test_sparks_by_value_and_people_counted_at_each_level(world: World) -> None:
    """vito sent both: one sender of each, two in all, never three."""
    shown = answer(second_spark(world), "ana", "gifts", WEEK)
    assert shown.rows("sparks") == [
        "Spark 2 1 $1,111.10 1 1 $1,111.10 new 3 Mar 2026 3 Mar 2026",
        "Ember 3 $60.00 2 1 $20.00 new 1 Mar 2026 4 Mar 2026",
    ]
    total = words(shown.page.select_one("[data-table=sparks] tfoot"))
    assert total == "All sparks 4 $1,171.10 2 2 $292.78 new 1 Mar 2026 4 Mar 2026"
    assert shown.figures["gifts-ranked"]["data"][0]["x"] == [1111.1, 60]
    by_count, by_value = shown.figures["gifts-count_and_value"]["data"]
    assert by_count["x"] == [25, 75]
    assert sum(by_value["x"]) == pytest.approx(100)
    trend = {trace["name"]: trace["y"] for trace in shown.figures["gifts-trend"]["data"]}
    assert trend == {"Spark 2": [0, 0, 0, 0, 0, 1111.1, 0], "Ember": [0, 0, 0, 10, 0, 20, 30]}


def test_a_link_shows_one_spark_alone_and_another_all_again(world: World) -> None:
    there = second_spark(world)
    link = answer(there, "ana", "gifts", WEEK).page.select("[data-table=sparks] th a")[1]
    assert link["href"] == "?days=7&compare=previous&spark=1#figure-hours-title"
    shown = answer(there, "ana", "gifts", f"{WEEK}&spark=1")
    assert [trace["name"] for trace in shown.figures["gifts-trend"]["data"]] == ["Ember"]
    assert "Hours and trend of Ember" in shown.text
    assert hours(shown)["Tue 20:00"] == "$20.00"
    assert hours(shown)["Tue 21:00"] == "$0.00"
    back = shown.page.select("[data-table=sparks] th a")[1]
    assert back["href"] == "?days=7&compare=previous#figure-hours-title"


def hours(shown: object) -> dict[str, str]:
    """`Tue 20:00` → what the cell says of an average week."""
    cells = shown.page.select("[data-figure=hours] tbody td[title]")  # type: ignore[attr-defined]
    told = [str(cell["title"]).split(" UTC: ") for cell in cells]
    return {when: said.removesuffix(" on average") for when, said in told}


def test_hours_are_divided_by_how_often_they_came(world: World) -> None:
    """Of 28 days each weekday comes four times; of the seven days that there are, once."""
    once = hours(answer(world, "ana", "gifts", WEEK))
    assert len(once) == 7 * 24
    assert once["Tue 21:00"] == "$1,111.10"
    four = hours(answer(world, "ana", "gifts", "?days=28"))
    # 1,111.10 / 4 = 277.775, half to even
    assert four["Tue 21:00"] == "$277.78"


@pytest.mark.parametrize("junk", ["9", "0", "-1", "x", "1;DROP", "<b>", "٣"])
def test_a_spark_that_isnt_there_shows_all(world: World, junk: str) -> None:
    shown = answer(world, "ana", "gifts", f"{WEEK}&spark={junk}")
    assert "Hours and trend of" not in shown.text
    assert shown.page.b is None
    assert len(shown.rows("sparks")) == 1


def test_without_gifts_in_the_period(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET created_at = '2026-02-10'"))
    aggregate(world.engine, clock=lambda: cast.NOW)
    shown = answer(cast.application(world.engine), "ana", "gifts", WEEK)
    assert shown.text.count("No gifts in this period. Last gift: 10 Feb 2026.") == 5
    assert shown.drawn() == set()
    assert shown.kpis()["peak_hour"] == ("—", "no gifts in this period")
    assert shown.kpis()["gifters"][0] == "0"
    got = cast.application(world.engine).signed_in("ana").get(f"/export/gifts.csv{WEEK}")
    assert "Rows: Sparks,0" in got.text


def test_people_that_nobody_has_counted_yet_are_not_zero(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM job_runs WHERE job IN ('gifters', 'spark_days', 'gift_values')"))
    shown = answer(world, "ana", "gifts", WEEK)
    assert shown.kpis()["gifters"] == ("—", "not counted for all of these days yet")
    assert shown.kpis()["recipients"] == ("—", "not counted for all of these days yet")
    assert "median" not in shown.kpis()["average_gift_value"][1]
    assert shown.rows("sparks")[0].startswith("Ember 4 $1,171.10 — — $292.78")


def test_a_day_that_was_not_computed_makes_sums_unknown(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM daily_analytics WHERE date = '2026-03-03'"))
    shown = answer(world, "ana", "gifts", WEEK)
    assert shown.kpis()["gift_value"] == ("—", "not computed for all of these days")
    assert shown.figures["gifts-trend"]["data"][0]["y"][5] is None


def test_one_broken_query_fails_one_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Queries, "spark_trend", broken)
    shown = answer(world, "ana", "gifts", WEEK)
    assert "These numbers could not be loaded." in shown.text
    assert "a secret detail" not in str(shown.page)
    assert shown.drawn() == {"gifts-ranked", "gifts-count_and_value"}
    assert len(shown.kpis()) == 6


def test_nothing_aggregated_yet(database: Engine) -> None:
    shown = answer(cast.make(database, aggregated=False), "ana", "gifts")
    assert "python run.py aggregate" in shown.text


def test_the_file_has_what_the_page_shows(world: World) -> None:
    lines = world.signed_in("ana").get(f"/export/gifts.csv{WEEK}").text.splitlines()
    assert "Ember,1,4,1171.10,2,2,292.78,0.00,,2026-03-01,2026-03-04" in lines
    assert "All sparks,,4,1171.10,2,2,292.78,0.00,,2026-03-01,2026-03-04" in lines
    assert "all,Tue,21,1,1,1111.10,1111.10" in lines
