"""Asking the database whether it is there, for no longer than somebody waits for the answer."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

# Whoever asks for health has to be answered within two seconds.
PATIENCE = 1.5
# Questions that wait for a database which doesn't answer; more aren't asked.
MOST_WAITING = 4

Answer = TypeVar("Answer")


class NoAnswer(Exception):  # noqa: N818
    """The database can't be reached, or not in time."""


class Probe:
    """`patience`: for so many seconds an answer is waited for."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._patience = patience
        self._free = threading.BoundedSemaphore(MOST_WAITING)

    def ask(self, read: Callable[[Connection], Answer]) -> Answer:
        """What `read` gives. NoAnswer where that takes too long; the attempt then ends by itself, later."""
        if not self._free.acquire(blocking=False):
            raise NoAnswer("the database doesn't answer")
        answer: Future[Answer] = Future()
        threading.Thread(target=self._read, args=(read, answer), name="probe", daemon=True).start()
        try:
            return answer.result(self._patience)
        except Late:
            raise NoAnswer("the database doesn't answer in time") from None
        except SQLAlchemyError:
            raise NoAnswer("the database can't be reached") from None

    def _read(self, read: Callable[[Connection], Answer], answer: "Future[Answer]") -> None:
        try:
            with self._engine.connect() as connection:
                found = read(connection)
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)
        finally:
            self._free.release()
