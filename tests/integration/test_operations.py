"""Operations: the page tells what the database knows; what is asked to run again is shown first."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import OperationalError

from aggregation import ledger, operations, requests
from aggregation.checks import check
from aggregation.errors import UserError
from aggregation.jobs import JOBS
from aggregation.leases import Lease
from aggregation.ledger import Result, State
from aggregation.periods import Period
from aggregation.publishing import Interrupted
from aggregation.roles import Purpose
from aggregation.schema import job_requests
from aggregation.worker import Worker
from dashboard_app import commands
from tests import cast
from tests.cast import World, csrf_header, run_callback
from tests.integration.platform_roles import Database
from tests.integration.test_access import FILLS
from tests.integration.test_pages import Shown, answer, words
from tests.integration.test_worker import impatient
from tests.spec.tables import change, rows

REFUND = "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3"
SPAN = {"first_day": "2026-03-03", "last_day": "2026-03-04"}
ALL = [job.name for job in JOBS]


def operations_page(world: World, search: str = "?days=7") -> Shown:
    return answer(world, "ada", "operations", search)


def never() -> bool:
    return False


def work(engine: Engine) -> None:
    """Carry out what waits."""
    while requests.perform_next(engine, lambda: cast.NOW, never):
        pass


def post(client: FlaskClient, path: str, **form: Any) -> Any:
    return client.post(path, data=form, headers=csrf_header(client))


def numbers(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every cell of every table that jobs write."""
    with engine.connect() as connection:
        tables = {job.table.name: connection.execute(job.table.select()).all() for job in JOBS}
    return {name: sorted(map(tuple, found), key=str) for name, found in tables.items()}


# ---- the page ----


def test_the_cards_of_a_healthy_platform(world: World) -> None:
    check(world.engine, clock=lambda: cast.NOW)
    cards = operations_page(world).kpis()
    assert cards["complete_through"] == ("4 Mar 2026", "the oldest table's")
    assert cards["lag"] == ("0 s", "nothing is overdue")
    assert cards["failed_runs"] == ("0", "runs")
    assert cards["unequal_cells"][0] == "0"
    assert cards["unequal_cells"][1].startswith("of ")


def test_the_day_that_a_card_shows_is_exact(world: World) -> None:
    (card,) = operations_page(world).page.select("[data-kpi=complete_through] .kpi-value")
    assert card["data-value"] == "2026-03-04"


def test_what_failed_and_is_unequal_is_counted(world: World) -> None:
    change(world.engine, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'")
    check(world.engine, clock=lambda: cast.NOW)
    for hours, job in ((1, "daily"), (2, "gifts"), (30, "revenue")):
        began = cast.NOW - timedelta(hours=hours)
        run = ledger.start(world.engine, job, date(2026, 3, 3), date(2026, 3, 3), began)
        result = Result(job, date(2026, 3, 3), date(2026, 3, 3), State.FAILED, 0, "a <b>reason</b>")
        ledger.finish(world.engine, run, result, began)
    shown = operations_page(world)
    assert shown.kpis()["failed_runs"][0] == "2"
    assert shown.kpis()["unequal_cells"][0] == "1"
    assert "a <b>reason</b>" in shown.text


def test_what_failed_lately_is_told_before_a_night_of_other_runs(world: World) -> None:
    """On the page and by the command, though each night has more runs than they list."""
    day, an_hour = date(2026, 3, 3), timedelta(hours=1)
    for job, hours, state in (
        ("long ago", 30, State.FAILED),
        ("revenue", 5, State.FAILED),
        *[("gifts", 4, State.SUCCEEDED)] * 60,
    ):
        began = cast.NOW - hours * an_hour
        run = ledger.start(world.engine, job, day, day, began)
        ledger.finish(world.engine, run, Result(job, day, day, state, 0), began)
    with world.engine.connect() as connection:
        shown = [(row.job, row.state) for row in ledger.recent(connection, cast.NOW, 50)]
    assert len(shown) == 50
    assert [place for place, (_, state) in enumerate(shown) if state == "failed"] == [0]
    first = operations_page(world).page.select_one("[data-table=runs] tbody tr")
    assert words(first).startswith("revenue")


def test_lag_is_since_the_oldest_missing_day_was_due(world: World) -> None:
    change(world.engine, "UPDATE job_runs SET state = 'failed' WHERE job = 'revenue'")
    change(
        world.engine,
        "INSERT INTO job_runs (job, first_day, last_day, state, started_at, finished_at, code_version)"
        " VALUES ('revenue', '2026-01-01', '2026-03-02', 'succeeded', '2026-03-03 01:00+00',"
        " '2026-03-03 01:00+00', '0')",
    )
    with world.engine.connect() as connection:
        # the 3rd was due on the 4th at 00:10
        assert operations.lag(connection, cast.NOW) == cast.NOW - datetime.fromisoformat("2026-03-04T00:10Z")
        assert operations.through(connection)["revenue"] == date(2026, 3, 2)
    assert operations_page(world).kpis()["lag"] == ("35 h 50 min", "overdue")
    assert operations_page(world).kpis()["complete_through"][0] == "2 Mar 2026"


def test_before_the_first_day_there_is_no_lag(database: Engine) -> None:
    with database.connect() as connection:
        assert operations.lag(connection, cast.NOW) is None
        assert operations.heartbeat(connection) is None


def test_without_any_numbers_it_says_what_to_do(database: Engine) -> None:
    shown = operations_page(cast.make(database, aggregated=False))
    assert "No day has been computed yet" in shown.text
    assert "No worker has ever been at work" in shown.text


# ---- the grid ----


def outcome(engine: Engine, job: str, day: int, **period: Any) -> str:
    with engine.connect() as connection:
        found = operations.job_days(connection, Period(date(2026, 3, 1), date(2026, 3, 5)), cast.NOW)
    return str(found[job][date(2026, 3, day)].outcome)


def ran(engine: Engine, job: str, day: int, state: State, began: str) -> None:
    at = datetime.fromisoformat(began)
    run = ledger.start(engine, job, date(2026, 3, day), date(2026, 3, day), at)
    ledger.finish(engine, run, Result(job, date(2026, 3, day), date(2026, 3, day), state, 1), at)


@pytest.fixture
def history(world: World) -> Engine:
    """Nothing has run but daily: on the 1st in time, for the 2nd after two hours, the 3rd never."""
    change(world.engine, "DELETE FROM job_runs")
    ran(world.engine, "daily", 1, State.SUCCEEDED, "2026-03-02T00:10Z")
    ran(world.engine, "daily", 2, State.FAILED, "2026-03-03T00:10Z")
    ran(world.engine, "daily", 2, State.SUCCEEDED, "2026-03-03T02:10Z")
    ran(world.engine, "daily", 3, State.FAILED, "2026-03-04T00:10Z")
    return world.engine


def test_a_cell_tells_what_became_of_a_day(history: Engine) -> None:
    assert outcome(history, "daily", 1) == "ok"
    assert outcome(history, "daily", 2) == "late"
    assert outcome(history, "daily", 3) == "failed"
    assert outcome(history, "daily", 4) == "missing"
    assert outcome(history, "gifts", 4) == "missing"


def test_a_day_that_isnt_due_is_blank(history: Engine) -> None:
    with pytest.raises(KeyError):
        outcome(history, "daily", 5)


def test_a_run_before_the_day_was_over_doesnt_count(history: Engine) -> None:
    ran(history, "daily", 4, State.SUCCEEDED, "2026-03-04T23:00Z")
    assert outcome(history, "daily", 4) == "missing"


def test_what_was_over_before_the_first_run_wasnt_late(world: World) -> None:
    assert outcome(world.engine, "daily", 1) == "ok"


def test_every_cell_has_a_sign_beside_its_colour(history: Engine) -> None:
    ran(history, "daily", 4, State.SUCCEEDED, "2026-03-05T00:10Z")
    for job in ALL[1:]:
        ran(history, job, 4, State.SUCCEEDED, "2026-03-05T00:40Z")
    shown = operations_page(cast.application(history))
    cells = shown.page.select(".job-grid td.run")
    assert {(cell["class"][1], words(cell)) for cell in cells} == {
        ("ok", "✓"),
        ("late", "L"),
        ("failed", "✕"),
        ("missing", "!"),
    }
    (late,) = shown.page.select(".job-grid td.late")
    assert late["title"] == "daily, 2 Mar 2026: late, done 03 Mar 02:10 UTC, due 03 Mar 00:10"
    assert "late: more than an hour after it was due" in words(shown.page.select_one(".job-legend"))


def test_a_day_that_failed_is_in_the_grid_though_it_is_not_complete(world: World) -> None:
    """The chosen days end with the newest complete one, here the 3rd."""
    change(world.engine, "UPDATE job_runs SET last_day = '2026-03-03' WHERE job = 'revenue'")
    ran(world.engine, "revenue", 4, State.FAILED, "2026-03-05T00:10Z")
    shown = operations_page(world)
    assert shown.kpis()["complete_through"][0] == "3 Mar 2026"
    (cell,) = shown.page.select(".job-grid td.failed")
    assert str(cell["title"]).startswith("revenue, 4 Mar 2026: failed")
    assert len(shown.page.select(".job-grid thead th")) == 1 + 7
    # days that were chosen are those that are shown
    chosen = operations_page(world, "?from=2026-03-01&to=2026-03-02")
    assert chosen.page.select(".job-grid td.failed") == []


# ---- who is at work ----


@pytest.fixture
def lease(world: World) -> Iterator[Lease]:
    lease = Lease(world.engine.url)
    assert lease.take()
    yield lease
    lease.release()


def test_the_page_tells_who_leads(world: World, lease: Lease) -> None:
    shown = operations_page(world)
    assert f"At work: {lease.holder}, last heartbeat " in shown.text
    assert "Nothing is computed" not in shown.text


def test_the_page_tells_that_nobody_leads(world: World, lease: Lease) -> None:
    change(world.engine, "UPDATE worker_leases SET token = 99, expires_at = now() - interval '1 hour'")
    shown = operations_page(world)
    assert f"No worker is at work. The last one was {lease.holder}, 60 min ago." in shown.text
    assert "Nothing is computed until a worker runs" in shown.text


def test_what_repairs_didnt_help_is_an_alert(world: World) -> None:
    change(
        world.engine,
        "INSERT INTO unequal_cells (table_name, column_name, day, cells, found_at, tries)"
        " VALUES ('gift_analytics', 'revenue', '2026-03-03', 2, now(), 3)",
    )
    assert (
        "gift_analytics.revenue of 3 Mar 2026: unequal after 3 repairs, cells: 2."
        in operations_page(world).text
    )


# ---- previews and runs ----


def asked_for(world: World, client: FlaskClient, **form: Any) -> int:
    got = post(client, "/operations/requests", **(SPAN | {"jobs": ALL} | form))
    assert got.status_code == 302, got.text
    return int(got.headers["Location"].rsplit("/", 1)[1])


def shown_request(client: FlaskClient, number: int) -> BeautifulSoup:
    got = client.get(f"/operations/requests/{number}")
    assert got.status_code == 200
    return BeautifulSoup(got.text, "html.parser")


def test_a_preview_shows_what_would_change_and_changes_nothing(world: World) -> None:
    change(world.engine, REFUND)
    before, ada = numbers(world.engine), world.signed_in("ada")
    number = asked_for(world, ada)
    assert "waiting" in shown_request(ada, number).text
    work(world.engine)
    assert numbers(world.engine) == before
    page = shown_request(ada, number)
    changes = [words(row) for row in page.select("[data-table=changes] tbody tr")]
    assert "date=2026-03-03 total_revenue 1131.10 20.00" in changes
    assert "date=2026-03-03 total_gifts_sent 2 1" in changes
    assert "creator_id=2, date=2026-03-03 gift_revenue 777.77 —" in changes
    counts = dict(words(row).rsplit(" ", 1) for row in page.select("[data-table=preview] tbody tr"))
    assert counts["profiles" if "profiles" in counts else "creator_profiles"] == "0"
    # an hour's row of one spark goes, and what it holds with it
    assert counts["gift_analytics"] == "4"


def test_a_preview_is_what_the_run_then_does(world: World) -> None:
    """Cell by cell, also in tables that read other tables."""
    change(world.engine, REFUND)
    change(world.engine, "UPDATE video_watches SET watched_at = '2026-03-03 10:00' WHERE id = 2")
    before, ada = numbers(world.engine), world.signed_in("ada")
    preview = asked_for(world, ada)
    work(world.engine)
    got = post(ada, f"/operations/requests/{preview}/run")
    run = int(got.headers["Location"].rsplit("/", 1)[1])
    work(world.engine)
    after = numbers(world.engine)
    found = rows(world.engine, "job_requests", "id", "found")
    tables = next(each for number, each in found if number == preview)["tables"]
    assert {name for name, each in tables.items() if each["cells"]} == {
        name for name in before if before[name] != after[name]
    }
    page = shown_request(ada, run)
    assert "succeeded" in page.text
    assert "recounted cells are equal" in page.text
    assert check(world.engine, date(2026, 3, 3), clock=lambda: cast.NOW).cells_unequal == 0


def test_nothing_to_change_is_said(world: World) -> None:
    ada = world.signed_in("ada")
    number = asked_for(world, ada)
    work(world.engine)
    assert "Nothing would change" in shown_request(ada, number).text


def test_a_preview_is_confirmed_once(world: World) -> None:
    ada = world.signed_in("ada")
    number = asked_for(world, ada, jobs=["daily"])
    # not before it is done
    assert post(ada, f"/operations/requests/{number}/run").headers["Location"].endswith(f"/{number}")
    work(world.engine)
    post(ada, f"/operations/requests/{number}/run")
    again = post(ada, f"/operations/requests/{number}/run")
    assert again.headers["Location"].endswith(f"/operations/requests/{number}")
    assert "has been confirmed already" in ada.get(again.headers["Location"]).text
    kinds = rows(world.engine, "job_requests", "kind", "jobs", "requested_by")
    assert kinds == [("preview", ["daily"], "ada"), ("run", ["daily"], "ada")]


def test_what_is_asked_for_is_audited(world: World) -> None:
    ada = world.signed_in("ada")
    number = asked_for(world, ada)
    work(world.engine)
    post(ada, f"/operations/requests/{number}/run")
    logged = [
        row
        for row in rows(world.engine, "dashboard_audit", "action", "actor", "subject")
        if "asked" in row[0]
    ]
    assert logged == [
        ("preview asked for", "ada", f"request {number}: 2026-03-03 to 2026-03-04"),
        ("run asked for", "ada", f"request {number + 1}: 2026-03-03 to 2026-03-04"),
    ]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"first_day": "2026-03-04", "last_day": "2026-03-03"}, "The first day lies after the last."),
        ({"last_day": "2026-03-05"}, "The last complete day is 2026-03-04."),
        ({"first_day": "yesterday"}, "Not a valid date value."),
        ({"first_day": ""}, "Say from which day on."),
        ({"first_day": "1066-10-14"}, "At most 3660 days."),
        ({"jobs": []}, "Choose at least one job."),
        ({"jobs": ["nonsense"]}, "is not a valid choice"),
    ],
)
def test_what_can_not_be_asked_for_is_refused_at_the_field(
    world: World, form: dict[str, Any], said: str
) -> None:
    got = post(world.signed_in("ada"), "/operations/requests", **(SPAN | {"jobs": ALL} | form))
    assert got.status_code == 422
    assert said in got.text
    assert rows(world.engine, "job_requests", "id") == []


def test_the_queue_has_an_end(world: World) -> None:
    with world.engine.begin() as connection:
        waiting = {
            "kind": "preview",
            "first_day": date(2026, 3, 1),
            "last_day": date(2026, 3, 1),
            "jobs": ["daily"],
            "requested_by": "ada",
            "requested_at": cast.NOW,
        }
        connection.execute(insert(job_requests), [waiting] * 20)
    got = post(world.signed_in("ada"), "/operations/requests", **SPAN, jobs=ALL)
    assert got.status_code == 422
    assert "Too many requests wait already." in got.text


# ---- who must not ----


@pytest.mark.parametrize("who", ["ana", "cleo"])
def test_others_than_admins_see_and_ask_nothing(world: World, who: str) -> None:
    number = asked_for(world, world.signed_in("ada"))
    client = world.signed_in(who)
    assert client.get("/operations").status_code == 403
    assert client.get("/operations/requests").status_code == 403
    assert client.get(f"/operations/requests/{number}").status_code == 403
    assert post(client, "/operations/requests", **SPAN, jobs=ALL).status_code == 403
    assert post(client, f"/operations/requests/{number}/run").status_code == 403
    fill = run_callback(client, FILLS["operations"], ("operations-address.search", ""))
    assert fill.status_code == 403
    assert len(rows(world.engine, "job_requests", "id")) == 1


def test_a_request_without_the_token_is_refused(world: World) -> None:
    ada = world.signed_in("ada")
    assert ada.post("/operations/requests", data=SPAN | {"jobs": ALL}).status_code == 400
    assert rows(world.engine, "job_requests", "id") == []


def test_the_web_may_ask_and_not_answer(roles: Database) -> None:
    """With the roles of docs/ROLES.md: the web only adds requests, the worker carries them out."""
    web, worker = roles.as_(Purpose.WEB), roles.as_(Purpose.WORKER)
    number = requests.ask_for_preview(web, date(2026, 3, 3), date(2026, 3, 3), ["daily"], "ada", cast.NOW)
    with pytest.raises(Exception, match="permission denied"), web.begin() as connection:
        connection.execute(text("UPDATE job_requests SET state = 'succeeded'"))
    work(worker)
    requests.confirm(web, number, "ada", cast.NOW)
    work(worker)
    assert rows(roles.owner, "job_requests", "state") == [("succeeded",), ("succeeded",)]


# ---- the worker ----


def test_the_worker_picks_requests_up(world: World) -> None:
    number = asked_for(world, world.signed_in("ada"))
    Worker(world.engine, lambda: cast.NOW).run_due(cast.NOW)
    assert rows(world.engine, "job_requests", "id", "state") == [(number, "succeeded")]


def test_what_fails_is_said_and_not_tried_again(world: World) -> None:
    change(world.engine, "ALTER TABLE virtual_gifts RENAME TO gone")
    number = requests.ask_for_preview(
        world.engine, date(2026, 3, 3), date(2026, 3, 3), ["daily"], "ada", cast.NOW
    )
    work(world.engine)
    ((state, error),) = rows(world.engine, "job_requests", "state", "error")
    assert (state, error.partition(";")[0]) == ("failed", "the database has no virtual_gifts")
    assert "The database has no virtual_gifts" in shown_request(world.signed_in("ada"), number).text
    assert requests.perform_next(world.engine, lambda: cast.NOW, never) is False


def test_what_a_worker_left_behind_is_done_by_the_next(world: World) -> None:
    asked_for(world, world.signed_in("ada"))
    with pytest.raises(Interrupted):
        requests.perform_next(world.engine, lambda: cast.NOW, lambda: True)
    assert rows(world.engine, "job_requests", "state") == [("running",)]
    work(world.engine)
    assert rows(world.engine, "job_requests", "state") == [("succeeded",)]


@pytest.mark.parametrize("kind", ["preview", "run"])
def test_what_passes_by_itself_is_tried_again_by_the_same_worker(world: World, kind: str) -> None:
    """Here a lock, as a lost connection or a full disk would be."""
    number = asked_for(world, world.signed_in("ada"), jobs=["daily"])
    if kind == "run":
        work(world.engine)
        number = requests.confirm(world.engine, number, "ada", cast.NOW)
    now = cast.NOW
    working = Worker(world.engine, lambda: now)
    with world.engine.connect() as blocker, impatient(world.engine):
        blocker.execute(text("LOCK TABLE daily_analytics IN ACCESS EXCLUSIVE MODE"))
        working.run_due(now)
        with world.engine.connect() as connection:
            asked = requests.get(connection, number)
        assert asked
        assert asked.state == "running"
        assert "lock timeout" in asked.error
        blocker.rollback()
    now += timedelta(minutes=10)
    working.run_due(now)
    with world.engine.connect() as connection:
        asked = requests.get(connection, number)
    assert asked
    assert (asked.state, asked.error) == ("succeeded", None)


def test_what_does_not_pass_in_an_hour_is_given_up(world: World) -> None:
    number = asked_for(world, world.signed_in("ada"), jobs=["daily"])
    ask = (world.engine, lambda: cast.NOW, never)
    later = (world.engine, lambda: cast.NOW + timedelta(hours=1), never)
    with world.engine.connect() as blocker, impatient(world.engine):
        blocker.execute(text("LOCK TABLE daily_analytics IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(OperationalError):
            requests.perform_next(*ask)
        assert requests.perform_next(*later)
        assert not requests.perform_next(*later)
    ((_, state, error),) = rows(world.engine, "job_requests", "id", "state", "error")
    assert state == "failed"
    assert "lock timeout" in error
    assert "lock timeout" in shown_request(world.signed_in("ada"), number).text


def test_only_previews_are_confirmed(world: World) -> None:
    ask = (date(2026, 3, 3), date(2026, 3, 3), ["daily"], "ada", cast.NOW)
    number = requests.ask_for_preview(world.engine, *ask)
    with pytest.raises(UserError, match="no such preview"):
        requests.confirm(world.engine, number, "ada", cast.NOW)
    work(world.engine)
    run = requests.confirm(world.engine, number, "ada", cast.NOW)
    for wrong in (run, 999):
        with pytest.raises(UserError, match="no such preview"):
            requests.confirm(world.engine, wrong, "ada", cast.NOW)


def test_a_run_keeps_a_log(world: World) -> None:
    (log,) = {log for job, log in rows(world.engine, "job_runs", "job", "log") if job == "revenue"}
    assert log.splitlines()[-1].startswith("2026-03-01 to 2026-03-04: 4 rows changed in ")


def test_the_command_tells_the_same(world: World, lease: Lease) -> None:
    change(world.engine, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'")
    report = check(world.engine, clock=lambda: cast.NOW)
    change(world.engine, "UPDATE unequal_cells SET tries = 3")
    number = asked_for(world, world.signed_in("ada"))
    told = list(commands.how_it_stands(world.engine))
    assert told[0].startswith(f"worker: {lease.holder} is at work, last heartbeat ")
    cells = f"1 of {report.cells_checked:,} recounted cells unequal"
    assert told[1] == f"complete through: 2026-03-04, {cells}"
    assert told[3:] == [
        "not repaired: daily_analytics.new_users of 2026-03-03, 1 cells unequal after 3 repairs",
        f"asked: preview {number} by ada, 2026-03-03 to 2026-03-04, waiting",
    ]
