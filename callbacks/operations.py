"""Operations: what ran and what is unequal → cards, the grid of days and jobs, tables."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import html

from aggregation import ledger, metrics, migrations, operations, requests, unequal
from aggregation.agenda import next_starts
from aggregation.days import last_complete_day
from aggregation.jobs import JOBS
from aggregation.metrics import Metric
from aggregation.operations import Heartbeat
from aggregation.periods import Period
from aggregation.queries import Freshness, Queries, Store
from aggregation.summaries import Change, Number
from callbacks.guard import Filled, PageGuard
from callbacks.overview import unusual_days
from callbacks.selection import Selection, badge, select
from layouts import formats, operations_figures, shell
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
from layouts.job_grid import job_grid_card
from layouts.page import Asked, Viewer
from layouts.pages.operations import Ids

RUNS = 50
REQUESTS = 10
RESTATEMENTS = 50
# Of more cells that repairs didn't help, only the number is told.
TOLD = 5
USUAL_DAYS = timedelta(days=28)

GRID = "Did every job run for every day?"
DURATIONS = "How long do the nightly runs take?"
JOBS_TABLE = "How far is each table?"
ASKED = "What was asked to run again?"
RAN = "What ran lately?"
CHANGED = "Which published numbers changed?"


def register(page: PageGuard, store: Store) -> None:
    # Heartbeat and lag hang on the clock: never kept.
    page.fill(store, content, shared=False)


def content(queries: Queries, _: Viewer, asked: Asked, now: datetime) -> Filled:
    freshness = queries.freshness()
    beat = queries.operations(operations.heartbeat)
    if freshness is None:
        return Filled(nothing_yet(queries, beat, now), shell.badge(None))
    chosen = select(freshness, asked)
    return Filled(filled(queries, chosen, beat, now), badge(freshness, now), not chosen.failures.any)


def nothing_yet(queries: Queries, beat: Heartbeat | None, now: datetime) -> Parts:
    todo = must_be_done(queries, beat) or ["It fills every gap by itself, oldest first."]
    words = message_card("No day has been computed yet", worker_words(beat), *todo, wide=True)
    runs = runs_table(queries.operations(ledger.recent, now, RUNS))
    # What is below the head is hidden then.
    return {Ids.HEAD: Box(html.Div([words, runs], className="figures"), "nothing")}


def filled(queries: Queries, chosen: Selection, beat: Heartbeat | None, now: datetime) -> Parts:
    return {
        Ids.HEAD: [
            html.P(worker_words(beat), className="period-line", id="worker"),
            chosen.section("Alerts", lambda: notes_card(alerts(queries, beat, chosen.period))),
            chosen.section("Key numbers", lambda: cards(queries, chosen.freshness, now)),
            html.P(
                html.A("Run again or backfill", href="/operations/requests", className="button"),
                className="page-action",
            ),
        ],
        Ids.GRID: chosen.section(GRID, lambda: grid(queries, due_days(chosen, now), now)),
        Ids.JOBS: chosen.section(JOBS_TABLE, lambda: jobs_table(queries, now)),
        Ids.REQUESTS: chosen.section(
            ASKED, lambda: requests_table(queries.operations(requests.newest, REQUESTS))
        ),
        Ids.RUNS: chosen.section(RAN, lambda: runs_table(queries.operations(ledger.recent, now, RUNS))),
        Ids.RESTATEMENTS: chosen.section(CHANGED, lambda: restatements(queries)),
        **chosen.figure("operations", "durations", DURATIONS, lambda: durations(queries, chosen.period)),
    }


# ---- the worker, and what needs somebody ----


def worker_words(beat: Heartbeat | None) -> str:
    if beat is None:
        return "No worker has ever been at work on this database."
    ago = formats.duration(beat.age)
    if beat.leads:
        return f"At work: {beat.holder}, last heartbeat {ago} ago."
    return f"No worker is at work. The last one was {beat.holder}, {ago} ago."


def must_be_done(queries: Queries, beat: Heartbeat | None) -> list[str]:
    """By the operator, before any number comes right."""
    lines = []
    if not queries.operations(migrations.is_current):
        lines.append("The tables are not those of this version: python run.py migrate")
    if beat is None or not beat.leads:
        lines.append("Nothing is computed until a worker runs: python run.py worker")
    return lines


def alerts(queries: Queries, beat: Heartbeat | None, period: Period) -> list[str]:
    left = queries.operations(unequal.given_up)
    lines = [
        f"{each.table_name}.{each.column_name} of {formats.day(each.day)}: unequal after "
        f"{unequal.MOST_TRIES} repairs, cells: {each.cells:,}. Its last repair below says more."
        for each in left[:TOLD]
    ]
    if len(left) > TOLD:
        lines.append(f"{len(left) - TOLD:,} more days and columns that repairs didn't help.")
    return [*must_be_done(queries, beat), *lines, *unusual_days(queries.anomalies(period))]


# ---- cards ----


def cards(queries: Queries, freshness: Freshness, now: datetime) -> Component:
    late = queries.operations(operations.lag, now) or timedelta()
    last = freshness.coverage.last
    failed = queries.operations(operations.failed_since, now - timedelta(days=1))
    shown = [
        _card(metrics.COMPLETE_THROUGH, None, "the oldest table's", shown=formats.day(last), data=str(last)),
        _card(
            metrics.LAG,
            None,
            "overdue" if late else "nothing is overdue",
            shown=formats.duration(late),
            data=f"{late.total_seconds():.0f}",
        ),
        _card(metrics.FAILED_RUNS, failed, "runs"),
        unequal_card(freshness),
        restated_card(queries, now),
    ]
    return html.Div([kpi_card(each) for each in shown], className="kpis five")


def _card(metric: Metric, value: Number | None, *words: str, **facts: Any) -> Kpi:
    return Kpi(metric, value, Change("none"), words=words, **facts)


def unequal_card(freshness: Freshness) -> Kpi:
    if freshness.unequal is None:
        return _card(metrics.UNEQUAL_CELLS, None, "not recounted yet")
    return _card(metrics.UNEQUAL_CELLS, freshness.unequal, f"of {freshness.checked:,} recounted")


def restated_card(queries: Queries, now: datetime) -> Kpi:
    return _card(metrics.RESTATED_CELLS, queries.restated_since(now - timedelta(days=7)), "cells")


# ---- figures ----


def due_days(chosen: Selection, now: datetime) -> Period:
    """As many days as were chosen, up to the newest that is due: what failed lies after the complete ones."""
    period, due = chosen.period, last_complete_day(now)
    return Period.ending(due, period.days) if period.last == chosen.freshness.coverage.last else period


def grid(queries: Queries, period: Period, now: datetime) -> Component:
    found = queries.operations(operations.job_days, period, now)
    jobs = [
        (name, {day: (each.outcome.value, each.told) for day, each in days.items()})
        for name, days in found.items()
    ]
    return job_grid_card(GRID, period.dates(), jobs)


def durations(queries: Queries, period: Period) -> Drawing:
    found = queries.operations(operations.seconds_by_day, period)
    if not found:
        return Drawing(reason="No run for a single day began in this period.")
    note = "Seconds of all jobs' runs for one day, by the day on which they began. Backfills are left out."
    return Drawing(operations_figures.durations(period, found), note)


# ---- tables ----


def jobs_table(queries: Queries, now: datetime) -> Component:
    through = queries.operations(operations.through)
    times = queries.operations(operations.times, now - USUAL_DAYS)
    starts = {name: start for start, names in reversed(next_starts(now)) for name in names}
    columns = (
        Column("Job", numeric=False),
        Column("Table", numeric=False),
        Column("Complete through"),
        Column("Newest run"),
        Column("Usually"),
        Column("Next due (UTC)"),
    )
    rows = []
    for job in JOBS:
        took = times.get(job.name)
        rows.append(
            (
                job.name,
                job.table.name,
                formats.NO_VALUE if (day := through[job.name]) is None else formats.day(day),
                formats.NO_VALUE if took is None else formats.duration(timedelta(seconds=took.newest)),
                formats.NO_VALUE if took is None else formats.duration(timedelta(seconds=took.usual)),
                moment(starts.get(job.name)),
            )
        )
    return table_card("jobs", JOBS_TABLE, columns, rows, wide=True)


def moment(value: datetime | None) -> str:
    return formats.NO_VALUE if value is None else f"{formats.day(value.date())}, {value:%H:%M}"


def runs_table(found: Sequence[Any]) -> Component:
    if not found:
        return message_card(RAN, "Nothing has run yet.", wide=True)
    columns = (
        Column("Job", numeric=False),
        Column("Days", numeric=False),
        Column("State", numeric=False),
        Column("Rows changed"),
        Column("Began (UTC)", numeric=False),
        Column("Took"),
        Column("Error and log", numeric=False),
    )
    return table_card("runs", RAN, columns, [run_row(each) for each in found], wide=True)


def run_row(run: Any) -> tuple[Any, ...]:
    return (
        run.job,
        formats.span(Period(run.first_day, run.last_day)),
        run.state,
        formats.NO_VALUE if run.rows is None else f"{run.rows:,}",
        f"{run.started_at:%d %b, %H:%M}",
        formats.NO_VALUE if (took := ledger.took(run)) is None else formats.duration(took),
        run_log(run),
    )


def run_log(run: Any) -> Component:
    lines = "\n".join(
        part for part in (run.error, run.log, f"run {run.id}, version {run.code_version}") if part
    )
    return html.Details(
        [html.Summary(run.error or "log"), html.Pre(lines, className="run-log")], className="run-log-of"
    )


def requests_table(found: Sequence[Any]) -> Component:
    if not found:
        return message_card(ASKED, "Nothing yet.", wide=True)
    columns = (
        Column("Request", numeric=False),
        Column("Days", numeric=False),
        Column("Jobs", numeric=False),
        Column("State", numeric=False),
        Column("By", numeric=False),
        Column("At (UTC)", numeric=False),
        Column("", numeric=False),
    )
    rows: list[tuple[Any, ...]] = [
        (
            f"{each.kind} {each.id}",
            formats.span(Period(each.first_day, each.last_day)),
            "all" if len(each.jobs) == len(JOBS) else ", ".join(each.jobs),
            each.state,
            html.Bdi(each.requested_by),
            moment(each.requested_at),
            html.A("Open", href=f"/operations/requests/{each.id}"),
        )
        for each in found
    ]
    return table_card("requests", ASKED, columns, rows, wide=True)


def restatements(queries: Queries) -> Component:
    found = queries.restatements(RESTATEMENTS)
    if not found.rows:
        return message_card(CHANGED, "None so far.", wide=True)
    columns = (
        Column("Row", numeric=False),
        Column("Table", numeric=False),
        Column("Column", numeric=False),
        Column("Was"),
        Column("Is"),
        Column("Since (UTC)", numeric=False),
        Column("Why", numeric=False),
    )
    rows = [
        (
            each["key"],
            each["table_name"],
            each["column_name"],
            *formats.told_apart(each["old"], each["new"]),
            f"{each['restated_at']:%d %b, %H:%M}",
            f"{each['reason']}, run {each['run']}",
        )
        for each in found.rows
    ]
    note = f"The newest {len(rows)} of {found.total:,}." if found.total > len(rows) else ""
    return table_card("restatements", CHANGED, columns, rows, note, wide=True)
