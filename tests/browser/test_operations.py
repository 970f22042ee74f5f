"""Operations in each state in which somebody needs it: it says what is wrong, and fits on a phone."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from aggregation import ledger, requests
from aggregation.jobs import JOBS
from aggregation.ledger import Result, State
from tests import cast
from tests.browser.conftest import DESKTOP, PHONE, Visitor, served, visit
from tests.browser.test_accounts import too_wide
from tests.conftest import fresh
from tests.integration.conftest import cast_template  # noqa: F401 - a fixture
from tests.spec.tables import change

pytestmark = pytest.mark.browser

REFUND = "UPDATE virtual_gifts SET status = 'refunded' WHERE id = 3"
REASON = 'relation "revenue_breakdown" of the analytics tables is locked by another session'
MARCH = (date(2026, 3, 3), date(2026, 3, 4))


@contextmanager
def admin(browser: Browser, address: str, size: tuple[int, int], theme: str) -> Iterator[Visitor]:
    someone = visit(browser, address, size, theme)
    someone.enter("ada", cast.PASSWORD)
    yield someone
    someone.context.close()
    assert someone.problems == []


# ---- states ----


def dead(engine: Engine) -> None:
    change(
        engine,
        "INSERT INTO worker_leases VALUES"
        " ('worker', 'sparkboard worker production-host-17 4711 a1b2c3', 3, now() - interval '26 hours')",
    )


def failed(engine: Engine) -> None:
    change(engine, "UPDATE job_runs SET last_day = '2026-03-03' WHERE job = 'revenue'")
    fail(engine)


def fail(engine: Engine) -> None:
    at = cast.NOW - timedelta(hours=2)
    run = ledger.start(engine, "revenue", MARCH[1], MARCH[1], at)
    ledger.finish(engine, run, Result("revenue", MARCH[1], MARCH[1], State.FAILED, 0, REASON), at)


def behind(engine: Engine) -> None:
    """As where a new version was started before its tables were made."""
    change(engine, "UPDATE sparkboard_version SET version_num = '0015'")
    change(engine, "DROP TABLE viewer_returns")


def nothing(engine: Engine) -> None:
    """Just migrated."""
    change(engine, "TRUNCATE job_runs, daily_analytics, data_checks")


def first(engine: Engine) -> None:
    """The very first runs fail."""
    nothing(engine)
    fail(engine)


STATES: dict[str, tuple[Callable[[Engine], None], str]] = {
    "dead": (dead, "No worker is at work. The last one was .* 26 h"),
    "failed": (failed, re.escape(REASON)),
    "behind": (behind, "python run.py migrate"),
    "first": (first, re.escape(REASON)),
    "nothing": (nothing, "No day has been computed yet"),
}


@pytest.fixture(scope="module", params=STATES)
def state(request: pytest.FixtureRequest, server: str, cast_template: str) -> Iterator[tuple[str, str]]:  # noqa: F811
    """Its name, and the address of an application that is in it."""
    bring_about, _ = STATES[request.param]
    for engine in fresh(server, cast_template):
        bring_about(engine)
        with served(engine) as address:
            yield request.param, address


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_says_what_is_wrong(
    browser: Browser, state: tuple[str, str], size: tuple[int, int], theme: str
) -> None:
    name, address = state
    with admin(browser, address, size, theme) as someone:
        someone.open("/operations?days=7")
        someone.screenshot(f"operations-{name}-{size[0]}-{theme}")
        assert re.search(STATES[name][1], someone.page.inner_text("main"))
        assert too_wide(someone) == 0


# ---- run again ----


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_request_fits(
    browser: Browser,
    server: str,
    cast_template: str,  # noqa: F811
    size: tuple[int, int],
) -> None:
    """Asked for by hand, with what would change, confirmed, and done."""
    for engine in fresh(server, cast_template):
        change(engine, REFUND)
        with served(engine) as address, admin(browser, address, size, "dark") as someone:
            page = someone.page
            someone.open("/operations/requests")
            assert too_wide(someone) == 0
            someone.screenshot(f"requests-{size[0]}")
            page.fill("#first_day", str(MARCH[0]))
            page.fill("#last_day", str(MARCH[1]))
            page.click("text=Show what would change")
            assert too_wide(someone) == 0
            for step in ("preview", "run"):
                perform(engine)
                page.wait_for_selector("[data-request=succeeded]")
                assert too_wide(someone) == 0
                someone.screenshot(f"request-{step}-{size[0]}")
                if step == "preview":
                    assert page.locator("[data-table=changes]").count() > 5
                    page.click("text=Compute these days again")
            someone.open("/operations/requests")
            assert too_wide(someone) == 0


def perform(engine: Engine) -> None:
    """As the worker does."""
    assert requests.perform_next(engine, lambda: cast.NOW, lambda: False)


def test_many_jobs_of_one_request_fit(
    browser: Browser,
    server: str,
    cast_template: str,  # noqa: F811
) -> None:
    for engine in fresh(server, cast_template):
        number = requests.ask_for_preview(engine, *MARCH, [job.name for job in JOBS][1:], "ada", cast.NOW)
        with served(engine) as address, admin(browser, address, PHONE, "light") as someone:
            for path in (f"/operations/requests/{number}", "/operations/requests", "/operations?days=7"):
                someone.open(path)
                assert too_wide(someone) == 0, path
