"""What is worth trying again, and when."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from aggregation.errors import Busy, Unavailable

# PostgreSQL's codes (manual, appendix A) for what passes by itself, or when somebody has mended the server:
# connection lost, serialisation and deadlock, disk or memory or connections used up, ended by an
# administrator or a timeout, a system error.
PASSING_CLASSES = ("08", "40", "53", "57", "58")
# A lock held too long by another, a server that is read-only for now, a transaction left idle.
PASSING_CODES = ("55P03", "25006", "25P03")
SHORTEST, LONGEST = timedelta(seconds=5), timedelta(minutes=5)


def is_passing(error: BaseException) -> bool:
    """Whether the same may well succeed a little later; the data's and the program's faults don't pass."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, Busy | Unavailable)
    code = getattr(error.orig, "pgcode", None)
    if code is None:
        # libpq's own word, without the server's: no connection.
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return code.startswith(PASSING_CLASSES) or code in PASSING_CODES


@dataclass(frozen=True)
class Wait:
    """Until when something isn't tried again, after so many failures in a row."""

    since: datetime
    until: datetime
    failures: int

    def holds(self, now: datetime) -> bool:
        """A clock that was set back ends it, rather than make it last for as long."""
        return self.since <= now < self.until


def backoff(now: datetime, before: Wait | None) -> Wait:
    """Twice as long as the last time, less up to half of it, so that many don't come back together."""
    failures = before.failures + 1 if before else 1
    longest = min(LONGEST, SHORTEST * 2 ** min(failures - 1, 16))
    return Wait(now, now + longest * random.uniform(0.5, 1), failures)  # noqa: S311 - no secret
