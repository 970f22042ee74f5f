"""Today so far, on the pages that show it: of the platform, and of a creator."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd

from aggregation import metrics, summaries
from aggregation.periods import Period
from aggregation.queries import Freshness, Queries, Running, usual_weekdays
from callbacks.guard import Filled
from callbacks.selection import Failures
from layouts import figures, formats
from layouts.components import Drawing, drawing, figure_parts
from layouts.page import Viewer

QUESTION = "How is today going so far?"
# A worker that is at work has counted within seconds.
STALE_AFTER = timedelta(minutes=1)
HATCHED = "The hour now running is hatched."


def of_platform(queries: Queries, _: Viewer, now: datetime) -> Filled:
    freshness = queries.freshness()
    if freshness is None:
        return Filled({})
    failures = Failures()
    drawn = drawing(lambda: platform(queries, freshness, now), QUESTION, failures)
    return Filled(figure_parts("overview", "today", QUESTION, drawn), complete=not failures.any)


def of_creator(queries: Queries, viewer: Viewer, now: datetime) -> Filled:
    """Whose day this is comes from the session alone."""
    freshness, creator_id = queries.freshness(), viewer.creator_id
    if freshness is None or creator_id is None or queries.creator_name(creator_id) is None:
        return Filled({})
    failures = Failures()
    drawn = drawing(lambda: creator(queries, creator_id, freshness, now), QUESTION, failures)
    return Filled(figure_parts("my-dashboard", "today", QUESTION, drawn), complete=not failures.any)


def platform(queries: Queries, freshness: Freshness, now: datetime) -> Drawing:
    today = now.date()
    running = queries.today(today)
    if running is None or running.hours.empty:
        return Drawing(reason=nothing(running, now))
    usual = summaries.usual_by(queries.usual_days(today, freshness.coverage), running.counted_at.time())
    low_to_high = "" if usual is None else f", usual by then {between(*usual)}"
    figure = figures.today_by_hour(
        running.hours, queries.usual_hours(today, freshness.coverage), running.counted_at.hour
    )
    return Drawing(figure, f"{so_far(running)}{low_to_high}. {HATCHED}{stale(running, now)}")


def creator(queries: Queries, creator_id: int, freshness: Freshness, now: datetime) -> Drawing:
    today = now.date()
    running = queries.creator_today(today, creator_id)
    if running is None or running.hours.empty:
        return Drawing(reason=nothing(running, now))
    figure = figures.today_by_hour(
        running.hours, pd.DataFrame(columns=["hour", "low", "high"]), running.counted_at.hour
    )
    days = usual_weekdays(today)
    daily = queries.creator_daily(creator_id, Period(days[-1], days[0]), freshness)
    whole = whole_days(daily[daily["date"].isin(days)], today)
    return Drawing(figure, f"{so_far(running)}. {whole}{HATCHED}{stale(running, now)}")


def nothing(running: Running | None, now: datetime) -> str:
    """Only hours that have been counted: a worker that is down must not look like a day without gifts."""
    day = f"today, {formats.day(now.date())} (UTC)"
    if running is None:
        return f"No gifts counted yet {day}."
    return f"No gifts {day}, by {running.counted_at:%H:%M}.{stale(running, now)}"


def so_far(running: Running) -> str:
    revenue: Decimal = sum(running.hours["revenue"], Decimal(0))
    gifts = int(running.hours["gifts"].sum())
    number = f"{gifts:,} gift{'' if gifts == 1 else 's'}"
    return f"{formats.short(revenue, 'money')} from {number} by {running.counted_at:%H:%M} UTC"


def between(low: float, high: float) -> str:
    return " – ".join(formats.short(Decimal(f"{amount:.2f}"), "money") for amount in (low, high))


def whole_days(daily: pd.DataFrame, today: date) -> str:
    """What the same weekday usually brings a creator, from midnight to midnight."""
    values = daily[metrics.GIFT_REVENUE.name].dropna().astype(float)
    if len(values) < len(daily) / 2:
        return ""
    low, high = (float(values.quantile(share)) for share in summaries.QUARTILES)
    return f"A whole {today:%A} usually brings {between(low, high)}. "


def stale(running: Running, now: datetime) -> str:
    if now - running.counted_at <= STALE_AFTER:
        return ""
    return f" Nothing has been counted since {running.counted_at:%H:%M}."
