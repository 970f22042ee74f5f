"""Why revenue changed: the chosen split → parts that add up, their names and links."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from aggregation import explanations, metrics, summaries
from aggregation.explanations import Explanation, Gifting, Part
from aggregation.gifting import Amount, Gifter, Segment
from aggregation.periods import Period
from aggregation.queries import Queries
from callbacks.selection import Selection
from layouts import formats
from layouts.choices import link
from layouts.page import Asked

# What other pages don't know of the address.
ELSEWHERE = {"split": "", "amount": "", "show": ""}
# Creators or sparks that are named; the others are summed up.
NAMED = 8
NOT_YET = "Not counted for all of these days yet. The worker does that by itself."
UNEVEN = "The parts don't add up to the change: these days are being computed. Try again soon."


class Split(StrEnum):
    FACTORS = "factors"
    CREATORS = "creators"
    SPARKS = "sparks"
    SOURCES = "sources"
    GIFTERS = "gifters"


AMOUNTS: dict[str, str] = {Amount.REVENUE: "Gift revenue", Amount.EARNINGS: "Creator earnings"}
SPLITS: dict[str, str] = {
    Split.FACTORS: "How much was given",
    Split.CREATORS: "Creators",
    Split.SPARKS: "Sparks",
    Split.SOURCES: "Sources",
    Split.GIFTERS: "Gifters",
}
FACTORS = {
    explanations.GIFTERS: "Gifters",
    explanations.PER_GIFTER: "Gifts per gifter",
    explanations.PER_GIFT: "Value per gift",
    explanations.ENTERED_OR_LEFT: "Entered or left",
}
KINDS = {
    Gifter.NEW: "New",
    Gifter.RETURNING: "Returning",
    Gifter.RESURRECTED: "Resurrected",
    Gifter.LOST: "Lost",
}


@dataclass(frozen=True)
class Row:
    """A part as the page shows it: `now` and `before` are texts, as factors aren't money."""

    label: str
    part: Part
    now: str
    before: str
    href: str = ""


@dataclass(frozen=True)
class Explained:
    """`reason`: why there is no explanation. `subject`: the sum that is explained."""

    subject: str
    explanation: Explanation | None = None
    rows: Sequence[Row] = field(default=())
    reason: str = ""


def chosen_split(asked: Asked) -> Split:
    picked = asked.pick("split")
    return Split(picked) if picked in set(Split) else Split.FACTORS


def chosen_amount(asked: Asked) -> Amount:
    picked = asked.pick("amount")
    return Amount(picked) if picked in set(Amount) else Amount.REVENUE


def explain(queries: Queries, chosen: Selection, asked: Asked) -> Explained:
    split, amount = chosen_split(asked), chosen_amount(asked)
    subject = "All revenue" if split is Split.SOURCES else AMOUNTS[amount]
    if chosen.comparable is None:
        return Explained(subject, reason="Needs a period to compare with.")
    now, before = chosen.period, chosen.comparable
    if split is Split.SOURCES and "transactions" in chosen.freshness.missing:
        return Explained(subject, reason="Not available: needs the platform's transactions.")
    doubtful = being_recounted(chosen, split, amount, now, before)
    if doubtful:
        return Explained(subject, reason=f"Not available: {formats.being_recounted(doubtful)}.")
    sums = totals(queries, split, amount, now, before)
    if sums is None:
        return Explained(subject, reason="Not computed for all of these days.")
    rows = _ROWS[split](queries, amount, now, before, asked)
    if rows is None:
        return Explained(subject, reason=NOT_YET)
    explanation = Explanation(*sums, [row.part for row in rows])
    if not explanation.adds_up:
        return Explained(subject, reason=UNEVEN)
    return Explained(subject, explanation, rows)


def being_recounted(
    chosen: Selection, split: Split, amount: Amount, now: Period, before: Period
) -> list[date]:
    """The days of either period without which the sum itself can't be told."""
    metric = metrics.TOTAL_REVENUE if amount is Amount.REVENUE else metrics.CREATOR_EARNINGS
    subject = metrics.ALL_REVENUE if split is Split.SOURCES else metric
    of_metric = chosen.freshness.withheld.of_metric
    return sorted({day for period in (now, before) for day in of_metric(subject, period)})


def totals(
    queries: Queries, split: Split, amount: Amount, now: Period, before: Period
) -> tuple[Decimal, Decimal] | None:
    """What is explained, now and before, by a query of its own; None where days are missing."""
    column = metrics.TOTAL_REVENUE if amount is Amount.REVENUE else metrics.CREATOR_EARNINGS
    both = [summaries.total(queries.daily(period), column.name) for period in (now, before)]
    if None in both:
        return None
    if split is Split.SOURCES:
        both = [
            sum(queries.revenue_by_source(period)["amount"], start=Decimal(0)) for period in (now, before)
        ]
    ours, theirs = (Decimal(value or 0) for value in both)
    return ours, theirs


def _factors(queries: Queries, amount: Amount, now: Period, before: Period, _: Asked) -> list[Row] | None:
    sides = [_gifting(queries, amount, period) for period in (now, before)]
    ours, theirs = sides
    if ours is None or theirs is None:
        return None
    texts = [_factor_texts(side) for side in (ours, theirs)]
    return [
        Row(FACTORS[part.name], part, *(text[part.name] for text in texts))
        for part in explanations.by_factors(ours, theirs)
    ]


def _gifting(queries: Queries, amount: Amount, period: Period) -> Gifting | None:
    gifters, daily = queries.gifters(period), queries.daily(period)
    column = metrics.TOTAL_REVENUE if amount is Amount.REVENUE else metrics.CREATOR_EARNINGS
    gifts, total = (summaries.total(daily, name) for name in (metrics.TOTAL_GIFTS.name, column.name))
    if gifters is None or gifts is None or total is None:
        return None
    return Gifting(gifters, int(gifts), Decimal(total))


def _factor_texts(side: Gifting) -> dict[str, str]:
    gifters, per_gifter, per_gift = side.factors or (None, None, None)
    return {
        explanations.GIFTERS: formats.exact(gifters, "count"),
        explanations.PER_GIFTER: formats.NO_VALUE if per_gifter is None else f"{per_gifter:,.2f}",
        explanations.PER_GIFT: formats.exact(per_gift, "money"),
        explanations.ENTERED_OR_LEFT: formats.exact(side.amount, "money"),
    }


def _creators(
    queries: Queries, amount: Amount, now: Period, before: Period, asked: Asked
) -> list[Row] | None:
    segments = queries.changed_by_creator(amount, now, before, NAMED)
    return _segment_rows(segments, lambda creator: link(asked, path=f"/creators/{creator}", **ELSEWHERE))


def _sparks(queries: Queries, amount: Amount, now: Period, before: Period, asked: Asked) -> list[Row] | None:
    segments = queries.changed_by_spark(amount, now, before, NAMED)
    return _segment_rows(segments, lambda spark: link(asked, path="/gifts", **ELSEWHERE, spark=str(spark)))


def _segment_rows(segments: list[Segment] | None, href: Callable[[int], str]) -> list[Row] | None:
    if segments is None:
        return None
    return [_row(each, "" if each.id is None else href(each.id)) for each in segments]


def _row(each: Segment, href: str) -> Row:
    if each.id is None:
        members = each.part.members or 0
        return _money_row("1 other" if members == 1 else f"All {members:,} others", each.part)
    return _money_row(each.part.name, each.part, href)


def _sources(queries: Queries, _: Amount, now: Period, before: Period, asked: Asked) -> list[Row]:
    parts = queries.changed_by_source(now, before)
    return [
        _money_row(SOURCES[part.name], part, link(asked, path="/", **ELSEWHERE, source=part.name))
        if part.name in SOURCES
        else _money_row(part.name, part)
        for part in parts
    ]


def _gifters(queries: Queries, amount: Amount, now: Period, before: Period, _: Asked) -> list[Row] | None:
    parts = queries.changed_by_gifter(amount, now, before)
    if parts is None:
        return None
    return [_money_row(f"{KINDS[Gifter(part.name)]} ({part.members:,})", part) for part in parts]


def _money_row(label: str, part: Part, href: str = "") -> Row:
    return Row(label, part, formats.exact(part.now, "money"), formats.exact(part.before, "money"), href)


SOURCES = {
    "gifts": "Gifts",
    "subscriptions": "Subscriptions",
    "ads": "Ads",
    "premium_features": "Premium features",
}
_ROWS: dict[Split, Callable[[Queries, Amount, Period, Period, Asked], list[Row] | None]] = {
    Split.FACTORS: _factors,
    Split.CREATORS: _creators,
    Split.SPARKS: _sparks,
    Split.SOURCES: _sources,
    Split.GIFTERS: _gifters,
}
