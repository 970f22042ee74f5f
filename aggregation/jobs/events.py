"""What counts: the valid rows of the platform's tables, as selectables that the jobs share.

A row that can't be true (a null id, a share that is NaN, a time at infinity) never gets past here.
Every span of days is inclusive; in the SQL it is the half-open `[first 00:00, last + 1 day 00:00)`, UTC.
Only what other engines understand too is used: no FILTER, no generate_series, no division.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    Numeric,
    Select,
    Subquery,
    Table,
    Text,
    Values,
    and_,
    bindparam,
    cast,
    column,
    distinct,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
    values,
)

from aggregation.days import ONE_DAY, RelativeDay, days_between
from aggregation.schema import (
    INTERACTION_KINDS,
    LARGEST_SHARE,
    follows,
    transactions,
    user_sessions,
    video_interactions,
    video_watches,
    virtual_gifts,
)

# Without both of them nobody can say who was active.
ACTIVITY = frozenset({"user_sessions", "video_watches"})
LARGEST_INTEGER = 2_147_483_647
# Times outside are not times: "zero" dates of year 1, infinity. They are left out of stocks, too.
EARLIEST: ColumnElement[datetime] = literal_column("TIMESTAMP '1970-01-01 00:00:00'", DateTime)
LATEST: ColumnElement[datetime] = literal_column("TIMESTAMP '9999-01-01 00:00:00'", DateTime)
ZERO: ColumnElement[int] = literal_column("0", BigInteger)
ONE: ColumnElement[int] = literal_column("1", BigInteger)


# ---- days ----


# As parameters, so that the same statement does for other days. Cast for engines that are given its text.
def midnight(day: date | RelativeDay) -> ColumnElement[datetime]:
    if isinstance(day, RelativeDay):
        return cast(bindparam(day.parameter(RelativeDay.MIDNIGHT), type_=DateTime), DateTime)
    return cast(datetime.combine(day, time()), DateTime)


def literal_day(day: date | RelativeDay) -> ColumnElement[date]:
    if isinstance(day, RelativeDay):
        return cast(bindparam(day.parameter(RelativeDay.DAY), type_=Date), Date)
    return cast(day, Date)


def day_of(moment: ColumnElement[Any]) -> ColumnElement[date]:
    return cast(moment, Date)


def within(moment: ColumnElement[Any], first: date, last: date) -> ColumnElement[bool]:
    return and_(moment >= midnight(first), moment < midnight(last + ONE_DAY))


def finite(moment: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(moment >= EARLIEST, moment < LATEST)


def calendar(first: date, last: date) -> Values:
    """One row a day, with or without events: `date`."""
    rows = [(literal_day(day),) for day in days_between(first, last)]
    return values(column("date", Date), name="calendar").data(rows)


# ---- valid rows ----


def _share_in_bounds(share: ColumnElement[Any]) -> ColumnElement[bool]:
    return share.between(literal_column("0"), literal_column(LARGEST_SHARE))


def cents(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """Rounded row by row, so that a source of floats adds up exactly, too."""
    return cast(amount, Numeric(12, 2))


def given(*ids: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(*(id_.is_not(None) for id_ in ids))


def counted_gifts(status: str = "completed") -> ColumnElement[bool]:
    """The condition on `virtual_gifts`, without its time."""
    return and_(virtual_gifts.c.status == status, possible_gifts())


def possible_gifts() -> ColumnElement[bool]:
    """The same whatever became of the gift."""
    gift = virtual_gifts.c
    return and_(
        _share_in_bounds(gift.creator_share),
        _share_in_bounds(gift.platform_share),
        given(gift.sender_id, gift.recipient_id, gift.spark_id),
    )


def gifts(first: date, last: date, status: str = "completed") -> Subquery:
    """date, hour, spark_id, sender_id, recipient_id, video_id and both shares: a row a gift."""
    gift = virtual_gifts.c
    return (
        select(
            day_of(gift.created_at).label("date"),
            func.date_trunc("hour", cast(gift.created_at, DateTime)).label("hour"),
            gift.spark_id,
            gift.sender_id,
            gift.recipient_id,
            gift.video_id,
            cents(gift.creator_share).label("creator_share"),
            cents(gift.platform_share).label("platform_share"),
        )
        .where(counted_gifts(status), within(gift.created_at, first, last))
        .subquery("gifts")
    )


def sessions(first: date, last: date) -> Subquery:
    """user_id, date, seconds: a row a session; one still running has 0 seconds."""
    session = user_sessions.c
    seconds = func.coalesce(session.duration_seconds, ZERO)
    return (
        select(
            session.user_id,
            day_of(session.started_at).label("date"),
            cast(seconds, Integer).label("seconds"),
        )
        .where(
            given(session.user_id),
            # Not of `seconds`: of an expression the planner knows nothing, and takes all rows for a few.
            or_(
                session.duration_seconds.is_(None),
                session.duration_seconds.between(ZERO, literal_column(str(LARGEST_INTEGER))),
            ),
            within(session.started_at, first, last),
        )
        .subquery("sessions")
    )


def watches(first: date, last: date) -> Subquery:
    """user_id, video_id, date: a row a watch."""
    watch = video_watches.c
    return (
        select(watch.user_id, watch.video_id, day_of(watch.watched_at).label("date"))
        .where(given(watch.user_id, watch.video_id), within(watch.watched_at, first, last))
        .subquery("watches")
    )


def interactions(first: date, last: date) -> Subquery:
    """kind, video_id, date: a row an interaction."""
    interaction = video_interactions.c
    kind = cast(interaction.kind, Text)
    return (
        select(kind.label("kind"), interaction.video_id, day_of(interaction.created_at).label("date"))
        .where(
            given(interaction.user_id, interaction.video_id),
            kind.in_([literal_column(f"'{known}'", Text) for known in INTERACTION_KINDS]),
            within(interaction.created_at, first, last),
        )
        .subquery("interactions")
    )


def payments(first: date, last: date) -> Subquery:
    """date, source, amount: a row a completed transaction. Gifts have their own ledger."""
    payment = transactions.c
    source = cast(payment.source, Text)
    return (
        select(
            day_of(payment.created_at).label("date"),
            source.label("source"),
            cents(payment.amount).label("amount"),
        )
        .where(
            payment.status == "completed",
            source != "gifts",
            _share_in_bounds(payment.amount),
            within(payment.created_at, first, last),
        )
        .subquery("payments")
    )


def counted_follows() -> ColumnElement[bool]:
    """The condition on `follows`, whichever of its two times is looked at."""
    follow = follows.c
    return and_(
        given(follow.follower_id, follow.creator_id),
        finite(follow.created_at),
        or_(follow.unfollowed_at.is_(None), finite(follow.unfollowed_at)),
    )


def active_users(first: date, last: date) -> Subquery:
    """user_id, date: who had a session, watched or sent a gift; repeated for each time."""
    session, watch, gift = sessions(first, last), watches(first, last), gifts(first, last)
    return union_all(
        select(session.c.user_id, session.c.date),
        select(watch.c.user_id, watch.c.date),
        select(gift.c.sender_id.label("user_id"), gift.c.date),
    ).subquery("active_users")


# ---- sums ----


def total(amount: ColumnElement[Any], kind: Any = None) -> ColumnElement[Any]:
    """A sum that all engines give the same type: a bigint unless `kind` says otherwise."""
    return cast(func.sum(amount), kind or BigInteger())


def money(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return total(amount, Numeric(18, 2))


def people(user_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Who they were: a sorted list, each once, of the same type whatever the source's ids are."""
    return cast(func.array_agg(distinct(user_id)), ARRAY(BigInteger))


def unavailable(target: Table, name: str) -> ColumnElement[Any]:
    return cast(null(), target.c[name].type)


def summed(
    target: Table,
    measures: Sequence[str],
    parts: Iterable[Select[Any]],
    without: Collection[str] = (),
    *,
    counts: Collection[str],
) -> Select[Any]:
    """Partial aggregates of several sources as rows of `target`.

    The parts are put one below the other and summed by the target's key: two facts are never joined.
    A measure that a part lacks is 0 there; those in `without` are null. `counts` are measures whose
    parts fit into 32 bits: summing those is several times cheaper.
    """
    keys = [key.name for key in target.primary_key]
    stacked = union_all(*(_aligned(part.subquery(), keys, measures, counts) for part in parts))
    row = stacked.subquery("stacked").c
    sums = [
        unavailable(target, name) if name in without else total(row[name], target.c[name].type)
        for name in measures
    ]
    return select(
        *(row[key] for key in keys),
        *(value.label(name) for name, value in zip(measures, sums, strict=True)),
    ).group_by(*(row[key] for key in keys))


def _aligned(
    part: FromClause, keys: Sequence[str], measures: Sequence[str], counts: Collection[str]
) -> Select[Any]:
    filled = [part.c.get(name, ZERO) for name in measures]
    typed = (
        cast(value, Integer) if name in counts else value
        for name, value in zip(measures, filled, strict=True)
    )
    return select(
        *(part.c[key] for key in keys),
        *(value.label(name) for name, value in zip(measures, typed, strict=True)),
    )
