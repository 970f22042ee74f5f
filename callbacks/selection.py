"""What the controls say: strings from the browser → periods. Never trusted, never raising."""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl

from aggregation.days import last_complete_day
from aggregation.metrics import Metric
from aggregation.periods import Comparison, Period
from aggregation.queries import Freshness
from aggregation.summaries import Number, change
from layouts import formats, shell
from layouts.components import Component, Kpi
from layouts.page import DEFAULT_DAYS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """`before` is what was asked for; `comparable` says whether the numbers reach back that far."""

    period: Period
    before: Period | None
    freshness: Freshness

    @property
    def comparable(self) -> Period | None:
        return self.before if self.before and self.before.within(self.freshness.coverage) else None

    def line(self) -> Component:
        """Which days are shown and compared, and where the numbers begin if that is later."""
        begin = self.freshness.coverage.first
        return shell.period_line(
            self.period,
            self.before,
            compared=self.comparable is not None,
            begin=begin if begin > self.period.first else None,
        )


def chosen_days(text: str, allowed: tuple[int, ...]) -> int:
    return int(text) if text in {str(days) for days in allowed} else DEFAULT_DAYS


def chosen_comparison(text: str) -> Comparison:
    return Comparison(text) if text in set(Comparison) else Comparison.PREVIOUS


def select(freshness: Freshness, search: object, allowed: tuple[int, ...]) -> Selection:
    """What the address asks for (`?days=30&compare=previous`); the usual where it makes no sense."""
    asked = dict(parse_qsl(search.removeprefix("?"))) if isinstance(search, str) else {}
    period = Period.ending(freshness.coverage.last, chosen_days(asked.get("days", ""), allowed))
    return Selection(period, period.compared(chosen_comparison(asked.get("compare", ""))), freshness)


def badge(freshness: Freshness, now: datetime) -> Component:
    behind = (last_complete_day(now) - freshness.coverage.last).days
    return shell.badge(freshness.coverage, freshness.unequal, behind)


def kpi(metric: Metric, now: Number | None, before: Number | None, **facts: Any) -> Kpi:
    return Kpi(metric, now, change(metric, now, before), before, **facts)


def no_gifts(last: date | None) -> str:
    if last is None:
        return "No gifts so far."
    return f"No gifts in this period. Last gift: {formats.day(last)}."


def log_failure(title: str, error: Exception) -> None:
    log.error("section %r failed: %s", title, error, exc_info=error)
