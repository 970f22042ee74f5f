"""What `import` makes of files and values, before it asks a database anything."""

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, create_engine

from aggregation.errors import UserError
from aggregation.imports import batches, import_folder
from aggregation.imports.batches import as_text, csv_batches
from aggregation.imports.faults import InputError
from aggregation.imports.values import rule_of
from aggregation.schema import source, transactions, users, virtual_gifts

USERS = "id,username,is_creator,followers,created_at\n1,ada,true,10,2026-11-01T08:00:00\n"
NEEDED = "needed: id, username, is_creator, followers, created_at"
ALLOWED = f"allowed: {', '.join(source.tables)}, as .csv or .parquet"


def _refusal(folder: Path) -> str:
    """What the import says, without having asked the database."""
    with pytest.raises(UserError) as caught:
        import_folder(create_engine("postgresql+psycopg2://nowhere.invalid/none"), folder)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# ---- files ----


def test_which_files_there_must_be(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "none") == (
        f"cannot read the folder {tmp_path}/none: No such file or directory"
    )
    (tmp_path / "README.md").write_text("no table")
    (tmp_path / ".users.csv").write_text(USERS)
    assert _refusal(tmp_path) == f"nothing to import in {tmp_path}; {ALLOWED}"
    assert _refusal(tmp_path / "README.md") == f"cannot read the folder {tmp_path}/README.md: Not a directory"
    (tmp_path / "user.csv").write_text(USERS)
    assert _refusal(tmp_path) == f"user.csv is named unlike any table; {ALLOWED}"
    (tmp_path / "user.csv").rename(tmp_path / "users.csv")
    (tmp_path / "users.Parquet").touch()
    assert _refusal(tmp_path) == "users.Parquet and users.csv are both there; allowed: one per table"


NOT_UTF8 = "users.csv, line 1: not UTF-8; allowed: comma-separated text in UTF-8"
EMPTY = "users.csv is empty; allowed: a header line and any number of rows"
BAD_HEADERS = {
    "nothing": (b"", EMPTY),
    "blank lines": (b"\r\n\r\n", EMPTY),
    "utf-16": (USERS.encode("utf-16"), NOT_UTF8),
    "utf-16 without mark": (USERS.encode("utf-16-le"), NOT_UTF8),
    "latin-1": (USERS.replace("username", "ü").encode("latin-1"), NOT_UTF8),
    "semicolons": (
        USERS.replace(",", ";").encode(),
        f"users.csv has no column id; {NEEDED}; found: 'id;username;is_creator;followers;created_at'",
    ),
    "a column less": (
        USERS.replace("followers", "fans").encode(),
        f"users.csv has no column followers; {NEEDED}; found: 'id, username, is_creator, fans, created_at'",
    ),
    "a column twice": (
        USERS.replace("username", "id").encode(),
        f"users.csv has the column id twice; {NEEDED}",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_bad_headers(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "users.csv").write_bytes(content)
    assert _refusal(tmp_path) == message


def test_files_that_are_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "sparks.parquet"
    pq.write_table(pa.table({"id": [5], "name": ["Rose"], "credits": [10]}), path)
    whole = path.read_bytes()
    for content in (b"", b"id,name,credits\n", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        assert _refusal(tmp_path).startswith("sparks.parquet is not a whole Parquet file: ")


@pytest.mark.parametrize("name", ["sparks.csv", "sparks.parquet"])
def test_unreadable_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.mkdir()
    assert _refusal(tmp_path) == f"{name} cannot be read: Is a directory"
    path.rmdir()
    path.symlink_to(path)
    assert _refusal(tmp_path) == f"{name} cannot be read: Too many levels of symbolic links"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Every user may list it, unlike pytest's own folders."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may read everything, so it goes on as nobody."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


def test_forbidden_files(public_folder: Path) -> None:
    (public_folder / "sparks.csv").write_text("id,name,credits\n")
    (public_folder / "sparks.csv").chmod(0)
    with _unprivileged():
        assert _refusal(public_folder) == "sparks.csv cannot be read: Permission denied"


def test_records_know_their_first_line(tmp_path: Path) -> None:
    path = tmp_path / "sparks.csv"
    path.write_text('id,name,credits\n\n1,"a\nb\n",1\n2,c,2\n\n3,"d",\n')
    (batch,) = csv_batches(path, ["id", "name", "credits"])
    assert batch.to_pylist() == [
        {"line": 3, "id": "1", "name": "a\nb\n", "credits": "1"},
        {"line": 6, "id": "2", "name": "c", "credits": "2"},
        {"line": 8, "id": "3", "name": "d", "credits": None},
    ]


# ---- values ----


def _parsed(column: Column[Any], texts: Sequence[str]) -> list[Any]:
    return list(rule_of(column).parse(pa.array(texts, pa.string())).cast(pa.string()).to_pylist())


def test_times() -> None:
    times = {
        "2026-11-20T10:00:00": "2026-11-20 10:00:00.000000",
        "2026-11-20 10:00": "2026-11-20 10:00:00.000000",
        "2026-11-20T10:00:00Z": "2026-11-20 10:00:00.000000",
        "2026-11-20T00:30:00+02:00": "2026-11-19 22:30:00.000000",
        "2026-11-20 10:00:00.5-0530": "2026-11-20 15:30:00.500000",
        "2026-11-20 10:00:00.25+00": "2026-11-20 10:00:00.250000",
        "2026-11-20 23:59:59.999999999": "2026-11-20 23:59:59.999999",
        "2026-11-20T10:00:00.123456789Z": "2026-11-20 10:00:00.123456",
        "0001-01-01T00:00:00": "0001-01-01 00:00:00.000000",
        "9999-12-31T23:59:59.999999": "9999-12-31 23:59:59.999999",
        "2024-02-29 00:00:00": "2024-02-29 00:00:00.000000",
        "2026-02-29 00:00:00": None,
        "2026-13-01 00:00:00": None,
        "2026-11-20 24:00:00": None,
        "2026-11-20 10:00:61": None,
        "2026-11-20 10:00:00+25:00": None,
        "0001-01-01T00:00:00+00:01": None,
        " 2026-11-20 10:00:00": None,
        "2026-11-20 10:00:00\n": None,
        "2026-11-20": None,
        "-infinity": None,
    }
    assert dict(zip(times, _parsed(users.c.created_at, list(times)), strict=True)) == times


def test_whole_numbers() -> None:
    numbers = {
        "7": "7",
        "+7": "7",
        "-7": "-7",
        "007": "7",
        "12.0": "12",
        "9223372036854775807": "9223372036854775807",
        "-9223372036854775808": "-9223372036854775808",
        "9223372036854775808": None,
        "-9223372036854775809": None,
        "9" * 40: None,
        "12.5": None,
        "1e3": None,
        "0x1F": None,
        "1_000": None,
        "1 000": None,
        "٧": None,
        "": None,
    }
    assert dict(zip(numbers, _parsed(users.c.id, list(numbers)), strict=True)) == numbers


def test_amounts() -> None:
    amounts = {
        "0": "0.00",
        "-0": "0.00",
        "7.5": "7.50",
        "7.500000": "7.50",
        "9999999999.99": "9999999999.99",
        "10000000000": None,
        "-0.01": None,
        "7.005": None,
        "7,50": None,
        "NaN": None,
        "inf": None,
    }
    assert dict(zip(amounts, _parsed(virtual_gifts.c.creator_share, list(amounts)), strict=True)) == amounts


def test_flags_and_words() -> None:
    assert _parsed(users.c.is_creator, ["true", "True", "t", "1", "FALSE", "f", "0"]) == [
        *["true"] * 4,
        *["false"] * 3,
    ]
    assert _parsed(users.c.is_creator, ["", "yes", "2", "tru"]) == [None] * 4
    assert _parsed(users.c.username, ["", "ü", "\0"]) == ["", "ü", None]
    assert _parsed(transactions.c.source, ["ads", "tips", "gifts", "", "\t", "a\0"]) == [
        "ads",
        "tips",
        *[None] * 4,
    ]
    assert _parsed(transactions.c.status, ["failed", "pending"]) == ["failed", None]


def test_arrow_values_as_text() -> None:
    cases = [
        (
            pa.array([5.0, 1e15, -0.0, 0.1, float("nan"), None]),
            ["5", "1000000000000000", "0", "0.1", "nan", None],
        ),
        (pa.array([Decimal("0"), Decimal("1.5")], pa.decimal128(38, 18)), ["0", "1.500000000000000000"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([7, None]).dictionary_encode(), ["7", None]),
        (pa.array([b"\xc3\xbc", b"\xff", None]), ["ü", "\0", None]),
        (pa.array([0], pa.timestamp("s", "Asia/Tokyo")), ["1970-01-01 00:00:00"]),
        (pa.array([-1], pa.timestamp("ns")), ["1969-12-31 23:59:59.999999999"]),
        (pa.array([True, None]), ["true", None]),
        (pa.nulls(1), [None]),
    ]
    for values, texts in cases:
        assert as_text(values).to_pylist() == texts


# ---- two readers, one result ----

fields = st.text(st.sampled_from(["a", "é", " ", ",", '"', "\n", "\r", "1"]), max_size=6)
records = st.lists(st.lists(fields, min_size=2, max_size=3), max_size=8)


def _all(batches: Iterator[pa.RecordBatch]) -> tuple[list[dict[str, Any]], str]:
    """The rows, and the complaint that ended them."""
    rows: list[dict[str, Any]] = []
    try:
        for batch in batches:
            rows += batch.to_pylist()
    except InputError as fault:
        return rows, str((fault.line, fault.reason))
    return rows, ""


@settings(max_examples=200, derandomize=True, deadline=None)
@given(lines=records, written=st.booleans(), end=st.sampled_from(["", "\n", "\n\n"]), mark=st.booleans())
def test_the_fast_reader_reads_what_the_careful_one_does(
    lines: list[list[str]], written: bool, end: str, mark: bool
) -> None:
    """Well-formed or not: fields are quoted where they have to be, or simply joined."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    body = buffer.getvalue() if written else "\n".join(",".join(line) for line in lines) + end
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        path.write_bytes((("\ufeff" if mark else "") + f"x,y\n{body}").encode())
        assert _all(csv_batches(path, ["y", "x"])) == _all(batches._careful_batches(path, ["y", "x"]))


def test_a_bad_row_far_into_a_file_keeps_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BLOCK_BYTES", 64)
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "1,2\n" * 100 + "1,2,3\n" + "1,2\n" * 100)
    rows, complaint = _all(csv_batches(path, ["x", "y"]))
    assert [row["line"] for row in rows] == list(range(2, 102))
    assert complaint == str((102, "3 fields; allowed: 2, as in the header"))


def test_most_files_are_for_the_fast_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_careful_batches", None)
    path = tmp_path / "users.csv"
    path.write_text(USERS)
    assert _all(csv_batches(path, ["username", "id"])) == ([{"line": 2, "username": "ada", "id": "1"}], "")
