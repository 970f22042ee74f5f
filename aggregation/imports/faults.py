"""What can go wrong with a row, a file or the database, and the one line that says so."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from aggregation.errors import UserError


class InputError(Exception):
    """A row that can't be imported; line 0 stands for the file as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


def shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "…")


@contextmanager
def database_errors(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise UserError(_refusal(what, error.orig)) from error


@contextmanager
def copy_errors(connection: Connection, what: str) -> Iterator[None]:
    """COPY goes past SQLAlchemy: its errors are the driver's, and a lost connection goes unnoticed."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise UserError(_refusal(what, error)) from error


def _refusal(what: str, error: object) -> str:
    reason = str(error).strip().splitlines() or ["no reason given"]
    return f"{what}: database error: {reason[0]}; nothing was imported"
