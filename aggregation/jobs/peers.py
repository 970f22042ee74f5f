"""peer_benchmarks: the quartiles of what similar creators earned in a calendar month.

Published once and never changed, not even where gifts are refunded or a peer leaves: two answers about the
same peers can't be compared, so nobody's number follows from their difference. Rounded, too.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from aggregation.days import ONE_DAY
from aggregation.jobs.events import ZERO, literal_day
from aggregation.schema import creator_metrics, creator_profiles, peer_benchmarks

LEAST_PEERS = 20
# Of the band's sum; above it the largest could be guessed.
LARGEST_SHARE = "0.25"
# Digits behind the point by which an amount from so much on is rounded: two significant ones.
_PLACES = ((100_000, -4), (10_000, -3), (1_000, -2), (100, -1), (10, 0))


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """month, band, peers and quartiles: those published already, and of the months that ended meanwhile.

    Where the band has too few peers, or one that stands out, all numbers are null.
    """
    earned = _earned(first, last)
    band = func.char_length(cast(func.coalesce(creator_profiles.c.followers, ZERO), Text))
    named = earned.join(creator_profiles, creator_profiles.c.creator_id == earned.c.creator_id)
    amount = earned.c.amount
    quartiles = {
        name: func.percentile_disc(literal_column(share)).within_group(amount)
        for name, share in (("lower", "0.25"), ("median", "0.5"), ("upper", "0.75"))
    }
    enough = and_(
        func.count() >= LEAST_PEERS,
        func.max(amount) <= func.sum(amount) * literal_column(LARGEST_SHARE),
    )
    fresh = (
        select(
            earned.c.month,
            cast(band, Integer).label("band"),
            *(case((enough, rounded(value)), else_=null()).label(name) for name, value in quartiles.items()),
        )
        .select_from(named)
        .group_by(earned.c.month, band)
    )
    stored = select(*(peer_benchmarks.c[name] for name in ("month", "band", *quartiles)))
    row = union_all(stored, fresh).subquery("benchmarks").c
    return select(*row)


def _earned(first: date, last: date) -> Any:
    """creator_id, month, amount of who earned anything in a month that ended and isn't published."""
    row, published = creator_metrics.c, peer_benchmarks.c
    month = cast(func.date_trunc("month", cast(row.date, DateTime)), Date)
    end = last if (last + ONE_DAY).day == 1 else last.replace(day=1) - ONE_DAY
    begin = min(first.replace(day=1), end + ONE_DAY)
    unpublished = ~select(published.month).where(published.month == month).exists()
    # The month in which the numbers begin is not whole.
    whole = month >= select(func.min(creator_metrics.alias("all_days").c.date)).scalar_subquery()
    return (
        select(row.creator_id, month.label("month"), func.sum(row.gift_revenue).label("amount"))
        .where(
            row.date.between(literal_day(begin), literal_day(end)),
            row.gift_revenue > ZERO,
            unpublished,
            whole,
        )
        .group_by(row.creator_id, month)
        .subquery("earned")
    )


def rounded(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """To two significant digits, or to the dime."""
    steps = [(amount >= least, func.round(amount, places)) for least, places in _PLACES]
    return cast(case(*steps, else_=func.round(amount, 1)), Numeric(18, 2))


def previous_month(day: date) -> date:
    """The first day of the month before."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)
