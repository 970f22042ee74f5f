"""Pure: how earnings are spread over those who earn."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from math import ceil


@dataclass(frozen=True)
class Concentration:
    """Of the `earners`, creators with earnings above 0; shares and Gini in percent.

    `effective`: how many creators with equal earnings would be as concentrated. `curve`: Lorenz's, what share
    the 0, 1, … 100 % of earners have who earned least.
    """

    earners: int
    median: Decimal | None = None
    top_1_share: Decimal | None = None
    top_10_share: Decimal | None = None
    gini: Decimal | None = None
    effective: Decimal | None = None
    curve: tuple[Decimal, ...] = ()


def concentration(cents: Sequence[int]) -> Concentration:
    """Of earnings in cents, all above 0, in any order."""
    amounts = sorted(cents)
    if not amounts:
        return Concentration(0)
    count, so_far = len(amounts), [0, *accumulate(amounts)]
    total = so_far[-1]
    weighted = sum(rank * amount for rank, amount in enumerate(amounts, start=1))

    def top(percent: int) -> Decimal:
        """At least one creator, and no more than it takes: 1 % of 101 are two."""
        richest = ceil(Fraction(count * percent, 100))
        return _decimal(Fraction(100 * (total - so_far[count - richest]), total))

    def poorest(percent: int) -> Fraction:
        """Their share of all earnings; a part of a creator earns that part."""
        whole, rest = divmod(count * percent, 100)
        return Fraction(100 * so_far[whole] + (rest * amounts[whole] if rest else 0), total)

    return Concentration(
        count,
        _decimal(Fraction(amounts[(count - 1) // 2] + amounts[count // 2], 200)),
        top(1),
        top(10),
        _decimal(100 * (Fraction(2 * weighted, count * total) - Fraction(count + 1, count))),
        _decimal(Fraction(total**2, sum(amount**2 for amount in amounts))),
        tuple(_decimal(poorest(percent)) for percent in range(101)),
    )


def _decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
