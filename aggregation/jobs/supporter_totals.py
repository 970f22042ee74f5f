"""supporter_totals: what each supporter has given to each creator in all, and how regularly."""

from datetime import date
from typing import Any

from sqlalchemy import Integer, Select, and_, cast, func, literal_column, select, true, union_all

from aggregation.jobs.events import ONE, money, total
from aggregation.schema import creator_supporters, supporter_changes, supporter_totals


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """A row for each pair that is noted in supporter_changes; for all pairs where none is known.

    Of all of their days, not only of these.
    """
    known = select(ONE).select_from(supporter_totals).exists()
    # Each of the two conditions rules the other out.
    both = union_all(_of_noted().where(known), _of_all().where(~known)).subquery("both")
    return select(*both.c)


def _of_noted() -> Select[Any]:
    changed, stored, day = supporter_changes.c, supporter_totals.c, creator_supporters.c
    noted = (
        select(changed.creator_id, changed.supporter_id, func.min(changed.date).label("first"))
        .group_by(changed.creator_id, changed.supporter_id)
        .subquery("noted_pairs")
        .c
    )
    same = and_(stored.creator_id == noted.creator_id, stored.supporter_id == noted.supporter_id)
    first_day = select(stored.first_day).where(same).scalar_subquery()
    # Of somebody new only the months since then are looked through, and not all that there are.
    since = func.least(noted.first, first_day).label("since")
    pair = select(noted.creator_id, noted.supporter_id, since).subquery("pairs").c
    before = func.lag(day.date).over(order_by=day.date)
    # One pair after the other, by the key.
    days = (
        select(day.date, day.gifts, day.amount, day.spark_id, cast(day.date - before, Integer).label("gap"))
        .where(
            day.creator_id == pair.creator_id,
            day.supporter_id == pair.supporter_id,
            day.date >= pair.since,
        )
        .lateral("days")
    )
    return _summed((pair.creator_id, pair.supporter_id), days.c).join(days, true())


def _of_all() -> Select[Any]:
    day = creator_supporters.c
    pair = (day.creator_id, day.supporter_id)
    before = func.lag(day.date).over(partition_by=pair, order_by=day.date)
    gap = cast(day.date - before, Integer).label("gap")
    row = select(*pair, day.date, day.gifts, day.amount, day.spark_id, gap).subquery("days_and_gaps").c
    return _summed((row.creator_id, row.supporter_id), row)


def _summed(pair: Any, row: Any) -> Select[Any]:
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
