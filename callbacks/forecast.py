"""Forecast: stored forecasts → cards, figures and the table of all that were made."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.days import ONE_DAY, weekdays_from
from aggregation.forecasting import CONFIDENCE
from aggregation.forecasts import Record, StoredForecast, StoredTotal
from aggregation.periods import Comparison, Period
from aggregation.queries import Outlook, Queries, Store
from aggregation.summaries import Change, Number
from callbacks import exports
from callbacks.forecast_tables import (
    AHEAD,
    ALL_RUNS,
    METHODS,
    day_rows,
    run_rows,
    runs_table,
    settles,
    total_rows,
)
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, select
from layouts import forecast_figures, formats, shell
from layouts.components import (
    Box,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    notes_card,
)
from layouts.exports import Export
from layouts.page import Asked, Viewer
from layouts.pages.forecast import PAGE, Ids

WEEKS_AGO = 4
# Weekdays are compared over whole weeks, so that each counts alike.
RECENT_WEEKS = 8
RUNS = 26

FAN = "What will the next 30 days bring?"
AGO = "What was forecast four weeks ago, and what came?"
PARTS = "What is the forecast made of?"

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(none_made(queries.why_no_forecast(now)), shell.badge(None))
    outlook = queries.forecast(now)
    if outlook is None:
        return Filled(none_made(queries.why_no_forecast(now)), badge(freshness, now))
    chosen = select(freshness, asked)
    return Filled(filled(queries, chosen, outlook, now), badge(freshness, now), not chosen.failures.any)


def none_made(why: str) -> Parts:
    words = "The worker makes a forecast every Monday, from complete days."
    return {Ids.HEAD: Box(message_card("No forecast yet", why, words), "nothing")}


def filled(queries: Queries, chosen: Selection, outlook: Outlook, now: datetime) -> Parts:
    figure = partial(chosen.figure, "forecast")
    coverage = chosen.freshness.coverage
    key_numbers = chosen.section(
        "Key numbers",
        lambda: html.Div([kpi_card(each) for each in kpis(queries, coverage, outlook)], className="kpis"),
    )
    return {
        Ids.HEAD: [made_line(outlook.made), notes_card(outlook.made.notes), key_numbers],
        Ids.RUNS: chosen.section(ALL_RUNS, lambda: runs_table(queries.forecast_runs(RUNS))),
        **figure("fan", FAN, lambda: fan(queries, chosen.period, outlook)),
        **figure("four_weeks_ago", AGO, lambda: four_weeks_ago(queries, outlook.made, now)),
        **figure("components", PARTS, lambda: components(queries, coverage, outlook, chosen.week_start)),
    }


def made_line(made: StoredForecast) -> Component:
    words = (
        f"Made on {formats.day(made.made_on)} from {made.history_days} complete days through "
        f"{formats.day(made.data_through)}, by {METHODS.get(made.methodology, made.methodology)}"
    )
    return html.P(words, className="period-line")


# ---- states ----


def stated(made: StoredForecast) -> str:
    """Its own words on why there is no number; a stale one says that first."""
    return made.notes[-1] if made.notes else ""


# ---- cards ----


def kpis(queries: Queries, coverage: Period, outlook: Outlook) -> list[Kpi]:
    record, made = queries.forecast_record(), outlook.made
    month = Period(coverage.last.replace(day=1), coverage.last)
    daily = summaries.since(queries.daily(month), coverage.first)
    return [
        next_days(made, outlook.days),
        running_month(made, outlook.days, summaries.total(daily, metrics.TOTAL_REVENUE.name), coverage.last),
        hit_rate(record, queries.forecast_runs(RUNS)),
        skill(record, made.totals[AHEAD]),
    ]


def _card(metric: metrics.Metric, value: Number | None, *words: str, history: Sequence[Any] = ()) -> Kpi:
    """Without a value, the words say why."""
    return Kpi(metric, value, Change("none"), words=words, history=history)


def next_days(made: StoredForecast, days: pd.DataFrame) -> Kpi:
    """Low, mid and high of the total itself; the days it is about, as it may be a week old."""
    if made.is_zero:
        return _card(metrics.NEXT_30_DAYS, None, stated(made))
    total = made.totals[AHEAD]
    about = formats.span(Period(made.data_through + ONE_DAY, made.data_through + timedelta(days=AHEAD)))
    path = [summaries.number(value) for value in days["projected"][:AHEAD]]
    limits = band_words(total.low[80], total.high[80]) if made.has_limits else unknown_limits()
    return _card(metrics.NEXT_30_DAYS, total.projected, limits, about, history=path)


def band_words(low: Decimal, high: Decimal) -> str:
    return f"80 %: {formats.short(low, 'money')} – {formats.short(high, 'money')}"


def unknown_limits() -> str:
    return "how far it can be off is not known"


def running_month(made: StoredForecast, days: pd.DataFrame, so_far: Number | None, last: date) -> Kpi:
    """What the month of `last`, the newest complete day, has brought, and what its rest is projected to."""
    metric = metrics.RUNNING_MONTH
    if so_far is None:
        return _card(metric, None, "not computed for all of its days")
    end = (last.replace(day=1) + timedelta(days=31)).replace(day=1) - ONE_DAY
    came = f"{formats.short(so_far, 'money')} through {formats.day(last)}"
    if last == end:
        return _card(metric, so_far, came, "all of it has come")
    rest = days[(days["date"] > last) & (days["date"] <= end)]
    if made.is_zero or rest.empty:
        return _card(metric, None, came, "no forecast of its other days")
    amount = sum(rest["projected"], start=Decimal(0))
    words = [came, f"{formats.short(amount, 'money')} to come"]
    if made.has_limits:
        low, high = made.limits(len(rest), amount)
        words.append(band_words(Decimal(so_far) + low, Decimal(so_far) + high))
    reached = rest["date"].iloc[-1]
    if reached < end:
        words.append(f"to {formats.day(reached)}, as far as the forecast reaches")
    return _card(metric, Decimal(so_far) + amount, *words)


def hit_rate(record: Record, runs: pd.DataFrame) -> Kpi:
    if not record.forecasts:
        return _card(metrics.HIT_RATE, None, "no track record yet", first_settled(runs))
    share = Decimal(100) * record.inside / record.forecasts
    words = [f"of the last {record.forecasts} forecasts, {record.inside} were inside the 80 % band"]
    if record.typical_miss is not None:
        words.append(f"typical miss {record.typical_miss:.1f} %")
    if record.afterwards:
        words.append(f"{record.afterwards} made afterwards")
    return _card(metrics.HIT_RATE, share, *words)


def first_settled(runs: pd.DataFrame) -> str:
    if runs.empty:
        return ""
    return f"the first forecast can be judged on {formats.day(settles(min(runs['data_through'])))}"


def skill(record: Record, total: StoredTotal) -> Kpi:
    """From the record; without one, what the back-test says is no more than a remark."""
    if record.skill is None:
        tested = f"in a back-test {percent(total.skill)}" if total.skill is not None else ""
        return _card(metrics.SKILL, None, "no track record yet", *([tested] if tested else []))
    words = ["than the last week again"]
    if record.over_line is not None:
        words.append(f"better than the straight line by {percent(record.over_line)}")
    return _card(metrics.SKILL, _hundredfold(record.skill), *words)


def percent(share: float) -> str:
    return formats.short(_hundredfold(share), "percent")


def _hundredfold(share: float) -> Decimal:
    return Decimal(f"{100 * share:.2f}")


# ---- figures ----


def fan(queries: Queries, period: Period, outlook: Outlook) -> Drawing:
    made = outlook.made
    if made.is_zero:
        return Drawing(reason=stated(made))
    nominals = (80, 95) if made.has_limits else ()
    figure = forecast_figures.fan(
        queries.daily(period), outlook.days, outlook.line, metrics.TOTAL_REVENUE, nominals
    )
    if not made.has_limits:
        return Drawing(figure, f"{stated(made)} The straight line is the baseline.")
    note = f"Confidence {made.confidence:.0f} %: {CONFIDENCE}. The straight line is the baseline."
    return Drawing(figure, note)


def four_weeks_ago(queries: Queries, newest: StoredForecast, now: datetime) -> Drawing:
    old = queries.forecast_weeks_ago(now, WEEKS_AGO)
    if old is None:
        ripe = formats.day(newest.made_on + timedelta(weeks=WEEKS_AGO))
        return Drawing(reason=f"No forecast is four weeks old yet. The newest one will be on {ripe}.")
    if old.made.is_zero:
        return Drawing(reason=f"Four weeks ago there was nothing to project. {stated(old.made)}")
    came = old.days.dropna(subset=["actual"]).rename(columns={"actual": metrics.TOTAL_REVENUE.name})
    nominals = (80,) if old.made.has_limits else ()
    figure = forecast_figures.fan(came, old.days, old.line, metrics.TOTAL_REVENUE, nominals)
    return Drawing(figure, against_what_came(old.made, came))


def against_what_came(made: StoredForecast, came: pd.DataFrame) -> str:
    """Of the days that have come: both sums."""
    when = formats.day(made.made_on) + (", afterwards" if made.afterwards else "")
    if came.empty:
        return f"Made on {when}. None of its days is complete."
    brought = sum(came[metrics.TOTAL_REVENUE.name], start=Decimal(0))
    projected = sum(came["projected"], start=Decimal(0))
    return (
        f"Made on {when}. Its {len(came)} complete days brought {formats.short(brought, 'money')}; "
        f"{formats.short(projected, 'money')} was forecast."
    )


def components(queries: Queries, coverage: Period, outlook: Outlook, week_start: int) -> Drawing:
    if outlook.made.is_zero:
        return Drawing(reason=stated(outlook.made))
    recent = summaries.since(
        queries.daily(Period.ending(coverage.last, 7 * RECENT_WEEKS)), coverage.first
    ).rename(columns={metrics.TOTAL_REVENUE.name: "recent"})
    ahead = outlook.days[: AHEAD - AHEAD % 7]
    level, order = mean(ahead["projected"]), weekdays_from(week_start)
    table = pd.DataFrame(
        {
            "weekday": [WEEKDAYS[number] for number in order],
            "projected": by_weekday(ahead, "projected", order),
            "recent": by_weekday(recent, "recent", order),
        },
        dtype=object,
    )
    before = mean(recent["recent"])
    note = f"A level of {formats.short(level, 'money')} a day"
    note += f" (the last 8 weeks: {formats.short(before, 'money')})" if before is not None else ""
    return Drawing(forecast_figures.components(table, float(level or 0)), f"{note}, and a weekday pattern.")


def by_weekday(days: pd.DataFrame, column: str, order: Sequence[int]) -> list[Decimal | None]:
    """The mean of each weekday (0 is Monday)."""
    return [mean(days[column][[day.weekday() == number for day in days["date"]]]) for number in order]


def mean(values: pd.Series) -> Decimal | None:
    """Of those that are known."""
    known = [Decimal(value) for value in values if value is not None and not pd.isna(value)]
    return sum(known, start=Decimal(0)) / len(known) if known else None


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness, outlook = queries.freshness(), queries.forecast(now)
    if freshness is None or outlook is None:
        return None
    # As on the page, with nothing before.
    asked = replace(asked, compare=Comparison.NONE)
    chosen = select(freshness, asked)
    revenue = metrics.TOTAL_REVENUE
    tables = [
        exports.key_numbers(kpis(queries, freshness.coverage, outlook)),
        total_rows(outlook.made),
        day_rows(outlook),
        exports.day_rows(queries.daily(chosen.shown)[["date", revenue.name]], [revenue]),
        run_rows(queries.forecast_runs(RUNS)),
    ]
    return exports.export(PAGE, chosen, asked, now, tables)
