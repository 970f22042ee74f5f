"""Tokens: secrets with which programs ask the API in an account's name."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, bindparam, delete, func, insert, select, update

from aggregation.errors import UserError
from aggregation.schema import accounts, api_tokens
from dashboard_app.accounts import Account, clean, require_printable
from dashboard_app.sessions import digest

# Lets people, and programs that look for secrets in the wrong places, tell what it is.
PREFIX = "spark_"
DEFAULT_DAYS = 90
MAX_DAYS = 365
MAX_TOKENS = 50

# Everything but the hash, which nobody needs to see.
_SHOWN = [column for column in api_tokens.c if column.name != "token_hash"]
# Made once: it is asked on every request by token. What an account may is looked up each time.
_BEARER = (
    select(
        accounts.c.id,
        accounts.c.name,
        accounts.c.role,
        accounts.c.creator_id,
        api_tokens.c.id.label("token_id"),
        api_tokens.c.last_used_at,
    )
    .join_from(api_tokens, accounts, api_tokens.c.account_id == accounts.c.id)
    .where(
        api_tokens.c.token_hash == bindparam("token_hash"),
        api_tokens.c.expires_at > bindparam("now"),
        accounts.c.disabled.is_(False),
    )
)


class Tokens:
    """Tokens on one engine. Times are aware, in UTC."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def make(self, account: Account, name: str, expires_at: datetime, now: datetime) -> tuple[int, str]:
        """(id, secret); the secret is not kept. Raises UserError where something isn't allowed."""
        name = clean(name)
        require_printable(name, "a token's name")
        if not now < expires_at <= now + timedelta(days=MAX_DAYS):
            raise UserError(f"a token expires within {MAX_DAYS} days")
        secret = PREFIX + secrets.token_urlsafe(32)
        row = {"account_id": account.id, "name": name, "token_hash": digest(secret)}
        row |= {"created_at": now, "expires_at": expires_at}
        own = api_tokens.c.account_id == account.id
        with self.engine.begin() as connection:
            # One at a time for an account, so that its names stay unique and its tokens few.
            connection.execute(select(accounts.c.id).where(accounts.c.id == account.id).with_for_update())
            names = connection.execute(select(api_tokens.c.name).where(own)).scalars().all()
            if name in names:
                raise UserError(f"you already have a token named {name!r}")
            if len(names) >= MAX_TOKENS:
                raise UserError(f"{MAX_TOKENS} tokens are the most; revoke one first")
            made = connection.execute(insert(api_tokens).values(row).returning(api_tokens.c.id))
            return int(made.scalar_one()), secret

    def list(self, account: Account) -> Sequence[Row[Any]]:
        """The newest first, expired ones included."""
        own = select(*_SHOWN).where(api_tokens.c.account_id == account.id).order_by(api_tokens.c.id.desc())
        with self.engine.connect() as connection:
            return connection.execute(own).all()

    def revoke(self, account: Account, number: int) -> str | None:
        """The token's name; None where the account has no such token."""
        own = (api_tokens.c.id == number) & (api_tokens.c.account_id == account.id)
        with self.engine.begin() as connection:
            return connection.execute(
                delete(api_tokens).where(own).returning(api_tokens.c.name)
            ).scalar_one_or_none()

    def bearer(self, secret: str, now: datetime) -> Account | None:
        """Whose token this is; None where it is unknown, expired, revoked or the account disabled."""
        with self.engine.connect() as connection:
            row = connection.execute(_BEARER, {"token_hash": digest(secret), "now": now}).one_or_none()
        if row is None:
            return None
        # Precise enough to tell whether it is still in use, and spares a write a request.
        if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
            self._used(row.token_id, now)
        return Account(row.id, row.name, row.role, row.creator_id)

    def _used(self, number: int, now: datetime) -> None:
        latest = func.greatest(api_tokens.c.last_used_at, now)
        with self.engine.begin() as connection:
            connection.execute(
                update(api_tokens).where(api_tokens.c.id == number).values(last_used_at=latest)
            )
