"""supporter_totals: what each supporter has given to each creator in all, and how regularly."""

from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, and_, cast, func, literal_column, select, union_all

from aggregation.jobs.events import ONE, money, total
from aggregation.schema import creator_supporters, supporter_changes, supporter_totals


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """A row for each pair that is noted in supporter_changes; for all pairs where none is known.

    Of all of their days, not only of these.
    """
    day = _days().subquery("days").c
    pair = (day.creator_id, day.supporter_id)
    before = func.lag(day.date).over(partition_by=pair, order_by=day.date)
    gap = cast(day.date - before, Integer).label("gap")
    row = select(*pair, day.date, day.gifts, day.amount, day.spark_id, gap).subquery("days_and_gaps").c
    pair = (row.creator_id, row.supporter_id)
    return select(
        *pair,
        func.min(row.date).label("first_day"),
        func.max(row.date).label("last_day"),
        func.count().label("gift_days"),
        total(row.gifts).label("gifts"),
        money(row.amount).label("amount"),
        func.percentile_disc(literal_column("0.5")).within_group(row.gap).label("usual_gap"),
        func.mode().within_group(row.spark_id).label("spark_id"),
    ).group_by(*pair)


def _days() -> Any:
    """The rows of creator_supporters that are wanted; each of the two conditions rules the other out."""
    day, changed = creator_supporters.c, supporter_changes.c
    columns = (day.creator_id, day.supporter_id, day.date, day.gifts, day.amount, day.spark_id)
    known = select(ONE).select_from(supporter_totals).exists()
    same = and_(changed.creator_id == day.creator_id, changed.supporter_id == day.supporter_id)
    return union_all(
        select(*columns).join(supporter_changes, same).where(known),
        select(*columns).where(~known),
    )
