"""Looks at a database before trouble comes: its version, our tables, the role, the platform's indexes."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from aggregation import migrations, triggers
from aggregation.roles import Fit, Purpose, examine
from aggregation.schema import REQUIRED_SOURCES, source

# PostgreSQL 14, as PostgreSQL counts.
OLDEST = 140_000


@dataclass(frozen=True)
class Diagnosis:
    """A line for each thing: `facts` are as they should be or can't be otherwise, `problems` aren't."""

    facts: tuple[str, ...]
    problems: tuple[str, ...]


def diagnose(connection: Connection, purpose: Purpose | None, *, one_role: bool = False) -> Diagnosis:
    """`purpose` None: any will do. `one_role`: the database is only ours, and has no other role."""
    version, number, role = connection.execute(SERVER).one()
    facts, problems = [f"PostgreSQL {version}"], []
    if number < OLDEST:
        problems.append(f"PostgreSQL {version} is too old: 14 or newer is needed")
    current, newest = migrations.current(connection), migrations.newest()
    if current == newest:
        facts.append(f"analytics tables at version {current}, the newest")
    else:
        problems.append(f"analytics tables at version {current}, not {newest}: run python run.py migrate")
    facts.append(f"role {role}")
    if one_role:
        facts.append("the embedded database has one role for everything")
    else:
        fitting, wrong = _fits(connection, role, purpose)
        facts += fitting
        problems += wrong
    facts, problems = [*facts, *_noting(connection)], [*problems, *_not_noting(connection)]
    return Diagnosis(tuple(facts), (*problems, *_sources(connection)))


def _fits(connection: Connection, role: str, purpose: Purpose | None) -> tuple[list[str], list[str]]:
    """What the role is good for; and where that is nothing, why."""
    fits = [examine(connection, each) for each in ([purpose] if purpose else Purpose)]
    exact = [f"{role} has what the {fit.purpose} needs, and no more" for fit in fits if fit.is_exact]
    return exact, [] if exact else [line for fit in fits for line in _lines(role, fit)]


def _lines(role: str, fit: Fit) -> list[str]:
    lacking = [f"{fit.purpose} needs more: {role} {line}" for line in fit.missing]
    return lacking + [f"{fit.purpose} needs less: {role} {line}" for line in fit.beyond]


def _noting(connection: Connection) -> list[str]:
    if triggers.are_anywhere(connection):
        return ["triggers note what changes on days that are over"]
    return ["no triggers on the platform's tables: the newest days are computed again each night"]


def _not_noting(connection: Connection) -> list[str]:
    """Once there are triggers, each table should have them."""
    without = triggers.unwatched(connection) if triggers.are_anywhere(connection) else []
    return [f"no triggers on {name}: run python run.py migrate --with-triggers again" for name in without]


def _sources(connection: Connection) -> list[str]:
    """What is missing of the platform's tables. An absent one that isn't required is no problem."""
    indexed: dict[str, set[str]] = {row.name: set(row.columns) for row in connection.execute(INDEXED)}
    absent = [name for name in REQUIRED_SOURCES if name not in indexed]
    wanted = [
        (table.name, index.columns[0].name)
        for table in source.tables.values()
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if table.name in indexed
    ]
    return [f"the platform's table {name} is not there" for name in absent] + [
        f"no index begins with {table}.{column}: each night reads the whole table; "
        f"CREATE INDEX ON {table} ({column})"
        for table, column in wanted
        if column not in indexed[table]
    ]


SERVER = text(
    "SELECT split_part(current_setting('server_version'), ' ', 1), "
    "current_setting('server_version_num')::int, current_user"
)
# The tables of the schema, and with which columns their B-trees begin.
INDEXED = text("""
    SELECT t.relname AS name, array_remove(array_agg(a.attname::text), NULL) AS columns
    FROM pg_class t
    LEFT JOIN (pg_index i JOIN pg_class x ON x.oid = i.indexrelid
               JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree')
           ON i.indrelid = t.oid AND i.indisvalid AND i.indpred IS NULL
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p', 'v', 'm', 'f')
    GROUP BY t.relname
""")
