"""Whether this process is up, and whether traffic may come."""

import flask_smorest
from flask import Response, jsonify
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from aggregation import migrations
from dashboard_app.api.description import record

UP = record({"status": {"type": "string", "enum": ["up"]}})
READY = record({"status": {"type": "string", "enum": ["ready"]}})
NOT_READY = record({"status": {"type": "string", "enum": ["not ready"]}, "error": {"type": "string"}})


def routes(engine: Engine) -> flask_smorest.Blueprint:
    blueprint = flask_smorest.Blueprint("health", __name__)

    @blueprint.route("/healthz")
    @blueprint.doc(security=[])
    @blueprint.response(200, UP)
    def healthz() -> Response:
        """Whether the process is up."""
        return jsonify({"status": "up"})

    @blueprint.route("/readyz")
    @blueprint.doc(security=[])
    @blueprint.response(200, READY)
    @blueprint.alt_response(503, schema=NOT_READY, description="Not ready, and why")
    def readyz() -> tuple[Response, int]:
        """Whether the database answers and the tables are at the newest version."""
        problem = not_ready(engine)
        if problem:
            return jsonify({"status": "not ready", "error": problem}), 503
        return jsonify({"status": "ready"}), 200

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
