"""What if: a creator's forecast with one thing changed. Pure.

A change is a factor on what is projected, and on both of its limits: the forecast's own uncertainty goes
along, and nothing is added to it. Without a change the forecast comes back as it is.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from aggregation.forecasting.creators import CreatorTotal

WEEK = 7
PART = 0.1


class Scenario(StrEnum):
    NONE = "none"
    STREAM = "stream"
    MORE = "more"
    FEWER = "fewer"
    TOP = "top"


@dataclass(frozen=True)
class Habits:
    """Of the last KNOWN_DAYS days. `top_share`: the part of who gave most in all; None without gifts."""

    days_with_gifts: int
    days: int
    top_share: float | None
    # What the forecast expects of each.
    weekdays: tuple[float, ...] = ()


def factor(scenario: Scenario, habits: Habits) -> float | None:
    """What the projection is multiplied by; None where nothing tells."""
    match scenario:
        case Scenario.NONE:
            return 1.0
        case Scenario.MORE:
            return 1 + PART
        case Scenario.FEWER:
            return 1 - PART
        case Scenario.TOP:
            return None if habits.top_share is None else 1 - habits.top_share
        case Scenario.STREAM:
            return _one_more_day(habits)


def _one_more_day(habits: Habits) -> float | None:
    """One quiet day a week becomes a day with gifts like the others.

    Where there is none each week, the weakest weekday becomes like the others.
    """
    if not habits.days_with_gifts:
        return None
    with_gifts = habits.days_with_gifts * WEEK / habits.days
    if with_gifts + 1 <= WEEK:
        return 1 + 1 / with_gifts
    whole = sum(habits.weekdays)
    others = whole - min(habits.weekdays, default=0.0)
    return others * WEEK / (WEEK - 1) / whole if whole > 0 else None


def changed(total: CreatorTotal, by: float) -> CreatorTotal:
    """The total and its limits, times `by`."""
    if by == 1:
        return total
    low, high = (
        {nominal: limit * by for nominal, limit in limits.items()} for limits in (total.low, total.high)
    )
    return replace(total, projected=total.projected * by, low=low, high=high)
