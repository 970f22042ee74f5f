"""Who did what: logins, refusals, what admins change, what is taken out."""

from collections.abc import Sequence
from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import Engine, Row, insert, select

from aggregation.schema import audit_log


class Audit:
    """The log on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def record(self, action: str, actor: str | None, subject: str | None = None) -> None:
        """`action` is a word such as "login"; `subject` whom or what it is about. No secrets."""
        row: dict[str, str | None] = {"action": action, "actor": actor, "subject": subject}
        if has_request_context():
            row |= {"address": request.remote_addr, "request_id": g.get("request_id")}
        with self.engine.begin() as connection:
            connection.execute(insert(audit_log).values(row))

    def newest(self, limit: int) -> Sequence[Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)).all()
