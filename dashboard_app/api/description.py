"""What /api/openapi.json says: the shapes of answers, from the tables; who may ask; how to sign in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import flask_smorest
import marshmallow as ma
from sqlalchemy import Column, Date, DateTime, Integer, Numeric, Text
from sqlalchemy.types import TypeEngine

from dashboard_app.access import require_role
from dashboard_app.api.parameters import Parser
from dashboard_app.api.replies import camel, not_by_caches

Schema = dict[str, Any]
View = Callable[..., Any]

STAFF = ("analyst", "admin")
SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from the account page. No CSRF token is needed with it.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sparkboard",
        "description": "The dashboard's own login.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The value of the cookie _csrf_token; needed with the login's cookie.",
    },
}
Security = list[dict[str, list[str]]]
SECURITY: Security = [{"token": []}, {"session": []}]
WRITING: Security = [{"token": []}, {"session": [], "csrf": []}]
# What each status means, and a message that comes with it.
REFUSALS = {
    400: ("The body is not JSON, or the CSRF token is missing", "The body is not valid JSON."),
    401: ("Not signed in", "Please sign in first."),
    403: ("Not allowed for this account", "Your account may not see this."),
    404: ("No such creator, or no data yet", "No analytics data available"),
    409: (
        "Another calculation is under way",
        "other numbers are being computed just now; try again in a minute",
    ),
    413: ("The body is too large", "The request is too large."),
    422: (
        "A parameter or a member of the body makes no sense; the message names it",
        "days must be a whole number from 1 to 3660",
    ),
    429: ("Too many requests; Retry-After says for how long to wait", "Too many requests."),
    503: ("Not possible here; the message says why", "This web process may only read the database."),
}
ALWAYS = (401, 403, 422, 429)


class Problem(ma.Schema):
    error = ma.fields.String(required=True, metadata={"example": "Please sign in first."})

    class Meta:
        title = "Problem"


class Routes(flask_smorest.Blueprint):
    """A blueprint whose routes check the role first and say all about themselves."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str) -> None:
        super().__init__(name, f"{__name__}.{name}", url_prefix="/api/analytics")
        self.after_request(not_by_caches)

    def reads(
        self, rule: str, roles: Sequence[str], gives: Schema, *, refuses: Sequence[int] = ()
    ) -> Callable[[View], View]:
        """For a view that answers GET; it gets the viewer first."""

        def decorate(view: View) -> View:
            tagged = {"ETag": {"description": "For If-None-Match", "schema": {"type": "string"}}}
            view = self.response(200, gives, headers=tagged)(view)
            view = self.alt_response(304, description="The caller has just this")(view)
            return self._routed(rule, "GET", roles, view, (404, *refuses))

        return decorate

    def does(
        self, rule: str, roles: Sequence[str], gives: Schema, *, refuses: Sequence[int] = ()
    ) -> Callable[[View], View]:
        """For a view that answers POST; it gets the viewer first."""

        def decorate(view: View) -> View:
            view = self.response(200, gives)(view)
            view = self.doc(security=WRITING)(view)
            return self._routed(rule, "POST", roles, view, (400, 413, *refuses))

        return decorate

    def _routed(
        self, rule: str, method: str, roles: Sequence[str], view: View, refuses: Sequence[int]
    ) -> View:
        for status in sorted({*ALWAYS, *refuses}):
            meaning, message = REFUSALS[status]
            example = {"error": message}
            view = self.alt_response(status, schema=Problem, description=meaning, example=example)(view)
        view = self.doc(**{"x-roles": list(roles), "operationId": camel(view.__name__)})(view)
        routed: View = self.route(rule, methods=[method])(require_role(*roles)(view))
        return routed


# ---- shapes of answers ----


def envelope(data: Schema, **beside: Schema) -> Schema:
    return record({"success": {"type": "boolean", "enum": [True]}, "data": data, **beside})


def listed(columns: Iterable[Column[Any]]) -> Schema:
    """A part of the rows of a table."""
    count = {"type": "integer", "minimum": 0}
    address = {"type": "string", "nullable": True, "description": "Of the next part; null at the end"}
    pagination = record({"total": count, "limit": count, "offset": count, "next": address})
    return envelope(array(row(columns, gaps=True)), pagination=pagination)


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def record(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def row(columns: Iterable[Column[Any]], *, gaps: bool = False) -> Schema:
    """A row of a table; with `gaps`, what isn't known of a day is null."""
    return record(
        {
            camel(column.name): _typed(
                column.type, nullable=bool(column.nullable) or (gaps and not column.primary_key)
            )
            for column in columns
        }
    )


def number() -> Schema:
    """A value that may be unknown."""
    return {"type": "number", "nullable": True}


DAY: Schema = {"type": "string", "format": "date", "example": "2026-11-20"}
KINDS: Mapping[type[TypeEngine[Any]], Schema] = {
    Numeric: {"type": "number", "example": 1234.5},
    Integer: {"type": "integer", "format": "int64", "example": 42},
    DateTime: {"type": "string", "format": "date-time", "example": "2026-11-20T20:00:00Z"},
    Date: DAY,
    Text: {"type": "string"},
}


def _typed(kind: TypeEngine[Any], *, nullable: bool) -> Schema:
    described = next(schema for known, schema in KINDS.items() if isinstance(kind, known))
    return described | ({"nullable": True} if nullable else {})
