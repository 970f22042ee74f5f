"""Good files of every source table, and what an import made of them or of worse ones."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, inspect, text

from aggregation.errors import UserError
from aggregation.imports import import_folder

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
NOON = "2026-11-05T12:00:00"


def good_files(tmp_path: Path) -> Path:
    """A folder with the required tables as CSV files."""
    target = tmp_path / "files"
    target.mkdir()
    write(target, REQUIRED)
    return target


def write(folder: Path, tables: dict[str, str]) -> None:
    for name, content in tables.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")


def add(folder: Path, table: str, *lines: str) -> None:
    """The good file with more lines at its end."""
    write(folder, {table: EVERYTHING[table] + "".join(f"{line}\n" for line in lines)})


def write_parquet(folder: Path, name: str, columns: dict[str, Any]) -> None:
    (folder / f"{name}.csv").unlink(missing_ok=True)
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def stored(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, with the transaction that wrote it."""
    with engine.connect() as connection:
        return {
            name: [
                tuple(row)
                for row in connection.execute(text(f"SELECT xmin::text, * FROM {name} ORDER BY id"))
            ]
            for name in inspect(engine).get_table_names()
        }


def rows_of(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def refusal(engine: Engine, folder: Path) -> str:
    """What the import says, having changed nothing."""
    before = stored(engine)
    with pytest.raises(UserError) as caught:
        import_folder(engine, folder)
    assert stored(engine) == before
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message
