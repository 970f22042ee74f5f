"""Accounts and their sessions. Sessions live in the database: a cookie is worth nothing after logout."""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregation.errors import UsageError, UserError
from aggregation.schema import ROLES, accounts, sessions

MIN_PASSWORD = 8
MAX_PASSWORD = 1024
IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(hours=24)

# OWASP's parameters for Argon2id: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked against where the name is unknown, so that both cases take the same time.
_DECOY = _hasher.hash(secrets.token_urlsafe(16))

# Made once: it is asked on every request.
_SIGNED_IN = (
    select(accounts.c.id, accounts.c.name, accounts.c.role, accounts.c.creator_id, sessions.c.last_seen_at)
    .join_from(sessions, accounts, sessions.c.account_id == accounts.c.id)
    .where(
        sessions.c.token_hash == bindparam("token_hash"),
        sessions.c.created_at > bindparam("created_after"),
        sessions.c.last_seen_at > bindparam("seen_after"),
        accounts.c.disabled.is_(False),
    )
)


@dataclass(frozen=True)
class Account:
    """The person signed in. `session_token` is the secret in the cookie; only its hash is stored."""

    id: int
    name: str
    role: str
    creator_id: int | None
    session_token: str = ""

    # What Flask-Login asks for.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.session_token


class Accounts:
    """Accounts on one engine. Times are aware, in UTC."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # ---- administration ----

    def add(self, name: str, role: str, password: str, creator_id: int | None = None) -> int:
        """The new account's id. Raises UserError where something isn't allowed."""
        name = name.strip()
        require_possible(name, role, creator_id)
        row = {"name": name, "role": role, "creator_id": creator_id, "password_hash": hashed(password)}
        try:
            with self.engine.begin() as connection:
                return int(
                    connection.execute(insert(accounts).values(row).returning(accounts.c.id)).scalar_one()
                )
        except IntegrityError:
            raise UserError(f"there is already an account named {name!r}") from None

    def all(self) -> list[Row[Any]]:
        columns = (c for c in accounts.c if c.name != "password_hash")
        with self.engine.connect() as connection:
            return list(connection.execute(select(*columns).order_by(func.lower(accounts.c.name))))

    def set_password(self, name: str, password: str) -> None:
        """Also ends the account's sessions."""
        self._change(name, {"password_hash": hashed(password)})

    def disable(self, name: str) -> None:
        """Also ends the account's sessions."""
        self._change(name, {"disabled": True})

    def _change(self, name: str, values: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            changed = connection.execute(
                update(accounts).where(_named(name)).values(values).returning(accounts.c.id)
            ).scalar_one_or_none()
            if changed is None:
                raise UserError(f"there is no account named {name!r}; see: python run.py users list")
            connection.execute(delete(sessions).where(sessions.c.account_id == changed))

    # ---- signing in and out ----

    def sign_in(self, name: str, password: str, now: datetime) -> Account | None:
        """A new session, or None: for an unknown name, a wrong password and a disabled account alike."""
        with self.engine.begin() as connection:
            row = connection.execute(select(accounts).where(_named(name))).one_or_none()
        if not _matches(row.password_hash if row else _DECOY, password) or row is None or row.disabled:
            return None
        token = secrets.token_urlsafe(32)
        with self.engine.begin() as connection:
            connection.execute(
                insert(sessions).values(
                    token_hash=_digest(token), account_id=row.id, created_at=now, last_seen_at=now
                )
            )
            connection.execute(update(accounts).where(accounts.c.id == row.id).values(last_login_at=now))
            connection.execute(delete(sessions).where(sessions.c.created_at < now - ABSOLUTE))
        return Account(row.id, row.name, row.role, row.creator_id, token)

    def signed_in(self, token: str, now: datetime) -> Account | None:
        """Whose session this is; None where it is unknown, ended, expired or the account disabled."""
        asked = {
            "token_hash": _digest(token),
            "created_after": now - ABSOLUTE,
            "seen_after": now - IDLE,
        }
        with self.engine.connect() as connection:
            row = connection.execute(_SIGNED_IN, asked).one_or_none()
        if row is None:
            return None
        # Once a minute is precise enough for an idle limit of hours, and spares a write a request.
        if now - row.last_seen_at > timedelta(minutes=1):
            self._seen(token, now)
        return Account(row.id, row.name, row.role, row.creator_id, token)

    def _seen(self, token: str, now: datetime) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                update(sessions).where(sessions.c.token_hash == _digest(token)).values(last_seen_at=now)
            )

    def sign_out(self, token: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == _digest(token)))


def require_possible(name: str, role: str, creator_id: int | None) -> None:
    """Raises UsageError or UserError for an account that cannot be."""
    if role not in ROLES:
        raise UsageError(f"unknown role {role!r}; allowed: {', '.join(ROLES)}")
    if (role == "creator") != (creator_id is not None):
        raise UsageError("a creator's account needs --creator-id; the other roles must not have one")
    name = name.strip()
    if not name or len(name) > 100:
        raise UserError("an account's name has 1 to 100 characters")
    # Control characters, halves of characters, breaks of lines and of paragraphs.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise UserError(f"an account's name has no control characters, unlike {name!r}")


def hashed(password: str) -> str:
    """The Argon2id hash. Raises UserError for a password that is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UserError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


def _named(name: str) -> Any:
    return func.lower(accounts.c.name) == name.strip().lower()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
