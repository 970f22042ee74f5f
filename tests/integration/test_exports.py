"""Downloads: the numbers of the screen, for those who may see them, in files that do nothing."""

import csv
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import select, text

from aggregation.roles import Purpose
from aggregation.schema import audit_log
from tests import cast
from tests.cast import World
from tests.integration.platform_roles import Database
from tests.integration.test_pages import answer

OVERVIEW, MINE = "/export/overview", "/export/my-dashboard"
ENDINGS = ("csv", "xlsx")


def lines(world: World, who: str, address: str) -> list[list[str]]:
    got = world.signed_in(who).get(address)
    assert got.status_code == 200, got.text
    assert got.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(got.data.decode("utf-8-sig"), newline=""), strict=True))


def tables(found: list[list[str]]) -> dict[str, list[list[str]]]:
    """By name, each with its heads; "" are the facts."""
    parts: dict[str, list[list[str]]] = {"": []}
    name, started = "", False
    for line in found:
        if not line:
            started = True
        elif started:
            (name,), started = line, False
            parts[name] = []
        else:
            parts[name].append(line)
    return parts


def book(world: World, who: str, address: str) -> Workbook:
    got = world.signed_in(who).get(address)
    assert got.status_code == 200, got.text
    return load_workbook(BytesIO(got.data))


def cells(found: Workbook, sheet: str) -> list[tuple[Any, ...]]:
    return list(found[sheet].iter_rows(values_only=True))


# ---- what they hold ----


def test_the_file_says_which_numbers_it_holds(world: World) -> None:
    facts = dict(tables(lines(world, "ana", f"{OVERVIEW}.csv?days=7&compare=weekday"))[""])
    assert facts == {
        "Page": "Overview",
        "Made at (UTC)": "2026-03-05 12:00:00",
        "Complete through (UTC)": "2026-03-04",
        "Numbers begin (UTC)": "2026-02-01",
        "Cells that differed when recounted": "not recounted yet",
        "Period": "7 days",
        "From (UTC, included)": "2026-02-26",
        "To (UTC, not included)": "2026-03-05",
        "Compared with": "same weekdays before",
        "Compared from (UTC, included)": "2026-02-19",
        "Compared to (UTC, not included)": "2026-02-26",
        "Rows: Key numbers": "8",
        "Rows: Days": "7",
        "Rows: Revenue by source": "2",
        "Rows: Movers": "2",
    }


def test_a_file_follows_a_range_and_what_was_clicked(world: World) -> None:
    found = tables(
        lines(world, "ana", f"{OVERVIEW}.csv?from=2026-03-01&to=2026-03-09&day=2026-03-03&source=gifts")
    )
    facts = dict(found[""])
    assert facts["Period"] == "1 day"
    assert facts["From (UTC, included)"] == "2026-03-03"
    assert facts["To (UTC, not included)"] == "2026-03-04"
    assert facts["Compared from (UTC, included)"] == "2026-03-02"
    assert facts["Note"] == "The newest complete day is 4 Mar 2026."
    assert {row[0]: row[2] for row in found["Key numbers"]}["Total revenue"] == "1131.10"
    # The trend of the source has all days of the range that there are.
    assert found["Gifts by day"] == [
        ["Day (UTC)", "Gifts ($)"],
        ["2026-03-01", "10.00"],
        ["2026-03-02", "0.00"],
        ["2026-03-03", "1131.10"],
        ["2026-03-04", "30.00"],
    ]


# The cast has no 56 days before these.
SHORT = "too short to tell"


def test_the_key_numbers_are_those_of_the_cards(world: World) -> None:
    found = tables(lines(world, "ana", f"{OVERVIEW}.csv?days=7"))["Key numbers"]
    assert found[0] == ["Key number", "Unit", "This period", "Before", "Change", "Change in", "Note"]
    assert {row[0]: row[1:] for row in found[1:]} == {
        "Total users": ["", "4", "3", "33.3333", "%", SHORT],
        "Active users": ["", "2", "", "", "", SHORT],
        # 10 + 20 + 1,111.10 + 30
        "Total revenue": ["$", "1171.10", "0.00", "", "new", SHORT],
        "Creator earnings": ["$", "819.77", "0.00", "", "new", SHORT],
        "Gifts sent": ["", "4", "0", "", "new", SHORT],
        # 5 active of 23
        "Active share": ["%", "21.7391", "", "", "", SHORT],
        "New users": ["", "1", "0", "", "new", SHORT],
        # 1,171.10 / 4, half to even
        "Average gift": ["$", "292.78", "", "", "", SHORT],
    }


def test_the_days_have_all_columns_of_the_table(world: World) -> None:
    heads, *days = tables(lines(world, "ana", f"{OVERVIEW}.csv?days=7"))["Days"]
    assert heads == [
        "Day (UTC)",
        "Total users",
        "Active users",
        "New users",
        "Gifts sent",
        "Total revenue ($)",
        "Creator earnings ($)",
        "Platform earnings ($)",
        "Average gift ($)",
        "Top spark id",
        "Active share (%)",
    ]
    assert [day[0] for day in days] == [str(day) for day in cast_days()]
    # two gifts, 20.00 and 1,111.10; 2 active of 4 users
    assert days[5] == [
        "2026-03-03", "4", "2", "1", "2", "1131.10", "791.77", "339.33", "565.55", "1", "50.0000",
    ]  # fmt: skip


def cast_days() -> list[date]:
    return [date(2026, 2, 26), date(2026, 2, 27), date(2026, 2, 28), *(date(2026, 3, n) for n in range(1, 5))]


def test_sources_and_movers_are_those_of_the_page(world: World) -> None:
    found = tables(lines(world, "ana", f"{OVERVIEW}.csv?days=7"))
    assert found["Revenue by source"][1:] == [["Gifts", "1171.10", "4"], ["Subscriptions", "50.00", "1"]]
    assert found["Movers"][1:] == [
        ["carl", "2", "777.77", "0.00", "777.77", ""],
        ["cleo", "1", "42.00", "0.00", "42.00", ""],
    ]
    assert [row.split()[0] for row in answer(world, "ana", "overview", "?days=7").rows("movers")] == [
        "carl",
        "cleo",
    ]


def test_without_a_comparison_nothing_is_compared(world: World) -> None:
    found = tables(lines(world, "ana", f"{OVERVIEW}.csv?days=7&compare=none"))
    assert "Movers" not in found
    assert dict(found[""])["Compared with"] == "nothing"
    assert dict(found[""])["Compared from (UTC, included)"] == ""
    assert {row[3] for row in found["Key numbers"][1:]} == {""}


def test_a_creator_takes_out_their_own_numbers(world: World) -> None:
    found = tables(lines(world, "cleo", f"{MINE}.csv?days=7"))
    assert dict(found[""])["Creator"] == "cleo"
    numbers = {row[0]: row[2] for row in found["Key numbers"][1:]}
    assert numbers == {
        "Followers": "12",
        "Gifts received": "3",
        "Gift revenue": "42.00",
        # 2 reactions to 4 views
        "Engagement rate": "50.0000",
        "Views": "4",
        "Likes": "1",
        "Comments": "1",
        "Shares": "0",
        "Supporters": "2",
    }
    heads, *days = found["Days"]
    assert len(days) == 7
    assert dict(zip(heads, days[-1], strict=True))["Gift revenue ($)"] == "21.00"


def test_the_workbook_has_the_same_as_numbers_and_dates(world: World) -> None:
    found = book(world, "ana", f"{OVERVIEW}.xlsx?days=7")
    assert found.sheetnames == ["About", "Key numbers", "Days", "Revenue by source", "Movers"]
    facts = dict(row[:2] for row in cells(found, "About"))
    assert facts["Made at (UTC)"] == datetime(2026, 3, 5, 12, 0, tzinfo=UTC).replace(tzinfo=None)
    assert facts["Complete through (UTC)"] == datetime(2026, 3, 4, tzinfo=UTC).replace(tzinfo=None)
    assert facts["Rows: Days"] == 7
    assert cells(found, "Movers")[1] == ("carl", 2, 777.77, 0, 777.77, None)
    day = found["Days"]["A7"]
    assert day.is_date
    assert day.value.date() == date(2026, 3, 3)
    assert found["Days"]["F7"].value == 1131.1
    assert found["Days"]["F7"].number_format == '"$"#,##0.00'
    assert found["Days"]["F1"].alignment.horizontal == "right"


# ---- for whom ----


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_answer_is_a_file_that_nobody_keeps(world: World, ending: str) -> None:
    got = world.signed_in("cleo").get(f"{MINE}.{ending}?days=28")
    name = f"sparkboard-my-dashboard-2026-02-05-to-2026-03-04.{ending}"
    assert got.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert got.headers["Cache-Control"] == "no-store"
    assert "ETag" not in got.headers


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("who", "page"), [("cleo", OVERVIEW), ("ana", MINE), ("ada", MINE)])
def test_only_those_of_the_page_take_it_out(world: World, who: str, page: str, ending: str) -> None:
    assert world.signed_in(who).get(f"{page}.{ending}").status_code == 403
    assert world.client().get(f"{page}.{ending}").status_code == 302
    assert exports(world) == []


FORGED = ("", "?creator_id=2", "?creator=2&user_id=2&days=7", "?viewer=carl&role=admin&page=overview")


@pytest.mark.parametrize("question", FORGED)
def test_no_address_gives_another_creators_numbers(world: World, question: str) -> None:
    text_ = "\n".join(map(",".join, lines(world, "cleo", f"{MINE}.csv{question}")))
    found = book(world, "cleo", f"{MINE}.xlsx{question}")
    numbers = {str(cell) for sheet in found for row in sheet.iter_rows(values_only=True) for cell in row}
    assert "42.00" in text_
    assert "42.0" in numbers
    for number in (*cast.CARLS_NUMBERS, "carl"):
        assert number not in text_
        assert number not in numbers


def exports(world: World) -> list[tuple[str, str]]:
    statement = select(audit_log.c.actor, audit_log.c.subject).where(audit_log.c.action == "export")
    with world.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement.order_by(audit_log.c.id))]


def test_exports_are_in_the_audit_log(world: World) -> None:
    client = world.signed_in("ana")
    for ending in ENDINGS:
        client.get(f"{OVERVIEW}.{ending}?days=7")
    name = "sparkboard-overview-2026-02-26-to-2026-03-04"
    assert exports(world) == [("ana", f"{name}.csv"), ("ana", f"{name}.xlsx")]


@pytest.mark.parametrize(
    "question", ["days=0", "days=seven&compare=x", "days=" + "9" * 400, "days[]=1", "%ff=%00"]
)
def test_an_address_that_makes_no_sense_gives_the_usual(world: World, question: str) -> None:
    facts = dict(tables(lines(world, "ana", f"{OVERVIEW}.csv?{question}"))[""])
    assert facts["Period"] == "30 days"


def test_without_numbers_there_is_nothing_to_take_out(database: Any) -> None:
    world = cast.make(database, aggregated=False)
    for who, page in (("ana", OVERVIEW), ("cleo", MINE)):
        for ending in ENDINGS:
            got = world.signed_in(who).get(f"{page}.{ending}")
            assert got.status_code == 404
            assert "There are no numbers to take out yet." in got.text
    assert exports(world) == []


def test_what_fails_gives_no_half_file(world: World) -> None:
    client = world.signed_in("ana")
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE revenue_breakdown RENAME TO gone"))
    assert client.get(f"{OVERVIEW}.csv").status_code == 500
    assert exports(world) == []


@pytest.fixture
def web(roles: Database) -> World:
    return cast.with_accounts(roles.as_(Purpose.WEB))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_webs_database_role_may(web: World, ending: str) -> None:
    for who, page in (("ana", OVERVIEW), ("cleo", MINE)):
        assert web.signed_in(who).get(f"{page}.{ending}").status_code == 200


def test_a_reason_stands_only_where_there_is_no_number(world: World) -> None:
    def notes(page: str) -> dict[str, str]:
        found = tables(lines(world, "cleo", f"/export/{page}.csv?days=7"))["Key numbers"]
        return {row[0]: row[-1] for row in found[1:]}

    supporters = notes("supporters")
    assert supporters["Returning"] == ""
    assert supporters["Effective number"] == "of 2"
    assert supporters["Cooling"] == "at the end of 4 Mar 2026"
    earnings = notes("earnings")
    assert earnings["Month so far"] == "1 – 4 Mar 2026"
    assert earnings["Projected month"].startswith("There is no forecast yet")
