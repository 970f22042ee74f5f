"""Health and metrics: true in every state, and told only to whom they are for."""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from contextvars import Context
from datetime import date, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from aggregation import ledger
from aggregation.checks import check
from aggregation.database import connect
from aggregation.leases import Lease
from aggregation.publishing import aggregate
from dashboard_app.factory import create_app
from dashboard_app.logs import JsonFormatter, TextFormatter
from dashboard_app.protection import Protection
from dashboard_app.proxies import networks
from dashboard_app.settings import _remove_left
from tests import cast
from tests.cast import World
from tests.conftest import fresh
from tests.integration.test_restart import Server, answer, serving
from tests.spec.tables import change, rows

TOKEN = "a-token-of-sixteen-characters-or-more"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def metrics(world: World) -> Samples:
    got = world.client().get("/metrics")
    assert got.status_code == 200, got.text
    return samples(got.text)


def plain(found: Samples) -> dict[str, float]:
    return {name.removeprefix("sparkboard_"): value for (name, labels), value in found.items() if not labels}


@pytest.fixture
def silent() -> Iterator[Engine]:
    """On a server that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        engine = connect(f"postgresql://nobody@127.0.0.1:{listener.getsockname()[1]}/none")
        yield engine
        engine.dispose()


@pytest.fixture
def lease(world: World) -> Iterator[Lease]:
    lease = Lease(world.engine.url)
    assert lease.take()
    yield lease
    lease.release()


# ---- health ----


def test_a_worker_that_is_at_work_is_told(world: World, lease: Lease) -> None:
    got = world.client().get("/readyz")
    assert (got.status_code, got.get_json()) == (200, {"status": "ready", "worker": "at work"})


def test_without_a_worker_pages_can_be_read(world: World, lease: Lease) -> None:
    change(world.engine, "UPDATE worker_leases SET token = 99, expires_at = now() - interval '4 seconds'")
    got = world.client().get("/readyz")
    assert (got.status_code, got.get_json()) == (200, {"status": "ready", "worker": "not at work"})


def test_health_tells_no_names(world: World, lease: Lease) -> None:
    assert lease.holder not in world.client().get("/readyz").text


def test_a_database_that_is_silent_is_not_waited_for(silent: Engine) -> None:
    client = create_app(silent, cast.SECRET).server.test_client()
    began = time.monotonic()
    got = client.get("/readyz")
    assert time.monotonic() - began < 2
    assert (got.status_code, got.get_json()["error"]) == (503, "the database doesn't answer in time")
    assert client.get("/healthz").status_code == 200


def test_many_who_ask_for_a_silent_database_are_answered_at_once(silent: Engine) -> None:
    client = create_app(silent, cast.SECRET).server.test_client()
    said = [client.get("/readyz").get_json()["error"] for _ in range(5)]
    assert said == ["the database doesn't answer in time"] * 4 + ["the database doesn't answer"]


def test_migrations_that_are_behind_are_told(world: World) -> None:
    change(world.engine, "UPDATE sparkboard_version SET version_num = '0001'")
    got = world.client().get("/readyz")
    assert got.status_code == 503
    assert got.get_json()["error"].endswith("run python run.py migrate")
    assert world.client().get("/healthz").status_code == 200
    assert plain(metrics(world)) == {"database_up": 1, "migrations_current": 0}


# ---- metrics ----


def test_metrics_tell_what_the_operations_page_tells(world: World, lease: Lease) -> None:
    change(world.engine, "UPDATE daily_analytics SET new_users = 7 WHERE date = '2026-03-03'")
    report = check(world.engine, clock=lambda: cast.NOW)
    change(
        world.engine,
        "INSERT INTO job_requests (kind, first_day, last_day, jobs, requested_by, requested_at)"
        " VALUES ('preview', '2026-03-03', '2026-03-03', '{daily}', 'ada', now())",
    )
    found = metrics(world)
    told = plain(found)
    assert told.pop("worker_heartbeat_age_seconds") < 60
    assert told == {
        "database_up": 1,
        "migrations_current": 1,
        "lag_seconds": 0,
        "failed_runs": 0,
        "recounted_cells": report.cells_checked,
        "unequal_cells": 1,
        "unrepaired_cells": 0,
        "requests_waiting": 1,
        "worker_leads": 1,
    }
    # complete through the 4th, and now is noon of the 5th
    assert found["sparkboard_table_age_seconds", (("table", "daily_analytics"),)] == 12 * 3600


def test_metrics_of_a_database_without_any_numbers(database: Engine) -> None:
    told = plain(metrics(cast.make(database, aggregated=False)))
    assert told == {
        "database_up": 1,
        "migrations_current": 1,
        "failed_runs": 0,
        "unequal_cells": 0,
        "unrepaired_cells": 0,
        "requests_waiting": 0,
        "worker_leads": 0,
    }


def test_metrics_without_a_database() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/none")
    client = create_app(engine, cast.SECRET).server.test_client()
    client.get("/healthz")
    got = client.get("/metrics")
    assert got.status_code == 200
    assert plain(samples(got.text)) == {"database_up": 0}
    assert "sparkboard_http_requests_total" in got.text


def test_requests_are_counted_by_route(world: World) -> None:
    client = world.signed_in("cleo")
    for creator in (1, 2, 3):
        client.get(f"/api/analytics/creator/{creator}")
    client.get("/such/things/are/not-here")
    client.open("/healthz", method="PURGE")
    found = metrics(world)

    def count(method: str, route: str, status: str) -> float:
        labels = (("method", method), ("route", route), ("status", status))
        return found["sparkboard_http_requests_total", labels]

    rule = "/api/analytics/creator/<id:creator_id>"
    assert count("GET", rule, "200") == 1
    assert count("GET", rule, "403") == 2
    assert found["sparkboard_http_request_seconds_count", (("route", rule),)] == 3
    labels = {value for (_, found_labels) in found for _, value in found_labels}
    assert "PURGE" not in labels
    assert not any("not-here" in value or value.endswith("/1") for value in labels)


def test_metrics_tell_nothing_of_people_and_amounts(world: World) -> None:
    world.signed_in("carl").get("/me")
    text = world.client().get("/metrics").text
    for secret in ("carl", "cleo", "ada", *cast.CARLS_NUMBERS):
        assert secret not in text


# ---- who may ask ----


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_programs_on_this_machine_may_ask(world: World, peer: str) -> None:
    got = world.client().get("/metrics", environ_overrides={"REMOTE_ADDR": peer})
    assert got.status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.9", {}),
        ("2001:db8::1", {}),
        ("", {}),
        ("::ffff:10.0.0.9", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.9"}),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"X-Real-IP": "10.0.0.9"}),
        ("127.0.0.1", {"Via": "1.1 proxy"}),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site"}),
        ("127.0.0.1", {"Sec-Fetch-Site": "same-origin"}),
        ("10.0.0.9", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Authorization": f"Bearer {TOKEN}", "Via": "1.1 proxy"}),
    ],
)
@pytest.mark.parametrize("trusted", ["", "127.0.0.1,10.0.0.9"])
def test_nobody_else_may_ask(shared: World, peer: str, headers: dict[str, str], trusted: str) -> None:
    app = cast.application(shared.engine, proxies=networks(trusted)).app
    got = app.server.test_client().get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert got.status_code == 403
    assert "sparkboard_" not in got.text


def test_an_admin_who_is_signed_in_elsewhere_may_not_ask(world: World) -> None:
    got = world.signed_in("ada").get("/metrics", environ_overrides={"REMOTE_ADDR": "10.0.0.9"})
    assert got.status_code == 403


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.9"])
@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer ", 401),
        ("Bearer ä", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        (None, 401),
    ],
)
def test_with_a_token_it_alone_counts(world: World, peer: str, given: str | None, status: int) -> None:
    app = create_app(world.engine, cast.SECRET, lambda: cast.NOW, protection=Protection(metrics_token=TOKEN))
    headers = {"Authorization": given} if given else {}
    got = app.server.test_client().get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert got.status_code == status
    assert ("sparkboard_" in got.text) == (status == 200)


def test_the_token_opens_nothing_else(world: World) -> None:
    app = create_app(world.engine, cast.SECRET, lambda: cast.NOW, protection=Protection(metrics_token=TOKEN))
    got = app.server.test_client().get(
        "/api/analytics/dashboard", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert got.status_code == 401


# ---- several processes ----


@pytest.fixture(scope="module")
def web(server: str, cast_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for engine in fresh(server, cast_template):
        folder = tmp_path_factory.mktemp("web")
        left = folder / "counters" / "99999998"
        left.mkdir(parents=True)
        with serving(cast.application(engine), folder, DATA_DIR=str(folder)) as started:
            assert not left.exists()
            yield started


def scraped(web: Server) -> tuple[Samples, int]:
    with closing(web.connection()) as connection:
        connection.request("GET", "/metrics")
        status, body = answer(connection)
    assert status == 200
    return samples(body.decode()), len(web.workers)


def test_all_processes_of_a_server_count_together(web: Server) -> None:
    """Each connection may be another process's; the sum grows by what was asked, whoever tells it."""

    def asked() -> float:
        found, _ = scraped(web)
        return sum(
            value
            for (name, labels), value in found.items()
            if name == "sparkboard_http_requests_total" and ("route", "/healthz") in labels
        )

    before = asked()
    for _ in range(20):
        with closing(web.connection()) as connection:
            connection.request("GET", "/healthz")
            assert answer(connection)[0] == 200
    assert [asked() - before for _ in range(5)] == [20] * 5


# ---- logs ----


def logged(level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("a.logger", level, __file__, 1, "a message", None, None)


def test_what_a_run_logs_bears_its_id(world: World, caplog: pytest.LogCaptureFixture) -> None:
    written: list[str] = []

    class Written(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Written()
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("aggregation.publishing")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG, "aggregation.publishing"):
            change(world.engine, "DELETE FROM job_runs")
            aggregate(world.engine, date(2026, 3, 3), date(2026, 3, 3), clock=lambda: cast.NOW)
    finally:
        logger.removeHandler(handler)
    told = [json.loads(line) for line in written]
    ids = {entry["message"].split()[1].rstrip(":"): entry["run_id"] for entry in told}
    assert ids == dict(rows(world.engine, "job_runs", "job", "id"))


def test_outside_a_run_there_is_no_id() -> None:
    # A context of its own: a request of another test may have left its id.
    Context().run(logged_in_and_after_a_run)


def logged_in_and_after_a_run() -> None:
    with ledger.under_way(17):
        assert json.loads(JsonFormatter().format(logged()))["run_id"] == 17
        assert TextFormatter().format(logged()).endswith("a message [run 17]")
    assert "run_id" not in json.loads(JsonFormatter().format(logged()))
    assert "[run" not in TextFormatter().format(logged())


def test_old_counters_of_servers_that_run_are_left(tmp_path: Path) -> None:
    for pid in (os.getpid(), 99999998):
        (tmp_path / str(pid)).mkdir()
    _remove_left(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [str(os.getpid())]


def test_lag_is_told_in_seconds(world: World) -> None:
    app = create_app(world.engine, cast.SECRET, lambda: cast.NOW + timedelta(days=1))
    told = plain(samples(app.server.test_client().get("/metrics").text))
    # the 5th was due on the 6th at 00:10
    assert told["lag_seconds"] == (11 * 60 + 50) * 60
