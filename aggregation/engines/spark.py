"""A Spark cluster. Imported only where Spark is asked for: pyspark and sqlglot are large.

The statement goes to the cluster as Spark SQL; its rows come back as Arrow batches, some partitions after the
others, and into a temporary table, from which the one writer publishes them. No process ever holds them all.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession, functions
from sqlalchemy import Connection, Select, Table, cast, column, false, func, null, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

from aggregation.copying import copy_rows
from aggregation.engines.sources import Source
from aggregation.engines.transpiling import spark_sql
from aggregation.errors import Interrupted, Unavailable, UserError
from aggregation.jobs import Job
from aggregation.schema import source as source_tables

log = logging.getLogger(__name__)

T = TypeVar("T")
Stopped = Callable[[], bool]

# As in the database: days are UTC, times have no zone, what overflows fails.
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
}
QUIET = {"spark.log.level": "ERROR", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
# With executors in this process: nothing is opened to other machines.
HERE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
# No data frame of pandas is made by Spark here.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
# What is fetched at once, and so held in memory, unless a single partition has more.
FETCHED_ROWS = 500_000
# The connection is kept from being taken for idle, and whether to stop is asked, this often.
AWAKE_SECONDS = 1.0


def start(master: str, options: dict[str, str]) -> SparkSession:
    """A session on `master`: local[N], spark://…, yarn, k8s://… or Spark Connect's sc://….

    Raises UserError where there is no Java, Unavailable where the cluster can't be reached.
    """
    builder: Any = SparkSession.builder
    if master.startswith("sc://"):
        builder = builder.remote(master)
    else:
        builder = builder.master(master).appName("sparkboard")
        options = QUIET | options
        if master.startswith("local"):
            options = HERE | options
    for name, value in options.items():
        builder = builder.config(name, value)
    with told(f"cannot start Spark on {master} (Java 17 or newer is needed here)"):
        session: SparkSession = builder.getOrCreate()
        for name, value in SESSION.items():
            session.conf.set(name, value)
    return session


@contextmanager
def told(what: str) -> Iterator[None]:
    """Errors of Spark as one line; those of a statement or of what it reads don't pass by themselves."""
    try:
        yield
    except AnalysisException as error:
        raise UserError(f"{what}: {_first_line(error)}") from error
    except (PySparkException, Py4JError, OSError, EOFError) as error:
        raise Unavailable(f"{what}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    java = getattr(error, "java_exception", None)
    lines = str(java.getMessage() if java is not None else error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class Spark:
    """Jobs of source tables run on the cluster.

    Those that read other jobs' tables stay in the database, where these are; what they need of a source
    table that isn't there is brought.
    """

    def __init__(self, session: Callable[[], SparkSession], source: Source) -> None:
        self._start = session
        self._session: SparkSession | None = None
        self._source = source

    @property
    def place(self) -> str:
        return self._source.place

    @property
    def in_database(self) -> bool:
        return self._source.in_database

    @property
    def session(self) -> SparkSession:
        """Started when it is first needed."""
        if self._session is None:
            self._session = self._start()
        return self._session

    # ---- what the writer asks ----

    def absent(self, connection: Connection) -> frozenset[str]:
        with told(f"cannot read {self.place}"):
            return self._source.absent(self.session, connection)

    def first_days(self, connection: Connection, missing: frozenset[str]) -> dict[str, date]:
        with told(f"cannot read {self.place}"):
            return self._source.first_days(self.session, connection, missing)

    def begin(self, connection: Connection, first: date, last: date) -> None:
        self._source.begin(connection, first, last)

    def rows(self, connection: Connection, job: Job, statement: Select[Any], stopped: Stopped) -> Select[Any]:
        named = {each for each in visitors.iterate(statement) if isinstance(each, Table)}
        sources = sorted(
            (each for each in named if each.metadata is source_tables), key=lambda each: each.name
        )
        if job.reads:
            if not self.in_database:
                for each in sources:
                    self._bring(connection, each, stopped)
            return statement
        with told(f"job {job.name}"):
            for each in named - set(sources):
                self._show_empty(each)
            name = f"new_{job.table.name}"
            columns = {each.name: job.table.c[each.name].type for each in statement.selected_columns}
            self._fetch(connection, name, columns, statement, sources, stopped)
        return select(*table(name, *(column(each, kind) for each, kind in columns.items())).c)

    def _show_empty(self, own: Table) -> None:
        """A job that looks what it has stored already does so to save work: it makes all of it anew."""
        nothing = spark_sql(_nothing({each.name: each.type for each in own.c}))
        self.session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {own.name} AS {nothing}")

    def _bring(self, connection: Connection, wanted: Table, stopped: Stopped) -> None:
        """Under its own name, for this transaction: temporary tables are found first."""
        if connection.scalar(select(func.to_regclass(f"pg_temp.{wanted.name}"))) is None:
            columns = {each.name: each.type for each in wanted.c}
            with told(f"table {wanted.name}"):
                self._fetch(connection, wanted.name, columns, select(*wanted.c), [wanted], stopped)

    # ---- rows from the cluster to the database ----

    def _fetch(
        self,
        connection: Connection,
        name: str,
        columns: Mapping[str, Any],
        statement: Select[Any],
        sources: Iterable[Table],
        stopped: Stopped,
    ) -> None:
        """The statement's rows into a temporary table of this transaction."""
        self._source.show(self.session, sources)
        frame = self.session.sql(spark_sql(statement, self._source.partitions))
        connection.execute(text(f'DROP TABLE IF EXISTS pg_temp."{name}"'))
        nothing = _nothing(columns).compile(connection)
        connection.execute(text(f'CREATE TEMPORARY TABLE "{name}" ON COMMIT DROP AS {nothing}'))
        with _copying(connection):
            copy_rows(connection, name, self._batches(connection, frame, stopped))
        connection.execute(text(f'ANALYZE pg_temp."{name}"'))

    def _batches(
        self, connection: Connection, frame: DataFrame, stopped: Stopped
    ) -> Iterator[pa.RecordBatch]:
        """Computed by all executors at once, kept on their disks, and fetched from there bit by bit."""
        kept = frame.persist(StorageLevel.DISK_ONLY)
        partition = functions.spark_partition_id()
        try:
            sizes = self._awake(connection, kept.groupBy(partition.alias("id")).count().collect, stopped)
            for some in _together({row["id"]: row["count"] for row in sizes}):
                part = kept.where(partition.isin(some)) if len(some) < len(sizes) else kept
                for batch in self._awake(connection, part.toArrow, stopped).to_batches():
                    yield _as_copied(batch)
        finally:
            kept.unpersist()

    def _awake(self, connection: Connection, work: Callable[[], T], stopped: Stopped) -> T:
        """What `work` returns; meanwhile the transaction isn't taken for idle, nor a lost one waited for."""
        tag = f"sparkboard-{uuid4()}"

        def tagged() -> T:
            self.session.addTag(tag)
            try:
                return work()
            finally:
                self.session.removeTag(tag)

        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(tagged)
            try:
                while not wait([under_way], AWAKE_SECONDS).done:
                    connection.execute(text("SELECT 1"))
                    if stopped():
                        raise Interrupted("stopped before the work was done")
            except BaseException:
                self.session.interruptTag(tag)
                raise
            return under_way.result()


def _nothing(columns: Mapping[str, Any]) -> Select[Any]:
    return select(*(cast(null(), kind).label(name) for name, kind in columns.items())).where(false())


def _together(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """The partitions that are fetched at once."""
    some: list[int] = []
    rows = 0
    for partition, count in sorted(sizes.items()):
        if some and rows + count > FETCHED_ROWS:
            yield some
            some, rows = [], 0
        some.append(partition)
        rows += count
    if some:
        yield some


def _as_copied(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lists as PostgreSQL writes them; times without the zone, which is UTC."""
    return pa.record_batch([_column_as_copied(each) for each in batch.columns], batch.schema.names)


def _column_as_copied(values: pa.Array) -> pa.Array:
    if pa.types.is_list(values.type):
        texts = pc.binary_join(values.cast(pa.list_(pa.string())), ",")
        return pc.binary_join_element_wise("{", texts, "}", "")
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us"))
    return values


@contextmanager
def _copying(connection: Connection) -> Iterator[None]:
    """COPY goes past SQLAlchemy: its errors are made the ones that the writer knows."""
    driver = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance("COPY", None, error, driver.Error, dialect=connection.dialect) from error
