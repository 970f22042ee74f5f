"""Which stored cells changed after they were first published; and by that, what was known at an earlier time.

Only complete days count that had been published before, never the running day nor what is filled first. One
that was null until it could be known (a cohort's day_30) is filled, not restated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from aggregation.schema import restatements


@dataclass(frozen=True)
class Restated:
    """Some of the `total` restatements, newest first: rows of the table of that name."""

    rows: Sequence[RowMapping]
    total: int


# ---- reading ----


def newest(connection: Connection, limit: int, offset: int = 0) -> Restated:
    row = restatements.c
    some = select(restatements).order_by(row.restated_at.desc(), row.id.desc()).limit(limit).offset(offset)
    total = connection.execute(select(func.count()).select_from(restatements)).scalar_one()
    return Restated(connection.execute(some).mappings().all(), total)


def count_since(connection: Connection, moment: datetime) -> int:
    """How many cells have been restated since `moment` (aware)."""
    since = select(func.count()).where(restatements.c.restated_at >= moment)
    return int(connection.execute(since).scalar_one())
