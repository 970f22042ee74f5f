"""Adoption: who opened which page on which day (UTC), and nothing more. The account page says so."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from aggregation.schema import page_visits
from dashboard_app.accounts import Account

log = logging.getLogger(__name__)

Key = tuple[date, int, str]


class Adoption:
    """Writes the first visit of an account, page and day; what this process has written it knows."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._day = date.min
        self._recorded: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def record(self, account: Account, page: str) -> None:
        """Never fails: a page is worth more than its count."""
        day = self._clock().astimezone(UTC).date()
        if not self._is_first(day, account.id, page):
            return
        visit = {"day": day, "account_id": account.id, "page": page, "creator_id": account.creator_id}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(page_visits).values(visit).on_conflict_do_nothing())
        except SQLAlchemyError as error:
            log.warning("a visit of page %s is not recorded: %s", page, error)

    def _is_first(self, day: date, account: int, page: str) -> bool:
        """Here, today. After a failure nobody tries again before tomorrow or another process."""
        with self._lock:
            if day != self._day:
                self._day, self._recorded = day, set()
            known = (account, page) in self._recorded
            self._recorded.add((account, page))
            return not known
