"""The revenue forecast: the newest one, and making another."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Engine

from aggregation.forecasting import CONFIDENCE, State
from aggregation.forecasts import StoredForecast, StoredTotal
from aggregation.jobs import forecast
from aggregation.queries import Store
from aggregation.schema import revenue_forecast
from dashboard_app.accounts import Account
from dashboard_app.api.calculations import refusing
from dashboard_app.api.description import STAFF, Routes, Schema, array, envelope, record, row
from dashboard_app.api.parameters import Ahead
from dashboard_app.api.replies import answer, no_data, rows
from dashboard_app.audit import Audit

_AMOUNT: Schema = {"type": "number", "nullable": True, "description": "null where it is not known"}
_DATE: Schema = {"type": "string", "format": "date"}
TOTAL = record(
    {
        "days": {"type": "integer", "minimum": 1},
        **dict.fromkeys(("projectedRevenue", "low80", "high80", "low95", "high95"), _AMOUNT),
    }
)
ABOUT = record(
    {
        "madeOn": _DATE,
        "dataThrough": _DATE,
        "methodology": {"type": "string"},
        "historyDays": {"type": "integer", "minimum": 0},
        "state": {"type": "string", "enum": [each.value for each in State]},
        "notes": array({"type": "string"}),
        "totals": array(TOTAL),
        "confidence": _AMOUNT | {"description": f"In percent: the {CONFIDENCE}; null where it is not known"},
    }
)
FORECAST = envelope(array(row(revenue_forecast.c)), about=ABOUT)


def routes(store: Store, engine: Engine, clock: Callable[[], datetime]) -> Routes:
    blueprint, audit = Routes("forecasts"), Audit(engine)

    @blueprint.reads("/forecast", STAFF, FORECAST)
    def get_forecast(viewer: Account) -> Response:
        """The newest forecast, day by day, and what to know of it."""
        return newest(viewer)

    @blueprint.does("/forecast", ("admin",), FORECAST, refuses=(404, 409, 503))
    @blueprint.arguments(Ahead)
    def make_forecast(viewer: Account, asked: dict[str, Any]) -> Response:
        """Make and store a forecast of the next N days; answers with it."""
        days = asked["days"]
        audit.record("forecast", viewer.name, f"{days} days")
        with refusing(f"forecast --days {days}"):
            forecast.make(engine, clock(), days)
        return newest(viewer)

    def newest(viewer: Account) -> Response:
        with store.read() as queries:
            outlook = queries.forecast(clock())
            if outlook is None:
                no_data()
            return answer(viewer, rows(queries.newest_forecast()), about=about(outlook.made))

    return blueprint


def about(made: StoredForecast) -> dict[str, Any]:
    """Where a number would mislead, it is null, and the notes say why."""
    return {
        "madeOn": made.made_on,
        "dataThrough": made.data_through,
        "methodology": made.methodology,
        "historyDays": made.history_days,
        "state": made.state.value,
        "notes": made.notes,
        "totals": [_total(each, made) for each in made.totals.values()],
        "confidence": made.confidence if made.has_limits else None,
    }


def _total(total: StoredTotal, made: StoredForecast) -> dict[str, Any]:
    limits = {
        f"{side}{nominal}": amounts[nominal] if made.has_limits else None
        for nominal in (80, 95)
        for side, amounts in (("low", total.low), ("high", total.high))
    }
    projected = None if made.is_zero else total.projected
    return {"days": total.days, "projectedRevenue": projected, **limits}
