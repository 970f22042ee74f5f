"""Pure: which numbers aren't shown, as the newest recount found them unequal, until they are equal again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from aggregation import metrics
from aggregation.metrics import Metric
from aggregation.periods import Period

# Whose cells of a table, a column and a day are unequal; None: possibly everybody's.
Owners = frozenset[int] | None


class BeingRecounted(Exception):  # noqa: N818
    """A number can't be told, since cells of these days that it is made of are unequal."""

    def __init__(self, days: Collection[date]) -> None:
        self.days = sorted(days)
        super().__init__(", ".join(map(str, self.days)))


@dataclass(frozen=True)
class Withheld:
    """By table, and column in it: the days, and on each whose cells."""

    cells: Mapping[str, Mapping[str, Mapping[date, Owners]]] = field(default_factory=dict)

    def days(
        self,
        table: str,
        columns: Collection[str] | None,
        period: Period,
        creator_id: int | None = None,
    ) -> list[date]:
        """Days of the period on which one of the columns (None: any) is unequal, oldest first.

        With `creator_id`, only what concerns that creator.
        """
        return sorted(
            {
                day
                for name, by_day in self.cells.get(table, {}).items()
                if columns is None or name in columns
                for day, owners in by_day.items()
                if period.first <= day <= period.last and _concerns(owners, creator_id)
            }
        )

    def columns(self, table: str, day: date, creator_id: int | None = None) -> set[str]:
        """The columns that are unequal on this day."""
        return {
            name
            for name, by_day in self.cells.get(table, {}).items()
            if day in by_day and _concerns(by_day[day], creator_id)
        }

    def of_metric(self, metric: Metric, period: Period, creator_id: int | None = None) -> list[date]:
        """The days for which `metric` over the period can't be told: of a stock, its last one alone."""
        if metric.rollup == "stock":
            period = Period(period.last, period.last)
        wanted: Iterable[str] = (metric.name, *metric.numerator, metric.denominator)
        days = set(self.days(metric.table, set(wanted), period, creator_id))
        for table, columns in MADE_OF.get(_of(metric), {}).items():
            days.update(self.days(table, columns, period, creator_id))
        return sorted(days)


def _of(metric: Metric) -> tuple[str, str]:
    return metric.table, metric.name


_REVENUE = {"daily_analytics": ("total_revenue",)}
_GIFTS = {"daily_analytics": ("total_gifts_sent",)}
# Of what is no column of its table: the tables, and the columns of them (None: any), that it is made of.
MADE_OF: Mapping[tuple[str, str], Mapping[str, Collection[str] | None]] = {
    _of(metrics.ACTIVE_USERS): {"user_returns": None},
    _of(metrics.SUPPORTERS_COUNT): {"supporter_returns": None},
    _of(metrics.VIEWERS_COUNT): {"viewer_returns": None},
    _of(metrics.ALL_REVENUE): {**_REVENUE, "revenue_breakdown": None},
    _of(metrics.PLATFORM_GIFT_REVENUE): _REVENUE,
    _of(metrics.GIFT_VALUE): _REVENUE,
    _of(metrics.REFUND_RATE): {**_REVENUE, "gift_refunds": None},
    _of(metrics.TAKE_RATE): {"daily_analytics": ("total_revenue", "platform_earnings")},
    _of(metrics.ARPU): {"daily_analytics": ("total_revenue", "active_users"), "user_returns": None},
    _of(metrics.ARPPU): {**_REVENUE, "gifter_returns": None},
    _of(metrics.GIFTERS): {**_GIFTS, "gifter_returns": None},
    _of(metrics.RECIPIENTS): {**_GIFTS, "spark_days": None},
    _of(metrics.PEAK_HOUR): {**_GIFTS, "gift_analytics": None},
}


def _concerns(owners: Owners, creator_id: int | None) -> bool:
    return owners is None or creator_id is None or creator_id in owners
