"""Today so far: the gifts of the running day by hour, seconds old, without reading the day again.

Each pass reads the gifts since a moment S, a minute or two ago, and adds them to what had been counted up
to S ("settled", kept in the same rows). Then it moves S on, to OVERLAP before the newest gift. So what is
committed within OVERLAP of its own time is counted by the next pass, in whatever order it comes, and so
are its refunds. What comes later than that, or is refunded later, is found by `recount`, which goes over
the hours of the running day one after the other. When the day is complete the daily jobs count it as ever,
and its rows here go.

Distinct people can't be added up from parts, and a refund takes people out again: they are left to the
daily jobs.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Row,
    Select,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql

from aggregation import versions
from aggregation.coverage import missing_sources
from aggregation.days import ONE_DAY, last_complete_day
from aggregation.engines import DATABASE
from aggregation.jobs.events import ZERO, cents, counted_gifts, money, total
from aggregation.publishing import publish
from aggregation.schema import running_creator_hours, running_day, running_hours, virtual_gifts
from aggregation.versions import Scope

ONE_HOUR = timedelta(hours=1)
# What is committed no later than this after its own time is counted at once.
OVERLAP = timedelta(minutes=1)
# S moves in steps: each rewrites the rows of all creators who got a gift since the last.
STEP = timedelta(seconds=30)

MEASURES = ("gifts", "revenue", "creator_share")


@dataclass(frozen=True)
class _Spot:
    """Where counting stands: days before `first` are complete, gifts before `settled` are settled."""

    first: date
    last: date
    settled: datetime

    @property
    def hour(self) -> datetime:
        return hour_of(self.settled)

    @property
    def end(self) -> datetime:
        return start_of(self.last + ONE_DAY)


def start_of(day: date) -> datetime:
    return datetime.combine(day, time())


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


# ---- a pass ----


def refresh(engine: Engine, now: datetime) -> None:
    """Count what came since the last pass. In one transaction on one snapshot.

    Raises UserError where a required source table is missing. Where another pass or a recount was at the
    same rows at the same time it raises DBAPIError (serialisation), and is to be done again.
    """
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with snapshot as connection, connection.begin():
        missing_sources(connection, DATABASE)
        _count(connection, now)
        versions.bump(connection, Scope.NOW)


def _count(connection: Connection, now: datetime) -> None:
    spot = _stands(connection, now)
    settled = _next_settled(connection, spot, now)
    first = start_of(spot.first)
    # What lies in the span and isn't among the new rows goes: so do the rows of complete days.
    for table, rows in (
        (running_creator_hours, _counted(spot, settled)),
        (running_hours, summed(running_creator_hours.c.hour >= spot.hour)),
    ):
        span = or_(table.c.hour < first, table.c.hour >= spot.hour)
        connection.execute(publish(table, rows, span)).scalar_one()
    connection.execute(delete(running_day).where(running_day.c.day != spot.last))
    stands = {"settled_through": settled, "counted_at": now}
    standing = postgresql.insert(running_day).values(day=spot.last, **stands)
    connection.execute(standing.on_conflict_do_update(index_elements=[running_day.c.day], set_=stands))


def _stands(connection: Connection, now: datetime) -> _Spot:
    last = now.astimezone(UTC).date()
    first = min(last_complete_day(now) + ONE_DAY, last)
    settled = connection.scalar(select(func.max(running_day.c.settled_through)))
    # A clock that was ahead has left rows of days to come.
    known = settled if settled and settled < start_of(last + ONE_DAY) else start_of(first)
    return _Spot(first, last, max(known, start_of(first)))


def _next_settled(connection: Connection, spot: _Spot, now: datetime) -> datetime:
    """By the gifts' own clock, so that one of ours which is ahead lets no gift pass by."""
    moment = cast(virtual_gifts.c.created_at, DateTime)
    newest = connection.scalar(select(func.max(moment)).where(_between(spot.settled, spot.end)))
    if newest is None:
        return spot.settled
    reached = min(newest, now.astimezone(UTC).replace(tzinfo=None)) - OVERLAP
    return reached if reached - spot.settled >= STEP else spot.settled


def _between(since: datetime, until: datetime) -> ColumnElement[bool]:
    moment = virtual_gifts.c.created_at
    return (moment >= literal(since, DateTime)) & (moment < literal(until, DateTime))


def _amounts() -> dict[str, ColumnElement[Any]]:
    """Of a gift, rounded row by row as everywhere."""
    gift = virtual_gifts.c
    creator, platform = cents(gift.creator_share), cents(gift.platform_share)
    return {"gifts": literal(1), "revenue": creator + platform, "creator_share": creator}


def _counted(spot: _Spot, settled: datetime) -> Select[Any]:
    """What running_creator_hours holds from the spot's hour on, when gifts before `settled` are settled."""
    part = _parts(spot, settled)
    return (
        select(
            part.hour,
            part.creator_id,
            *(_sum(name, part[name]).label(name) for name in MEASURES),
            *(_sum(name, part[f"settled_{name}"]).label(f"settled_{name}") for name in MEASURES),
        )
        .group_by(part.hour, part.creator_id)
        .having(func.sum(part.gifts) > 0)
    )


def _sum(name: str, amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return total(amount) if name == "gifts" else money(amount)


def _parts(spot: _Spot, settled: datetime) -> Any:
    """What is settled already, above the gifts since then: to be added up."""
    stored, gift = running_creator_hours.c, virtual_gifts.c
    before = [stored[f"settled_{name}"] for name in MEASURES]
    old = select(
        stored.hour,
        stored.creator_id,
        *(amount.label(name) for name, amount in zip(MEASURES, before, strict=True)),
        *before,
    ).where(stored.hour >= spot.hour)
    settles = gift.created_at < literal(settled, DateTime)
    amounts = _amounts()
    new = select(
        _hour(),
        gift.recipient_id,
        *(_sum(name, amount) for name, amount in amounts.items()),
        *(_sum(name, case((settles, amount), else_=ZERO)) for name, amount in amounts.items()),
    ).where(counted_gifts(), _between(spot.settled, spot.end))
    return union_all(old, new.group_by(_hour(), gift.recipient_id)).subquery("part").c


def _hour() -> ColumnElement[datetime]:
    return func.date_trunc("hour", cast(virtual_gifts.c.created_at, DateTime))


def summed(hours: ColumnElement[bool]) -> Select[Any]:
    """Rows of running_hours, from those of the creators."""
    row = running_creator_hours.c
    return (
        select(row.hour, *(_sum(name, row[name]).label(name) for name in MEASURES))
        .where(hours)
        .group_by(row.hour)
        .having(func.sum(row.gifts) > 0)
    )


# ---- the recount ----


def hours_to_recount(connection: Connection) -> list[datetime]:
    """The hours of the running day of which something is settled, oldest first."""
    stands = connection.execute(select(running_day)).one_or_none()
    if stands is None:
        return []
    first = start_of(min(stands.day, stands.settled_through.date()))
    return [first + n * ONE_HOUR for n in range((stands.settled_through - first) // ONE_HOUR + 1)]


def recount(engine: Engine, hour: datetime) -> int:
    """Count an hour again, as far as it is settled, and add what is missing; how many creators it changed.

    Passes go on meanwhile: what they add to the same rows lies after what is compared here.
    """
    with engine.begin() as connection:
        changed = connection.execute(_correction(hour)).rowcount
        if changed:
            same = running_hours.c.hour == hour
            connection.execute(publish(running_hours, summed(running_creator_hours.c.hour == hour), same))
            versions.bump(connection, Scope.NOW)
        return changed


def _correction(hour: datetime) -> Any:
    """One statement, so that the count and what it is compared with are of one snapshot.

    Adds differences: by the time they are written a pass may have added to the rows, too.
    """
    difference = _differences(hour)
    names = [f"{prefix}{name}" for prefix in ("", "settled_") for name in MEASURES]
    insertion = postgresql.insert(running_creator_hours).from_select(
        ["hour", "creator_id", *names],
        select(literal(hour, DateTime), difference.creator_id, *(difference[name] for name in MEASURES * 2))
        .where(or_(*(difference[name] != 0 for name in MEASURES)))
        .order_by(difference.creator_id),
    )
    stored = running_creator_hours.c
    return insertion.on_conflict_do_update(
        index_elements=[stored.hour, stored.creator_id],
        set_={name: stored[name] + insertion.excluded[name] for name in names},
    )


def _differences(hour: datetime) -> Any:
    """creator_id and what is missing of its settled gifts, too much being negative."""
    gift, stored = virtual_gifts.c, running_creator_hours.c
    until = func.least(
        literal(hour + ONE_HOUR, DateTime), select(func.max(running_day.c.settled_through)).scalar_subquery()
    )
    counted = select(
        gift.recipient_id.label("creator_id"),
        *(_sum(name, amount).label(name) for name, amount in _amounts().items()),
    ).where(counted_gifts(), gift.created_at >= literal(hour, DateTime), gift.created_at < until)
    taken = select(stored.creator_id, *(-stored[f"settled_{name}"] for name in MEASURES))
    both = union_all(counted.group_by(gift.recipient_id), taken.where(stored.hour == hour)).subquery()
    return (
        select(both.c.creator_id, *(_sum(name, both.c[name]).label(name) for name in MEASURES))
        .group_by(both.c.creator_id)
        .subquery()
        .c
    )


class Rounds:
    """Recounts, one hour after the other and again from the first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: datetime | None = None

    def go_on(self) -> None:
        with self._engine.connect() as connection:
            hours = hours_to_recount(connection)
        if hours:
            last = self._last
            self._last = next((hour for hour in hours if last and hour > last), hours[0])
            recount(self._engine, self._last)


# ---- reading ----


def counted_at(connection: Connection) -> datetime | None:
    """When the newest pass began (aware, UTC)."""
    newest: datetime | None = connection.scalar(select(func.max(running_day.c.counted_at)))
    return newest and newest.astimezone(UTC)


def by_hour(connection: Connection, day: date, creator_id: int | None = None) -> list[Row[Any]]:
    """hour (0–23, UTC), gifts, revenue, creator_share of the hours with a gift; of one creator or all."""
    hours = [start_of(day) + n * ONE_HOUR for n in range(24)]
    table = running_hours if creator_id is None else running_creator_hours
    row = table.c
    statement = select(func.extract("hour", row.hour).label("hour"), *(row[name] for name in MEASURES)).where(
        row.hour.in_(hours), row.gifts > 0
    )
    if creator_id is not None:
        statement = statement.where(row.creator_id == creator_id)
    return list(connection.execute(statement.order_by(row.hour)))
