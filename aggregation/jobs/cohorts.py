"""retention_cohorts: how many of a day's new users were active exactly N days later."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    Values,
    and_,
    case,
    literal_column,
    or_,
    select,
    values,
)

from aggregation.days import days_between
from aggregation.jobs.events import (
    ACTIVITY,
    ONE,
    ZERO,
    active_users,
    day_of,
    literal_day,
    total,
    unavailable,
    within,
)
from aggregation.schema import COHORT_OFFSETS, retention_cohorts, users


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """cohort_date, cohort_size, day_0 … for the cohorts that were N days old on one of the days.

    A span of activity days touches cohorts up to 90 days older than itself; of each only the cells
    that fall into the span, the others are null and what is stored of them stays.
    """
    cell = _cells(first, last)
    member = _members(first, last)
    joined = cell.join(member, member.c.cohort_date == cell.c.cohort_date)
    if ACTIVITY & missing:
        counts = [unavailable(retention_cohorts, f"day_{age}") for age in COHORT_OFFSETS]
    else:
        active = _active_days(first, last)
        joined = joined.outerjoin(
            active, and_(active.c.user_id == member.c.id, active.c.date == cell.c.activity_date)
        )
        was_active = case((active.c.user_id.is_not(None), ONE), else_=ZERO)
        counts = [total(case((cell.c.age == literal_column(str(age)), was_active))) for age in COHORT_OFFSETS]
    size = total(case((cell.c.counts_size, ONE), else_=ZERO))
    return (
        select(
            cell.c.cohort_date,
            size.label("cohort_size"),
            *(count.label(f"day_{age}") for age, count in zip(COHORT_OFFSETS, counts, strict=True)),
        )
        .select_from(joined)
        .group_by(cell.c.cohort_date)
    )


def _cells(first: date, last: date) -> Values:
    """A row a cell: cohort_date, age in days, activity_date; at one of a cohort's cells its size counts."""
    return values(
        Column("cohort_date", Date),
        Column("age", Integer),
        Column("activity_date", Date),
        Column("counts_size", Boolean),
        name="cells",
    ).data(list(_cell_rows(first, last)))


def _cell_rows(first: date, last: date) -> Iterator[tuple[ColumnElement[Any], ...]]:
    seen: set[date] = set()
    for age in COHORT_OFFSETS:
        for day in days_between(first, last):
            cohort = day - timedelta(days=age)
            yield (
                literal_day(cohort),
                literal_column(str(age)),
                literal_day(day),
                literal_column("false" if cohort in seen else "true"),
            )
            seen.add(cohort)


def _members(first: date, last: date) -> Subquery:
    """id, cohort_date of the users of these cohorts; a range of days for each age, for the index."""
    ranges = (
        within(users.c.created_at, first - timedelta(days=age), last - timedelta(days=age))
        for age in COHORT_OFFSETS
    )
    return (
        select(users.c.id, day_of(users.c.created_at).label("cohort_date"))
        .where(or_(*ranges))
        .subquery("members")
    )


def _active_days(first: date, last: date) -> Subquery:
    activity = active_users(first, last).c
    return select(activity.user_id, activity.date).distinct().subquery("active_days")
