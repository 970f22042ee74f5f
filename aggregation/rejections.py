"""The source rows that can't be true, by reason. No number has them in it, so they are counted here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from aggregation.schema import GIFT_STATUSES, INTERACTION_KINDS, TRANSACTION_STATUSES


@dataclass(frozen=True)
class Rejected:
    table: str
    reason: str
    rows: int


def rejected(
    connection: Connection, first: date, last: date, missing: Collection[str] = ()
) -> list[Rejected]:
    """Counts for these days (inclusive), and for rows whose time says no day at all.

    A row counts once, for the first reason. Pending, failed and refunded gifts are no poison.
    """
    found = []
    for table, moment, reasons in REASONS:
        if table not in missing:
            counts = connection.execute(text(_query(table, moment, reasons)), {"first": first, "last": last})
            found += [Rejected(table, reason, rows) for reason, rows in counts]
    return found


def _query(table: str, moment: str | None, reasons: dict[str, str | None]) -> str:
    cases = " ".join(
        f"WHEN {condition} THEN {_quoted(reason) if reason else 'NULL'}"
        for condition, reason in reasons.items()
    )
    days = (
        f"(({moment} >= CAST(:first AS date) AND {moment} < CAST(:last AS date) + 1) OR {_no_day(moment)})"
        if moment
        else "CAST(:first AS date) <= CAST(:last AS date)"
    )
    judged = f"SELECT CASE {cases} END AS reason FROM {table} WHERE {days}"  # noqa: S608
    return f"SELECT reason, count(*) FROM ({judged}) AS j WHERE reason IS NOT NULL GROUP BY 1 ORDER BY 1"  # noqa: S608


def _quoted(word: str) -> str:
    return f"'{word}'"


def _one_of(column: str, words: Collection[str]) -> str:
    return f"coalesce({column}::text, '') IN ({', '.join(map(_quoted, words))})"


def _no_day(moment: str) -> str:
    return f"{moment} IS NULL OR {moment} < '1970-01-01' OR {moment} >= '9999-01-01'"


def _amount(column: str, name: str) -> dict[str, str | None]:
    return {
        f"{column} IS NULL": f"null {name}",
        f"{column}::text IN ('NaN', 'Infinity', '-Infinity')": f"NaN or infinite {name}",
        f"{column} < 0": f"negative {name}",
        f"{column} > 9999999999.99": f"{name} too large",
    }


NO_TIME = "no time, or one at infinity"
REASONS: tuple[tuple[str, str | None, dict[str, str | None]], ...] = (
    ("users", "created_at", {_no_day("created_at"): NO_TIME}),
    ("sparks", None, {"NOT coalesce(credits >= 0 AND credits <= 2147483647, false)": "impossible price"}),
    (
        "virtual_gifts",
        "created_at",
        {
            f"NOT {_one_of('status', GIFT_STATUSES)}": "unknown status",
            "status::text <> 'completed'": None,
            "num_nulls(spark_id, sender_id, recipient_id) > 0": "null id",
            _no_day("created_at"): NO_TIME,
        }
        | _amount("creator_share", "share")
        | _amount("platform_share", "share"),
    ),
    (
        "user_sessions",
        "started_at",
        {
            "user_id IS NULL": "null id",
            _no_day("started_at"): NO_TIME,
            "duration_seconds < 0": "negative duration",
            "duration_seconds > 2147483647": "NaN or infinite duration",
        },
    ),
    (
        "video_watches",
        "watched_at",
        {"num_nulls(user_id, video_id) > 0": "null id", _no_day("watched_at"): NO_TIME},
    ),
    (
        "video_interactions",
        "created_at",
        {
            "num_nulls(user_id, video_id) > 0": "null id",
            f"NOT {_one_of('kind', INTERACTION_KINDS)}": "unknown kind",
            _no_day("created_at"): NO_TIME,
        },
    ),
    (
        "follows",
        "created_at",
        {
            "num_nulls(follower_id, creator_id) > 0": "null id",
            _no_day("created_at"): NO_TIME,
            f"unfollowed_at IS NOT NULL AND ({_no_day('unfollowed_at')})": NO_TIME,
        },
    ),
    (
        "transactions",
        "created_at",
        {
            f"NOT {_one_of('status', TRANSACTION_STATUSES)}": "unknown status",
            "status::text <> 'completed'": None,
            "source IS NULL": "no source",
            "source::text = 'gifts'": "gifts have their own ledger",
            _no_day("created_at"): NO_TIME,
        }
        | _amount("amount", "amount"),
    ),
)
