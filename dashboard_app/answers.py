"""What pages answer: made once for each state of the data where a page is alike for everybody."""

import re
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, cast

import brotli
import orjson
from cachetools import LRUCache, cachedmethod
from dash import Dash, Input, Output
from flask import Flask, Response, request
from markupsafe import Markup
from werkzeug.exceptions import Forbidden, NotFound

from aggregation.queries import Queries, Store
from aggregation.versions import Versions
from callbacks.guard import Content, Filled, Live
from callbacks.selection import asked
from dashboard_app.access import GuardedCallbacks, guarded
from layouts import shell
from layouts.components import Box, Component
from layouts.elements import Chart, Html, written
from layouts.figures import BLANK
from layouts.markup import markup
from layouts.page import Asked, Creator, Page, Viewer
from layouts.places import Onlooker, Place, whose

# Answers kept in a process, some 0.3 MB each.
KEPT = 128
# As flask-compress does it.
BROTLI_LEVEL = 4


CALLBACKS = "/_dash-update-component"


def address_id(page: Page) -> str:
    return f"{page.name}-address"


def as_json(value: Any) -> bytes:
    """Components and plain values, as Dash's browser side reads them."""
    return orjson.dumps(value, default=lambda part: part.to_plotly_json())


class Incomplete(Exception):  # noqa: N818
    """A part of what was made failed: it is given, but not kept."""

    def __init__(self, made: "Answer | Filled") -> None:
        self.made = made


class UnknownCreator(NotFound):
    """Of an address."""


# In a page that is kept, where the address goes: a private character, which no text on a page has.
SEARCH = "\ue000"


# What stands before a definition's words, and the words.
_DEFINED = re.compile(r'(<details class="definition">.*?</summary>).*?(?=</details>)', re.DOTALL)


class Answer:
    """What fills a page, in the forms in which it goes out; each made when it is first wanted."""

    def __init__(self, page: Page, wanted: Asked, filled: Filled) -> None:
        parts = filled.parts | {shell.Ids.FRESHNESS: filled.freshness}
        kinds = fillable(page.layout(Asked()))
        self.complete = filled.complete
        # By id and property.
        self.values = {name: {kind: _value(kind, parts.get(name))} for name, kind in kinds.items()}
        self._page = page
        self._wanted = wanted

    @property
    def title(self) -> str:
        return self._wanted.creator.name if self._wanted.creator else self._page.title

    def fitted(self, search: str) -> Component:
        """The page, filled, at an address that asks for it with `search`."""
        layout = self._page.layout(replace(self._wanted, search=search))
        for name, value in self.values.items():
            for key, content in value.items():
                setattr(layout[name], key, content)
        return layout

    @cached_property
    def html(self) -> Markup:
        """The page, for people, until Dash has started: without what only a click would show."""
        written = str(markup(self.fitted(SEARCH)))
        return Markup(_DEFINED.sub(r"\1", written))  # noqa: S704 - escaped there

    def json(self, search: str) -> str:
        """The page, for Dash."""
        return self._json.replace(f'"search":"{SEARCH}"', f'"search":{as_json(search).decode()}')

    @cached_property
    def _json(self) -> str:
        return as_json(self.fitted(SEARCH)).decode()

    @cached_property
    def _plain(self) -> bytes:
        """As Dash's dispatch would answer the callback that fills the page."""
        return as_json({"multi": True, "response": self.values})

    @cached_property
    def _brotli(self) -> bytes:
        return bytes(brotli.compress(self._plain, quality=BROTLI_LEVEL))

    def response(self) -> Response:
        if not request.accept_encodings["br"]:
            return Response(self._plain, content_type="application/json")
        answer = Response(self._brotli, content_type="application/json")
        answer.headers["Content-Encoding"] = "br"
        answer.vary.add("Accept-Encoding")
        return answer


def fillable(layout: Component) -> dict[str, str]:
    """Of everything in a page that its callback fills: id → property."""
    kinds: dict[type, str] = {Html: "content", Chart: "figure"}
    return {node.id: kinds[type(node)] for node in layout._traverse() if type(node) in kinds}


def _value(kind: str, part: Any) -> Any:
    if kind == "figure":
        return part or BLANK
    box = part if isinstance(part, Box) else Box(part)
    return written(str(markup(box.content)), box.state)


Made = TypeVar("Made", Answer, Filled)


@dataclass(frozen=True)
class _Source:
    page: Page
    store: Store
    content: Content
    live: Live | None
    shared: bool


def _together(content: Filled, live: Filled) -> Filled:
    # What the content says itself it says instead, as where today is left out.
    return Filled(live.parts | content.parts, content.freshness, content.complete and live.complete)


class Answers:
    """Of all pages. A creator's page is made anew for each request; none is given to anybody later."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._sources: dict[str, _Source] = {}
        self._cache: LRUCache[Hashable, Any] = LRUCache(KEPT)
        self._condition = threading.Condition()

    def add(self, source: _Source) -> None:
        self._sources[source.page.name] = source

    @property
    def live_pages(self) -> list[Page]:
        """Those with parts that follow the running day."""
        return [source.page for source in self._sources.values() if source.live]

    def get(self, found: Place, viewer: Viewer, search: str) -> Answer:
        """What fills the page for `viewer` at this place; `search` is the question part of the address.

        Raises Forbidden for whom the place isn't, UnknownCreator where there is none.
        """
        if viewer.role not in found.roles:
            raise Forbidden
        page = found.page
        source, now = self._sources[page.name], self._clock()
        wanted = asked(search, page.periods, page.picks, viewer.week_start)

        if found.creator_id is not None or not source.shared:
            return self._made(source, found, viewer, wanted, now)

        def content() -> Filled:
            with source.store.read() as queries:
                return source.content(queries, viewer, wanted, now)

        # Read before the numbers: they may then be newer than the key says, never older.
        versions = self._versions(source, viewer)
        key = (page.name, replace(wanted, search=""), versions._replace(today=0, now=0), now.date())

        def answer() -> Answer:
            # Each pass over the running day makes another page; the rest of it stays as it was.
            filled = self._keep(("content", *key), content)
            return Answer(page, wanted, _together(filled, self._live(source, viewer, now)))

        ticking = _ticking(versions, now) if source.live else None
        return self._keep((key, ticking), answer)

    def at(self, page: Page, viewer: Viewer, address: str) -> Answer:
        """The same for a page's callback, which hears of its path only where that says whose page it is."""
        path, mark, question = address.partition("?")
        return self.get(whose(page, path), viewer, f"{mark}{question}")

    def _made(self, source: _Source, found: Place, viewer: Viewer, wanted: Asked, now: datetime) -> Answer:
        with source.store.read() as queries:
            if found.creator_id is not None:
                wanted = replace(wanted, creator=opened(queries, found.creator_id))
                viewer = Onlooker.at(viewer, found.creator_id)
            filled = source.content(queries, viewer, wanted, now)
        return Answer(source.page, wanted, _together(filled, self._live(source, viewer, now)))

    def live(self, page: Page, viewer: Viewer) -> dict[str, dict[str, Any]]:
        """What an open page replaces by itself: by id and property."""
        filled = self._live(self._sources[page.name], viewer, self._clock())
        kinds = fillable(page.layout(Asked()))
        return {name: {kinds[name]: _value(kinds[name], part)} for name, part in filled.parts.items()}

    def _live(self, source: _Source, viewer: Viewer, now: datetime) -> Filled:
        live = source.live
        if live is None:
            return Filled({})

        def made() -> Filled:
            with source.store.read() as queries:
                return live(queries, viewer, now)

        if not source.shared:
            return made()
        return self._keep(("live", source.page.name, _ticking(self._versions(source, viewer), now)), made)

    def _versions(self, source: _Source, viewer: Viewer) -> Versions:
        return cast(Versions | None, viewer.versions) or source.store.versions()

    def _keep(self, key: Hashable, make: Callable[[], Made]) -> Made:
        try:
            return cast(Made, self._kept(key, make))
        except Incomplete as problem:
            return cast(Made, problem.made)

    @cachedmethod(
        lambda self: self._cache, key=lambda self, key, _: key, condition=lambda self: self._condition
    )
    def _kept(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Of many that ask at once, one makes it and the others wait."""
        made = make()
        if not made.complete:
            raise Incomplete(made)
        return made


def _ticking(versions: Versions, now: datetime) -> Hashable:
    """Under which today so far is kept: it tells of time going by without a pass, too."""
    return versions, now.replace(second=0, microsecond=0)


def opened(queries: Queries, creator_id: int) -> Creator:
    name = queries.creator_name(creator_id)
    if name is None:
        raise UnknownCreator("There is no creator with this id.")
    return Creator(creator_id, name)


class GuardedPage(GuardedCallbacks):
    """What a page's `register` gets."""

    def __init__(self, app: Dash, page: Page, answers: Answers) -> None:
        super().__init__(app, page.viewers)
        self._page = page
        self._answers = answers

    def fill(self, store: Store, content: Content, *, shared: bool, live: Live | None = None) -> None:
        page, answers = self._page, self._answers
        answers.add(_Source(page, store, content, live, shared))

        outputs = fillable(page.layout(Asked()))

        @self.callback(
            [Output(name, kind) for name, kind in outputs.items()],
            Input(address_id(page), "search"),
            # The page comes filled.
            prevent_initial_call=True,
        )
        def fill(viewer: Viewer, search: str) -> list[Any]:
            values = answers.at(page, viewer, search if isinstance(search, str) else "").values
            return [values[name][kind] for name, kind in outputs.items()]


def answer_before_dash(server: Flask, pages: Sequence[Page], answers: Answers) -> None:
    """Answer the callbacks that fill pages with bytes made before; Dash answers all others."""
    dispatch = server.view_functions[CALLBACKS]
    fills = {(address_id(page), output_of(page)): _responding(page, answers) for page in pages}

    def answered() -> Any:
        match request.get_json(silent=True):
            case {
                "inputs": [{"id": str(name), "property": "search", "value": str(search)}],
                "output": str(output),
            }:
                respond = fills.get((name, output))
                return respond(search) if respond else dispatch()
            case _:
                return dispatch()

    server.view_functions[CALLBACKS] = answered


def output_of(page: Page) -> str:
    """The name that Dash gives to the callback that fills a page."""
    outputs = fillable(page.layout(Asked()))
    return "".join(f"..{name}.{kind}." for name, kind in outputs.items()) + "."


def _responding(page: Page, answers: Answers) -> Callable[[str], Response]:
    return guarded(page.viewers, lambda viewer, search: answers.at(page, viewer, search).response())
