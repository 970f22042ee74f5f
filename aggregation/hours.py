"""Reads of when a creator's gifts come, from creator_hours."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from sqlalchemy import Connection, select

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
    found = connection.execute(
        select(row.hour, row.gifts, row.earned).where(
            row.creator_id == creator_id, row.date.between(begin, last)
        )
    ).all()
    if weeks < best_times.ENOUGH_WEEKS or not found:
        return None
    seen = np.zeros((weeks, SLOTS))
    for hour, gifts, _ in found:
        week = (hour.date() - begin).days // 7
        # From Monday on, whichever day the weeks begin with.
        seen[week, hour.weekday() * HOURS + hour.hour] += gifts
    earned = sum((each.earned for each in found), start=Decimal(0))
    return seen, float(earned) / sum(each.gifts for each in found)
