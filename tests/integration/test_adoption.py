"""Which pages are opened: once an account, page and day, and nothing more."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import ProgrammingError

from aggregation.expiry import VISITS_KEPT, forget_old_entries
from aggregation.roles import Purpose
from dashboard_app.accounts import Accounts
from dashboard_app.adoption import Adoption
from tests import cast
from tests.cast import CLEO, World, run_callback
from tests.integration.platform_roles import Database
from tests.integration.test_access import FILLS


def visits(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT v.day, a.name, v.page, v.creator_id FROM page_visits v "
                "JOIN dashboard_accounts a ON a.id = v.account_id ORDER BY 1, 2, 3"
            )
        )
        return [tuple(row) for row in found]


def test_a_page_that_is_opened_is_recorded_once_a_day(world: World) -> None:
    client = world.signed_in("cleo")
    for search in ("", "?days=7", "?days=90"):
        assert client.get(f"/me{search}").status_code == 200
    # a change of the period is no visit
    run_callback(client, FILLS["earnings"], ("earnings-address.search", "?days=7"))
    world.signed_in("ana").get("/")
    assert visits(world.engine) == [
        (date(2026, 3, 5), "ana", "overview", None),
        (date(2026, 3, 5), "cleo", "my-dashboard", CLEO),
    ]


def test_links_within_the_application_count(world: World) -> None:
    client = world.signed_in("cleo")
    opened = "..shell-page.children...shell-menu.children...shell-account.children.."
    answer = run_callback(client, opened, ("url.pathname", "/me/supporters"), state=[("url.search", "")])
    assert answer.status_code == 200
    assert ("supporters", CLEO) in [row[2:] for row in visits(world.engine)]


def test_a_page_that_one_may_not_see_is_no_visit(world: World) -> None:
    client = world.signed_in("cleo")
    assert client.get("/forecast").status_code == 403
    assert client.get("/no-such-page").status_code == 404
    world.client().get("/me")
    assert visits(world.engine) == []


def test_nothing_but_the_day_is_recorded(world: World) -> None:
    with world.engine.connect() as connection:
        columns = connection.scalars(
            text("SELECT column_name FROM information_schema.columns WHERE table_name = 'page_visits'")
        ).all()
    assert set(columns) == {"day", "account_id", "page", "creator_id"}


class Counted:
    """Of an engine: the insertions of visits."""

    def __init__(self, engine: Engine) -> None:
        self.insertions = 0
        event.listen(engine, "before_cursor_execute", self.count)

    def count(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.insertions += "page_visits" in statement


def test_a_process_asks_the_database_once_a_day(world: World) -> None:
    """And two processes, of which each asks once, write one row."""
    account = Accounts(world.engine).verified("cleo", cast.PASSWORD)
    assert account is not None
    clock = cast.Clock()
    clock.now = datetime(2026, 3, 5, 23, 59, tzinfo=UTC)
    one, other, counted = Adoption(world.engine, clock), Adoption(world.engine, clock), Counted(world.engine)
    for _ in range(3):
        one.record(account, "earnings")
    assert counted.insertions == 1
    other.record(account, "earnings")
    assert counted.insertions == 2
    assert len(visits(world.engine)) == 1
    clock.now += timedelta(minutes=2)
    one.record(account, "earnings")
    assert [row[0] for row in visits(world.engine)] == [date(2026, 3, 5), date(2026, 3, 6)]


def test_a_page_is_shown_where_its_visit_cannot_be_recorded(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.signed_in("cleo")
    with world.engine.begin() as connection:
        connection.execute(text("DROP TABLE page_visits"))
    assert client.get("/me").status_code == 200
    assert "a visit of page my-dashboard is not recorded" in caplog.text


def test_old_visits_are_forgotten(world: World) -> None:
    world.signed_in("cleo").get("/me")
    for age, left in ((VISITS_KEPT.days, 1), (VISITS_KEPT.days + 1, 0)):
        with world.engine.begin() as connection:
            connection.execute(text(f"UPDATE page_visits SET day = current_date - {age}"))
        forget_old_entries(world.engine)
        assert len(visits(world.engine)) == left


def test_creators_are_told(world: World) -> None:
    page = world.signed_in("cleo").get("/account").text
    assert "What is recorded of you" in page
    assert f"{VISITS_KEPT.days} days" in page


def test_the_web_may_add_visits_and_the_worker_forget_them(roles: Database) -> None:
    for purpose, forbidden in (
        (Purpose.WEB, "DELETE FROM page_visits"),
        (Purpose.WEB, "UPDATE page_visits SET page = 'x'"),
        (Purpose.WORKER, "INSERT INTO page_visits VALUES ('2026-01-01', 1, 'x')"),
    ):
        with pytest.raises(ProgrammingError), roles.as_(purpose).begin() as connection:
            connection.execute(text(forbidden))
    forget_old_entries(roles.as_(Purpose.WORKER))
