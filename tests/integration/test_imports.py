"""`import`: a folder of files becomes the source tables."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine, inspect, text

from aggregation.imports import import_folder
from aggregation.schema import REQUIRED_SOURCES, source
from tests.conftest import GDQ
from tests.integration.import_files import (
    FOLLOWS,
    GIFTS,
    OPTIONAL,
    USERS,
    good_files,
    refusal,
    rows_of,
    stored,
    write,
    write_parquet,
)

at = datetime.fromisoformat


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The required tables as CSV files, all of them good."""
    return good_files(tmp_path)


def test_csv_files_become_tables(empty_database: Engine, folder: Path) -> None:
    write(folder, OPTIONAL)
    assert import_folder(empty_database, folder) == {
        "users": 3,
        "videos": 1,
        "sparks": 2,
        "virtual_gifts": 2,
        "user_sessions": 1,
        "video_watches": 1,
        "video_interactions": 1,
        "follows": 2,
        "transactions": 1,
    }
    assert rows_of(empty_database, "SELECT * FROM users ORDER BY id") == [
        (1, "ada", True, 10, at("2026-11-01 08:00")),
        (2, "bob", False, 0, at("2026-11-02 09:30:00.250000")),
        (3, 'cem "3", the third', False, 5, at("2026-11-02 22:30")),
    ]
    assert rows_of(empty_database, "SELECT title FROM videos") == [("two\nlines",)]
    assert rows_of(
        empty_database, "SELECT video_id, creator_share, platform_share, status FROM virtual_gifts"
    ) == [
        (10, Decimal("7.00"), Decimal("3.00"), "completed"),
        (None, Decimal("350.00"), Decimal("150.50"), "refunded"),
    ]
    assert rows_of(empty_database, "SELECT user_id, amount FROM transactions") == [(None, Decimal("12.50"))]
    assert rows_of(empty_database, "SELECT unfollowed_at FROM follows ORDER BY id") == [
        (None,),
        (at("2026-11-06 09:02"),),
    ]


def test_created_tables_are_those_of_the_schema(
    empty_database: Engine, database: Engine, folder: Path
) -> None:
    import_folder(empty_database, folder)
    source.create_all(database)
    for name in REQUIRED_SOURCES:
        assert inspect(empty_database).get_indexes(name) == inspect(database).get_indexes(name)
        assert inspect(empty_database).get_pk_constraint(name) == inspect(database).get_pk_constraint(name)


def test_a_table_without_a_file_stays_missing(empty_database: Engine, folder: Path) -> None:
    write(folder, {"follows": FOLLOWS})
    import_folder(empty_database, folder)
    assert sorted(inspect(empty_database).get_table_names()) == sorted([*REQUIRED_SOURCES, "follows"])


def test_the_same_files_again_change_nothing(empty_database: Engine, folder: Path) -> None:
    write(folder, OPTIONAL)
    first = import_folder(empty_database, folder)
    before = stored(empty_database)
    assert import_folder(empty_database, folder) == first
    assert stored(empty_database) == before


def test_same_ids_are_updated_and_others_stay(empty_database: Engine, folder: Path) -> None:
    import_folder(empty_database, folder)
    before = stored(empty_database)["users"]
    write(folder, {"users": USERS.splitlines()[0] + "\n2,robert,f,1,2026-11-02T09:30:00.25\n"})
    assert import_folder(empty_database, folder)["users"] == 1
    after = stored(empty_database)["users"]
    assert [row[2:5] for row in after] == [
        ("ada", True, 10),
        ("robert", False, 1),
        ('cem "3", the third', False, 5),
    ]
    assert after[0] == before[0]
    assert after[1][0] != before[1][0]


def test_references_may_point_into_the_database(empty_database: Engine, folder: Path) -> None:
    import_folder(empty_database, folder)
    for name in ("users", "videos", "sparks"):
        (folder / f"{name}.csv").unlink()
    write(folder, {"virtual_gifts": GIFTS + "102,5,3,2,10,1,1,pending,2026-11-05T12:00:00\n"})
    assert import_folder(empty_database, folder) == {"virtual_gifts": 3}


def test_csv_liberties(empty_database: Engine, folder: Path) -> None:
    """A byte order mark, CRLF, blank lines, columns in any order, columns that nobody asked for."""
    content = "\ufeffcredits,colour,name,id\r\n10,red,Rose,5\r\n\r\n500,,Комета,6\r\n\r\n"
    (folder / "sparks.csv").write_bytes(content.encode())
    (folder / "README.md").write_text("not a table")
    (folder / ".users.csv").write_text("nor is this")
    import_folder(empty_database, folder)
    assert rows_of(empty_database, "SELECT * FROM sparks ORDER BY id") == [
        (5, "Rose", 10),
        (6, "Комета", 500),
    ]


def test_a_header_alone_is_an_empty_table(empty_database: Engine, folder: Path) -> None:
    write(folder, {"virtual_gifts": GIFTS.splitlines()[0]})
    assert import_folder(empty_database, folder)["virtual_gifts"] == 0
    assert rows_of(empty_database, "SELECT count(*) FROM virtual_gifts") == [(0,)]


def test_progress_names_tables_and_rows(empty_database: Engine, folder: Path) -> None:
    write_parquet(folder, "sparks", {"id": [5, 6], "name": ["Rose", "Comet"], "credits": [10, 500]})
    seen: list[tuple[str, int, int]] = []
    import_folder(empty_database, folder, lambda *step: seen.append(step))
    assert seen == [
        ("users", 0, 0),
        ("users", 3, 0),
        ("videos", 0, 0),
        ("videos", 1, 0),
        ("sparks", 0, 2),
        ("sparks", 2, 2),
        ("virtual_gifts", 0, 0),
        ("virtual_gifts", 2, 0),
    ]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_join_without_a_seam(
    empty_database: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("aggregation.imports.batches.BATCH_ROWS", batch)
    moment = at("2026-11-05 00:00")
    names = ["id", "user_id", "started_at", "duration_seconds"]
    rows = [[7, 2, moment, 1], [8, 2, moment, None], [9, 3, moment, 3], [10, 3, moment, 4]]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    write_parquet(folder, "user_sessions", columns)
    assert import_folder(empty_database, folder)["user_sessions"] == 4
    assert rows_of(empty_database, "SELECT id, duration_seconds FROM user_sessions ORDER BY id") == [
        (7, 1),
        (8, None),
        (9, 3),
        (10, 4),
    ]
    write(folder, {"users": USERS + "4,dan,maybe,0,2026-11-01T00:00:00\n"})
    assert refusal(empty_database, folder).startswith("users.csv, line 5: is_creator 'maybe'")
    (folder / "users.csv").unlink()
    write_parquet(folder, "user_sessions", columns | {"user_id": [2, 2, 3, 99]})
    assert refusal(empty_database, folder).startswith("user_sessions.parquet, row 4: user_id 99")


def test_parquet_types(empty_database: Engine, folder: Path) -> None:
    """Whatever writers make of a whole number, an amount, a text or a time."""
    write_parquet(
        folder,
        "users",
        {
            "id": pa.array([1, 2, 3], pa.int32()),
            "username": pa.array(["ada", "bob", ""]).dictionary_encode(),
            "is_creator": pa.array([True, False, False]),
            "followers": pa.array([1.0, 2.0, 1e9]),
            "created_at": pa.array([at("2026-11-01 00:00+02:00")] * 3, pa.timestamp("ms", "Europe/Berlin")),
            "ignored": [[1], None, [2]],
        },
    )
    shares = pa.array([Decimal("0"), Decimal("2.50")], pa.decimal128(38, 18))
    write_parquet(
        folder,
        "virtual_gifts",
        {
            "id": pa.array([1, 2], pa.uint64()),
            "spark_id": pa.array([5, 6], pa.int8()),
            "sender_id": pa.array(["2", "3"], pa.large_string()),
            "recipient_id": pa.array([Decimal(1), Decimal(1)], pa.decimal128(20, 0)),
            "video_id": pa.array([None, 10.0]),
            "creator_share": shares,
            "platform_share": pa.array([12.1, 0.29]),
            "status": pa.array([b"completed", b"failed"], pa.binary()),
            "created_at": pa.array([1_762_340_400_123_456_999, -1], pa.timestamp("ns")),
        },
    )
    write_parquet(
        folder,
        "transactions",
        {
            "id": pa.array([], pa.int64()),
            "user_id": pa.nulls(0),
            **{name: pa.nulls(0) for name in ("source", "amount", "status")},
            "created_at": pa.array([], pa.timestamp("s")),
        },
    )
    import_folder(empty_database, folder)
    assert rows_of(empty_database, "SELECT username, followers, created_at FROM users ORDER BY id") == [
        ("ada", 1, at("2026-10-31 22:00")),
        ("bob", 2, at("2026-10-31 22:00")),
        ("", 1_000_000_000, at("2026-10-31 22:00")),
    ]
    assert rows_of(empty_database, "SELECT * FROM virtual_gifts ORDER BY id") == [
        (
            1,
            5,
            2,
            1,
            None,
            Decimal("0.00"),
            Decimal("12.10"),
            "completed",
            at("2025-11-05 11:00:00.123456"),
        ),
        (
            2,
            6,
            3,
            1,
            10,
            Decimal("2.50"),
            Decimal("0.29"),
            "failed",
            at("1969-12-31 23:59:59.999999"),
        ),
    ]
    assert rows_of(empty_database, "SELECT count(*) FROM transactions") == [(0,)]


def test_the_platforms_own_tables_keep_their_shape(empty_database: Engine, folder: Path) -> None:
    with empty_database.begin() as connection:
        connection.execute(text("CREATE TABLE import_users (id bigint)"))
        connection.execute(text("CREATE TYPE gift_state AS ENUM ('completed', 'refunded')"))
        connection.execute(
            text(
                "CREATE TABLE users (created_at timestamptz NOT NULL, id serial PRIMARY KEY,"
                " email text DEFAULT '?', username varchar(20), is_creator boolean, followers bigint)"
            )
        )
        connection.execute(
            text(
                "CREATE TABLE virtual_gifts (id bigint PRIMARY KEY, spark_id int, sender_id int,"
                " recipient_id int, video_id int, creator_share double precision, platform_share numeric,"
                " status gift_state, created_at timestamptz)"
            )
        )
        connection.execute(text("INSERT INTO users VALUES (now(), 1, 'a@example.org', 'old', false, 0)"))
    before = [inspect(empty_database).get_columns(name) for name in ("users", "virtual_gifts")]
    import_folder(empty_database, folder)
    again = stored(empty_database)
    import_folder(empty_database, folder)
    assert stored(empty_database) == again
    after = [inspect(empty_database).get_columns(name) for name in ("users", "virtual_gifts")]
    assert repr(after) == repr(before)
    assert rows_of(empty_database, "SELECT id, username, email, created_at::text FROM users ORDER BY id") == [
        (1, "ada", "a@example.org", "2026-11-01 08:00:00+00"),
        (2, "bob", "?", "2026-11-02 09:30:00.25+00"),
        (3, 'cem "3", the third', "?", "2026-11-02 22:30:00+00"),
    ]
    assert rows_of(empty_database, "SELECT status::text, creator_share FROM virtual_gifts ORDER BY id") == [
        ("completed", 7.0),
        ("refunded", 350.0),
    ]


@pytest.mark.skipif(not GDQ.exists(), reason=f"the real data is missing: {GDQ}")
def test_real_gifts_add_up(empty_database: Engine) -> None:
    assert import_folder(empty_database, GDQ) == {
        "users": 312_114,
        "videos": 2_926,
        "sparks": 25,
        "virtual_gifts": 637_683,
        "user_sessions": 618_470,
        "video_watches": 0,
        "video_interactions": 0,
        "follows": 0,
        "transactions": 0,
    }
    day = "created_at >= '2020-01-12' AND created_at < '2020-01-13'"
    sums = (
        "SELECT count(*), sum(creator_share + platform_share), count(DISTINCT sender_id) FROM virtual_gifts"
    )
    assert rows_of(empty_database, sums)[0][:2] == (637_683, Decimal("33121273.15"))
    assert rows_of(empty_database, f"{sums} WHERE {day}") == [(15_072, Decimal("1231298.79"), 11_916)]
    assert rows_of(
        empty_database,
        "SELECT count(*), sum(creator_share), count(DISTINCT sender_id) FROM virtual_gifts"
        " WHERE recipient_id = 59",
    ) == [(25_280, Decimal("1125897.61"), 21_391)]
    assert rows_of(empty_database, "SELECT count(*) FROM users WHERE is_creator") == [(1_355,)]
