"""The rows behind the platform's numbers that are no column of a day: metric → their table, total first."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from aggregation import metrics, summaries
from aggregation.leaderboard import Order, Standing
from aggregation.metrics import Metric, Unit
from aggregation.periods import Period
from aggregation.queries import Queries
from aggregation.retention import Share
from aggregation.summaries import Number
from callbacks import audience, creators, gifts, retention, revenue
from callbacks.selection import Selection
from layouts.exports import Amount, Cell, Lines, Table

DAY = "Day (UTC)"
FIRST = "Not before in the period"
SUM, RATIO, DISTINCT, MEAN, LAST = (
    "Sum",
    "Over the period",
    "Different in the period",
    "Mean of the days",
    "At the end",
)

Values = Sequence[Number | None]


class Column(NamedTuple):
    """`total` is what the column comes to over all rows, where it comes to anything."""

    head: str
    unit: Unit
    values: Values
    total: Number | None = None


def _table(first: str, names: Sequence[Cell], whole: str, columns: Sequence[Column]) -> Table:
    total: tuple[Cell, ...] = (whole, *(Amount(each.total, each.unit) for each in columns))
    rows: list[tuple[Cell, ...]] = [
        (name, *(Amount(each.values[at], each.unit) for each in columns)) for at, name in enumerate(names)
    ]
    return Table("Rows", (first, *(each.head for each in columns)), [total, *rows])


def _by_day(days: Sequence[date], whole: str, *columns: Column) -> Table:
    return _table(DAY, days, whole, columns)


def _summed(head: str, unit: Unit, values: Values) -> Column:
    """None over all days where it is None on one: half a sum would mislead."""
    known = [value for value in values if value is not None]
    whole = sum(known[1:], start=known[0]) if known and len(known) == len(values) else None
    return Column(head, unit, values, whole)


def _ratio(metric: Metric, value: Number | None, over: Column, under: Values, scale: int = 1) -> Column:
    """Of each row `over` / `under`; `value` over all of them."""
    each = [summaries.ratio(*both, scale) for both in zip(over.values, under, strict=True)]
    return Column(metric.label, metric.unit, each, value)


# ---- revenue ----


def _days(chosen: Selection) -> list[date]:
    """What lies before the first day of all is no gap, and in no sum."""
    return [day for day in chosen.shown.dates() if day >= chosen.freshness.coverage.first]


def _daily(queries: Queries, chosen: Selection, name: str) -> list[Number | None]:
    frame = summaries.since(queries.daily(chosen.shown), chosen.freshness.coverage.first)
    return [summaries.number(value) for value in frame[name]]


def _of_revenue(queries: Queries, chosen: Selection, metric: Metric) -> Number | None:
    return revenue.values(queries, chosen.shown, chosen)[metric.name]


def _all_revenue(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    every = revenue.source_days(queries, chosen.shown, chosen)
    frame = summaries.since(every, chosen.freshness.coverage.first)
    named = revenue.source_names(frame)
    each = [_summed(words, "money", [*map(summaries.number, frame[name])]) for name, words in named.items()]
    whole = [summaries.number(value) for value in frame["all"]]
    value = _of_revenue(queries, chosen, metric)
    return _by_day(_days(chosen), SUM, *each, Column(metric.label, metric.unit, whole, value))


def _gift_revenue(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    each = _daily(queries, chosen, metrics.TOTAL_REVENUE.name)
    value = _of_revenue(queries, chosen, metrics.PLATFORM_GIFT_REVENUE)
    return _by_day(_days(chosen), SUM, Column(metric.label, metric.unit, each, value))


def _refund_rate(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    completed = _summed("Completed", "money", _daily(queries, chosen, metrics.TOTAL_REVENUE.name))
    found, counted = queries.refunds_by_day(chosen.shown), queries.refunds(chosen.shown)
    back = [found.get(day, 0) if counted else None for day in _days(chosen)]
    each = [revenue.refund_rate(*both) for both in zip(back, completed.values, strict=True)]
    rate = Column(metric.label, metric.unit, each, _of_revenue(queries, chosen, metric))
    refunded = Column("Refunded", "money", back, counted.amount if counted else None)
    return _by_day(_days(chosen), RATIO, refunded, completed, rate)


def _take_rate(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    kept, paid = (
        _summed(each.label, each.unit, _daily(queries, chosen, each.name))
        for each in (metrics.PLATFORM_EARNINGS, metrics.TOTAL_REVENUE)
    )
    rate = _ratio(metric, _of_revenue(queries, chosen, metric), kept, paid.values, 100)
    return _by_day(_days(chosen), RATIO, kept, paid, rate)


def _arpu(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    days, active = _days(chosen), _daily(queries, chosen, metrics.ACTIVE_USERS.name)
    found = queries.first_visits(chosen.shown)
    first = {day: int(users) for day, users in zip(found["date"], found["first_visits"], strict=True)}
    known = None not in active
    return _by_day(
        days,
        RATIO,
        paid := _summed("Gift revenue", "money", _daily(queries, chosen, metrics.TOTAL_REVENUE.name)),
        Column("Active users that day", "count", active),
        _summed(FIRST, "count", [first.get(day, 0) if known else None for day in days]),
        _ratio(metric, _of_revenue(queries, chosen, metric), paid, active),
    )


def _gifters_of_days(queries: Queries, chosen: Selection) -> tuple[Column, Column]:
    """Of each day; and of these, who had not given before in the period, which add up."""
    days, period = _days(chosen), chosen.shown
    counted = queries.gifters(period) is not None
    each, first = queries.gifters_by_day(period), queries.first_gifts_by_day(period)
    return (
        Column("Gifters that day", "count", [each.get(day, 0) if counted else None for day in days]),
        _summed(FIRST, "count", [first.get(day, 0) if counted else None for day in days]),
    )


def _arppu(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    that_day, first = _gifters_of_days(queries, chosen)
    paid = _summed("Gift revenue", "money", _daily(queries, chosen, metrics.TOTAL_REVENUE.name))
    each = _ratio(metric, _of_revenue(queries, chosen, metric), paid, that_day.values)
    return _by_day(_days(chosen), RATIO, paid, that_day, first, each)


# ---- gifts ----


def _of_gifts(queries: Queries, chosen: Selection, metric: Metric) -> Number | None:
    return gifts.values(queries, chosen.shown, chosen)[metric.name]


def _gifters(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    that_day, first = _gifters_of_days(queries, chosen)
    total = _of_gifts(queries, chosen, metric)
    return _by_day(_days(chosen), DISTINCT, that_day, first._replace(total=total))


def _recipients(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    """Somebody who received two sparks is in both rows, and once in the total."""
    people = gifts.people_by_spark(queries, chosen.shown)
    sparks = queries.sparks(chosen.shown, None).to_dict("records")
    names = [gifts.spark_name(row) for row in sparks]
    counts = [people.get(row["spark_id"], (None, None))[1] for row in sparks]
    value = _of_gifts(queries, chosen, metric)
    return _table("Spark", names, DISTINCT, [Column(metric.label, metric.unit, counts, value)])


def _peak_hour(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    found = queries.hours_of_the_week(chosen.shown, None)
    best = _of_gifts(queries, chosen, metric)
    of_hours = [found[found["hour"] == hour] for hour in range(24)]
    columns = [
        _summed("Gifts", "count", [sum(map(int, each["gifts"])) for each in of_hours]),
        _summed("Value", "money", [sum(each["value"]) for each in of_hours]),
        Column(metric.label, metric.unit, [hour if hour == best else None for hour in range(24)], best),
    ]
    return _table("Hour (UTC)", [f"{hour:02}:00" for hour in range(24)], "All hours", columns)


# ---- audience ----


def _of_audience(queries: Queries, chosen: Selection, metric: Metric) -> Number | None:
    if audience.unavailable(queries, chosen):
        return None
    return audience.values(queries, chosen, chosen.shown)[metric.name]


def _audience_days(queries: Queries, chosen: Selection, names: Sequence[str]) -> dict[str, Values]:
    if audience.unavailable(queries, chosen):
        return {name: [None] * chosen.shown.days for name in names}
    frame = audience.days_of(queries, chosen, chosen.shown)
    return {name: [summaries.number(value) for value in frame[name]] for name in names}


def _reached(whole: str) -> "Reading":
    def read(queries: Queries, chosen: Selection, metric: Metric) -> Table:
        each = _audience_days(queries, chosen, [metric.name])[metric.name]
        value = _of_audience(queries, chosen, metric)
        return _by_day(chosen.shown.dates(), whole, Column(metric.label, metric.unit, each, value))

    return read


def _stickiness(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    mau, each = _audience_days(queries, chosen, [metrics.MAU.name, metric.name]).values()
    known = not audience.unavailable(queries, chosen)
    reach = (
        audience.reach_of(queries, chosen, chosen.shown)["visits"] if known else [None] * chosen.shown.days
    )
    visits = [summaries.number(value) for value in reach]
    return _by_day(
        chosen.shown.dates(),
        LAST,
        Column("Σ DAU of 28 days", "count", visits, visits[-1]),
        Column(metrics.MAU.label, "count", mau, mau[-1]),
        Column(metric.label, metric.unit, each, _of_audience(queries, chosen, metric)),
    )


def _came(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    """On which day of the period each of them came for the first time in it."""
    known = not audience.unavailable(queries, chosen)
    found = queries.first_visits_by_kind(chosen.shown) if known else {}
    kinds = {metrics.NEW_ACTIVE: 0, metrics.RETURNING: 1, metrics.RESURRECTED: 2}
    days = chosen.shown.dates()
    each = [found.get(day, (0, 0, 0))[kinds[metric]] if known else None for day in days]
    value = _of_audience(queries, chosen, metric)
    return _by_day(days, SUM, Column("First visit in the period", metric.unit, each, value))


def _dormant(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    value = _of_audience(queries, chosen, metric)
    again = None if value is None else _of_audience(queries, chosen, metrics.RETURNING)
    before = None if value is None or again is None else value + again
    stayed = None if again is None else -again
    names = ["Active in the period before", "Of these, active in this one"]
    return _table("Users", names, "Left", [Column(metric.label, metric.unit, [before, stayed], value)])


# ---- retention ----


def _day_n(age: int) -> "Reading":
    def read(queries: Queries, chosen: Selection, metric: Metric) -> Table:
        period, days = chosen.shown, chosen.shown.dates()
        signed_up = retention.signed_up(chosen)
        reason = retention.why_not(
            queries, chosen.freshness, signed_up, "cohort_activity", needs_activity=True
        )
        cohorts = None if reason else retention.all_ages(queries, chosen, period)
        spans = [period, *(Period(day, day) for day in days)]
        shares = [retention.reached(cohorts, age, each) if cohorts else Share(0, 0) for each in spans]
        return _shares(
            metric, days, shares, f"Signed up {age} days before" if age > 1 else "Signed up the day before"
        )

    return read


def _shares(metric: Metric, days: Sequence[date], shares: Sequence[Share], people: str) -> Table:
    """`shares`: that of all days first."""
    whole, *each = shares
    return _by_day(
        days,
        RATIO,
        Column("Active that day", "count", [share.part for share in each], whole.part),
        Column(people, "count", [share.whole for share in each], whole.whole),
        Column(metric.label, metric.unit, [share.percent for share in each], whole.percent),
    )


def _gifter_day_30(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    entry = retention.gifter_kpi(queries, chosen)
    found = {} if entry.value is None else queries.gifters_after_30_days(chosen.shown)
    days = chosen.shown.dates()
    each = [found.get(day, Share(0, 0)) for day in days]
    return _shares(metric, days, [retention.added(each), *each], "Gave first 30 days before")


def _kept(queries: Queries, chosen: Selection, metric: Metric) -> Table:
    entry = next(each for each in retention.payer_kpis(queries, chosen) if each.metric is metric)
    if entry.value is None:
        return _table("First gift in", ["—"], RATIO, [Column(metric.label, metric.unit, [None])])
    months = retention.gifter_months(queries, chosen)
    began = retention.began_before(months, chosen.shown)
    first = [months.at(month, 0).amount for month in began]
    later = [months.at(month, 1) for month in began]
    again = [each.kept if metric is metrics.GRR else each.amount for each in later]
    columns = [
        _summed("Spent in it", "money", first),
        after := _summed(
            "Of that in the month after" if metric is metrics.GRR else "In the month after", "money", again
        ),
        _ratio(metric, entry.value, after, first, 100),
    ]
    return _table("First gift in", [f"{month:%b %Y}" for month in began], RATIO, columns)


# ---- creators ----


def _standings(cell: Callable[[Standing], Number | None]) -> "Reading":
    """Who earned in one of the two periods, most first; `cell` is what each adds to the number."""

    def read(queries: Queries, chosen: Selection, metric: Metric) -> Table:
        entry = next(each for each in creators.kpis(queries, chosen) if each.metric is metric)
        every = queries.standings(chosen.shown, chosen.comparable, Order(), None)
        rows = [row for row in every if row.earnings or row.before]

        def made(row: Standing) -> Sequence[Cell]:
            before = Amount(row.before if chosen.comparable else None, "money")
            return (row.name, Amount(row.earnings, "money"), before, Amount(cell(row), metric.unit))

        heads = ("Creator", "Earnings", "Before", metric.label)
        whole: Sequence[Cell] = (RATIO, None, None, Amount(entry.value, metric.unit))
        return Table("Rows", heads, Lines([whole, *rows], lambda row: row if row is whole else made(row)))

    return read


Reading = Callable[[Queries, Selection, Metric], Table]
READINGS: Mapping[Metric, Reading] = {
    metrics.ALL_REVENUE: _all_revenue,
    metrics.PLATFORM_GIFT_REVENUE: _gift_revenue,
    metrics.GIFT_VALUE: _gift_revenue,
    metrics.REFUND_RATE: _refund_rate,
    metrics.TAKE_RATE: _take_rate,
    metrics.ARPU: _arpu,
    metrics.ARPPU: _arppu,
    metrics.GIFTERS: _gifters,
    metrics.RECIPIENTS: _recipients,
    metrics.PEAK_HOUR: _peak_hour,
    metrics.DAU: _reached(MEAN),
    metrics.WAU: _reached(LAST),
    metrics.MAU: _reached(LAST),
    metrics.STICKINESS: _stickiness,
    metrics.NEW_ACTIVE: _came,
    metrics.RESURRECTED: _came,
    metrics.DORMANT: _dormant,
    metrics.DAY_1: _day_n(1),
    metrics.DAY_7: _day_n(7),
    metrics.DAY_30: _day_n(30),
    metrics.GIFTER_DAY_30: _gifter_day_30,
    metrics.GRR: _kept,
    metrics.NRR: _kept,
    metrics.ACTIVE_EARNERS: _standings(lambda row: int(row.earnings > 0)),
    metrics.MEDIAN_EARNINGS: _standings(lambda row: row.earnings or None),
    metrics.TOP_1_SHARE: _standings(lambda row: None),
    metrics.GINI: _standings(lambda row: None),
    metrics.WENT_DARK: _standings(lambda row: int(bool(row.before) and not row.earnings)),
}
