"""What Revenue says, asked over HTTP as a browser does. The cast's ledger is in tests/cast.py."""

from datetime import date
from decimal import Decimal

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import Engine, text

from aggregation.publishing import aggregate
from aggregation.queries import Queries
from aggregation.worker import Worker
from tests import cast
from tests.cast import World
from tests.integration.test_pages import answer, words

WEEK = "?days=7"


def test_cards_of_seven_days(world: World) -> None:
    """26 Feb to 4 Mar: 10 + 20 + 1,111.10 + 30 of gifts, 50 of subscriptions; 100 were refunded."""
    assert answer(world, "ana", "revenue", WEEK).kpis() == {
        "all_revenue": ("$1,221.10", "nothing to compare with"),
        "gift_revenue": ("$1,171.10", "new before: $0.00"),
        # 100 / 1,271.10
        "refund_rate": ("7.9%", "nothing to compare with $100.00 refunded"),
        # 351.33 / 1,171.10: 3 + 6 + 333.33 + 9
        "take_rate": ("30.0%", "nothing to compare with"),
        # two were active, and both gave
        "arpu": ("$585.55", "nothing to compare with"),
        "arppu": ("$585.55", "nothing to compare with 2 gifters"),
    }


def test_figures_draw_what_the_table_holds(world: World) -> None:
    shown = answer(world, "ana", "revenue", WEEK)
    assert shown.drawn() == {"revenue-by_source", "revenue-shares", "revenue-why"}
    by_source = shown.figures["revenue-by_source"]["data"]
    assert [trace["name"] for trace in by_source] == ["Gifts", "Subscriptions"]
    assert [trace["y"] for trace in by_source] == [[0, 0, 0, 10, 0, 1131.1, 30], [0, 0, 0, 0, 0, 0, 50]]
    assert [sum(trace["y"]) for trace in shown.figures["revenue-shares"]["data"]] == pytest.approx(
        [819.77, 351.33]
    )
    assert shown.rows("days") == [
        "4 Mar 2026 $30.00 $50.00 $80.00",
        "3 Mar 2026 $1,131.10 $0.00 $1,131.10",
        "2 Mar 2026 $0.00 $0.00 $0.00",
        "1 Mar 2026 $10.00 $0.00 $10.00",
        "28 Feb 2026 $0.00 $0.00 $0.00",
        "27 Feb 2026 $0.00 $0.00 $0.00",
        "26 Feb 2026 $0.00 $0.00 $0.00",
    ]
    total = shown.page.select_one("[data-table=days] tfoot tr")
    assert words(total) == "7 days $1,171.10 $50.00 $1,221.10"


def test_shares_of_the_day(world: World) -> None:
    """A day without revenue has no shares, rather than 0 %."""
    by_source = answer(world, "ana", "revenue", f"{WEEK}&show=share").figures["revenue-by_source"]["data"]
    assert [trace["y"] for trace in by_source] == [
        [None, None, None, 100, None, 100, 37.5],
        [None, None, None, 0, None, 0, 62.5],
    ]


def test_the_calendar_has_a_cell_for_each_day_of_the_period(world: World) -> None:
    shown = answer(world, "ana", "revenue", WEEK)
    cells = shown.page.select("[data-figure=calendar] tbody td")
    titles = [str(cell["title"]) for cell in cells if cell.get("title")]
    assert len(cells) == 14
    assert sorted(titles)[-1] == "Wed 4 Mar 2026: $30.00"
    assert len(titles) == 7


# ---- why it changed ----


def why(world: World, search: str) -> tuple[list[str], list[float]]:
    shown = answer(world, "ana", "revenue", search)
    return shown.rows("parts"), shown.figures["revenue-why"]["data"][0]["x"]


def test_after_nothing_everything_entered(world: World) -> None:
    rows, steps = why(world, WEEK)
    assert rows == ["Entered or left $1,171.10 $0.00 +$1,171.10"]
    assert steps == [0, 1171.1, 1171.1]


def week_before(world: World) -> World:
    """Two gifts of vera's in the week before: 10.00 in all."""
    with world.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO virtual_gifts SELECT id + 100, spark_id, sender_id, recipient_id, video_id, 3.5,"
                " 1.5, 'completed', '2026-02-20 10:00' FROM virtual_gifts WHERE id IN (1, 2)"
            )
        )
    Worker(world.engine, lambda: cast.NOW).run_due(cast.NOW)
    aggregate(world.engine, date(2026, 2, 20), date(2026, 2, 20), clock=lambda: cast.NOW)
    return cast.application(world.engine)


def test_factors(world: World) -> None:
    """1 gifter × 2 gifts × 5.00 became 2 × 2 × 292.775: gifts per gifter change nothing.

    L = 1,161.10 / ln 117.11 = 243.769; · ln 2 = 168.968, · ln 58.555 = 992.132.
    """
    rows, steps = why(week_before(world), WEEK)
    assert [row.split()[-1] for row in rows] == ["+$168.97", "$0.00", "+$992.13"]
    assert rows[1].startswith("Gifts per gifter 2.00 2.00")
    assert sum(map(Decimal, map(str, steps[1:-1]))) == Decimal("1161.1")


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        (
            "&split=creators",
            ["carl $1,111.10 $0.00 +$1,111.10", "cleo $60.00 $10.00 +$50.00"],
        ),
        (
            "&split=creators&amount=earnings",
            ["carl $777.77 $0.00 +$777.77", "cleo $42.00 $7.00 +$35.00"],
        ),
        ("&split=sparks", ["Ember $1,171.10 $10.00 +$1,161.10"]),
        ("&split=sparks&amount=earnings", ["Ember $819.77 $7.00 +$812.77"]),
        ("&split=sources", ["Gifts $1,171.10 $10.00 +$1,161.10", "Subscriptions $50.00 $0.00 +$50.00"]),
        (
            "&split=gifters",
            [
                "New (1) $1,141.10 $0.00 +$1,141.10",
                "Returning (1) $30.00 $10.00 +$20.00",
                "Resurrected (0) $0.00 $0.00 $0.00",
                "Lost (0) $0.00 $0.00 $0.00",
            ],
        ),
    ],
)
def test_segments(world: World, search: str, rows: list[str]) -> None:
    assert why(week_before(world), WEEK + search)[0] == rows


def test_segments_lead_to_their_own_page(world: World) -> None:
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=creators&show=share")
    links = [str(link["href"]) for link in shown.page.select("[data-table=parts] th a")]
    assert links == [f"/creators/{number}?days=7&compare=previous" for number in (2, 1)]
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=sparks")
    (link,) = shown.page.select("[data-table=parts] th a")
    assert link["href"] == "/gifts?days=7&compare=previous&spark=1"
    # The bars lead where the rows do; those of the two sums nowhere.
    assert shown.figures["revenue-why"]["layout"]["meta"]["links"] == ["", link["href"], ""]


def test_a_source_leads_to_its_trend(world: World) -> None:
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=sources")
    links = [str(link["href"]) for link in shown.page.select("[data-table=parts] th a")]
    assert sorted(links) == [
        f"/?days=7&compare=previous&source={source}" for source in ("gifts", "subscriptions")
    ]


def test_the_controls_keep_what_else_was_chosen(world: World) -> None:
    shown = answer(world, "ana", "revenue", f"{WEEK}&compare=year&split=sparks&show=share")
    chosen = {str(link["href"]) for link in shown.page.select(".choices a[aria-current]")}
    assert "?days=7&compare=year&show=share&split=sparks#figure-by_source-title" in chosen
    links = [str(link["href"]) for link in shown.page.select(".choices a")]
    assert "?days=7&compare=year&show=share&split=gifters#figure-why-title" in links


@pytest.mark.parametrize("junk", ["&split=all", "&amount=<b>", "&show=", "&split=%00", "&spark=1"])
def test_what_makes_no_sense_in_the_address_is_the_usual(world: World, junk: str) -> None:
    usual, shown = (answer(world, "ana", "revenue", search) for search in (WEEK, WEEK + junk))
    assert shown.rows("parts") == usual.rows("parts")
    assert "<b>" not in str(shown.page)


def test_without_an_earlier_period_there_is_nothing_to_explain(world: World) -> None:
    shown = answer(world, "ana", "revenue", "?days=30")
    assert "revenue-why" not in shown.drawn()
    assert "Needs a period to compare with." in shown.text


# ---- states ----


def test_without_transactions_there_is_no_sum_of_all(database: Engine) -> None:
    world = cast.make(database)
    with world.engine.begin() as connection:
        connection.execute(text("DROP TABLE transactions"))
        connection.execute(text("DELETE FROM revenue_breakdown WHERE source <> 'gifts'"))
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=sources")
    assert shown.kpis()["all_revenue"] == ("—", "needs the platform's transactions")
    assert shown.kpis()["gift_revenue"][0] == "$1,171.10"
    assert shown.rows("days")[0] == "4 Mar 2026 $30.00 —"
    assert "Only gifts: needs the platform's transactions." in shown.text
    assert "Not available: needs the platform's transactions." in shown.text


def test_a_day_that_was_not_computed_is_no_zero(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM daily_analytics WHERE date = '2026-03-03'"))
    shown = answer(world, "ana", "revenue", WEEK)
    assert {value for value, _ in shown.kpis().values()} == {"—"}
    assert shown.figures["revenue-by_source"]["data"][0]["y"] == [0, 0, 0, 10, 0, None, 30]
    assert "3 Mar 2026 — — —" in shown.rows("days")


@pytest.mark.parametrize(("job", "card"), [("refunds", "refund_rate"), ("gifters", "arppu")])
def test_what_an_upgrade_brought_waits_for_the_worker_alone(world: World, job: str, card: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM job_runs WHERE job = '{job}'"))
    before = answer(world, "ana", "revenue", WEEK)
    assert before.kpis()[card] == ("—", "not counted for all of these days yet")
    assert before.kpis()["gift_revenue"][0] == "$1,171.10"
    Worker(world.engine, lambda: cast.NOW).run_due(cast.NOW)
    assert answer(cast.application(world.engine), "ana", "revenue", WEEK).kpis()[card][0] != "—"


def test_parts_that_dont_add_up_are_not_shown(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE creator_supporters SET gross = gross + 1 WHERE creator_id = 2"))
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=creators")
    assert shown.rows("parts") == []
    assert "The parts don't add up to the change" in shown.text


def test_one_broken_query_fails_one_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Queries, "changed_by_creator", broken)
    shown = answer(world, "ana", "revenue", f"{WEEK}&split=creators")
    assert "These numbers could not be loaded." in shown.text
    assert "a secret detail" not in str(shown.page)
    assert shown.drawn() == {"revenue-by_source", "revenue-shares"}
    assert len(shown.kpis()) == 6


def test_nothing_aggregated_yet(database: Engine) -> None:
    shown = answer(cast.make(database, aggregated=False), "ana", "revenue")
    assert "python run.py aggregate" in shown.text


def test_no_gifts_in_the_period(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM virtual_gifts WHERE created_at > '2026-03-02'"))
        connection.execute(text("DELETE FROM transactions"))
    aggregate(world.engine, clock=lambda: cast.NOW)
    fresh = cast.application(world.engine)
    world_of_one_day = answer(fresh, "ana", "revenue", "?days=7")
    assert world_of_one_day.kpis()["gift_revenue"][0] == "$10.00"
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET created_at = '2026-02-10'"))
    aggregate(world.engine, clock=lambda: cast.NOW)
    shown = answer(cast.application(world.engine), "ana", "revenue", "?days=7")
    assert "No revenue in this period." in shown.text
    assert "No gifts in this period. Last gift: 10 Feb 2026." in shown.text
    assert shown.kpis()["refund_rate"] == ("—", "no such event in this period")


# ---- files ----


def test_the_file_has_what_the_page_shows(world: World) -> None:
    got = world.signed_in("ana").get(f"/export/revenue.csv{WEEK}&split=creators")
    assert got.status_code == 200
    lines = got.text.splitlines()
    assert "Day (UTC),Gifts ($),Subscriptions ($),All ($)" in lines
    assert "2026-03-04,30.00,50.00,80.00" in lines
    assert "All days,1171.10,50.00,1221.10" in lines
    assert 'Gift revenue,Creators,carl,"$1,111.10",$0.00,1111.10' in lines
    assert "Rows: Days by source,8" in lines


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("page", ["revenue", "gifts"])
@pytest.mark.parametrize("who", ["cleo", "carl"])
def test_no_creator_gets_the_platforms_files(shared: World, who: str, page: str, kind: str) -> None:
    client = shared.signed_in(who)
    got = client.get(f"/export/{page}.{kind}{WEEK}")
    assert got.status_code == 403
    assert client.get(f"/{page}{WEEK}").status_code == 403
    assert not [number for number in cast.CARLS_NUMBERS if number in got.text]


def test_hostile_names_are_text(world: World) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE creator_profiles SET name = :name"), {"name": hostile})
        connection.execute(text("UPDATE spark_profiles SET name = :name"), {"name": hostile})
    for page, table in (("revenue", "parts"), ("gifts", "sparks")):
        shown = answer(world, "ana", page, f"{WEEK}&split=creators&spark=1")
        assert shown.rows(table)[0].startswith(hostile)
        assert shown.page.img is None
        drawn = str(shown.figures)
        assert "<img" not in drawn
        assert BeautifulSoup(drawn, "html.parser").img is None
