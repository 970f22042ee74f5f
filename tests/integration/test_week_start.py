"""With which weekday weeks begin: each person's own choice, on their pages alone."""

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from sqlalchemy import text

from dashboard_app.accounts import Accounts
from tests.cast import World
from tests.integration.test_account_pages import error_at, send
from tests.integration.test_exports import lines, tables

SUNDAY, SATURDAY = "Sunday", "Saturday"


def heads(client: FlaskClient, path: str, heat_map: str) -> list[str]:
    """The names of a heat map's rows on a page as the browser first gets it."""
    page = BeautifulSoup(client.get(path).text, "html.parser")
    return [
        head.get_text(" ", strip=True)
        for head in page.select(f"table[aria-labelledby=figure-{heat_map}-title] th[scope=row]")
    ]


def choose(client: FlaskClient, weekday: str) -> None:
    assert send(client, "/account/week-start", week_start=weekday).status_code == 302


@pytest.mark.parametrize(
    ("path", "heat_map"), [("/revenue?days=28", "calendar"), ("/gifts?days=28", "hours")]
)
def test_one_persons_choice_is_not_anothers(world: World, path: str, heat_map: str) -> None:
    """Both ask the same process, whose answers are kept, one after the other."""
    ana, ada = world.signed_in("ana"), world.signed_in("ada")
    assert heads(ana, path, heat_map)[0] == "Mon"
    choose(ana, SUNDAY)
    assert heads(ana, path, heat_map) == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    assert heads(ada, path, heat_map) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    # On another device, too; and from what is kept by now.
    assert heads(world.signed_in("ana"), path, heat_map)[0] == "Sun"
    choose(ana, SATURDAY)
    assert heads(ana, path, heat_map)[0] == "Sat"
    assert heads(ada, path, heat_map)[0] == "Mon"


def test_cohorts_go_by_ones_own_weeks(world: World) -> None:
    """All signed up on Sunday 1 February 2026 but one, on Tuesday 3 March; files say the same as the page."""
    ana, ada = world.signed_in("ana"), world.signed_in("ada")
    choose(ana, SUNDAY)
    path = "/retention?days=30&grain=week"
    assert [name.split(" · ")[0] for name in heads(ana, path, "cohorts_map")] == ["1 Mar 2026", "1 Feb 2026"]
    assert [name.split(" · ")[0] for name in heads(ada, path, "cohorts_map")] == ["2 Mar 2026", "26 Jan 2026"]
    file = tables(lines(world, "ana", "/export/retention.csv?days=30&grain=week"))
    (cohorts,) = (rows for title, rows in file.items() if title.startswith("Cohorts by week"))
    assert {row[0] for row in cohorts[1:]} == {"2026-02-01", "2026-03-01"}


def test_a_creators_hours_begin_with_their_weekday(world: World) -> None:
    cleo = world.signed_in("cleo")
    choose(cleo, SATURDAY)
    page = BeautifulSoup(cleo.get("/account").text, "html.parser")
    assert page.select_one("#week_start option[selected]").text == "Saturday"  # type: ignore[union-attr]


@pytest.mark.parametrize("weekday", ["3", "Tuesday", "sunday", ""])
def test_no_other_weekday_is_taken(world: World, weekday: str) -> None:
    ana = world.signed_in("ana")
    assert error_at(send(ana, "/account/week-start", week_start=weekday), "week_start")
    assert Accounts(world.engine).named("ana").week_start == 0


def test_nobody_chooses_for_others(world: World) -> None:
    assert world.client().post("/account/week-start", data={"week_start": SUNDAY}).status_code in (
        302,
        400,
        401,
    )
    ana = world.signed_in("ana")
    # Without the form's token.
    assert ana.post("/account/week-start", data={"week_start": SUNDAY}).status_code == 400
    with world.engine.connect() as connection:
        chosen = (
            connection.execute(text("SELECT DISTINCT week_start FROM dashboard_accounts")).scalars().all()
        )
    assert chosen == [0]


def test_choosing_ends_no_session(world: World) -> None:
    ana, elsewhere = world.signed_in("ana"), world.signed_in("ana")
    choose(ana, SUNDAY)
    assert elsewhere.get("/account").status_code == 200
