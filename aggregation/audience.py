"""Who is active and how often: sums of small rows, of user_returns above all, never the users themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Column, ColumnElement, Connection, Date, case, func, select, values

from aggregation import ledger
from aggregation.jobs.events import literal_day
from aggregation.periods import Period
from aggregation.schema import SESSION_STEPS, session_lengths, user_frequency, user_returns

WEEK, MONTH = 7, 28
# Whose runs say which days have been counted.
VISITS, FREQUENCY = "returns", "frequency"


@dataclass(frozen=True)
class Lifecycle:
    """The active users of a period by where they come from: new + returning + resurrected = active.

    `dormant` were active in the period before, and not in this one; None where the numbers don't reach
    back over all of that period.
    """

    period: Period
    new: int
    returning: int
    resurrected: int
    dormant: int | None

    @property
    def active(self) -> int:
        return self.new + self.returning + self.resurrected


def blocks(period: Period, days: int) -> list[Period]:
    """The period cut into stretches of so many days, all of them whole: the first may begin before it."""
    count = -(-period.days // days)
    return [Period.ending(period.last - timedelta(days=days * n), days) for n in reversed(range(count))]


def lifecycles(connection: Connection, periods: Sequence[Period], begin: date) -> list[Lifecycle]:
    """Of periods of one length, one right after the other. `begin`: the first day of all."""
    before = periods[0].shifted(-periods[0].days)
    counts = _counts(connection, [before, *periods])
    return [
        Lifecycle(
            period,
            *now,
            dormant=sum(earlier) - now[1] if period.first - timedelta(days=period.days) >= begin else None,
        )
        for period, earlier, now in zip(periods, counts, counts[1:], strict=False)
    ]


def first_visits_by_kind(connection: Connection, period: Period) -> dict[date, tuple[int, int, int]]:
    """By the day of their first visit in the period: new, returning, resurrected users; they add up."""
    visit = user_returns.c
    before = period.shifted(-period.days)
    kinds = _kinds(before.first, period.first)
    rows = connection.execute(
        select(visit.date, *(func.sum(case((kind, visit.users), else_=0)) for kind in kinds))
        .where(visit.date.between(period.first, period.last))
        .group_by(visit.date)
    )
    return {day: (int(new), int(back), int(risen)) for day, new, back, risen in rows}


def _kinds(before: Any, first: Any) -> tuple[ColumnElement[bool], ...]:
    """A visit that is a user's first one ever, the first after one in the period before, or after a longer
    time. `first`: the first day of the period, `before`: that of the one before it."""
    visit = user_returns.c
    previous, ever = visit.date - visit.days_since, visit.days_since == 0
    return ever, ~ever & (previous >= before) & (previous < first), ~ever & (previous < before)


def _counts(connection: Connection, periods: Sequence[Period]) -> list[tuple[int, int, int]]:
    """Of each period its new, returning and resurrected users."""
    span = values(Column("first", Date), Column("last", Date), Column("before", Date), name="spans").data(
        [tuple(map(literal_day, (each.first, each.last, each.shifted(-each.days).first))) for each in periods]
    )
    visit, end = user_returns.c, span.c
    sums = (func.sum(case((kind, visit.users), else_=0)) for kind in _kinds(end.before, end.first))
    rows = connection.execute(
        select(end.first, *sums)
        .select_from(user_returns.join(span, visit.date.between(end.first, end.last)))
        .group_by(end.first)
    )
    counted = {
        first: (int(new), int(returning), int(resurrected)) for first, new, returning, resurrected in rows
    }
    return [counted.get(each.first, (0, 0, 0)) for each in periods]


def reach(connection: Connection, period: Period, begin: date) -> pd.DataFrame:
    """date, dau, wau, mau, visits (Σ of the 28 days' dau): a row a day.

    None where not all of a window's days lie behind `begin`, or one of them has not been counted.
    """
    first = period.first - timedelta(days=MONTH - 1)
    came, back = _visits(connection, Period(first, period.last))
    gaps = set(ledger.missing_days(connection, [VISITS], max(first, begin), period.last))
    days = Period(first, period.last).dates()
    known = np.array([day >= begin and day not in gaps for day in days])
    columns: dict[str, Any] = {"date": period.dates()}
    for name, length in (("dau", 1), ("wau", WEEK), ("mau", MONTH)):
        columns[name] = _windows(_distinct(came, back, length), known, length)
    columns["visits"] = _windows(_sums(came, MONTH), known, MONTH)
    return pd.DataFrame(columns, dtype=object)


def _visits(connection: Connection, period: Period) -> tuple[np.ndarray, np.ndarray]:
    """How many came on each day; and how many of them had last come at most n days before, by n."""
    visit = user_returns.c
    away = case((visit.days_since < MONTH, visit.days_since), else_=0).label("away")
    rows = connection.execute(
        select(visit.date, away, func.sum(visit.users))
        .where(visit.date.between(period.first, period.last))
        .group_by(visit.date, away)
    )
    counts = np.zeros((period.days, MONTH), dtype=np.int64)
    for day, days, users in rows:
        counts[(day - period.first).days, days] = users
    came = counts.sum(axis=1)
    counts[:, 0] = 0
    return came, counts.cumsum(axis=1)


def _distinct(came: np.ndarray, back: np.ndarray, length: int) -> np.ndarray:
    """Distinct users of the `length` days that end with each day from the 28th on."""
    return np.array(
        [
            sum(came[end - k] - back[end - k, length - 1 - k] for k in range(length))
            for end in range(MONTH - 1, len(came))
        ]
    )


def _sums(came: np.ndarray, length: int) -> np.ndarray:
    return np.array([came[end - length + 1 : end + 1].sum() for end in range(MONTH - 1, len(came))])


def _windows(counts: np.ndarray, known: np.ndarray, length: int) -> list[int | None]:
    return [
        int(count) if known[end - length + 1 : end + 1].all() else None
        for end, count in enumerate(counts, start=MONTH - 1)
    ]


def frequency(connection: Connection, last: date) -> tuple[date, list[int]] | None:
    """The newest Sunday until `last`, and how many users were active on 1, 2, … 28 of the days to it.

    None where there is none yet, or it has not been counted.
    """
    sunday = last - timedelta(days=(last.weekday() + 1) % 7)
    if ledger.missing_days(connection, [FREQUENCY], sunday, sunday):
        return None
    row = user_frequency.c
    found = connection.execute(select(row.days, row.users).where(row.date == sunday))
    users = {days: int(count) for days, count in found}
    return sunday, [users.get(days, 0) for days in range(1, MONTH + 1)]


def lengths_of_sessions(connection: Connection, period: Period) -> list[int]:
    """How many sessions of each class of SESSION_STEPS."""
    row = session_lengths.c
    found = connection.execute(
        select(row.minutes, func.sum(row.sessions))
        .where(row.date.between(period.first, period.last))
        .group_by(row.minutes)
    )
    sessions = {minutes: int(count) for minutes, count in found}
    return [sessions.get(minutes, 0) for minutes in SESSION_STEPS]
