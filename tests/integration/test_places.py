"""A creator's pages as analysts open them at /creators/<id>: the same numbers, and for nobody else."""

import itertools
import json
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from layouts.exports import literal
from layouts.page import Page
from layouts.pages import PAGES
from layouts.places import Place, place
from tests import cast, hostile
from tests.cast import CARL, CLEO, World, run_callback
from tests.hostile import NAMES
from tests.integration.test_access import FILLS
from tests.integration.test_pages import Shown, answer

MINE = [page for page in PAGES if page.mine]
FRAME = "..shell-page.children...shell-menu.children...shell-account.children.."
WRONG = ("/creators/abc", "/creators/-1", "/creators/01", "/creators/1/", "/creators/1/x", "/creators//1")
UNKNOWN = ("/creators/999", "/creators/0", "/creators/999999999999999999")
every_page = pytest.mark.parametrize("page", MINE, ids=lambda page: page.name)


def path_of(page: Page, creator: int) -> str:
    return Place(page, creator).path


def filled(world: World, who: str, page: Page, address: str) -> Shown:
    got = run_callback(world.signed_in(who), FILLS[page.name], (f"{page.name}-address.search", address))
    assert got.status_code == 200, got.text
    return Shown(got.get_json()["response"])


# ---- which page ----


def test_addresses_lead_to_pages() -> None:
    mine = next(page for page in PAGES if page.path == "/me")
    assert place(PAGES, "/creators/7") == Place(mine, 7)
    assert Place(mine, 7).path == "/creators/7"
    assert place(PAGES, "/me") == Place(mine)
    found = {address: place(PAGES, address) for address in (*WRONG, "/creators/" + "9" * 19, "/creators/٣")}
    assert set(found.values()) == {None}


def test_every_page_has_an_address_of_its_own() -> None:
    for page in PAGES:
        assert place(PAGES, page.path) == Place(page)
        if page.mine:
            assert place(PAGES, path_of(page, 3)) == Place(page, 3)


# The column of statements, which only the creators have themselves.
LINKED = {"Print", "Open"}
# Says when, not how much.
WITHOUT_MONEY = {"my-audience"}


# ---- the same as the creator sees ----


@every_page
@pytest.mark.parametrize("search", ["?days=7", "?days=7&compare=none", "?days=90"])
@pytest.mark.parametrize(("creator", "name"), [(CLEO, "cleo"), (CARL, "carl")])
def test_analysts_see_what_the_creator_sees(
    shared: World, page: Page, search: str, creator: int, name: str
) -> None:
    own = answer(shared, name, page.name, search)
    for who in ("ana", "ada"):
        theirs = filled(shared, who, page, f"{path_of(page, creator)}{search}")
        assert theirs.figures == own.figures
        assert said(theirs.page) == said(own.page)


def said(page: Tag) -> list[str]:
    """All a page says but its links: those stay at the creator's, and statements are the creator's own."""
    return [each.text for each in page.select("h1, h2, p, .kpi-value, th, td") if each.text not in LINKED]


@every_page
def test_the_page_comes_filled_under_the_creators_name(world: World, page: Page) -> None:
    got = world.signed_in("ana").get(f"{path_of(page, CARL)}?days=7")
    assert got.status_code == 200
    soup = BeautifulSoup(got.text, "html.parser")
    assert [heading.text for heading in soup.select("h1")] == ["carl"]
    assert soup.title is not None
    assert soup.title.text.startswith("carl")
    assert [link["href"] for link in soup.select(".heading a")] == ["/creators"]
    assert ("777.77" in got.text) == (page.name not in WITHOUT_MONEY)
    assert json.loads(str(soup.select_one("#first-layout").string))  # type: ignore[union-attr]


@every_page
def test_a_link_brings_the_same_page(world: World, page: Page) -> None:
    opened = run_callback(
        world.signed_in("ana"),
        FRAME,
        ("url.pathname", path_of(page, CARL)),
        state=[("url.search", "?days=7&compare=none")],
    ).get_json()["response"]
    shown = json.dumps(opened["shell-page"]["children"])
    assert ("777.77" in shown) == (page.name not in WITHOUT_MONEY)
    assert '"search": "?days=7&compare=none"' in shown
    assert f'"path": "/creators/{CARL}"' in shown


def test_files_of_a_creator_are_their_own(world: World) -> None:
    for ending in ("csv", "xlsx"):
        got = world.signed_in("ana").get(f"/export/creators/{CARL}/my-dashboard.{ending}?days=7")
        assert got.status_code == 200
        assert f"creator-{CARL}.{ending}" in got.headers["Content-Disposition"]
    body = world.signed_in("ana").get(f"/export/creators/{CARL}/my-dashboard.csv?days=7").text
    assert "777.77" in body
    assert "Creator,carl" in body
    offered = world.signed_in("ana").get(f"/creators/{CARL}?days=7").text
    assert f"/export/creators/{CARL}/my-dashboard.csv?days=7" in offered


# ---- who must not ----


@every_page
@pytest.mark.parametrize("who", ["cleo", "carl"])
def test_no_creator_opens_anybodys(shared: World, page: Page, who: str) -> None:
    """Not even their own there, and whether there is such a creator makes no difference."""
    client = shared.signed_in(who)
    refused = {client.get(path_of(page, creator)).status_code for creator in (CLEO, CARL, 999)}
    assert refused == {403}
    for creator, search in itertools.product((CLEO, CARL, 999), ("", "?days=7")):
        address = (f"{page.name}-address.search", f"{path_of(page, creator)}{search}")
        got = run_callback(client, FILLS[page.name], address)
        assert got.status_code == 403
        assert set(got.get_json()) == {"error"}
    opened = run_callback(client, FRAME, ("url.pathname", path_of(page, CARL)), state=[("url.search", "")])
    assert "Not allowed" in opened.text
    if who == "cleo":
        assert not any(number in opened.text for number in cast.CARLS_NUMBERS)
    for ending in ("csv", "xlsx"):
        for creator in (CLEO, CARL, 999):
            assert client.get(f"/export/creators/{creator}/{page.name}.{ending}").status_code == 403


@every_page
def test_analysts_have_no_page_of_their_own(world: World, page: Page) -> None:
    for who in ("ana", "ada"):
        assert world.signed_in(who).get(page.path).status_code == 403
        for address in ("", "?days=7", page.path, "/creators/x", "/creators/1x?days=7", "?creator_id=1"):
            got = run_callback(
                world.signed_in(who), FILLS[page.name], (f"{page.name}-address.search", address)
            )
            assert got.status_code == 403, address


@every_page
def test_nobody_gets_in_without_a_session(world: World, page: Page) -> None:
    client = world.client()
    assert client.get(path_of(page, CARL)).status_code == 302
    assert client.get(f"/export/creators/{CARL}/{page.name}.csv").status_code == 302
    got = run_callback(client, FILLS[page.name], (f"{page.name}-address.search", path_of(page, CARL)))
    assert got.status_code == 401


# ---- who isn't there ----


def test_unknown_creators_are_said_to_be_unknown(world: World) -> None:
    client = world.signed_in("ana")
    for path in UNKNOWN:
        got = client.get(path)
        assert got.status_code == 404
        assert "There is no creator with this id." in got.text
        opened = run_callback(client, FRAME, ("url.pathname", path), state=[("url.search", "")])
        assert "There is no creator with this id." in opened.text
        address = ("my-dashboard-address.search", f"{path}?days=7")
        assert run_callback(client, FILLS["my-dashboard"], address).status_code == 404
        assert client.get(f"/export{path}/my-dashboard.csv").status_code == 404


def test_what_is_no_id_is_no_page(world: World) -> None:
    client = world.signed_in("ana")
    assert {client.get(path).status_code for path in WRONG} == {404}
    assert client.get(f"/creators/{'9' * 19}").status_code == 404
    assert client.get(f"/export/creators/{'9' * 19}/my-dashboard.csv").status_code == 404


def texts(part: Any) -> set[str]:
    """All texts in it."""
    match part:
        case dict():
            return set().union(*map(texts, part.values()))
        case list():
            return set().union(*map(texts, part))
        case _:
            return {part} if isinstance(part, str) else set()


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_heading(world: World, name: str) -> None:
    usual = BeautifulSoup(world.signed_in("ana").get(f"/creators/{CARL}").text, "html.parser")
    hostile.plant(world.engine, {CARL: name}, [])
    soup = BeautifulSoup(world.signed_in("ana").get(f"/creators/{CARL}").text, "html.parser")
    headings = soup.select("h1")
    assert len(headings) == 1
    # a browser shows what HTML can't hold as �, or not at all
    assert literal(headings[0].text) == literal(name)
    for tag in ("script", "a", "b", "img"):
        assert len(soup.select(tag)) == len(usual.select(tag))
    first = json.loads(str(soup.select_one("#first-layout").string))  # type: ignore[union-attr]
    assert name in texts(first)
