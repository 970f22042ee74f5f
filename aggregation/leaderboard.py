"""All creators next to each other: what they had in a period, in order, a page at a time.

Nearly all of it comes from creator_months, so that a period costs a few rows a creator, however long it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Numeric,
    Select,
    Subquery,
    Text,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from aggregation import ledger
from aggregation.concentration import Concentration, concentration
from aggregation.periods import Period
from aggregation.schema import creator_metrics, creator_months, creator_profiles, supporter_returns

# Ids of more digits than this don't fit into the database's integers.
LONGEST_ID = 18


class Sort(StrEnum):
    NAME = "name"
    EARNINGS = "earnings"
    CHANGE = "change"
    GIFTS = "gifts"
    SUPPORTERS = "supporters"
    FOLLOWERS = "followers"
    ENGAGEMENT = "engagement"
    RPM = "rpm"


@dataclass(frozen=True)
class Order:
    """Which creators, and in which order: `find` is a part of a name, or an id."""

    sort: Sort = Sort.EARNINGS
    descending: bool = True
    find: str = ""


class Standing(NamedTuple):
    """A creator's row: sums of the period, `before` those of the compared one, followers at its end.

    None: nothing is compared, or the platform doesn't record it.
    """

    creator_id: int
    name: str
    earnings: Decimal
    before: Decimal | None
    gifts: int
    views: int | None
    reactions: int | None
    video_earnings: Decimal
    supporters: int
    followers: int | None


@dataclass(frozen=True)
class Spread:
    """How earnings are spread, and how many creators earned before and nothing now (None: not compared)."""

    now: Concentration
    before: Concentration | None
    went_dark: int | None


# ---- what all of it is summed from ----


def is_summed_up(connection: Connection, period: Period, coverage: Period) -> bool:
    """Whether all days that the sums of `period` hang on have been summed up, as far as there are numbers."""
    first = max(min(day for day, _ in period.from_months()), coverage.first)
    first = min(first, max(period.first, coverage.first))
    return not ledger.missing_days(connection, ["months"], first, min(period.last, coverage.last))


def sums(period: Period, before: Period | None) -> Subquery:
    """creator_id and the sums of every creator with a row in one of the months."""
    row = creator_months.c
    now, earlier = dict(period.from_months()), dict(before.from_months()) if before else {}

    def known(amount: ColumnElement[Any]) -> ColumnElement[Any]:
        unknown = func.bool_or(amount.is_(None)).filter(row.date.in_(list(now)))
        return case((unknown, null()), else_=_total(amount, now))

    return (
        select(
            row.creator_id,
            _total(row.earnings, now).label("earnings"),
            (_total(row.earnings, earlier) if before else cast(null(), Numeric)).label("before"),
            _total(row.gifts, now).label("gifts"),
            known(row.views).label("views"),
            known(row.reactions).label("reactions"),
            _total(row.video_earnings, now).label("video_earnings"),
        )
        .where(row.date.in_({*now, *earlier}))
        .group_by(row.creator_id)
        .subquery("sums")
    )


def _total(amount: ColumnElement[Any], signs: Mapping[date, int]) -> ColumnElement[Any]:
    day = creator_months.c.date
    added, taken = ([each for each in signs if signs[each] == sign] for sign in (1, -1))
    signed = [(day.in_(added), amount), *([(day.in_(taken), -amount)] if taken else [])]
    return cast(func.coalesce(func.sum(case(*signed)), 0), amount.type)


# ---- how earnings are spread ----


def spread(connection: Connection, period: Period, before: Period | None) -> Spread:
    row = sums(period, before).c
    dark = func.count().filter(row.before > 0, row.earnings == 0)
    one = connection.execute(select(_cents(row.earnings), _cents(row.before), dark)).one()
    now, earlier = (concentration(cents or ()) for cents in one[:2])
    return Spread(now, earlier if before else None, one[2] if before else None)


def _cents(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.array_agg(cast(amount * 100, BigInteger)).filter(amount > 0)


# ---- the board ----


def how_many(find: str) -> Select[Any]:
    return select(func.count()).select_from(creator_profiles).where(_found(find))


def standings(
    period: Period, before: Period | None, order: Order, limit: int | None = None, offset: int = 0
) -> Select[Any]:
    """Rows of Standing. Ties: more gifts first, then the lower id; who has no value comes last."""
    some = _ordered(period, before, order).limit(limit).offset(offset).subquery("some").c
    columns = {name: some.get(name) for name in Standing._fields}
    # Only of those that are shown, where the order doesn't hang on them.
    if columns["supporters"] is None:
        mine = _supporters(period).where(supporter_returns.c.creator_id == some.creator_id)
        columns["supporters"] = func.coalesce(mine.scalar_subquery(), 0)
    if columns["followers"] is None:
        columns["followers"] = _followers(some.creator_id, some.followers_now, period.last)
    return select(*(value.label(name) for name, value in columns.items())).order_by(some.place)


def _ordered(period: Period, before: Period | None, order: Order) -> Select[Any]:
    profile, row = creator_profiles.c, sums(period, before)
    everyone = creator_profiles.outerjoin(row, row.c.creator_id == profile.creator_id)
    # Without a row in the months there was nothing.
    columns: dict[str, ColumnElement[Any]] = {
        name: case((row.c.creator_id.is_(None), 0), else_=row.c[name])
        for name in ("earnings", "gifts", "views", "reactions", "video_earnings")
    }
    columns["before"] = func.coalesce(row.c.before, 0) if before else cast(null(), Numeric)
    if order.sort is Sort.SUPPORTERS:
        by = supporter_returns.c.creator_id
        gave = _supporters(period).add_columns(by).group_by(by).subquery("gave")
        everyone = everyone.outerjoin(gave, gave.c.creator_id == profile.creator_id)
        columns["supporters"] = func.coalesce(gave.c.supporters, 0)
    if order.sort is Sort.FOLLOWERS:
        columns["followers"] = _followers(profile.creator_id, profile.followers, period.last)
    key = _key(order.sort, columns)
    places = (
        (key.desc() if order.descending else key.asc()).nulls_last(),
        columns["gifts"].desc(),
        profile.creator_id,
    )
    shown = (value.label(name) for name, value in columns.items())
    place = func.row_number().over(order_by=places).label("place")
    who = (profile.creator_id, _name().label("name"), profile.followers.label("followers_now"))
    return select(*who, *shown, place).select_from(everyone).where(_found(order.find)).order_by(place)


def _key(sort: Sort, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """What is ordered by. From nothing to something is the largest change there is."""
    earned, before, views = columns["earnings"], columns["before"], columns["views"]
    match sort:
        case Sort.NAME:
            return func.lower(_name())
        case Sort.CHANGE:
            grown = cast(earned - before, Double) / cast(before, Double)
            new = cast(literal("Infinity"), Double)
            return case((before > 0, grown), (earned > 0, new), (before == 0, 0))
        case Sort.ENGAGEMENT:
            return case((views > 0, cast(columns["reactions"], Double) / views))
        case Sort.RPM:
            return case((views > 0, cast(columns["video_earnings"], Double) / views))
        case _:
            return columns[sort.value]


def _name() -> ColumnElement[str]:
    profile = creator_profiles.c
    unnamed = literal("Creator ") + cast(profile.creator_id, Text)
    return func.coalesce(func.nullif(profile.name, ""), unnamed)


def _found(find: str) -> ColumnElement[bool]:
    """Small and capital letters are the same; no character has a meaning of its own."""
    if not find:
        return true()
    is_id = find.isascii() and find.isdigit() and len(find) <= LONGEST_ID
    by_id = creator_profiles.c.creator_id == int(find) if is_id else false()
    return or_(func.strpos(func.lower(_name()), func.lower(literal(find))) > 0, by_id)


def _supporters(period: Period) -> Select[Any]:
    """Distinct ones of the period: see jobs/visits.py."""
    gave = supporter_returns.c
    first_in_period = or_(gave.days_since == 0, gave.date - gave.days_since < period.first)
    count = cast(func.sum(gave.supporters), BigInteger).label("supporters")
    return select(count).where(gave.date.between(period.first, period.last), first_in_period)


def _followers(creator_id: ColumnElement[int], now: ColumnElement[int], last: date) -> ColumnElement[Any]:
    """At the end of the day `last`: of the newest row until then, else walked back from the next."""
    row = creator_metrics.c
    mine = row.creator_id == creator_id
    until = select(row.followers).where(mine, row.date <= last).order_by(row.date.desc()).limit(1)
    after = (
        select(row.followers - row.followers_gained).where(mine, row.date > last).order_by(row.date).limit(1)
    )
    return func.coalesce(until.scalar_subquery(), after.scalar_subquery(), now)
