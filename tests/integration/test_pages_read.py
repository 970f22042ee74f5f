"""What pages read: the analytics tables alone, never the platform's own."""

import itertools

import pytest
from sqlalchemy import text

from aggregation.queries import Queries
from aggregation.schema import source
from benchmarks.datasize import asked_of, sources_of, tables_of
from layouts.page import Page
from layouts.pages import PAGES
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS, MEMBERS

SEARCHES = ("", "?days=7", "?grain=month&measure=within", "?days=7&compare=none", "?days=90&compare=year")
APIS = ("/api/analytics/dashboard?days=7", "/api/analytics/creator/1?days=7")
# Some of what each page shows: with them a page that shows nothing can't pass.
SHOWN = {
    "overview": {
        "daily_analytics",
        "user_returns",
        "revenue_breakdown",
        "creator_months",
        "creator_profiles",
        "gift_analytics",
        "revenue_forecast",
    },
    "creators": {"creator_months", "creator_profiles", "creator_metrics", "supporter_returns"},
    "audience": {"user_returns", "user_frequency", "session_lengths"},
    "retention": {
        "cohort_activity",
        "retention_cohorts",
        "cohort_value",
        "gifter_activity",
        "gifter_cohorts",
    },
    "revenue": {"daily_analytics", "revenue_breakdown", "gift_refunds", "gifter_returns", "user_returns"},
    "gifts": {"gift_analytics", "gift_values", "gifter_returns", "spark_days", "spark_profiles"},
    "forecast": {"daily_analytics", "revenue_forecast_totals"},
    "earnings": {"creator_sparks", "spark_profiles", "creator_forecasts"},
    "supporters": {
        "supporter_totals",
        "supporter_profiles",
        "supporter_spreads",
        "creator_supporters",
        "supporter_returns",
    },
    "content": {"creator_videos", "video_profiles"},
    "my-audience": {"creator_hours", "peer_benchmarks", "viewer_returns"},
    "my-dashboard": {"creator_metrics", "creator_profiles", "supporter_returns", "creator_forecasts"},
}
VISITS = [(page, role) for page, role in itertools.product(PAGES, MEMBERS) if role in page.roles]


@pytest.mark.parametrize(("page", "role"), VISITS, ids=lambda x: getattr(x, "name", x))
def test_pages_read_no_source_table(world: World, page: Page, role: str) -> None:
    client = world.signed_in(MEMBERS[role])
    with asked_of(world.engine) as asked:
        for search in SEARCHES:
            assert client.get(page.path + search).status_code == 200
            filled = run_callback(client, FILLS[page.name], (f"{page.name}-address.search", search))
            assert filled.status_code == 200
    assert sources_of(world.engine, asked) == set()
    if MEMBERS[role] in ("ana", "cleo"):
        assert tables_of(world.engine, asked) >= SHOWN[page.name]


@pytest.mark.parametrize("path", APIS)
def test_the_api_reads_no_source_table(world: World, path: str) -> None:
    client = world.signed_in("ana")
    with asked_of(world.engine) as asked:
        assert client.get(path).status_code == 200
    assert sources_of(world.engine, asked) == set()
    assert tables_of(world.engine, asked) & {"daily_analytics", "creator_metrics"}


# ---- the test above can fail ----


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_that_reads_a_source_table_is_found_out(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    freshness = Queries.freshness

    def reads_more(queries: Queries) -> object:
        queries.connection.execute(text("SELECT count(*) FROM virtual_gifts"))
        return freshness(queries)

    monkeypatch.setattr(Queries, "freshness", reads_more)
    people = {"analyst": "ana", "creator": "cleo", "admin": "ada"}
    client = world.signed_in(next(who for role, who in people.items() if role in page.roles))
    with asked_of(world.engine) as asked:
        assert client.get(page.path).status_code == 200
    assert sources_of(world.engine, asked) == {"virtual_gifts"}


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT count(*) FROM "{}"',
        "SELECT 1 FROM daily_analytics, {} LIMIT 1",
        "SELECT date FROM daily_analytics WHERE EXISTS (SELECT 1 FROM public.{} WHERE false)",
        "WITH all_of_it AS (TABLE {}) SELECT 1",
        "DELETE FROM {}",
    ],
)
def test_a_statement_that_reads_a_source_table_is_found_out(world: World, statement: str) -> None:
    found = {name: sources_of(world.engine, [(statement.format(name), {})]) for name in source.tables}
    assert found == {name: {name} for name in source.tables}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT users, 'videos' FROM user_returns AS follows",
        "SELECT to_regclass(%(name)s)",
        "SAVEPOINT users",
    ],
)
def test_a_source_tables_name_is_no_table(world: World, statement: str) -> None:
    assert sources_of(world.engine, [(statement, {"name": "virtual_gifts"})]) == set()
