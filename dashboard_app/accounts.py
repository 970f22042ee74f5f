"""Accounts: who may sign in, and as what."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregation.days import WEEK_STARTS
from aggregation.errors import UsageError, UserError
from aggregation.schema import ROLES, accounts, api_tokens, sessions
from aggregation.versions import Versions
from dashboard_app import passwords

MAX_NAME = 100
MAX_PASSWORD = passwords.MAX_LENGTH
# Printed for everyone who starts the demo, and good for nothing else.
DEMO_PASSWORD = "sparkboard-demo"  # noqa: S105

# Everything but the hash, which nobody needs to see.
_SHOWN = [column for column in accounts.c if column.name != "password_hash"]


@dataclass(frozen=True)
class Account:
    """The person signed in. `session_token` is the secret in the cookie; only its hash is stored.

    `versions`: the data's, when the session was checked.
    """

    id: int
    name: str
    role: str
    creator_id: int | None
    session_token: str = ""
    versions: Versions | None = None
    # The weekday with which weeks begin for this person; 0 is Monday.
    week_start: int = 0

    # What Flask-Login asks for.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.session_token


class Accounts:
    """Accounts on one engine. Times are aware, in UTC.

    A new password, a new role and disabling end the account's sessions and revoke its tokens: what
    was obtained under the old ones is worth nothing. The last active admin stays one.
    """

    def __init__(self, engine: Engine, *, demo: bool = False) -> None:
        """`demo`: whether the demo's password may be used as long as the platform is made up."""
        self.engine = engine
        self._demo = demo

    # ---- administration ----

    def add(self, name: str, role: str, password: str, creator_id: int | None = None) -> int:
        """The new account's id. Raises UserError where something isn't allowed."""
        name = clean(name)
        require_possible(name, role, creator_id)
        row = {"name": name, "role": role, "creator_id": creator_id}
        row["password_hash"] = self._hashed(password, name)
        try:
            with self.engine.begin() as connection:
                return int(
                    connection.execute(insert(accounts).values(row).returning(accounts.c.id)).scalar_one()
                )
        except IntegrityError:
            raise UserError(f"there is already an account named {name!r}") from None

    def named(self, name: str) -> Row[Any]:
        """Raises UserError where there is none of this name."""
        with self.engine.connect() as connection:
            return _found(connection, name)

    def get(self, number: int) -> Row[Any] | None:
        with self.engine.connect() as connection:
            return connection.execute(select(*_SHOWN).where(accounts.c.id == number)).one_or_none()

    def all(self) -> Sequence[Row[Any]]:
        with self.engine.connect() as connection:
            return connection.execute(select(*_SHOWN).order_by(func.lower(accounts.c.name))).all()

    def count(self, part: str) -> int:
        """How many have `part` in their name."""
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).where(_contains(part))).scalar_one()

    def search(self, part: str, skip: int, limit: int) -> Sequence[Row[Any]]:
        """Those with `part` in their name, in the order of names."""
        wanted = select(*_SHOWN).where(_contains(part)).order_by(func.lower(accounts.c.name))
        with self.engine.connect() as connection:
            return connection.execute(wanted.offset(skip).limit(limit)).all()

    def set_password(self, name: str, password: str) -> None:
        """Raises UserError for a password that won't do."""
        self._change(name, {"password_hash": self._hashed(password, name)})

    def set_role(self, name: str, role: str, creator_id: int | None = None) -> None:
        require_possible(name, role, creator_id)
        self._change(name, {"role": role, "creator_id": creator_id})

    def set_week_start(self, name: str, weekday: str) -> None:
        """`weekday` is one of WEEK_STARTS, by name."""
        number = {word: number for number, word in WEEK_STARTS.items()}[weekday]
        with self.engine.begin() as connection:
            chosen = update(accounts).where(accounts.c.id == _found(connection, name).id)
            connection.execute(chosen.values(week_start=number))

    def disable(self, name: str, *, even_last: bool = False) -> None:
        """`even_last`: also the last active admin."""
        self._change(name, {"disabled": True}, even_last=even_last)

    def enable(self, name: str) -> None:
        self._change(name, {"disabled": False})

    def _change(self, name: str, values: dict[str, Any], *, even_last: bool = False) -> None:
        leaving = values.get("disabled") or values.get("role", "admin") != "admin"
        with self.engine.begin() as connection:
            account = _found(connection, name)
            if leaving and not even_last:
                _require_another_admin(connection, account.id)
            connection.execute(update(accounts).where(accounts.c.id == account.id).values(values))
            for opened in (sessions, api_tokens):
                connection.execute(delete(opened).where(opened.c.account_id == account.id))

    # ---- signing in ----

    def verified(self, name: str, password: str) -> Account | None:
        """Whose name and password these are.

        None for an unknown name, a wrong password and a disabled account: all three take the same time.
        """
        with self.engine.connect() as connection:
            row = connection.execute(select(accounts).where(_is_named(name))).one_or_none()
        if not passwords.matches(row.password_hash if row else None, password) or row is None:
            return None
        if row.disabled or (password == DEMO_PASSWORD and not self._is_demo()):
            return None
        if passwords.is_outdated(row.password_hash):
            self._hash_anew(row, password)
        return Account(row.id, row.name, row.role, row.creator_id)

    def _hash_anew(self, row: Row[Any], password: str) -> None:
        """Unless it has been changed since `row` was read."""
        unchanged = (accounts.c.id == row.id) & (accounts.c.password_hash == row.password_hash)
        with self.engine.begin() as connection:
            connection.execute(
                update(accounts).where(unchanged).values(password_hash=passwords.hashed(password))
            )

    def _hashed(self, password: str, name: str) -> str:
        if not (password == DEMO_PASSWORD and self._is_demo()):
            passwords.require_good(password, name)
        return passwords.hashed(password)

    def _is_demo(self) -> bool:
        # It loads numpy; few commands need it.
        from aggregation.demo import is_made_up

        return self._demo and is_made_up(self.engine)


def in_words(role: str, creator_id: int | None) -> str:
    """analyst · creator 17."""
    return role if creator_id is None else f"{role} {creator_id}"


def require_possible(name: str, role: str, creator_id: int | None) -> None:
    """Raises UsageError or UserError for an account that cannot be."""
    if role not in ROLES:
        raise UsageError(f"unknown role {role!r}; allowed: {', '.join(ROLES)}")
    if (role == "creator") != (creator_id is not None):
        raise UsageError("a creator's account needs --creator-id; the other roles must not have one")
    require_printable(name, "an account's name")


def require_printable(name: str, what: str) -> None:
    """Raises UserError for a name that is empty, too long or breaks the line it stands in."""
    name = clean(name)
    if not name or len(name) > MAX_NAME:
        raise UserError(f"{what} has 1 to {MAX_NAME} characters")
    # Control characters, halves of characters, breaks of lines and of paragraphs.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise UserError(f"{what} has no control characters, unlike {name!r}")


def clean(name: str) -> str:
    """A name as it is stored: keyboards write the same letter in more than one way."""
    return unicodedata.normalize("NFC", name.strip())


def _is_named(name: str) -> ColumnElement[bool]:
    return func.lower(accounts.c.name) == func.lower(clean(name))


def _contains(part: str) -> ColumnElement[bool]:
    return accounts.c.name.icontains(clean(part), autoescape=True)


def _found(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(*_SHOWN).where(_is_named(name))).one_or_none()
    if row is None:
        raise UserError(f"there is no account named {name!r}")
    return row


def _require_another_admin(connection: Connection, leaving: int) -> None:
    """Raises UserError where `leaving` is the last active admin.

    The rows are locked in one order: of two admins who remove each other at the same time, the
    second waits, and then finds itself the last.
    """
    active = (accounts.c.role == "admin") & accounts.c.disabled.is_(False)
    admins = connection.execute(
        select(accounts.c.id).where(active).order_by(accounts.c.id).with_for_update()
    ).scalars()
    if list(admins) == [leaving]:
        raise UserError("this is the last active admin: make another one first")
