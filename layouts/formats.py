"""Numbers and days as people read them. Rounded once, half to even."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from aggregation.days import written
from aggregation.metrics import Unit
from aggregation.periods import Period
from aggregation.summaries import Change, Number

NO_VALUE = "—"
_STEPS = ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**3), "k"))
# Numbers below this are short enough to be shown whole.
_COMPACT_FROM = 10_000


def rounded(value: Number, places: int) -> Decimal:
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def exact(value: Number | None, unit: Unit) -> str:
    """The value in full: money to the cent, rates to two decimals."""
    if value is None:
        return NO_VALUE
    match unit:
        case "money":
            return _signed("$", rounded(value, 2), 2)
        case "percent":
            return _signed("", rounded(value, 2), 2, "%")
        case "count":
            return f"{rounded(value, 0):,}"
        case "hour":
            return f"{int(value):02}:00"


def short(value: Number | None, unit: Unit) -> str:
    """The value as a card shows it: 12.4k, $1.2M."""
    if value is None:
        return NO_VALUE
    if unit == "percent":
        return _signed("", rounded(value, 1), 1, "%")
    if unit == "hour" or abs(Decimal(value)) < _COMPACT_FROM:
        return exact(value, unit)
    return _signed("$" if unit == "money" else "", *_compact(Decimal(value)))


def _compact(value: Decimal) -> tuple[Decimal, int, str]:
    for size, suffix in _STEPS:
        # 999,950 would read "1000.0k" in the step below
        if abs(rounded(value * 1000 / size, 1)) >= 1000:
            return rounded(value / size, 1), 1, suffix
    return value, 0, ""


def _signed(prefix: str, value: Decimal, places: int, suffix: str = "") -> str:
    minus = "−" if value < 0 else ""
    return f"{minus}{prefix}{abs(value):,.{places}f}{suffix}"


def told_apart(old: str | None, new: str | None) -> tuple[str, str]:
    """Two stored values, with as many decimals as it takes to see what changed, and two at least."""
    values = [_number(text) for text in (old, new) if text is not None]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return old or NO_VALUE, new or NO_VALUE
    most = max((-int(value.as_tuple().exponent) for value in known), default=0)
    enough = (places for places in range(2, most) if len({f"{value:.{places}f}" for value in known}) > 1)
    places = min(next(enough, max(most, 0) if len(known) > 1 else 2), max(most, 0))
    was, now = (NO_VALUE if text is None else f"{Decimal(text):,.{places}f}" for text in (old, new))
    return was, now


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def change_text(change: Change) -> str:
    """+12.3% · −0.4 pp · new · 0%."""
    match change.kind:
        case "new":
            return "new"
        case "none":
            return NO_VALUE
    amount = change.amount or Decimal(0)
    unit, places = (" pp", 2) if change.kind == "points" else ("%", 1)
    value = rounded(amount, places)
    if value == 0:
        return f"0{unit}"
    sign = "+" if value > 0 else "−"
    return f"{sign}{abs(value):,}{unit}"


def day(value: date) -> str:
    return written(value)


def duration(value: timedelta) -> str:
    """0 s · 0.4 s · 45 s · 12 min · 3 h 20 min · 5 days."""
    seconds = max(value.total_seconds(), 0)
    if seconds < 10:
        return f"{seconds:.1f} s".replace("0.0 s", "0 s")
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def being_recounted(days: Sequence[date]) -> str:
    """Why a number isn't shown."""
    if len(days) == 1:
        return f"the number of {day(days[0])} is being recounted"
    return f"the numbers of {len(days)} days are being recounted, {day(days[0])} the first"


def days(number: int) -> str:
    """1 day · 30 days."""
    return f"{number:,} {'day' if number == 1 else 'days'}"


def span(period: Period) -> str:
    """23 Oct – 21 Nov 2026; years and months are not repeated."""
    first, last = period.first, period.last
    if first == last:
        return day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {day(last)}"
    return f"{day(first)} – {day(last)}"
