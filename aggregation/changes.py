"""What has changed in the platform's tables on days that are over, and what has to be computed again for it.

source_changes is a log: triggers (aggregation/triggers.py) and the worker add to it. An entry says what kind
of row changed, on which day and why. It goes in the transaction that publishes the last of what it asks
for, by its id: what is logged meanwhile stays for the next time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, cast, delete, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from aggregation import ledger
from aggregation.agenda import Task
from aggregation.coverage import first_event_day, missing_sources
from aggregation.days import ONE_DAY, days_between, last_complete_day
from aggregation.jobs import JOBS
from aggregation.ledger import Reason
from aggregation.schema import COHORT_OFFSETS, source, source_changes

# An entry that waits for another transaction waits no longer than this: by then that is over, or was made on
# a server that this one was copied from.
LONGEST_WAIT = timedelta(days=1)
EVERYTHING = tuple(job.name for job in JOBS)
# Where not all source tables have triggers, so many days are computed again each night, whatever happened.
# What changes later than that is found by the nightly recount.
WINDOW_DAYS = 7
UNLOGGED = 0
# Of so many entries, a few tens of megabytes, only those are read that differ.
MANY = 50_000
# A whole day, whatever has changed in it; and all from a day on.
DAY, EVERYTHING_ONWARDS = "day", "everything"


@dataclass(frozen=True)
class Effect:
    """What has to be computed again for a day: these jobs so many days later, or for all days from it on."""

    jobs: tuple[str, ...]
    days_later: tuple[int, ...] = (0,)
    onwards: bool = False


ACTIVE = Effect(("daily", "engagement", "cohorts"))
# By the kind of row that has changed: a source table, or a part of one.
EFFECTS: Mapping[str, tuple[Effect, ...]] = {
    DAY: (Effect(EVERYTHING),),
    EVERYTHING_ONWARDS: (Effect(EVERYTHING, onwards=True),),
    "virtual_gifts": (Effect(EVERYTHING),),
    "user_sessions": (ACTIVE, Effect(("session_lengths",))),
    "video_watches": (ACTIVE, Effect(("creators", "videos", "viewers"))),
    "video_interactions": (Effect(("creators", "videos")),),
    "transactions": (Effect(("revenue",)),),
    # Followers at the end of a day are counted back from now.
    "follows": (Effect(("creators",), onwards=True),),
    "users": (
        Effect(("daily", "cohort_activity", "cohort_value"), onwards=True),
        Effect(("cohorts",), COHORT_OFFSETS),
    ),
    # Who is flagged; what is known of a creator hangs on the user.
    "creators": (Effect(("creators",), onwards=True),),
    # A video's watches may be of any day since it was made.
    "videos": (Effect(("creators", "video_gifts", "videos", "viewers"), onwards=True),),
    # Credits are counted by the price as it is now.
    "sparks": (Effect(("engagement",), onwards=True),),
}


@dataclass(frozen=True)
class Change:
    """An entry of the log."""

    id: int
    subject: str
    cause: str
    day: date


# ---- the log ----


def _ripe() -> Any:
    """Whether what the entry tells of can be seen by now."""
    entry = source_changes.c
    ended = text("pg_visible_in_snapshot(CAST(CAST(open_xid AS text) AS xid8), pg_current_snapshot())")
    return or_(entry.open_xid.is_(None), ended, entry.logged_at < func.now() - LONGEST_WAIT)


def noted(connection: Connection) -> list[Change]:
    """The entries whose changes can be seen, oldest first."""
    entry = source_changes.c
    found = select(entry.id, entry.subject, entry.cause, entry.day).where(_ripe()).order_by(entry.id)
    return [Change(*row) for row in connection.execute(found)]


def compact(connection: Connection) -> None:
    """Of MANY entries alike keep the newest, which stands for all.

    For the holder of WRITERS_LOCK: no one else then has read ids that are to be removed.
    """
    entry = source_changes.c
    kept = select(func.max(entry.id)).where(_ripe()).group_by(entry.subject, entry.cause, entry.day)
    connection.execute(delete(source_changes).where(_ripe(), entry.id.not_in(kept)))


def are_many(connection: Connection) -> bool:
    some = select(source_changes.c.id).limit(MANY).subquery()
    return int(connection.scalar(select(func.count()).select_from(some)) or 0) == MANY


def noted_since(connection: Connection, first: date) -> list[int]:
    """The ids of those of days from `first` on."""
    entry = source_changes.c
    return list(connection.execute(select(entry.id).where(_ripe(), entry.day >= first)).scalars())


def remove(connection: Connection, ids: Collection[int]) -> None:
    if ids:
        all_ids = cast(sorted(ids), ARRAY(BigInteger))
        connection.execute(delete(source_changes).where(source_changes.c.id == func.any(all_ids)))


def note(
    connection: Connection, days: Iterable[tuple[str, date]], cause: str, open_xid: int | None = None
) -> None:
    """Add entries: what changed, and on which day."""
    rows = [
        {"subject": subject, "day": day, "cause": cause, "open_xid": open_xid}
        for subject, day in sorted(set(days))
    ]
    if rows:
        connection.execute(insert(source_changes), rows)


# ---- transactions that end later ----


def newest_xid(connection: Connection) -> int:
    """Transactions that begin to write from now on have a higher number."""
    return int(connection.execute(NEWEST_XID).scalar_one())


def open_writers(connection: Connection, before: int) -> list[int]:
    """The transactions with numbers below `before` that have written to a source table and go on."""
    found = connection.execute(OPEN_WRITERS, {"names": list(source.tables), "before": before})
    return list(found.scalars())


NEWEST_XID = text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
# pg_locks knows the lower half of a transaction's number; a snapshot knows all of it, but not what it does.
OPEN_WRITERS = text("""
    SELECT number FROM (
        SELECT CAST(CAST(xid AS text) AS bigint) AS number FROM pg_snapshot_xip(pg_current_snapshot()) AS xid
    ) AS open
    JOIN pg_locks AS self ON self.locktype = 'transactionid' AND self.granted
        AND CAST(CAST(self.transactionid AS text) AS bigint) = open.number & 4294967295
    WHERE number < :before AND EXISTS (
        SELECT FROM pg_locks AS written
        WHERE written.virtualtransaction = self.virtualtransaction AND written.locktype = 'relation'
          AND written.mode = 'RowExclusiveLock'
          AND written.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND written.relation IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)
    )
""")


# ---- where nothing notes them ----


def window(now: datetime) -> list[Change]:
    """The newest days, as if anything in them had changed: see WINDOW_DAYS."""
    last = last_complete_day(now)
    days = days_between(last - timedelta(days=WINDOW_DAYS - 1), last)
    return [Change(UNLOGGED, DAY, Reason.LATE, day) for day in days]


# ---- what to do about it ----


def plan(
    connection: Connection, changes: Sequence[Change], noted_at: datetime, now: datetime
) -> tuple[list[Task], list[int]]:
    """What has to be computed again, oldest day first, and the ids of changes that ask for nothing.

    Only of what has been published, and not again since `noted_at`, when the changes were read: all
    else will be, or was, computed with them in any case.
    """
    first = first_event_day(connection, missing_sources(connection))
    last = last_complete_day(now)
    if first is None or not changes:
        return [], []
    stale = {
        name: ledger.published_days(connection, name, first, last)
        - ledger.published_days(connection, name, first, last, since=noted_at)
        for name in EVERYTHING
    }
    jobs: defaultdict[date, set[str]] = defaultdict(set)
    causes: defaultdict[date, set[str]] = defaultdict(set)
    newest: dict[int, date] = {}
    for asked, ids in _alike(changes).items():
        for day, names in _wanted(asked, first, last).items():
            if open_jobs := {name for name in names if day in stale[name]}:
                jobs[day] |= open_jobs
                causes[day].add(asked.cause)
                newest |= {number: max(day, newest.get(number, day)) for number in ids}
    tasks = list(_tasks(jobs, causes))
    ended: defaultdict[date, list[int]] = defaultdict(list)
    for number, day in newest.items():
        if number == UNLOGGED:
            continue
        ended[next(task.last for task in tasks if task.first <= day <= task.last)].append(number)
    done = [change.id for change in changes if change.id not in newest]
    return [replace(task, handled=tuple(ended[task.last])) for task in tasks], done


def _alike(changes: Sequence[Change]) -> dict[Change, list[int]]:
    alike: defaultdict[Change, list[int]] = defaultdict(list)
    for change in changes:
        alike[replace(change, id=0)].append(change.id)
    return alike


def _wanted(change: Change, first: date, last: date) -> dict[date, set[str]]:
    """The jobs by day. What lies before the first event is removed by a run that begins with it."""
    wanted: defaultdict[date, set[str]] = defaultdict(set)
    begin = max(change.day, first)
    for effect in EFFECTS.get(change.subject, EFFECTS[DAY]):
        days = days_between(begin, last) if effect.onwards else _later(change.day, begin, effect)
        for day in days:
            if day <= last:
                wanted[day] |= set(effect.jobs)
    return wanted


def _later(day: date, begin: date, effect: Effect) -> list[date]:
    return [max(day + timedelta(days=later), begin) for later in effect.days_later]


def _tasks(jobs: Mapping[date, set[str]], causes: Mapping[date, set[str]]) -> Iterator[Task]:
    task: Task | None = None
    for day in sorted(jobs):
        names = tuple(name for name in EVERYTHING if name in jobs[day])
        reason = ", ".join(sorted(causes[day]))
        if task and (task.jobs, task.reason) == (names, reason) and day - task.last == ONE_DAY:
            task = replace(task, last=day)
            continue
        if task:
            yield task
        task = Task(day, day, names, reason)
    if task:
        yield task
