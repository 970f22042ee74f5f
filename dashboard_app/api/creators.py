"""One creator's numbers: for that creator, and for analysts and admins."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, abort

from aggregation import metrics, summaries
from aggregation.known import KnownQueries
from aggregation.periods import Period
from aggregation.queries import Queries, Store
from aggregation.schema import creator_metrics
from dashboard_app.accounts import Account
from dashboard_app.api.description import STAFF, Routes, array, envelope, number, record, row
from dashboard_app.api.parameters import KnownWindow
from dashboard_app.api.replies import answer, as_known, camel, frame_rows, no_data

NO_CREATOR = "No such creator"
SUMS = (
    metrics.VIEWS,
    metrics.LIKES,
    metrics.COMMENTS,
    metrics.SHARES,
    metrics.GIFTS_RECEIVED,
    metrics.GIFT_REVENUE,
    metrics.FOLLOWERS_GAINED,
)

_day = row([column for column in creator_metrics.c if column.name != "creator_id"], gaps=True)
CREATOR = record(
    {
        "current": _day,
        "period": record({camel(metric.name): number() for metric in SUMS} | {"avgEngagementRate": number()}),
        "metrics": array(_day),
    }
)


def routes(store: Store, clock: Callable[[], datetime]) -> Routes:
    blueprint = Routes("creators")

    @blueprint.reads("/creator/<id:creator_id>", ("creator", *STAFF), envelope(CREATOR))
    @blueprint.arguments(KnownWindow, location="query")
    def get_creator(viewer: Account, asked: dict[str, Any], creator_id: int) -> Response:
        """One creator over the last N complete days. Creators see only themselves."""
        if viewer.role == "creator" and viewer.creator_id != creator_id:
            abort(403)
        with store.read() as queries:
            numbers = as_known(queries, asked["known"], clock())
            return answer(viewer, creator(numbers, creator_id, asked["days"]))

    return blueprint


def creator(queries: Queries | KnownQueries, creator_id: int, days: int) -> dict[str, Any]:
    freshness = queries.freshness() or no_data()
    if queries.creator_name(creator_id) is None:
        abort(404, NO_CREATOR)
    daily = queries.creator_daily(creator_id, Period.ending(freshness.coverage.last, days), freshness)
    counted = summaries.since(daily, freshness.coverage.first)
    sums: dict[str, Any] = {camel(metric.name): summaries.value_over(counted, metric) for metric in SUMS}
    rate = summaries.value_over(counted, metrics.CREATOR_ENGAGEMENT)
    return {
        "current": frame_rows(daily.tail(1))[0],
        "period": sums | {"avgEngagementRate": rate},
        "metrics": frame_rows(daily),
    }
