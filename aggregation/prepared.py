"""Statements that are made once for all spans of days alike, and told the days when they run.

Putting one together and compiling it takes Python longer than PostgreSQL takes to run it for a quiet day.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Select

from aggregation.days import RelativeDay, Unforeseeable
from aggregation.restatements import Entry

# Of about 3 kB. A history that is computed twice, month by month, has 400.
MOST = 2_000


@dataclass(frozen=True)
class Span:
    """The days that a run computes, both inclusive. What is stored from `since` until `first` is removed."""

    first: date
    last: date
    since: date
    restated: Entry | None = None

    def relative(self) -> "Span":
        """The same, counted from `first`."""
        first, last, since = (
            cast("date", RelativeDay((day - self.first).days)) for day in (self.first, self.last, self.since)
        )
        return Span(first, last, since, self.restated)

    def shape(self) -> Hashable:
        """What spans have in common whose statements differ in nothing but the values of parameters."""
        spans = None if self.restated is None else len(self.restated.spans)
        return (self.last - self.first).days, (self.since - self.first).days, spans

    def made(self) -> dict[str, Any]:
        return {} if self.restated is None else self.restated.parameters()


Make = Callable[[Span], Select[Any]]


@dataclass(frozen=True)
class Prepared:
    """`days`: by parameter, how long after the span's first day it is."""

    sql: str
    constants: dict[str, Any]
    days: dict[str, int]

    def parameters(self, span: Span) -> dict[str, Any]:
        midnight = datetime.combine(span.first, time())
        days = {
            name: (midnight if name.startswith(RelativeDay.MIDNIGHT) else span.first) + timedelta(days=after)
            for name, after in self.days.items()
        }
        return {**self.constants, **days, **span.made()}


ABSENT = Prepared("", {}, {})
_prepared: dict[Hashable, Prepared | None] = {}


def scalar(connection: Connection, what: Hashable, make: Make, span: Span) -> Any:
    """The one value that the statement of `make` gives for these days.

    `what`: all else that the statement depends on. Where it depends on which days they are, since it names
    each Sunday, say, it is made anew each time.
    """
    key = (what, span.shape())
    # Looked up once: another thread may forget them all meanwhile.
    known = _prepared.get(key, ABSENT)
    if known is ABSENT:
        if len(_prepared) >= MOST:
            forget()
        known = _prepared[key] = prepare(connection, make, span)
    if known is None:
        return connection.execute(make(span)).scalar_one()
    return connection.exec_driver_sql(known.sql, known.parameters(span)).scalar_one()


def forget() -> None:
    """All of them; each is made anew when it is asked for."""
    _prepared.clear()


def prepare(connection: Connection, make: Make, span: Span) -> Prepared | None:
    """None where the statement depends on which days they are."""
    try:
        statement = make(span.relative())
    except Unforeseeable:
        return None
    compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
    days = {name: after for name in compiled.params if (after := RelativeDay.of_parameter(name)) is not None}
    constants = {name: value for name, value in compiled.params.items() if name not in days}
    return Prepared(str(compiled), constants, days)
