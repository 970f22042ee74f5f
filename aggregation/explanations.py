"""Pure: why a sum of money changed, as contributions that add up to the change, to the cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, localcontext

CENT = Decimal("0.01")
# Of the logarithms: far more than a sum of money has digits.
PRECISION = 50

GIFTERS, PER_GIFTER, PER_GIFT = FACTORS = ("gifters", "gifts_per_gifter", "value_per_gift")
ENTERED_OR_LEFT = "entered_or_left"


@dataclass(frozen=True)
class Gifting:
    """A period's gifts: distinct senders, number, and the sum that is explained, in whole cents."""

    gifters: int
    gifts: int
    amount: Decimal

    @property
    def factors(self) -> tuple[Decimal, ...]:
        """FACTORS, whose product is the amount; empty where one of them is 0."""
        if not (self.gifters and self.gifts and self.amount):
            return ()
        gifters, gifts = Decimal(self.gifters), Decimal(self.gifts)
        return gifters, gifts / gifters, self.amount / gifts


@dataclass(frozen=True)
class Part:
    """What one part adds to a change. `now` and `before` are its own sums, where it has any.

    `members`: how many a part stands for that isn't one of its kind, such as all others.
    """

    name: str
    change: Decimal
    now: Decimal | None = None
    before: Decimal | None = None
    members: int | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a sum is `now` what it is, and not what it was `before`."""

    now: Decimal
    before: Decimal
    parts: Sequence[Part]

    @property
    def change(self) -> Decimal:
        return self.now - self.before

    @property
    def adds_up(self) -> bool:
        return sum((part.change for part in self.parts), start=Decimal(0)) == self.change


def by_factors(now: Gifting, before: Gifting) -> list[Part]:
    """Gifters × gifts per gifter × value per gift, by the log-mean split.

    Each gets L(R₁, R₀) · ln(x₁ / x₀), L(a, b) = (a − b) / ln(a / b). Where a factor is 0 there is nothing
    to multiply: all of the change is what entered, or left.
    """
    change = now.amount - before.amount
    with localcontext() as context:
        context.prec = PRECISION
        ours, theirs = now.factors, before.factors
        if not ours or not theirs:
            return [Part(ENTERED_OR_LEFT, change)]
        mean = change / (now.amount / before.amount).ln() if change else now.amount
        shares = [mean * (x1 / x0).ln() for x1, x0 in zip(ours, theirs, strict=True)]
        return [Part(name, cents) for name, cents in zip(FACTORS, in_cents(shares, change), strict=True)]


def in_cents(amounts: Sequence[Decimal], total: Decimal) -> list[Decimal]:
    """The amounts, which make `total` (in whole cents), each in whole cents and still making it.

    By the largest remainder; of equal ones the first.
    """
    whole = [amount.quantize(CENT, ROUND_FLOOR) for amount in amounts]
    missing = int((total - sum(whole, start=Decimal(0))) / CENT)
    largest_first = sorted(range(len(amounts)), key=lambda n: (whole[n] - amounts[n], n))
    for index in largest_first[:missing]:
        whole[index] += CENT
    return whole


def segment(name: str, now: Decimal, before: Decimal, members: int | None = None) -> Part:
    """A part whose contribution is the difference of its own sums."""
    return Part(name, now - before, now, before, members)


def total_of(parts: Iterable[Part]) -> Part:
    """The sum of the parts that have sums of their own."""
    known = list(parts)
    now, before = (
        sum((getattr(part, side) or Decimal(0) for part in known), start=Decimal(0))
        for side in ("now", "before")
    )
    return segment("total", now, before)
