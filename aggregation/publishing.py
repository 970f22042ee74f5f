"""The one writer of the analytics tables: any job's statement, published in one SQL statement a span."""

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Delete,
    Engine,
    FromClause,
    Insert,
    Select,
    Table,
    and_,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    union,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import CTE

from aggregation import changes, engines, ledger, prepared, restatements, versions
from aggregation.coverage import covered_days, missing_sources, note_begins
from aggregation.database import RUNNING_DAY_LOCK, WRITERS_LOCK, exclusive
from aggregation.days import ONE_DAY, last_complete_day, months, utc_now
from aggregation.errors import Interrupted as Interrupted
from aggregation.errors import UserError
from aggregation.jobs import JOBS, Job, Notes, chosen, seen, with_readers
from aggregation.ledger import Reason, Result, State
from aggregation.partitions import require_months
from aggregation.prepared import Span
from aggregation.retries import is_passing

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
Clock = Callable[[], datetime]

# The running day's hours have a name of their own in job_runs: they don't stand for a whole day.
RUNNING_DAY = replace(chosen(["gifts"])[0], name=ledger.RUNNING_DAY)


# For each sort and hash of a statement; a hash takes up to twice as much. With the default of 4 MB even a
# day spills to disk; with this a month of 1.4 million user-days peaks at 330 MB (benchmarks.aggregation).
WORK_MEM = "32MB"


# Spans of a run that its log has.
LONGEST_LOG = 100


ENDINGS = (Interrupted, KeyboardInterrupt, SystemExit)


class JobsFailed(UserError):  # noqa: N818
    """Some jobs failed, the others are done; `results` has one entry a job."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        failed = [result for result in results if result.state is not State.SUCCEEDED]
        self.passing = any(result.passing for result in failed)
        super().__init__("; ".join(f"job {result.job} failed: {result.error}" for result in failed))


# ---- one statement ----


def publish(
    table: Table,
    statement: Select[Any] | CompoundSelect[Any],
    span: ColumnElement[bool] | FromClause,
    keeps: Sequence[str] = (),
    notes: Notes | None = None,
    log: Callable[[FromClause, FromClause], Insert] | None = None,
    *,
    empty: bool = False,
) -> Select[Any]:
    """The statement that makes the rows of `table` in `span` those of `statement`, and counts the changes.

    `span`: a condition, or the keys of what may be stored.
    Rows that are right already aren't touched, so a second run changes none. In the columns that
    `keeps` names a null leaves the stored value. Keys of rows that change are added to `notes`. `log` gets
    the rows that went and those that were written, and makes the part that logs them. `empty`: the span
    holds no rows yet, and there is nothing to compare with.
    """
    returned: Sequence[ColumnElement[Any]] = [literal_column("1")]
    if log:
        returned = list(table.c)
    elif notes:
        returned = [table.c[key.name] for key in notes.keys.primary_key]
    new = statement.subquery("new")
    names = [column.name for column in new.c]
    if empty and not log:
        insertion = postgresql.insert(table).from_select(names, _ordered(table, new, names))
        written = insertion.returning(*returned).cte("written")
        counted = select(func.count()).select_from(written)
        return counted.add_cte(_note(notes, written)) if notes else counted
    different = _different(table, new, span)
    gone = _remove(table, different).returning(*returned).cte("gone")
    rows = _ordered(table, different, names).where(~_is_gone(table, different))
    written = _upsert(table, rows, keeps).returning(*returned).cte("written")
    counted = select(
        select(func.count()).select_from(gone).scalar_subquery()
        + select(func.count()).select_from(written).scalar_subquery()
    )
    if notes:
        counted = counted.add_cte(_note(notes, gone, written))
    if log:
        counted = counted.add_cte(log(gone, written).cte("restated"))
    return counted


def _note(notes: Notes, *changed: CTE) -> CTE:
    summed_up = select(literal_column("1")).select_from(notes.summary).exists()
    names = [key.name for key in notes.keys.primary_key]
    keys = union(*(select(*(rows.c[name] for name in names)).where(summed_up) for rows in changed))
    return _noted(notes, keys).cte("noted")


def _noted(notes: Notes, keys: CompoundSelect[Any]) -> Insert:
    names = [key.name for key in notes.keys.primary_key]
    return postgresql.insert(notes.keys).from_select(names, keys).on_conflict_do_nothing()


def _ordered(table: Table, rows: FromClause, names: Sequence[str]) -> Select[Any]:
    """In the order of the key, so that no two writers wait for each other."""
    return select(*(rows.c[name] for name in names)).order_by(
        *(rows.c[key.name] for key in table.primary_key)
    )


def stored_rows(table: Table, names: Sequence[str], span: ColumnElement[bool] | FromClause) -> Select[Any]:
    """These columns of the rows in `span`: a condition, or their keys."""
    columns = [table.c[name] for name in names]
    if isinstance(span, ColumnElement):
        return select(*columns).where(span)
    # One after the other: how many there are PostgreSQL can't know, and it might read the whole table.
    same_key = and_(*(key == span.c[key.name] for key in table.primary_key))
    row = select(*columns).where(same_key).limit(1).lateral("row")
    return select(*row.c).select_from(span.join(row, true()))


def _different(table: Table, new: FromClause, span: ColumnElement[bool] | FromClause) -> CTE:
    """The rows of `new` that aren't stored just so, and the keys (`stored_…`) of those in the span.

    ON CONFLICT would lock, and so write, each row that is right already. A full join takes each row once. For
    any other one PostgreSQL would compare each row with all others where it expects hardly any, as of days
    that its statistics don't know yet.
    """
    stored = stored_rows(table, [column.name for column in new.c], span).subquery("stored")
    keys = [key.name for key in table.primary_key]
    same_key = and_(*(stored.c[key] == new.c[key] for key in keys))
    unlike = (stored.c[each.name].is_distinct_from(each) for each in new.c if each.name not in keys)
    return (
        select(*new.c, *(stored.c[key].label(f"stored_{key}") for key in keys))
        .select_from(new.join(stored, same_key, full=True))
        .where(or_(new.c[keys[0]].is_(None), stored.c[keys[0]].is_(None), *unlike))
        .cte("different")
        .prefix_with("MATERIALIZED")
    )


def _remove(table: Table, different: CTE) -> Delete:
    keys = [key.name for key in table.primary_key]
    # Not in the span once more: by the key they are found whatever is expected of it.
    same_key = and_(*(table.c[key] == different.c[f"stored_{key}"] for key in keys))
    return delete(table).where(same_key, _is_gone(table, different))


def _is_gone(table: Table, different: CTE) -> ColumnElement[bool]:
    """Not merely without a key: a new row that lacks it is written, so that the table refuses it."""
    (key, *_) = (key.name for key in table.primary_key)
    return and_(different.c[key].is_(None), different.c[f"stored_{key}"].is_not(None))


def _upsert(table: Table, rows: Select[Any], keeps: Sequence[str]) -> Insert:
    names = [column.name for column in rows.selected_columns]
    insertion = postgresql.insert(table).from_select(names, rows)
    changes: dict[str, ColumnElement[Any]] = {
        name: func.coalesce(insertion.excluded[name], table.c[name])
        if name in keeps
        else insertion.excluded[name]
        for name in names
        if not table.c[name].primary_key
    }
    stored = tuple_(*(table.c[name] for name in changes))
    return insertion.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_=changes,
        where=stored.is_distinct_from(tuple_(*changes.values())),
    )


def run(
    connection: Connection,
    job: Job,
    first: date,
    last: date,
    missing: frozenset[str] = frozenset(),
    since: date | None = None,
    *,
    later: bool = True,
    restated: restatements.Entry | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Compute the days of `job`, both inclusive, in the connection's transaction; the number of rows changed.

    What is stored for days from `since` until `first` is removed. Not `later`: later days, where they
    depend on these, are left for runs that follow. `restated`: what is logged with cells that change.
    The connection's engine computes (aggregation/engines).
    """
    newest = last
    if job.later and later:
        newest = max([last, *(_newest_day(connection, table) or last for table in job.reads)])
    require_months(connection, job.table, first, newest)
    days = Span(first, last, since or first, restated)
    made = Statements(connection, job, missing, later, stopped)
    # What is new costs a third less where nothing is compared. Jobs that keep values write other days, too.
    empty = not job.keeps and not prepared.scalar(connection, (*made.key, "any"), made.any_stored, days)
    command = partial(made.published, empty=empty)
    if engines.of(connection) is engines.DATABASE:
        changed = int(prepared.scalar(connection, (*made.key, empty), command, days))
    else:
        changed = int(connection.execute(command(days)).scalar_one())
    if job.noted:
        connection.execute(delete(job.noted.keys))
    for visitors in job.visitors:
        _note_visitors(connection, visitors, since or first, last)
    return changed


def _note_visitors(connection: Connection, visitors: seen.Visitors, first: date, last: date) -> None:
    """In the transaction that writes their days: nobody may be taken for new who is not."""
    left = seen.left_to_note(connection.scalar(select(seen.through(visitors))), first, last)
    if left:
        connection.execute(seen.note(visitors, *left))


@dataclass(frozen=True)
class Statements:
    """The statements of one run, for any days."""

    connection: Connection
    job: Job
    missing: frozenset[str] = frozenset()
    later: bool = True
    stopped: Callable[[], bool] = lambda: False

    @property
    def key(self) -> tuple[Hashable, ...]:
        """All that they depend on but the days."""
        return self.job, self.missing, self.later

    def span(self, days: Span) -> ColumnElement[bool]:
        known = self.job.span(days.since, days.last)
        return or_(known, self.job.later.rows(days.last)) if self.job.later and self.later else known

    def any_stored(self, days: Span) -> Select[Any]:
        return select(select(literal_column("1")).select_from(self.job.table).where(self.span(days)).exists())

    def published(self, days: Span, *, empty: bool = False) -> Select[Any]:
        job = self.job
        statement: Select[Any] | CompoundSelect[Any] = engines.of(self.connection).rows(
            self.connection, job, job.statement(days.first, days.last, self.missing), self.stopped
        )
        if job.later and self.later:
            statement = union_all(statement, job.later.statement(days.last))
        kept = job.kept(self.missing)
        log = None
        if days.restated is not None and job.day is not None:
            log = partial(restatements.logged, job.table, job.day, kept, days.restated)
        span = job.noted.changing if job.noted else self.span(days)
        return publish(job.table, statement, span, kept, job.notes, log, empty=empty)


def _newest_day(connection: Connection, table: Table) -> date | None:
    newest: date | None = connection.scalar(select(func.max(table.c.date)))
    return newest


# ---- all jobs over a history ----


@dataclass(frozen=True)
class _Work:
    """Which days of which jobs. What is stored from `since` until `first` is removed."""

    jobs: tuple[Job, ...]
    first: date
    last: date
    since: date
    missing: frozenset[str]
    progress: Progress
    clock: Clock
    stopped: Callable[[], bool]
    later: bool = True
    reason: str = Reason.SCHEDULE
    # Of source_changes: what this work takes in.
    handled: Sequence[int] = ()

    @property
    def complete(self) -> date:
        return last_complete_day(self.clock())


@dataclass
class _Run:
    """One job's part of the work, while it goes on."""

    id: int
    job: Job
    rows: int = 0
    error: str | None = None
    passing: bool = False
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0


def aggregate(
    engine: Engine,
    first: date | None = None,
    last: date | None = None,
    only: Sequence[str] | None = None,
    *,
    progress: Progress = lambda *_: None,
    clock: Clock = utc_now,
    stopped: Callable[[], bool] = lambda: False,
    patience: timedelta | None = None,
    later: bool = True,
    reason: str = Reason.MANUAL,
    handled: Sequence[int] | None = None,
) -> list[Result]:
    """Compute these days (UTC, both inclusive); by default from the first event to the last complete day.

    Each calendar month is one transaction on one snapshot for all tables. `progress` gets a job's
    name, the days done and the days in all; `stopped` is asked before each statement. Not `later`:
    days after `last` that depend on these are left for a run that follows. `handled`: the ids of the
    changes that this takes in (aggregation/changes.py); by default all that it happens to take in.

    Raises UserError for names or days that can't be, Busy where another writer is at work for longer
    than `patience` (None: wait for it), JobsFailed where a job failed (the others are done then) and
    Interrupted where `stopped` said so. However it ends, job_runs tells.
    """
    jobs = with_readers(chosen(only))
    with exclusive(engine, WRITERS_LOCK, patience) as connection:
        missing = missing_sources(connection)
        covered = covered_days(connection, first, last, missing, clock())
        if handled is None and jobs == JOBS and covered.last == last_complete_day(clock()):
            handled = changes.noted_since(connection, covered.since)
        if covered.last == last_complete_day(clock()):
            # It ran a moment ago: whoever counts its hours still has begun before it was over.
            with exclusive(engine, RUNNING_DAY_LOCK, patience):
                pass
        ledger.sweep(engine, clock())
        with _snapshot(connection):
            note_begins(connection, missing)
        days = (covered.first, covered.last, covered.since)
        work = _Work(jobs, *days, missing, progress, clock, stopped, later, reason, handled or ())
        return _perform(engine, connection, work)


def refresh_running_day(
    engine: Engine, *, clock: Clock = utc_now, stopped: Callable[[], bool] = lambda: False
) -> list[Result]:
    """Bring gift_analytics up to this hour, for days that aren't complete yet; no other table knows them.

    Other writers go on meanwhile: they write days that are over.
    """
    with exclusive(engine, RUNNING_DAY_LOCK) as connection:
        # Not before: a day may be over by the time that the lock is free.
        now = clock()
        first, last = last_complete_day(now) + ONE_DAY, now.astimezone(UTC).date()
        # A lake has today's events later, if at all.
        connection.execution_options(compute=engines.DATABASE)
        missing = missing_sources(connection)
        ledger.sweep(engine, now, running_day=True)
        work = _Work((RUNNING_DAY,), first, last, first, missing, lambda *_: None, clock, stopped)
        results = _perform(engine, connection, work)
        ledger.keep_newest(engine, RUNNING_DAY.name)
        return results


def _perform(engine: Engine, connection: Connection, work: _Work) -> list[Result]:
    names = [job.name for job in work.jobs]
    ids = ledger.start_all(engine, names, work.first, work.last, work.clock(), work.reason)
    runs = [_Run(run, job) for run, job in zip(ids, work.jobs, strict=True)]
    try:
        for first, last in months(work.first, work.last):
            _publish_span(connection, work, runs, first, last)
    except BaseException as error:
        state = State.INTERRUPTED if isinstance(error, ENDINGS) else State.FAILED
        _finish(engine, work, runs, state, reason(error))
        raise
    results = _finish(engine, work, runs, State.SUCCEEDED)
    if any(each.error for each in runs):
        raise JobsFailed(results)
    return results


def _finish(
    engine: Engine, work: _Work, runs: list[_Run], state: State, reason: str | None = None
) -> list[Result]:
    """Record how the runs ended: each in `state`, but those that failed by themselves."""
    results = [
        Result(
            each.job.name,
            work.first,
            work.last,
            State.FAILED if each.error else state,
            each.rows,
            each.error or reason,
            each.passing,
            "\n".join(each.log[-LONGEST_LOG:]) or None,
            each.seconds,
        )
        for each in runs
    ]
    by_run = {each.id: result for each, result in zip(runs, results, strict=True)}
    ledger.finish_all(engine, by_run, work.clock())
    return results


def _publish_span(connection: Connection, work: _Work, runs: list[_Run], first: date, last: date) -> None:
    changed = []
    with _snapshot(connection):
        engines.of(connection).begin(connection, first, last)
        for each in runs:
            # A table that isn't by day is written once, with the last span.
            if each.error is None and (each.job.day is not None or last == work.last):
                with ledger.under_way(each.id):
                    changed.append((each, _publish_job(connection, work, each, first, last)))
        for scope in {ledger.scope_of(each.job.name) for each, rows in changed if rows}:
            versions.bump(connection, scope)
        if last == work.last and not any(each.error for each in runs):
            changes.remove(connection, work.handled)
    for each, rows in changed:
        each.rows += rows


@contextmanager
def _snapshot(connection: Connection) -> Iterator[None]:
    """One transaction that sees the source as it is now, whatever arrives meanwhile."""
    connection.rollback()
    connection.execution_options(isolation_level="REPEATABLE READ")
    with connection.begin():
        # Where the server can: it notices within a second that the writer died in mid-statement.
        connection.execute(
            text(
                "SELECT set_config(name, '1s', true) FROM pg_settings"
                " WHERE name = 'client_connection_check_interval'"
            )
        )
        connection.execute(text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
        yield


def _publish_job(connection: Connection, work: _Work, each: _Run, first: date, last: date) -> int:
    """One job of one span. If it fails, its part is rolled back, and the other jobs go on."""
    if work.stopped():
        raise Interrupted("stopped before the work was done")
    if each.job.day is None:
        first = work.first
    since = work.since if first == work.first else first
    began = monotonic()
    try:
        with connection.begin_nested():
            later = work.later and last == work.last
            reach = each.job.reach(last, work.complete) if later else last
            # Later days are the next spans' in any case; once is enough for those after all of them.
            made = restatements.entry(
                connection, each.job, since, work.complete, each.id, work.clock(), work.reason
            )
            if each.job.noted and work.reason == Reason.REPAIR:
                # What is stored isn't to be trusted.
                connection.execute(_noted(each.job.noted, each.job.noted.doubted(since, last)))
            rows = run(
                connection,
                each.job,
                first,
                reach,
                work.missing,
                since,
                later=later,
                restated=made,
                stopped=work.stopped,
            )
    except Exception as error:
        if work.stopped():
            raise Interrupted("stopped before the work was done") from error
        if connection.invalidated:
            raise
        each.error, each.passing = reason(error), is_passing(error)
        with_traceback = log.isEnabledFor(logging.DEBUG)
        log.error(
            "job %s failed for %s to %s: %s", each.job.name, first, last, each.error, exc_info=with_traceback
        )
        return 0
    log.debug("job %s: %d rows of %s to %s changed", each.job.name, rows, first, last)
    took = monotonic() - began
    each.seconds += took
    each.log.append(f"{first} to {last}: {rows:,} rows changed in {took:.2f} s")
    work.progress(each.job.name, (last - work.first).days + 1, (work.last - work.first).days + 1)
    return rows


def reason(error: BaseException) -> str:
    """One line."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(error).__name__
