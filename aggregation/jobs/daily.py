"""daily_analytics: the platform's day. A row for every day, also one without events."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, FromClause, Select, Subquery, cast, func, literal_column, select

from aggregation.jobs.events import (
    ACTIVITY,
    EARLIEST,
    ZERO,
    active_users,
    calendar,
    day_of,
    gifts,
    midnight,
    money,
    unavailable,
    within,
)
from aggregation.schema import daily_analytics, users


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, total_users, active_users, new_users, the gifts' sums and top_spark_id of each day."""
    days = calendar(first, last)
    signups, gift_sums, top = _signups(first, last), _gift_sums(first, last), _top_sparks(first, last)
    new_users = func.coalesce(signups.c.new_users, ZERO)
    total_users = _users_before(first) + func.sum(new_users).over(order_by=days.c.date)
    query: FromClause = days
    for facts in (signups, gift_sums, top):
        query = query.outerjoin(facts, facts.c.date == days.c.date)
    if ACTIVITY & missing:
        active: Any = unavailable(daily_analytics, "active_users")
    else:
        activity = _active(first, last)
        query = query.outerjoin(activity, activity.c.date == days.c.date)
        active = func.coalesce(activity.c.active_users, ZERO)
    return select(
        days.c.date,
        cast(total_users, BigInteger).label("total_users"),
        active.label("active_users"),
        new_users.label("new_users"),
        func.coalesce(gift_sums.c.gifts, ZERO).label("total_gifts_sent"),
        *(
            func.coalesce(gift_sums.c[name], ZERO).label(name)
            for name in ("total_revenue", "creator_earnings", "platform_earnings")
        ),
        top.c.spark_id.label("top_spark_id"),
    ).select_from(query)


def _users_before(first: date) -> Any:
    created_at = users.c.created_at
    return (
        select(func.count())
        .select_from(users)
        .where(created_at >= EARLIEST, created_at < midnight(first))
        .scalar_subquery()
    )


def _signups(first: date, last: date) -> Subquery:
    day = day_of(users.c.created_at)
    return (
        select(day.label("date"), func.count().label("new_users"))
        .where(within(users.c.created_at, first, last))
        .group_by(day)
        .subquery("signups")
    )


def _gift_sums(first: date, last: date) -> Subquery:
    gift = gifts(first, last).c
    return (
        select(
            gift.date,
            func.count().label("gifts"),
            money(gift.creator_share + gift.platform_share).label("total_revenue"),
            money(gift.creator_share).label("creator_earnings"),
            money(gift.platform_share).label("platform_earnings"),
        )
        .group_by(gift.date)
        .subquery("gift_sums")
    )


def _top_sparks(first: date, last: date) -> Subquery:
    """Most sent, then highest value, then lowest id."""
    gift = gifts(first, last).c
    best_first = (
        func.count().desc(),
        money(gift.creator_share + gift.platform_share).desc(),
        gift.spark_id.asc(),
    )
    rank = func.row_number().over(partition_by=gift.date, order_by=best_first)
    ranked = (
        select(gift.date, gift.spark_id, rank.label("rank")).group_by(gift.date, gift.spark_id).subquery()
    )
    return (
        select(ranked.c.date, ranked.c.spark_id)
        .where(ranked.c.rank == literal_column("1"))
        .subquery("top_sparks")
    )


def _active(first: date, last: date) -> Subquery:
    activity = active_users(first, last).c
    # Not count(DISTINCT …), which sorts.
    once = select(activity.date, activity.user_id).distinct().subquery("active_once").c
    return select(once.date, func.count().label("active_users")).group_by(once.date).subquery("active")
