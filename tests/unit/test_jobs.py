"""The jobs build SQL that every engine understands, and write what the schema has."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.dialects import postgresql

from aggregation.errors import UserError
from aggregation.jobs import JOBS, Job, chosen, with_readers
from aggregation.schema import analytics, source

OPTIONAL = frozenset({"user_sessions", "video_watches", "video_interactions", "follows", "transactions"})
EACH = pytest.mark.parametrize("job", JOBS, ids=lambda job: str(job.name))
LACKING = pytest.mark.parametrize("missing", [frozenset(), OPTIONAL], ids=["all tables", "required tables"])


def compiled(job: Job, missing: frozenset[str] = frozenset()) -> str:
    statement = job.statement(date(2026, 3, 1), date(2026, 3, 2), missing)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@EACH
@LACKING
def test_only_idioms_that_survive_translation(job: Job, missing: frozenset[str]) -> None:
    sql = compiled(job, missing)
    assert not re.search(r"generate_series|extract|filter\s*\(|interval|::|distinct on", sql, re.IGNORECASE)
    assert "/" not in sql


@EACH
@LACKING
def test_only_the_platforms_tables_are_read(job: Job, missing: frozenset[str]) -> None:
    """But for what a job says it reads, and a table that is carried on from what is known."""
    words = set(re.findall(r"\w+", compiled(job, missing)))
    assert words & {*source.tables, *(table.name for table in job.reads)}
    allowed = {table.name for table in (*job.reads, *job.asks)} | (
        {job.table.name} if job.day is None else set()
    )
    allowed |= {job.noted.keys.name} if job.noted else set()
    assert words & set(analytics.tables) <= allowed
    assert not words & missing


@EACH
def test_a_statement_has_exactly_the_columns_that_are_not_computed(job: Job) -> None:
    statement = job.statement(date(2026, 3, 1), date(2026, 3, 2), frozenset())
    stored = {column.name for column in job.table.columns if column.computed is None}
    assert {column.name for column in statement.selected_columns} == stored


def test_names_of_jobs_and_of_tables_choose() -> None:
    assert [job.name for job in chosen(["revenue", "daily_analytics", "daily"])] == ["daily", "revenue"]
    assert chosen() == JOBS


def test_an_unknown_name_lists_the_allowed_ones() -> None:
    with pytest.raises(UserError) as error:
        chosen(["daily", "dayly"])
    assert str(error.value) == f"no job is called dayly; allowed: {', '.join(job.name for job in JOBS)}"


@pytest.mark.parametrize(
    ("last", "complete", "reach"),
    [
        (date(2026, 2, 10), date(2026, 2, 10), date(2026, 2, 10)),
        (date(2026, 2, 10), date(2026, 2, 20), date(2026, 2, 20)),
        (date(2026, 2, 10), date(2026, 5, 1), date(2026, 2, 28)),
        (date(2026, 12, 31), date(2027, 5, 1), date(2026, 12, 31)),
    ],
)
def test_what_sums_up_a_month_reaches_to_its_end(last: date, complete: date, reach: date) -> None:
    days = {job.name: job.reach(last, complete) for job in JOBS}
    assert {days.pop(name) for name in ("months", "gifter_months", "gifter_cohorts")} == {reach}
    assert days.pop("frequency") == max(last, min(last + timedelta(days=27), complete))
    assert set(days.values()) == {last}


@pytest.mark.parametrize(
    ("now", "daily", "creators"),
    [
        (datetime(2026, 3, 11, 0, 9, tzinfo=UTC), date(2026, 3, 9), date(2026, 3, 9)),
        (datetime(2026, 3, 11, 0, 10, tzinfo=UTC), date(2026, 3, 10), date(2026, 3, 9)),
        (datetime(2026, 3, 11, 0, 30, tzinfo=UTC), date(2026, 3, 10), date(2026, 3, 10)),
    ],
)
def test_what_is_due(now: datetime, daily: date, creators: date) -> None:
    due = {job.name: job.due(now) for job in JOBS}
    assert due["daily"] == daily
    assert due["creators"] == creators


def test_what_reads_a_table_runs_with_the_job_that_writes_it() -> None:
    assert [job.name for job in with_readers(chosen(["engagement"]))] == [
        "engagement",
        "returns",
        "cohort_activity",
        "frequency",
        "gifters",
        "gifter_activity",
    ]
    assert [job.name for job in with_readers(chosen(["gifter_months"]))] == [
        "gifter_months",
        "gifter_cohorts",
    ]
    assert [job.name for job in with_readers(chosen(["creators"]))] == ["creators", "months", "peers"]
    assert [job.name for job in with_readers(chosen(["video_gifts"]))] == ["video_gifts", "months"]
    assert [job.name for job in with_readers(chosen(["supporters"]))] == [
        "supporters",
        "supporter_totals",
        "supporter_returns",
        "supporter_spreads",
        "supporter_names",
    ]
    assert [job.name for job in with_readers(chosen(["viewers"]))] == ["viewers", "viewer_returns"]
    assert [job.name for job in with_readers(chosen(["revenue"]))] == ["revenue"]
    assert with_readers(JOBS) == JOBS


def test_what_a_job_reads_is_written_before() -> None:
    written = [job.table for job in JOBS]
    for place, job in enumerate(JOBS):
        assert set(job.reads) <= set(written[:place])
