"""The months of the tables that are partitioned by them."""

from datetime import date, timedelta

from sqlalchemy import Connection, Table, text

from aggregation.days import months

ABSENT = text("SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL")
# Quoted where it has to be.
OWNER = text(
    "SELECT CAST(CAST(relowner AS regrole) AS text) FROM pg_class WHERE oid = CAST(:name AS regclass)"
)


def is_by_month(table: Table) -> bool:
    return table.dialect_options["postgresql"]["partition_by"] is not None


def require_months(connection: Connection, table: Table, first: date, last: date) -> None:
    """Make the partitions that rows of these days go to, where they are missing.

    Attached, not made as partitions: so readers of the table, and checks that read for minutes, neither
    wait nor are waited for. For the holder of WRITERS_LOCK, or two would make the same one.
    """
    if not is_by_month(table):
        return
    starts = {f"{table.name}_{day:%Y_%m}": day.replace(day=1) for day, _ in months(first, last)}
    for name in connection.execute(ABSENT, {"names": list(starts)}).scalars().all():
        start = starts[name]
        end = (start + timedelta(days=31)).replace(day=1)
        connection.execute(
            text(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING CONSTRAINTS INCLUDING GENERATED)")
        )
        connection.execute(
            text(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
        )
        # To whom the table belongs, or its owner could not change it any more.
        owner = connection.execute(OWNER, {"name": table.name}).scalar_one()
        connection.execute(text(f"ALTER TABLE {name} OWNER TO {owner}"))
