"""What is kept for a limited time only."""

from datetime import timedelta

from sqlalchemy import Engine, delete, func

from aggregation.restatements import KEPT
from aggregation.schema import audit_log, page_visits, restatements

AUDIT_KEPT = timedelta(days=400)
VISITS_KEPT = timedelta(days=400)


def forget_old_entries(engine: Engine) -> int:
    """Remove entries of the audit log and visits of pages that are older than is kept; their number.

    And restatements of a time that nobody can ask for any more. By the database's clock, which wrote their
    times: one that is wrong elsewhere removes nothing.
    """
    with engine.begin() as connection:
        connection.execute(delete(restatements).where(restatements.c.restated_at < func.now() - KEPT))
        old = delete(audit_log).where(audit_log.c.at < func.now() - AUDIT_KEPT)
        unused = delete(page_visits).where(page_visits.c.day < func.current_date() - VISITS_KEPT.days)
        return connection.execute(old).rowcount + connection.execute(unused).rowcount
