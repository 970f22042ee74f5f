"""The made-up platform in a real database: all of it or nothing."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from aggregation.demo import Scale, featured_creator, generate, is_loaded, is_made_up, load, unmark
from aggregation.errors import UserError
from aggregation.schema import source

NOW = datetime.fromisoformat("2026-11-22 14:37:05")
SMALL = Scale(days=10, creators=5, users=80)
SHOWABLE = Scale(days=60, creators=50, users=1500)

CATALOG = """
    SELECT conrelid::regclass::text AS relation, conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT table_name, column_name,
           concat_ws(' ', data_type, numeric_precision, numeric_scale, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY 1, 2, 3
"""


def answer(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(source.tables)
        }


def expected_counts(scale: Scale) -> dict[str, int]:
    rows = dict.fromkeys(sorted(source.tables), 0)
    for part in generate(scale, NOW):
        rows[part.table] += part.rows.num_rows
    return rows


def test_loads_every_row(empty_database: Engine) -> None:
    assert not is_loaded(empty_database)
    load(empty_database, SMALL, NOW)
    assert is_loaded(empty_database)
    assert counts(empty_database) == expected_counts(SMALL)


def test_makes_the_same_tables_as_the_schema(empty_database: Engine, database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    loaded = answer(empty_database, CATALOG)
    source.drop_all(empty_database)
    source.create_all(empty_database)
    assert answer(empty_database, CATALOG) == loaded


def test_values_arrive_as_they_were_drawn(empty_database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    parts = [part.rows for part in generate(SMALL, NOW) if part.table == "virtual_gifts"]
    drawn = [tuple(row.values()) for part in parts for row in part.to_pylist()]
    columns = ", ".join(parts[0].schema.names)
    assert answer(empty_database, f"SELECT {columns} FROM virtual_gifts ORDER BY id") == drawn


def test_shares_are_exact_and_make_up_the_price(empty_database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    wrong = """
        SELECT * FROM virtual_gifts JOIN sparks ON sparks.id = spark_id
        WHERE creator_share + platform_share <> credits / 100.0 OR creator_share <> round(credits * 0.007, 2)
    """
    assert answer(empty_database, wrong) == []


def test_days_are_complete_days_before_today_and_today(empty_database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    days = answer(empty_database, "SELECT DISTINCT started_at::date::text FROM user_sessions ORDER BY 1")
    assert days == [(f"2026-11-{day}",) for day in range(12, 23)]


def test_statistics_are_there_for_the_planner(empty_database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    known = answer(empty_database, "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'public'")
    assert {name for (name,) in known} == set(source.tables)


def test_progress_goes_from_nothing_to_all(empty_database: Engine) -> None:
    seen: list[tuple[str, float]] = []
    load(empty_database, SHOWABLE, NOW, lambda stage, done: seen.append((stage, done)))
    shares = [done for _, done in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1
    assert shares[-1] == 1
    assert len(shares) > 20
    assert all(stage for stage, _ in seen)


def test_a_second_time_is_refused_and_changes_nothing(empty_database: Engine) -> None:
    load(empty_database, SMALL, NOW)
    before = counts(empty_database)
    with pytest.raises(UserError, match="has rows"):
        load(empty_database, Scale(days=3, creators=2, users=10), NOW)
    assert counts(empty_database) == before


def test_rows_from_elsewhere_are_left_alone(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("INSERT INTO sparks VALUES (1, 'Rose', 3)"))
    with pytest.raises(UserError, match="sparks"):
        load(platform, SMALL, NOW)
    assert answer(platform, "SELECT name FROM sparks") == [("Rose",)]
    assert not is_loaded(platform)


def test_what_was_loaded_is_marked_as_made_up(empty_database: Engine) -> None:
    assert not is_made_up(empty_database)
    load(empty_database, SMALL, NOW)
    assert is_made_up(empty_database)
    unmark(empty_database)
    assert not is_made_up(empty_database)


def test_tables_of_others_keep_their_comments(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("COMMENT ON TABLE users IS 'people'"))
    assert not is_made_up(platform)
    unmark(platform)
    assert answer(platform, "SELECT obj_description('users'::regclass)") == [("people",)]


def test_empty_tables_are_filled_as_they_are(platform: Engine) -> None:
    before = answer(platform, CATALOG)
    load(platform, SMALL, NOW)
    assert counts(platform) == expected_counts(SMALL)
    assert answer(platform, CATALOG) == before


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_failing_midway_leaves_nothing(empty_database: Engine, share: float) -> None:
    def stop(_stage: str, done: float) -> None:
        if done >= share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(empty_database, SMALL, NOW, stop)
    assert inspect(empty_database).get_table_names() == []
    load(empty_database, SMALL, NOW)
    assert counts(empty_database) == expected_counts(SMALL)


def test_losing_the_connection_leaves_nothing(empty_database: Engine) -> None:
    def cut(_stage: str, done: float) -> None:
        if done > 0.5:
            answer(
                empty_database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )

    with pytest.raises(DBAPIError):
        load(empty_database, SMALL, NOW, cut)
    assert inspect(empty_database).get_table_names() == []
    assert not is_loaded(empty_database)


def test_of_two_loaders_at_once_one_is_refused(empty_database: Engine) -> None:
    outcomes: list[str] = []

    def run() -> None:
        try:
            load(empty_database, SMALL, NOW)
            outcomes.append("loaded")
        except UserError:
            outcomes.append("refused")

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["loaded", "refused"]
    assert counts(empty_database) == expected_counts(SMALL)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (Scale(days=0), "days must be from 1 to 3660, not 0"),
        (Scale(days=3661), "days must be from 1 to 3660, not 3661"),
        (Scale(creators=0), "creators must be from 1"),
        (Scale(users=0, creators=1), "users must be from 1"),
        (Scale(users=319), "at least 320, not 319"),
        (Scale(users=3_000_000), "users must be from 1 to 2000000"),
        (Scale(seed=-1), "seed must be from 0"),
    ],
)
def test_nonsense_is_refused(empty_database: Engine, scale: Scale, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(empty_database, scale, NOW)
    assert inspect(empty_database).get_table_names() == []


def test_the_featured_creator_makes_a_good_example(empty_database: Engine) -> None:
    load(empty_database, SHOWABLE, NOW)
    with empty_database.connect() as connection:
        featured = featured_creator(connection)
        assert featured == featured_creator(connection)
    ranked = answer(
        empty_database,
        "SELECT recipient_id, max(created_at) > '2026-11-15' FROM virtual_gifts "
        "WHERE status = 'completed' GROUP BY 1 ORDER BY count(*) DESC",
    )
    assert (featured, True) in ranked[:5]
    assert answer(empty_database, f"SELECT count(*) > 20 FROM follows WHERE creator_id = {featured}") == [
        (True,)
    ]
    assert answer(empty_database, f"SELECT is_creator FROM users WHERE id = {featured}") == [(True,)]


@pytest.mark.parametrize("scale", [Scale(days=1, creators=1, users=1), Scale(days=3, creators=2, users=10)])
def test_the_smallest_platform_has_a_featured_creator(empty_database: Engine, scale: Scale) -> None:
    load(empty_database, scale, NOW)
    with empty_database.connect() as connection:
        creator = featured_creator(connection)
    assert answer(empty_database, f"SELECT is_creator FROM users WHERE id = {creator}") == [(True,)]


def test_without_creators_there_is_none_to_show(platform: Engine) -> None:
    with platform.connect() as connection, pytest.raises(UserError, match="no creator"):
        featured_creator(connection)
