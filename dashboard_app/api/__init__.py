"""The HTTP API: checks the border, asks the queries, answers in the contract's shape."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

import flask_smorest
from flask import Flask, Response, abort, request
from sqlalchemy import Engine
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Map, MapAdapter

from aggregation.queries import Store
from dashboard_app.api import calculations, creators, forecasts, health, platform
from dashboard_app.api.description import SECURITY, SECURITY_SCHEMES, Problem
from dashboard_app.api.parameters import Id

PREFIX = "/api/"


class Api(flask_smorest.Api):
    ERROR_SCHEMA = Problem
    # Each route names every status that it answers with; a default would stand for all others.
    DEFAULT_ERROR_RESPONSE_NAME = None


def register(
    server: Flask,
    store: Store,
    engine: Engine,
    clock: Callable[[], datetime],
) -> None:
    """Put the routes on `server`. `clock` tells the time (aware, UTC) to what computes."""
    server.config.update(
        API_TITLE="Sparkboard",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"security": SECURITY, "components": {"securitySchemes": SECURITY_SCHEMES}},
    )
    server.url_map.converters["id"] = Id
    api = Api(server)
    api.register_converter(Id, Id.described)
    for blueprint in (
        platform.routes(store, clock),
        creators.routes(store, clock),
        forecasts.routes(store, engine, clock),
        calculations.routes(engine, clock),
        health.routes(engine),
    ):
        api.register_blueprint(blueprint)
    _keep_dash_out(server)


def _keep_dash_out(server: Flask) -> None:
    """Dash answers any GET that no other route claims: here it would take that for a method of theirs."""

    @cache
    def own() -> MapAdapter:
        rules = [rule.empty() for rule in server.url_map.iter_rules() if rule.rule.startswith(PREFIX)]
        return Map(rules, converters=server.url_map.converters).bind("")

    @server.before_request
    def check() -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        allowed = list(own().allowed_methods(request.path))
        if not allowed:
            abort(404)
        if request.method not in allowed:
            raise MethodNotAllowed(allowed)
        if request.method != "OPTIONS":
            return None
        answer = Response()
        answer.allow.update(allowed)
        return answer
