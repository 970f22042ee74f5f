"""What is computed again for a change: no job that reads a table may be left out."""

import re
from datetime import date

import pytest
from sqlalchemy.dialects import postgresql

from aggregation.changes import EFFECTS
from aggregation.jobs import JOBS, Job
from aggregation.schema import source
from aggregation.triggers import FACTS

# The parts of a table that triggers tell apart.
PARTS = {"users": ("users", "creators")}
# Written whole each night, whatever has changed.
WHOLE = {job.name for job in JOBS if job.day is None}


def sources_of(job: Job) -> set[str]:
    """The platform's tables that the job's statement names."""
    statement = job.statement(date(2026, 3, 2), date(2026, 3, 2), frozenset())
    compiled = str(statement.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    return {name for name in source.tables if re.search(rf"\b{name}\.", compiled)}


@pytest.mark.parametrize("job", [job for job in JOBS if job.name not in WHOLE], ids=lambda job: job.name)
def test_a_job_is_computed_again_whenever_a_table_that_it_reads_changes(job: Job) -> None:
    for table in sources_of(job):
        parts = PARTS.get(table, (table,))
        computed = {name for part in parts for effect in EFFECTS[part] for name in effect.jobs}
        assert job.name in computed, table


def test_some_jobs_read_sources() -> None:
    assert "virtual_gifts" in sources_of(JOBS[0])


def test_each_source_table_is_watched_and_has_effects() -> None:
    assert set(FACTS) == set(source.tables)
    noted = {subject for facts in FACTS.values() for subject in re.findall(r"SELECT '(\w+)'", facts)}
    assert noted <= set(EFFECTS)
