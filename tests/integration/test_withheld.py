"""An unequal number is shown to nobody until it is equal again; the worker tries to mend it, not for ever."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from aggregation import checks, unequal
from aggregation.checks import check
from aggregation.repairs import repair
from aggregation.schema import data_checks
from aggregation.worker import Worker
from tests import cast
from tests.cast import World
from tests.integration.test_exports import lines, tables
from tests.integration.test_pages import answer
from tests.spec.tables import change, rows

THIRD = "the number of 3 Mar 2026 is being recounted"


def checked(world: World) -> int:
    return check(world.engine, clock=lambda: cast.NOW).cells_unequal


def never() -> bool:
    return False


def corrupt(world: World, statement: str) -> None:
    change(world.engine, statement)
    assert checked(world)


def api(world: World, who: str, path: str) -> Any:
    got = world.signed_in(who).get(f"/api/analytics/{path}")
    assert got.status_code == 200, got.text
    return got.get_json()["data"]


def of_day(found: list[dict[str, Any]], day: str) -> dict[str, Any]:
    (row,) = (row for row in found if row["date"] == day)
    return row


@pytest.fixture
def wrong_signups(world: World) -> World:
    corrupt(world, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'")
    return world


@pytest.fixture
def wrong_views(world: World) -> World:
    """Of Carl's 3 March."""
    corrupt(
        world, "UPDATE creator_metrics SET gifts_received = 9 WHERE creator_id = 2 AND date = '2026-03-03'"
    )
    return world


# ---- pages ----


def test_the_card_says_why_and_the_others_stay(wrong_signups: World) -> None:
    cards = answer(wrong_signups, "ana", "overview", "?days=7").kpis()
    assert cards["new_users"] == ("—", THIRD)
    assert cards["total_revenue"][0] == "$1,171.10"
    assert [name for name, (value, _) in cards.items() if value == "—"] == ["new_users"]


def test_a_period_without_the_day_is_shown(wrong_signups: World) -> None:
    change(wrong_signups.engine, "UPDATE unequal_cells SET day = '2026-02-10'")
    assert answer(wrong_signups, "ana", "overview", "?days=7").kpis()["new_users"][0] == "7"


def test_the_chart_has_a_gap_on_that_day(wrong_signups: World) -> None:
    traces = answer(wrong_signups, "ana", "overview", "?days=7").figures["overview-user_growth"]["data"]
    (new,) = (trace for trace in traces if trace["name"] == "New users")
    assert new["y"] == [0, 0, 0, 0, 0, None, 0]


def test_a_stock_needs_only_its_last_day(world: World) -> None:
    corrupt(world, "UPDATE daily_analytics SET total_users = 99 WHERE date = '2026-03-03'")
    cards = answer(world, "ana", "overview", "?days=7").kpis()
    assert cards["total_users"][0] == "4"
    # the share of all users who were active is made of every day
    assert cards["engagement_rate"] == ("—", THIRD)


def test_people_are_not_counted_where_their_visits_are_wrong(world: World) -> None:
    corrupt(world, "UPDATE user_returns SET users = users + 5 WHERE date = '2026-03-03'")
    assert answer(world, "ana", "overview", "?days=7").kpis()["active_users"] == ("—", THIRD)


def test_a_figure_of_the_whole_period_says_why(world: World) -> None:
    corrupt(world, "UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'")
    shown = answer(world, "ana", "overview", "?days=7")
    assert "overview-revenue_sources" not in shown.drawn()
    assert f"— {THIRD}" in shown.text
    assert "could not be loaded" not in shown.text


def test_who_moved_most_is_not_told_while_anybody_is_recounted(wrong_views: World) -> None:
    assert answer(wrong_views, "ana", "overview", "?days=7").rows("movers") != []
    wrong = "UPDATE creator_metrics SET gift_revenue = 1 WHERE creator_id = 2 AND date = '2026-03-03'"
    corrupt(wrong_views, wrong)
    shown = answer(wrong_views, "ana", "overview", "?days=7")
    assert shown.rows("movers") == []
    assert f"— {THIRD}" in shown.text


def test_a_creator_sees_that_own_numbers_are_recounted(wrong_views: World) -> None:
    cards = answer(wrong_views, "carl", "my-dashboard", "?days=7").kpis()
    assert cards["gifts_received"] == ("—", THIRD)
    assert cards["gift_revenue"][0] == "$777.77"


def test_followers_that_are_wrong_are_not_carried_forward(world: World) -> None:
    corrupt(world, "UPDATE creator_metrics SET followers = 5 WHERE creator_id = 2 AND date = '2026-03-04'")
    daily = api(world, "carl", "creator/2?days=7")["metrics"]
    assert of_day(daily, "2026-03-04")["followers"] is None


@pytest.mark.parametrize(
    ("statement", "page"),
    [
        ("UPDATE user_returns SET users = users + 5 WHERE date = '2026-03-03'", "audience"),
        ("UPDATE cohort_activity SET users = users + 5", "retention"),
    ],
)
def test_pages_of_people_withhold_it(world: World, statement: str, page: str) -> None:
    good = answer(world, "ana", page, "?days=7").kpis()
    told = {name for name, (value, _) in good.items() if value != "—"}
    assert len(told) >= 2
    corrupt(world, statement)
    shown = answer(world, "ana", page, "?days=7")
    assert "could not be loaded" not in shown.text
    assert [name for name in told if shown.kpis()[name][0] != "—"] == []
    # Neither is it said that nobody has counted yet.
    assert {shown.kpis()[name][1].partition(" of ")[0] for name in told} <= REASONS
    assert "not counted" not in shown.text


REASONS = {"the number", "the numbers"}


def test_followers_that_are_recounted_are_not_listed(world: World) -> None:
    corrupt(world, "UPDATE creator_metrics SET followers = 5 WHERE creator_id = 2 AND date = '2026-03-04'")
    shown = answer(world, "ana", "creators", "?days=7")
    carl, cleo = shown.rows("leaderboard")
    assert carl.startswith("carl $777.77 new 1 1 — ")
    assert cleo.startswith("cleo $42.00 new 3 2 12 ")
    assert "Followers: the number of 4 Mar 2026 is being recounted." in shown.text
    file = tables(lines(world, "ana", "/export/creators.csv?days=7"))["Leaderboard"]
    assert [row[7] for row in file[1:]] == ["", "12"]
    # Their order would tell, too.
    ordered = answer(world, "ana", "creators", "?days=7&sort=followers")
    assert ordered.rows("leaderboard") == []
    assert "being recounted" in ordered.text
    # Before that day nothing is wrong.
    assert "9,4" in answer(world, "ana", "creators", "?from=2026-03-01&to=2026-03-03").text


@pytest.mark.parametrize(
    ("statement", "page", "gone"),
    [
        ("UPDATE gift_refunds SET amount = 1", "revenue", {"refund_rate"}),
        ("UPDATE gifter_returns SET gifters = gifters + 5 WHERE date = '2026-03-03'", "revenue", {"arppu"}),
        ("UPDATE user_returns SET users = users + 5 WHERE date = '2026-03-03'", "revenue", {"arpu"}),
        ("UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'", "revenue", {"all_revenue"}),
        (
            "UPDATE daily_analytics SET platform_earnings = 1 WHERE date = '2026-03-03'",
            "revenue",
            {"take_rate"},
        ),
        ("UPDATE gifter_returns SET gifters = gifters + 5 WHERE date = '2026-03-03'", "gifts", {"gifters"}),
        ("UPDATE gift_analytics SET revenue = 1 WHERE hour::date = '2026-03-03'", "gifts", {"peak_hour"}),
        ("UPDATE spark_days SET recipients = '{1,2,3}' WHERE date = '2026-03-03'", "gifts", {"recipients"}),
    ],
)
def test_pages_of_money_withhold_it_and_nothing_else(
    world: World, statement: str, page: str, gone: set[str]
) -> None:
    good = answer(world, "ana", page, "?days=7").kpis()
    corrupt(world, statement)
    shown = answer(world, "ana", page, "?days=7")
    assert "could not be loaded" not in shown.text
    assert "7 days:" in shown.text
    cards = shown.kpis()
    assert {name for name in good if cards[name][0] == "—"} == gone
    assert all("being recounted" in cards[name][1] for name in gone)
    assert {name: cards[name] for name in good if name not in gone} == {
        name: good[name] for name in good if name not in gone
    }


def test_nothing_of_sparks_is_told_while_an_hour_is_recounted(world: World) -> None:
    search = "?days=7&spark=1"
    assert answer(world, "ana", "gifts", search).rows("sparks") != []
    corrupt(world, "UPDATE gift_analytics SET revenue = 1 WHERE hour::date = '2026-03-03'")
    shown = answer(world, "ana", "gifts", search)
    assert shown.rows("sparks") == []
    assert shown.drawn() & {"gifts-ranked", "gifts-count_and_value", "gifts-trend"} == set()
    found = tables(lines(world, "ana", f"/export/gifts.csv{search}"))
    assert found["Sparks"] == [["Not available"], [THIRD]]


def test_the_middle_of_gifts_is_not_told_while_their_values_are_recounted(world: World) -> None:
    assert "median" in answer(world, "ana", "gifts", "?days=7").kpis()["average_gift_value"][1]
    corrupt(world, "UPDATE gift_values SET gifts = gifts + 5 WHERE date = '2026-03-03'")
    assert "median" not in answer(world, "ana", "gifts", "?days=7").kpis()["average_gift_value"][1]


def test_a_source_has_a_gap_on_the_day_that_is_recounted(world: World) -> None:
    corrupt(world, "UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'")
    shown = answer(world, "ana", "revenue", "?days=7")
    gifts, *_ = shown.figures["revenue-by_source"]["data"]
    assert gifts["y"] == [0, 0, 0, 10, 0, None, 30]
    found = tables(lines(world, "ana", "/export/revenue.csv?days=7"))
    assert found["Days by source"] == [["Not available"], [THIRD]]


@pytest.mark.parametrize("split", ["factors", "creators", "sparks", "sources", "gifters"])
def test_a_change_is_not_explained_by_numbers_that_are_recounted(world: World, split: str) -> None:
    search = f"?from=2026-03-03&to=2026-03-04&split={split}"
    assert answer(world, "ana", "revenue", search).rows("parts") != []
    for statement in (
        "UPDATE gift_analytics SET revenue = 1 WHERE hour::date = '2026-03-03'",
        "UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'",
        "UPDATE gifter_returns SET gifters = gifters + 5 WHERE date = '2026-03-03'",
        "UPDATE creator_supporters SET gross = 1 WHERE date = '2026-03-03'",
    ):
        corrupt(world, statement)
    shown = answer(world, "ana", "revenue", search)
    assert shown.rows("parts") == []
    assert "revenue-why" not in shown.drawn()


def test_creators_are_not_ranked_by_sums_that_are_recounted(world: World) -> None:
    assert answer(world, "ana", "creators", "?days=7").rows("leaderboard") != []
    corrupt(world, "UPDATE creator_months SET earnings = 1 WHERE creator_id = 2 AND date = '2026-03-04'")
    shown = answer(world, "ana", "creators", "?days=7")
    assert shown.rows("leaderboard") == []
    assert shown.kpis() == {}
    assert "being recounted" in shown.text
    found = tables(lines(world, "ana", "/export/creators.csv?days=7"))
    assert found["Leaderboard"][0] == ["Not available"]


# ---- who must not see what ----


def test_a_creator_sees_nothing_of_anothers_recount(wrong_views: World) -> None:
    shown = answer(wrong_views, "cleo", "my-dashboard", "?days=7")
    assert "being recounted" not in shown.text
    assert shown.kpis()["gifts_received"][0] == "3"
    assert api(wrong_views, "cleo", "creator/1?days=7")["period"]["giftsReceived"] == 3


def test_a_creator_sees_no_detail_of_the_platforms(wrong_signups: World) -> None:
    shown = answer(wrong_signups, "cleo", "my-dashboard", "?days=7")
    assert "being recounted" not in shown.text
    assert "New users" not in shown.text
    assert "daily_analytics" not in str(shown.page)


# ---- the API and files ----


def test_the_api_says_null(wrong_signups: World) -> None:
    found = api(wrong_signups, "ana", "dashboard?days=7")
    assert of_day(found["analytics"], "2026-03-03")["newUsers"] is None
    assert of_day(found["analytics"], "2026-03-03")["totalRevenue"] == 1131.1
    assert found["period"]["newUsers"] is None
    assert found["period"]["totalRevenue"] == 1171.1


def test_the_api_says_null_of_a_creators_cell(wrong_views: World) -> None:
    for who in ("carl", "ana"):
        found = api(wrong_views, who, "creator/2?days=7")
        assert of_day(found["metrics"], "2026-03-03")["giftsReceived"] is None
        assert found["period"]["giftsReceived"] is None


@pytest.mark.parametrize(
    ("statement", "path", "key", "column"),
    [
        (
            "UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'",
            "revenue-breakdown?days=7",
            ("date", "2026-03-03"),
            "amount",
        ),
        (
            "UPDATE gift_analytics SET unique_senders = 5 WHERE hour = '2026-03-03 21:00'",
            "gifts?days=7",
            ("hour", "2026-03-03T21:00:00Z"),
            "uniqueSenders",
        ),
        (
            "UPDATE retention_cohorts SET day_1 = 9 WHERE cohort_date = '2026-03-03'",
            "retention?days=7",
            ("cohortDate", "2026-03-03"),
            "day1",
        ),
    ],
)
def test_lists_say_null(world: World, statement: str, path: str, key: tuple[str, str], column: str) -> None:
    def cell() -> Any:
        return next(row[column] for row in api(world, "ana", path) if row[key[0]] == key[1])

    good = cell()
    assert good is not None or column == "day1"
    corrupt(world, statement)
    assert cell() is None


def test_files_leave_it_out_and_say_why(wrong_signups: World) -> None:
    found = tables(lines(wrong_signups, "ana", "/export/overview.csv?days=7"))
    (card,) = (row for row in found["Key numbers"] if row[0] == "New users")
    assert card[2] == ""
    assert card[-1] == THIRD
    heads, *days = found["Days"]
    assert [row[heads.index("New users")] for row in days] == ["0", "0", "0", "0", "0", "", "0"]


def test_files_say_why_a_table_is_missing(world: World) -> None:
    corrupt(world, "UPDATE revenue_breakdown SET amount = 1 WHERE date = '2026-03-03'")
    found = tables(lines(world, "ana", "/export/overview.csv?days=7"))
    assert found["Revenue by source"] == [["Not available"], [THIRD]]


# ---- the badge ----


def test_the_badge_tells_the_share_that_is_equal(world: World) -> None:
    with world.engine.begin() as connection:
        values = {"checked_at": cast.NOW, "first_day": date(2026, 3, 1), "last_day": date(2026, 3, 4)}
        connection.execute(
            insert(data_checks), [values | {"table_name": "daily_analytics", "cells": 99_999, "unequal": 2}]
        )
    assert badge(world).endswith(" · all cells equal")
    change(
        world.engine,
        "INSERT INTO unequal_cells (table_name, column_name, day, cells, found_at)"
        " VALUES ('gift_analytics', 'revenue', '2026-03-03', 2, now())",
    )
    change(world.engine, "DELETE FROM data_versions")
    assert badge(world) == "complete through 4 Mar 2026 UTC · 99.997 % of cells equal, 2 withheld"


def badge(world: World) -> str:
    return answer(world, "ana", "overview").badge.text


def test_a_check_of_one_day_leaves_the_share_of_all(world: World) -> None:
    checked(world)
    with world.engine.connect() as connection:
        before = unequal.checked(connection)
        check(world.engine, date(2026, 3, 4), clock=lambda: cast.NOW + timedelta(hours=1))
        assert unequal.checked(connection) == before


# ---- repairs ----


def mend(engine: Engine, now: datetime) -> None:
    repair(engine, now, clock=lambda: now, stopped=never)


def repairs(engine: Engine) -> list[tuple[Any, ...]]:
    return [
        (str(state), error)
        for job, state, error in rows(engine, "job_runs", "job", "state", "error")
        if job == "repair"
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'",
        "DELETE FROM creator_metrics WHERE date = '2026-03-03'",
        "UPDATE retention_cohorts SET day_1 = 9 WHERE cohort_date = '2026-03-03'",
        "INSERT INTO daily_analytics VALUES ('1999-12-31', 0, 0, 0, 0, 0, 0, 0)",
        "UPDATE user_engagement SET session_count = 9 WHERE date >= '2026-03-03'",
        "UPDATE creator_months SET earnings = 3 WHERE date = '2026-03-02'",
    ],
)
def test_the_worker_mends_what_is_wrong(world: World, statement: str) -> None:
    good = answer(world, "ana", "overview", "?days=7").kpis()
    corrupt(world, statement)
    Worker(world.engine, lambda: cast.NOW).run_due(cast.NOW)
    assert rows(world.engine, "unequal_cells", "id") == []
    assert {state for state, _ in repairs(world.engine)} == {"succeeded"}
    assert answer(world, "ana", "overview", "?days=7").kpis() == good
    assert badge(world).endswith("all cells equal")


def stubborn(world: World) -> None:
    """Whoever writes daily_analytics, its new users come out wrong."""
    change(
        world.engine,
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.new_users = 7; RETURN NEW; END $$",
    )
    change(
        world.engine,
        "CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON daily_analytics"
        " FOR EACH ROW WHEN (NEW.date = '2026-03-03') EXECUTE FUNCTION spoil()",
    )
    corrupt(world, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'")


def test_what_can_not_be_mended_is_tried_three_times_and_told(world: World) -> None:
    stubborn(world)
    now = cast.NOW
    for hours, tries in ((0, 1), (0.5, 1), (1, 2), (1.5, 2), (2, 3), (3, 3), (30, 3)):
        mend(world.engine, now + timedelta(hours=hours))
        assert rows(world.engine, "unequal_cells", "tries") == [(tries,)], hours
    ended = [
        (state, error.split(" of ")[0], error.split(" cells ")[1]) for state, error in repairs(world.engine)
    ]
    assert ended == [("failed", "1", "are still unequal")] * 3
    with world.engine.connect() as connection:
        (left,) = unequal.given_up(connection)
    assert tuple(left) == ("daily_analytics", "new_users", date(2026, 3, 3), 1)
    assert answer(world, "ana", "overview", "?days=7").kpis()["new_users"] == ("—", THIRD)


def test_tries_are_not_forgotten_by_the_next_recount(world: World) -> None:
    stubborn(world)
    mend(world.engine, cast.NOW)
    checked(world)
    assert rows(world.engine, "unequal_cells", "tries") == [(1,)]


def test_a_recount_of_other_days_leaves_it_withheld(wrong_signups: World) -> None:
    check(wrong_signups.engine, date(2026, 3, 4), date(2026, 3, 4), clock=lambda: cast.NOW)
    check(wrong_signups.engine, date(2026, 3, 1), date(2026, 3, 2), clock=lambda: cast.NOW)
    assert rows(wrong_signups.engine, "unequal_cells", "column_name") == [("new_users",)]


def test_of_a_cohort_only_what_was_recounted_is_forgotten(world: World) -> None:
    """day_1 of the 2nd is about the 3rd: a recount of the 2nd knows nothing of it."""
    corrupt(world, "UPDATE retention_cohorts SET day_1 = 9 WHERE cohort_date = '2026-02-01'")
    check(world.engine, date(2026, 2, 1), date(2026, 2, 1), clock=lambda: cast.NOW)
    assert rows(world.engine, "unequal_cells", "column_name", "day") == [("day_1", date(2026, 2, 1))]
    check(world.engine, date(2026, 2, 2), date(2026, 2, 2), clock=lambda: cast.NOW)
    assert rows(world.engine, "unequal_cells", "day") == [(date(2026, 2, 1),)]
    change(world.engine, "UPDATE retention_cohorts SET day_1 = 0 WHERE cohort_date = '2026-02-01'")
    check(world.engine, date(2026, 2, 2), date(2026, 2, 2), clock=lambda: cast.NOW)
    assert rows(world.engine, "unequal_cells", "day") == []


def test_where_too_many_creators_are_wrong_it_is_withheld_from_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "BY_DAY", checks.BY_DAY.replace("<= 100", "<= 1"))
    corrupt(world, "UPDATE creator_metrics SET gifts_received = 9 WHERE date = '2026-03-03'")
    # With the day, the sums of the month until it and after it.
    found = rows(world.engine, "unequal_cells", "table_name", "day", "creator_id", "cells")
    assert [row for row in found if row[0] == "creator_metrics"] == [
        ("creator_metrics", date(2026, 3, 3), None, 2)
    ]
    assert {row[2] for row in found} == {None}
    for who in ("cleo", "carl"):
        assert answer(world, who, "my-dashboard", "?days=7").kpis()["gifts_received"] == ("—", THIRD)


# ---- older days ----


def test_older_days_are_looked_at_in_turn(world: World) -> None:
    """Of sixty days two a night, and each within thirty nights."""
    first, last = date(2026, 1, 1), date(2026, 3, 1)
    looked: list[date] = []
    for night in range(30):
        with world.engine.begin() as connection:
            span = checks.sample(connection, first, last)
            assert span is not None
            looked += [span[0], span[1]]
            values = {"table_name": "daily_analytics", "cells": 1, "unequal": 0}
            at = cast.NOW + timedelta(days=night)
            connection.execute(
                insert(data_checks).values(checked_at=at, first_day=span[0], last_day=span[1], **values)
            )
    assert sorted(looked) == [first + timedelta(days=n) for n in range(60)]


def test_without_older_days_there_is_nothing_to_sample(world: World) -> None:
    with world.engine.connect() as connection:
        assert checks.sample(connection, date(2026, 3, 2), date(2026, 3, 1)) is None


# ---- a creator's own pages: each wrong number is far from all others, and looked for everywhere ----

WRONG = re.compile(r"98[.,]?[78]")
OF_CLEO = "WHERE creator_id = 1 AND date = '2026-03-03'"


@pytest.mark.parametrize(
    ("page", "statement"),
    [
        ("earnings", f"UPDATE creator_sparks SET earned = 98765.43 {OF_CLEO}"),
        ("earnings", f"UPDATE creator_sparks SET refunded = 98765.43 {OF_CLEO}"),
        ("supporters", f"UPDATE creator_supporters SET amount = 98765.43 {OF_CLEO}"),
        ("supporters", f"UPDATE supporter_returns SET supporters = 98765 {OF_CLEO}"),
        ("supporters", "UPDATE supporter_totals SET amount = 98765.43 WHERE creator_id = 1"),
        (
            "supporters",
            "INSERT INTO supporter_spreads VALUES (1, '2026-02-26', '2026-03-04', 98765, 1, 98765, 98765)",
        ),
        ("content", f"UPDATE creator_videos SET earned = 98765.43 {OF_CLEO}"),
        ("content", f"UPDATE creator_videos SET views = 98765 {OF_CLEO}"),
        ("my-audience", f"UPDATE viewer_returns SET viewers = 98765 {OF_CLEO}"),
    ],
)
def test_a_creators_page_shows_no_wrong_number(world: World, page: str, statement: str) -> None:
    corrupt(world, statement)
    client = world.signed_in("cleo")
    shown = answer(world, "cleo", page, "?days=7")
    file = client.get(f"/export/{page}.csv?days=7").text
    statements = client.get("/me/statement/2026-03").text
    for what in (shown.text, str(shown.figures), file, statements):
        assert not WRONG.search(what)
    assert "could not be loaded" not in shown.text


def test_a_statement_with_a_wrong_cell_is_not_printed(world: World) -> None:
    corrupt(world, f"UPDATE creator_sparks SET refunded = 5 {OF_CLEO}")
    got = world.signed_in("cleo").get("/me/statement/2026-03")
    assert got.status_code == 503
    assert THIRD in got.text
    assert world.signed_in("carl").get("/me/statement/2026-03").status_code == 200


def test_another_creators_wrong_cell_withholds_nothing(world: World) -> None:
    corrupt(world, "UPDATE creator_sparks SET earned = 98765.43 WHERE creator_id = 2")
    shown = answer(world, "cleo", "earnings", "?days=7")
    assert shown.kpis()["month_so_far"][0] == "$42.00"
    assert "being recounted" not in shown.text
