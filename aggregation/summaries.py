"""Pure: daily frames → the value of a metric over a period, and its change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Literal

import pandas as pd

from aggregation.metrics import Metric

Number = int | Decimal
# The middle half of what is usual lies between them.
QUARTILES = (0.25, 0.75)


@dataclass(frozen=True)
class Change:
    """How a value moved: `amount` in percent, or in percentage points for rates.

    kind "new": there was nothing before · "none": nothing to compare with (`amount` is None).
    """

    kind: Literal["relative", "points", "new", "none"]
    amount: Decimal | None = None


def number(value: object) -> Number | None:
    """A cell of a frame as int or Decimal; missing values as None."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return None
    return value if isinstance(value, Decimal) else int(value)  # type: ignore[call-overload]


def total(frame: pd.DataFrame, column: str) -> Number | None:
    """The sum of a column; None where it is empty or a value is missing, as half a sum would mislead."""
    values = [number(value) for value in frame[column]]
    known = [value for value in values if value is not None]
    return sum(known[1:], start=known[0]) if values and len(known) == len(values) else None


def ratio(numerator: Number | None, denominator: Number | None, scale: int = 1) -> Decimal | None:
    """numerator / denominator × scale; None where a part is missing or the denominator is 0."""
    if numerator is None or not denominator:
        return None
    return Decimal(numerator) * scale / Decimal(denominator)


def value_over(frame: pd.DataFrame, metric: Metric) -> Number | None:
    """`metric` over all days of `frame` (one row a day, by date).

    Raises ValueError for distinct counts: they come from a query of their own.
    """
    match metric.rollup:
        case "flow":
            return total(frame, metric.name)
        case "stock":
            return number(frame[metric.name].iloc[-1]) if len(frame) else None
        case "ratio":
            parts = [total(frame, name) for name in metric.numerator]
            known = [part for part in parts if part is not None]
            whole = sum(known[1:], start=known[0]) if known and len(known) == len(parts) else None
            return ratio(whole, total(frame, metric.denominator), metric.scale)
        case "distinct":
            raise ValueError(f"{metric.name} is a distinct count: it can't be summed over days")


def change(metric: Metric, now: Number | None, before: Number | None) -> Change:
    """The change of the metric itself: rates in percentage points, all else in percent of before."""
    if now is None or before is None:
        return Change("none")
    if metric.unit == "percent":
        return Change("points", Decimal(now) - Decimal(before))
    if before == 0:
        return Change("relative", Decimal(0)) if now == 0 else Change("new")
    return Change("relative", growth(now, before))


def growth(now: Number | None, before: Number | None) -> Decimal | None:
    """(now − before) / |before| in percent; None where the base is 0 or a value is missing."""
    if now is None or not before:
        return None
    return (Decimal(now) - Decimal(before)) * 100 / abs(Decimal(before))


def since(frame: pd.DataFrame, first: date) -> pd.DataFrame:
    """The rows from `first` on: what lies before the first day of all is no gap."""
    return frame[[day >= first for day in frame["date"]]]


def values_over(frame: pd.DataFrame, metrics: Sequence[Metric]) -> Mapping[str, Number | None]:
    """Every metric of `metrics` that daily rows can give, by name."""
    return {metric.name: value_over(frame, metric) for metric in metrics if metric.rollup != "distinct"}


def usual_by(days: pd.DataFrame, moment: time) -> tuple[float, float] | None:
    """The quartiles of what these days (hours × days) had brought by `moment`; None without days.

    Of the hour in which it lies, the part that had passed.
    """
    if days.empty:
        return None
    passed = moment.minute / 60 + moment.second / 3600
    so_far = days.iloc[: moment.hour].sum() + passed * days.iloc[moment.hour]
    low, high = (float(so_far.quantile(share)) for share in QUARTILES)
    return low, high
