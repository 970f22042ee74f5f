"""Whether this process is up, and whether traffic may come."""

import flask_smorest
from flask import Response, jsonify
from sqlalchemy import Connection, Engine

from aggregation import migrations, operations
from dashboard_app.api.description import record
from dashboard_app.probes import NoAnswer, Probe

AT_WORK, NOT_AT_WORK = "at work", "not at work"
UP = record({"status": {"type": "string", "enum": ["up"]}})
READY = record(
    {
        "status": {"type": "string", "enum": ["ready"]},
        "worker": {"type": "string", "enum": [AT_WORK, NOT_AT_WORK]},
    }
)
NOT_READY = record({"status": {"type": "string", "enum": ["not ready"]}, "error": {"type": "string"}})


def routes(engine: Engine) -> flask_smorest.Blueprint:
    blueprint = flask_smorest.Blueprint("health", __name__)
    probe = Probe(engine)

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
        """Whether the database answers and the tables are at the newest version.

        Pages can be read without a worker, so that is told and no more.
        """
        try:
            worker = probe.ask(_worker)
        except NoAnswer as error:
            return _not_ready(str(error))
        if worker is None:
            return _not_ready("the analytics tables are not at the newest version: run python run.py migrate")
        return jsonify({"status": "ready", "worker": worker}), 200

    return blueprint


def _not_ready(why: str) -> tuple[Response, int]:
    return jsonify({"status": "not ready", "error": why}), 503


def _worker(connection: Connection) -> str | None:
    """Whether one is at work; None where migrations are behind."""
    if not migrations.is_current(connection):
        return None
    beat = operations.heartbeat(connection)
    return AT_WORK if beat and beat.leads else NOT_AT_WORK
