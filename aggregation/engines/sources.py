"""Where Spark reads the platform's events: Parquet in a folder or an object store, or its database."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Protocol

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from sqlalchemy import URL, Connection, Table, text

from aggregation.days import ONE_DAY
from aggregation.engines.database import EVENT_TIMES, Database, oldest_events
from aggregation.engines.transpiling import spark_sql
from aggregation.errors import UserError
from aggregation.schema import source as source_tables

# The column (a UTC day) by which files are kept apart, as `export` writes them.
DAY = "day"
# As `finite` in aggregation/jobs/events.py.
POSSIBLE = "BETWEEN DATE '1970-01-01' AND DATE '9998-12-31'"
NO_SUCH_PATH = "PATH_NOT_FOUND"
# Rows that the database sends at a time.
FETCHED_ROWS = "10000"
# So many connections are open to it at most, for each table.
RANGES = 8


class Source(Protocol):
    """A place that has the source tables."""

    place: str
    # Whether the database that holds the numbers has the source tables, too.
    in_database: bool

    @property
    def partitions(self) -> Mapping[str, tuple[str, str]]:
        """By table: its column of times, and that of their days."""

    def absent(self, spark: SparkSession, connection: Connection) -> frozenset[str]:
        """The names of the source tables that aren't there. Looks anew."""

    def first_days(
        self, spark: SparkSession, connection: Connection, missing: frozenset[str]
    ) -> dict[str, date]: ...

    def begin(self, connection: Connection, first: date, last: date) -> None:
        """A span of days is computed from here on."""

    def show(self, spark: SparkSession, tables: Iterable[Table]) -> None:
        """Make them known to Spark under their names."""


class Files:
    """A folder of Parquet: `TABLE` (a folder, by days where it has a column `day`) or `TABLE.parquet`.

    Which files there are is looked up by `absent`, once for all spans of a run.
    """

    in_database = False

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self.partitions: dict[str, tuple[str, str]] = {}

    def absent(self, spark: SparkSession, connection: Connection) -> frozenset[str]:
        absent = set()
        self.partitions = {}
        for each in source_tables.tables.values():
            frame = self._frame(spark, each.name)
            if frame is None:
                absent.add(each.name)
                continue
            frame.createOrReplaceTempView(each.name)
            if DAY in frame.columns and each in EVENT_TIMES:
                self.partitions[each.name] = (EVENT_TIMES[each], DAY)
        return frozenset(absent)

    def _frame(self, spark: SparkSession, name: str) -> DataFrame | None:
        for path in (f"{self.place}/{name}", f"{self.place}/{name}.parquet"):
            try:
                return spark.read.parquet(path)
            except AnalysisException as error:
                if error.getCondition() != NO_SUCH_PATH:
                    raise
        return None

    def first_days(
        self, spark: SparkSession, connection: Connection, missing: frozenset[str]
    ) -> dict[str, date]:
        """Where files are kept apart by days nothing has to be read but these."""
        oldest = [
            f"SELECT '{name}' AS source, min({DAY}) AS day FROM {name} WHERE {DAY} {POSSIBLE}"  # noqa: S608
            for name in self.partitions
        ]
        read = missing | self.partitions.keys()
        if any(table.name not in read for table in EVENT_TIMES):
            oldest.append(spark_sql(oldest_events(read)))
        found = spark.sql(" UNION ALL ".join(oldest)).collect()
        return {row.source: row.day for row in found if row.day}

    def begin(self, connection: Connection, first: date, last: date) -> None:
        """Files don't change; those that came since `absent` are of a later run."""

    def show(self, spark: SparkSession, tables: Iterable[Table]) -> None:
        """`absent` did."""


class Jdbc:
    """The platform's database, read by all executors at once, each a range of time or of ids.

    All of them see the writer's snapshot, so that the numbers are of one state as ever.
    """

    in_database = True
    place = "the database"
    partitions: Mapping[str, tuple[str, str]] = {}

    def __init__(self, url: URL, ranges: int = RANGES) -> None:
        if not url.host:
            raise UserError("Spark can't read a database through a unix socket: give it a host and a port")
        self._url = f"jdbc:postgresql://{url.host}:{url.port or 5432}/{url.database}"
        self._login = {"user": url.username or "", "password": str(url.password or "")}
        self._ranges = ranges
        self._database = Database()
        self._snapshot = ""
        self._days: tuple[date, date] | None = None
        self._bounds: dict[str, tuple[int, int]] = {}
        self._shown: set[str] = set()

    def absent(self, spark: SparkSession, connection: Connection) -> frozenset[str]:
        return self._database.absent(connection)

    def first_days(
        self, spark: SparkSession, connection: Connection, missing: frozenset[str]
    ) -> dict[str, date]:
        return self._database.first_days(connection, missing)

    def begin(self, connection: Connection, first: date, last: date) -> None:
        self._snapshot = str(connection.scalar(text("SELECT pg_export_snapshot()")))
        self._days, self._shown, self._bounds = (first, last), set(), {}
        absent = self._database.absent(connection)
        for each in source_tables.tables.values():
            if each.name not in absent and self._range_column(each) == "id":
                low, high = connection.execute(text(f'SELECT min(id), max(id) FROM "{each.name}"')).one()  # noqa: S608
                self._bounds[each.name] = (low or 0, high or 0)

    def show(self, spark: SparkSession, tables: Iterable[Table]) -> None:
        for each in tables:
            if each.name not in self._shown:
                reader = spark.read.format("jdbc").options(**self._options(each))
                reader.load().createOrReplaceTempView(each.name)
                self._shown.add(each.name)

    def _range_column(self, wanted: Table) -> str:
        """Events of a span by their time. Users are read whole."""
        return EVENT_TIMES[wanted] if wanted in EVENT_TIMES and wanted.name != "users" else "id"

    def _options(self, wanted: Table) -> dict[str, Any]:
        by = self._range_column(wanted)
        if by == "id":
            low, high = (str(each) for each in self._bounds[wanted.name])
        else:
            first, last = self._days or (date.min, date.min)
            low, high = f"{first} 00:00:00", f"{last + ONE_DAY} 00:00:00"
        ranges = {"partitionColumn": by, "lowerBound": low, "upperBound": high, "numPartitions": self._ranges}
        return {
            "url": self._url,
            **self._login,
            "driver": "org.postgresql.Driver",
            "dbtable": wanted.name,
            "fetchsize": FETCHED_ROWS,
            "preferTimestampNTZ": "true",
            "sessionInitStatement": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
            f" SET TRANSACTION SNAPSHOT '{self._snapshot}'; SET LOCAL TIME ZONE 'UTC'",
            **(ranges if low != high else {}),
        }
