"""Counters of attempts in the database, the same for all web processes: a storage for `limits`."""

from collections.abc import Callable
from datetime import datetime, timedelta

from limits.storage import Storage
from sqlalchemy import Engine, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from aggregation.schema import rate_limits


class Counters(Storage):
    """Each counts from its first attempt on, until it expires. `clock` gives aware times in UTC."""

    STORAGE_SCHEME = None

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._engine = engine
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The new count; `expiry` is in seconds from the first attempt on."""
        now = self._clock()
        new = insert(rate_limits).values(key=key, amount=amount, expires_at=now + timedelta(seconds=expiry))
        over = rate_limits.c.expires_at <= now
        counted = new.on_conflict_do_update(
            index_elements=[rate_limits.c.key],
            set_={
                "amount": case((over, new.excluded.amount), else_=rate_limits.c.amount + new.excluded.amount),
                "expires_at": case((over, new.excluded.expires_at), else_=rate_limits.c.expires_at),
            },
        ).returning(rate_limits.c.amount)
        with self._engine.begin() as connection:
            return int(connection.execute(counted).scalar_one())

    def decr(self, key: str, amount: int = 1) -> int:
        less = func.greatest(rate_limits.c.amount - amount, 0)
        with self._engine.begin() as connection:
            left = connection.execute(
                update(rate_limits)
                .where(rate_limits.c.key == key)
                .values(amount=less)
                .returning(rate_limits.c.amount)
            ).scalar_one_or_none()
        return left or 0

    def get(self, key: str) -> int:
        row = self._row(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        """Seconds since 1970; now where nothing is counted."""
        row = self._row(key)
        return (row[1] if row else self._clock()).timestamp()

    def _row(self, key: str) -> tuple[int, datetime] | None:
        running = rate_limits.c.expires_at > self._clock()
        with self._engine.connect() as connection:
            row = connection.execute(
                select(rate_limits.c.amount, rate_limits.c.expires_at).where(
                    rate_limits.c.key == key, running
                )
            ).one_or_none()
        return (row.amount, row.expires_at) if row else None

    def sweep(self) -> None:
        """Delete what has expired. Skips what others work on: nobody waits for anybody in a circle."""
        expired = (
            select(rate_limits.c.key)
            .where(rate_limits.c.expires_at <= self._clock())
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            connection.execute(delete(rate_limits).where(rate_limits.c.key.in_(expired)))

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._engine.begin() as connection:
            return connection.execute(delete(rate_limits)).rowcount

    def clear(self, key: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(rate_limits).where(rate_limits.c.key == key))
