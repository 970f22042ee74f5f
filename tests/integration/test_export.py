"""The source tables as Parquet: every row, by its day, and nothing half-written."""
# Times without a zone, as in the files.
# ruff: noqa: DTZ001

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, select, text

from aggregation.demo import Scale, load
from aggregation.errors import UserError
from aggregation.exporting import export_folder
from aggregation.imports import import_folder
from aggregation.schema import source
from tests import cast
from tests.spec.tables import change, fill
from tests.spec.test_validity import lenient


@pytest.fixture
def filled(platform: Engine) -> Engine:
    fill(platform, cast.PLATFORM)
    return platform


def read(folder: Path, table: str, *columns: str) -> list[dict[str, Any]]:
    """Rows by id, as any reader of Hive's layout sees them."""
    found = ds.dataset(folder / table, partitioning="hive").to_table(columns=list(columns) or None)
    return sorted(found.to_pylist(), key=lambda row: row["id"])


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for name, table in source.tables.items()
        }


def test_a_row_is_in_the_folder_of_its_day(platform: Engine, tmp_path: Path) -> None:
    gift = "INSERT INTO virtual_gifts (id, spark_id, sender_id, recipient_id, creator_share, platform_share,"
    gift += " status, created_at) VALUES"
    change(platform, f"{gift} (1, 1, 1, 2, 0.70, 0.30, 'completed', '2026-11-01 23:59:59.999999')")
    change(platform, f"{gift} (2, 1, 1, 2, NULL, 0.30, 'completed', '2026-11-03 00:00:00')")
    counts = export_folder(platform, tmp_path / "lake")
    assert counts == dict.fromkeys(source.tables, 0) | {"virtual_gifts": 2}
    gifts = tmp_path / "lake" / "virtual_gifts"
    assert sorted(path.name for path in gifts.iterdir()) == ["day=2026-11-01", "day=2026-11-03"]
    (first,) = pq.read_table(gifts / "day=2026-11-01" / "part-0.parquet", partitioning=None).to_pylist()
    assert first == {
        "id": 1,
        "spark_id": 1,
        "sender_id": 1,
        "recipient_id": 2,
        "video_id": None,
        "creator_share": Decimal("0.70"),
        "platform_share": Decimal("0.30"),
        "status": "completed",
        "created_at": datetime(2026, 11, 1, 23, 59, 59, 999999),
    }
    assert [row["creator_share"] for row in read(tmp_path / "lake", "virtual_gifts")] == [
        Decimal("0.70"),
        None,
    ]


def test_what_is_imported_from_it_is_what_there_was(database: Engine, tmp_path: Path) -> None:
    load(database, Scale(days=10, creators=5, users=80), datetime(2026, 11, 22, 14, 37, 5))
    export_folder(database, tmp_path / "lake")
    before = stored(database)
    assert all(before.values())
    change(database, f"DROP TABLE {', '.join(source.tables)}")
    (tmp_path / "files").mkdir()
    for name in source.tables:
        whole = ds.dataset(tmp_path / "lake" / name, partitioning="hive").to_table()
        pq.write_table(whole, tmp_path / "files" / f"{name}.parquet")
    import_folder(database, tmp_path / "files")
    assert stored(database) == before


def test_what_is_odd_stays_apart(platform: Engine, tmp_path: Path) -> None:
    """Times at infinity or null have no day; what no column of Parquet can hold counts nowhere anyway."""
    lenient(platform, "numeric", "timestamp")
    gift = "INSERT INTO virtual_gifts (id, creator_share, created_at, status) VALUES"
    for number, (share, moment) in enumerate(
        [
            ("'NaN'", "'2026-11-01'"),
            ("'Infinity'", "'2026-11-01'"),
            ("-0.001", "'2026-11-01'"),
            ("0.005", "'2026-11-01'"),
            ("1", "'infinity'"),
            ("1", "'-infinity'"),
            ("1", "NULL"),
        ],
        start=1,
    ):
        change(platform, f"{gift} ({number}, {share}, {moment}, '')")
    change(platform, "UPDATE virtual_gifts SET spark_id = 1, sender_id = 1, recipient_id = 1")
    export_folder(platform, tmp_path / "lake")
    found = read(tmp_path / "lake", "virtual_gifts", "id", "creator_share", "created_at", "status", "day")
    assert [row["creator_share"] for row in found[:4]] == [None, None, Decimal("-0.01"), Decimal("0.01")]
    assert [row["created_at"] for row in found[4:]] == [datetime(9999, 1, 1), datetime(1, 1, 1), None]
    assert [str(row["day"]) for row in found] == ["2026-11-01"] * 4 + ["None"] * 3
    assert {row["status"] for row in found} == {""}


def test_times_with_a_zone_fall_on_days_in_utc(platform: Engine, tmp_path: Path) -> None:
    change(platform, "ALTER TABLE user_sessions ALTER started_at TYPE timestamptz")
    change(platform, "INSERT INTO user_sessions VALUES (1, 1, '2026-11-01 23:30:00-02', 60)")
    export_folder(platform, tmp_path / "lake")
    (row,) = read(tmp_path / "lake", "user_sessions", "id", "started_at", "day")
    assert (row["started_at"], str(row["day"])) == (datetime(2026, 11, 2, 1, 30), "2026-11-02")


def test_text_comes_through_whole(platform: Engine, tmp_path: Path) -> None:
    titles = ['"quoted", and\na line', "", "NULL", "žluťoučký 🦄"]
    with platform.begin() as connection:
        for number, title in enumerate(titles):
            insertion = text(
                "INSERT INTO videos (id, creator_id, title, created_at) VALUES (:id, 1, :t, :at)"
            )
            connection.execute(insertion, {"id": number, "t": title, "at": datetime(2026, 11, 1, tzinfo=UTC)})
    export_folder(platform, tmp_path / "lake")
    assert [row["title"] for row in read(tmp_path / "lake", "videos", "id", "title")] == titles


def test_a_missing_table_is_left_out(platform: Engine, tmp_path: Path) -> None:
    change(platform, "DROP TABLE follows")
    assert "follows" not in export_folder(platform, tmp_path / "lake")
    assert not (tmp_path / "lake" / "follows").exists()


def test_a_table_without_rows_is_there(platform: Engine, tmp_path: Path) -> None:
    export_folder(platform, tmp_path / "lake")
    for name, table in source.tables.items():
        assert pq.read_schema(tmp_path / "lake" / name / "part-0.parquet").names == list(table.c.keys())


def test_a_folder_in_use_is_left_alone(platform: Engine, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(UserError, match="is not empty; allowed: a new folder, or an empty one"):
        export_folder(platform, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_breaks_off_leaves_nothing(filled: Engine, tmp_path: Path) -> None:
    def breaks(table: str, _done: int, _parts: int) -> None:
        if table == "virtual_gifts":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_folder(filled, tmp_path / "lake", breaks)
    assert list(tmp_path.iterdir()) == []


def test_a_required_table_has_to_be_there(database: Engine, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the database has no users, videos, sparks, virtual_gifts"):
        export_folder(database, tmp_path / "lake")
    assert list(tmp_path.iterdir()) == []
