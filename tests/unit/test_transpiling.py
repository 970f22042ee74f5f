"""Every job's statement as Spark SQL: what doesn't give the same there is refused before it runs anywhere."""

from datetime import date

import pytest
from sqlalchemy import Date, Integer, Select, cast, column, extract, func, literal_column, select, table

from aggregation.engines.transpiling import Untranslatable, spark_sql
from aggregation.jobs import JOBS, Job
from aggregation.schema import REQUIRED_SOURCES, source

OPTIONAL = frozenset(source.tables) - frozenset(REQUIRED_SOURCES)
ON_THE_ENGINE = [job for job in JOBS if not job.reads]

event = table("virtual_gifts", *map(column, ("id", "sender_id", "creator_share", "created_at"))).c


@pytest.mark.parametrize("job", ON_THE_ENGINE, ids=lambda job: job.name)
@pytest.mark.parametrize(
    "missing", [frozenset(), *map(frozenset, ([each] for each in sorted(OPTIONAL))), OPTIONAL]
)
def test_every_job_of_source_tables_survives(job: Job, missing: frozenset[str]) -> None:
    sql = spark_sql(job.statement(date(2026, 10, 30), date(2026, 12, 2), missing))
    assert sql.startswith("SELECT")


def test_most_jobs_run_on_the_engine() -> None:
    assert {"daily", "gifts", "engagement", "revenue", "cohorts", "creators", "supporters"} <= {
        job.name for job in ON_THE_ENGINE
    }


DAY = cast(event.created_at, Date)
REFUSED = {
    "FILTER": select(func.count().filter(event.id > 1)),
    "generate_series": select(func.generate_series(1, 3)),
    "epoch": select(extract("epoch", event.created_at)),
    "isodow": select(extract("isodow", event.created_at)),
    "dow": select(extract("dow", event.created_at)),
    "division": select(event.creator_share / literal_column("3")),
    "date plus integer": select(DAY + literal_column("1")),
    "integer before date": select(literal_column("1") + DAY),
    "an unordered list": select(func.array_agg(event.sender_id)),
    "an interval": select(event.created_at - literal_column("INTERVAL '1 day'")),
    "what nobody has tried": select(func.width_bucket(event.id, 0, 10, 5)),
    "a regular expression": select(event.id).where(event.id.regexp_match("x")),
}


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED.keys())
def test_what_doesnt_survive_is_refused(statement: Select[tuple[object]]) -> None:
    with pytest.raises(Untranslatable, match=r"^the statement has "):
        spark_sql(statement)


def test_a_set_is_sorted() -> None:
    assert "SORT_ARRAY(COLLECT_SET(virtual_gifts.sender_id))" in spark_sql(
        select(func.array_agg(event.sender_id.distinct()))
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            event.created_at >= literal_column("TIMESTAMP '2026-11-01 00:00:00'"),
            "day >= CAST('2026-11-01' AS DATE)",
        ),
        # What is before a midnight is of a day before.
        (
            event.created_at < literal_column("TIMESTAMP '2026-11-02 00:00:00'"),
            "day < CAST('2026-11-02' AS DATE)",
        ),
        (
            event.created_at < literal_column("TIMESTAMP '2026-11-02 00:00:01'"),
            "day <= CAST('2026-11-02' AS DATE)",
        ),
    ],
)
def test_only_the_days_asked_for_are_read(where: object, expected: str) -> None:
    asked = select(event.id).where(where)  # type: ignore[arg-type]
    assert f"virtual_gifts.{expected}" in spark_sql(asked, {"virtual_gifts": ("created_at", "day")})
    assert "day" not in spark_sql(asked, {"users": ("created_at", "day")})
    assert "day" not in spark_sql(asked, {"virtual_gifts": ("unfollowed_at", "day")})


def test_days_between_two_columns_are_told() -> None:
    """Both engines agree on that, cast to a whole number."""
    left, right = column("date", Date), column("cohort_date", Date)
    assert "CAST(date - cohort_date AS INT)" in spark_sql(select(cast(left - right, Integer)))
