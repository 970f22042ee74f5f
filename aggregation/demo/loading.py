"""The made-up platform in the database: loading it, and whom to show around with."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, Table, exists, func, inspect, select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from aggregation.copying import copy_rows
from aggregation.database import LOADERS_LOCK
from aggregation.demo.rows import generate
from aggregation.demo.scale import Scale, require_sensible
from aggregation.errors import UserError
from aggregation.schema import follows, source, users, virtual_gifts

# The comment on the users table by which a made-up platform is told from a real one.
MARK = "made up by sparkboard demo"


def load(
    engine: Engine,
    scale: Scale,
    now: datetime,
    progress: Callable[[str, float], None] = lambda _stage, _done: None,
) -> None:
    """Create the source tables and fill them, in one transaction.

    `now` is naive UTC; events reach from `scale.days` complete days before today up to `now`.
    """
    require_sensible(scale)
    with engine.begin() as connection:
        bare = _create_tables(connection)
        for part in generate(scale, now):
            progress("Writing the platform's rows", 0.8 * part.done)
            copy_rows(connection, part.table, [part.rows])
        for number, table in enumerate(source.sorted_tables):
            progress("Indexing them", 0.8 + 0.2 * number / len(source.tables))
            if table in bare:
                _index(connection, table)
            connection.execute(text(f"ANALYZE {table.name}"))
        connection.execute(text(f"COMMENT ON TABLE {users.name} IS '{MARK}'"))
    progress("The platform is ready", 1.0)


def is_loaded(engine: Engine) -> bool:
    """Whether there are users already, from here or from elsewhere."""
    with engine.connect() as connection:
        return inspect(connection).has_table(users.name) and _has_rows(connection, users)


def holds_rows(engine: Engine) -> bool:
    """Whether any source table has rows, from here or from elsewhere."""
    with engine.connect() as connection:
        present = set(inspect(connection).get_table_names())
        return any(table.name in present and _has_rows(connection, table) for table in source.tables.values())


def is_made_up(engine: Engine) -> bool:
    """Whether `load` has filled the database, and nothing was imported since."""
    with engine.connect() as connection:
        return _is_marked(connection)


def unmark(engine: Engine) -> None:
    """From now on the platform counts as real: rows from elsewhere have come."""
    with engine.begin() as connection:
        if _is_marked(connection):
            connection.execute(text(f"COMMENT ON TABLE {users.name} IS NULL"))


def _is_marked(connection: Connection) -> bool:
    comment = text("SELECT obj_description(to_regclass(:name), 'pg_class')")
    return bool(connection.execute(comment, {"name": users.name}).scalar() == MARK)


def featured_creator(connection: Connection) -> int:
    """A creator to show around with: among the tenth with most gifts, active lately, widely followed."""
    completed = (virtual_gifts.c.recipient_id == users.c.id) & (virtual_gifts.c.status == "completed")
    gifts = func.count(virtual_gifts.c.id)
    ranked = (
        select(
            users.c.id,
            func.percent_rank().over(order_by=gifts.desc()).label("place"),
            func.max(virtual_gifts.c.created_at).label("latest"),
        )
        .select_from(users.outerjoin(virtual_gifts, completed))
        .where(users.c.is_creator)
        .group_by(users.c.id)
        .subquery()
    )
    followed = (
        select(follows.c.creator_id, func.count().label("times")).group_by(follows.c.creator_id).subquery()
    )
    lately = select(func.max(virtual_gifts.c.created_at) - text("interval '7 days'")).scalar_subquery()
    best = connection.execute(
        select(ranked.c.id)
        .outerjoin(followed, followed.c.creator_id == ranked.c.id)
        .order_by(
            (ranked.c.place <= 0.1).desc(),
            func.coalesce(ranked.c.latest > lately, False).desc(),
            func.coalesce(followed.c.times, 0).desc(),
            ranked.c.place,
            ranked.c.id,
        )
        .limit(1)
    ).scalar()
    if best is None:
        raise UserError("there is no creator to show: load the demo's platform first")
    return int(best)


def _create_tables(connection: Connection) -> list[Table]:
    """Make the missing tables, without keys and indexes as rows go in faster that way; those made.

    A second loader waits here until the first is through, and is then refused.
    """
    connection.execute(select(func.pg_advisory_xact_lock(LOADERS_LOCK)))
    present = set(inspect(connection).get_table_names())
    for table in source.sorted_tables:
        if table.name in present and _has_rows(connection, table):
            raise UserError(f"the demo needs empty tables, but {table.name} has rows")
    missing = [table for table in source.sorted_tables if table.name not in present]
    for table in missing:
        connection.execute(CreateTable(table))
        connection.execute(text(f"ALTER TABLE {table.name} DROP CONSTRAINT {table.name}_pkey"))
    return missing


def _has_rows(connection: Connection, table: Table) -> bool:
    return bool(connection.execute(select(exists().select_from(table))).scalar())


def _index(connection: Connection, table: Table) -> None:
    connection.execute(text(f"ALTER TABLE {table.name} ADD PRIMARY KEY (id)"))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))
