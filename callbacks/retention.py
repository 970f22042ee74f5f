"""Retention: cohorts → cards, the heat map, curves and tables.

The period says when somebody came back: day N is of those whose day N lies in it, that is who signed up N
days earlier. So all of them are ripe, and two periods never share a number.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
from dash import html

from aggregation import metrics
from aggregation.jobs.events import ACTIVITY
from aggregation.periods import Period
from aggregation.queries import Freshness, Queries, Store
from aggregation.retention import (
    COLUMNS,
    FOLLOWED,
    Ages,
    Cohorts,
    GifterCohorts,
    Grain,
    Measure,
    Share,
    groups,
    last_month_end,
    later_month,
    whole,
)
from aggregation.schema import COHORT_OFFSETS, OLDEST_AGE
from aggregation.summaries import Number
from callbacks import exports
from callbacks.guard import Filled, PageGuard
from callbacks.selection import Selection, badge, judged_days, kpi, select, why_not_counted
from layouts import formats, heat_maps, people_figures, shell
from layouts.components import (
    Box,
    Column,
    Component,
    Drawing,
    Kpi,
    Parts,
    kpi_card,
    message_card,
    table_card,
)
from layouts.exports import Amount, Export, Table
from layouts.page import Asked, Viewer
from layouts.pages.retention import GRAIN, MEASURE, PAGE, Ids

EVERY_AGE = tuple(Ages(age, age) for age in range(OLDEST_AGE + 1))
STORED = tuple(Ages(age, age) for age in COHORT_OFFSETS)
DAYS = {1: metrics.DAY_1, 7: metrics.DAY_7, 30: metrics.DAY_30}
# Of more cohorts than these only the newest are shown.
SHOWN = 60
LISTED = 26
GIFTERS_SHOWN = 13
LATER_MONTHS = (1, 2, 3, 6, 12)

MAP = "Which cohorts come back?"
CURVE = "How many come back, by days since they signed up?"
VALUE = "What does a sign-up bring?"
PAYERS = "Do payers keep paying?"
COHORTS = "How did each cohort do?"
GIFTERS = "How did those who began to give do?"

NEEDS_ACTIVITY = "needs the platform's sessions and watches"
SAID = {
    Measure.ON: "active on exactly that day after signing up",
    Measure.AFTER_30: "active on that day or a later one, until day 30",
    Measure.AFTER_90: "active on that day or a later one, until day 90",
    Measure.WITHIN: "active on at least one of these days after signing up",
}
HEADS = {Grain.DAY: "Signed up", Grain.WEEK: "Week from", Grain.MONTH: "Month"}


def register(page: PageGuard, store: Store) -> None:
    page.fill(store, content, shared=True)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled(nothing_yet(), shell.badge(None))
    chosen = select(freshness, asked)
    parts = filled(queries, chosen, grain_of(asked), measure_of(asked))
    return Filled(parts, badge(freshness, now), not chosen.failures.any)


def nothing_yet() -> Parts:
    words = message_card(
        "No numbers yet",
        "Sparkboard shows whole days, and none has been computed so far.",
        "The operator starts that with: python run.py aggregate",
    )
    return {Ids.HEAD: Box(words, "nothing")}


def grain_of(asked: Asked) -> Grain:
    return Grain(GRAIN.made(asked))


def measure_of(asked: Asked) -> Measure:
    return Measure(MEASURE.made(asked))


def filled(queries: Queries, chosen: Selection, grain: Grain, measure: Measure) -> Parts:
    figure = partial(chosen.figure, "retention")
    days = signed_up(chosen)
    of_people = why_not(queries, chosen.freshness, days, "cohort_activity", needs_activity=True)
    of_value = why_not(queries, chosen.freshness, days, "cohort_value")
    of_gifters = why_not(queries, chosen.freshness, until(chosen), "gifter_cohorts")
    months = partial(gifter_months, queries, chosen)

    def shown(title: str, reason: str, build: Callable[[], Component]) -> Component:
        if reason:
            return message_card(title, f"Not available: {reason}.", wide=True)
        return chosen.section(title, build)

    def drawn(reason: str, build: Callable[[], Drawing]) -> Callable[[], Drawing]:
        return lambda: Drawing(reason=f"Not available: {reason}.") if reason else build()

    return {
        Ids.HEAD: [chosen.line(), chosen.section("Key numbers", lambda: cards(kpis(queries, chosen)))],
        Ids.MAP: shown(
            MAP,
            of_people,
            lambda: heat_map(of(queries, chosen, grain, COLUMNS[measure]), grain, measure, chosen.week_start),
        ),
        Ids.COHORTS: shown(
            COHORTS,
            of_people,
            lambda: cohort_table(of(queries, chosen, grain, STORED), grain, chosen.week_start),
        ),
        Ids.GIFTERS: shown(GIFTERS, of_gifters, lambda: gifter_table(months())),
        **figure("curve", CURVE, drawn(of_people, lambda: curve(queries, chosen))),
        **figure("value", VALUE, drawn(of_value, lambda: value(queries, chosen))),
        **figure("payers", PAYERS, drawn(of_gifters, lambda: payers(months()))),
    }


def why_not(
    queries: Queries, freshness: Freshness, days: Period, job: str, *, needs_activity: bool = False
) -> str:
    """Why these numbers can't be shown; empty where they can."""
    if needs_activity and ACTIVITY & freshness.missing:
        return NEEDS_ACTIVITY
    return why_not_counted(queries, freshness, job, days)


# ---- numbers ----


def signed_up(chosen: Selection) -> Period:
    """Who was between 0 and 90 days old in the period."""
    return Period(chosen.period.first - FOLLOWED, chosen.period.last)


def of(queries: Queries, chosen: Selection, grain: Grain, ages: tuple[Ages, ...]) -> Cohorts:
    """The same people, and those of their week or month who signed up before them."""
    return queries.cohorts(
        whole(signed_up(chosen), grain, chosen.week_start), chosen.freshness.coverage.last, ages
    )


def all_ages(queries: Queries, chosen: Selection, period: Period) -> Cohorts:
    days = Period(period.first - FOLLOWED, period.last)
    return queries.cohorts(days, chosen.freshness.coverage.last, EVERY_AGE)


def followed(queries: Queries, chosen: Selection) -> Cohorts:
    """Everyone whom the period is about, and those before them, who make the normal ranges."""
    return all_ages(queries, chosen, Period(chosen.usual.first, chosen.period.last))


def reached(cohorts: Cohorts, age: int, period: Period) -> Share:
    """Of everyone whose day `age` lies in the period."""
    return cohorts.share(age, period.shifted(-age))


def gifter_months(queries: Queries, chosen: Selection) -> GifterCohorts:
    return queries.gifter_cohorts(chosen.period.last)


def until(chosen: Selection) -> Period:
    """All days from the first one of the data."""
    return Period(chosen.freshness.coverage.first, chosen.period.last)


# ---- cards ----


def kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    return chosen.told(
        [*day_kpis(queries, chosen), gifter_kpi(queries, chosen), *payer_kpis(queries, chosen)]
    )


def cards(entries: Iterable[Kpi]) -> Component:
    return html.Div([kpi_card(entry) for entry in entries], className="kpis three")


def day_kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    reason = why_not(queries, chosen.freshness, signed_up(chosen), "cohort_activity", needs_activity=True)
    if reason:
        return [kpi(metric, None, None, reason=reason) for metric in DAYS.values()]
    now = followed(queries, chosen)
    before = all_ages(queries, chosen, chosen.comparable) if chosen.comparable else None
    return [day_kpi(chosen, now, before, age) for age in DAYS]


def day_kpi(chosen: Selection, now: Cohorts, before: Cohorts | None, age: int) -> Kpi:
    share = reached(now, age, chosen.period)
    earlier = reached(before, age, chosen.comparable).percent if before and chosen.comparable else None
    each_day = [reached(now, age, Period(day, day)).percent for day in chosen.period.dates()]
    usual = [reached(now, age, Period(day, day)).percent for day in chosen.usual.dates()]
    has = (chosen.period.last - chosen.freshness.coverage.first).days
    signed_up_then = now.people(chosen.period.shifted(-age))
    missing = "no activity was recorded then" if signed_up_then else "nobody signed up then"
    if has < age:
        missing = f"needs {age} days after a sign-up, has {max(has, 0)}"
    return kpi(
        DAYS[age],
        share.percent,
        earlier,
        history=each_day,
        note=told_of(share),
        reason="" if share.whole else missing,
        verdict=judged_days(usual, each_day, DAYS[age].unit) if share.whole else None,
    )


def told_of(share: Share) -> str:
    return f"{share.part:,} of {share.whole:,}" if share.whole else ""


def gifter_kpi(queries: Queries, chosen: Selection) -> Kpi:
    metric = metrics.GIFTER_DAY_30
    days = Period(chosen.period.first - timedelta(days=30), chosen.period.last)
    reason = why_not(queries, chosen.freshness, days, "gifter_activity", needs_activity=True)
    if reason:
        return kpi(metric, None, None, reason=reason)
    by_day = queries.gifters_after_30_days(chosen.period)
    earlier = queries.gifters_after_30_days(chosen.comparable) if chosen.comparable else {}
    share = added(by_day.values())
    return kpi(
        metric,
        share.percent,
        added(earlier.values()).percent,
        history=[by_day[day].percent if day in by_day else None for day in chosen.period.dates()],
        note=told_of(share),
        reason="" if share.whole else "nobody gave a first gift 30 days before these days",
    )


def added(shares: Iterable[Share]) -> Share:
    each = list(shares)
    return Share(sum(share.part for share in each), sum(share.whole for share in each))


def payer_kpis(queries: Queries, chosen: Selection) -> list[Kpi]:
    reason = why_not(queries, chosen.freshness, until(chosen), "gifter_cohorts")
    if reason:
        return [kpi(metric, None, None, reason=reason) for metric in (metrics.GRR, metrics.NRR)]
    months = gifter_months(queries, chosen)
    began = began_before(months, chosen.period)
    now = months.kept(began, 1)
    earlier = months.kept(began_before(months, chosen.comparable), 1) if chosen.comparable else (None, None)
    history = [months.kept([cohort], 1) for cohort in months.months[-12:] if months.ripe(cohort, 1)]
    about = f"first gifts of {month_names(began)}, and the month after"
    why_none = f"no {about}"
    if months.at(began[-1], 0).gifters and not months.ripe(began[-1], 1):
        why_none = f"gifts began within {began[-1]:%b %Y}"
    return [
        kpi(
            metric,
            now[number],
            earlier[number],
            history=[each[number] for each in history],
            note=about,
            reason="" if now[number] is not None else why_none,
        )
        for number, metric in enumerate((metrics.GRR, metrics.NRR))
    ]


def ends_in(period: Period) -> list[date]:
    """The months that end in the period; where none does, the last one that was over by then."""
    ends = [day for day in period.dates() if last_month_end(day) == day]
    return ends or [last_month_end(period.last)]


def began_before(months: GifterCohorts, period: Period) -> list[date]:
    """The months before those that end in the period; where any are ripe, these alone."""
    before = [later_month(end, -1) for end in ends_in(period)]
    return [month for month in before if months.ripe(month, 1)] or before


def month_names(ends: Sequence[date]) -> str:
    first, last = f"{ends[0]:%b %Y}", f"{ends[-1]:%b %Y}"
    return first if first == last else f"{first} – {last}"


# ---- heat map ----


def heat_map(cohorts: Cohorts, grain: Grain, measure: Measure, week_start: int) -> Component:
    rows = [each for each in groups(cohorts.days, grain, week_start) if cohorts.people(each)]
    if not rows:
        return message_card(MAP, "Nobody signed up in these days or the 90 days before.", wide=True)
    newest = rows[-SHOWN:]
    columns = [heading(ages, measure) for ages in cohorts.ages]
    strongest = max(
        (
            share.rate or 0.0
            for each in newest
            for column, ages in enumerate(cohorts.ages)
            if ages.last and (share := cohorts.share(column, each)).whole
        ),
        default=0.0,
    )
    body = [
        heat_maps.Row(
            f"{cohort_name(each, grain)} · {cohorts.people(each):,}",
            [cell(cohorts, column, each, columns[column], strongest) for column in range(len(columns))],
        )
        for each in reversed(newest)
    ]
    return heat_maps.heat_map_card(
        "cohorts_map", MAP, [HEADS[grain], *columns], body, note=map_note(rows, measure, grain), wide=True
    )


def map_note(rows: Sequence[Period], measure: Measure, grain: Grain) -> str:
    about = formats.span(Period(rows[0].first, rows[-1].last))
    cut = f" The newest {SHOWN}; the export has all." if len(rows) > SHOWN else ""
    pale = " Pale: not known of all of its days." if grain is not Grain.DAY else ""
    blank = "Blank: not old enough, or before activity was recorded."
    return f"Share {SAID[measure]}, of those who signed up {about}. {blank}{pale}{cut}"


def heading(ages: Ages, measure: Measure) -> str:
    if measure is Measure.WITHIN and ages.first < ages.last:
        return f"{ages.first}–{ages.last}"
    return f"{ages.first}+" if measure in (Measure.AFTER_30, Measure.AFTER_90) else f"{ages.first}"


def cell(
    cohorts: Cohorts, column: int, days: Period, heading: str, strongest: float
) -> heat_maps.Cell | None:
    share, known = cohorts.share(column, days), cohorts.known_days(column, days)
    if share.percent is None or share.interval is None:
        return None
    low, high = share.interval
    told = f"Day {heading}: {formats.exact(share.percent, 'percent')}, {told_of(share)}"
    told += f"; 95 %: {100 * low:.1f} – {100 * high:.1f}%"
    weak = known < days.days
    if weak:
        told += f"; known of {known} of {days.days} days"
    rate = share.rate or 0.0
    return heat_maps.Cell(rate / strongest if strongest else 0.0, percent(share), told, weak)


def percent(share: Share) -> str:
    """As short as a cell needs it."""
    if share.percent is None:
        return ""
    return f"{share.percent:.0f}%" if share.percent >= 10 else f"{share.percent:.1f}%"


def cohort_name(days: Period, grain: Grain) -> str:
    return f"{days.first:%b %Y}" if grain is Grain.MONTH else formats.day(days.first)


# ---- figures ----


def curve_points(cohorts: Cohorts, period: Period) -> pd.DataFrame:
    """age, share, low, high (percent), part, whole: of those who reached that age in the period."""
    rows: list[dict[str, Any]] = []
    for age in range(1, OLDEST_AGE + 1):
        share = reached(cohorts, age, period)
        low, high = share.interval or (None, None)
        rows.append(
            {
                "age": age,
                "share": share.percent,
                "low": None if low is None else 100 * low,
                "high": None if high is None else 100 * high,
                "part": share.part,
                "whole": share.whole,
            }
        )
    return pd.DataFrame(rows, dtype=object)


def curve(queries: Queries, chosen: Selection) -> Drawing:
    cohorts = followed(queries, chosen)
    points = curve_points(cohorts, chosen.period)
    if points["share"].isna().all():
        return Drawing(reason="Nobody has been signed up for a day yet.")
    compared = chosen.comparable_by(metrics.DAY_1)
    before = curve_points(all_ages(queries, chosen, compared), compared) if compared else None
    day_0 = reached(cohorts, 0, chosen.period)
    note = "Active on that day, of everyone who reached it in the period; with 95 % intervals."
    if day_0.percent is not None:
        note += f" On the day itself: {formats.exact(day_0.percent, 'percent')}."
    return Drawing(people_figures.curve(points, before), note)


def value_points(queries: Queries, chosen: Selection) -> pd.DataFrame:
    """age, value, amount, signups: until each age, of those who reached the oldest of them in the period.

    The same people at every age: so it never falls. Empty where nobody has reached one.
    """
    oldest = min(OLDEST_AGE, (chosen.period.last - chosen.freshness.coverage.first).days)
    begin = OLDEST_AGE - oldest
    those = slice(begin, begin + chosen.period.days)
    signups = followed(queries, chosen).people(chosen.period.shifted(-oldest))
    spent = queries.signup_spending(signed_up(chosen), chosen.freshness.coverage.last)[those].cumsum(axis=1)
    rows: list[dict[str, Any]] = []
    for age in range(oldest + 1 if signups else 0):
        amount = Decimal(int(spent[:, age].sum())) / 100
        rows.append({"age": age, "value": amount / signups, "amount": amount, "signups": signups})
    return pd.DataFrame(rows, columns=["age", "value", "amount", "signups"], dtype=object)


def value(queries: Queries, chosen: Selection) -> Drawing:
    points = value_points(queries, chosen)
    if points.empty:
        return Drawing(reason="Nobody who signed up then is old enough.")
    last = points.iloc[-1]
    note = f"Gift revenue until each day per sign-up, of the {last['signups']:,} people whose day "
    return Drawing(people_figures.value(points), f"{note}{last['age']} lies in the period.")


def payer_points(months: GifterCohorts) -> pd.DataFrame:
    """month, grr, nrr: over all cohorts that are old enough."""
    oldest = next((n for n in range(24, 0, -1) if any(months.ripe(c, n) for c in months.months)), 0)
    rows = [(n, *months.kept(months.months, n)) for n in range(oldest + 1)]
    return pd.DataFrame(rows, columns=["month", metrics.GRR.name, metrics.NRR.name], dtype=object)


def payers(months: GifterCohorts) -> Drawing:
    points = payer_points(months)
    if len(points) < 2:
        return Drawing(reason="Needs a whole month after one with a first gift.")
    note = "Spent so many months after the month of the first gift, as a share of what was spent in it. "
    note += "GRR counts of each gifter no more than at first. The month within which gifts began is left out."
    return Drawing(people_figures.payers(points), note)


# ---- tables ----


def cohort_table(cohorts: Cohorts, grain: Grain, week_start: int) -> Component:
    rows = [each for each in groups(cohorts.days, grain, week_start) if cohorts.people(each)]
    if not rows:
        return message_card(COHORTS, "Nobody signed up in these days or the 90 days before.", wide=True)
    columns = [Column(HEADS[grain], numeric=False), Column("People")]
    columns += [Column(f"Day {age}") for age in COHORT_OFFSETS]
    lines = [
        [
            cohort_name(each, grain),
            f"{cohorts.people(each):,}",
            *(percent(cohorts.share(column, each)) for column in range(len(COHORT_OFFSETS))),
        ]
        for each in reversed(rows[-LISTED:])
    ]
    together = Period(rows[0].first, rows[-1].last)
    everyone = [
        "All",
        f"{cohorts.people(together):,}",
        *(percent(cohorts.share(column, together)) for column in range(len(COHORT_OFFSETS))),
    ]
    note = "Σ came back / Σ signed up, over the days of which it is known; blank: none."
    note += f" The newest {LISTED}, and all {len(rows)} together." if len(rows) > LISTED else ""
    return table_card("cohorts", COHORTS, columns, [*lines, everyone], note, wide=True)


def gifter_table(months: GifterCohorts) -> Component:
    newest = months.months[-GIFTERS_SHOWN:]
    if not newest:
        return message_card(GIFTERS, "No month with a gift is over yet.", wide=True)
    columns = [Column("First gift in", numeric=False), Column("People"), Column("Spent in it")]
    columns += [Column(f"{name} {n}") for name in ("GRR", "NRR") for n in LATER_MONTHS]
    rows = [gifter_line(months, cohort) for cohort in reversed(newest)]
    note = "GRR and NRR so many months later, in percent of the first month; blank: not over yet, "
    note += "or gifts began within the first month."
    return table_card("gifter_cohorts", GIFTERS, columns, rows, note, wide=True)


def gifter_line(months: GifterCohorts, cohort: date) -> list[str]:
    first = months.at(cohort, 0)
    kept = [months.kept([cohort], n) for n in LATER_MONTHS]
    shares = [short(each[number]) for number in (0, 1) for each in kept]
    return [f"{cohort:%b %Y}", f"{first.gifters:,}", formats.short(first.amount, "money"), *shares]


def short(value: Number | None) -> str:
    return "" if value is None else formats.short(value, "percent")


# ---- export ----


def export(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Export | None:
    freshness = queries.freshness()
    if freshness is None:
        return None
    chosen, grain, measure = select(freshness, asked), grain_of(asked), measure_of(asked)
    tables = [exports.key_numbers(kpis(queries, chosen))]
    days = signed_up(chosen)
    if not why_not(queries, freshness, days, "cohort_activity", needs_activity=True):
        cohorts = of(queries, chosen, grain, COLUMNS[measure])
        tables.append(map_rows(cohorts, grain, measure, chosen.week_start))
        tables.append(curve_rows(followed(queries, chosen), chosen.period))
        tables.append(age_rows(all_ages(queries, chosen, chosen.period)))
    if not why_not(queries, freshness, days, "cohort_value"):
        tables.append(value_rows(value_points(queries, chosen)))
    if not why_not(queries, freshness, until(chosen), "gifter_cohorts"):
        tables.append(gifter_rows(gifter_months(queries, chosen)))
    return exports.export(PAGE, chosen, asked, now, tables)


SHARE_COLUMNS = ("Came back", "People", "Share (%)", "95 % from", "95 % to")


def share_cells(share: Share) -> tuple[Any, ...]:
    low, high = share.interval or (None, None)
    limits = (None if each is None else Decimal(f"{100 * each:.6f}") for each in (low, high))
    amounts = (Amount(each, "percent") for each in (share.percent, *limits))
    return (share.part, share.whole, *amounts)


def map_rows(cohorts: Cohorts, grain: Grain, measure: Measure, week_start: int) -> Table:
    """A row for each cell of the heat map; what isn't old enough has none."""
    columns = ("First sign-up (UTC)", "Last sign-up (UTC)", "Day", "Until day", *SHARE_COLUMNS)
    rows = [
        (each.first, each.last, ages.first, ages.last, *share_cells(share))
        for each in groups(cohorts.days, grain, week_start)
        for column, ages in enumerate(cohorts.ages)
        if (share := cohorts.share(column, each)).whole
    ]
    return Table(f"Cohorts by {grain}, {measure}", columns, rows)


def curve_rows(cohorts: Cohorts, period: Period) -> Table:
    shares = ((age, reached(cohorts, age, period)) for age in range(OLDEST_AGE + 1))
    rows = [(age, *share_cells(share)) for age, share in shares if share.whole]
    return Table("Curve", ("Day", *SHARE_COLUMNS), rows)


def age_rows(cohorts: Cohorts) -> Table:
    """Each day's sign-ups at each age that they have reached."""
    rows = [
        (day, ages.first, share.part, share.whole)
        for day in cohorts.days.dates()
        for column, ages in enumerate(cohorts.ages)
        if (share := cohorts.share(column, Period(day, day))).whole
    ]
    return Table("All ages", ("Signed up (UTC)", "Day", "Active", "People"), rows)


def value_rows(points: pd.DataFrame) -> Table:
    columns = ("Day", "Gift revenue until then ($)", "Sign-ups", "Value per sign-up ($)")
    rows = [
        (row["age"], Amount(row["amount"], "money"), row["signups"], Amount(row["value"], "money"))
        for row in points.to_dict("records")
    ]
    return Table("Value per sign-up", columns, rows)


def gifter_rows(months: GifterCohorts) -> Table:
    columns = (
        "First gift until (UTC)",
        "Month until (UTC)",
        "Months later",
        "Gifters",
        "Spent ($)",
        "Kept ($)",
    )
    rows = [
        (
            cohort,
            later_month(cohort, n),
            n,
            months.at(cohort, n).gifters,
            Amount(months.at(cohort, n).amount, "money"),
            Amount(months.at(cohort, n).kept, "money"),
        )
        for cohort in months.months
        for n in range(240)
        if months.over(cohort, n)
    ]
    return Table("Gifter cohorts", columns, rows)
