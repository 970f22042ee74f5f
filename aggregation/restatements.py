"""Which stored cells changed after they were first published; and by that, what was known at an earlier time.

Only complete days count that had been published before, never the running day nor what is filled first. One
that was null until it could be known (a cohort's day_30) is filled, not restated.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Insert,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
    values,
)
from sqlalchemy.dialects.postgresql import distinct_on

from aggregation import __version__, ledger
from aggregation.days import ONE_DAY
from aggregation.jobs import Job
from aggregation.ledger import Reason
from aggregation.schema import COHORT_OFFSETS, job_runs, restatements

# What reports are made of. Not user_engagement: where the numbers of one day change, hundreds of times as
# many cells do there, and whoever asks about a user wants what is true now. Nor what Sparkboard keeps
# beside the seven for its own pages.
LOGGED = frozenset(
    {"daily_analytics", "creator_metrics", "gift_analytics", "revenue_breakdown", "retention_cohorts"}
)


@dataclass(frozen=True)
class Restated:
    """Some of the `total` restatements, newest first: rows of the table of that name."""

    rows: Sequence[RowMapping]
    total: int


# ---- writing ----


@dataclass(frozen=True)
class Entry:
    """What is logged beside a cell that changes: by which run, when, why; and which days can be restated."""

    run: int
    at: datetime
    reason: str
    spans: Sequence[tuple[date, date]]

    def parameters(self) -> dict[str, Any]:
        """What is the same in all rows that it logs, by the names of a statement's parameters."""
        made = {"restated_at": self.at, "restated_run": self.run, "restated_reason": self.reason}
        for number, (first, last) in enumerate(self.spans):
            made[f"restated_from_{number}"] = datetime.combine(first, time())
            made[f"restated_until_{number}"] = datetime.combine(last + ONE_DAY, time())
        return made

    def can_restate(self, day: ColumnElement[Any]) -> ColumnElement[bool]:
        given: dict[str, Any] = {name: bindparam(name, value) for name, value in self.parameters().items()}
        bounds = ((given[f"restated_from_{n}"], given[f"restated_until_{n}"]) for n in range(len(self.spans)))
        return or_(*(and_(day >= begin, day < end) for begin, end in bounds))


def entry(
    connection: Connection, job: Job, first: date, last: date, run: int, at: datetime, reason: str
) -> Entry | None:
    """For a run that writes these days, both inclusive; None where it can restate nothing."""
    if job.table.name not in LOGGED or job.day is None:
        return None
    # A day of activity is in the rows of the cohorts before it.
    reach = timedelta(days=max(COHORT_OFFSETS) if job.keeps else 0)
    published = ledger.published_days(connection, job.name, first - reach, last)
    if not published:
        return None
    version = ledger.newest_version(connection, job.name)
    if reason in (Reason.SCHEDULE, Reason.MANUAL) and version != __version__:
        reason = Reason.NEW_VERSION
    return Entry(run, at, Reason.LATE if reason == Reason.SCHEDULE else reason, [*_spans(published)])


def _spans(days: Collection[date]) -> Iterator[tuple[date, date]]:
    first = last = None
    for day in sorted(days):
        if first is not None and last is not None and day - last != ONE_DAY:
            yield first, last
            first = None
        first, last = first or day, day
    if first is not None and last is not None:
        yield first, last


def logged(
    table: Table,
    day: Column[Any],
    filled: Collection[str],
    made: Entry,
    gone: FromClause,
    written: FromClause,
) -> Insert:
    """Logs what differs between what was stored and what was `written` or has `gone`, a row a cell.

    A null in a column of `filled` is filled, not restated.
    """
    # All parts of a statement see the table as it was before it.
    stored = select(*table.c).where(made.can_restate(day)).subquery("before")
    change = _changes(table, stored, gone, written).subquery("changes").c
    names = [each.name for each in table.c if not each.primary_key]
    cell = (
        values(
            column("name", Text),
            column("old", Text),
            column("new", Text),
            column("counts", Boolean),
            name="cell",
        )
        .data(
            [
                (
                    literal_column(f"'{name}'", Text),
                    cast(change[f"old_{name}"], Text),
                    cast(change[f"new_{name}"], Text),
                    _counts(change[f"old_{name}"], change[f"new_{name}"], filled=name in filled),
                )
                for name in names
            ]
        )
        .lateral()
    )
    key = func.concat_ws(
        ", ",
        *(literal_column(f"'{each.name}='", Text).concat(change[each.name]) for each in table.primary_key),
    )
    row = {
        "table_name": literal(table.name),
        "key": key,
        "day": cast(change[day.name], Date),
        "column_name": cell.c.name,
        "old": cell.c.old,
        "new": cell.c.new,
        "restated_at": bindparam("restated_at", made.at, restatements.c.restated_at.type),
        "run": bindparam("restated_run", made.run),
        "reason": bindparam("restated_reason", made.reason),
    }
    rows = select(*row.values()).select_from(change[day.name].table).join(cell, cell.c.counts)
    return insert(restatements).from_select(list(row), rows.where(made.can_restate(change[day.name])))


def _counts(old: ColumnElement[Any], new: ColumnElement[Any], *, filled: bool) -> ColumnElement[bool]:
    differs = old.is_distinct_from(new)
    return and_(differs, old.is_not(None)) if filled else differs


def _changes(table: Table, stored: FromClause, gone: FromClause, written: FromClause) -> Any:
    """A row for each that changed: its key, and old_ and new_ each of its other columns."""
    keys = [each.name for each in table.primary_key]
    others = [each for each in table.c if not each.primary_key]
    same_key = and_(*(stored.c[key] == written.c[key] for key in keys))

    def row(source: FromClause, old: FromClause | None, new: FromClause | None) -> Select[Any]:
        def of(side: FromClause | None, each: Column[Any]) -> ColumnElement[Any]:
            return cast(null(), each.type) if side is None else side.c[each.name]

        pairs = (
            (of(old, each).label(f"old_{each.name}"), of(new, each).label(f"new_{each.name}"))
            for each in others
        )
        return select(*(source.c[key] for key in keys), *(side for pair in pairs for side in pair))

    return union_all(
        row(written, stored, written).select_from(written.outerjoin(stored, same_key)), row(gone, gone, None)
    )


# ---- reading ----


def newest(connection: Connection, limit: int, offset: int = 0) -> Restated:
    row = restatements.c
    some = select(restatements).order_by(row.restated_at.desc(), row.id.desc()).limit(limit).offset(offset)
    total = connection.execute(select(func.count()).select_from(restatements)).scalar_one()
    return Restated(connection.execute(some).mappings().all(), total)


def count_since(connection: Connection, moment: datetime) -> int:
    """How many cells have been restated since `moment` (aware)."""
    since = select(func.count()).where(restatements.c.restated_at >= moment)
    return int(connection.execute(since).scalar_one())


# What is asked of a time so long ago can be answered: older restatements are removed (aggregation/expiry.py).
KEPT = timedelta(days=400)


def known_from(connection: Connection, today: date) -> date | None:
    """The first day at whose end it is known what was known; None where nothing has been logged yet.

    Runs that give no reason are of versions that logged no restatements.
    """
    run = job_runs.c
    begun: datetime | None = connection.scalar(
        select(func.min(run.started_at)).where(run.reason.is_not(None))
    )
    return None if begun is None else max(begun.astimezone(UTC).date(), today - KEPT + ONE_DAY)


def end_of(day: date) -> datetime:
    return datetime.combine(day + ONE_DAY, time(), UTC)


def as_known(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[Any, Any]],
    keys: Sequence[str],
    moment: datetime,
) -> list[dict[Any, Any]]:
    """The stored `rows` of `table` as they were at `moment`; also those of `keys` that are gone since.

    A key is what `key_of` makes. A row that was not there yet is left out.
    """
    row = restatements.c
    since = (
        select(row.key, row.column_name, row.old)
        .ext(distinct_on(row.key, row.column_name))
        .where(row.table_name == table.name, row.key.in_(keys), row.restated_at >= moment)
        .order_by(row.key, row.column_name, row.restated_at, row.id)
    )
    names = [each.name for each in table.primary_key]
    by_key = {key_of(table, known): dict(known) for known in rows}
    changed: set[str] = set()
    for key, column_name, old in connection.execute(since):
        known = by_key.setdefault(key, _empty(table, key))
        known[column_name] = _value(table.c[column_name], old)
        changed.add(key)
    for key in changed:
        if all(value is None for name, value in by_key[key].items() if name not in names):
            del by_key[key]
    return [by_key[key] for key in sorted(by_key)]


def key_of(table: Table, row: Mapping[Any, Any]) -> str:
    """`creator_id=5, date=2026-11-01`, as in the column `key`."""
    return ", ".join(f"{each.name}={row[each.name]}" for each in table.primary_key)


def _empty(table: Table, key: str) -> dict[Any, Any]:
    """A row of which only the key is known."""
    cells = dict(part.split("=", 1) for part in key.split(", "))
    row: dict[Any, Any] = {each.name: None for each in table.c}
    return row | {name: _value(table.c[name], cell) for name, cell in cells.items()}


def _value(column_: Column[Any], cell: str | None) -> Any:
    if cell is None:
        return None
    kind = column_.type.python_type
    return date.fromisoformat(cell) if kind is date else kind(cell)
