"""Forecast: stored forecasts → cards, figures and the table of all that were made."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import starmap
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics, summaries
from aggregation.days import ONE_DAY
from aggregation.forecasting import CONFIDENCE, State
from aggregation.forecasts import Record, StoredForecast, StoredTotal, was_made_afterwards
from aggregation.periods import Period
from aggregation.queries import Outlook, Queries, Store
from aggregation.summaries import Change, Number
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, select
from layouts import forecast_figures, formats, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    notes_card,
    table_card,
)
from layouts.page import Asked, Viewer
from layouts.pages.forecast import Ids

AHEAD = 30
WEEKS_AGO = 4
# Weekdays are compared over whole weeks, so that each counts alike.
RECENT_WEEKS = 8
RUNS = 26

FAN = "What will the next 30 days bring?"
AGO = "What was forecast four weeks ago, and what came?"
PARTS = "What is the forecast made of?"
ALL_RUNS = "How did each forecast do?"

METHODS = {
    "weekday_mean": "weekday means",
    "ets": "smoothing with weekdays (ETS)",
    "ets_last_year": "smoothing with weekdays and last year's season",
    "linear_regression": "straight line",
    "seasonal_naive": "last week again",
}
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
    key_numbers = chosen.section("Key numbers", lambda: cards(queries, chosen.freshness.coverage, outlook))
    return {
        Ids.HEAD: [made_line(outlook.made), notes_card(outlook.made.notes), key_numbers],
        Ids.RUNS: chosen.section(ALL_RUNS, lambda: runs_table(queries.forecast_runs(RUNS))),
        **figure("fan", FAN, lambda: fan(queries, chosen.period, outlook)),
        **figure("four_weeks_ago", AGO, lambda: four_weeks_ago(queries, outlook.made, now)),
        **figure("components", PARTS, lambda: components(queries, chosen.freshness.coverage, outlook)),
    }


def made_line(made: StoredForecast) -> Component:
    words = (
        f"Made on {formats.day(made.made_on)} from {made.history_days} complete days through "
        f"{formats.day(made.data_through)}, by {METHODS.get(made.methodology, made.methodology)}"
    )
    return html.P(words, className="period-line")


# ---- states ----


def has_nothing_to_project(made: StoredForecast) -> bool:
    return made.state_then is State.ZERO


def has_limits(made: StoredForecast) -> bool:
    """Where all days were alike, nothing tells how far one can be off."""
    return made.state_then in (State.READY, State.SHORT)


def stated(made: StoredForecast) -> str:
    """Its own words on why there is no number; a stale one says that first."""
    return made.notes[-1] if made.notes else ""


# ---- cards ----


def cards(queries: Queries, coverage: Period, outlook: Outlook) -> Component:
    record, made = queries.forecast_record(), outlook.made
    month = Period(coverage.last.replace(day=1), coverage.last)
    daily = summaries.since(queries.daily(month), coverage.first)
    all_cards = (
        next_days(made, outlook.days),
        running_month(made, outlook.days, summaries.total(daily, metrics.TOTAL_REVENUE.name), coverage.last),
        hit_rate(record, queries.forecast_runs(RUNS)),
        skill(record, made.totals[AHEAD]),
    )
    return html.Div([kpi_card(entry) for entry in all_cards], className="kpis")


def _card(metric: metrics.Metric, value: Number | None, *words: str, history: Sequence[Any] = ()) -> Kpi:
    """Without a value, the words say why."""
    return Kpi(metric, value, Change("none"), words=words, history=history)


def next_days(made: StoredForecast, days: pd.DataFrame) -> Kpi:
    """Low, mid and high of the total itself; the days it is about, as it may be a week old."""
    if has_nothing_to_project(made):
        return _card(metrics.NEXT_30_DAYS, None, stated(made))
    total = made.totals[AHEAD]
    about = formats.span(Period(made.data_through + ONE_DAY, made.data_through + timedelta(days=AHEAD)))
    path = [summaries.number(value) for value in days["projected"][:AHEAD]]
    limits = band_words(total.low[80], total.high[80]) if has_limits(made) else unknown_limits()
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
    if has_nothing_to_project(made) or rest.empty:
        return _card(metric, None, came, "no forecast of its other days")
    amount = sum(rest["projected"], start=Decimal(0))
    words = [came, f"{formats.short(amount, 'money')} to come"]
    if has_limits(made):
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


def settles(data_through: date) -> date:
    """The day after the last of its 30 days."""
    return data_through + timedelta(days=AHEAD + 1)


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
    if has_nothing_to_project(made):
        return Drawing(reason=stated(made))
    nominals = (80, 95) if has_limits(made) else ()
    figure = forecast_figures.fan(
        queries.daily(period), outlook.days, outlook.line, metrics.TOTAL_REVENUE, nominals
    )
    if not has_limits(made):
        return Drawing(figure, f"{stated(made)} The straight line is the baseline.")
    note = f"Confidence {made.confidence:.0f} %: {CONFIDENCE}. The straight line is the baseline."
    return Drawing(figure, note)


def four_weeks_ago(queries: Queries, newest: StoredForecast, now: datetime) -> Drawing:
    old = queries.forecast_weeks_ago(now, WEEKS_AGO)
    if old is None:
        ripe = formats.day(newest.made_on + timedelta(weeks=WEEKS_AGO))
        return Drawing(reason=f"No forecast is four weeks old yet. The newest one will be on {ripe}.")
    if has_nothing_to_project(old.made):
        return Drawing(reason=f"Four weeks ago there was nothing to project. {stated(old.made)}")
    came = old.days.dropna(subset=["actual"]).rename(columns={"actual": metrics.TOTAL_REVENUE.name})
    nominals = (80,) if has_limits(old.made) else ()
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


def components(queries: Queries, coverage: Period, outlook: Outlook) -> Drawing:
    if has_nothing_to_project(outlook.made):
        return Drawing(reason=stated(outlook.made))
    recent = summaries.since(
        queries.daily(Period.ending(coverage.last, 7 * RECENT_WEEKS)), coverage.first
    ).rename(columns={metrics.TOTAL_REVENUE.name: "recent"})
    ahead = outlook.days[: AHEAD - AHEAD % 7]
    level = mean(ahead["projected"])
    table = pd.DataFrame(
        {
            "weekday": WEEKDAYS,
            "projected": by_weekday(ahead, "projected"),
            "recent": by_weekday(recent, "recent"),
        },
        dtype=object,
    )
    before = mean(recent["recent"])
    note = f"A level of {formats.short(level, 'money')} a day"
    note += f" (the last 8 weeks: {formats.short(before, 'money')})" if before is not None else ""
    return Drawing(forecast_figures.components(table, float(level or 0)), f"{note}, and a weekday pattern.")


def by_weekday(days: pd.DataFrame, column: str) -> list[Decimal | None]:
    """The mean of each weekday, from Monday on."""
    return [mean(days[column][[day.weekday() == number for day in days["date"]]]) for number in range(7)]


def mean(values: pd.Series) -> Decimal | None:
    """Of those that are known."""
    known = [Decimal(value) for value in values if value is not None and not pd.isna(value)]
    return sum(known, start=Decimal(0)) / len(known) if known else None


# ---- the table ----


def runs_table(runs: pd.DataFrame) -> Component:
    columns = (
        Column("Made on", numeric=False),
        Column("Method", numeric=False),
        Column("Next 30 days"),
        Column("80 % band"),
        Column("Came"),
        Column("Error"),
        Column("Coverage", numeric=False),
    )
    rows = [run_row(run) for run in runs.to_dict("records")]
    late = any(starmap(was_made_afterwards, zip(runs["made_on"], runs["made_at"], strict=True)))
    note = "Afterwards: made later, from the days that were complete then." if late else ""
    return table_card("runs", ALL_RUNS, columns, rows, note, wide=True)


def run_row(run: dict[Any, Any]) -> tuple[str, ...]:
    late = was_made_afterwards(run["made_on"], run["made_at"])
    low, high, came = run["low_80"], run["high_80"], summaries.number(run["actual"])
    return (
        formats.day(run["made_on"]) + (", afterwards" if late else ""),
        METHODS.get(run["methodology"], run["methodology"]),
        formats.short(run["projected"], "money"),
        f"{formats.short(low, 'money')} – {formats.short(high, 'money')}",
        formats.short(came, "money"),
        formats.change_text(error_of(run["projected"], came)),
        covered(run, came),
    )


def error_of(projected: Decimal, came: Number | None) -> Change:
    """By how much the forecast was above (+) or below (−) what came."""
    off = summaries.growth(projected, came)
    return Change("none") if off is None else Change("relative", off)


def covered(run: dict[Any, Any], came: Number | None) -> str:
    if came is None:
        return f"known on {formats.day(settles(run['data_through']))}"
    for nominal in (80, 95):
        if run[f"low_{nominal}"] <= came <= run[f"high_{nominal}"]:
            return f"inside {nominal} %"
    return "outside"
