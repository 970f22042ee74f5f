"""Reads of when a creator's gifts come, from creator_hours."""

from datetime import date, datetime, time, timedelta

import numpy as np
from sqlalchemy import Connection, Integer, cast, func, select

from aggregation import best_times
from aggregation.best_times import HOURS, SLOTS, WEEKS, Slot, Window
from aggregation.schema import creator_hours


def slots(connection: Connection, creator_id: int, last: date, first: date) -> list[Slot]:
    """The hours of the week; empty with too few whole weeks, or without a gift in them."""
    seen = counts(connection, creator_id, last, first)
    return [] if seen is None else best_times.slots(*seen)


def outstanding(connection: Connection, creator_id: int, last: date, first: date) -> Window | None:
    """Two hours of a weekday that clearly bring more than others."""
    seen = counts(connection, creator_id, last, first)
    return None if seen is None else best_times.outstanding(seen[0])


def counts(
    connection: Connection, creator_id: int, last: date, first: date
) -> tuple[best_times.Values, float] | None:
    """(weeks, 168) gifts from the last whole weeks through `last`, and the average gift.

    `first`: where the numbers begin.
    """
    weeks = min(WEEKS, ((last - first).days + 1) // 7)
    begin = last - timedelta(days=7 * weeks - 1)
    row = creator_hours.c
    since = cast(func.date_part("epoch", row.hour - datetime.combine(begin, time())) / 3600, Integer)
    # As two lists: as a row each they take five times as long to come.
    found = select(func.array_agg(since), func.array_agg(row.gifts), func.sum(row.earned)).where(
        row.creator_id == creator_id, row.date.between(begin, last)
    )
    places, gifts, earned = connection.execute(found).one()
    if weeks < best_times.ENOUGH_WEEKS or not places:
        return None
    seen = np.bincount(places, gifts, weeks * SLOTS).reshape(weeks, SLOTS)
    # From Monday on, whichever day the weeks begin with.
    return np.roll(seen, begin.weekday() * HOURS, axis=1), float(earned) / sum(gifts)
