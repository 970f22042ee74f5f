"""All creators next to each other: what they had in a period, in order, a page at a time.

Nearly all of it comes from creator_months, so that a period costs a few rows a creator, however long it is.
"""

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
    FromClause,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)

from aggregation import ledger
from aggregation.concentration import Concentration, concentration
from aggregation.periods import Period
from aggregation.schema import creator_metrics, creator_months, creator_profiles, supporter_returns

# Sums over a period, by their names in creator_months and in Standing.
SUMMED = ("earnings", "gifts", "views", "reactions", "video_earnings")
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
    first = min(period.first, *(day for day, _ in period.from_months()))
    days = max(first, coverage.first), min(period.last, coverage.last)
    return not ledger.missing_days(connection, ["months"], *days)


class _Sums:
    """Creators joined with their rows of the days that sums hang on, as few as are asked for.

    The joins run along the key of creator_months, a day's rows of which lie together: nothing is grouped.
    """

    def __init__(self, creators: FromClause) -> None:
        self.joined = creators
        self._id = creators.c.creator_id
        self._rows: dict[date, Any] = {}

    def total(self, name: str, period: Period | None) -> ColumnElement[Any]:
        """What creators had of it in the period: null where that isn't known, or nothing is compared."""
        if period is None:
            return cast(null(), Numeric)
        terms = [(_had(self._on(day), name), sign) for day, sign in period.from_months()]
        added, taken = ([term for term, sign in terms if sign == each] for each in (1, -1))
        whole = sum(added[1:], start=added[0])
        return whole - taken[0] if taken else whole

    def _on(self, day: date) -> Any:
        if day not in self._rows:
            month = creator_months.alias(f"until_{day:%Y_%m_%d}")
            self.joined = self.joined.outerjoin(
                month, and_(month.c.creator_id == self._id, month.c.date == day)
            )
            self._rows[day] = month.c
        return self._rows[day]


def _had(row: Any, name: str) -> ColumnElement[Any]:
    """Without a row there was nothing in the month; null in it stands for what isn't known."""
    none: Any = literal_column("0")
    if creator_months.c[name].nullable:
        none = case((row.creator_id.is_(None), none))
    return func.coalesce(row[name], none)


# ---- how earnings are spread ----


def spread(connection: Connection, period: Period, before: Period | None) -> Spread:
    sums = _Sums(creator_profiles)
    totals = (sums.total("earnings", each) for each in (period, before))
    named = [total.label(name) for total, name in zip(totals, ("now", "before"), strict=True)]
    both = select(*named).select_from(sums.joined).subquery("both").c
    dark = func.count().filter(both.before > 0, both.now == 0)
    one = connection.execute(select(_cents(both.now), _cents(both.before), dark)).one()
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
    """Rows of Standing. Ties: more gifts first, then the lower id; who has no value comes last.

    Of everybody only what the order hangs on is looked at, all else of those that are shown.
    """
    chosen = _ordered(period, before, order).limit(limit).offset(offset).subquery("chosen")
    mine = _supporters(period).where(supporter_returns.c.creator_id == chosen.c.creator_id)
    sums = _Sums(chosen)
    columns: dict[str, ColumnElement[Any]] = {
        "creator_id": chosen.c.creator_id,
        "name": chosen.c.name,
        "before": sums.total("earnings", before),
        "supporters": func.coalesce(mine.scalar_subquery(), 0),
        "followers": _followers(chosen.c.creator_id, chosen.c.followers, period.last),
    }
    columns |= {name: sums.total(name, period) for name in SUMMED}
    shown = (columns[name].label(name) for name in Standing._fields)
    return select(*shown).select_from(sums.joined).order_by(*_places(chosen.c, order))


def _ordered(period: Period, before: Period | None, order: Order) -> Select[Any]:
    profile, sums = creator_profiles.c, _Sums(creator_profiles)
    gifts, key = sums.total("gifts", period), _key(sums, order.sort, period, before)
    everyone = sums.joined
    if order.sort is Sort.SUPPORTERS:
        by = supporter_returns.c.creator_id
        gave = _supporters(period).add_columns(by).group_by(by).subquery("gave")
        everyone = everyone.outerjoin(gave, gave.c.creator_id == profile.creator_id)
        key = func.coalesce(gave.c.supporters, 0)
    row = (
        select(
            profile.creator_id,
            _name().label("name"),
            profile.followers,
            key.label("key"),
            gifts.label("gifts"),
        )
        .select_from(everyone)
        .where(_found(order.find))
        .subquery("everyone")
        .c
    )
    return select(*row).order_by(*_places(row, order))


def _places(row: Any, order: Order) -> tuple[ColumnElement[Any], ...]:
    key = row.key.desc() if order.descending else row.key.asc()
    return key.nulls_last(), row.gifts.desc(), row.creator_id


def _key(sums: _Sums, sort: Sort, period: Period, before: Period | None) -> ColumnElement[Any]:
    """What is ordered by. From nothing to something is the largest change there is."""
    profile = creator_profiles.c
    match sort:
        case Sort.NAME:
            return func.lower(_name())
        case Sort.CHANGE:
            now, earlier = sums.total("earnings", period), sums.total("earnings", before)
            new = cast(literal("Infinity"), Double)
            grown = cast(now - earlier, Double) / cast(earlier, Double)
            return case((earlier > 0, grown), (now > 0, new), (earlier == 0, 0))
        case Sort.FOLLOWERS:
            return _followers(profile.creator_id, profile.followers, period.last)
        case Sort.ENGAGEMENT | Sort.RPM:
            name = "reactions" if sort is Sort.ENGAGEMENT else "video_earnings"
            views = sums.total("views", period)
            return case((views > 0, cast(sums.total(name, period), Double) / views))
        case _:
            return sums.total("gifts" if sort is Sort.GIFTS else "earnings", period)


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
