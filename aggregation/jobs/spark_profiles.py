"""spark_profiles: the name of every spark, as it is now."""

from datetime import date
from typing import Any

from sqlalchemy import Select, Text, cast, select

from aggregation.jobs.events import given
from aggregation.schema import sparks


def statement(first: date, last: date, missing: frozenset[str] = frozenset()) -> Select[Any]:
    """spark_id, name; the whole table whatever the days."""
    spark = sparks.c
    return select(spark.id.label("spark_id"), cast(spark.name, Text).label("name")).where(given(spark.id))
