"""Mending what a recount found unequal: its days are computed anew, recounted, and the outcome is said."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

from sqlalchemy import Engine

from aggregation import checks, ledger, unequal, versions
from aggregation.coverage import first_event_day, missing_sources
from aggregation.days import ONE_DAY, last_complete_day, months
from aggregation.ledger import Reason, Result, State
from aggregation.publishing import JobsFailed, aggregate
from aggregation.unequal import MOST_TRIES, Key

log = logging.getLogger(__name__)


def repair(
    engine: Engine,
    now: datetime,
    *,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool],
) -> None:
    """Try what is to be tried at `now`; what still is unequal then has one try less.

    Raises what passes by itself (a lost connection, a lock): that counts as no try.
    """
    with engine.connect() as connection:
        keys = unequal.to_repair(connection, now)
        begin = first_event_day(connection, missing_sources(connection)) if keys else None
    if begin is None:
        return
    complete = last_complete_day(now)
    wanted = {min(max(day, begin), complete) for days in keys.values() for day in days}
    for first, last in _spans(wanted):
        _mend(engine, first, last, clock, stopped)
    with engine.begin() as connection:
        unequal.tried(connection, keys, clock())
        versions.bump(connection, versions.Scope.CHECKS)
        given_up = unequal.given_up(connection)
    for row in given_up:
        if Key(row.table_name, row.column_name, row.day) not in keys:
            continue
        log.error(
            "%s.%s of %s is unequal after %d repairs: the worker leaves it to you",
            row.table_name,
            row.column_name,
            row.day,
            MOST_TRIES,
        )


def _mend(
    engine: Engine,
    first: date,
    last: date,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool],
) -> None:
    """The run is recorded when it is over, as the recount's is."""
    began, failure = clock(), ""
    try:
        for begin, end in months(first, last):
            later = end == last
            aggregate(engine, begin, end, clock=clock, stopped=stopped, later=later, reason=Reason.REPAIR)
    except JobsFailed as error:
        if error.passing:
            raise
        failure = f"{error}; "
    report = checks.check(engine, first, last, clock=clock)
    wrong = report.cells_unequal
    if wrong:
        failure += f"{wrong:,} of {report.cells_checked:,} cells are still unequal"
        log.error("repair of %s to %s: %s", first, last, failure)
    else:
        log.info("repair of %s to %s: all cells are equal", first, last)
    state = State.FAILED if failure else State.SUCCEEDED
    run = ledger.start(engine, ledger.REPAIR, first, last, began)
    result = Result(ledger.REPAIR, first, last, state, report.cells_checked, failure or None)
    ledger.finish(engine, run, result, clock())


def _spans(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Neighbouring days together."""
    ordered = sorted(days)
    first = last = ordered[0]
    for day in ordered[1:]:
        if day - last > ONE_DAY:
            yield first, last
            first = day
        last = day
    yield first, last
