"""The rows behind a number: their total is the number, and they are for those who may see it."""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from aggregation import metrics
from aggregation.jobs import JOBS
from aggregation.publishing import aggregate
from aggregation.schema import REQUIRED_SOURCES, audit_log, source
from aggregation.summaries import Change
from callbacks.platform_rows import READINGS
from dashboard_app.accounts import Accounts
from dashboard_app.reference import pages
from layouts.components import Kpi, kpi_card
from layouts.markup import markup
from layouts.page import Page
from layouts.pages import PAGES
from tests import cast
from tests.cast import World
from tests.conftest import fresh
from tests.spec.tables import change

# How many of a page's cards have rows.
LEAST = {
    "overview": 8,
    "revenue": 6,
    "gifts": 6,
    "audience": 7,
    "retention": 6,
    "creators": 5,
    "my-dashboard": 6,
}
SEARCHES = (
    "?days=7",
    "?days=30",
    "?days=90",
    "?from=2026-03-01&to=2026-03-03",
    "?from=2026-03-03&to=2026-03-03",
    "?from=2026-03-04&to=2026-03-03",
)
WHO = {"admin": "ada", "analyst": "ana", "creator": "cleo"}
REFUSED = (
    ("cleo", "/rows/platform/total_revenue"),
    ("cleo", f"/rows/creators/{cast.CARL}/gift_revenue"),
    ("cleo", f"/rows/creators/{cast.CLEO}/gift_revenue"),
    ("ana", "/rows/me/gift_revenue"),
    ("ada", "/rows/me/gift_revenue"),
)


def read(client: FlaskClient, address: str) -> BeautifulSoup:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return BeautifulSoup(answer.text, "html.parser")


def cards(client: FlaskClient, address: str) -> dict[str, tuple[str, str]]:
    """Of those that have rows: name → the exact value of the card, and where they are."""
    page = read(client, address)
    layout = page.select_one("#first-layout")
    assert layout
    found = {}
    # What opens on a click is not yet in the first view.
    for card in BeautifulSoup("".join(_texts(json.loads(layout.text))), "html.parser").select("[data-kpi]"):
        value, rows = card.select_one(".kpi-value"), card.select_one("a.rows")
        assert value
        if rows:
            found[str(card["data-kpi"])] = (str(value["data-value"]), str(rows["href"]))
    return found


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _texts(each)


def table(page: BeautifulSoup) -> list[list[Tag]]:
    return [row.select("th, td") for row in page.select('[data-table="rows"] tbody tr')]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_total_of_the_rows_is_the_card(shared: World, page: Page, search: str) -> None:
    client = shared.signed_in(next(who for role, who in WHO.items() if role in page.roles))
    shown = cards(client, page.path + search)
    assert len(shown) >= LEAST.get(page.name, 0)
    for name, (value, address) in shown.items():
        total, *days = table(read(client, address + search))
        assert total[-1]["data-value"] == value, name
        assert len(days) >= 1


# Pages with numbers that need more than the required tables.
INCOMPLETE = {"overview", "revenue", "audience", "retention", "my-dashboard", "content"}
OPTIONAL = sorted(source.tables.keys() - set(REQUIRED_SOURCES))


@pytest.fixture(scope="module")
def spare(server: str, cast_template: str) -> Iterator[World]:
    """Of a platform that has no more than the tables that are required."""
    for engine in fresh(server, cast_template):
        change(engine, f"DROP TABLE {', '.join(OPTIONAL)}")
        change(engine, f"TRUNCATE {', '.join(job.table.name for job in JOBS)}")
        aggregate(engine, clock=lambda: cast.NOW)
        yield cast.application(engine)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_needs_a_table_that_is_not_there_has_no_value_in_its_rows_either(
    spare: World, page: Page
) -> None:
    client = spare.signed_in(next(who for role, who in WHO.items() if role in page.roles))
    shown = cards(client, f"{page.path}?days=7")
    assert ("" in {value for value, _ in shown.values()}) == (page.name in INCOMPLETE)
    for name, (value, address) in shown.items():
        total, *_ = table(read(client, f"{address}?days=7"))
        assert total[-1].get("data-value", "") == value, name
        if value == "":
            assert total[-1].text == "—"


def test_the_days_of_a_sum_add_up(shared: World) -> None:
    total, *days = table(read(shared.signed_in("ana"), "/rows/platform/total_revenue?days=7"))
    assert [cell.text for cell in total] == ["Sum", "$1,171.10"]
    assert [cell.text for cell in days[3]] == ["Sun 1 Mar 2026", "$10.00"]
    assert [cell.text for cell in days[4]] == ["Mon 2 Mar 2026", "$0.00"]
    assert len(days) == 7


def test_a_ratio_has_what_it_is_made_of(shared: World) -> None:
    page = read(shared.signed_in("ana"), "/rows/platform/average_gift_value?days=7")
    heads = [head.text for head in page.select('[data-table="rows"] thead th')]
    assert heads == ["Day (UTC)", "Total revenue", "Gifts sent", "Average gift"]
    total, *days = table(page)
    assert [cell.text for cell in total] == ["Over the period", "$1,171.10", "4", "$292.78"]
    assert [cell.text for cell in days[-2]] == ["Tue 3 Mar 2026", "$1,131.10", "2", "$565.55"]


def test_somebody_active_on_two_days_counts_once(shared: World) -> None:
    total, *days = table(read(shared.signed_in("ana"), "/rows/platform/active_users?days=7"))
    # vera on the 1st, 3rd and 4th, vito on the 3rd and 4th
    assert [[cell.text for cell in day[1:]] for day in days[-4:]] == [
        ["1", "1"],
        ["0", "0"],
        ["2", "1"],
        ["2", "0"],
    ]
    assert [cell.text for cell in total] == ["Different in the period", "—", "2"]


def test_the_page_says_which_days_these_are(shared: World) -> None:
    page = read(shared.signed_in("ana"), "/rows/platform/total_revenue?days=7")
    names, facts = ([part.text for part in page.select(f"dl {tag}")] for tag in ("dt", "dd"))
    assert dict(zip(names, facts, strict=True)) == {
        "What it is": metrics.TOTAL_REVENUE.description,
        "Formula": metrics.TOTAL_REVENUE.formula,
        "Unit": "money, summed over the period",
        "Source table": "daily_analytics",
        "From (UTC, included)": "Thu 26 Feb 2026",
        "To (UTC, not included)": "Thu 5 Mar 2026",
        "Complete through (UTC)": "Wed 4 Mar 2026",
    }


def test_an_analyst_may_open_any_creators_rows(shared: World) -> None:
    address = f"/rows/creators/{cast.CARL}/gift_revenue?days=7"
    total, *_ = table(read(shared.signed_in("ana"), address))
    assert total[-1].text == "$777.77"


def test_the_file_has_the_same_rows(shared: World) -> None:
    client = shared.signed_in("ana")
    link = read(client, "/rows/platform/total_revenue?from=2026-03-01&to=2026-03-04").select_one(
        "a[download]"
    )
    assert link
    answer = client.get(str(link["href"]))
    assert 'filename="sparkboard-rows-total_revenue-2026-03-01-to-2026-03-04.csv"' in str(
        answer.headers["Content-Disposition"]
    )
    lines = list(csv.reader(StringIO(answer.get_data().decode("utf-8-sig"))))
    assert ["Day (UTC)", "Total revenue"] in lines
    assert lines[-5:] == [
        ["Sum", "1171.10"],
        ["2026-03-01", "10.00"],
        ["2026-03-02", "0.00"],
        ["2026-03-03", "1131.10"],
        ["2026-03-04", "30.00"],
    ]
    assert ["Rows: Days", "5"] in lines
    with shared.engine.connect() as connection:
        actions = connection.execute(select(audit_log.c.action, audit_log.c.actor)).all()
    assert ("export", "ana") in {tuple(row) for row in actions}


@pytest.mark.parametrize(("who", "address"), REFUSED)
def test_who_may_not_see_the_number_may_not_see_its_rows(shared: World, who: str, address: str) -> None:
    for ending in ("", "?as=csv"):
        answer = shared.signed_in(who).get(address + ending)
        assert answer.status_code == 403
        assert "777.77" not in answer.text


@pytest.mark.parametrize(
    "address", ["/rows/platform/total_revenue", "/rows/me/views", "/rows/creators/1/views"]
)
def test_without_a_session_there_are_no_rows(shared: World, address: str) -> None:
    answer = shared.client().get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize(
    ("who", "address"),
    [
        ("ana", "/rows/platform/nonsense"),
        ("ana", "/rows/platform/followers"),
        ("ana", "/rows/creators/99/gift_revenue"),
        ("ana", "/rows/creators/99999999999999999999/gift_revenue"),
        ("cleo", "/rows/me/total_revenue"),
    ],
)
def test_a_number_that_there_is_not_has_no_rows(shared: World, who: str, address: str) -> None:
    assert shared.signed_in(who).get(address).status_code == 404


def test_nothing_has_been_computed_yet(database: Engine) -> None:
    world = cast.make(database, aggregated=False)
    assert world.signed_in("ana").get("/rows/platform/total_revenue").status_code == 404


def test_a_creator_without_numbers_has_no_rows(world: World) -> None:
    Accounts(world.engine).add("newcomer", "creator", cast.PASSWORD, 99)
    assert world.signed_in("newcomer").get("/rows/me/gift_revenue").status_code == 404


@pytest.mark.parametrize("metric", metrics.every(), ids=lambda metric: f"{metric.table}.{metric.name}")
def test_the_page_and_the_document_define_a_number_alike(metric: metrics.Metric) -> None:
    card = BeautifulSoup(markup(kpi_card(Kpi(metric, 1, Change("none")))), "html.parser")
    popover = card.select_one(".popover-body")
    assert popover
    document = pages()["METRICS.md"]
    (line,) = [
        line
        for line in document.splitlines()
        if line.startswith(f"| `{metric.name}` | {metric.label} | `{metric.table}` |")
    ]
    for words in (metric.formula, metric.table, *metric.measured.split(", ")):
        assert words in line
        assert words in popover.text
    assert f"- **{metric.label}** (`{metric.table}`): {metric.description}" in document.splitlines()
    assert metric.description in popover.text


ADD_UP = (
    ("all_revenue", -1, "$1,221.10"),
    ("gift_revenue", -1, "$1,171.10"),
    ("gifters", -1, "2"),
    ("arpu", -2, "2"),
    ("arppu", -2, "2"),
    ("new_active_users", -1, "2"),
)


@pytest.mark.parametrize(("name", "column", "whole"), ADD_UP)
def test_what_is_counted_once_adds_up(shared: World, name: str, column: int, whole: str) -> None:
    total, *days = table(read(shared.signed_in("ana"), f"/rows/platform/{name}?days=7"))
    assert total[column].text == whole
    assert sum(Decimal(str(day[column]["data-value"])) for day in days) == Decimal(
        str(total[column]["data-value"])
    )
    assert len(days) == 7


def test_refunds_stand_beside_what_was_not_refunded(shared: World) -> None:
    total, *days = table(read(shared.signed_in("ana"), "/rows/platform/refund_rate?days=7"))
    # 100.00 of the 4th taken back, beside 30.00 that day and 1,171.10 over all days
    assert [cell.text for cell in days[-1]] == ["Wed 4 Mar 2026", "$100.00", "$30.00", "76.92%"]
    assert [cell.text for cell in total] == ["Over the period", "$100.00", "$1,171.10", "7.87%"]


def test_the_rows_of_creators_numbers_are_creators(shared: World) -> None:
    total, *rows = table(read(shared.signed_in("ana"), "/rows/platform/median_earnings?days=7"))
    assert [[cell.text for cell in row] for row in rows] == [
        ["carl", "$777.77", "$0.00", "$777.77"],
        ["cleo", "$42.00", "$0.00", "$42.00"],
    ]
    # (777.77 + 42.00) / 2, half to even
    assert total[-1].text == "$409.88"


def test_a_long_list_of_rows_says_that_the_file_has_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layouts.rows.MOST", 3)
    page = read(world.signed_in("ana"), "/rows/platform/gift_value?days=7")
    assert len(table(page)) == 1 + 3
    assert "The first 3 rows; 4 more are in the file." in page.text


def test_every_number_that_says_so_has_rows() -> None:
    assert set(READINGS) == set(metrics.WITH_ROWS)
