"""The numbers as they were known at the end of an earlier day: what has been restated since is taken back.

Only of tables whose restatements are logged (aggregation/restatements.py): the platform's days and creators'.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import select

from aggregation import ledger, restatements, summaries
from aggregation.days import ONE_DAY
from aggregation.errors import UsageError
from aggregation.metrics import Metric
from aggregation.periods import Period
from aggregation.queries import Freshness, Queries, fill_days
from aggregation.schema import creator_metrics, daily_analytics
from aggregation.summaries import Number


class KnownQueries:
    """Reads as `Queries` has them, of what was known at the end of the day `on` (UTC).

    What it doesn't have can't be told of an earlier day.
    """

    def __init__(self, queries: Queries, on: date, today: date) -> None:
        """Raises UsageError for a day that nothing can be said of; `today` is the running day."""
        self.on = on
        self._queries = queries
        self._connection = queries.connection
        earliest = restatements.known_from(self._connection, today)
        if on > today:
            raise UsageError(f"known must be a day that has come; {on} has not")
        if earliest is None or on < earliest:
            begin = f"they are kept from {earliest} on" if earliest else "nothing has been computed yet"
            raise UsageError(f"there are no numbers as known on {on}: {begin}")
        self._moment = restatements.end_of(on)

    def freshness(self) -> Freshness | None:
        """None where nothing was known."""
        with self._connection.begin_nested():
            last = ledger.complete_through(self._connection, by=self._moment)
            first = last and min(self._days("daily", date.min, last), default=None)
        now = self._queries.freshness()
        if now is None or last is None or first is None:
            return None
        return Freshness(Period(first, last), None, now.missing, begins=now.begins)

    def _days(self, job: str, first: date, last: date) -> set[date]:
        return ledger.published_days(self._connection, job, first, last, by=self._moment)

    def daily(self, period: Period) -> pd.DataFrame:
        """As Queries.daily; all None on days that had not been computed."""
        day = daily_analytics.c.date
        names = [each.name for each in daily_analytics.c]
        with self._connection.begin_nested():
            stored = self._connection.execute(
                select(daily_analytics).where(day.between(period.first, period.last))
            ).mappings()
            keys = [f"date={each}" for each in period.dates()]
            rows = restatements.as_known(self._connection, daily_analytics, stored, keys, self._moment)
            computed = self._days("daily", period.first, period.last)
        by_day = {row["date"]: row for row in rows if row["date"] in computed}
        return _frame([by_day.get(each, {"date": each}) for each in period.dates()], names)

    def platform_values(
        self, metrics: Sequence[Metric], period: Period, daily: pd.DataFrame
    ) -> dict[str, Number | None]:
        """As Queries.platform_values; None where it isn't a sum or an end of its days."""
        values = dict(summaries.values_over(daily, metrics))
        return {metric.name: values.get(metric.name) for metric in metrics}

    def creator_name(self, creator_id: int) -> str | None:
        """As of now: names have no history."""
        return self._queries.creator_name(creator_id)

    def creator_daily(self, creator_id: int, period: Period, freshness: Freshness) -> pd.DataFrame:
        """As Queries.creator_daily; `freshness` is that of here."""
        with self._connection.begin_nested():
            rows = self._creator_rows(creator_id, period)
            computed = self._days("creators", period.first, period.last)
            before = self._followers_before(creator_id, period)
        gaps = frozenset(day for day in period.dates() if day not in computed)
        if before is None and rows:
            first = rows[0]
            gained = first["followers_gained"]
            before = None if first["followers"] is None else first["followers"] - (gained or 0)
        stored = pd.DataFrame(rows, columns=[each.name for each in creator_metrics.c], dtype=object)
        return fill_days(stored, period, freshness, before, gaps)

    def _creator_rows(self, creator_id: int, period: Period) -> list[dict[str, Any]]:
        metric = creator_metrics.c
        stored = self._connection.execute(
            select(creator_metrics).where(
                metric.creator_id == creator_id, metric.date.between(period.first, period.last)
            )
        ).mappings()
        keys = [f"creator_id={creator_id}, date={each}" for each in period.dates()]
        return restatements.as_known(self._connection, creator_metrics, stored, keys, self._moment)

    def _followers_before(self, creator_id: int, period: Period) -> int | None:
        """Of the newest row before the period."""
        metric = creator_metrics.c
        day = self._connection.scalar(
            select(metric.date)
            .where(metric.creator_id == creator_id, metric.date < period.first)
            .order_by(metric.date.desc())
            .limit(1)
        )
        rows = self._creator_rows(creator_id, Period(day, period.first - ONE_DAY)) if day else []
        followers: int | None = rows[-1]["followers"] if rows else None
        return followers


def _frame(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    return frame.where(frame.notna(), None)
