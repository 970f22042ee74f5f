"""Triggers on the platform's tables that note in source_changes what changes on days that are over.

One fires a statement, not a row, and an insert of the running day notes nothing. Nothing is locked that
others want: the log has no key that two writers could meet at. Whoever writes needs no privilege for it: the
functions run as their owner, to whom the log belongs.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from aggregation.changes import EVERYTHING_ONWARDS
from aggregation.coverage import BEFORE_ALL, absent_tables
from aggregation.database import LOCK_NOT_AVAILABLE
from aggregation.errors import UserError
from aggregation.jobs.events import EARLIEST, LATEST
from aggregation.ledger import Reason
from aggregation.schema import source, source_changes

PREFIX = "sparkboard_"
# So long a table's writers may be kept from going on; else it is for a calmer moment.
PATIENCE = timedelta(seconds=3)
# What happens, and the tables of rows that the trigger's function sees then.
EVENTS: Mapping[str, str] = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
    "TRUNCATE": "",
}
# A new kind of spark has not been sent before.
NOT_WATCHED = {("sparks", "INSERT")}

# What of a row counts, and when. What isn't among it may change without a word: counters, titles, names, and
# the followers of now, which change with each row of follows.
FACTS: Mapping[str, str] = {
    "users": """
        SELECT 'users' AS subject, id, NULL::boolean AS flag, created_at AS moment FROM {rows}
        UNION ALL SELECT 'creators', id, is_creator, created_at FROM {rows} WHERE is_creator""",
    "videos": "SELECT 'videos' AS subject, id, creator_id, created_at AS moment FROM {rows}",
    "sparks": "SELECT 'sparks' AS subject, id, credits, {earliest} AS moment FROM {rows}",
    "virtual_gifts": """
        SELECT 'virtual_gifts' AS subject, id, spark_id, sender_id, recipient_id, creator_share,
               platform_share, status, created_at AS moment
        FROM {rows}""",
    "user_sessions": """
        SELECT 'user_sessions' AS subject, id, user_id, duration_seconds, started_at AS moment FROM {rows}""",
    "video_watches": """
        SELECT 'video_watches' AS subject, id, user_id, video_id, watched_at AS moment FROM {rows}""",
    "video_interactions": """
        SELECT 'video_interactions' AS subject, id, user_id, video_id, kind, created_at AS moment
        FROM {rows}""",
    # Two events, of which each counts only where the other can be true, too.
    "follows": """
        SELECT 'follows' AS subject, id, follower_id, creator_id, 1 AS gain, created_at AS moment FROM {rows}
        WHERE unfollowed_at IS NULL OR (unfollowed_at >= {earliest} AND unfollowed_at < {latest})
        UNION ALL SELECT 'follows', id, follower_id, creator_id, -1, unfollowed_at FROM {rows}
        WHERE created_at >= {earliest} AND created_at < {latest}""",
    "transactions": """
        SELECT 'transactions' AS subject, id, source, amount, status, created_at AS moment FROM {rows}""",
}
REFUNDED = dict.fromkeys(("virtual_gifts", "transactions"), "is_new AND status::text = 'refunded'")

# By the clock of the statement, not of its transaction: what is noted must not depend on how long that runs.
FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today CONSTANT timestamp := CAST(clock_timestamp() AT TIME ZONE 'UTC' AS date);
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- Most are of the running day.
        PERFORM FROM ({new}) AS fact WHERE moment < today LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO {log} (subject, cause, day)
        SELECT DISTINCT subject, '{late}', CAST(moment AS date) FROM ({new}) AS fact
        WHERE moment >= {earliest} AND moment < today;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO {log} (subject, cause, day)
        SELECT subject, CASE WHEN bool_or({refunded}) THEN '{refund}' ELSE '{changed}' END,
               CAST(moment AS date)
        FROM (
            SELECT *, false AS is_new FROM (({old}) EXCEPT ({new})) AS only_old
            UNION ALL SELECT *, true FROM (({new}) EXCEPT ({old})) AS only_new
        ) AS fact
        WHERE moment >= {earliest} AND moment < today
        GROUP BY subject, CAST(moment AS date);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {log} (subject, cause, day)
        SELECT DISTINCT subject, '{deleted}', CAST(moment AS date) FROM ({old}) AS fact
        WHERE moment >= {earliest} AND moment < today;
    ELSE
        INSERT INTO {log} (subject, cause, day) VALUES ('{everything}', '{deleted}', DATE '{oldest}');
    END IF;
    RETURN NULL;
END $$"""


def install(engine: Engine) -> list[str]:
    """Put the triggers on each source table that is there; the names of these. May be repeated.

    Raises UserError where a table can't have them; those before it have them then.
    """
    with engine.connect() as connection:
        absent = absent_tables(connection)
    present = [name for name in source.tables if name not in absent]
    for name in present:
        with _changing(engine, name) as connection:
            _require_possible(connection, name)
            for statement in _making(connection, name):
                connection.execute(text(statement))
    return present


def remove(engine: Engine) -> list[str]:
    """Take the triggers away, and their functions; the names of the tables that had them."""
    with engine.connect() as connection:
        functions = connection.execute(FUNCTIONS, {"names": [PREFIX + name for name in source.tables]}).all()
    for name, function in functions:
        with _changing(engine, name) as connection:
            connection.execute(text(f"DROP FUNCTION {function}() CASCADE"))
    return [name for name, _ in functions]


def unwatched(connection: Connection) -> list[str]:
    """The names of the source tables that are there and whose changes aren't noted."""
    rows = connection.execute(WATCHED, {"names": list(source.tables), "like": f"{PREFIX}%"})
    return [name for name, count in rows if count < len(_events(name))]


def are_anywhere(connection: Connection) -> bool:
    """Whether the operator has asked for triggers."""
    present = frozenset(source.tables) - absent_tables(connection)
    return len(unwatched(connection)) < len(present)


def _events(name: str) -> list[str]:
    return [event for event in EVENTS if (name, event) not in NOT_WATCHED]


def _making(connection: Connection, name: str) -> list[str]:
    schema, log, owner = connection.execute(OURS, {"log": source_changes.name}).one()
    limits = {"earliest": str(EARLIEST), "latest": str(LATEST)}
    facts = _facts(connection, name)
    function = f"{schema}.{PREFIX}{name}"
    made = FUNCTION.format(
        function=function,
        log=log,
        old=facts.format(rows="old_rows", **limits),
        new=facts.format(rows="new_rows", **limits),
        refunded=REFUNDED.get(name, "false"),
        late=Reason.LATE,
        refund=Reason.REFUND,
        changed=Reason.CHANGED,
        deleted=Reason.DELETED,
        everything=EVERYTHING_ONWARDS,
        oldest=BEFORE_ALL,
        **limits,
    )
    return [
        made,
        f"ALTER FUNCTION {function}() OWNER TO {owner}",
        f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC",
        *(
            f"CREATE OR REPLACE TRIGGER {PREFIX}{event.lower()} AFTER {event} ON {name} {EVENTS[event]}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            for event in _events(name)
        ),
    ]


def _facts(connection: Connection, name: str) -> str:
    """With times in UTC, whatever the session's time zone."""
    facts = FACTS[name]
    for column in connection.execute(ZONED, {"name": name}).scalars():
        facts = re.sub(rf"\b{column}\b", f"({column} AT TIME ZONE 'UTC')", facts)
    return facts


def _require_possible(connection: Connection, name: str) -> None:
    kind, owned, fed = connection.execute(TABLE, {"name": name}).one()
    if kind not in ("r", "p"):
        raise UserError(f"{name} is not a table of this database, and can't have triggers")
    if fed:
        raise UserError(f"{name} is filled by a subscription, which fires no triggers")
    if not owned:
        raise UserError(f"{name} belongs to another role: give the DATABASE_URL of its owner")
    facts = _facts(connection, name).format(rows=name, earliest=str(EARLIEST), latest=str(LATEST))
    try:
        # What a trigger can't do would stop the platform's own writers.
        connection.execute(text(f"SELECT * FROM (({facts}) EXCEPT ({facts})) AS fact LIMIT 0"))  # noqa: S608
    except ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise UserError(f"{name} can't have triggers: {reason}") from None


@contextmanager
def _changing(engine: Engine, name: str) -> Iterator[Connection]:
    """A transaction that gives way where the table's writers would have to wait."""
    limit = f"{PATIENCE // timedelta(milliseconds=1)}ms"
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": limit})
            yield connection
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
            raise
        raise UserError(f"{name} is in use by a long transaction; try again later") from None


OURS = text("""
    SELECT quote_ident(current_schema()), quote_ident(current_schema()) || '.' || quote_ident(relname),
           CAST(CAST(relowner AS regrole) AS text)
    FROM pg_class WHERE oid = CAST(:log AS regclass)
""")
TABLE = text("""
    SELECT relkind, pg_has_role(relowner, 'USAGE'),
           EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = pg_class.oid)
    FROM pg_class WHERE oid = CAST(:name AS regclass)
""")
ZONED = text("""
    SELECT attname FROM pg_attribute
    WHERE attrelid = CAST(:name AS regclass) AND atttypid = CAST('timestamptz' AS regtype)
      AND attname IN ('created_at', 'started_at', 'watched_at', 'unfollowed_at')
""")
# Enabled ones, a row a table.
WATCHED = text("""
    SELECT c.relname, count(t.oid) FROM pg_class c
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname LIKE :like AND t.tgenabled IN ('O', 'A')
    WHERE c.oid IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)
    GROUP BY c.relname ORDER BY c.relname
""")
FUNCTIONS = text("""
    SELECT substr(proname, length('sparkboard_') + 1), CAST(oid AS regproc) FROM pg_proc
    WHERE pronamespace = CAST(current_schema() AS regnamespace) AND proname = ANY(:names)
      AND prorettype = 'trigger'::regtype
    ORDER BY 1
""")
