"""creator_months: what each creator had had in the month by the end of each day.

By it what all creators had in any period is a sum of few rows, one a boundary and one a month's end between
them: as many for a year as for two weeks, and as many with few gifts as with many.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    DateTime,
    Select,
    Subquery,
    case,
    cast,
    func,
    null,
    or_,
    select,
    union_all,
    values,
)

from aggregation.days import ONE_DAY, days_between
from aggregation.jobs.events import ONE, ZERO, literal_day
from aggregation.schema import creator_metrics, creator_months, creator_video_gifts

MEASURES = ("earnings", "gifts", "views", "reactions", "video_earnings")
# Null from the first day on that doesn't know them: half a sum would mislead.
UNKNOWN = {"views": "views_unknown", "reactions": "reactions_unknown"}


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, creator_id and the month's sums so far: for every creator from the first of them on.

    Goes on from the day before where that is known. Otherwise creator_metrics and creator_video_gifts are
    read from the month's begin on. What is read has to be right already.
    """
    had, day = _had(first, last), _days(first, last)
    names = (*MEASURES, *UNKNOWN.values())
    creator = select(had.c.creator_id, had.c.month).distinct().subquery("creators")
    both = union_all(
        select(
            had.c.creator_id, had.c.month, had.c.date, *(had.c[name] for name in names), ZERO.label("wanted")
        ),
        select(creator.c.creator_id, creator.c.month, day.c.date, *(ZERO for _ in names), ONE).select_from(
            creator.join(day, day.c.month == creator.c.month)
        ),
    ).subquery("both")
    row = _so_far(both, names).c
    sums = {name: _known(row, name) for name in MEASURES}
    return select(
        row.date,
        row.creator_id,
        *(cast(value, creator_months.c[name].type).label(name) for name, value in sums.items()),
    ).where(row.wanted == ONE, or_(*(sums[name] > ZERO for name in ("gifts", "views", "reactions"))))


def _so_far(both: Subquery, names: tuple[str, ...]) -> Subquery:
    keys = [both.c.creator_id, both.c.month, both.c.date]
    sums = (func.sum(both.c[name]).label(name) for name in names)
    day = select(*keys, *sums, func.max(both.c.wanted).label("wanted")).group_by(*keys).subquery("by_day").c
    window: dict[str, Any] = {
        "partition_by": [day.creator_id, day.month],
        "order_by": day.date,
        "rows": (None, 0),
    }
    so_far = (func.sum(day[name]).over(**window).label(name) for name in names)
    return select(day.date, day.creator_id, *so_far, day.wanted).subquery("so_far")


def _known(row: Any, name: str) -> ColumnElement[Any]:
    return case((row[UNKNOWN[name]] > ZERO, null()), else_=row[name]) if name in UNKNOWN else row[name]


def _had(first: date, last: date) -> Any:
    """creator_id, month, date and the day's measures; what came in the month before `first` as one day."""
    part = union_all(*_parts(first, last)).subquery("parts")
    names = (*MEASURES, *UNKNOWN.values())
    before = first - ONE_DAY
    day = case((part.c.date < literal_day(first), literal_day(before)), else_=part.c.date).label("date")
    month = _month_of(part.c.date).label("month")
    sums = (func.sum(part.c[name]).label(name) for name in names)
    return select(part.c.creator_id, month, day, *sums).group_by(part.c.creator_id, month, day).cte("had")


def _parts(first: date, last: date) -> Iterator[Select[Any]]:
    begin, known = first.replace(day=1), creator_months.c
    before = known.date == literal_day(first - ONE_DAY)
    since: ColumnElement[date] = literal_day(begin)
    if begin < first:
        yield select(
            known.creator_id,
            known.date,
            *(func.coalesce(known[name], ZERO).label(name) for name in MEASURES),
            *(_is_unknown(known[name]).label(unknown) for name, unknown in UNKNOWN.items()),
        ).where(before)
        since = case((select(ONE).where(before).exists(), literal_day(first)), else_=since)
    metric, given = creator_metrics.c, creator_video_gifts.c
    reactions = metric.video_likes + metric.video_comments + metric.video_shares
    span = (since, literal_day(last))
    yield select(
        metric.creator_id,
        metric.date,
        metric.gift_revenue.label("earnings"),
        metric.gifts_received.label("gifts"),
        func.coalesce(metric.video_views, ZERO).label("views"),
        func.coalesce(reactions, ZERO).label("reactions"),
        ZERO.label("video_earnings"),
        _is_unknown(metric.video_views).label("views_unknown"),
        _is_unknown(reactions).label("reactions_unknown"),
    ).where(metric.date.between(*span))
    yield select(given.creator_id, given.date, *(ZERO for _ in range(4)), given.amount, ZERO, ZERO).where(
        given.date.between(*span)
    )


def _is_unknown(measure: ColumnElement[Any]) -> ColumnElement[int]:
    return case((measure.is_(None), ONE), else_=ZERO)


def _month_of(day: ColumnElement[date]) -> ColumnElement[date]:
    return cast(func.date_trunc("month", cast(day, DateTime)), Date)


def _days(first: date, last: date) -> Any:
    rows = [(literal_day(day), literal_day(day.replace(day=1))) for day in days_between(first, last)]
    return values(Column("date", Date), Column("month", Date), name="days").data(rows)
