"""The platform's numbers: for analysts and admins."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from flask import Response
from sqlalchemy import Column, Table

from aggregation import metrics, summaries
from aggregation.known import KnownQueries
from aggregation.metrics import Metric
from aggregation.periods import Comparison, Period
from aggregation.queries import Queries, Store
from aggregation.schema import daily_analytics, gift_analytics, retention_cohorts, revenue_breakdown
from aggregation.summaries import Number
from dashboard_app.accounts import Account
from dashboard_app.api.description import DAY, STAFF, Routes, array, envelope, listed, number, record, row
from dashboard_app.api.parameters import CohortsPart, KnownWindow, WindowPart
from dashboard_app.api.replies import answer, as_known, frame_rows, listing, no_data

# The API's names of the platform's totals, as its client has always called them.
TOTALS: Mapping[str, Metric] = {
    "totalUsers": metrics.TOTAL_USERS,
    "activeUsers": metrics.ACTIVE_USERS,
    "newUsers": metrics.NEW_USERS,
    "totalRevenue": metrics.TOTAL_REVENUE,
    "creatorEarnings": metrics.CREATOR_EARNINGS,
    "platformEarnings": metrics.PLATFORM_EARNINGS,
    "giftsReceived": metrics.TOTAL_GIFTS,
    "averageGiftValue": metrics.AVERAGE_GIFT,
    "engagementRate": metrics.ACTIVE_SHARE,
}
ON_A_DAY = tuple(name for name in TOTALS if name not in ("newUsers", "averageGiftValue"))

_a_day = record({"date": DAY} | dict.fromkeys(ON_A_DAY, number()))
_totals = record(dict.fromkeys(TOTALS, number()))
DASHBOARD = record(
    {
        "current": _a_day,
        "previous": _a_day,
        "trend": record(dict.fromkeys(("userGrowth", "revenueGrowth", "engagementTrend"), number())),
        "analytics": array(row(daily_analytics.c, gaps=True)),
        "period": _totals,
        "previousPeriod": _totals,
        "change": _totals,
    }
)


def routes(store: Store, clock: Callable[[], datetime]) -> Routes:
    blueprint = Routes("platform")

    @blueprint.reads("/dashboard", STAFF, envelope(DASHBOARD))
    @blueprint.arguments(KnownWindow, location="query")
    def get_dashboard(viewer: Account, asked: dict[str, Any]) -> Response:
        """The platform over the last N complete days, day by day and together."""
        with store.read() as queries:
            numbers = as_known(queries, asked["known"], clock())
            return answer(viewer, dashboard(numbers, asked["days"]))

    @blueprint.reads("/revenue-breakdown", STAFF, listed(revenue_breakdown.c))
    @blueprint.arguments(WindowPart, location="query")
    def get_revenue_breakdown(viewer: Account, asked: dict[str, int]) -> Response:
        """Revenue by day and source over the last N complete days."""
        return _part(viewer, store, revenue_breakdown, revenue_breakdown.c.date, asked)

    @blueprint.reads("/retention", STAFF, listed(retention_cohorts.c))
    @blueprint.arguments(CohortsPart, location="query")
    def get_retention(viewer: Account, asked: dict[str, int]) -> Response:
        """Users by the day they came, of the last N complete days, and how many were active N days later."""
        return _part(viewer, store, retention_cohorts, retention_cohorts.c.cohort_date, asked)

    @blueprint.reads("/gifts", STAFF, listed(gift_analytics.c))
    @blueprint.arguments(WindowPart, location="query")
    def get_gifts(viewer: Account, asked: dict[str, int]) -> Response:
        """Gifts by hour (UTC) and spark over the last N complete days; only hours with a gift."""
        return _part(viewer, store, gift_analytics, gift_analytics.c.hour, asked)

    return blueprint


def _part(viewer: Account, store: Store, table: Table, day: Column[Any], asked: dict[str, int]) -> Response:
    with store.read() as queries:
        freshness = queries.freshness() or no_data()
        period = Period.ending(freshness.coverage.last, asked["days"])
        found = queries.listing(table, day, period, asked["limit"], asked["offset"])
    return listing(viewer, found, **asked)


def dashboard(queries: Queries | KnownQueries, days: int) -> dict[str, Any]:
    freshness = queries.freshness() or no_data()
    period = Period.ending(freshness.coverage.last, days)
    before = period.compared(Comparison.PREVIOUS)
    daily = queries.daily(period)
    now = totals(queries, period, freshness.coverage.first)
    comparable = before is not None and before.within(freshness.coverage)
    earlier = totals(queries, before, before.first) if before and comparable else dict.fromkeys(TOTALS)
    if before:
        begun = {name for name, metric in TOTALS.items() if before.first >= freshness.begin_of(metric)}
        earlier = {name: value if name in begun else None for name, value in earlier.items()}
    first, last = daily.iloc[0], daily.iloc[-1]
    return {
        "current": _day(last),
        "previous": _day(first),
        "trend": _trend(last, first),
        "analytics": frame_rows(daily),
        "period": now,
        "previousPeriod": earlier,
        "change": {name: summaries.change(TOTALS[name], now[name], earlier[name]).amount for name in now},
    }


def totals(queries: Queries | KnownQueries, period: Period, first: date) -> dict[str, Number | None]:
    """Every total over the part of `period` from `first` on; None where days of it are missing."""
    daily = summaries.since(queries.daily(period), first)
    values = queries.platform_values(list(TOTALS.values()), period, daily)
    return {name: values[metric.name] for name, metric in TOTALS.items()}


def _day(day: "pd.Series[Any]") -> dict[str, Any]:
    return {"date": day["date"]} | {name: day[TOTALS[name].name] for name in ON_A_DAY}


def _trend(last: "pd.Series[Any]", first: "pd.Series[Any]") -> dict[str, Decimal | None]:
    def both(metric: Metric) -> tuple[Number | None, Number | None]:
        return summaries.number(last[metric.name]), summaries.number(first[metric.name])

    return {
        "userGrowth": summaries.growth(*both(metrics.TOTAL_USERS)),
        "revenueGrowth": summaries.growth(*both(metrics.TOTAL_REVENUE)),
        "engagementTrend": summaries.change(metrics.ACTIVE_SHARE, *both(metrics.ACTIVE_SHARE)).amount,
    }
