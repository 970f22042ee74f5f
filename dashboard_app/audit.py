"""Who did what: logins, refusals, what admins change, what is taken out."""

from collections.abc import Sequence
from typing import Any

from flask import has_request_context, request
from limits import RateLimitItemPerHour
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine, Row, func, insert, select

from aggregation.days import utc_now
from aggregation.schema import accounts, audit_log
from dashboard_app.counters import Counters
from dashboard_app.logs import request_id
from dashboard_app.proxies import household

# Of one kind from one person or address: nobody fills the log by asking for what is refused.
REFUSALS = RateLimitItemPerHour(60, namespace="audit")
LONGEST_SUBJECT = 200


class Audit:
    """The log on one engine. Subjects are whom or what it is about; no secrets."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._limiter = FixedWindowRateLimiter(Counters(engine, utc_now))

    def record(self, action: str, actor: str | None, subject: str | None = None) -> None:
        """`action` is a word or two such as "login"."""
        self._write(action, actor, subject)

    def failed_login(self, name: str) -> None:
        """The name is written down only if there is such an account: people type passwords there, too."""
        known = select(accounts.c.name).where(func.lower(accounts.c.name) == name.strip().lower())
        self._write("login failed", None, known.scalar_subquery())

    def refusal(self, action: str, actor: str | None, subject: str | None = None) -> None:
        """Like `record`, for what anybody can make happen as often as they like."""
        who = actor or (household(request.remote_addr or "") if has_request_context() else "")
        if self._limiter.hit(REFUSALS, action, who):
            self._write(action, actor, subject)

    def _write(self, action: str, actor: str | None, subject: Any) -> None:
        if isinstance(subject, str):
            subject = subject.replace("\0", "")[:LONGEST_SUBJECT]
        row = {"action": action, "actor": actor, "subject": subject, "request_id": request_id.get()}
        if has_request_context():
            row["address"] = request.remote_addr
        with self.engine.begin() as connection:
            connection.execute(insert(audit_log).values(row))

    def newest(self, limit: int) -> Sequence[Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)).all()
