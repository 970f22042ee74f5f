"""The worker: runs what is due, every few seconds, until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import monotonic, sleep
from types import FrameType
from typing import Any

import schedule
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from aggregation import (
    agenda,
    changes,
    checks,
    engines,
    expiry,
    ledger,
    requests,
    retries,
    running_day,
    triggers,
    versions,
)
from aggregation.agenda import (
    Task,
    check_due,
    forecast_due,
    last_check_slot,
    last_forecast_slot,
    next_starts,
    open_tasks,
)
from aggregation.changes import Change
from aggregation.coverage import knows_today
from aggregation.database import WRITERS_LOCK, connect, exclusive, without_password
from aggregation.days import ONE_DAY, last_complete_day, months, utc_now
from aggregation.errors import UserError
from aggregation.leases import LOOKED_AT_EVERY, SERIALIZATION_FAILURE, Lease
from aggregation.ledger import Reason, Result, State
from aggregation.publishing import Interrupted, JobsFailed, aggregate, reason, refresh_running_day
from aggregation.repairs import repair
from aggregation.retries import Wait

log = logging.getLogger(__name__)

TICK_SECONDS = 5
REFRESH_EVERY = timedelta(minutes=5)
# Counting all hours of a long day again takes no more than this part of the time, and waits no longer.
REFRESH_SHARE = 1 / 20
REFRESH_AT_LEAST_EVERY = timedelta(hours=1)
# Today so far: seconds from one pass to the next, and from one hour's recount to the next.
COUNTED_EVERY = 3.0
RECOUNTED_EVERY = 5.0
# How much of the time each of them may take.
COUNT_SHARE, RECOUNT_SHARE = 1 / 2, 1 / 20
# What an operator has to mend, such as a missing table, is looked at again after this.
LOOK_AGAIN = timedelta(minutes=1)
# A stop lets the work under way finish for so long, then cancels it, and at last leaves it behind.
GRACE = timedelta(seconds=2)
PATIENCE = timedelta(seconds=6)
# Of the worker's sessions. What runs into one passes, and is tried again.
TIMEOUTS = {"lock_timeout": "1min", "statement_timeout": "1h", "idle_in_transaction_session_timeout": "2min"}
# While the database can't be asked who is at work.
LONGEST_SILENCE = timedelta(seconds=10)


class Worker:
    """Runs the jobs on `engine`. What it has done is in job_runs, so any number of restarts is harmless."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._stopping = threading.Event()
        self._lease: Lease | None = None
        # The day (UTC) and the number of its first transaction.
        self._mark: tuple[date, int] | None = None
        self._looked: tuple[datetime, datetime] | None = None
        self._compared: int | None = None
        self._refreshed: datetime | None = None
        self._refreshed_again_after = REFRESH_EVERY
        self._settled: list[tuple[datetime, tuple[str, ...]]] | None = None
        self._checked: list[tuple[datetime, tuple[str, ...]]] | None = None
        self._swept: date | None = None
        self._complaints: dict[str, str] = {}
        self._waits: dict[str, Wait] = {}
        self._breakdown: BaseException | None = None

    def stop(self) -> None:
        """Make `run` return; from any thread or signal handler."""
        self._stopping.set()

    def _over(self) -> bool:
        """Whether to leave off: asked to stop, or another worker has taken over."""
        return self._stopping.is_set() or (self._lease is not None and self._lease.lost)

    def due(self) -> list[str]:
        """What is overdue and what comes next, a line each."""
        now = self._clock()
        try:
            overdue = [f"overdue: {task}" for task in self._open_tasks(now) or ()]
        except UserError as error:
            overdue = [f"nothing can run: {error}"]
        coming = [f"next: {start:%Y-%m-%d %H:%M} UTC {', '.join(jobs)}" for start, jobs in next_starts(now)]
        return [*overdue, *coming]

    # ---- one pass ----

    def run_due(self, now: datetime) -> None:
        """Run everything that is due at `now`. Whatever fails is logged and stops nothing else.

        Raises Interrupted where `stop` was called meanwhile.
        """
        self._guarded("marking midnight", self._mark_midnight, now)
        self._guarded("catching up", self._catch_up, now)
        self._guarded("the forecast", self._forecast, now)
        self._guarded("the recount", self._check, now)
        self._guarded("repairs", self._repair, now)
        self._guarded("requests", self._serve, now)
        self._guarded("removing what is old", self._forget, now)

    def _guarded(
        self, name: str, part: Callable[[datetime], None], now: datetime, turn: timedelta | None = None
    ) -> None:
        """Do this part of a pass, unless it failed and isn't worth trying again yet.

        What doesn't pass by itself is left until its next turn: after `turn`, or when a slot comes.
        """
        before = self._waits.get(name)
        if before and before.holds(now):
            return
        try:
            part(now)
        except Exception as error:
            if self._over():
                raise Interrupted("stopped") from error
            self._complain(name, error)
            self._waits[name] = _wait(error, now, before, turn)
        else:
            self._complaints.pop(name, None)
            self._waits.pop(name, None)

    def _complain(self, name: str, error: Exception) -> None:
        """Once, not at each attempt, as long as it is the same."""
        complaint = f"{type(error).__name__}: {reason(error)}"
        if complaint != self._complaints.get(name) and not isinstance(error, JobsFailed):
            explained = isinstance(error, UserError) or retries.is_passing(error)
            log.error("%s: %s", name, reason(error), exc_info=None if explained else error)
        self._complaints[name] = complaint

    def _catch_up(self, now: datetime) -> None:
        """Every missing day: looked for at the start and when a slot comes, until nothing is missing."""
        coming = next_starts(now)
        if coming == self._settled:
            return
        if count := ledger.disown_future(self._engine, now):
            log.warning("%d runs began in the future: they count for nothing", count)
        noted_at, noted = self._clock(), self._noted()
        tasks = self._open_tasks(now)
        if tasks:
            self._note_open_writers(now)
        failures = [failure for task in tasks or () for failure in self._run_task(task)]
        failures += self._take_in(noted, noted_at, now)
        failures += self._take_in_unnoted(now)
        if failures:
            # One that passes, if any does: it is tried again sooner.
            raise max(failures, key=lambda failure: failure.passing)
        if tasks and (left := self._open_tasks(now)):
            raise UserError(f"still missing: {left[0]}")
        self._settled = None if tasks is None else coming

    def _open_tasks(self, now: datetime) -> list[Task] | None:
        with self._engine.connect() as connection:
            return open_tasks(connection, now)

    # ---- what changed on days that are over ----

    def _noted(self) -> list[Change]:
        with self._engine.connect() as connection:
            many = changes.are_many(connection)
        if many:
            with exclusive(self._engine, WRITERS_LOCK), self._engine.begin() as connection:
                changes.compact(connection)
        with self._engine.connect() as connection:
            return changes.noted(connection)

    def _note_open_writers(self, now: datetime) -> None:
        """Some began to write before the day was over, and go on: it is computed again after them."""
        with self._engine.begin() as connection:
            before = self._mark[1] if self._mark else changes.newest_xid(connection)
            for xid in changes.open_writers(connection, before):
                changes.note(connection, [(changes.DAY, last_complete_day(now))], Reason.LATE, xid)

    def _mark_midnight(self, now: datetime) -> None:
        """Once a day, soon after it began: who writes later than this, writes of it."""
        today = now.astimezone(UTC).date()
        if self._mark is None or self._mark[0] != today:
            with self._engine.connect() as connection:
                self._mark = today, changes.newest_xid(connection)

    def _take_in(self, noted: list[Change], noted_at: datetime, now: datetime) -> list[JobsFailed]:
        """Compute again what has changed, and hasn't been computed since `noted_at`."""
        with self._engine.begin() as connection:
            tasks, done = changes.plan(connection, noted, noted_at, now)
            changes.remove(connection, done)
        failures: list[JobsFailed] = []
        for task in tasks:
            # A change may need an earlier task as well, that has failed: it stays.
            failures += self._run_task(replace(task, handled=()) if failures else task)
        return failures

    def _take_in_unnoted(self, now: datetime) -> list[JobsFailed]:
        """Where nothing notes changes, the newest days are computed again before they are recounted."""
        with self._engine.connect() as connection:
            if engines.of(connection).in_database and not triggers.unwatched(connection):
                return []
        return self._take_in(changes.window(now), last_check_slot(now), now)

    def _run_task(self, task: Task) -> Iterator[JobsFailed]:
        """Month by month, so that what is done stays done."""
        log.info("running %s", task)
        for first, last in months(task.first, task.last):
            try:
                aggregate(
                    self._engine,
                    first,
                    last,
                    task.jobs,
                    clock=self._clock,
                    stopped=self._over,
                    later=last == task.last,
                    reason=task.reason,
                    handled=task.handled or None if last == task.last else (),
                )
            except JobsFailed as failure:  # logged and recorded where it happened
                yield failure

    def count_hours(self, now: datetime) -> None:
        """The running day's hours by spark, where they are due again. Raises as `run_due`.

        It may go on beside `run_due`, in another thread: so nothing keeps it waiting.
        """
        if self._refreshed is None or abs(now - self._refreshed) >= self._refreshed_again_after:
            self._guarded("the running day", self._refresh, now, REFRESH_EVERY)

    def _refresh(self, now: datetime) -> None:
        """All of them are counted again."""
        began = monotonic()
        if self._knows_today():
            refresh_running_day(self._engine, clock=self._clock, stopped=self._over)
        wanted = timedelta(seconds=(monotonic() - began) / REFRESH_SHARE)
        self._refreshed, self._refreshed_again_after = (
            now,
            max(REFRESH_EVERY, min(wanted, REFRESH_AT_LEAST_EVERY)),
        )

    def _forecast(self, now: datetime) -> None:
        """When one is due; and whenever days have changed, what came is written beside what was forecast."""
        slot = last_forecast_slot(now)
        if self._looked and slot == self._looked[0] and abs(now - self._looked[1]) < REFRESH_EVERY:
            return
        with self._engine.connect() as connection:
            due, days = forecast_due(connection, now), versions.current(connection).days
        if due or days != self._compared:
            # Numbers are loaded when the first day is complete, not while waiting for it.
            from aggregation.jobs import forecast

            if due:
                log.info("forecasting")
                forecast.make(self._engine, now, stopped=self._over)
            else:
                forecast.settle(self._engine)
            self._compared = days
        self._looked = (slot, now)

    def _check(self, now: datetime) -> None:
        """The newest days, once a night. A lake is not recounted: what would is written for the database."""
        coming = next_starts(now)
        if not engines.of(self._engine).in_database:
            return
        if coming == self._checked:
            return
        with self._engine.connect() as connection:
            days = check_due(connection, now)
            oldest = agenda.oldest_day(connection)
            older = days and oldest and checks.sample(connection, oldest, days[0] - ONE_DAY)
        if days:
            self._recount(*days, now)
        if older:
            self._recount(*older, now)
        # Before there are days the next pass looks again.
        self._checked = coming if self._settled else None

    def _recount(self, first: date, last: date, now: datetime) -> None:
        """The run is recorded when it is over: it holds no lock that would show it is alive."""

        def progress(*_: object) -> None:
            if self._over():
                raise Interrupted("stopped before the recount was done")

        try:
            report = checks.check(self._engine, first, last, progress=progress, clock=self._clock)
        except Interrupted:
            raise
        except Exception as error:
            self._record_check(Result(ledger.CHECK, first, last, State.FAILED, 0, reason(error)), now)
            raise
        if report.cells_unequal:
            log.error("%d of %d recounted cells are unequal", report.cells_unequal, report.cells_checked)
        self._record_check(Result(ledger.CHECK, first, last, State.SUCCEEDED, report.cells_checked), now)

    def _repair(self, now: datetime) -> None:
        """What a recount found unequal."""
        with self._engine.connect() as connection:
            wanted = agenda.repairs_wait(connection)
        if wanted:
            repair(self._engine, now, clock=self._clock, stopped=self._over)

    def _serve(self, _: datetime) -> None:
        """What people have asked for."""
        while requests.perform_next(self._engine, self._clock, self._over):
            pass

    def _record_check(self, result: Result, began: datetime) -> None:
        run = ledger.start(self._engine, result.job, result.first, result.last, began)
        ledger.finish(self._engine, run, result, self._clock())

    def _forget(self, now: datetime) -> None:
        """Once a day."""
        if now.date() != self._swept:
            removed = expiry.forget_old_entries(self._engine)
            if removed:
                log.info("removed %d old entries of the audit log and visits of pages", removed)
            self._swept = now.date()

    # ---- the loop ----

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop`; then return within ten seconds.

        What is under way is finished, or rolled back and recorded as interrupted. Of many workers on one
        database one works and the others wait: see aggregation/leases.py.
        """
        self._lease = lease = Lease(self._engine.url)
        compute = engines.of(self._engine)
        self._engine = connect(self._engine.url, lease.holder, **TIMEOUTS)
        engines.use(self._engine, compute)
        thread = threading.Thread(target=self._loop, args=[lease], name="worker", daemon=True)
        with _signals(self.stop), _statements(self._engine) as cancel, lease.fencing(self._engine):
            thread.start()
            log.info("worker started")
            # Not Event.wait: the signal's handler sets the event in this thread, and would wait for itself.
            while not self._stopping.is_set():
                thread.join(0.2)
                if lease.lost:
                    cancel()
            self._end(thread, cancel)
            lease.release()
        self._engine.dispose()
        if self._breakdown:
            raise self._breakdown

    def _end(self, thread: threading.Thread, cancel: Callable[[], int]) -> None:
        log.info("worker stops")
        asked = monotonic()
        thread.join(GRACE.total_seconds())
        computing = 0
        # With nothing under way in the database for two looks, it computes: nothing is lost by leaving.
        while thread.is_alive() and computing < 2 and monotonic() - asked < PATIENCE.total_seconds():
            computing = 0 if cancel() else computing + 1
            thread.join(0.5)
        if thread.is_alive():
            log.error("the work under way doesn't end; the database will roll it back")

    def _loop(self, lease: Lease) -> None:
        try:
            while not self._stopping.is_set():
                if self._take(lease):
                    self._lead(lease)
        except BaseException as error:
            self._breakdown = error
        finally:
            self._stopping.set()

    def _take(self, lease: Lease) -> bool:
        """Whether the lease is ours; else some time has gone by."""
        try:
            if lease.take():
                self._complaints.clear()
                return True
            self._complain("waiting", UserError("another worker is at work"))
            self._waits.clear()
            pause = LOOKED_AT_EVERY
        except DBAPIError as error:
            self._complain("waiting", UserError(reason(error)))
            now = self._clock()
            self._waits["waiting"] = wait = retries.backoff(now, self._waits.get("waiting"))
            pause = min(wait.until - now, LONGEST_SILENCE)
        self._stopping.wait(pause.total_seconds())
        return False

    def _lead(self, lease: Lease) -> None:
        log.info("at work as %s", lease.holder)
        self._forget_what_was_done()
        try:
            with self._counting_today():
                self._guarded("marking dead runs", self._sweep, self._clock())
                while not self._over():
                    self._tick_until_the_clock_stalls()
        except Interrupted:
            log.info("the work under way was rolled back")
        if lease.lost:
            log.warning("another worker has taken over")

    def _forget_what_was_done(self) -> None:
        """Others may have been at work since."""
        self._looked = self._refreshed = self._settled = self._checked = self._compared = None
        self._waits.clear()

    @contextmanager
    def _counting_today(self) -> Iterator[None]:
        """Meanwhile the running day is counted, in threads of its own: no backfill keeps it waiting."""
        done = threading.Event()
        rounds = running_day.Rounds(self._engine)
        threads = [
            threading.Thread(target=self._again_and_again, args=(done, *task), name=task[0], daemon=True)
            for task in (
                ("today so far", self._count_today, COUNTED_EVERY, COUNT_SHARE),
                ("today's recount", rounds.go_on, RECOUNTED_EVERY, RECOUNT_SHARE),
                # It knows itself when it is due.
                ("today's hours", lambda: self.count_hours(self._clock()), TICK_SECONDS, 1.0),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def _count_today(self) -> None:
        if self._knows_today():
            running_day.refresh(self._engine, self._clock())

    def _knows_today(self) -> bool:
        with self._engine.connect() as connection:
            return knows_today(connection)

    def _again_and_again(
        self, done: threading.Event, name: str, part: Callable[[], None], every: float, share: float
    ) -> None:
        """Until `done` or over: `part` each `every` seconds, in no more than `share` of the time."""
        while not done.is_set() and not self._over():
            began = monotonic()
            try:
                part()
                self._complaints.pop(name, None)
            except Exception as error:
                if self._over():
                    return
                # Met at the same rows as the other: the next attempt is soon enough.
                if getattr(getattr(error, "orig", None), "pgcode", None) != SERIALIZATION_FAILURE:
                    self._complain(name, error)
            took = monotonic() - began
            done.wait(max(every - took, took / share - took))

    def _sweep(self, now: datetime) -> None:
        with exclusive(self._engine, WRITERS_LOCK):
            count = ledger.sweep(self._engine, now)
        if count:
            log.warning("%d runs of a process that ended were marked as interrupted", count)

    def _tick_until_the_clock_stalls(self) -> None:
        """A pass now and every few seconds, until the wall clock was set back.

        `schedule` reckons in naive local time: when that is set back, by daylight saving or by hand, it
        sleeps for as long. The monotonic clock tells, and the next timetable starts from the new time.
        """
        ticked = monotonic()

        def tick() -> None:
            nonlocal ticked
            self.run_due(self._clock())
            ticked = monotonic()

        timetable = schedule.Scheduler()
        timetable.every(TICK_SECONDS).seconds.do(tick)
        timetable.run_all()
        while not self._stopping.wait(1) and not self._over() and monotonic() - ticked < 2 * TICK_SECONDS:
            timetable.run_pending()


def await_database(engine: Engine) -> bool:
    """Try to connect until the database answers; False where SIGTERM or SIGINT came first."""
    stopped: list[bool] = []
    complaint, wait = "", None
    with _signals(lambda: stopped.append(True)):
        while not stopped:
            try:
                with engine.connect():
                    return True
            except DBAPIError as error:
                if reason(error) != complaint:
                    complaint = reason(error)
                    log.error("waiting for %s: %s", without_password(engine.url), complaint)
            wait = retries.backoff(utc_now(), wait)
            again = monotonic() + min(wait.until - wait.since, LONGEST_SILENCE).total_seconds()
            while not stopped and monotonic() < again:
                sleep(0.1)
    return False


def _wait(error: Exception, now: datetime, before: Wait | None, turn: timedelta | None) -> Wait:
    """Until when what has failed so isn't tried again."""
    if retries.is_passing(error):
        return retries.backoff(now, before)
    if isinstance(error, UserError) and not isinstance(error, JobsFailed):
        return Wait(now, now + LOOK_AGAIN, 0)
    return Wait(now, now + turn if turn else next_starts(now)[0][0], 0)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `stop`; only the main thread can ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _statements(engine: Engine) -> Iterator[Callable[[], int]]:
    """A function that cancels, from any thread, what the engine has under way; it says how much that was."""
    running: set[Any] = set()

    def begin(_c: Any, cursor: Any, *_: Any) -> None:
        running.add(cursor.connection)

    def end(_c: Any, cursor: Any, *_: Any) -> None:
        running.discard(cursor.connection)

    def fail(context: Any) -> None:
        # Without any where it failed before a statement was made.
        cursor = getattr(context.execution_context, "cursor", None)
        running.discard(getattr(cursor, "connection", None))

    def cancel() -> int:
        under_way = tuple(running)
        for connection in under_way:
            with suppress(Exception):  # it may have ended meanwhile
                connection.cancel()
        return len(under_way)

    listeners = (("before_cursor_execute", begin), ("after_cursor_execute", end), ("handle_error", fail))
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield cancel
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)
