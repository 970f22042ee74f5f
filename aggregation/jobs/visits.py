"""Who came on which day, and on which day before: what user_returns and supporter_returns count.

By counts of it the distinct people of any period are a sum: those of each day who hadn't come since the
period began. Counting the people themselves takes longer the more of them and the more days there are.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
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

Known = Callable[[Any], ColumnElement[date]]


def unknown(_row: Any) -> ColumnElement[date]:
    return cast(null(), Date)


def in_span(visitors: Visitors, first: date, last: date, known: Known = unknown) -> Any:
    """Who, date, previous: a row for each day in the span on which somebody came.

    `known`: the newest day before a row's on which its visitor came (or NEVER), where something else knows;
    null where nothing does.
    """
    days = visitors.table.c.date.between(literal_day(first), literal_day(last))
    # Only the first day in the span has to be looked up.
    visits = _with_lag(visitors, days, known)
    return _with_newest(visitors, visits, first)


def next_after(visitors: Visitors, last: date) -> Any:
    """The same for the first day after `last` on which each came: only there can days until then matter."""
    visits = _with_lag(visitors, visitors.table.c.date > literal_day(last), unknown)
    firsts = select(visits).where(visits.c.previous.is_(None)).subquery("first_visits")
    return _with_newest(visitors, firsts, last + ONE_DAY)


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


def _with_lag(visitors: Visitors, days: ColumnElement[bool], known: Known) -> Subquery:
    """Who, date, previous among these days and known; in the order of the key, for look-ups by it."""
    row = visitors.table.c
    people = [row[name] for name in visitors.who]
    before = func.lag(row.date).over(partition_by=people, order_by=row.date).label("previous")
    columns = (*people, row.date, before, known(row).label("known"))
    return select(*columns).where(visitors.came(row), days).subquery("days_with_lag")


def _with_newest(visitors: Visitors, visits: Subquery, before: date) -> Any:
    """Who, date, previous. What isn't known is looked up by the primary key, month by month, and in those
    that are over only of whoever may have come there.
    """
    visit, begin = visits.c, not_noted_from(visitors)
    # Where there are no such days, that is asked once, and not of each visit.
    lately = case((begin < literal_day(before), _newest(visitors, visit, before, lambda day: day >= begin)))
    previous = func.coalesce(visit.previous, visit.known, lately).label("previous")
    # Without a name: a statement may have one more, of later days.
    rows = select(*_who_and_date(visitors, visit), previous).cte()
    seen = seen_between(visitors, rows, rows.c.previous.is_(None)).c
    long_ago = _newest(visitors, seen, before, lambda day: and_(day >= seen.since, day < seen.until))
    newest = func.coalesce(func.nullif(seen.previous, NEVER), case((seen.since < seen.date, long_ago)))
    return select(*_who_and_date(visitors, seen), newest.label("previous")).subquery("visits").c


def _who_and_date(visitors: Visitors, visit: Any) -> list[ColumnElement[Any]]:
    return [*(visit[name] for name in visitors.who), visit.date]


def _newest(visitors: Visitors, visit: Any, before: date, days: Callable[[Any], ColumnElement[bool]]) -> Any:
    # With the day after and <, as months are cut: PostgreSQL would look through one month too many with <=.
    table = visitors.table.alias("earlier")
    earlier = table.c
    same = and_(*(earlier[name] == visit[name] for name in visitors.who))
    return (
        select(func.max(earlier.date))
        .where(same, earlier.date < literal_day(before), days(earlier.date), visitors.came(earlier))
        .correlate_except(table)
        .scalar_subquery()
    )
