"""What the controls say: strings from the browser → periods. Never trusted, never raising."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from aggregation.days import ONE_DAY, last_complete_day
from aggregation.metrics import Metric
from aggregation.periods import Comparison, Period
from aggregation.queries import Freshness
from aggregation.summaries import Number, change
from layouts import formats, shell
from layouts.components import Component, Drawing, Kpi, Parts, drawing, figure_parts, section
from layouts.page import DEFAULT_DAYS, Asked

log = logging.getLogger(__name__)


class Failures:
    """Of a page's sections: logged, and remembered, so that the page isn't kept as it is."""

    def __init__(self) -> None:
        self.any = False

    def __call__(self, title: str, error: Exception) -> None:
        self.any = True
        log.error("section %r failed: %s", title, error, exc_info=error)


@dataclass(frozen=True)
class Selection:
    """`before` is what was asked for; `comparable` says whether the numbers reach back that far."""

    period: Period
    before: Period | None
    freshness: Freshness
    failures: Failures = field(default_factory=Failures, compare=False)

    @property
    def comparable(self) -> Period | None:
        return self.before if self.before and self.before.within(self.freshness.coverage) else None

    @property
    def ahead(self) -> Period:
        """The next days whose forecast is drawn behind the period: a third as many, from 7 to 30."""
        days = min(max(self.period.days // 3, 7), 30)
        return Period(self.period.last + ONE_DAY, self.period.last + timedelta(days=days))

    def figure(self, page: str, name: str, question: str, build: Callable[[], Drawing]) -> Parts:
        """What fills the card of a chart, also where `build` fails."""
        return figure_parts(page, name, question, drawing(build, question, self.failures))

    def section(self, title: str, build: Callable[[], Component]) -> Component:
        return section(build, title, self.failures)

    def withheld(self, metric: Metric, creator_id: int | None = None) -> str:
        """Why the metric can't be told for now; empty where it can. For `kpi(…, withheld=…)`."""
        days = self.freshness.withheld.of_metric(metric, self.period, creator_id)
        return formats.being_recounted(days) if days else ""

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


def asked(search: object, allowed: tuple[int, ...]) -> Asked:
    """What an address asks for (`?days=30&compare=previous`); the usual where it makes no sense."""
    text = search if isinstance(search, str) else ""
    parts = dict(parse_qsl(text.removeprefix("?")))
    days, compare = parts.get("days", ""), parts.get("compare", "")
    return Asked(chosen_days(days, allowed), chosen_comparison(compare), text)


def select(freshness: Freshness, what: Asked) -> Selection:
    period = Period.ending(freshness.coverage.last, what.days)
    return Selection(period, period.compared(what.compare), freshness)


def badge(freshness: Freshness, now: datetime) -> Component:
    behind = (last_complete_day(now) - freshness.coverage.last).days
    return shell.badge(freshness.coverage, freshness.unequal, behind, freshness.checked)


def kpi(
    metric: Metric, now: Number | None, before: Number | None, *, withheld: str = "", **facts: Any
) -> Kpi:
    """`withheld`: what Selection.withheld says of it; then nothing else is."""
    if withheld:
        return Kpi(
            metric, None, change(metric, None, None), reason=withheld, history=facts.get("history", ())
        )
    return Kpi(metric, now, change(metric, now, before), before, **facts)


def no_gifts(last: date | None) -> str:
    if last is None:
        return "No gifts so far."
    return f"No gifts in this period. Last gift: {formats.day(last)}."
