"""Least privilege on a real PostgreSQL: the roles of the script, what they can do, and what they can't."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from aggregation import checks
from aggregation.doctor import diagnose
from aggregation.leases import Lease
from aggregation.roles import Purpose, examine
from aggregation.schema import source
from aggregation.worker import Worker
from dashboard_app.answers import output_of
from layouts.pages import PAGES
from tests import cast
from tests.cast import World, run_callback
from tests.integration.platform_roles import PREFIX, Database

FORBIDDEN = "permission denied|must be owner"


def refused(engine: Engine, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(ProgrammingError, match=FORBIDDEN), engine.begin() as connection:
            connection.execute(text(statement))


# ---- what each can do ----


def test_the_worker_does_all_its_work(roles: Database) -> None:
    worker = roles.as_(Purpose.WORKER)
    with worker.connect() as connection:
        revenue = connection.execute(text("SELECT sum(total_revenue) FROM daily_analytics")).scalar_one()
    # 10 + 20 + 1,111.10 + 30
    assert str(revenue) == "1171.10"
    assert checks.check(worker, clock=lambda: cast.NOW).cells_unequal == 0
    # a day later, from its own timetable
    Worker(worker).run_due(cast.NOW + timedelta(days=1))


def test_one_worker_takes_over_from_another(roles: Database) -> None:
    one, two = (Lease(roles.as_(Purpose.WORKER).url) for _ in range(2))
    with ExitStack() as stack:
        for lease in (one, two):
            stack.callback(lease.release)
        assert one.take()
        with roles.owner.begin() as connection:
            connection.execute(text("UPDATE worker_leases SET expires_at = now() - interval '1 second'"))
        assert two.take()


def test_the_worker_makes_months_that_the_migrator_can_change(roles: Database) -> None:
    migrator = roles.as_(Purpose.MIGRATOR)
    with migrator.begin() as connection:
        for table in ("user_engagement", "creator_supporters", "daily_analytics", "dashboard_accounts"):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN later integer"))


def test_the_web_serves_pages_and_the_api(roles: Database) -> None:
    world: World = cast.with_accounts(roles.as_(Purpose.WEB))
    assert world.client().get("/readyz").status_code == 200
    for who, pages in (("ana", PAGES), ("cleo", PAGES)):
        client = world.signed_in(who)
        role = {"ana": "analyst", "cleo": "creator"}[who]
        for page in (page for page in pages if role in page.roles):
            assert client.get(page.path).status_code == 200
            filled = run_callback(client, output_of(page), (f"{page.name}-address.search", "?days=7"))
            assert filled.status_code == 200
            assert "could not be loaded" not in filled.text
    client = world.signed_in("ada")
    for route in ("dashboard", "creator/1", "revenue-breakdown", "retention", "gifts"):
        assert client.get(f"/api/analytics/{route}").status_code == 200
    assert client.post("/logout", headers=cast.csrf_header(client)).status_code == 302


def test_the_web_says_that_it_can_not_compute(roles: Database) -> None:
    world = cast.with_accounts(roles.as_(Purpose.WEB))
    client = world.signed_in("ada")
    answer = client.post(
        "/api/analytics/calculate-daily", json={"date": "2026-03-04"}, headers=cast.csrf_header(client)
    )
    assert answer.status_code == 503
    assert answer.get_json()["error"].endswith("python run.py aggregate --from 2026-03-04 --to 2026-03-04")


# ---- and what it can't ----


def test_the_web_reads_nothing_of_the_platform(roles: Database) -> None:
    web = roles.as_(Purpose.WEB)
    refused(web, *(f"SELECT 1 FROM {name} LIMIT 1" for name in (*source.tables, "payouts")))


def test_the_web_changes_no_number_and_no_log(roles: Database) -> None:
    refused(
        roles.as_(Purpose.WEB),
        "UPDATE daily_analytics SET total_revenue = 0",
        "DELETE FROM job_runs",
        "INSERT INTO data_versions VALUES ('days', 1)",
        "UPDATE dashboard_audit SET actor = 'nobody'",
        "DELETE FROM dashboard_audit",
        "UPDATE sparkboard_version SET version_num = '0'",
        "DROP TABLE dashboard_accounts",
        "CREATE TABLE mine (x integer)",
        "SELECT 1 FROM user_engagement_2026_03",
    )


def test_the_worker_knows_no_accounts_and_changes_no_source(roles: Database) -> None:
    worker = roles.as_(Purpose.WORKER)
    refused(
        worker,
        *(f"SELECT 1 FROM dashboard_{name}" for name in ("accounts", "sessions", "tokens", "limits")),
        "INSERT INTO dashboard_audit (action) VALUES ('x')",
        "UPDATE dashboard_audit SET actor = 'nobody'",
        *(f"DELETE FROM {name}" for name in source.tables),
        "UPDATE virtual_gifts SET status = 'completed'",
        "SELECT email FROM users",
        "SELECT iban FROM payouts",
        "DROP TABLE daily_analytics",
    )


def test_the_migrator_reads_nothing_of_the_platform(roles: Database) -> None:
    refused(roles.as_(Purpose.MIGRATOR), "SELECT id FROM users", "SELECT id FROM virtual_gifts")


# ---- the doctor ----


@pytest.mark.parametrize("purpose", Purpose)
def test_the_script_gives_exactly_what_is_needed(roles: Database, purpose: Purpose) -> None:
    with roles.as_(purpose).connect() as connection:
        fits = {other: examine(connection, other) for other in Purpose}
        found = diagnose(connection, purpose)
    assert (fits[purpose].missing, fits[purpose].beyond) == ((), ())
    assert [other for other, fit in fits.items() if fit.is_exact] == [purpose]
    assert found.problems == ()
    assert f"{PREFIX}_{purpose} has what the {purpose} needs, and no more" in found.facts


def test_the_script_may_run_again(roles: Database) -> None:
    roles.grant()
    with roles.as_(Purpose.WORKER).connect() as connection:
        assert examine(connection, Purpose.WORKER).is_exact


@pytest.mark.parametrize(
    ("grant", "finding"),
    [
        ("GRANT SELECT ON virtual_gifts TO {role}", "may SELECT on virtual_gifts"),
        ("GRANT SELECT (email) ON users TO {role}", "may SELECT on users"),
        ("GRANT SELECT, INSERT ON payouts TO {role}", "may SELECT, INSERT on payouts"),
        ("GRANT DELETE ON daily_analytics TO {role}", "may DELETE on daily_analytics"),
        ("GRANT UPDATE, DELETE ON dashboard_audit TO {role}", "may UPDATE, DELETE on dashboard_audit"),
        ("GRANT CREATE ON SCHEMA public TO {role}", "may make tables in this schema"),
        ("ALTER ROLE {role} CREATEDB", "may make databases"),
        ("ALTER ROLE {role} CREATEROLE", "may make roles"),
        ("ALTER ROLE {role} SUPERUSER", "is a superuser: it may do anything"),
        ("ALTER TABLE data_checks OWNER TO {role}", "owns data_checks"),
        ("GRANT pg_read_server_files TO {role}", "may read files of the server"),
    ],
)
def test_what_the_web_may_beyond_need_is_said(roles: Database, grant: str, finding: str) -> None:
    role = f"{PREFIX}_web"
    with roles.owner.begin() as connection:
        connection.execute(text(grant.format(role=role)))
    with roles.as_(Purpose.WEB).connect() as connection:
        assert examine(connection, Purpose.WEB).beyond == (finding,)
        assert f"web needs less: {role} {finding}" in diagnose(connection, Purpose.WEB).problems


@pytest.mark.parametrize(
    ("revoke", "missing", "beyond"),
    [
        ("REVOKE SELECT (id) ON users FROM {role}", ("may not SELECT users.id",), ()),
        ("GRANT SELECT (email) ON users TO {role}", (), ("may SELECT users.email",)),
        ("REVOKE DELETE ON job_runs FROM {role}", ("may not DELETE on job_runs",), ()),
        ("ALTER TABLE user_engagement OWNER TO CURRENT_USER", None, ()),
    ],
)
def test_what_the_worker_lacks_is_said(
    roles: Database, revoke: str, missing: tuple[str, ...] | None, beyond: tuple[str, ...]
) -> None:
    with roles.owner.begin() as connection:
        connection.execute(text(revoke.format(role=f"{PREFIX}_worker")))
    with roles.as_(Purpose.WORKER).connect() as connection:
        fit = examine(connection, Purpose.WORKER)
    assert fit.beyond == beyond
    if missing is None:
        assert "does not own user_engagement" in fit.missing
    else:
        assert fit.missing == missing


def test_missing_indexes_and_tables_are_said(roles: Database) -> None:
    with roles.owner.begin() as connection:
        connection.execute(text("DROP INDEX virtual_gifts_created_at"))
        connection.execute(text("DROP TABLE sparks"))
        connection.execute(text("CREATE INDEX part ON virtual_gifts (created_at) WHERE status = 'failed'"))
    with roles.as_(Purpose.WEB).connect() as connection:
        problems = diagnose(connection, Purpose.WEB).problems
    assert problems == (
        "the platform's table sparks is not there",
        "no index begins with virtual_gifts.created_at: each night reads the whole table; "
        "CREATE INDEX ON virtual_gifts (created_at)",
    )
