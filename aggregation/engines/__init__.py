"""What computes the jobs' statements: the database itself, or a cluster that reads the platform's events.

A connection says which: `use` sets it for all connections of a SQLAlchemy engine, `of` reads it. Whatever
computes, the one writer (aggregation/publishing.py) publishes the rows, in its own transaction.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Select

from aggregation.engines.database import Database
from aggregation.errors import UserError
from aggregation.jobs import Job

Stopped = Callable[[], bool]


class Compute(Protocol):
    """Where the platform's events are read and the jobs' statements run."""

    @property
    def place(self) -> str:
        """Where the events are, for messages."""

    @property
    def in_database(self) -> bool:
        """Whether they are where the numbers are: only there triggers note changes, and recounts read."""

    def absent(self, connection: Connection) -> frozenset[str]:
        """The names of the source tables that it can't read. Looks anew each time."""

    def first_days(self, connection: Connection, missing: frozenset[str]) -> dict[str, date]:
        """By source table the day (UTC) of its oldest event; without those in which nothing ever happened."""

    def begin(self, connection: Connection, first: date, last: date) -> None:
        """A span's transaction has begun: what is computed from here on is of one state of the source."""

    def rows(self, connection: Connection, job: Job, statement: Select[Any], stopped: Stopped) -> Select[Any]:
        """A statement for the database that gives the job's rows. Raises Interrupted once `stopped`."""


DATABASE: Compute = Database()


def use(engine: Engine, compute: Compute) -> None:
    engine.update_execution_options(compute=compute)


def of(connection: Connection | Engine) -> Compute:
    compute: Compute = connection.get_execution_options().get("compute", DATABASE)
    return compute


def cluster(master: str, options: dict[str, str], place: str, url: URL | None = None) -> Compute:
    """Spark on `master`, reading Parquet at `place`, or the database at `url`; started when it is needed.

    Raises UserError where pyspark isn't installed, or no Java is there for it.
    """
    try:
        from aggregation.engines.sources import Files, Jdbc
        from aggregation.engines.spark import Spark, start
    except ModuleNotFoundError as error:
        raise UserError(
            f"Spark needs {error.name}: pip install -r requirements-spark.txt -c constraints.txt"
        ) from None
    return Spark(lambda: start(master, options), Jdbc(url) if url else Files(place))
