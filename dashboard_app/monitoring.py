"""/metrics, for Prometheus: what the web processes count, and what the database knows of the worker."""

import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine

from aggregation import migrations, operations, unequal
from aggregation.days import ONE_DAY
from aggregation.jobs import JOBS
from dashboard_app.access import bearer
from dashboard_app.probes import NoAnswer, Probe
from dashboard_app.proxies import LOCAL

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
NEWEST_RUNS = timedelta(days=28)
# Prometheus waits for ten seconds.
PATIENCE = 5.0


def register(
    server: Flask,
    engine: Engine,
    clock: Callable[[], datetime],
    token: str | None,
    counters: Path | None,
) -> None:
    """`token`: who has it may ask; None: who asks from this machine, not through a proxy."""
    counted = CollectorRegistry()
    _count(server, counted)
    shown = CollectorRegistry()
    if counters is None:
        shown.register(Forwarded(counted))
    else:
        MultiProcessCollector(shown, path=str(counters))  # type: ignore[no-untyped-call]
    shown.register(Truths(engine, clock))

    @server.get("/metrics")
    def metrics() -> Response:
        if not _may_ask(token):
            return _refused(token)
        return Response(generate_latest(shown), content_type=CONTENT_TYPE_LATEST)


def _may_ask(token: str | None) -> bool:
    if token is not None:
        return hmac.compare_digest((bearer() or "").encode(), token.encode())
    # A browser says what it asks for; another site's page must not get here through it.
    return bool(request.environ.get(LOCAL)) and request.headers.get("Sec-Fetch-Site", "none") == "none"


def _refused(token: str | None) -> Response:
    if token is None:
        why = "Only for programs on this machine, or with METRICS_TOKEN.\n"
        return Response(why, 403, mimetype="text/plain")
    answer = Response("The token is missing or wrong.\n", 401, mimetype="text/plain")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


# ---- what is counted here ----


def _count(server: Flask, registry: CollectorRegistry) -> None:
    requests = Counter(
        "sparkboard_http_requests",
        "Requests answered, by route; static files are not counted",
        ("method", "route", "status"),
        registry=registry,
    )
    seconds = Histogram(
        "sparkboard_http_request_seconds",
        "Time from the request to its answer",
        ("route",),
        buckets=BUCKETS,
        registry=registry,
    )

    @server.before_request
    def begin() -> None:
        g.began = perf_counter()

    @server.after_request
    def end(response: Response) -> Response:
        # The rule, not the path: no one makes new series by asking for what there isn't.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        requests.labels(method, route, str(response.status_code)).inc()
        if (began := g.get("began")) is not None:
            seconds.labels(route).observe(perf_counter() - began)
        return response


class Forwarded(Collector):
    """Another registry's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        return iter(self._registry.collect())

    def describe(self) -> Iterator[Metric]:
        return iter(())


# ---- what the database knows ----


class Truths(Collector):
    """Asked for at each scrape, so that they are those of the Operations page."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._probe = Probe(engine, PATIENCE)
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._probe.ask(lambda connection: list(self._read(connection, self._clock())))
        except NoAnswer:
            found = []
            up = 0.0
        else:
            up = 1.0
        yield GaugeMetricFamily("sparkboard_database_up", "Whether the database answered in time", up)
        yield from found

    def _read(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        current = migrations.is_current(connection)
        yield _gauge("sparkboard_migrations_current", "Whether the tables are at the newest version", current)
        if not current:
            return
        yield from _tables(connection, now)
        yield from _numbers(connection, now)
        yield from _worker(connection)


def _tables(connection: Connection, now: datetime) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "sparkboard_table_age_seconds", "Since the end of the newest complete day", labels=("table",)
    )
    tables = {job.name: job.table.name for job in JOBS if job.day is not None}
    for job, day in operations.through(connection).items():
        if day is not None and job in tables:
            end = datetime.combine(day + ONE_DAY, time(), UTC)
            age.add_metric((tables[job],), (now - end).total_seconds())
    yield age
    took = GaugeMetricFamily("sparkboard_job_seconds", "Of the newest run for a single day", labels=("job",))
    for job, each in operations.times(connection, now - NEWEST_RUNS).items():
        took.add_metric((job,), each.newest)
    yield took


def _numbers(connection: Connection, now: datetime) -> Iterator[Metric]:
    lag = operations.lag(connection, now)
    if lag is not None:
        overdue = lag.total_seconds()
        yield _gauge("sparkboard_lag_seconds", "How long the oldest missing day is overdue", overdue)
    failed = operations.failed_since(connection, now - timedelta(days=1))
    yield _gauge("sparkboard_failed_runs", "Runs that failed in the last 24 hours", failed)
    checked = unequal.checked(connection)
    if checked is not None:
        yield _gauge("sparkboard_recounted_cells", "Cells recounted lately", checked)
    yield _gauge("sparkboard_unequal_cells", "Cells that are withheld", unequal.count(connection))
    left = sum(row.cells for row in unequal.given_up(connection))
    yield _gauge("sparkboard_unrepaired_cells", "Of these, what repairs didn't help", left)
    waiting = operations.waiting_requests(connection)
    yield _gauge("sparkboard_requests_waiting", "Requests that wait for the worker", waiting)


def _worker(connection: Connection) -> Iterator[Metric]:
    beat = operations.heartbeat(connection)
    yield _gauge("sparkboard_worker_leads", "Whether a worker is at work", bool(beat and beat.leads))
    if beat is not None:
        age = beat.age.total_seconds()
        yield _gauge("sparkboard_worker_heartbeat_age_seconds", "Since the leader was last heard of", age)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, float(value))
