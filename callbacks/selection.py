"""What the controls say: strings from the browser → periods. Never trusted, never raising."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd

from aggregation import verdicts
from aggregation.days import ONE_DAY, last_complete_day
from aggregation.metrics import Metric, Unit
from aggregation.periods import Comparison, Period
from aggregation.queries import Freshness, Queries
from aggregation.summaries import Change, Number, change
from aggregation.verdicts import Verdict, verdict
from aggregation.withheld import BeingRecounted
from layouts import formats, shell
from layouts.components import Component, Drawing, Kpi, Parts, drawing, figure_parts, notes_card, section
from layouts.page import DEFAULT_DAYS, LONGEST_PICK, LONGEST_RANGE, Asked

log = logging.getLogger(__name__)

NOT_COUNTED = "not counted for all of these days yet"
# No day is longer; what is cut is none in any case.
LONGEST_KNOWN = 20
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What the days are that are compared with; the days right before need no words.
AGAINST = {
    Comparison.WEEKDAY_ALIGNED: "the same weekdays before: ",
    Comparison.YEAR_AGO: "the same dates a year ago: ",
    Comparison.WEEKS_AGO: "364 days ago: ",
}


class Failures:
    """Of a page's sections: logged, and remembered, so that the page isn't kept as it is."""

    def __init__(self) -> None:
        self.any = False

    def __call__(self, title: str, error: Exception) -> None:
        self.any = True
        log.error("section %r failed: %s", title, error, exc_info=error)


@dataclass(frozen=True)
class Selection:
    """`before` is what the days shown are to be compared with; `comparable`: if there are numbers of them.

    `remark`: why these are not quite the days that were asked for. `day`: the one of them that was clicked.
    `about`: the number whose first day is the first of which all of the page's can be told.
    `week_start`: the weekday with which weeks begin.
    """

    period: Period
    before: Period | None
    freshness: Freshness
    remark: str = ""
    against: str = ""
    day: date | None = None
    about: Metric | None = None
    week_start: int = 0
    failures: Failures = field(default_factory=Failures, compare=False)

    @property
    def comparable(self) -> Period | None:
        return self.comparable_by(self.about) if self.about else self._covered

    @property
    def _covered(self) -> Period | None:
        return self.before if self.before and self.before.within(self.freshness.coverage) else None

    def comparable_by(self, metric: Metric) -> Period | None:
        """The compared days, if `metric` can be told of them: not before its source tables begin."""
        before = self._covered
        return before if before and before.first >= self.freshness.begin_of(metric) else None

    def before_in(
        self, read: Callable[[Period], pd.DataFrame], metrics: Sequence[Metric]
    ) -> pd.DataFrame | None:
        """The compared days, as `read` gives them; a metric that can't be told of them is None."""
        if self.comparable is None:
            return None
        untold = {metric.name: None for metric in metrics if not self.comparable_by(metric)}
        return read(self.comparable).assign(**untold)

    def told(self, kpis: Iterable[Kpi]) -> list[Kpi]:
        """Without a comparison where the number can't be told of the compared days."""
        return [
            kpi if self.comparable_by(kpi.metric) else replace(kpi, change=Change("none"), before=None)
            for kpi in kpis
        ]

    @property
    def shown(self) -> Period:
        """What a page's numbers are of where a click on a day narrows them."""
        return Period(self.day, self.day) if self.day else self.period

    @property
    def usual(self) -> Period:
        """The days before those shown that make the normal ranges; one more, for the change of its next."""
        return Period.ending(self.shown.first - ONE_DAY, verdicts.HISTORY + 1)

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
        days = self.freshness.withheld.of_metric(metric, self.shown, creator_id)
        return formats.being_recounted(days) if days else ""

    def line(self, picked: Sequence[tuple[str, str]] = ()) -> Component:
        """Which days are shown and compared, and where the numbers begin if that is later.

        `picked`: what else than a day narrows the page, by part of the address, in words.
        """
        begin = self.freshness.coverage.first
        day = [("day", f"Only {formats.day(self.day)}")] if self.day else []
        line = shell.period_line(
            self.shown,
            self.before,
            compared=self.comparable is not None,
            begin=begin if begin > self.shown.first else None,
            against=self.against,
            picked=[*day, *picked],
        )
        return [notes_card([self.remark]), line] if self.remark else line


def why_not_counted(queries: Queries, freshness: Freshness, job: str, days: Period) -> str:
    """Why what `job` makes of these days can't be shown; empty where it can."""
    try:
        return NOT_COUNTED if queries.uncounted((job,), days, freshness.coverage.first) else ""
    except BeingRecounted as recounted:
        return formats.being_recounted(recounted.days)


def chosen_days(text: str, allowed: tuple[int, ...]) -> int:
    return int(text) if text in {str(days) for days in allowed} else DEFAULT_DAYS


def chosen_comparison(text: str) -> Comparison:
    return Comparison(text) if text in set(Comparison) else Comparison.PREVIOUS


def asked(
    search: object, allowed: tuple[int, ...], picks: tuple[str, ...] = (), week_start: int = 0
) -> Asked:
    """What an address asks for (`?days=30&compare=previous`); the usual where it makes no sense.

    A range of one's own is `?from=2026-10-01&to=2026-10-15`, both days inside.
    """
    text = search if isinstance(search, str) else ""
    parts = dict(parse_qsl(text.removeprefix("?")))
    days, compare = parts.get("days", ""), parts.get("compare", "")
    typed = (parts.get("from", "")[:10], parts.get("to", "")[:10]) if {"from", "to"} & parts.keys() else None
    picked = tuple((name, parts[name][:LONGEST_PICK]) for name in picks if parts.get(name))
    known = parts.get("known", "")[:LONGEST_KNOWN]
    return Asked(
        chosen_days(days, allowed), chosen_comparison(compare), text, typed, picked, known, None, week_start
    )


def select(freshness: Freshness, what: Asked, about: Metric | None = None) -> Selection:
    period, remark = chosen_period(freshness.coverage, what)
    day = _date(what.pick("day"))
    if day and not period.first <= day <= period.last:
        day = None
    before = (Period(day, day) if day else period).compared(what.compare)
    return Selection(
        period, before, freshness, remark, AGAINST.get(what.compare, ""), day, about, what.week_start
    )


def chosen_period(coverage: Period, what: Asked) -> tuple[Period, str]:
    """The days to show, and a remark where they aren't those that were asked for."""
    usual = Period.ending(coverage.last, what.days)
    if what.typed is None:
        return usual, ""
    wanted = own_range(*what.typed)
    if isinstance(wanted, str):
        return usual, f"{wanted} These are the last {usual.days} days."
    inside = wanted.inside(coverage)
    if inside is None:
        there_are = f"There are no numbers of {formats.span(wanted)}, only of {formats.span(coverage)}."
        return usual, f"{there_are} These are the last {usual.days} days."
    if wanted.last > coverage.last:
        return Period(
            wanted.first, coverage.last
        ), f"The newest complete day is {formats.day(coverage.last)}."
    return wanted, ""


def own_range(first: str, last: str) -> Period | str:
    """A range as it was typed, or why it is none."""
    begin, end = _date(first), _date(last)
    if begin is None or end is None:
        return "A range needs two dates, such as 2026-10-01 and 2026-10-15."
    if begin > end:
        return "The first day of the range is later than its last."
    if (end - begin).days >= LONGEST_RANGE:
        return f"A range has at most {LONGEST_RANGE:,} days."
    return Period(begin, end)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


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


def judged(metric: Metric, usual: pd.DataFrame, daily: pd.DataFrame) -> Verdict:
    """Whether `daily` is within the normal range of the days before it, `usual`; rows are days."""
    days = np.concatenate([verdicts.days_of(frame[metric.name].to_list()) for frame in (usual, daily)])
    if metric.rollup == "stock":
        # What can be usual of it is by how much a day changes it.
        days = np.diff(days)
    begin = len(days) - len(daily)
    return verdict(days[:begin], days[begin:], metric.unit)


def judged_days(usual: Sequence[Number | None], days: Sequence[Number | None], unit: Unit) -> Verdict:
    """The same for values a day."""
    return verdict(verdicts.days_of(usual), verdicts.days_of(days), unit)


def no_gifts(last: date | None) -> str:
    if last is None:
        return "No gifts so far."
    return f"No gifts in this period. Last gift: {formats.day(last)}."
