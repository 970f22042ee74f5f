"""session_lengths: how many sessions lasted how long."""

from datetime import date
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, case, cast, false, func, literal_column, select

from aggregation.jobs.events import LARGEST_INTEGER, ZERO, day_of, given, within
from aggregation.schema import SESSION_STEPS, user_sessions, users


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """date, minutes, sessions. A session counts on the day it starts, once its length is known."""
    if "user_sessions" in missing:
        return _nothing()
    session = user_sessions.c
    return _counted(
        day_of(session.started_at),
        _class(session.duration_seconds),
        given(session.user_id),
        session.duration_seconds.between(ZERO, literal_column(str(LARGEST_INTEGER))),
        within(session.started_at, first, last),
    )


def _nothing() -> Select[Any]:
    return _counted(day_of(users.c.created_at), cast(ZERO, Integer), false())


def _counted(day: Any, minutes: Any, *those: ColumnElement[bool]) -> Select[Any]:
    return (
        select(day.label("date"), minutes.label("minutes"), func.count().label("sessions"))
        .where(*those)
        .group_by(day, minutes)
    )


def _class(seconds: ColumnElement[Any]) -> ColumnElement[int]:
    """The step at which its class begins."""
    below: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
        (seconds < literal_column(str(60 * end)), literal_column(str(begin)))
        for begin, end in pairwise(SESSION_STEPS)
    ]
    return cast(case(*below, else_=literal_column(str(SESSION_STEPS[-1]))), Integer)
