"""`import`: a folder of files becomes the source tables, or nothing happens at all."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from aggregation.errors import UserError
from aggregation.imports import import_folder
from aggregation.schema import REQUIRED_SOURCES, source
from tests.conftest import GDQ, fresh

USERS = """id,username,is_creator,followers,created_at
1,ada,true,10,2026-11-01T08:00:00
2,bob,f,0,2026-11-02 09:30:00.25
3,"cem ""3"", the third",0,5,2026-11-03T00:30:00+02:00
"""
VIDEOS = """id,creator_id,title,views,likes,comments,shares,created_at
10,1,"two
lines",100,10,1,0,2026-11-04T00:00:00Z
"""
SPARKS = """id,name,credits
5,Rose,10
6,Comet,500
"""
GIFTS = """id,spark_id,sender_id,recipient_id,video_id,creator_share,platform_share,status,created_at
100,5,2,1,10,7.00,3.00,completed,2026-11-05T10:00:00
101,6,3,1,,350,150.5,refunded,2026-11-05T11:00:00
"""
SESSIONS = """id,user_id,started_at,duration_seconds
1,2,2026-11-05T09:00:00,
"""
WATCHES = """id,user_id,video_id,watched_at,seconds_watched
1,2,10,2026-11-05T09:00:00,30
"""
INTERACTIONS = """id,user_id,video_id,kind,created_at
1,2,10,like,2026-11-05T09:01:00
"""
FOLLOWS = """id,follower_id,creator_id,created_at,unfollowed_at
1,2,1,2026-11-05T09:02:00,
2,3,1,2026-11-05T09:02:00,2026-11-06T09:02:00
"""
TRANSACTIONS = """id,user_id,source,amount,status,created_at
1,,ads,12.50,completed,2026-11-05T00:00:00
"""
REQUIRED = {"users": USERS, "videos": VIDEOS, "sparks": SPARKS, "virtual_gifts": GIFTS}
OPTIONAL = {
    "user_sessions": SESSIONS,
    "video_watches": WATCHES,
    "video_interactions": INTERACTIONS,
    "follows": FOLLOWS,
    "transactions": TRANSACTIONS,
}
EVERYTHING = REQUIRED | OPTIONAL

IDS = "a whole number from -9223372036854775808 to 9223372036854775807"
COUNTS = "a whole number from 0 to 2147483647"
MONEY = "an amount with at most two decimals from 0 to 9999999999.99"
TIMES = "a time like 2026-11-20T10:00:00, UTC unless it has an offset, year 0001 to 9999"
TEXT = "text in UTF-8 without NUL characters"
QUOTES = "quotes closed, and doubled inside a field; fields of up to 131072 characters"
NOON = "2026-11-05T12:00:00"
at = datetime.fromisoformat
TABLES = ", ".join(source.tables)
FILES = f"{TABLES}, as .csv or .parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The required tables as CSV files, all of them good."""
    target = tmp_path / "files"
    target.mkdir()
    _write(target, REQUIRED)
    return target


def _write(folder: Path, tables: dict[str, str]) -> None:
    for name, content in tables.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")


def _write_parquet(folder: Path, name: str, columns: dict[str, Any]) -> None:
    (folder / f"{name}.csv").unlink(missing_ok=True)
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def _stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, with the transaction that wrote it."""
    with engine.connect() as connection:
        return {
            name: [
                tuple(row)
                for row in connection.execute(text(f"SELECT xmin::text, * FROM {name} ORDER BY id"))
            ]
            for name in inspect(engine).get_table_names()
        }


def _rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _refusal(engine: Engine, folder: Path) -> str:
    """What the import says, having changed nothing."""
    before = _stored(engine)
    with pytest.raises(UserError) as caught:
        import_folder(engine, folder)
    assert _stored(engine) == before
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# ---- what it does ----


def test_csv_files_become_tables(empty_database: Engine, folder: Path) -> None:
    _write(folder, OPTIONAL)
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
    assert _rows(empty_database, "SELECT * FROM users ORDER BY id") == [
        (1, "ada", True, 10, at("2026-11-01 08:00")),
        (2, "bob", False, 0, at("2026-11-02 09:30:00.250000")),
        (3, 'cem "3", the third', False, 5, at("2026-11-02 22:30")),
    ]
    assert _rows(empty_database, "SELECT title FROM videos") == [("two\nlines",)]
    assert _rows(
        empty_database, "SELECT video_id, creator_share, platform_share, status FROM virtual_gifts"
    ) == [
        (10, Decimal("7.00"), Decimal("3.00"), "completed"),
        (None, Decimal("350.00"), Decimal("150.50"), "refunded"),
    ]
    assert _rows(empty_database, "SELECT user_id, amount FROM transactions") == [(None, Decimal("12.50"))]
    assert _rows(empty_database, "SELECT unfollowed_at FROM follows ORDER BY id") == [
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
    _write(folder, {"follows": FOLLOWS})
    import_folder(empty_database, folder)
    assert sorted(inspect(empty_database).get_table_names()) == sorted([*REQUIRED_SOURCES, "follows"])


def test_the_same_files_again_change_nothing(empty_database: Engine, folder: Path) -> None:
    _write(folder, OPTIONAL)
    first = import_folder(empty_database, folder)
    before = _stored(empty_database)
    assert import_folder(empty_database, folder) == first
    assert _stored(empty_database) == before


def test_same_ids_are_updated_and_others_stay(empty_database: Engine, folder: Path) -> None:
    import_folder(empty_database, folder)
    before = _stored(empty_database)["users"]
    _write(folder, {"users": USERS.splitlines()[0] + "\n2,robert,f,1,2026-11-02T09:30:00.25\n"})
    assert import_folder(empty_database, folder)["users"] == 1
    after = _stored(empty_database)["users"]
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
    _write(folder, {"virtual_gifts": GIFTS + "102,5,3,2,10,1,1,pending,2026-11-05T12:00:00\n"})
    assert import_folder(empty_database, folder) == {"virtual_gifts": 3}


def test_csv_liberties(empty_database: Engine, folder: Path) -> None:
    """A byte order mark, CRLF, blank lines, columns in any order, columns that nobody asked for."""
    content = "\ufeffcredits,colour,name,id\r\n10,red,Rose,5\r\n\r\n500,,Комета,6\r\n\r\n"
    (folder / "sparks.csv").write_bytes(content.encode())
    (folder / "README.md").write_text("not a table")
    (folder / ".users.csv").write_text("nor is this")
    import_folder(empty_database, folder)
    assert _rows(empty_database, "SELECT * FROM sparks ORDER BY id") == [(5, "Rose", 10), (6, "Комета", 500)]


def test_a_header_alone_is_an_empty_table(empty_database: Engine, folder: Path) -> None:
    _write(folder, {"virtual_gifts": GIFTS.splitlines()[0]})
    assert import_folder(empty_database, folder)["virtual_gifts"] == 0
    assert _rows(empty_database, "SELECT count(*) FROM virtual_gifts") == [(0,)]


def test_progress_names_tables_and_rows(empty_database: Engine, folder: Path) -> None:
    _write_parquet(folder, "sparks", {"id": [5, 6], "name": ["Rose", "Comet"], "credits": [10, 500]})
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
    monkeypatch.setattr("aggregation.imports.BATCH_ROWS", batch)
    moment = at("2026-11-05 00:00")
    names = ["id", "user_id", "started_at", "duration_seconds"]
    rows = [[7, 2, moment, 1], [8, 2, moment, None], [9, 3, moment, 3], [10, 3, moment, 4]]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    _write_parquet(folder, "user_sessions", columns)
    assert import_folder(empty_database, folder)["user_sessions"] == 4
    assert _rows(empty_database, "SELECT id, duration_seconds FROM user_sessions ORDER BY id") == [
        (7, 1),
        (8, None),
        (9, 3),
        (10, 4),
    ]
    _write(folder, {"users": USERS + "4,dan,maybe,0,2026-11-01T00:00:00\n"})
    assert _refusal(empty_database, folder).startswith("users.csv, line 5: is_creator 'maybe'")
    (folder / "users.csv").unlink()
    _write_parquet(folder, "user_sessions", columns | {"user_id": [2, 2, 3, 99]})
    assert _refusal(empty_database, folder).startswith("user_sessions.parquet, row 4: user_id 99")


def test_parquet_types(empty_database: Engine, folder: Path) -> None:
    """Whatever writers make of a whole number, an amount, a text or a time."""
    _write_parquet(
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
    _write_parquet(
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
    _write_parquet(
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
    assert _rows(empty_database, "SELECT username, followers, created_at FROM users ORDER BY id") == [
        ("ada", 1, at("2026-10-31 22:00")),
        ("bob", 2, at("2026-10-31 22:00")),
        ("", 1_000_000_000, at("2026-10-31 22:00")),
    ]
    assert _rows(empty_database, "SELECT * FROM virtual_gifts ORDER BY id") == [
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
    assert _rows(empty_database, "SELECT count(*) FROM transactions") == [(0,)]


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
    again = _stored(empty_database)
    import_folder(empty_database, folder)
    assert _stored(empty_database) == again
    after = [inspect(empty_database).get_columns(name) for name in ("users", "virtual_gifts")]
    assert repr(after) == repr(before)
    assert _rows(empty_database, "SELECT id, username, email, created_at::text FROM users ORDER BY id") == [
        (1, "ada", "a@example.org", "2026-11-01 08:00:00+00"),
        (2, "bob", "?", "2026-11-02 09:30:00.25+00"),
        (3, 'cem "3", the third', "?", "2026-11-02 22:30:00+00"),
    ]
    assert _rows(empty_database, "SELECT status::text, creator_share FROM virtual_gifts ORDER BY id") == [
        ("completed", 7.0),
        ("refunded", 350.0),
    ]


# ---- what it refuses, and how it says so ----


@pytest.fixture(scope="module")
def unharmed(server: str) -> Iterator[Engine]:
    """An empty database for imports that all fail: each leaves it to the next as it was."""
    yield from fresh(server, "template0")


def _add(folder: Path, table: str, *lines: str) -> None:
    """The good file with more lines at its end."""
    _write(folder, {table: EVERYTHING[table] + "".join(f"{line}\n" for line in lines)})


# table | a line after the good ones | what is said
BAD_ROWS = """
users | x4,dan,t,0,NOON | line 5: id 'x4' REFUSED IDS
users | 9223372036854775808,dan,t,0,NOON | line 5: id '9223372036854775808' REFUSED IDS
users | ,dan,t,0,NOON | line 5: id is empty; allowed: IDS
users | 4,dan,t,ten,NOON | line 5: followers 'ten' REFUSED COUNTS
users | 4,dan,t,0x10,NOON | line 5: followers '0x10' REFUSED COUNTS
users | 4,dan,t,-1,NOON | line 5: followers '-1' REFUSED COUNTS
users | 4,dan,t,2147483648,NOON | line 5: followers '2147483648' REFUSED COUNTS
users | 4,dan,t,1.5,NOON | line 5: followers '1.5' REFUSED COUNTS
users | 4,dan,t,,NOON | line 5: followers is empty; allowed: COUNTS
users | 4,dan,yes,0,NOON | line 5: is_creator 'yes' REFUSED true, false, t, f, 1 or 0
users | 4,,t,0,NOON | line 5: username is empty; allowed: TEXT
users | 4,d\0n,t,0,NOON | line 5: username 'd\\x00n' REFUSED TEXT
users | 4,dan,t,0, | line 5: created_at is empty; allowed: TIMES
users | 4,dan,t,0,2026-11-05 | line 5: created_at '2026-11-05' REFUSED TIMES
users | 4,dan,t,0,1762340400 | line 5: created_at '1762340400' REFUSED TIMES
users | 4,dan,t,0,2026-02-30 10:00 | line 5: created_at '2026-02-30 10:00' REFUSED TIMES
users | 4,dan,t,0,infinity | line 5: created_at 'infinity' REFUSED TIMES
users | 4,dan,t,0,10000-01-01 10:00 | line 5: created_at '10000-01-01 10:00' REFUSED TIMES
users | 4,dan,t,0,9999-12-31 23:00-02 | line 5: created_at '9999-12-31 23:00-02' REFUSED TIMES
users | 4,dan,t,0,0000-12-31 10:00 | line 5: created_at '0000-12-31 10:00' REFUSED TIMES
users | 4,dan,t,0 | line 5: 4 fields; allowed: 5, as in the header
users | 4,dan,t,0,NOON,x | line 5: 6 fields; allowed: 5, as in the header
users | 4,"dan,t,0,NOON | line 5: unexpected end of data; allowed: QUOTES
users | 4,"d"an,t,0,NOON | line 5: ',' expected after '"'; allowed: QUOTES
users | 2,dan,t,0,NOON | line 5: id 2 is already in line 3; allowed: each id once
videos | 11,9,t,1,1,1,1,NOON | line 4: creator_id 9 is unknown; allowed: ids of users, FOUND
videos | 11,1,,1,1,1,1,NOON | line 4: title is empty; allowed: TEXT
sparks | 7,Star, | line 4: credits is empty; allowed: COUNTS
virtual_gifts | 9,7,2,1,10,7,3,failed,NOON | line 4: spark_id 7 is unknown; allowed: ids of sparks, FOUND
virtual_gifts | 9,5,9,1,10,7,3,failed,NOON | line 4: sender_id 9 is unknown; allowed: ids of users, FOUND
virtual_gifts | 9,5,2,9,10,7,3,failed,NOON | line 4: recipient_id 9 is unknown; allowed: ids of users, FOUND
virtual_gifts | 9,5,2,1,11,7,3,failed,NOON | line 4: video_id 11 is unknown; allowed: ids of videos, FOUND
virtual_gifts | 9,5,2,1,10,7.001,3,failed,NOON | line 4: creator_share '7.001' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,NaN,3,failed,NOON | line 4: creator_share 'NaN' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,$7,3,failed,NOON | line 4: creator_share '$7' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,7,Infinity,failed,NOON | line 4: platform_share 'Infinity' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,7,-0.01,failed,NOON | line 4: platform_share '-0.01' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,1e10,3,failed,NOON | line 4: creator_share '1e10' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,10000000000,3,failed,NOON | line 4: creator_share '10000000000' REFUSED MONEY
virtual_gifts | 9,5,2,1,10,,3,failed,NOON | line 4: creator_share is empty; allowed: MONEY
virtual_gifts | 9,5,2,1,10,7,3,done,NOON | line 4: status 'done' REFUSED STATES
user_sessions | 2,9,NOON,1 | line 3: user_id 9 is unknown; allowed: ids of users, FOUND
user_sessions | 2,2,NOON,-1 | line 3: duration_seconds '-1' REFUSED COUNTS, or empty
video_watches | 2,2,9,NOON,1 | line 3: video_id 9 is unknown; allowed: ids of videos, FOUND
video_interactions | 2,2,9,like,NOON | line 3: video_id 9 is unknown; allowed: ids of videos, FOUND
video_interactions | 2,2,10,view,NOON | line 3: kind 'view' REFUSED like, comment, share
follows | 3,9,1,NOON, | line 4: follower_id 9 is unknown; allowed: ids of users, FOUND
follows | 3,2,9,NOON, | line 4: creator_id 9 is unknown; allowed: ids of users, FOUND
follows | 3,2,1,NOON,2026-11-05 11:59 | line 4: unfollowed_at is before created_at; allowed: LATER
transactions | 2,9,ads,1,failed,NOON | line 3: user_id 9 is unknown; allowed: ids of users, FOUND
transactions | 2,,gifts,1,failed,NOON | line 3: source 'gifts' REFUSED any non-empty text but gifts
transactions | 2,, ,1,failed,NOON | line 3: source ' ' REFUSED any non-empty text but gifts
transactions | 2,,,1,failed,NOON | line 3: source is empty; allowed: any non-empty text but gifts
transactions | 2,,ads,,failed,NOON | line 3: amount is empty; allowed: MONEY
transactions | 2,,ads,1,odd,NOON | line 3: status 'odd' REFUSED completed, refunded, failed
"""
WORDS = {
    "NOON": NOON,
    "REFUSED": "is not allowed; allowed:",
    "IDS": IDS,
    "COUNTS": COUNTS,
    "MONEY": MONEY,
    "TIMES": TIMES,
    "TEXT": TEXT,
    "QUOTES": QUOTES,
    "STATES": "completed, pending, failed, refunded",
    "LATER": "created_at or later",
    "FOUND": "in the folder or the database",
}


@pytest.mark.parametrize("case", BAD_ROWS.strip().split("\n"))
def test_bad_rows(unharmed: Engine, folder: Path, case: str) -> None:
    for word, meaning in WORDS.items():
        case = case.replace(word, meaning)
    table, line, reason = case.split(" | ")
    _write(folder, OPTIONAL)
    _add(folder, table, line)
    assert _refusal(unharmed, folder) == f"{table}.csv, {reason}"


def test_long_fields(unharmed: Engine, folder: Path) -> None:
    _add(folder, "users", f"4,{'d' * 131_073},t,0,{NOON}")
    assert _refusal(unharmed, folder) == (
        f"users.csv, line 5: field larger than field limit (131072); allowed: {QUOTES}"
    )
    _add(folder, "users", f"4,dan,{'y' * 99},0,{NOON}")
    assert f"is_creator '{'y' * 60}…' is not allowed" in _refusal(unharmed, folder)


def test_the_first_bad_row_of_a_file_is_named(unharmed: Engine, folder: Path) -> None:
    """Whichever check finds it: values are checked on the way in, ids when all are there."""
    good = GIFTS.splitlines()[1:]
    unknown, bad, short = f"9,5,2,77,10,7,3,failed,{NOON}", f"8,5,2,1,10,x,3,failed,{NOON}", "7"
    for lines, found in [
        ([unknown, bad, short], "line 4: recipient_id 77"),
        ([bad, unknown, short], "line 4: creator_share 'x'"),
        ([short, bad, unknown], "line 4: 1 fields"),
        ([bad, good[0]], "line 4: creator_share 'x'"),
        ([good[0], bad], "line 4: id 100 is already in line 2"),
        ([good[0], unknown], "line 4: id 100 is already in line 2"),
        ([unknown, good[0]], "line 4: recipient_id 77"),
    ]:
        _add(folder, "virtual_gifts", *lines)
        assert _refusal(unharmed, folder).startswith(f"virtual_gifts.csv, {found}")


def test_bytes_that_are_no_utf8(unharmed: Engine, folder: Path) -> None:
    many = "".join(f"{n},u,t,0,{NOON}\n" for n in range(4, 50_000))
    for content, line, shown in [
        (USERS.replace("ada", "mü"), 2, "m\\x00"),
        (f"{USERS}{many}50000,é,t,0,{NOON}\n", 50_001, "\\x00"),
    ]:
        (folder / "users.csv").write_bytes(content.encode("latin-1"))
        assert _refusal(unharmed, folder) == (
            f"users.csv, line {line}: username '{shown}' is not allowed; allowed: {TEXT}"
        )


def test_pages_that_are_damaged(unharmed: Engine, folder: Path) -> None:
    _write_parquet(folder, "sparks", SPARK_COLUMNS)
    path = folder / "sparks.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(60) + whole[64:])
    assert _refusal(unharmed, folder).startswith("sparks.parquet, row 1: cannot be read: ")


def test_a_required_table_must_be_somewhere(unharmed: Engine, folder: Path) -> None:
    (folder / "sparks.csv").unlink()
    assert _refusal(unharmed, folder) == (
        f"sparks is neither in {folder} nor in the database; required: users, videos, sparks, virtual_gifts"
    )


def test_more_of_the_same_are_counted(unharmed: Engine, folder: Path) -> None:
    _add(folder, "users", f"3,dan,t,0,{NOON}", f"1,eve,t,0,{NOON}", f"3,fay,t,0,{NOON}")
    assert _refusal(unharmed, folder) == (
        "users.csv, line 5: id 3 is already in line 4; allowed: each id once (and 2 more)"
    )


SPARK_COLUMNS: dict[str, Any] = {"id": [5, 6], "name": ["Rose", "Comet"], "credits": [10, 500]}
GIFT_COLUMNS: dict[str, Any] = {
    "id": [1, 2],
    "spark_id": [5, 6],
    "sender_id": [2, 3],
    "recipient_id": [1, 1],
    "video_id": [None, 10],
    "creator_share": [7.0, 350.1],
    "platform_share": [3.0, 150.05],
    "status": ["completed", "failed"],
    "created_at": [at("2026-11-05 00:00"), at("2026-11-06 00:00")],
}
BROKEN_UTF8 = pa.Array.from_buffers(pa.string(), 2, pa.array([b"Rose", b"Com\xffet"]).buffers())
BAD_COLUMNS = {
    "a list": (
        SPARK_COLUMNS | {"credits": [[10], [500]]},
        " has list<element: int64> in credits; allowed: numbers, text, booleans, timestamps",
    ),
    "a date": (
        GIFT_COLUMNS | {"created_at": pa.array([0, 1], pa.date32())},
        " has date32[day] in created_at; allowed: numbers, text, booleans, timestamps",
    ),
    "not there": (
        {"id": [5], "name": ["Rose"], "price": [10]},
        " has no column credits; needed: id, name, credits; found: 'id, name, price'",
    ),
    "null": (SPARK_COLUMNS | {"credits": [10, None]}, f", row 2: credits is empty; allowed: {COUNTS}"),
    "fraction": (
        SPARK_COLUMNS | {"credits": [10.0, 0.5]},
        f", row 2: credits '0.5' is not allowed; allowed: {COUNTS}",
    ),
    "broken text": (
        SPARK_COLUMNS | {"name": BROKEN_UTF8},
        f", row 2: name 'Com\\x00et' is not allowed; allowed: {TEXT}",
    ),
    "NUL": (
        SPARK_COLUMNS | {"name": ["Rose", "\0"]},
        f", row 2: name '\\x00' is not allowed; allowed: {TEXT}",
    ),
    "id twice": (SPARK_COLUMNS | {"id": [5, 5]}, ", row 2: id 5 is already in row 1; allowed: each id once"),
    "NaN": (
        GIFT_COLUMNS | {"creator_share": [1.0, float("nan")]},
        f", row 2: creator_share 'nan' is not allowed; allowed: {MONEY}",
    ),
    "infinity": (
        GIFT_COLUMNS | {"creator_share": [1.0, float("inf")]},
        f", row 2: creator_share 'inf' is not allowed; allowed: {MONEY}",
    ),
    "more than cents": (
        GIFT_COLUMNS | {"creator_share": [0.3, 0.1 + 0.2]},
        f", row 2: creator_share '0.30000000000000004' is not allowed; allowed: {MONEY}",
    ),
    "too coarse for cents": (
        GIFT_COLUMNS | {"creator_share": pa.array([0.5, 12.1], pa.float32())},
        f", row 2: creator_share '12.100000381469727' is not allowed; allowed: {MONEY}",
    ),
    "more decimals": (
        GIFT_COLUMNS | {"creator_share": [Decimal("1.000"), Decimal("1.001")]},
        f", row 2: creator_share '1.001' is not allowed; allowed: {MONEY}",
    ),
    "seconds since 1970": (
        GIFT_COLUMNS | {"created_at": [1_762_340_400, 1_762_340_400]},
        f", row 1: created_at '1762340400' is not allowed; allowed: {TIMES}",
    ),
    "after 9999": (
        GIFT_COLUMNS | {"created_at": pa.array([0, 2**40], pa.timestamp("s"))},
        f", row 2: created_at '<value out of range: 1099511627776000>' is not allowed; allowed: {TIMES}",
    ),
    "before 0001": (
        GIFT_COLUMNS | {"created_at": pa.array([0, -62_135_596_801], pa.timestamp("s"))},
        f", row 2: created_at '0000-12-31 23:59:59.000' is not allowed; allowed: {TIMES}",
    ),
}


@pytest.mark.parametrize(("columns", "reason"), BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_bad_parquet_columns(unharmed: Engine, folder: Path, columns: dict[str, Any], reason: str) -> None:
    name = "virtual_gifts" if "spark_id" in columns else "sparks"
    _write_parquet(folder, name, columns)
    assert _refusal(unharmed, folder) == f"{name}.parquet{reason}"


# ---- all or nothing ----


@pytest.fixture
def loaded(empty_database: Engine, folder: Path) -> Engine:
    """A database into which the good files went; the folder then holds changes to all of them."""
    _write(folder, OPTIONAL)
    import_folder(empty_database, folder)
    (folder / "user_sessions.csv").unlink()
    _add(folder, "users", f"4,dan,t,0,{NOON}")
    _add(folder, "virtual_gifts", f"102,5,2,1,10,7,3,completed,{NOON}")
    return empty_database


def test_a_bad_last_file_undoes_the_others(loaded: Engine, folder: Path) -> None:
    _add(folder, "transactions", f"2,,gifts,1,completed,{NOON}")
    assert _refusal(loaded, folder).startswith("transactions.csv, line 3: source 'gifts'")


def test_an_interrupt_undoes_everything(loaded: Engine, folder: Path) -> None:
    def interrupt(table: str, done: int, total: int) -> None:
        if table == "transactions" and done:
            raise KeyboardInterrupt

    before = _stored(loaded)
    with pytest.raises(KeyboardInterrupt):
        import_folder(loaded, folder, interrupt)
    assert _stored(loaded) == before
    assert import_folder(loaded, folder)["users"] == 4


@pytest.mark.parametrize("rows", [0, 1])
def test_a_lost_connection_is_told_in_one_line(loaded: Engine, folder: Path, rows: int) -> None:
    """Before the first row is copied, and after the last."""
    killer = create_engine(loaded.url)

    def cut(table: str, done: int, total: int) -> None:
        if (table, done) == ("transactions", rows):
            with killer.connect() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    before = _stored(loaded)
    with pytest.raises(UserError) as caught:
        import_folder(loaded, folder, cut)
    message = str(caught.value)
    assert message.startswith("transactions.csv: database error: ")
    assert len(message.splitlines()) == 1
    assert _stored(loaded) == before
    killer.dispose()


def test_a_database_that_does_not_answer(folder: Path, tmp_path: Path) -> None:
    engine = create_engine(f"postgresql+psycopg2://me:hidden@/x?host={tmp_path}")
    with pytest.raises(UserError) as caught:
        import_folder(engine, folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}: database error: connection to server on socket")
    assert len(message.splitlines()) == 1
    assert "hidden" not in message


def test_what_the_platforms_own_table_refuses(empty_database: Engine, folder: Path) -> None:
    with empty_database.begin() as connection:
        connection.execute(text("CREATE TABLE sparks (id int PRIMARY KEY, name varchar(4), credits int)"))
    assert _refusal(empty_database, folder) == (
        "sparks.csv: database error: value too long for type character varying(4); nothing was imported"
    )
    with empty_database.begin() as connection:
        connection.execute(text("ALTER TABLE sparks DROP COLUMN credits"))
    assert _refusal(empty_database, folder) == (
        "sparks.csv does not fit: sparks in the database has no column credits"
    )


def test_two_imports_at_once_queue_up(empty_database: Engine, folder: Path) -> None:
    first_is_in, second_waits = threading.Event(), threading.Event()

    def hold(table: str, done: int, total: int) -> None:
        first_is_in.set()
        assert second_waits.wait(30)

    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(import_folder, empty_database, folder, hold)
        assert first_is_in.wait(30)
        second = pool.submit(import_folder, empty_database, folder)
        while not second.done() and not _rows(empty_database, waiting):
            pass
        assert not second.done()
        second_waits.set()
        assert first.result(30) == second.result(30)


# ---- real data ----


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
    assert _rows(empty_database, sums)[0][:2] == (637_683, Decimal("33121273.15"))
    assert _rows(empty_database, f"{sums} WHERE {day}") == [(15_072, Decimal("1231298.79"), 11_916)]
    assert _rows(
        empty_database,
        "SELECT count(*), sum(creator_share), count(DISTINCT sender_id) FROM virtual_gifts"
        " WHERE recipient_id = 59",
    ) == [(25_280, Decimal("1125897.61"), 21_391)]
    assert _rows(empty_database, "SELECT count(*) FROM users WHERE is_creator") == [(1_355,)]
