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
    Table,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ZERO, literal_day

Came = Callable[[Any], ColumnElement[bool]]
Known = Callable[[Any], ColumnElement[date]]
NEVER = literal_column("DATE '-infinity'", Date)


def anybody(_row: Any) -> ColumnElement[bool]:
    return true()


def unknown(_row: Any) -> ColumnElement[date]:
    return cast(null(), Date)


def in_span(
    table: Table, who: Sequence[str], first: date, last: date, came: Came = anybody, known: Known = unknown
) -> Any:
    """`who`, date, previous: a row for each day in the span on which somebody came.

    `who` begins the key of `table`, and `came` says which of its rows are a visit. `known`: the newest day on
    which the one of a row has come (or NEVER), where something else knows; null where nothing does.
    """
    days = table.c.date.between(literal_day(first), literal_day(last))
    visit = _with_lag(table, who, days, came, known)
    # Only the first day in the span has to be looked up, by the primary key.
    newest = case(
        (visit.known < visit.date, func.nullif(visit.known, NEVER)),
        else_=_newest(table, who, visit, first, came),
    )
    previous = func.coalesce(visit.previous, newest)
    return _visits(who, visit, previous).subquery("visits").c


def next_after(table: Table, who: Sequence[str], last: date, came: Came = anybody) -> Any:
    """The same for the first day after `last` on which each came: only there can days until then matter."""
    visit = _with_lag(table, who, table.c.date > literal_day(last), came, unknown)
    previous = _newest(table, who, visit, last + ONE_DAY, came)
    return _visits(who, visit, previous).where(visit.previous.is_(None)).subquery("next_visits").c


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


def _with_lag(table: Table, who: Sequence[str], days: ColumnElement[bool], came: Came, known: Known) -> Any:
    """`who`, date, previous among these days; in the order of the key, which makes look-ups by it cheap."""
    row = table.c
    people = [row[name] for name in who]
    before = func.lag(row.date).over(partition_by=people, order_by=row.date).label("previous")
    columns = (*people, row.date, before, known(row).label("known"))
    return select(*columns).where(came(row), days).subquery("days_with_lag").c


def _visits(who: Sequence[str], visit: Any, previous: ColumnElement[Any]) -> Select[Any]:
    return select(*(visit[name] for name in who), visit.date, previous.label("previous"))


def _newest(table: Table, who: Sequence[str], visit: Any, before: date, came: Came) -> Any:
    earlier = table.alias("earlier").c
    same = and_(*(earlier[name] == visit[name] for name in who))
    return (
        select(func.max(earlier.date))
        .where(same, earlier.date < literal_day(before), came(earlier))
        .scalar_subquery()
    )
