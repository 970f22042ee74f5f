"""What `import` refuses, and how it says so."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from aggregation.imports import import_folder
from tests.conftest import fresh
from tests.integration.import_files import (
    GIFTS,
    NOON,
    OPTIONAL,
    USERS,
    add,
    good_files,
    refusal,
    write,
    write_parquet,
)

IDS = "a whole number from -9223372036854775808 to 9223372036854775807"
COUNTS = "a whole number from 0 to 2147483647"
MONEY = "an amount with at most two decimals from 0 to 9999999999.99"
TIMES = "a time like 2026-11-20T10:00:00, UTC unless it has an offset, year 0001 to 9999"
TEXT = "text in UTF-8 without NUL characters"
QUOTES = "quotes closed, and doubled inside a field; fields of up to 131072 characters"
at = datetime.fromisoformat


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The required tables as CSV files, all of them good."""
    return good_files(tmp_path)


@pytest.fixture(scope="module")
def unharmed(server: str) -> Iterator[Engine]:
    """An empty database for imports that all fail: each leaves it to the next as it was."""
    yield from fresh(server, "template0")


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
    write(folder, OPTIONAL)
    add(folder, table, line)
    assert refusal(unharmed, folder) == f"{table}.csv, {reason}"


def test_long_fields(unharmed: Engine, folder: Path) -> None:
    add(folder, "users", f"4,{'d' * 131_073},t,0,{NOON}")
    assert refusal(unharmed, folder) == (
        f"users.csv, line 5: field larger than field limit (131072); allowed: {QUOTES}"
    )
    add(folder, "users", f"4,dan,{'y' * 99},0,{NOON}")
    assert f"is_creator '{'y' * 60}…' is not allowed" in refusal(unharmed, folder)


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
        add(folder, "virtual_gifts", *lines)
        assert refusal(unharmed, folder).startswith(f"virtual_gifts.csv, {found}")


def test_bytes_that_are_no_utf8(unharmed: Engine, folder: Path) -> None:
    many = "".join(f"{n},u,t,0,{NOON}\n" for n in range(4, 50_000))
    for content, line, shown in [
        (USERS.replace("ada", "mü"), 2, "m\\x00"),
        (f"{USERS}{many}50000,é,t,0,{NOON}\n", 50_001, "\\x00"),
    ]:
        (folder / "users.csv").write_bytes(content.encode("latin-1"))
        assert refusal(unharmed, folder) == (
            f"users.csv, line {line}: username '{shown}' is not allowed; allowed: {TEXT}"
        )


def test_pages_that_are_damaged(unharmed: Engine, folder: Path) -> None:
    write_parquet(folder, "sparks", SPARK_COLUMNS)
    path = folder / "sparks.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(60) + whole[64:])
    assert refusal(unharmed, folder).startswith("sparks.parquet, row 1: cannot be read: ")


def test_a_required_table_must_be_somewhere(unharmed: Engine, folder: Path) -> None:
    (folder / "sparks.csv").unlink()
    assert refusal(unharmed, folder) == (
        f"sparks is neither in {folder} nor in the database; required: users, videos, sparks, virtual_gifts"
    )


def test_more_of_the_same_are_counted(unharmed: Engine, folder: Path) -> None:
    add(folder, "users", f"3,dan,t,0,{NOON}", f"1,eve,t,0,{NOON}", f"3,fay,t,0,{NOON}")
    assert refusal(unharmed, folder) == (
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
    write_parquet(folder, name, columns)
    assert refusal(unharmed, folder) == f"{name}.parquet{reason}"


def test_an_id_that_is_there_twice_where_the_file_is_read_in_parts(
    unharmed: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids that ascend aren't looked through: it has to be seen across the parts that these don't."""
    monkeypatch.setattr("aggregation.imports.batches.BATCH_ROWS", 2)
    (folder / "sparks.csv").unlink()
    columns = {name: values * 2 for name, values in SPARK_COLUMNS.items()}
    write_parquet(folder, "sparks", columns | {"id": [5, 6, 6, 7]})
    assert "row 3: id 6 is already in row 2" in refusal(unharmed, folder)


@pytest.mark.parametrize("there_already", [False, True])
def test_the_line_is_right_whatever_the_length_of_rows(
    empty_database: Engine, folder: Path, there_already: bool
) -> None:
    """Lines are told by where a row was stored: a short one mustn't go where a long one left some room."""
    if there_already:
        import_folder(empty_database, folder)
    titles = ["long" * 350 if n % 7 else "short" for n in range(600)]
    videos = [f"{n + 20},1,{title},1,1,1,1,{NOON}" for n, title in enumerate(titles)]
    # The good video takes lines 2 and 3, so that the 498th of these is in line 501.
    videos[497] = videos[497].replace(",1,", ",9,", 1)
    videos[504] = videos[499]
    add(folder, "videos", *videos)
    assert "videos.csv, line 501: creator_id 9 is unknown" in refusal(empty_database, folder)
    videos[497] = videos[496]
    add(folder, "videos", *videos)
    assert (
        refusal(empty_database, folder)
        == "videos.csv, line 501: id 516 is already in line 500; allowed: each id once (and 1 more)"
    )
