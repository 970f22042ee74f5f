"""supporter_totals: what each supporter has given to each creator in all, and how regularly."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    FromClause,
    Integer,
    Select,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
    union_all,
)

from aggregation.jobs.events import ONE, money, total
from aggregation.jobs.seen import not_noted_from, seen_between
from aggregation.jobs.supporter_returns import SUPPORTERS
from aggregation.schema import creator_supporters, supporter_changes, supporter_totals


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """A row for each pair that is noted in supporter_changes; for all pairs where none is known.

    Of all of their days, not only of these.
    """
    known = select(ONE).select_from(supporter_totals).exists()
    # Each of the two conditions rules the other out.
    both = union_all(_of_noted().where(known), of_all().where(~known)).subquery("both")
    return select(*both.c)


def _days_of_noted() -> CTE:
    """All days of the pairs that are noted in supporter_changes."""
    changed, day = supporter_changes.c, creator_supporters.c
    key = (changed.creator_id, changed.supporter_id)
    # In the order of the key, which makes look-ups by it cheap.
    noted = (
        select(*key, func.min(changed.date).label("first_noted"))
        .group_by(*key)
        .order_by(*key)
        .cte("noted_pairs")
    )
    pair = seen_between(SUPPORTERS, noted, true()).c
    # Of somebody new only the months since then are looked through, and not all that there are.
    lately = day.date >= not_noted_from(SUPPORTERS)
    long_ago = and_(day.date >= pair.since, day.date < pair.until)
    before, after = (
        beside(day.date).over(order_by=day.date).label(name)
        for beside, name in ((func.lag, "before"), (func.lead, "after"))
    )
    # One pair after the other, by the key.
    days = (
        select(day.date, day.gifts, day.amount, day.spark_id, before, after)
        .where(
            day.creator_id == pair.creator_id,
            day.supporter_id == pair.supporter_id,
            or_(lately, long_ago),
        )
        .lateral("days")
    )
    columns = (pair.creator_id, pair.supporter_id, pair.first_noted, *days.c)
    return select(*columns).join(days, true()).cte("days_of_noted")


DAYS_OF_NOTED = _days_of_noted()


def keys_of_noted() -> FromClause:
    """Where a row of a noted pair may be stored: its last day was the newest before those that are noted,
    or later.
    """
    day, changed = DAYS_OF_NOTED.c, supporter_changes.c
    until_noted = or_(day.after.is_(None), day.after >= day.first_noted)
    keys = union(
        select(day.creator_id, day.supporter_id, day.date.label("last_day")).where(until_noted),
        select(changed.creator_id, changed.supporter_id, changed.date),
    )
    return keys.order_by("creator_id", "supporter_id").subquery("keys_of_noted")


def _of_noted() -> Select[Any]:
    row = DAYS_OF_NOTED.c
    return _summed((row.creator_id, row.supporter_id), row)


def of_all() -> Select[Any]:
    day = creator_supporters.c
    pair = (day.creator_id, day.supporter_id)
    before = func.lag(day.date).over(partition_by=pair, order_by=day.date).label("before")
    row = select(*pair, day.date, day.gifts, day.amount, day.spark_id, before).subquery("days_and_before").c
    return _summed((row.creator_id, row.supporter_id), row)


def _summed(pair: Any, row: Any) -> Select[Any]:
    gap = cast(row.date - row.before, Integer)
    return select(
        *pair,
        func.min(row.date).label("first_day"),
        func.max(row.date).label("last_day"),
        func.max(row.before).label("previous_day"),
        func.count().label("gift_days"),
        total(row.gifts).label("gifts"),
        money(row.amount).label("amount"),
        func.percentile_disc(literal_column("0.5")).within_group(gap).label("usual_gap"),
        func.mode().within_group(row.spark_id).label("spark_id"),
    ).group_by(*pair)
