"""Distinct supporters or viewers of a creator in any period: sums of supporter_returns or viewer_returns."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, func, or_, select

from aggregation.periods import Period
from aggregation.summaries import ratio


@dataclass(frozen=True)
class People:
    """`new`: of `total` distinct ones, those who came to the creator for the first time ever."""

    total: int
    new: int

    @property
    def returning(self) -> Decimal | None:
        """Of every 100, those who had come before the period."""
        return ratio(self.total - self.new, self.total, 100)


def over(connection: Connection, table: Table, creator_id: int, period: Period) -> People:
    row = table.c
    came, never_before = _people(table), row.days_since == 0
    first_in_period = or_(never_before, row.date - row.days_since < period.first)
    total, new = connection.execute(
        select(func.sum(came).filter(first_in_period), func.sum(came).filter(never_before)).where(
            row.creator_id == creator_id, row.date.between(period.first, period.last)
        )
    ).one()
    return People(int(total or 0), int(new or 0))


def by_day(
    connection: Connection, table: Table, creator_id: int, period: Period
) -> dict[date, tuple[int, int]]:
    """Of each day with any: how many came for the first time ever, and how many had come before."""
    row, came = table.c, _people(table)
    new = func.coalesce(func.sum(came).filter(row.days_since == 0), 0)
    found = connection.execute(
        select(row.date, new, func.sum(came) - new)
        .where(row.creator_id == creator_id, row.date.between(period.first, period.last))
        .group_by(row.date)
    )
    return {day: (int(first), int(again)) for day, first, again in found}


def _people(table: Table) -> Any:
    return next(column for column in table.columns if not column.primary_key)
