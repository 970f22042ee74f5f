"""supporter_totals: what each supporter has given to each creator in all, and how regularly."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    CompoundSelect,
    Date,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import aggregate_order_by

from aggregation.jobs.events import ONE, ZERO, literal_day, money, total
from aggregation.jobs.seen import not_noted_from, seen_between
from aggregation.jobs.supporter_returns import SUPPORTERS
from aggregation.schema import creator_supporters, supporter_changes, supporter_totals

STORED = ("first_day", "last_day", "gift_days", "gifts", "amount", "spark_id", "days", "spark_ids")


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """A row for each pair that is noted in supporter_changes; for all pairs where none is known.

    Of all of their days, not only of these.
    """
    known = select(ONE).select_from(supporter_totals).exists()
    # Each of the two conditions rules the other out.
    both = union_all(_of_noted().where(known), of_all().where(~known)).subquery("both")
    return select(*both.c)


def _noted_and_stored() -> CTE:
    """The pairs that are noted in supporter_changes, each with what is stored of it, if anything is.

    `kept`: it holds still, and more days have come since. `since`: the first day that has to be read.
    """
    changed = supporter_changes.c
    key = (changed.creator_id, changed.supporter_id)
    # In the order of the key, which makes look-ups by it cheap.
    noted = (
        select(*key, func.min(changed.date).label("first_noted"))
        .group_by(*key)
        .order_by(*key)
        .cte("noted_pairs")
    )
    pair, row = seen_between(SUPPORTERS, noted, true()).c, supporter_totals.c
    # Of somebody new only the months since then are looked through, and not all that there are. A day
    # that was stored as the last one and has gone is noted.
    lately = row.last_day >= func.least(not_noted_from(SUPPORTERS), pair.first_noted)
    long_ago = and_(row.last_day >= pair.since, row.last_day < pair.until)
    same = and_(row.creator_id == pair.creator_id, row.supporter_id == pair.supporter_id)
    # There is one at most: newest first, as most have given lately.
    stored: Any = (
        select(*(row[name] for name in STORED))
        .where(same, or_(lately, long_ago))
        .order_by(row.last_day.desc())
        .limit(1)
        .lateral("stored")
    )
    # Rows of an older version don't have their days.
    whole = or_(stored.c.gift_days == ONE, stored.c.days.is_not(None))
    kept = func.coalesce(and_(stored.c.last_day < pair.first_noted, whole), false())
    since = case((kept, pair.first_noted), else_=func.least(stored.c.first_day, pair.first_noted))
    return (
        select(pair.creator_id, pair.supporter_id, *stored.c, kept.label("kept"), since.label("since"))
        .outerjoin(stored, true())
        .cte("noted_and_stored")
    )


NOTED = _noted_and_stored()


def keys_of_noted() -> FromClause:
    """Of the rows that are stored of noted pairs."""
    row = NOTED.c
    keys = select(row.creator_id, row.supporter_id, row.last_day).where(row.last_day.is_not(None))
    return keys.order_by(row.creator_id, row.supporter_id).subquery("keys_of_noted")


def all_days_of(first: date, last: date) -> CompoundSelect[Any]:
    """Keys of creator_supporters: all days of whoever gave in these, or last did by what is stored."""
    day, row = creator_supporters.c, supporter_totals.c
    span = literal_day(first), literal_day(last)
    gave = select(day.creator_id, day.supporter_id).where(day.date.between(*span))
    last_gave = select(row.creator_id, row.supporter_id).where(row.last_day.between(*span))
    pair = union(gave, last_gave).subquery("pair").c
    own = and_(day.creator_id == pair.creator_id, day.supporter_id == pair.supporter_id)
    return union(
        select(day.creator_id, day.supporter_id, day.date).where(own),
        select(row.creator_id, row.supporter_id, row.last_day).where(row.last_day.between(*span)),
    )


def _of_noted() -> Select[Any]:
    pair, day = NOTED.c, creator_supporters.c
    same = and_(day.creator_id == pair.creator_id, day.supporter_id == pair.supporter_id)
    # One pair after the other, by the key.
    newly = (
        select(day.date, day.gifts, day.amount, day.spark_id)
        .where(same, day.date >= pair.since)
        .offset(ZERO)
        .lateral("newly")
    )
    read = select(pair.creator_id, pair.supporter_id, *newly.c).join(newly, true())
    return _summed(union_all(_kept_days(), read).subquery("days_of_noted"))


def _kept_days() -> Select[Any]:
    """The days that hold still, as rows of creator_supporters; the newest has what was given on all."""
    pair = NOTED.c
    kept = (
        func.unnest(
            func.coalesce(pair.days, postgresql.array([pair.first_day])),
            func.coalesce(pair.spark_ids, postgresql.array([pair.spark_id])),
        )
        .table_valued(column("date", Date), column("spark_id", BigInteger))
        .render_derived("kept")
    )
    newest = kept.c.date == pair.last_day
    gifts, amount = (case((newest, each), else_=ZERO).label(each.name) for each in (pair.gifts, pair.amount))
    row = (pair.creator_id, pair.supporter_id, kept.c.date, gifts, amount, kept.c.spark_id)
    return select(*row).join(kept, true()).where(pair.kept)


def of_all() -> Select[Any]:
    day = creator_supporters.c
    row = (day.creator_id, day.supporter_id, day.date, day.gifts, day.amount, day.spark_id)
    return _summed(select(*row).subquery("days_of_all"))


def _summed(days: FromClause) -> Select[Any]:
    day = days.c
    pair = (day.creator_id, day.supporter_id)
    before = func.lag(day.date).over(partition_by=pair, order_by=day.date).label("before")
    row = select(*day, before).subquery("days_and_before").c
    gap = cast(row.date - row.before, Integer)
    # Of somebody's one day the other columns say all.
    all_days, spark_ids = (
        case((func.count() > ONE, func.array_agg(aggregate_order_by(each, row.date)))).label(name)
        for name, each in (("days", row.date), ("spark_ids", row.spark_id))
    )
    return select(
        row.creator_id,
        row.supporter_id,
        func.min(row.date).label("first_day"),
        func.max(row.date).label("last_day"),
        func.max(row.before).label("previous_day"),
        func.count().label("gift_days"),
        total(row.gifts).label("gifts"),
        money(row.amount).label("amount"),
        func.percentile_disc(literal_column("0.5")).within_group(gap).label("usual_gap"),
        func.mode().within_group(row.spark_id).label("spark_id"),
        all_days,
        spark_ids,
    ).group_by(row.creator_id, row.supporter_id)
