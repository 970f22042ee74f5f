"""A platform's rows as files that `import` takes."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import csv
from sqlalchemy import Engine, text

from aggregation.database import connect

TABLES = ("users", "videos", "sparks", "virtual_gifts")


def write(engine: Engine, folder: Path, suffix: str, gifts: int) -> int:
    """The required tables, of the gifts the first `gifts`; how many they are."""
    folder.mkdir(exist_ok=True)
    for table in TABLES:
        rows = folder / f"{table}.csv"
        limit = f" WHERE id < {gifts}" if table == "virtual_gifts" else ""
        raw: Any = engine.raw_connection()
        with raw.cursor() as cursor, rows.open("wb") as file:
            query = f"SELECT * FROM {table}{limit} ORDER BY id"  # noqa: S608
            cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)", file)
        raw.close()
        if suffix == "parquet":
            pq.write_table(csv.read_csv(rows), folder / f"{table}.parquet")
            rows.unlink()
    with engine.connect() as connection:
        count = text("SELECT count(*) FROM virtual_gifts WHERE id < :gifts")
        return int(connection.scalar(count, {"gifts": gifts}) or 0)


def empty_database(server: str) -> Engine:
    """Made anew on the server of that URL."""
    outside = connect(server)
    with outside.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS imported"))
        connection.execute(text("CREATE DATABASE imported TEMPLATE template0"))
    outside.dispose()
    return connect(outside.url.set(database="imported"))
