"""Names that are markup, formulas, too long or written the other way: shown, never obeyed."""

import csv
import html
import json
from collections.abc import Iterator
from io import BytesIO, StringIO

import pytest
from bs4 import BeautifulSoup
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from layouts.exports import harmless, literal
from layouts.figures import LONGEST_NAME
from tests import cast, hostile
from tests.cast import CARL, CLEO, World
from tests.conftest import fresh
from tests.hostile import NAMES
from tests.integration.test_pages import answer


@pytest.fixture(scope="module")
def planted(server: str, cast_template: str, request: pytest.FixtureRequest) -> Iterator[tuple[World, str]]:
    """Carl, Cleo and a source of revenue have the name. Not changed by any test."""
    for engine in fresh(server, cast_template):
        hostile.plant(engine, {CARL: request.param, CLEO: request.param}, [request.param])
        yield cast.application(engine), request.param


@pytest.fixture(scope="module")
def harmless_elements(server: str, cast_template: str) -> dict[str, int]:
    """Of the same page where nobody has such a name."""
    (found,) = (
        elements(cast.application(engine).signed_in("ana").get("/?days=7").text)
        for engine in fresh(server, cast_template)
    )
    return found


every_name = pytest.mark.parametrize("planted", NAMES, indirect=True)


def elements(page: str) -> dict[str, int]:
    soup = BeautifulSoup(page, "html.parser")
    return {name: len(soup.find_all(name)) for name in ("a", "b", "img", "script", "r", "t")}


@every_name
def test_a_page_shows_it_and_nothing_more(
    planted: tuple[World, str], harmless_elements: dict[str, int]
) -> None:
    world, name = planted
    page = world.signed_in("ana").get("/?days=7").text
    soup = BeautifulSoup(page, "html.parser")
    shown = [cell.text for cell in soup.select("[data-table=movers] tbody th bdi")]
    # a browser shows what HTML can't hold as �, or not at all
    assert [literal(text) for text in shown] == [literal(name)] * 2
    assert elements(page) == harmless_elements
    assert not soup.select('[href^="javascript"], [onmouseover], [onerror]')
    json.loads(str(soup.select_one("#first-layout").string))  # type: ignore[union-attr]


@every_name
def test_a_chart_gets_text_without_markup(planted: tuple[World, str]) -> None:
    world, name = planted
    labels = answer(world, "ana", "overview", "?days=7").figures["overview-revenue_sources"]["data"][0]["y"]
    label = next(each for each in labels if each.endswith(" · $100.00")).removesuffix(" · $100.00")
    assert "<" not in label
    assert not any(mark in label for mark in "\u202e\u2067")
    shown = html.unescape(label).strip("\u2068\u2069")
    visible = name.translate(dict.fromkeys((0x202E, 0x2067, 0x2069)))
    if len(visible) <= LONGEST_NAME:
        assert shown == visible
    else:
        assert shown == f"{visible[: LONGEST_NAME - 1]}…"


@every_name
def test_downloads_hold_it_as_text(planted: tuple[World, str]) -> None:
    world, name = planted
    client = world.signed_in("ana")
    body = client.get("/export/overview.csv?days=7").data.decode("utf-8-sig")
    rows = list(csv.reader(StringIO(body, newline=""), strict=True))
    assert [row[0] for row in rows if row[1:2] in (["1"], ["2"])][-2:] == [harmless(name)] * 2
    book = load_workbook(BytesIO(client.get("/export/overview.xlsx?days=7").data))
    cells = [row[0] for row in book["Movers"].iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells] == ["s", "s"]
    assert [unescape(str(cell.value)).rstrip() for cell in cells] == [literal(name)] * 2


@every_name
def test_the_api_says_it_exactly(planted: tuple[World, str]) -> None:
    world, name = planted
    got = world.signed_in("ana").get("/api/analytics/revenue-breakdown?days=7")
    assert got.mimetype == "application/json"
    assert name in {row["source"] for row in got.get_json()["data"]}


@every_name
def test_a_creators_own_file_holds_it_as_text(planted: tuple[World, str]) -> None:
    world, name = planted
    body = world.signed_in("cleo").get("/export/my-dashboard.csv?days=7").data.decode("utf-8-sig")
    facts = dict(row for row in csv.reader(StringIO(body, newline=""), strict=True) if len(row) == 2)
    assert facts["Creator"] == harmless(name)
