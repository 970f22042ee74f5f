"""Sessions live in the database: a cookie is worth nothing after logout, on any web process.

Whoever changes an account's password or role, or disables it, deletes its sessions with it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, bindparam, delete, func, insert, or_, select, update

from aggregation import versions
from aggregation.schema import accounts, sessions
from dashboard_app.accounts import Account
from dashboard_app.protection import Protection

# Made once: it is asked on every request. The data's versions come along, which spares pages a question.
_SIGNED_IN = (
    select(
        accounts.c.id,
        accounts.c.name,
        accounts.c.role,
        accounts.c.creator_id,
        accounts.c.week_start,
        sessions.c.last_seen_at,
        versions.CURRENT.label("versions"),
    )
    .join_from(sessions, accounts, sessions.c.account_id == accounts.c.id)
    .where(
        sessions.c.token_hash == bindparam("token_hash"),
        sessions.c.created_at > bindparam("created_after"),
        sessions.c.last_seen_at > bindparam("seen_after"),
        accounts.c.disabled.is_(False),
    )
)


class Sessions:
    """Sessions on one engine. Times are aware, in UTC."""

    def __init__(self, engine: Engine, protection: Protection = Protection()) -> None:  # noqa: B008 - frozen
        self.engine = engine
        self._idle = protection.idle
        self._absolute = protection.absolute

    def open(self, account: Account, now: datetime) -> Account:
        """The account with a new session's token."""
        token = secrets.token_urlsafe(32)
        with self.engine.begin() as connection:
            connection.execute(
                insert(sessions).values(
                    token_hash=digest(token), account_id=account.id, created_at=now, last_seen_at=now
                )
            )
            connection.execute(update(accounts).where(accounts.c.id == account.id).values(last_login_at=now))
            expired = or_(
                sessions.c.created_at <= now - self._absolute, sessions.c.last_seen_at <= now - self._idle
            )
            connection.execute(delete(sessions).where(expired))
        return replace(account, session_token=token)

    def viewer(self, token: str, now: datetime, *, by_hand: bool = True) -> Account | None:
        """Whose session this is; None where it is unknown, ended, expired or the account disabled.

        Not `by_hand`: an open page asks by itself, which keeps no session from going idle.
        """
        asked = {
            "token_hash": digest(token),
            "created_after": now - self._absolute,
            "seen_after": now - self._idle,
        }
        with self.engine.connect() as connection:
            row = connection.execute(_SIGNED_IN, asked).one_or_none()
        if row is None:
            return None
        # Once a minute is precise enough for an idle limit of hours, and spares a write a request.
        if by_hand and now - row.last_seen_at > timedelta(minutes=1):
            self._seen(token, now)
        stated = versions.stated(row.versions)
        return Account(row.id, row.name, row.role, row.creator_id, token, stated, row.week_start)

    def _seen(self, token: str, now: datetime) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(sessions).where(sessions.c.token_hash == digest(token)).values(last_seen_at=now)
            )

    def close(self, token: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == digest(token)))

    def of(self, account_id: int, now: datetime) -> Sequence[Row[Any]]:
        """The account's live sessions, the last used first."""
        with self.engine.connect() as connection:
            return connection.execute(
                select(sessions)
                .where(sessions.c.account_id == account_id, *self._live(now))
                .order_by(sessions.c.last_seen_at.desc(), sessions.c.token_hash)
            ).all()

    def counts(self, account_ids: Sequence[int], now: datetime) -> dict[int, int]:
        """How many live sessions each of these accounts has; those without one are left out."""
        with self.engine.connect() as connection:
            return {
                row.account_id: row.live
                for row in connection.execute(
                    select(sessions.c.account_id, func.count().label("live"))
                    .where(sessions.c.account_id.in_(account_ids), *self._live(now))
                    .group_by(sessions.c.account_id)
                )
            }

    def close_others(self, account: Account) -> None:
        """End all of the account's sessions but the one that `account` was signed in by."""
        with self.engine.begin() as connection:
            connection.execute(
                delete(sessions).where(
                    sessions.c.account_id == account.id,
                    sessions.c.token_hash != digest(account.session_token),
                )
            )

    def _live(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        return sessions.c.created_at > now - self._absolute, sessions.c.last_seen_at > now - self._idle


def digest(token: str) -> str:
    """What is stored of a secret that is random enough not to be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()
