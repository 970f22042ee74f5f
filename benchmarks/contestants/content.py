"""What the Overview shows, read with plain pandas: the contestants' numbers, from the product's tables."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Engine, text

from aggregation import metrics, summaries
from aggregation.metrics import Metric
from aggregation.periods import Comparison, Period
from aggregation.summaries import Change
from layouts import formats

CARDS = (
    metrics.TOTAL_USERS,
    metrics.ACTIVE_USERS,
    metrics.TOTAL_REVENUE,
    metrics.CREATOR_EARNINGS,
    metrics.TOTAL_GIFTS,
    metrics.ACTIVE_SHARE,
    metrics.NEW_USERS,
    metrics.AVERAGE_GIFT,
)
QUESTIONS = {
    "revenue_trend": "How is gift revenue developing?",
    "revenue_sources": "Where does the money come from?",
    "user_growth": "Is the audience growing?",
    "engagement_rate": "Which share of users is active each day?",
    "today": "How is today going so far?",
    "movers": "Which creators' earnings changed most?",
}
SOURCES = {
    "gifts": "Gifts",
    "subscriptions": "Subscriptions",
    "ads": "Ads",
    "premium_features": "Premium features",
}
PERIODS = (7, 28, 30, 90, 365)
DEFAULT_DAYS = 30

DAILY = "SELECT * FROM daily_analytics WHERE date BETWEEN :first AND :last ORDER BY date"
ACTIVE = """
    SELECT count(DISTINCT user_id) AS users FROM user_engagement
    WHERE date BETWEEN :first AND :last AND (session_count > 0 OR videos_watched > 0 OR gifts_sent > 0)
"""
BY_SOURCE = """
    SELECT source, sum(amount) AS amount FROM revenue_breakdown
    WHERE date BETWEEN :first AND :last GROUP BY source ORDER BY amount DESC, source
"""
HOURS = """
    SELECT CAST(hour AS date) AS day, CAST(extract(hour FROM hour) AS int) AS hour, sum(revenue) AS revenue
    FROM gift_analytics WHERE hour >= :first AND hour < :last GROUP BY 1, 2 ORDER BY 1, 2
"""
FORECAST = """
    SELECT day.forecast_date AS date, day.projected_revenue AS projected, day.low_80, day.high_80
    FROM revenue_forecast AS day
    JOIN revenue_forecast_totals AS made USING (made_on, data_through, methodology)
    WHERE made.chosen AND made.days = 30 AND made_on = (SELECT max(made_on) FROM revenue_forecast)
        AND day.forecast_date BETWEEN :first AND :last
    ORDER BY date
"""
MOVERS = """
    SELECT m.creator_id, p.name,
        coalesce(sum(gift_revenue) FILTER (WHERE date BETWEEN :first AND :last), 0) AS now,
        coalesce(sum(gift_revenue) FILTER (WHERE date BETWEEN :before_first AND :before_last), 0) AS before
    FROM creator_metrics m LEFT JOIN creator_profiles p USING (creator_id)
    WHERE date BETWEEN :before_first AND :last
    GROUP BY m.creator_id, p.name
"""
MOVERS_SHOWN = 10
USUAL_WEEKS = 8


@dataclass(frozen=True)
class Card:
    """A value of the period and its change, as they are written."""

    metric: Metric
    value: str
    change: str


def read(engine: Engine, statement: str, **values: Any) -> pd.DataFrame:
    return pd.read_sql_query(text(statement), engine, params=values, coerce_float=False)


def period(engine: Engine, days: int) -> Period:
    """The last complete days that there are numbers of."""
    newest = read(engine, "SELECT max(date) AS day FROM daily_analytics")
    return Period.ending(newest["day"].iloc[0], days)


def earlier(shown: Period) -> Period:
    return shown.compared(Comparison.PREVIOUS) or shown


def daily(engine: Engine, shown: Period) -> pd.DataFrame:
    return read(engine, DAILY, first=shown.first, last=shown.last)


def by_source(engine: Engine, shown: Period) -> pd.DataFrame:
    return read(engine, BY_SOURCE, first=shown.first, last=shown.last)


def forecast(engine: Engine, shown: Period) -> pd.DataFrame:
    """date, projected, low_80, high_80 of the days after the period: a third as many, from 7 to 30."""
    days = min(max(shown.days // 3, 7), 30)
    first, last = shown.last + timedelta(days=1), shown.last + timedelta(days=days)
    return read(engine, FORECAST, first=first, last=last)


def movers(engine: Engine, shown: Period) -> pd.DataFrame:
    """Creators whose earnings changed most: creator_id, name, now, before."""
    before = earlier(shown)
    frame = read(
        engine,
        MOVERS,
        first=shown.first,
        last=shown.last,
        before_first=before.first,
        before_last=before.last,
    )
    order = (frame["now"] - frame["before"]).abs().astype(float).sort_values(ascending=False, kind="stable")
    return frame.loc[order.index[:MOVERS_SHOWN]]


def movers_rows(frame: pd.DataFrame) -> list[list[str]]:
    return [
        [
            row["name"] or f"Creator {row['creator_id']}",
            formats.exact(row["now"], "money"),
            formats.exact(row["before"], "money"),
            formats.change_text(summaries.change(metrics.GIFT_REVENUE, row["now"], row["before"])),
        ]
        for row in frame.to_dict("records")
    ]


# ---- the running day ----


def today() -> date:
    return datetime.now(UTC).date()


def hours(engine: Engine) -> pd.DataFrame:
    """hour, revenue of the running day."""
    return read(engine, HOURS, first=today(), last=today() + timedelta(days=1))


def usual_hours(engine: Engine) -> pd.DataFrame:
    """hour, low, high: quartiles on the same weekday of the eight weeks before."""
    days = [today() - timedelta(weeks=week) for week in range(1, USUAL_WEEKS + 1)]
    frame = read(engine, HOURS, first=days[-1], last=today())
    filled = (
        frame.pivot(index="hour", columns="day", values="revenue")
        .reindex(index=range(24), columns=days)
        .astype(float)
        .fillna(0.0)
    )
    low, high = filled.quantile(0.25, axis=1), filled.quantile(0.75, axis=1)
    return pd.DataFrame({"hour": range(24), "low": low.to_numpy(), "high": high.to_numpy()})


# ---- cards ----


def cards(engine: Engine, shown: Period) -> list[Card]:
    now, before = _values(engine, shown), _values(engine, earlier(shown))
    return [_card(metric, now[metric.name], before[metric.name]) for metric in CARDS]


def _card(metric: Metric, now: Any, before: Any) -> Card:
    moved: Change = summaries.change(metric, now, before)
    return Card(metric, formats.short(now, metric.unit), formats.change_text(moved))


def _values(engine: Engine, shown: Period) -> dict[str, Any]:
    frame = daily(engine, shown)
    if frame.empty:
        return dict.fromkeys((metric.name for metric in CARDS), None)
    users, active = int(frame["total_users"].sum()), int(frame["active_users"].sum())
    gifts, revenue = int(frame["total_gifts_sent"].sum()), frame["total_revenue"].sum()
    people = read(engine, ACTIVE, first=shown.first, last=shown.last)
    return {
        "total_users": int(frame["total_users"].iloc[-1]),
        "active_users": int(people["users"].iloc[0]),
        "total_revenue": revenue,
        "creator_earnings": frame["creator_earnings"].sum(),
        "total_gifts_sent": gifts,
        "engagement_rate": Decimal(active) * 100 / users if users else None,
        "new_users": int(frame["new_users"].sum()),
        "average_gift_value": Decimal(revenue) / gifts if gifts else None,
    }
