"""Where a creator stands among similar ones, in quarters: never another creator's number."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, func, select

from aggregation.earnings import month_after
from aggregation.schema import creator_metrics, creator_profiles, peer_benchmarks


@dataclass(frozen=True)
class Standing:
    """In a calendar month. `quarter`: 1 is the lowest; None without similar creators enough."""

    month: date
    band: int
    earned: Decimal
    quartiles: tuple[Decimal, Decimal, Decimal] | None

    @property
    def quarter(self) -> int | None:
        return None if self.quartiles is None else 1 + sum(self.earned > each for each in self.quartiles)

    @property
    def followers(self) -> tuple[int, int]:
        """From and to."""
        return (0 if self.band == 1 else 10 ** (self.band - 1), 10**self.band - 1)


def standing(connection: Connection, creator_id: int) -> Standing | None:
    """In the newest month that is published for creators like this one; None where there is none."""
    profile, peers, day = creator_profiles.c, peer_benchmarks.c, creator_metrics.c
    followers = connection.scalar(select(profile.followers).where(profile.creator_id == creator_id))
    band = len(str(followers or 0))
    newest = connection.execute(
        select(peer_benchmarks).where(peers.band == band).order_by(peers.month.desc()).limit(1)
    ).one_or_none()
    if newest is None:
        return None
    earned = connection.scalar(
        select(func.coalesce(func.sum(day.gift_revenue), 0)).where(
            day.creator_id == creator_id, day.date >= newest.month, day.date < month_after(newest.month)
        )
    )
    quartiles = (newest.lower, newest.median, newest.upper)
    return Standing(newest.month, band, Decimal(earned or 0), None if None in quartiles else quartiles)
