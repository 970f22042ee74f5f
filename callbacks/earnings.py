"""Earnings: a creator's months, sparks and forecast → cards, figures and the ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from urllib.parse import parse_qsl

from dash import dcc, html

from aggregation import metrics, summaries
from aggregation.days import ONE_DAY
from aggregation.earnings import Line, SparkLine, Sums, month_after, month_of
from aggregation.forecasting import MIN_DAYS, STALE_AFTER
from aggregation.forecasting.creators import CreatorForecast, CreatorTotal
from aggregation.metrics import Metric
from aggregation.periods import KNOWN_DAYS, Period
from aggregation.queries import Queries, Store
from aggregation.scenarios import Habits, Scenario, changed, factor
from aggregation.summaries import Change, Number
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.my_dashboard import nothing_yet, unknown_creator
from callbacks.selection import Selection, badge, kpi, no_gifts, select
from layouts import formats, own_figures, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    attributes,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.earnings import PAGE, Ids
from layouts.places import here

AHEAD = 30
SHOWN_MONTHS = 13
SHOWN_SPARKS = 9
# In the address.
WHAT_IF = "what_if"

MONTHS = "What did I earn, month by month?"
SPARKS = "Which sparks bring it?"
WHAT_WOULD = "What if something changed?"
LEDGER = "Does it add up?"

CHOICES = {
    Scenario.NONE: "nothing changes",
    Scenario.STREAM: "one more stream a week",
    Scenario.MORE: "10 % more supporters",
    Scenario.FEWER: "10 % fewer supporters",
    Scenario.TOP: "my top supporter stops",
}
ASSUMED = {
    Scenario.NONE: "The forecast as it is.",
    Scenario.STREAM: "Assumes that one quiet day a week becomes an average day with gifts (with gifts on "
    "nearly every day: that the weakest weekday becomes like the others). The rest stays as it is.",
    Scenario.MORE: "Assumes that the added supporters give as much as the others, on the average.",
    Scenario.FEWER: "Assumes that those who leave gave as much as the others, on the average.",
    Scenario.TOP: "Assumes that nobody takes the place of who gave you most in the last 8 weeks.",
}
UNTOLD = {
    Scenario.STREAM: "Nothing tells what a stream brings: there was no gift in the last 8 weeks.",
    Scenario.TOP: "Nobody gave in the last 8 weeks.",
}
LEDGER_WORDS = (
    "Earned: your shares of all gifts of the month. Refunded: what of them is refunded by now, booked on the "
    "day of the gift, since the platform doesn't say when it was made: an older month may still change. "
    "Closing = opening + earned − refunded. Payouts aren't part of it."
)


@dataclass(frozen=True)
class Ahead:
    """The forecast, or why there is none. `rest`: of the running month; None where no day of it is left."""

    month: CreatorTotal | None = None
    rest: CreatorTotal | None = None
    reason: str = ""


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=False)


def content(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Filled:
    """Whose page this is comes from the session alone, never from the browser."""
    freshness = queries.freshness()
    if freshness is None:
        return Filled(_only(nothing_yet()), shell.badge(None))
    creator_id = viewer.creator_id
    if creator_id is None or queries.creator_name(creator_id) is None:
        return Filled(_only(unknown_creator()), badge(freshness, now))
    chosen = select(freshness, asked, metrics.GIFT_REVENUE)
    parts = filled(queries, creator_id, chosen, chosen_scenario(asked), asked)
    return Filled(parts, badge(freshness, now), not chosen.failures.any)


def _only(parts: Parts) -> Parts:
    """The words of My dashboard, here."""
    (words,) = parts.values()
    return {Ids.HEAD: words}


def chosen_scenario(asked: Asked) -> Scenario:
    text = dict(parse_qsl(asked.search.removeprefix("?"))).get(WHAT_IF, "")
    return Scenario(text) if text in set(Scenario) else Scenario.NONE


def filled(queries: Queries, creator_id: int, chosen: Selection, scenario: Scenario, asked: Asked) -> Parts:
    coverage = chosen.freshness.coverage
    if queries.lacks("sparks", coverage, chosen.freshness):
        words = message_card("Not counted yet", "The worker counts sparks and refunds of all days first.")
        return {Ids.HEAD: Box(words, "nothing")}
    lines = cache(partial(queries.months_earned, creator_id, coverage.last))
    ahead = cache(lambda: expected(queries.creator_forecast(creator_id), coverage.last))
    figure = partial(chosen.figure, "earnings")
    return {
        Ids.HEAD: [
            chosen.line(),
            chosen.section(
                "Key numbers", lambda: cards(key_numbers(queries, creator_id, chosen, lines(), ahead()))
            ),
        ],
        **figure("months", MONTHS, lambda: months(lines(), ahead())),
        **figure("by_spark", SPARKS, lambda: by_spark(queries, creator_id, chosen)),
        **figure(
            "what_if", WHAT_WOULD, lambda: what_if(queries, creator_id, coverage.last, ahead(), scenario)
        ),
        Ids.CHOICE: chosen.section("What if", lambda: choice(scenario, asked)),
        Ids.LEDGER: chosen.section(LEDGER, lambda: ledger_table(lines(), printed=asked.creator is None)),
    }


def expected(made: CreatorForecast | None, last: date) -> Ahead:
    """What the days after `last` may bring."""
    first = last + ONE_DAY
    if made is None:
        return Ahead(reason="There is no forecast yet: the worker makes one every Monday.")
    if made.history_days < MIN_DAYS:
        words = f"A forecast needs {MIN_DAYS} days from your first gift on, has {made.history_days}."
        return Ahead(reason=words)
    if first - made.data_through > timedelta(weeks=1) + STALE_AFTER:
        return Ahead(reason=f"The newest forecast knows nothing after {formats.day(made.data_through)}.")
    left = (month_after(month_of(last)) - first).days
    return Ahead(made.total(first, AHEAD), made.total(first, left) if left > 0 else None)


# ---- cards ----


def cards(kpis: Sequence[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in kpis], className="kpis")


def key_numbers(
    queries: Queries, creator_id: int, chosen: Selection, lines: Sequence[Line], ahead: Ahead
) -> list[Kpi]:
    days = dict(queries.days_earned(creator_id, chosen.period))
    before = dict(queries.days_earned(creator_id, chosen.comparable)) if chosen.comparable else None
    so_far = lines[-1].sums.kept if lines else Decimal(0)
    last = chosen.freshness.coverage.last
    return [
        _card(metrics.MONTH_SO_FAR, so_far, formats.span(Period(month_of(last), last))),
        projected_month(so_far, ahead, last),
        refunded(days, before, chosen.period),
        best_day(days, before),
    ]


def _card(metric: Metric, value: Number | None, *words: str) -> Kpi:
    return Kpi(metric, value, Change("none"), words=words)


def projected_month(so_far: Decimal, ahead: Ahead, last: date) -> Kpi:
    metric = metrics.PROJECTED_MONTH
    if ahead.month is None:
        return _card(metric, None, ahead.reason)
    if ahead.rest is None:
        return _card(metric, so_far, f"{own_figures.month_name(last)} is over")
    low, middle, high = (
        so_far + amount for amount in money(ahead.rest.low[80], ahead.rest.projected, ahead.rest.high[80])
    )
    limits = f"80 %: {formats.short(low, 'money')} – {formats.short(high, 'money')}"
    return _card(metric, middle, limits, f"{ahead.rest.days} days to come")


def money(*amounts: float) -> list[Decimal]:
    return [Decimal(f"{amount:.2f}") for amount in amounts]


def refunded(days: dict[date, Sums], before: dict[date, Sums] | None, period: Period) -> Kpi:
    whole = sum(days.values(), start=Sums())
    earlier = None if before is None else sum(before.values(), start=Sums()).refunded
    share = summaries.ratio(whole.refunded, whole.earned, 100)
    note = "" if share is None else f"{formats.short(share, 'percent')} of what was earned"
    history = [days.get(day, Sums()).refunded for day in period.dates()]
    return kpi(metrics.REFUNDED, whole.refunded, earlier, note=note, history=history)


def best_day(days: dict[date, Sums], before: dict[date, Sums] | None) -> Kpi:
    best = max(days, key=lambda day: (days[day].kept, day), default=None)
    earlier = max((sums.kept for sums in before.values()), default=None) if before else None
    if best is None or not days[best].kept:
        return kpi(metrics.BEST_DAY, None, earlier, reason="nothing earned in this period")
    return kpi(metrics.BEST_DAY, days[best].kept, earlier, note=f"{best:%a} {formats.day(best)}")


# ---- figures ----


def months(lines: Sequence[Line], ahead: Ahead) -> Drawing:
    if not lines:
        return Drawing(reason="No gifts so far.")
    rest = ahead.rest.projected if ahead.rest else None
    note = "Hatched: what the rest of the month may bring." if rest is not None else ahead.reason
    return Drawing(own_figures.months(lines[-SHOWN_MONTHS:], rest), note)


def by_spark(queries: Queries, creator_id: int, chosen: Selection) -> Drawing:
    lines = [line for line in queries.sparks_earned(creator_id, chosen.period) if line.sums.kept > 0]
    if not lines:
        return Drawing(reason=no_gifts(queries.last_gift_day(creator_id)))
    return Drawing(own_figures.by_spark(largest(lines)))


def largest(lines: Sequence[SparkLine]) -> list[tuple[str, Decimal]]:
    """What each brought, and the others together where there are many."""
    named = [(spark_name(line), line.sums.kept) for line in lines]
    if len(named) <= SHOWN_SPARKS:
        return named
    others = named[SHOWN_SPARKS - 1 :]
    return [
        *named[: SHOWN_SPARKS - 1],
        (f"{len(others)} others", sum((amount for _, amount in others), start=Decimal(0))),
    ]


def spark_name(line: SparkLine) -> str:
    return line.name or f"Spark {line.spark_id}"


def what_if(queries: Queries, creator_id: int, last: date, ahead: Ahead, scenario: Scenario) -> Drawing:
    if ahead.month is None:
        return Drawing(reason=ahead.reason)
    habits = queries.habits(creator_id, last)
    by = factor(scenario, habits)
    if by is None:
        return Drawing(reason=UNTOLD[scenario])
    shown = {"As things are": ahead.month}
    if scenario is not Scenario.NONE:
        shown |= {f"If {CHOICES[scenario]}": changed(ahead.month, by)}
    figure = own_figures.ranges(
        list(shown),
        [total.low[80] for total in shown.values()],
        [total.projected for total in shown.values()],
        [total.high[80] for total in shown.values()],
    )
    return Drawing(figure, f"{scenario_words(scenario, by, ahead.month, habits)} {ASSUMED[scenario]}")


def scenario_words(scenario: Scenario, by: float, now: CreatorTotal, habits: Habits) -> str:
    low, middle, high = (
        formats.short(amount, "money")
        for amount in money(now.low[80] * by, now.projected * by, now.high[80] * by)
    )
    words = f"The next {AHEAD} days: {middle}; in 80 of 100 cases {low} – {high}."
    if scenario is Scenario.NONE:
        return words
    (difference,) = money(now.projected * (by - 1))
    sign = "+" if difference > 0 else ""
    words += f" That is {sign}{formats.short(difference, 'money')}."
    if scenario is Scenario.STREAM:
        words += f" In the last {KNOWN_DAYS} days {habits.days_with_gifts} had gifts."
    return words


def choice(scenario: Scenario, asked: Asked) -> Component:
    """A form that needs no script: the choice stands in the address, beside the period's."""
    kept = [dcc.Input(type="hidden", name=name, value=value) for name, value in asked.question.items()]
    options = [
        html.Option(text, value=each.value, selected="selected" if each is scenario else None)
        for each, text in CHOICES.items()
    ]
    return html.Section(
        [
            html.H2("What if …", id="what-if-title"),
            html.Form(
                [
                    *kept,
                    html.Label("Over the next 30 days,", htmlFor="what-if"),
                    html.Select(options, id="what-if", name=WHAT_IF, className="form-select"),
                    html.Button("Show", type="submit"),
                ],
                method="get",
                action=here(PAGE, asked),
                className="choice",
            ),
            html.P(
                "The change multiplies the forecast and its limits; it adds no doubt of its own, so the true "
                "range is wider.",
                className="hint",
            ),
        ],
        className="card",
        **attributes(aria_labelledby="what-if-title"),
    )


# ---- the ledger ----


def ledger_table(lines: Sequence[Line], *, printed: bool) -> Component:
    """`printed`: with links to statements, which are the creator's own alone."""
    if not lines:
        return message_card(LEDGER, "The ledger begins with your first gift.", wide=True)
    columns = (
        Column("Month", numeric=False),
        Column("Opening"),
        Column("Earned"),
        Column("Refunded"),
        Column("Closing"),
        *((Column("Print"),) if printed else ()),
    )
    rows = [
        (*ledger_row(line), *((statement_link(line.first),) if printed else ())) for line in reversed(lines)
    ]
    below = [f"Opening {formats.exact(line.opening, 'money')}" for line in reversed(lines)]
    return table_card("ledger", LEDGER, columns, rows, LEDGER_WORDS, wide=True, more=below)


def ledger_row(line: Line) -> tuple[str, ...]:
    amounts = (line.opening, line.sums.earned, line.sums.refunded, line.closing)
    return (own_figures.month_name(line.first), *(formats.exact(amount, "money") for amount in amounts))


def statement_link(month: date) -> Component:
    return html.A("Open", href=f"/me/statement/{month:%Y-%m}", title=f"Statement of {month:%B %Y}, to print")


# ---- export ----


def export(queries: Queries, viewer: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, creator_id = queries.freshness(), viewer.creator_id
    name = None if creator_id is None else queries.creator_name(creator_id)
    if freshness is None or creator_id is None or name is None:
        return None
    chosen = select(freshness, asked, metrics.GIFT_REVENUE)
    if queries.lacks("sparks", freshness.coverage, freshness):
        return None
    tables = [exports.table(name, build) for name, build in sheets(queries, creator_id, chosen).items()]
    return exports.export(PAGE, chosen, asked, now, tables, owner=name)


def sheets(queries: Queries, creator_id: int, chosen: Selection) -> dict[str, Callable[[], Table]]:
    last = chosen.freshness.coverage.last

    def numbers() -> Table:
        lines = queries.months_earned(creator_id, last)
        ahead = expected(queries.creator_forecast(creator_id), last)
        return exports.key_numbers(key_numbers(queries, creator_id, chosen, lines, ahead))

    def by_month() -> Table:
        lines = queries.months_earned(creator_id, last)
        return Table("Ledger by month", ("Month", *LEDGER_COLUMNS), [month_cells(line) for line in lines])

    def by_day() -> Table:
        days = queries.days_earned(creator_id, chosen.period)
        return Table(
            "Ledger by day", ("Day (UTC)", *DAY_COLUMNS), [(day, *sums_cells(sums)) for day, sums in days]
        )

    def sparks() -> Table:
        lines = queries.sparks_earned(creator_id, chosen.period)
        rows = [(spark_name(line), *sums_cells(line.sums)) for line in lines]
        return Table("By spark", ("Spark", *DAY_COLUMNS), rows)

    return {"Key numbers": numbers, "Ledger by month": by_month, "Ledger by day": by_day, "By spark": sparks}


DAY_COLUMNS = ("Gifts", "Earned ($)", "Gifts refunded", "Refunded ($)", "Kept ($)")
LEDGER_COLUMNS = ("Opening ($)", *DAY_COLUMNS[:-1], "Closing ($)")


def sums_cells(sums: Sums) -> tuple[int | Amount, ...]:
    earned, refunded, kept = (Amount(value, "money") for value in (sums.earned, sums.refunded, sums.kept))
    return sums.gifts, earned, sums.refunded_gifts, refunded, kept


def month_cells(line: Line) -> tuple[str | int | Amount, ...]:
    opening, closing = (Amount(value, "money") for value in (line.opening, line.closing))
    return f"{line.first:%Y-%m}", opening, *sums_cells(line.sums)[:-1], closing
