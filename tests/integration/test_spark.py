"""The same numbers from Spark, to the cent: the writer, comparing every cell, finds nothing to change."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import Engine, text

from aggregation import engines, ledger
from aggregation.copying import copy_rows
from aggregation.demo import Scale, load
from aggregation.engines import Compute
from aggregation.exporting import export_folder
from aggregation.jobs import JOBS
from aggregation.leases import Deposed, Lease
from aggregation.publishing import Interrupted, JobsFailed, aggregate
from aggregation.schema import source
from aggregation.worker import Worker
from tests.conftest import GDQ, fresh
from tests.integration.test_properties import LAST, Rows, platforms, replace_all
from tests.spec.tables import change, rows
from tests.spec.test_validity import lenient

pytest.importorskip("pyspark", reason="no pyspark: the Spark tests are skipped")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java: the Spark tests are skipped"),
]

# So few rows are soonest computed without compiling anything for them.
OPTIONS = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}
NOW = datetime(2026, 11, 12, 1, 0, tzinfo=UTC)
# The second month of the made-up platform.
FIRST = date(2026, 11, 1)

Lake = Callable[[Path | str], Compute]


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    """Spark on two cores of this machine, reading the Parquet in a folder."""
    from aggregation.engines.sources import Files
    from aggregation.engines.spark import Spark, start

    session = start("local[2]", OPTIONS)
    yield lambda folder: Spark(lambda: session, Files(str(folder)))
    session.stop()


def clock() -> datetime:
    return NOW


def numbers(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {job.name: rows(engine, job.table.name) for job in JOBS}


@pytest.fixture(scope="module")
def platform_of_two_months(server: str, template: str) -> Iterator[Engine]:
    """Made up, and computed by the database."""
    for engine in fresh(server, template):
        load(engine, Scale(days=20, creators=12, users=300), NOW.replace(tzinfo=None))
        aggregate(engine, FIRST, clock=clock)
        yield engine


@pytest.fixture(scope="module")
def its_files(platform_of_two_months: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made-up") / "lake"
    export_folder(platform_of_two_months, folder)
    return folder


def on(engine: Engine, compute: Compute) -> Engine:
    return engine.execution_options(compute=compute)


# ---- equal ----


def test_a_worker_on_a_platform_whose_events_are_in_a_lake_alone(
    platform_of_two_months: Engine,
    its_files: Path,
    lake: Lake,
    database: Engine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engines.use(database, lake(its_files))
    # People signed up years ago: each month would take as long as this one.
    for job in JOBS:
        days = (date(1970, 1, 1), FIRST - timedelta(days=1))
        run = ledger.start(database, job.name, *days, NOW)
        ledger.finish(database, run, ledger.Result(job.name, *days, ledger.State.SUCCEEDED, 0), NOW)
    worker = Worker(database, clock)
    with caplog.at_level("WARNING"):
        worker.run_due(NOW)
        worker.count_hours(NOW)
    assert caplog.messages == []
    expected = numbers(platform_of_two_months)
    assert {name for name, found in expected.items() if not found} <= {
        "peers",
        "gifter_months",
        "gifter_cohorts",
        "supporter_spreads",
    }
    assert numbers(database) == expected
    assert not [line for line in worker.due() if line.startswith("overdue")]
    with database.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('users')")) is None
        runs = ledger.recent(connection, NOW)
    assert {run.job for run in runs} == {job.name for job in JOBS} | {"forecast"}
    assert {run.state for run in runs} == {"succeeded"}


@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    # Of a ledger that fails, the smallest would take minutes to find.
    phases=[Phase.explicit, Phase.generate],
)
@given(platform=platforms)
def test_any_ledger(
    anything: Engine, lake: Lake, tmp_path_factory: pytest.TempPathFactory, platform: Rows
) -> None:
    replace_all(anything, platform)
    now = datetime(LAST.year, LAST.month, LAST.day, 1, tzinfo=UTC) + timedelta(days=1)
    aggregate(anything, clock=lambda: now)
    folder = tmp_path_factory.mktemp("any") / "lake"
    export_folder(anything, folder)
    results = aggregate(on(anything, lake(folder)), date(LAST.year, LAST.month, 1), LAST, clock=lambda: now)
    assert {result.job: result.rows for result in results} == dict.fromkeys((job.name for job in JOBS), 0)


@pytest.fixture(scope="module")
def anything(server: str, template: str) -> Iterator[Engine]:
    for engine in fresh(server, template):
        source.create_all(engine)
        lenient(engine, "numeric", "timestamp")
        yield engine


def real(table: str) -> pa.Table:
    """Of events only those of some weeks."""
    found = pq.read_table(GDQ / f"{table}.parquet")
    moment = {"virtual_gifts": "created_at", "user_sessions": "started_at"}.get(table)
    if moment is None:
        return found
    first, end = (pa.scalar(day).cast(pa.timestamp("us")) for day in (date(2019, 12, 20), date(2020, 1, 13)))
    return found.filter((pc.field(moment) >= first) & (pc.field(moment) < end))


@pytest.mark.skipif(not GDQ.is_dir(), reason=f"no real data in {GDQ}")
def test_real_donations(platform: Engine, lake: Lake, tmp_path: Path) -> None:
    """Its busiest days; the whole history is a benchmark (benchmarks/spark.py)."""
    first, last = date(2020, 1, 11), date(2020, 1, 12)
    with platform.begin() as connection:
        for table in ("users", "videos", "sparks", "virtual_gifts", "user_sessions"):
            copy_rows(connection, table, real(table).to_batches())
        connection.execute(text("ANALYZE"))
    now = datetime(2020, 1, 13, 1, tzinfo=UTC)
    aggregate(platform, first, last, clock=lambda: now)
    export_folder(platform, tmp_path / "lake")
    results = aggregate(on(platform, lake(tmp_path / "lake")), first, last, clock=lambda: now)
    assert {result.job: result.rows for result in results} == dict.fromkeys((job.name for job in JOBS), 0)
    assert rows(platform, "daily_analytics", "total_gifts_sent", "total_revenue")[-1] == (
        15_072,
        Decimal("1231298.79"),
    )


# ---- through the one writer ----


def test_a_wrong_cell_is_found_and_the_change_is_logged(
    platform_of_two_months: Engine, its_files: Path, lake: Lake
) -> None:
    day = date(2026, 11, 2)
    before = rows(platform_of_two_months, "daily_analytics")
    change(platform_of_two_months, f"UPDATE daily_analytics SET total_revenue = 0.01 WHERE date = '{day}'")
    (result,) = aggregate(on(platform_of_two_months, lake(its_files)), day, day, ["daily"], clock=clock)
    assert result.rows == 1
    assert rows(platform_of_two_months, "daily_analytics") == before
    logged = rows(platform_of_two_months, "restatements", "key", "column_name", "old", "new")
    # The average follows from it.
    ((key, column, old, new),) = [row for row in logged if row[1] != "average_gift_value"]
    expected = next(row for row in before if row[0] == day)
    assert (key, column, old) == ("date=2026-11-02", "total_revenue", "0.01")
    assert Decimal(new) == expected[5]


def test_the_first_days_are_the_same(
    platform_of_two_months: Engine, its_files: Path, lake: Lake, tmp_path: Path
) -> None:
    """Also where a folder of a day has no rows."""
    shutil.copytree(its_files, tmp_path / "lake")
    days = tmp_path / "lake" / "virtual_gifts"
    empty = pq.read_table(next(days.glob("day=2*/part-0.parquet")), partitioning=None).slice(0, 0)
    (days / "day=2001-01-01").mkdir()
    pq.write_table(empty, days / "day=2001-01-01" / "part-0.parquet")
    with platform_of_two_months.connect() as connection:
        compute = lake(tmp_path / "lake")
        missing = compute.absent(connection)
        expected = engines.DATABASE.first_days(connection, missing)
        assert expected.keys() >= {"users", "virtual_gifts"}
        assert compute.first_days(connection, missing) == expected
        # Of events alone, without the sign-ups before them.
        missing |= {"users"}
        expected = engines.DATABASE.first_days(connection, missing)
        assert compute.first_days(connection, missing) == expected


def test_without_an_optional_table(its_files: Path, lake: Lake, database: Engine, tmp_path: Path) -> None:
    shutil.copytree(
        its_files, tmp_path / "lake", ignore=shutil.ignore_patterns("user_sessions", "video_watches")
    )
    day = date(2026, 11, 3)
    aggregate(on(database, lake(tmp_path / "lake")), day, day, ["daily"], clock=clock)
    assert rows(database, "daily_analytics", "active_users") == [(None,)]


def test_a_worker_that_was_deposed_writes_nothing(its_files: Path, lake: Lake, database: Engine) -> None:
    engines.use(database, lake(its_files))
    lease = Lease(database.url)
    assert lease.take()
    with lease.fencing(database):
        change_unfenced = database.execution_options(isolation_level="AUTOCOMMIT").connect()
        change_unfenced.execute(text("UPDATE worker_leases SET token = token + 1"))
        with pytest.raises(Deposed):
            aggregate(database, only=["spark_profiles"], clock=clock)
    change_unfenced.close()
    lease.release()
    assert rows(database, "spark_profiles") == []


def test_what_was_stopped_is_taken_up_again(its_files: Path, lake: Lake, database: Engine) -> None:
    """The first month is done; the second is rolled back, and the ledger knows."""
    compute = on(database, lake(its_files))
    begin = FIRST - timedelta(days=5)
    months: list[int] = []

    def stopped() -> bool:
        return bool(months)

    with pytest.raises(Interrupted):
        aggregate(
            compute,
            begin,
            only=["revenue"],
            clock=clock,
            stopped=stopped,
            progress=lambda _, done, __: months.append(done),
        )
    with database.connect() as connection:
        (run,) = ledger.recent(connection, clock())
    assert run.state == "interrupted"
    half = rows(database, "revenue_breakdown", "date")
    aggregate(compute, begin, only=["revenue"], clock=clock)
    whole = rows(database, "revenue_breakdown", "date")
    assert 0 < len(half) < len(whole)


# ---- said in one line ----


def test_a_column_that_isnt_there_is_named(
    its_files: Path, lake: Lake, database: Engine, tmp_path: Path
) -> None:
    shutil.copytree(its_files, tmp_path / "lake")
    sparks = tmp_path / "lake" / "sparks" / "part-0.parquet"
    pq.write_table(pq.read_table(sparks).drop_columns(["name"]), sparks)
    with pytest.raises(JobsFailed) as caught:
        aggregate(on(database, lake(tmp_path / "lake")), only=["spark_profiles"], clock=clock)
    assert "UNRESOLVED_COLUMN" in str(caught.value)
    assert "name" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_place_without_the_tables(lake: Lake, database: Engine, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=f"{tmp_path} has no users, videos, sparks, virtual_gifts; required"):
        aggregate(on(database, lake(tmp_path)), clock=clock)
