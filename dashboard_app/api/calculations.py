"""Computing from outside, and how that is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from flask import Response, abort
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from aggregation import publishing
from aggregation.errors import Busy, UserError
from aggregation.publishing import JobsFailed
from dashboard_app.accounts import Account
from dashboard_app.api.description import DAY, Routes, array, envelope, record
from dashboard_app.api.parameters import OneDay
from dashboard_app.api.replies import answer
from dashboard_app.audit import Audit

# So long a request waits for another writer.
PATIENCE = timedelta(seconds=10)
NO_RIGHT = "42501"
READS_ONLY = "This web process may only read the database. Run it where the worker runs: python run.py {}"

_done = record({"job": {"type": "string"}, "rowsChanged": {"type": "integer", "minimum": 0}})
CALCULATION = record({"date": DAY, "jobs": array(_done)})


def routes(engine: Engine, clock: Callable[[], datetime]) -> Routes:
    blueprint, audit = Routes("calculations"), Audit(engine)

    @blueprint.does("/calculate-daily", ("admin",), envelope(CALCULATION), refuses=(409, 503))
    @blueprint.arguments(OneDay)
    def calculate_daily(viewer: Account, asked: dict[str, Any]) -> Response:
        """Compute every number of one complete day (UTC) anew; may be repeated."""
        day = asked["date"]
        audit.record("calculate-daily", viewer.name, str(day))
        with refusing(f"aggregate --from {day} --to {day}"):
            results = publishing.aggregate(engine, day, day, clock=clock, patience=PATIENCE)
        done = [{"job": result.job, "rowsChanged": result.rows} for result in results]
        return answer(viewer, {"date": day, "jobs": done})

    return blueprint


@contextmanager
def refusing(command: str) -> Iterator[None]:
    """Turns what stops a computation into an answer; `command` does the same at a terminal."""
    try:
        yield
    except Busy as error:
        abort(409, str(error))
    except JobsFailed as error:
        failed = ", ".join(result.job for result in error.results if result.error)
        abort(500, f"Could not be computed: {failed}. The reasons are in: python run.py jobs")
    except UserError as error:
        abort(422, str(error))
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != NO_RIGHT:
            raise
        abort(503, READS_ONLY.format(command))
