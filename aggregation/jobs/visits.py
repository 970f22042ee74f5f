"""Who came on which day, and on which day before: what user_returns and supporter_returns count.

By counts of it the distinct people of any period are a sum: those of each day who hadn't come since the
period began. Counting the people themselves takes longer the more of them and the more days there are.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    null,
    or_,
    select,
)

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ZERO, literal_day
from aggregation.jobs.seen import NEVER, Visitors, not_noted_from, seen_between

# In a week come most of those who come in a month.
MANY_DAYS = timedelta(days=7)

Known = Callable[[Any], ColumnElement[date]]


def unknown(_row: Any) -> ColumnElement[date]:
    return cast(null(), Date)


def in_span(visitors: Visitors, first: date, last: date, known: Known = unknown) -> Any:
    """Who, date, previous: a row for each day in the span on which somebody came.

    `known`: the newest day before a row's on which its visitor came (or NEVER), where something else knows;
    null where nothing does.
    """
    days = visitors.table.c.date.between(literal_day(first), literal_day(last))
    visit = _with_lag(visitors, days, known, many=last - first >= MANY_DAYS)
    # Only the first day in the span has to be looked up.
    newest = case(
        (visit.known.is_not(None), func.nullif(visit.known, NEVER)), else_=_newest(visitors, visit, first)
    )
    return _visits(visitors, visit, func.coalesce(visit.previous, newest)).subquery("visits").c


def next_after(visitors: Visitors, last: date) -> Any:
    """The same for the first day after `last` on which each came: only there can days until then matter."""
    visit = _with_lag(visitors, visitors.table.c.date > literal_day(last), unknown)
    previous = _newest(visitors, visit, last + ONE_DAY)
    return _visits(visitors, visit, previous).where(visit.previous.is_(None)).subquery("next_visits").c


def depend_on_days_until(target: Table, last: date) -> ColumnElement[bool]:
    """The stored rows of later days that change when a day up to `last` does."""
    row = target.c
    came_before = row.date - row.days_since <= literal_day(last)
    return (row.date > literal_day(last)) & or_(row.days_since == ZERO, came_before)


def counted(target: Table, visit: Any, by: Sequence[str] = ()) -> Select[Any]:
    """Rows of `target`: `by`, date, days_since and how many; 0 days where there was no visit before."""
    count = next(column.name for column in target.columns if not column.primary_key)
    away = func.coalesce(cast(visit.date - visit.previous, Integer), ZERO)
    keys = [visit[name] for name in by]
    return select(*keys, visit.date, away.label("days_since"), func.count().label(count)).group_by(
        *keys, visit.date, visit.previous
    )


def _with_lag(visitors: Visitors, days: ColumnElement[bool], known: Known, *, many: bool = False) -> Any:
    """Who, date, previous among these days, known, and when who has neither of these may have come before.

    In the order of the key, which makes look-ups by it cheap.
    """
    row = visitors.table.c
    people = [row[name] for name in visitors.who]
    before = func.lag(row.date).over(partition_by=people, order_by=row.date).label("previous")
    columns = (*people, row.date, before, known(row).label("known"))
    visits = select(*columns).where(visitors.came(row), days).subquery("days_with_lag")
    unknown = and_(visits.c.previous.is_(None), visits.c.known.is_(None))
    return seen_between(visitors, visits, unknown, many=many).c


def _visits(visitors: Visitors, visit: Any, previous: ColumnElement[Any]) -> Select[Any]:
    return select(*(visit[name] for name in visitors.who), visit.date, previous.label("previous"))


def _newest(visitors: Visitors, visit: Any, before: date) -> Any:
    """By the primary key, month by month, and in those that are over only of whoever may have come there."""
    # With the day after and <, as months are cut: PostgreSQL would look through one month too many with <=.
    begin = not_noted_from(visitors)
    lately = _newest_where(visitors, visit, before, lambda day: day >= begin)
    long_ago = _newest_where(visitors, visit, before, lambda day: and_(day >= visit.since, day < visit.until))
    # Where there are no days to look through, that is asked once, and not of each visit.
    return func.coalesce(
        case((begin < literal_day(before), lately)), case((visit.since.is_not(None), long_ago))
    )


def _newest_where(
    visitors: Visitors, visit: Any, before: date, days: Callable[[Any], ColumnElement[bool]]
) -> Any:
    table = visitors.table.alias("earlier")
    earlier = table.c
    same = and_(*(earlier[name] == visit[name] for name in visitors.who))
    return (
        select(func.max(earlier.date))
        .where(same, earlier.date < literal_day(before), days(earlier.date), visitors.came(earlier))
        .correlate_except(table)
        .scalar_subquery()
    )
