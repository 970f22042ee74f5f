"""Made-up platforms as DataFrames, as the tests look at them."""

import hashlib
from datetime import datetime
from functools import cache

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from aggregation.demo import Scale, generate

NOW = datetime.fromisoformat("2026-11-22 14:37:05")
TODAY = pd.Timestamp(NOW).normalize()
DAY = pd.Timedelta(days=1)
USUAL = Scale()
SMALL = Scale(days=20, creators=6, users=60)
TIMES = {
    "users": "created_at",
    "videos": "created_at",
    "virtual_gifts": "created_at",
    "user_sessions": "started_at",
    "video_watches": "watched_at",
    "video_interactions": "created_at",
    "follows": "created_at",
    "transactions": "created_at",
}

Frames = dict[str, pd.DataFrame]


def read(scale: Scale, now: datetime = NOW) -> Frames:
    """All tables; money in whole cents."""
    parts: dict[str, list[pa.RecordBatch]] = {}
    for part in generate(scale, now):
        parts.setdefault(part.table, []).append(part.rows)
    return {table: _in_cents(pa.Table.from_batches(batches)) for table, batches in parts.items()}


def _in_cents(table: pa.Table) -> pd.DataFrame:
    decimals = [field.name for field in table.schema if pa.types.is_decimal(field.type)]
    floats = pa.schema(
        [pa.field(f.name, pa.float64() if f.name in decimals else f.type) for f in table.schema]
    )
    frame: pd.DataFrame = table.cast(floats).to_pandas()
    for name in decimals:
        frame[name] = (frame[name] * 100).round().astype("int64")
    return frame


def fingerprint(scale: Scale, now: datetime = NOW) -> str:
    digest = hashlib.sha256()
    for part in generate(scale, now):
        sink = pa.BufferOutputStream()
        csv.write_csv(part.rows, sink)
        digest.update(part.table.encode() + sink.getvalue().to_pybytes())
    return digest.hexdigest()


@cache
def usual() -> Frames:
    return read(USUAL)


def completed(frames: Frames) -> pd.DataFrame:
    gifts = frames["virtual_gifts"]
    done = gifts[gifts["status"] == "completed"]
    return done.assign(price=done["creator_share"] + done["platform_share"])


def daily(moments: pd.Series) -> pd.Series:
    """How many on each complete day."""
    days = moments[moments < TODAY].dt.floor("D")
    counts: pd.Series = days.groupby(days).size()
    return counts[counts.index >= TODAY - USUAL.days * DAY]
