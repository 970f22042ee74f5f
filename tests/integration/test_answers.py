"""Answers that were made before: the same as Dash's, never stale, never another person's."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import brotli
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from aggregation import running_day
from aggregation.publishing import aggregate
from aggregation.queries import Queries
from dashboard_app.accounts import Account
from dashboard_app.answers import Answer, Answers
from layouts.page import Page
from layouts.pages import PAGES
from layouts.places import Place
from tests import cast
from tests.cast import World, run_callback
from tests.integration.test_access import FILLS

Found = TypeVar("Found")

# The page's own person, the one with the fewest rights.
PEOPLE = {"creator": "cleo", "analyst": "ana", "admin": "ada"}
WHO = {page.name: next(PEOPLE[role] for role in PEOPLE if role in page.roles) for page in PAGES}
OVERVIEW = next(page for page in PAGES if page.name == "overview")
SEARCHES = (
    "",
    "?days=7",
    "?days=7&compare=none",
    "?days=90&compare=year",
    "?from=2026-03-01&to=2026-03-03",
    "?from=2026-03-03&to=2026-03-01",
    "?days=7&day=2026-03-03",
    "?days=7&source=gifts",
    "?days=x&nonsense=<b>",
    "?%00",
)
AT_ONCE = 64
ANA = Account(2, "ana", "analyst", None)


def fill(client: FlaskClient, page: str, search: str = "") -> Any:
    return run_callback(client, FILLS[page], (f"{page}-address.search", search))


def answers_of(world: World) -> Answers:
    answers: Answers = world.app._answers
    return answers


def republish(engine: Engine) -> None:
    """Somebody has given 10 more on the last complete day, and the worker has found it."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET platform_share = platform_share + 10 WHERE id = 4"))
    aggregate(engine, clock=lambda: cast.NOW)


def at_once(ask: Callable[[int], Found]) -> list[Found]:
    """What so many threads get that all begin at the same moment."""
    together = threading.Barrier(AT_ONCE, timeout=60)

    def one(index: int) -> Found:
        together.wait()
        return ask(index)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.fixture
def wide(world: World) -> World:
    """A world that so many may ask at once."""
    pool: Any = world.engine.pool
    pool._max_overflow = AT_ONCE
    return world


# ---- the same as Dash's ----


@pytest.fixture(scope="module")
def by_dash(shared: World) -> World:
    """The same world, where Dash answers every callback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard_app.factory.answer_before_dash", lambda *_: None)
        return cast.application(shared.engine)


@pytest.mark.parametrize(
    ("page", "search"), list(itertools.product(PAGES, SEARCHES)), ids=lambda x: getattr(x, "name", x)
)
def test_dash_would_answer_the_same(shared: World, by_dash: World, page: Page, search: str) -> None:
    ours, dashs = (
        fill(someone.signed_in(WHO[page.name]), page.name, search) for someone in (shared, by_dash)
    )
    assert (
        (ours.status_code, ours.mimetype) == (dashs.status_code, dashs.mimetype) == (200, "application/json")
    )
    assert ours.get_json() == dashs.get_json()


def test_only_one_of_the_two_worlds_goes_through_dash(
    world: World, by_dash: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the comparison above would compare a thing with itself."""
    monkeypatch.setattr(Answer, "response", lambda _: "made before")
    texts = [fill(someone.signed_in("ana"), "overview").text for someone in (world, by_dash)]
    assert texts[0] == "made before"
    assert '"multi":true' in texts[1]


def test_a_body_of_another_shape_is_left_to_dash(world: World) -> None:
    client = world.signed_in("ana")
    address = ("overview-address.search", "?days=7")
    usual = run_callback(client, FILLS["overview"], address)
    other = run_callback(client, FILLS["overview"], address, address)
    assert usual.status_code == 200
    # Dash knows no such callback; what matters is that nobody takes the second input for nothing.
    assert other.status_code >= 400
    assert client.post("/_dash-update-component", data=b"{").status_code in (400, 415)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_compressed_and_plain_are_the_same(shared: World, page: Page) -> None:
    client = shared.signed_in(WHO[page.name])
    plain = fill(client, page.name, "?days=7")
    client.environ_base["HTTP_ACCEPT_ENCODING"] = "gzip, deflate, br"
    packed = fill(client, page.name, "?days=7")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "br"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < len(plain.data) / 2
    assert brotli.decompress(packed.data) == plain.data


# ---- who may ask ----


def test_the_token_is_wanted(world: World) -> None:
    client = world.signed_in("ana")
    assert fill(client, "overview").status_code == 200
    client.set_cookie("_csrf_token", "forged")
    assert fill(client, "overview").status_code == 400


@pytest.mark.parametrize(("who", "page"), [("cleo", "overview"), ("ana", "my-dashboard")])
def test_what_was_made_before_is_not_for_everybody(shared: World, who: str, page: str) -> None:
    assert fill(shared.signed_in(WHO[page]), page).status_code == 200
    refused = fill(shared.signed_in(who), page)
    assert refused.status_code == 403
    assert "html" not in refused.get_data(as_text=True)


def test_a_session_that_has_ended_gets_nothing(world: World) -> None:
    client = world.signed_in("ana")
    assert fill(client, "overview").status_code == 200
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM dashboard_sessions"))
    assert fill(client, "overview").status_code == 401


# ---- never stale ----


def revenue(world: World) -> str:
    shown = fill(world.signed_in("ana"), "overview", "?days=7").text
    return next(number for number in ("$1,171.10", "$1,181.10") if number in shown)


def test_every_process_has_the_new_numbers_right_after_a_publish(world: World) -> None:
    other = cast.application(world.engine)
    for someone in (world, other):
        assert revenue(someone) == "$1,171.10"
    republish(world.engine)
    for someone in (world, other):
        assert revenue(someone) == "$1,181.10"


def test_the_page_itself_has_them_too(world: World) -> None:
    client = world.signed_in("ana")
    assert "$1,171.10" in client.get("/?days=7").text
    republish(world.engine)
    page = client.get("/?days=7").text
    assert "$1,181.10" in page
    assert "$1,171.10" not in page


def test_the_running_day_goes_on(world: World) -> None:
    client = world.signed_in("ana")

    def today() -> Any:
        figure = fill(client, "overview").get_json()["response"]["overview-today"]["figure"]
        return figure["data"][-1]["y"]

    assert today()[10] == 5
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE virtual_gifts SET platform_share = 2.50 WHERE id = 6"))
    running_day.refresh(world.engine, cast.NOW)
    assert today()[10] == 6


def test_what_failed_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("for a moment")

    client = world.signed_in("ana")
    with monkeypatch.context() as patch:
        patch.setattr(Queries, "revenue_by_source", broken)
        assert "These numbers could not be loaded." in fill(client, "overview").text
        assert "These numbers could not be loaded." in client.get("/").text
    assert "These numbers could not be loaded." not in fill(client, "overview").text
    assert "These numbers could not be loaded." not in client.get("/").text


# ---- made once ----


class Counting(Answer):
    made = 0

    def __init__(self, *arguments: Any) -> None:
        type(self).made += 1
        super().__init__(*arguments)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    monkeypatch.setattr("dashboard_app.answers.Answer", Counting)
    monkeypatch.setattr(Counting, "made", 0)
    return Counting


def test_of_many_at_once_one_makes_it(wide: World, counting: type[Counting]) -> None:
    answers = answers_of(wide)
    found = at_once(lambda _: answers.get(Place(OVERVIEW), ANA, "?days=7"))
    assert counting.made == 1
    assert len({id(answer) for answer in found}) == 1
    republish(wide.engine)
    at_once(lambda _: answers.get(Place(OVERVIEW), ANA, "?days=7"))
    assert counting.made == 2


def test_many_browsers_at_once_get_what_one_made(wide: World, counting: type[Counting]) -> None:
    first = wide.signed_in("ana")
    fill(first, "my-dashboard")  # for the token
    browsers = []
    for _ in range(AT_ONCE):
        browser = wide.client()
        for name in ("sparkboard", "_csrf_token"):
            cookie = first.get_cookie(name)
            assert cookie is not None
            browser.set_cookie(name, cookie.value)
        browsers.append(browser)
    counting.made = 0
    got = at_once(lambda index: fill(browsers[index], "overview", "?days=28"))
    assert {answer.status_code for answer in got} == {200}
    assert len({answer.data for answer in got}) == 1
    assert counting.made == 1


def test_what_nobody_offers_takes_no_room(world: World, counting: type[Counting]) -> None:
    client = world.signed_in("ana")
    fill(client, "overview", "?days=30&compare=previous")
    made, kept = counting.made, len(answers_of(world)._cache)
    for number in range(20):
        for search in (f"?days={1000 + number}", f"?days=30&x={number}", f"?compare=x{number}", f"?{number}"):
            assert fill(client, "overview", search).status_code == 200
            assert client.get(f"/{search}").status_code == 200
    assert (counting.made, len(answers_of(world)._cache)) == (made, kept)


# ---- nobody else's ----


def test_creators_never_get_each_others_numbers(wide: World) -> None:
    """Two creators, by turns and at once: the page, its callback, and links to it."""
    browsers = {name: [wide.signed_in(name) for _ in range(4)] for name in ("cleo", "carl")}
    frame = "..shell-page.children...shell-menu.children...shell-account.children.."

    def ask(name: str, client: FlaskClient) -> list[str]:
        return [
            fill(client, "my-dashboard", "?days=7").text,
            client.get("/me?days=7").text,
            run_callback(client, frame, ("url.pathname", "/me"), state=[("url.search", "?days=7")]).text,
        ]

    turns = [(name, browsers[name][index]) for index in range(4) for name in ("cleo", "carl")]
    with ThreadPoolExecutor(len(turns)) as pool:
        rounds = [list(pool.map(lambda turn: ask(*turn), turns)) for _ in range(3)]
    for answers in rounds:
        for (name, _), texts in zip(turns, answers, strict=True):
            for shown in texts:
                assert ("777.77" in shown) == (name == "carl")
                assert any(number in shown for number in cast.CARLS_NUMBERS) == (name == "carl")
                assert ("$42.00" in shown) == (name == "cleo")
    assert len(answers_of(wide)._cache) == 0


def test_a_page_that_is_kept_has_no_name_in_it(shared: World) -> None:
    pages = {name: shared.signed_in(name).get("/").text for name in ("ada", "ana")}
    assert ">ada<" in pages["ada"]
    assert ">ada<" not in pages["ana"]
    assert '"ada"' not in pages["ana"]
