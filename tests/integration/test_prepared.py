"""A statement that is made once for all days alike says the same as one that is made for just these days."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Integer, Select, cast, literal, select

from aggregation import prepared
from aggregation.days import ONE_DAY
from aggregation.jobs import JOBS, Job
from aggregation.jobs.events import ACTIVITY, literal_day, midnight
from aggregation.prepared import Span
from aggregation.publishing import RUNNING_DAY, Statements
from aggregation.restatements import Entry
from tests.conftest import fresh

AT = datetime(2026, 11, 2, 3, tzinfo=UTC)


def a_day(day: date) -> Span:
    return Span(day, day, day)


def restated(day: date, run: int, reason: str, *spans: tuple[date, date]) -> Span:
    return Span(day, day, day, Entry(run, AT + run * ONE_DAY, reason, spans))


# Each pair is alike: as long, with as much before it, and as many spans that can be restated.
ALIKE = {
    "a day": (a_day(date(2026, 3, 4)), a_day(date(2026, 12, 31))),
    "a leap day": (a_day(date(2026, 3, 4)), a_day(date(2028, 2, 29))),
    "a month": (
        Span(date(2026, 4, 1), date(2026, 4, 29), date(2026, 4, 1)),
        Span(date(2028, 2, 1), date(2028, 2, 29), date(2028, 2, 1)),
    ),
    "what is removed before it": (
        Span(date(2026, 3, 4), date(2026, 3, 10), date(2026, 2, 20)),
        Span(date(2027, 1, 5), date(2027, 1, 11), date(2026, 12, 24)),
    ),
    "what can be restated": (
        restated(
            date(2026, 3, 4),
            1,
            "late data",
            (date(2026, 1, 1), date(2026, 1, 9)),
            (date(2026, 2, 1), date(2026, 3, 4)),
        ),
        restated(
            date(2026, 9, 30),
            7,
            "repair",
            (date(2025, 5, 5), date(2026, 1, 1)),
            (date(2026, 4, 2), date(2026, 4, 2)),
        ),
    ),
}
# They name each Sunday, each month or where the month began.
BY_CALENDAR = {"frequency", "months", "gifter_months", "peers"}


@pytest.fixture(scope="module")
def engine(server: str, template: str) -> Iterator[Engine]:
    yield from fresh(server, template)


@pytest.fixture(scope="module")
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as each:
        yield each


def sent(connection: Connection, sql: str, parameters: Mapping[str, Any]) -> str:
    """As PostgreSQL gets it."""
    return str(connection.connection.cursor().mogrify(sql, parameters).decode())


@pytest.mark.parametrize("missing", [frozenset(), ACTIVITY], ids=["all tables", "no activity"])
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_it_says_the_same(
    connection: Connection, job: Job, one: Span, other: Span, missing: frozenset[str]
) -> None:
    assert one.shape() == other.shape()
    statements = Statements(connection, job, missing)
    for make in (statements.any_stored, statements.published):
        known = prepared.prepare(connection, make, one)
        if known is None:
            assert job.name in BY_CALENDAR
            continue
        anew = make(other).compile(connection, compile_kwargs={"render_postcompile": True})
        said = sent(connection, known.sql, known.parameters(other))
        assert said == sent(connection, str(anew), anew.params)
        assert said != sent(connection, known.sql, known.parameters(one)) or job.day is None


@pytest.mark.parametrize(
    "unlike",
    [
        Span(date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 4)),
        Span(date(2026, 3, 4), date(2026, 3, 4), date(2026, 3, 3)),
        restated(date(2026, 3, 4), 1, "repair"),
        restated(date(2026, 3, 4), 1, "repair", (date(2026, 3, 4), date(2026, 3, 4))),
    ],
    ids=["a day longer", "a day before it", "nothing that can be restated", "a day that can"],
)
def test_what_differs_in_more_than_the_day_is_not_alike(unlike: Span) -> None:
    assert unlike.shape() != a_day(date(2026, 3, 4)).shape()


def test_it_is_made_once_for_days_alike(connection: Connection) -> None:
    made = []

    def make(span: Span) -> Select[Any]:
        made.append(span)
        return select(literal_day(span.last + ONE_DAY))

    what = object()
    for day in (date(2026, 3, 4), date(2028, 2, 28), date(2026, 12, 31)):
        assert prepared.scalar(connection, what, make, a_day(day)) == day + ONE_DAY
    assert len(made) == 1
    assert prepared.scalar(connection, object(), make, a_day(date(2026, 3, 4))) == date(2026, 3, 5)
    assert len(made) == 2


def test_what_depends_on_the_days_themselves_is_made_for_each(connection: Connection) -> None:
    what = object()
    for day in (date(2026, 3, 4), date(2026, 12, 31)):
        by_month = prepared.scalar(
            connection, what, lambda span: select(cast(literal(span.first.month), Integer)), a_day(day)
        )
        assert by_month == day.month


def test_jobs_that_are_unlike_have_statements_of_their_own(connection: Connection) -> None:
    keys = [Statements(connection, job).key for job in (*JOBS, RUNNING_DAY)]
    keys += [
        Statements(connection, JOBS[0], frozenset({"users"})).key,
        Statements(connection, JOBS[0], later=False).key,
    ]
    keys += [Statements(connection, replace(JOBS[0], table=JOBS[1].table)).key]
    assert len(set(keys)) == len(keys)


def test_old_ones_are_forgotten(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MOST", 2)
    monkeypatch.setattr(prepared, "_prepared", {})
    for _ in range(5):
        day = date(2026, 3, 4)
        assert prepared.scalar(
            connection, object(), lambda span: select(midnight(span.first)), a_day(day)
        ) == datetime(2026, 3, 4)  # noqa: DTZ001
        assert len(prepared._prepared) <= 2
