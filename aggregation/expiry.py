"""What is kept for a limited time only."""

from datetime import timedelta

from sqlalchemy import Engine, delete, func

from aggregation.restatements import KEPT
from aggregation.schema import audit_log, restatements

AUDIT_KEPT = timedelta(days=400)


def forget_old_entries(engine: Engine) -> int:
    """Remove what the audit log has kept for longer than AUDIT_KEPT; the number of entries.

    And restatements of a time that nobody can ask for any more. By the database's clock, which wrote their
    times: one that is wrong elsewhere removes nothing.
    """
    with engine.begin() as connection:
        connection.execute(delete(restatements).where(restatements.c.restated_at < func.now() - KEPT))
        old = delete(audit_log).where(audit_log.c.at < func.now() - AUDIT_KEPT)
        return connection.execute(old).rowcount
