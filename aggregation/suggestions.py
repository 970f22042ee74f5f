"""At most three suggestions, each from a rule with a threshold and with its evidence; none by chance. Pure.

Only the first rule compares many things, and so asks for more (best_times.LEAST_T). The others state what is.
"""

from dataclasses import dataclass
from decimal import Decimal

from aggregation.best_times import LEAST_TIMES, Window
from aggregation.scenarios import Habits

MOST = 3
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
# Supporters who fell silent in these days; those before have long gone.
RECENT_DAYS = 60
LEAST_COOLING, LEAST_COOLING_SHARE = 3, 5
LEAST_TOP_SHARE = 25
# Of two gifts one supporter always gave half or more.
LEAST_GIFT_DAYS = 10


@dataclass(frozen=True)
class Cooling:
    """Who has begun to be cooling lately: how many, what they gave in all, and its share of all (percent)."""

    supporters: int
    amount: Decimal
    share: Decimal


@dataclass(frozen=True)
class Suggestion:
    """`name`: the rule's."""

    name: str
    advice: str
    evidence: str
    rule: str


def suggestions(window: Window | None, cooling: Cooling | None, habits: Habits | None) -> list[Suggestion]:
    """Of what is known; the most useful first."""
    found = [_best_time(window), _cooling(cooling), _dependency(habits)]
    return [each for each in found if each][:MOST]


def _best_time(window: Window | None) -> Suggestion | None:
    if window is None:
        return None
    when = f"{WEEKDAYS[window.weekday]} {window.hour:02}–{window.hour + 2:02} h"
    return Suggestion(
        "best_time",
        f"Be live on {when} (UTC)",
        f"{when} bring {window.times:.1f} × your average, n = {window.weeks} of 12 weeks with gifts.",
        f"At least {LEAST_TIMES} × the average two hours, and beyond chance although all 161 of a week were "
        "compared.",
    )


def _cooling(cooling: Cooling | None) -> Suggestion | None:
    if cooling is None or cooling.supporters < LEAST_COOLING or cooling.share < LEAST_COOLING_SHARE:
        return None
    return Suggestion(
        "cooling",
        f"Greet {cooling.supporters} supporters who have fallen silent",
        f"They gave ${cooling.amount:,.2f} in all, {cooling.share:.0f} % of what you ever earned.",
        f"At least {LEAST_COOLING} who began to be cooling in the last {RECENT_DAYS} days, and gave at least "
        f"{LEAST_COOLING_SHARE} % of all.",
    )


def _dependency(habits: Habits | None) -> Suggestion | None:
    if habits is None or habits.top_share is None or habits.days_with_gifts < LEAST_GIFT_DAYS:
        return None
    if 100 * habits.top_share < LEAST_TOP_SHARE:
        return None
    return Suggestion(
        "dependency",
        "Don't count on one supporter alone",
        f"One supporter gave {100 * habits.top_share:.0f} % of what came in the last {habits.days} days, "
        f"n = {habits.days_with_gifts} days with gifts.",
        f"At least {LEAST_TOP_SHARE} % from one supporter, and gifts on at least {LEAST_GIFT_DAYS} days.",
    )
