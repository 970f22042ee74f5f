"""The HTTP API: checks the border, asks the queries, answers in the contract's shape."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

import marshmallow as ma
import pandas as pd
from flask import Flask, Response, abort, jsonify
from flask_smorest import Api, Blueprint
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from aggregation import metrics, migrations, summaries
from aggregation.metrics import Metric
from aggregation.periods import MAX_DAYS, Comparison, Period
from aggregation.queries import Queries, Store
from aggregation.summaries import Number
from dashboard_app.access import require_role
from dashboard_app.accounts import Account

NO_DATA = "No analytics data available"
NO_CREATOR = "No such creator"
DAYS_MESSAGE = f"days must be a whole number from 1 to {MAX_DAYS}"

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
CREATOR_SUMS = (
    metrics.VIEWS,
    metrics.LIKES,
    metrics.COMMENTS,
    metrics.SHARES,
    metrics.GIFTS_RECEIVED,
    metrics.GIFT_REVENUE,
    metrics.FOLLOWERS_GAINED,
)


class WholeNumber(ma.fields.Integer):
    """ASCII digits only: neither 1.0 nor 1_0 nor other scripts' digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10):
            raise ma.ValidationError(DAYS_MESSAGE)
        return int(value)


class Window(ma.Schema):
    class Meta:
        unknown = ma.EXCLUDE

    days = WholeNumber(
        load_default=30,
        validate=ma.validate.Range(1, MAX_DAYS, error=DAYS_MESSAGE),
        metadata={"description": "The last N complete days"},
    )


def register(server: Flask, store: Store, engine: Engine) -> None:
    server.config.update(
        API_TITLE="Sparkboard",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(server)
    api.register_blueprint(_analytics(store))
    api.register_blueprint(_health(engine))


def _analytics(store: Store) -> Any:
    blueprint = Blueprint("analytics", __name__, url_prefix="/api/analytics")

    @blueprint.route("/dashboard")
    @require_role("analyst", "admin")
    @blueprint.arguments(Window, location="query")
    def get_dashboard(viewer: Account, window: dict[str, int]) -> Response:
        """The platform over the last N complete days."""
        with store.read() as queries:
            return answer(dashboard(queries, window["days"]))

    @blueprint.route("/creator/<int:creator_id>")
    @require_role("creator", "analyst", "admin")
    @blueprint.arguments(Window, location="query")
    def get_creator(viewer: Account, window: dict[str, int], creator_id: int) -> Response:
        """One creator over the last N complete days. Creators see only themselves."""
        if viewer.role == "creator" and viewer.creator_id != creator_id:
            abort(403)
        with store.read() as queries:
            return answer(creator(queries, creator_id, window["days"]))

    return blueprint


def answer(data: Any) -> Response:
    response = jsonify({"success": True, "data": data})
    response.headers["Cache-Control"] = "no-store"
    return response


# ---- what the routes say ----


def dashboard(queries: Queries, days: int) -> dict[str, Any]:
    freshness = queries.freshness() or _nothing()
    period = Period.ending(freshness.coverage.last, days)
    before = period.compared(Comparison.PREVIOUS)
    daily = queries.daily(period)
    now = totals(queries, period, freshness.coverage.first)
    comparable = before is not None and before.within(freshness.coverage)
    earlier = totals(queries, before, before.first) if before and comparable else dict.fromkeys(TOTALS)
    first, last = daily.iloc[0], daily.iloc[-1]
    return {
        "current": _day(last),
        "previous": _day(first),
        "trend": {
            "userGrowth": plain(_growth(last, first, metrics.TOTAL_USERS)),
            "revenueGrowth": plain(_growth(last, first, metrics.TOTAL_REVENUE)),
            "engagementTrend": plain(
                summaries.change(
                    metrics.ACTIVE_SHARE,
                    summaries.number(last[metrics.ACTIVE_SHARE.name]),
                    summaries.number(first[metrics.ACTIVE_SHARE.name]),
                ).amount
            ),
        },
        "analytics": rows(daily),
        "period": {name: plain(value) for name, value in now.items()},
        "previousPeriod": {name: plain(value) for name, value in earlier.items()},
        "change": {
            name: plain(summaries.change(TOTALS[name], now[name], earlier.get(name)).amount) for name in now
        },
    }


def totals(queries: Queries, period: Period, first: date) -> dict[str, Number | None]:
    """Every total over the part of `period` from `first` on; None where days of it are missing."""
    daily = summaries.since(queries.daily(period), first)
    values = queries.platform_values(list(TOTALS.values()), period, daily)
    return {name: values[metric.name] for name, metric in TOTALS.items()}


def creator(queries: Queries, creator_id: int, days: int) -> dict[str, Any]:
    freshness = queries.freshness() or _nothing()
    if queries.creator_name(creator_id) is None:
        abort(404, NO_CREATOR)
    daily = queries.creator_daily(creator_id, Period.ending(freshness.coverage.last, days), freshness)
    counted = summaries.since(daily, freshness.coverage.first)
    sums: dict[str, Any] = {
        camel(metric.name): plain(summaries.value_over(counted, metric)) for metric in CREATOR_SUMS
    }
    rate = summaries.value_over(counted, metrics.CREATOR_ENGAGEMENT)
    return {
        "current": rows(daily.tail(1))[0],
        "period": sums | {"avgEngagementRate": plain(rate)},
        "metrics": rows(daily),
    }


def _day(row: Any) -> dict[str, Any]:
    names = (name for name in TOTALS if name not in ("newUsers", "averageGiftValue"))
    return {"date": row["date"].isoformat()} | {name: plain(row[TOTALS[name].name]) for name in names}


def _growth(last: Any, first: Any, metric: Metric) -> Decimal | None:
    return summaries.growth(summaries.number(last[metric.name]), summaries.number(first[metric.name]))


def _nothing() -> NoReturn:
    abort(404, NO_DATA)


# ---- shapes ----


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {camel(str(name)): plain(value) for name, value in row.items()} for row in frame.to_dict("records")
    ]


def camel(name: str) -> str:
    """total_users → totalUsers, day_7 → day7."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def plain(value: Any) -> Any:
    """A cell as JSON has it: numbers as numbers, dates as ISO 8601, missing values as null."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


# ---- health ----


def _health(engine: Engine) -> Any:
    blueprint = Blueprint("health", __name__)

    @blueprint.route("/healthz")
    def healthz() -> Response:
        """Whether the process is up."""
        return jsonify({"status": "up"})

    @blueprint.route("/readyz")
    def readyz() -> tuple[Response, int]:
        """Whether the database answers and the tables are at the newest version."""
        problem = not_ready(engine)
        return jsonify({"status": "not ready", "error": problem} if problem else {"status": "ready"}), (
            503 if problem else 200
        )

    return blueprint


def not_ready(engine: Engine) -> str | None:
    """Why no traffic should come yet; None where it may."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            version = migrations.current(connection)
    except SQLAlchemyError:
        return "the database can't be reached"
    if version != migrations.newest():
        return "the analytics tables are not at the newest version: run python run.py migrate"
    return None
