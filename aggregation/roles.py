"""Who needs what in the database: one role for each process, with no more than it needs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, text

from aggregation.migrations import VERSION_TABLE
from aggregation.partitions import is_by_month
from aggregation.schema import analytics, audit_log, job_requests, page_visits, source

Privileges = frozenset[str]

READ: Privileges = frozenset({"SELECT"})
ADD: Privileges = READ | {"INSERT"}
REMOVE: Privileges = READ | {"DELETE"}
WRITE: Privileges = ADD | {"UPDATE", "DELETE"}
NOTHING: Privileges = frozenset()
# In the order in which they are shown.
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")

# Of people and programs that sign in; all other tables of ours hold numbers.
ACCESS = tuple(name for name in analytics.tables if name.startswith("dashboard_") or name == page_visits.name)
NUMBERS = tuple(name for name in analytics.tables if name not in ACCESS)
OURS = (*NUMBERS, *ACCESS, VERSION_TABLE)


# Only a table's owner can add a month to it: the worker does, with the first rows of that month.
MONTHLY = tuple(table.name for table in analytics.tables.values() if is_by_month(table))


class Purpose(StrEnum):
    """What a role is for; the commands that may use it are in docs/ROLES.md."""

    WEB = "web"
    WORKER = "worker"
    MIGRATOR = "migrator"


def needed(purpose: Purpose) -> Mapping[str, Privileges]:
    """By table; the source's are needed on the columns of `aggregation.schema` only."""
    match purpose:
        case Purpose.WEB:
            read = dict.fromkeys((*NUMBERS, VERSION_TABLE), READ)
            # What has been done can't be undone: the log only grows.
            # It asks the worker, and computes nothing itself.
            added = dict.fromkeys((audit_log.name, page_visits.name, job_requests.name), ADD)
            return read | dict.fromkeys(ACCESS, WRITE) | added
        case Purpose.WORKER:
            written = dict.fromkeys(NUMBERS, WRITE)
            # Old entries are removed by whom the log isn't about, and who can't write any.
            written |= {VERSION_TABLE: READ, audit_log.name: REMOVE, page_visits.name: REMOVE}
            return written | dict.fromkeys(source.tables, READ)
        case Purpose.MIGRATOR:
            return dict.fromkeys(OURS, WRITE)


def owned(purpose: Purpose) -> frozenset[str]:
    """The tables that it has to own."""
    return frozenset({Purpose.WEB: (), Purpose.WORKER: MONTHLY, Purpose.MIGRATOR: OURS}[purpose])


# ---- what a role may do ----


@dataclass(frozen=True)
class Fit:
    """How the connection's role fits a purpose: a line for each thing that is missing or beyond need."""

    purpose: Purpose
    missing: tuple[str, ...]
    beyond: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        return not self.missing and not self.beyond


@dataclass(frozen=True)
class _Held:
    owns: bool
    privileges: Privileges


def examine(connection: Connection, purpose: Purpose) -> Fit:
    """Reads catalogs only, and so needs no privilege itself."""
    powers = connection.execute(POWERS).mappings().one()
    if powers["is a superuser: it may do anything"]:
        return Fit(purpose, (), ("is a superuser: it may do anything",))
    held = {row.name: _Held(row.owned, _privileges(row._mapping)) for row in connection.execute(HELD)}
    creates = connection.execute(CREATES).scalar_one()
    missing, beyond = _compared(held, purpose)
    if purpose is Purpose.WEB and creates:
        beyond.append("may make tables in this schema")
    if purpose is not Purpose.WEB and not creates:
        missing.append("may not make tables in this schema")
    if purpose is Purpose.WORKER:
        unread, private = _source_columns(connection)
        missing += [f"may not SELECT {column}" for column in unread]
        beyond += [f"may SELECT {', '.join(private)}"] if private else []
    return Fit(purpose, tuple(missing), (*(power for power, has in powers.items() if has), *beyond))


def _privileges(row: Mapping[Any, Any]) -> Privileges:
    return frozenset(name for name in PRIVILEGES if row[name])


def _compared(held: Mapping[str, _Held], purpose: Purpose) -> tuple[list[str], list[str]]:
    needs, owns = needed(purpose), owned(purpose)
    lacking = {name: needs.get(name, NOTHING) - table.privileges for name, table in held.items()}
    # An owner's privileges go without saying.
    extra = {
        name: table.privileges - needs.get(name, NOTHING) for name, table in held.items() if not table.owns
    }
    foreign = sorted(name for name, table in held.items() if table.owns and name not in owns)
    unowned = sorted(name for name in owns if name in held and not held[name].owns)
    missing = [*_lines("may not", lacking), *([f"does not own {', '.join(unowned)}"] if unowned else [])]
    beyond = [*([f"owns {', '.join(foreign)}"] if foreign else []), *_lines("may", extra)]
    return missing, beyond


def _source_columns(connection: Connection) -> tuple[list[str], list[str]]:
    """Of the platform's tables that the role reads: columns that it can't and should, and the reverse."""
    rows = connection.execute(READABLE, {"names": list(source.tables)}).all()
    read = {table for table, _, readable in rows if readable}
    ours = {(table.name, column.name) for table in source.tables.values() for column in table.c}
    unread = [f"{table}.{name}" for table, name, readable in rows if (table, name) in ours and not readable]
    private = [f"{table}.{name}" for table, name, readable in rows if (table, name) not in ours and readable]
    return [column for column in unread if column.partition(".")[0] in read], private


def _lines(may: str, tables: Mapping[str, Privileges]) -> Iterator[str]:
    """A line for each set of privileges: may SELECT, INSERT on a, b."""
    alike: defaultdict[Privileges, list[str]] = defaultdict(list)
    for name, privileges in sorted(tables.items()):
        if privileges:
            alike[privileges].append(name)
    for privileges, names in alike.items():
        yield f"{may} {in_order(privileges)} on {', '.join(names)}"


def in_order(privileges: Privileges) -> str:
    """As SQL writes them."""
    return ", ".join(name for name in PRIVILEGES if name in privileges)


POWERS = text("""
    SELECT r.rolsuper AS "is a superuser: it may do anything",
           r.rolcreaterole AS "may make roles",
           r.rolcreatedb AS "may make databases",
           r.rolreplication AS "may replicate the whole server",
           r.rolbypassrls AS "passes by row-level security",
           pg_has_role('pg_execute_server_program', 'USAGE') AS "may run programs on the server",
           pg_has_role('pg_read_server_files', 'USAGE') AS "may read files of the server",
           pg_has_role('pg_write_server_files', 'USAGE') AS "may write files of the server",
           has_database_privilege(current_database(), 'CREATE') AS "may make schemas in this database"
    FROM pg_roles r WHERE r.rolname = current_user
""")
CREATES = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
# Parts of a table are reached through it.
HELD = text("""
    SELECT c.relname AS name, pg_has_role(c.relowner, 'USAGE') AS owned,
           has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') AS "SELECT",
           has_table_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'INSERT') AS "INSERT",
           has_table_privilege(c.oid, 'UPDATE') OR has_any_column_privilege(c.oid, 'UPDATE') AS "UPDATE",
           has_table_privilege(c.oid, 'DELETE') AS "DELETE",
           has_table_privilege(c.oid, 'TRUNCATE') AS "TRUNCATE"
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND NOT c.relispartition
""")


READABLE = text("""
    SELECT c.relname, a.attname, has_column_privilege(c.oid, a.attnum, 'SELECT')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(:names)
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
""")


# ---- making the roles ----


def grants(connection: Connection, prefix: str = "sparkboard") -> str:
    """SQL that makes the roles of this database and gives each what it needs. May be run again.

    For a superuser, or whoever owns all these tables and may make roles. What isn't there yet is left
    out: run it again after `migrate`.
    """
    return "\n".join((*ABOUT, *_Script(connection, prefix).lines())) + "\n"


ABOUT = (
    "-- One role for each process of Sparkboard, with no more than it needs: see docs/ROLES.md.",
    "-- Written by `python run.py doctor --grants` for the tables of this database; may be run again.",
    "-- Give each role that signs in a password of its own: \\password sparkboard_web",
)


class _Script:
    def __init__(self, connection: Connection, prefix: str) -> None:
        self._quote = connection.dialect.identifier_preparer.quote
        self._roles = {purpose: self._quote(f"{prefix}_{purpose}") for purpose in Purpose}
        # Signs in nowhere; the worker and the migrator belong to it.
        self._months = self._quote(f"{prefix}_partitions")
        self._database, self._schema = (
            self._quote(name)
            for name in connection.execute(text("SELECT current_database(), current_schema()")).one()
        )
        known = connection.execute(text("SELECT rolname FROM pg_roles")).scalars()
        self._existing = {self._quote(name) for name in known}
        columns = connection.execute(COLUMNS)
        self._columns: defaultdict[str, set[str]] = defaultdict(set)
        for table, column in columns:
            self._columns[table].add(column)
        self._partitions = connection.execute(PARTITIONS, {"names": list(MONTHLY)}).scalars().all()

    def lines(self) -> Iterator[str]:
        yield from self._making()
        for name in (each for each in OURS if each in self._columns):
            yield from self._ours(name)
        for name in self._partitions:
            yield f"ALTER TABLE {self._quote(name)} OWNER TO {self._months};"
        for table in (each for each in source.tables.values() if each.name in self._columns):
            yield from self._sources(table)

    def _making(self) -> Iterator[str]:
        signing_in = tuple(self._roles.values())
        yield from (f"CREATE ROLE {role} LOGIN;" for role in signing_in if role not in self._existing)
        if self._months not in self._existing:
            yield f"CREATE ROLE {self._months} NOLOGIN;"
        worker, migrator = self._roles[Purpose.WORKER], self._roles[Purpose.MIGRATOR]
        everyone = ", ".join((*signing_in, self._months))
        yield f"GRANT {self._months} TO {worker}, {migrator};"
        yield f"GRANT CONNECT ON DATABASE {self._database} TO {everyone};"
        yield f"GRANT USAGE ON SCHEMA {self._schema} TO {everyone};"
        yield f"GRANT CREATE ON SCHEMA {self._schema} TO {migrator}, {self._months};"

    def _ours(self, name: str) -> Iterator[str]:
        owner = self._months if name in MONTHLY else self._roles[Purpose.MIGRATOR]
        others = {purpose: self._roles[purpose] for purpose in (Purpose.WEB, Purpose.WORKER)}
        table = self._quote(name)
        yield ""
        yield f"ALTER TABLE {table} OWNER TO {owner};"
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {', '.join(others.values())};"
        for purpose, role in others.items():
            privileges = needed(purpose).get(name, NOTHING)
            if privileges and name not in owned(purpose):
                yield f"GRANT {in_order(privileges)} ON {table} TO {role};"

    def _sources(self, table: Table) -> Iterator[str]:
        """Column by column: a table of users has more in it than concerns us."""
        columns = self._listed(column.name for column in table.c if column.name in self._columns[table.name])
        name = self._quote(table.name)
        yield ""
        yield f"REVOKE ALL ON {name} FROM {self._listed_roles()};"
        yield f"GRANT SELECT ({columns}) ON {name} TO {self._roles[Purpose.WORKER]};"

    def _listed(self, names: Iterable[str]) -> str:
        return ", ".join(map(self._quote, names))

    def _listed_roles(self) -> str:
        return ", ".join(self._roles.values())


COLUMNS = text("""
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
""")
PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_class t ON t.oid = i.inhparent
    WHERE t.relname = ANY(:names) AND t.relnamespace = current_schema()::regnamespace ORDER BY 1
""")
