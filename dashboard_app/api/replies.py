"""Answers: the contract's envelope, exact numbers, and tags that are worth nothing to anybody else."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn
from urllib.parse import urlencode

import orjson
import pandas as pd
from flask import Response, abort, request

from aggregation.errors import UsageError
from aggregation.known import KnownQueries
from aggregation.queries import Listing, Queries
from dashboard_app.accounts import Account

NO_DATA = "No analytics data available"
# Times are stored without a zone, and are UTC.
UTC_TIMES = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def answer(viewer: Account, data: Any, **beside: Any) -> Response:
    """`{"success": true, "data": …}` and what stands beside; 304 where the caller has just this.

    The tag is made from who asks, too: another account's tag never matches.
    """
    body = as_json({"success": True, "data": data} | beside)
    response = Response(body, content_type="application/json")
    if request.method in ("GET", "HEAD"):
        response.set_etag(hashlib.sha256(f"{viewer.id} {viewer.role} ".encode() + body).hexdigest())
        response.make_conditional(request)
    return response


def listing(viewer: Account, found: Listing, limit: int, offset: int, days: int) -> Response:
    """A part of a long list, and where the next one is."""
    following = offset + limit
    more = following < found.total
    query = urlencode({"days": days, "limit": limit, "offset": following})
    address = f"{request.path}?{query}" if more else None
    pagination = {"total": found.total, "limit": limit, "offset": offset, "next": address}
    response = answer(viewer, rows(found.rows), pagination=pagination)
    if address:
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def not_by_caches(response: Response) -> Response:
    """For caches that keep what they must not: it depends on who asks."""
    response.vary.update(("Cookie", "Authorization"))
    return response


def no_data() -> NoReturn:
    abort(404, NO_DATA)


def as_known(queries: Queries, known: date | None, now: datetime) -> Queries | KnownQueries:
    """The numbers as they were known at the end of that day; 422 for one that can't be told."""
    try:
        return queries if known is None else KnownQueries(queries, known, now.date())
    except UsageError as error:
        abort(422, str(error))


# ---- shapes ----


def as_json(value: Any) -> bytes:
    """Decimals with all their digits; what is no number (NaN, infinity) is null."""
    return orjson.dumps(value, default=_exact, option=UTC_TIMES)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f")) if value.is_finite() else None
    raise TypeError(f"{type(value).__name__} has no JSON form")


def frame_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return rows(frame.to_dict("records"))


def rows(found: Iterable[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    return [{camel(str(name)): value for name, value in row.items()} for row in found]


@cache
def camel(name: str) -> str:
    """total_users → totalUsers, day_7 → day7."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
