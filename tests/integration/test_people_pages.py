"""Audience and Retention, asked over HTTP as a browser does.

The cast: vera (signed up on 1 February) came on 1, 3 and 4 March, vito (3 March) on 3 and 4 March.
"""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from aggregation.versions import Scope, bump
from aggregation.worker import Worker
from tests import cast
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS
from tests.integration.test_pages import Shown, answer, words
from tests.spec.tables import fill

PAGES = ("audience", "retention")
UNCOUNTED = "not counted for all of these days yet"


def change(world: World, *statements: str) -> None:
    with world.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        bump(connection, Scope.DAYS)


def traces(shown: Shown, name: str) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in shown.figures[name]["data"]}


# ---- Audience ----


def test_audience_cards_of_seven_days(world: World) -> None:
    """Five active days in seven; both for the first time; nobody recorded the week before."""
    assert answer(world, "ana", "audience", "?days=7").kpis() == {
        "dau": ("1", "nothing to compare with"),
        "wau": ("2", "nothing to compare with"),
        "mau": ("2", "nothing to compare with"),
        # 5 / (28 × 2)
        "stickiness": ("8.9%", "nothing to compare with"),
        "new_active_users": ("2", "nothing to compare with"),
        "resurrected_users": ("0", "nothing to compare with"),
        "dormant_users": ("0", "nothing to compare with"),
    }


def test_bars_stand_above_zero_for_who_came_and_below_for_who_did_not(world: World) -> None:
    shown = traces(answer(world, "ana", "audience", "?days=7"), "audience-lifecycle")
    assert {name: trace["y"][-4:] for name, trace in shown.items()} == {
        "New": [1, 0, 1, 0],
        "Returning": [0, 0, 0, 2],
        "Resurrected": [0, 0, 1, 0],
        "Dormant": [0, -1, 0, 0],
    }


def test_stretches_of_days_are_whole_and_end_with_the_period(world: World) -> None:
    shown = answer(world, "ana", "audience", "?days=30&grain=week")
    bars = traces(shown, "audience-lifecycle")["New"]
    assert bars["x"][-2:] == ["19 – 25 Feb 2026", "26 Feb – 4 Mar 2026"]
    assert bars["y"] == [0, 0, 0, 0, 2]
    assert "The first of them begins on 29 Jan 2026, so that all are whole." in shown.text


def test_users_of_a_day_a_week_and_a_month(world: World) -> None:
    shown = traces(answer(world, "ana", "audience", "?days=7"), "audience-reach")
    assert shown["DAU"]["y"] == [0, 0, 0, 1, 0, 2, 2]
    assert shown["WAU"]["y"] == [0, 0, 0, 1, 1, 2, 2]
    # The numbers begin on 1 February: there are 28 days on 28 February.
    assert shown["MAU"]["y"] == [None, None, 0, 1, 1, 2, 2]


def test_active_days_of_the_newest_four_whole_weeks(world: World) -> None:
    """To Sunday, 1 March: vera on one day."""
    shown = answer(world, "ana", "audience", "?days=7")
    assert traces(shown, "audience-frequency")["Users"]["y"] == [1] + [0] * 27
    assert "1 users in the four weeks 2 Feb – 1 Mar 2026, active on 1.0 days on average." in shown.text


def test_sessions_by_their_length(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    fill(
        database,
        """
        user_sessions
        user_id | started_at       | duration_seconds
        3       | 2026-03-03 20:00 | 59
        3       | 2026-03-03 21:00 | 60
        4       | 2026-03-04 21:00 | 7200
        4       | 2026-03-04 22:00 | null
        """,
    )
    Worker(database, lambda: cast.NOW).run_due(cast.NOW)
    shown = answer(world, "ana", "audience", "?days=7")
    bars = traces(shown, "audience-session_length")["Sessions"]
    assert dict(zip(bars["x"], bars["y"], strict=True)) == {
        "< 1 min": 1,
        "1–3": 1,
        "3–5": 0,
        "5–10": 0,
        "10–15": 0,
        "15–30": 0,
        "30–60": 0,
        "60–120": 0,
        "120+": 1,
    }
    assert "3 sessions by the day they began; those without a length are left out." in shown.text


def test_the_table_of_days(world: World) -> None:
    rows = answer(world, "ana", "audience", "?days=7").rows("audience_days")
    assert rows[0] == "4 Mar 2026 2 0 2 0 0 2 2 8.93%"
    assert rows[2] == "2 Mar 2026 0 0 0 0 1 1 1 3.57%"
    assert len(rows) == 7


def test_too_few_days_say_how_many_are_needed(world: World) -> None:
    change(world, "DELETE FROM daily_analytics WHERE date < '2026-03-02'")
    kpis = answer(world, "ana", "audience", "?days=7").kpis()
    assert kpis["wau"] == ("—", "needs 7 complete days, has 3")
    assert kpis["mau"] == ("—", "needs 28 complete days, has 3")
    assert kpis["dormant_users"] == ("—", "needs the 7 days before this period")


# ---- Retention ----


def test_retention_cards_of_seven_days(world: World) -> None:
    """Vito's day 1 is 4 March. Day 30 of the three who signed up on 1 February is the 3rd: vera came."""
    kpis = answer(world, "ana", "retention", "?days=7").kpis()
    assert kpis["day_1"] == ("100.0%", "nothing to compare with 1 of 1")
    assert kpis["day_7"] == ("—", "nobody signed up then")
    assert kpis["day_30"] == ("33.3%", "nothing to compare with 1 of 3")
    assert kpis["gifter_day_30"] == ("—", "nobody gave a first gift 30 days before these days")
    assert kpis["grr"][0] == kpis["nrr"][0] == "—"


def cells(shown: Shown, row: int) -> list[str]:
    return [words(cell) for cell in shown.page.select("[data-figure=cohorts_map] tbody tr")[row].select("td")]


def test_the_heat_map_leaves_out_what_is_not_old_enough(world: World) -> None:
    shown = answer(world, "ana", "retention", "?days=7&grain=day")
    vitos, the_others = cells(shown, 0), cells(shown, 1)
    assert vitos == ["100%", "100%", *[""] * 15]
    # Nobody was active before 1 March, their day 28: days 0 to 21 are not known. Day 45 has not come.
    assert the_others == [*[""] * 11, "33%", "33%", *[""] * 4]
    told = shown.page.select("[data-figure=cohorts_map] td[title]")[-1]["title"]
    # Wilson, 1 of 3
    assert told == "Day 30: 33.33%, 1 of 3; 95 %: 6.1 – 79.2%"


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        # until day 30: 1 March is day 28, 3 March day 30
        ("after30", [*[""] * 10, "33%", "33%"]),
        ("after90", [""] * 11),
        ("within", [""] * 7),
    ],
)
def test_what_counts_as_coming_back_can_be_chosen(world: World, measure: str, expected: list[str]) -> None:
    shown = answer(world, "ana", "retention", f"?days=7&grain=month&measure={measure}")
    assert cells(shown, 1) == expected


def test_weeks_of_which_not_all_days_are_old_enough_are_pale(world: World) -> None:
    shown = answer(world, "ana", "retention", "?days=7&grain=week")
    first = shown.page.select("[data-figure=cohorts_map] tbody tr")[0].select("td")
    assert [("weak" in cell.get("class", ())) for cell in first[:3]] == [False, True, False]
    assert str(first[1]["title"]).endswith("known of 2 of 3 days")


def test_what_a_choice_is_not_is_the_usual(world: World) -> None:
    usual = answer(world, "ana", "retention", "?days=7").text
    assert answer(world, "ana", "retention", "?days=7&grain=year&measure=<b>").text == usual


def test_choices_are_kept_apart(world: World) -> None:
    """Of what is kept, too: one address never gets the other's answer."""
    first = answer(world, "ana", "retention", "?days=7&grain=day")
    second = answer(world, "ana", "retention", "?days=7&grain=month")
    assert first.rows("cohorts")[1].startswith("1 Feb 2026 3")
    assert second.rows("cohorts")[1].startswith("Feb 2026 3")
    assert answer(world, "ana", "retention", "?days=7&grain=day").text == first.text


def test_the_table_of_cohorts(world: World) -> None:
    rows = answer(world, "ana", "retention", "?days=7&grain=day").rows("cohorts")
    assert rows == [
        "3 Mar 2026 1 100% 100%",
        "1 Feb 2026 3 33%",
        # days 0 and 1 of vito, day 30 of the three
        "All 4 100% 100% 33%",
    ]


def test_what_a_sign_up_brings_is_of_the_same_people_at_every_age(world: World) -> None:
    """The three who turned 31 days in the period: 10.00 on day 28, 20.00 more on day 30."""
    shown = answer(world, "ana", "retention", "?days=7")
    (trace,) = shown.figures["retention-value"]["data"]
    assert len(trace["y"]) == 32
    assert trace["y"][27:] == pytest.approx([0, 10 / 3, 10 / 3, 10, 10])
    assert "of the 3 people whose day 31 lies in the period." in shown.text


def test_who_began_to_give_in_one_month_and_gave_in_the_next(database: Engine) -> None:
    """January: vera 10.00, vito 4.00. February: vera 6.00. GRR and NRR are 6 / 14."""
    world = cast.make(database, aggregated=False)
    fill(
        database,
        """
        virtual_gifts
        id | sender_id | creator_share | platform_share | created_at
        11 | 3         | 10.00         | 0.00           | 2026-01-01
        12 | 4         | 4.00          | 0.00           | 2026-01-31
        13 | 3         | 6.00          | 0.00           | 2026-02-01
        """,
    )
    Worker(database, lambda: cast.NOW).run_due(cast.NOW)
    shown = answer(world, "ana", "retention", "?days=7")
    assert "first gifts of Jan 2026, and the month after" in shown.kpis()["grr"][1]
    assert shown.kpis()["grr"][0] == shown.kpis()["nrr"][0] == "42.9%"
    assert shown.rows("gifter_cohorts") == ["Jan 2026 2 $14.00 42.9% 42.9%"]
    assert traces(shown, "retention-payers")["GRR"]["y"] == pytest.approx([100, 600 / 14])
    # vito's 30th day is 2 March: he didn't come
    assert answer(world, "ana", "retention", "?days=30").kpis()["gifter_day_30"][0] == "0.0%"


def test_months_before_gifts_came_from_the_first_day_on_take_no_part(database: Engine) -> None:
    """Of 90 days, vito began on 20 December, vera in January: 10.00, and 5.00 in February."""
    world = cast.make(database, aggregated=False)
    fill(
        database,
        """
        virtual_gifts
        id | sender_id | creator_share | platform_share | created_at
        11 | 4         | 100.00        | 0.00           | 2025-12-20
        12 | 3         | 10.00         | 0.00           | 2026-01-05
        13 | 3         | 5.00          | 0.00           | 2026-02-05
        """,
    )
    Worker(database, lambda: cast.NOW).run_due(cast.NOW)
    value, about = answer(world, "ana", "retention", "?days=90").kpis()["nrr"]
    assert value == "50.0%"
    assert "first gifts of Jan 2026, and the month after" in about
    client = world.signed_in("ana")
    rows = client.get("/rows/platform/nrr?days=90").text
    assert "$10.00" in rows
    assert "$100.00" not in rows
    february = "?from=2026-01-10&to=2026-01-31"
    assert "gifts began within Dec 2025" in answer(world, "ana", "retention", february).kpis()["nrr"][1]


# ---- states ----


@pytest.mark.parametrize("page", PAGES)
def test_nothing_yet(database: Engine, page: str) -> None:
    world = cast.make(database, aggregated=False)
    shown = answer(world, "ana", page)
    assert "python run.py aggregate" in shown.text
    assert (shown.kpis(), shown.drawn()) == ({}, set())


@pytest.mark.parametrize("page", PAGES)
def test_missing_activity_is_named(database: Engine, page: str) -> None:
    world = cast.make(database, aggregated=False)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE user_sessions, video_watches"))
    Worker(database, lambda: cast.NOW).run_due(cast.NOW)
    shown = answer(world, "ana", page, "?days=7")
    needs = "needs the platform's sessions and watches"
    about = {"audience": "wau", "retention": "day_7"}[page]
    assert shown.kpis()[about] == ("—", needs)
    assert f"Not available: {needs}." in shown.text
    assert "could not be loaded" not in shown.text


@pytest.mark.parametrize(
    ("page", "job", "figure"),
    [
        ("audience", "session_lengths", "audience-session_length"),
        ("retention", "cohort_activity", "retention-curve"),
        ("retention", "cohort_value", "retention-value"),
        ("retention", "gifter_cohorts", "retention-payers"),
    ],
)
def test_what_nobody_has_counted_yet_is_not_zero(world: World, page: str, job: str, figure: str) -> None:
    """As after an upgrade that brought the tables: all else is there, and the worker counts them."""
    change(world, f"DELETE FROM job_runs WHERE job = '{job}'")
    shown = answer(world, "ana", page, "?days=7")
    assert UNCOUNTED in shown.text
    assert figure not in shown.drawn()
    assert shown.drawn()


@pytest.mark.parametrize(("page", "method"), [("audience", "reach"), ("retention", "cohorts")])
def test_one_broken_part_leaves_the_others(
    world: World, page: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(f"aggregation.queries.Queries.{method}", fail)
    shown = answer(world, "ana", page, "?days=7")
    assert "could not be loaded" in shown.text
    assert shown.drawn() or shown.rows("gifter_cohorts") or "No month with a gift" in shown.text


# ---- who may not ----


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("who", ["cleo", "carl"])
def test_creators_get_neither_the_page_nor_its_numbers(world: World, page: str, who: str) -> None:
    client = world.signed_in(who)
    for search in ("", "?creator_id=2", "?grain=day&measure=within&role=admin"):
        assert client.get(f"/{page}{search}").status_code == 403
        asked = run_callback(client, FILLS[page], (f"{page}-address.search", search))
        assert asked.status_code == 403
        assert "data-kpi" not in asked.text
        for kind in ("csv", "xlsx"):
            assert client.get(f"/export/{page}.{kind}{search}").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_nobody_gets_in_unasked(world: World, page: str) -> None:
    client = world.client()
    assert client.get(f"/{page}").status_code == 302
    assert client.get(f"/export/{page}.csv").status_code in (302, 401)
    assert run_callback(client, FILLS[page], (f"{page}-address.search", "")).status_code == 401


# ---- export ----


def test_exports_hold_what_the_pages_show(world: World) -> None:
    client = world.signed_in("ana")
    audience = client.get("/export/audience.csv?days=7&grain=week").text
    assert "2026-03-04,2,0,2,0,0,2,2,8.9286" in audience
    assert "2026-02-26,2026-03-04,2,2,0,0,0" in audience
    retention = client.get("/export/retention.csv?days=7&grain=day").text
    # who signed up, its age, who was active, of how many
    assert "2026-02-01,30,1,3" in retention
    assert "2026-02-01,32" not in retention
    assert "2026-02-01,2026-02-01,30,30,1,3,33.3333,6.1492,79.2340" in retention
    for page in PAGES:
        assert client.get(f"/export/{page}.xlsx?days=7").status_code == 200
