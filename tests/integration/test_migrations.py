"""Migrations: every way to get to the newest version ends the same."""

import threading
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from aggregation import ledger
from aggregation.jobs import JOBS
from aggregation.migrations import VERSION_TABLE, current, migrate, newest
from aggregation.schema import analytics, source

CATALOG = text(
    """
    SELECT table_name || '.' || column_name AS name,
           concat_ws(' ', data_type, numeric_precision, numeric_scale, is_nullable, generation_expression,
                     column_default, is_identity) AS definition
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1, 2
    """
)


def _catalog(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [
            (row.name, row.definition)
            for row in connection.execute(CATALOG)
            if not row.name.startswith(VERSION_TABLE)
        ]


def test_migrations_and_schema_make_the_same_tables(empty_database: Engine, database: Engine) -> None:
    analytics.create_all(empty_database)
    by_schema = _catalog(empty_database)
    assert len(by_schema) > 100
    assert _catalog(database) == by_schema
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, analytics) == []


def test_two_migrators_at_once_end_at_the_newest_version(empty_database: Engine) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(empty_database)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with empty_database.connect() as connection:
        assert current(connection) == newest()


def test_migrating_leaves_the_platforms_tables_alone(empty_database: Engine) -> None:
    source.create_all(empty_database)
    before = set(_catalog(empty_database))
    migrate(empty_database)
    assert before <= set(_catalog(empty_database))


def test_an_old_database_is_brought_up(empty_database: Engine, database: Engine) -> None:
    migrate(empty_database, "0001")
    migrate(empty_database)
    assert _catalog(empty_database) == _catalog(database)


def test_rows_outlive_the_division_into_months(empty_database: Engine) -> None:
    migrate(empty_database, "0002")
    days = ["2025-12-31", "2026-01-01", "2026-01-31"]
    with empty_database.begin() as connection:
        for day in days:
            connection.execute(text(f"INSERT INTO user_engagement VALUES (1, '{day}', 1, NULL, 3, 4, 5, 6)"))
            connection.execute(text(f"INSERT INTO creator_supporters VALUES (1, 2, '{day}', 3, 4.05)"))
    migrate(empty_database)
    with empty_database.connect() as connection:
        for table in ("user_engagement", "creator_supporters"):
            placed = text(f"SELECT tableoid::regclass::text, date::text FROM {table} ORDER BY date")
            assert [tuple(row) for row in connection.execute(placed)] == [
                (f"{table}_{day[:4]}_{day[5:7]}", day) for day in days
            ]
        kept = connection.execute(text("SELECT * FROM user_engagement ORDER BY date")).all()
        assert {tuple(row)[2:] for row in kept} == {(1, None, 3, 4, 5, 6)}


def test_what_supporters_gave_in_all_goes_to_the_month_of_the_last_gift(empty_database: Engine) -> None:
    migrate(empty_database, "0002")
    with empty_database.begin() as connection:
        for day in ("2025-12-31", "2026-01-30", "2026-02-01"):
            connection.execute(text(f"INSERT INTO creator_supporters VALUES (1, 2, '{day}', 1, 1)"))
        connection.execute(text("INSERT INTO creator_supporters VALUES (1, 3, '2025-12-31', 1, 1)"))
    migrate(empty_database, "0023")
    columns = "creator_id, supporter_id, first_day, last_day, gift_days, gifts, amount"
    with empty_database.begin() as connection:
        for row in ("1, 2, '2025-12-31', '2026-02-01', 3, 3, 3", "1, 3, '2025-12-31', '2025-12-31', 1, 1, 1"):
            connection.execute(text(f"INSERT INTO supporter_totals ({columns}) VALUES ({row})"))
    migrate(empty_database)
    placed = "SELECT tableoid::regclass::text, supporter_id, previous_day::text, gifts, cooling_from::text"
    with empty_database.connect() as connection:
        found = connection.execute(text(f"{placed} FROM supporter_totals ORDER BY supporter_id")).all()
    # two weeks of silence after the last one; never with less than three gifts
    assert [tuple(row) for row in found] == [
        ("supporter_totals_2026_02", 2, "2026-01-30", 3, "2026-02-16"),
        ("supporter_totals_2025_12", 3, None, 1, None),
    ]


@pytest.mark.parametrize(
    ("version", "somebody", "nobody"),
    [("0024", "B'1', NULL", "B'', '2026-02-28'"), ("0025", "B'1', NULL, B'1'", "B'', '2026-02-28', B''")],
)
def test_who_had_come_is_noted_anew_with_when(
    empty_database: Engine, version: str, somebody: str, nobody: str
) -> None:
    migrate(empty_database, version)
    with empty_database.begin() as connection:
        connection.execute(text(f"INSERT INTO people_seen VALUES (1, 'viewer', {somebody})"))
        connection.execute(text(f"INSERT INTO people_seen VALUES (-1, 'viewer', {nobody})"))
    migrate(empty_database)
    with empty_database.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM people_seen")) == 0


def test_what_an_upgrade_adds_to_a_table_is_asked_for_again(empty_database: Engine) -> None:
    """The rows stay, and the worker computes their days anew: see Job.completes."""
    migrate(empty_database, "0007")
    with empty_database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO job_runs (job, first_day, last_day, state, started_at, code_version)"
                " SELECT job, '2026-01-01', '2026-01-31', 'succeeded', '2026-02-01 12:00', 'older'"
                " FROM unnest(ARRAY['supporters', 'daily']) AS job"
            )
        )
    migrate(empty_database)
    days = date(2026, 1, 1), date(2026, 1, 31)
    with empty_database.connect() as connection:
        assert ledger.missing_days(connection, ["daily"], *days) == []
        assert len(ledger.missing_days(connection, ["supporters"], *days)) == 31
    assert not any(job.completes for job in JOBS if job.name == "supporters")
