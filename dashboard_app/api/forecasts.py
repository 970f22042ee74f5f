"""The revenue forecast: the newest one, and making another."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Engine

from aggregation.jobs import forecast
from aggregation.queries import Store
from aggregation.schema import revenue_forecast
from dashboard_app.accounts import Account
from dashboard_app.api.calculations import refusing
from dashboard_app.api.description import STAFF, Routes, array, envelope, row
from dashboard_app.api.parameters import Ahead
from dashboard_app.api.replies import answer, no_data, rows
from dashboard_app.audit import Audit

FORECAST = envelope(array(row(revenue_forecast.c)))


def routes(store: Store, engine: Engine, clock: Callable[[], datetime]) -> Routes:
    blueprint, audit = Routes("forecasts"), Audit(engine)

    @blueprint.reads("/forecast", STAFF, FORECAST)
    def get_forecast(viewer: Account) -> Response:
        """The newest forecast, day by day."""
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
            return answer(viewer, rows(queries.newest_forecast()) or no_data())

    return blueprint
