"""gifter_months: what each user spent on gifts in a calendar month, once that is over."""

from datetime import date
from typing import Any

from sqlalchemy import Column, Date, Select, false, select, values

from aggregation.days import ONE_DAY, months
from aggregation.jobs.events import gifts, literal_day, money


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """user_id, date (the month's last day), amount (both shares); of the months that end in the span."""
    over = [(begin, end) for begin, end in months(first.replace(day=1), last) if (end + ONE_DAY).day == 1]
    begin, end = (over[0][0], over[-1][1]) if over else (first, last)
    month = values(Column("first", Date), Column("date", Date), name="calendar_months").data(
        [(literal_day(first), literal_day(last)) for first, last in over or [(begin, end)]]
    )
    gift = gifts(begin, end)
    spent = (
        select(
            gift.c.sender_id.label("user_id"),
            month.c.date,
            money(gift.c.creator_share + gift.c.platform_share).label("amount"),
        )
        .select_from(gift.join(month, gift.c.date.between(month.c.first, month.c.date)))
        .group_by(gift.c.sender_id, month.c.date)
    )
    return spent if over else spent.where(false())
