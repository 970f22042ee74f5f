"""cohort_value: what users spent on gifts so many days after signing up."""

from datetime import date
from typing import Any

from sqlalchemy import Select, select

from aggregation.jobs.cohort_activity import FOLLOWED, aged, members
from aggregation.jobs.events import ZERO, gifts, money
from aggregation.schema import OLDEST_AGE


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, age, amount (both shares); only ages at which there was a gift."""
    gift, member = gifts(first, last), members(first - FOLLOWED, last)
    age = aged(gift.c.date, member)
    return (
        select(
            gift.c.date,
            age.label("age"),
            money(gift.c.creator_share + gift.c.platform_share).label("amount"),
        )
        .select_from(gift.join(member, member.c.id == gift.c.sender_id))
        .where(age.between(ZERO, OLDEST_AGE))
        .group_by(gift.c.date, member.c.cohort_date)
    )
