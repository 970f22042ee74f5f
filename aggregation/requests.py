"""job_requests: what people ask the worker to compute again, first as a preview."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregation import checks, engines
from aggregation.coverage import covered_days, missing_sources
from aggregation.days import months
from aggregation.errors import UserError
from aggregation.jobs import chosen
from aggregation.previews import preview
from aggregation.publishing import ENDINGS, aggregate, reason
from aggregation.retries import is_passing
from aggregation.schema import job_requests

log = logging.getLogger(__name__)

request = job_requests.c


class Kind(StrEnum):
    """A preview changes nothing; a run does what its preview showed."""

    PREVIEW = "preview"
    RUN = "run"


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


OPEN = (State.WAITING, State.RUNNING)
# A lost connection, a lock or a full disk holds a request up for no longer.
TRIED_FOR = timedelta(hours=1)


# ---- asking ----


def ask_for_preview(
    engine: Engine, first: date, last: date, jobs: Sequence[str], by: str, now: datetime
) -> int:
    """The id of the request. Raises UsageError for a name that no job has."""
    names = [job.name for job in chosen(jobs)]
    return _ask(
        engine,
        {
            "kind": Kind.PREVIEW,
            "first_day": first,
            "last_day": last,
            "jobs": names,
            "requested_by": by,
            "requested_at": now,
        },
    )


def confirm(engine: Engine, preview_id: int, by: str, now: datetime) -> int:
    """The id of the run that the preview was of. UserError where there is no such preview, or it has been
    confirmed before.
    """
    with engine.connect() as connection:
        shown = get(connection, preview_id)
    if shown is None or shown.kind != Kind.PREVIEW or shown.state != State.SUCCEEDED:
        raise UserError("there is no such preview")
    values = {
        "kind": Kind.RUN,
        "first_day": shown.first_day,
        "last_day": shown.last_day,
        "jobs": shown.jobs,
        "requested_by": by,
        "requested_at": now,
        "preview_id": preview_id,
    }
    try:
        return _ask(engine, values)
    except IntegrityError:
        raise UserError("this preview has been confirmed already") from None


def _ask(engine: Engine, values: dict[str, Any]) -> int:
    with engine.begin() as connection:
        return int(connection.execute(insert(job_requests).values(values).returning(request.id)).scalar_one())


# ---- reading ----


def get(connection: Connection, number: int) -> Row[Any] | None:
    return connection.execute(select(job_requests).where(request.id == number)).one_or_none()


def run_of(connection: Connection, preview_id: int) -> int | None:
    """The id of the run that a preview was confirmed with."""
    number: int | None = connection.scalar(select(request.id).where(request.preview_id == preview_id))
    return number


def newest(connection: Connection, limit: int) -> Sequence[Row[Any]]:
    return connection.execute(select(job_requests).order_by(request.id.desc()).limit(limit)).all()


# ---- carrying out ----


def perform_next(
    engine: Engine,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool],
) -> bool:
    """Carry out the oldest that waits, month by month; whether there was one.

    For the worker that leads: one that is running already was left by another, or by a failure. What passes
    by itself is raised, to be tried again for TRIED_FOR; what else fails is recorded, and whoever asked sees
    why. Raises Interrupted where `stopped` said so; the request is then left to the next worker.
    """
    with engine.connect() as connection:
        oldest = connection.execute(
            select(job_requests).where(request.state.in_(OPEN)).order_by(request.id).limit(1)
        ).one_or_none()
    if oldest is None:
        return False
    began = oldest.started_at or clock()
    _write(engine, oldest.id, state=State.RUNNING, started_at=began)
    log.info("request %d by %s: %s", oldest.id, oldest.requested_by, oldest.kind)
    try:
        found = _perform(engine, oldest, clock, stopped)
    except ENDINGS:
        raise
    except Exception as error:
        if stopped():
            raise
        if is_passing(error) and abs(clock() - began) < TRIED_FOR:
            _write(engine, oldest.id, error=reason(error))
            raise
        log.error("request %d failed: %s", oldest.id, reason(error))
        _write(engine, oldest.id, state=State.FAILED, finished_at=clock(), error=reason(error))
    else:
        _write(engine, oldest.id, state=State.SUCCEEDED, finished_at=clock(), found=found, error=None)
    return True


def _perform(
    engine: Engine,
    asked: Row[Any],
    clock: Callable[[], datetime],
    stopped: Callable[[], bool],
) -> dict[str, Any]:
    first, last = asked.first_day, asked.last_day
    if asked.kind == Kind.PREVIEW:
        return preview(engine, first, last, asked.jobs, clock=clock, stopped=stopped)
    with engine.connect() as connection:
        days = covered_days(connection, first, last, missing_sources(connection), clock())
    rows: Counter[str] = Counter()
    for begin, end in months(days.first, days.last):
        later = end == days.last
        results = aggregate(engine, begin, end, asked.jobs, clock=clock, stopped=stopped, later=later)
        rows.update({result.job: result.rows for result in results})
    if not engines.of(engine).in_database:
        return {"rows": dict(rows)}
    report = checks.check(engine, days.first, days.last, clock=clock)
    return {"rows": dict(rows), "cells": report.cells_checked, "unequal": report.cells_unequal}


def _write(engine: Engine, number: int, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(job_requests).where(request.id == number).values(**values))
