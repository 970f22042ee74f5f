"""Accounts: who may sign in, and as what."""

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregation.errors import UsageError, UserError
from aggregation.schema import ROLES, accounts, sessions

MIN_PASSWORD = 8
MAX_PASSWORD = 1024

# OWASP's parameters for Argon2id: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked against where the name is unknown, so that both cases take the same time.
_DECOY = _hasher.hash(secrets.token_urlsafe(16))


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

    # ---- signing in ----

    def verified(self, name: str, password: str) -> Account | None:
        """Whose name and password these are.

        None for an unknown name, a wrong password and a disabled account: all three take the same time.
        """
        with self.engine.begin() as connection:
            row = connection.execute(select(accounts).where(_named(name))).one_or_none()
        if not _matches(row.password_hash if row else _DECOY, password) or row is None or row.disabled:
            return None
        return Account(row.id, row.name, row.role, row.creator_id)


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
