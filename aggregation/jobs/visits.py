"""Who came on which day, and on which day before: what user_returns and supporter_returns count.

By counts of it the distinct people of any period are a sum: those of each day who hadn't come since the
period began. Counting the people themselves takes longer the more of them and the more days there are.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Table, and_, cast, func, or_, select, true

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ZERO, literal_day


def anybody(_row: Any) -> ColumnElement[bool]:
    return true()


def in_span(
    table: Table,
    who: Sequence[str],
    first: date,
    last: date,
    came: Callable[[Any], ColumnElement[bool]] = anybody,
) -> Any:
    """`who`, date, previous: a row for each day in the span on which somebody came.

    `who` begins the key of `table`, and `came` says which of its rows are a visit.
    """
    row = table.c
    people = [row[name] for name in who]
    before = func.lag(row.date).over(partition_by=people, order_by=row.date)
    visit = (
        select(*people, row.date, before.label("previous"))
        .where(came(row), row.date.between(literal_day(first), literal_day(last)))
        .subquery("visits_in_span")
        .c
    )
    # Only the first day in the span has to be looked up, by the primary key.
    previous = func.coalesce(visit.previous, _newest(table, [visit[name] for name in who], first, came))
    return select(*(visit[name] for name in who), visit.date, previous.label("previous")).subquery("visits").c


def next_after(
    table: Table,
    who: Sequence[str],
    last: date,
    came: Callable[[Any], ColumnElement[bool]] = anybody,
) -> Any:
    """The same for the first day after `last` on which each came: only there can days until then matter."""
    row = table.c
    people = [row[name] for name in who]
    visit = (
        select(*people, func.min(row.date).label("date"))
        .where(came(row), row.date > literal_day(last))
        .group_by(*people)
        .subquery("next_visits")
        .c
    )
    previous = _newest(table, [visit[name] for name in who], last + ONE_DAY, came)
    return select(*(visit[name] for name in who), visit.date, previous.label("previous")).subquery("visits").c


def depend_on_days_until(target: Table, last: date) -> ColumnElement[bool]:
    """The stored rows of later days that change when a day up to `last` does."""
    row = target.c
    came_before = row.date - row.days_since <= literal_day(last)
    return (row.date > literal_day(last)) & or_(row.days_since == ZERO, came_before)


def counted(target: Table, visit: Any, by: Sequence[str] = ()) -> Select[Any]:
    """Rows of `target`: `by`, date, days_since and how many; 0 days where there was no visit before."""
    (count,) = (column.name for column in target.columns if not column.primary_key)
    away = func.coalesce(cast(visit.date - visit.previous, Integer), ZERO)
    keys = [visit[name] for name in by]
    return select(*keys, visit.date, away.label("days_since"), func.count().label(count)).group_by(
        *keys, visit.date, visit.previous
    )


def _newest(
    table: Table,
    people: Sequence[ColumnElement[Any]],
    before: date,
    came: Callable[[Any], ColumnElement[bool]],
) -> Any:
    earlier = table.alias("earlier")
    same = and_(*(earlier.c[column.name] == column for column in people))
    return (
        select(func.max(earlier.c.date))
        .where(same, earlier.c.date < literal_day(before), came(earlier.c))
        .scalar_subquery()
    )
