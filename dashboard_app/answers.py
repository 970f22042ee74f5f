"""What pages answer: made once for each state of the data where a page is alike for everybody."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import brotli
import orjson
from cachetools import LRUCache, cachedmethod
from dash import Dash, Input, Output
from flask import Flask, Response, request
from markupsafe import Markup

from aggregation.queries import Store
from callbacks.guard import Content, Filled
from callbacks.selection import asked
from dashboard_app.access import GuardedCallbacks, guarded
from layouts import shell
from layouts.components import Box, Component
from layouts.elements import Chart, Html, written
from layouts.figures import BLANK
from layouts.markup import markup
from layouts.page import Asked, Page, Viewer

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
    """A part of the answer failed: it is given, but not kept."""

    def __init__(self, answer: "Answer") -> None:
        self.answer = answer


# In a page that is kept, where the address goes: a private character, which no text on a page has.
SEARCH = "\ue000"


class Answer:
    """What fills a page, in the forms in which it goes out; each made when it is first wanted."""

    def __init__(self, page: Page, wanted: Asked, filled: Filled) -> None:
        parts = filled.parts | {shell.Ids.FRESHNESS: filled.freshness}
        kinds = fillable(page.layout(Asked()))
        self.complete = filled.complete
        # By id and property.
        self.values = {name: {kind: _value(kind, parts.get(name))} for name, kind in kinds.items()}
        self._page = page
        self._wanted = replace(wanted, search=SEARCH)

    def fitted(self, wanted: Asked) -> Component:
        """The page, filled."""
        layout = self._page.layout(wanted)
        for name, value in self.values.items():
            for key, content in value.items():
                setattr(layout[name], key, content)
        return layout

    @cached_property
    def html(self) -> Markup:
        """The page, for people."""
        return markup(self.fitted(self._wanted))

    def json(self, search: str) -> str:
        """The page, for Dash."""
        return self._json.replace(f'"{SEARCH}"', as_json(search).decode())

    @cached_property
    def _json(self) -> str:
        return as_json(self.fitted(self._wanted)).decode()

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


@dataclass(frozen=True)
class _Source:
    page: Page
    store: Store
    content: Content
    shared: bool


class Answers:
    """Of all pages. A creator's page is made anew for each request; nobody else can be given it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._sources: dict[str, _Source] = {}
        self._cache: LRUCache[Hashable, Answer] = LRUCache(KEPT)
        self._condition = threading.Condition()

    def add(self, page: Page, store: Store, content: Content, *, shared: bool) -> None:
        self._sources[page.name] = _Source(page, store, content, shared)

    def get(self, page: Page, viewer: Viewer, search: str) -> Answer:
        """What fills `page` for `viewer`, who may see it, at this address."""
        source, wanted, now = self._sources[page.name], asked(search, page.periods, page.picks), self._clock()
        if not source.shared:
            return self._made(source, viewer, wanted, now)
        # Read before the numbers: they may then be newer than the key says, never older.
        versions = viewer.versions or source.store.versions()
        key = (page.name, replace(wanted, search=""), versions, now.date())
        try:
            return self._kept(key, lambda: self._made(source, viewer, wanted, now))
        except Incomplete as problem:
            return problem.answer

    def _made(self, source: _Source, viewer: Viewer, wanted: Asked, now: datetime) -> Answer:
        with source.store.read() as queries:
            return Answer(source.page, wanted, source.content(queries, viewer, wanted, now))

    @cachedmethod(
        lambda self: self._cache, key=lambda self, key, _: key, condition=lambda self: self._condition
    )
    def _kept(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """Of many that ask at once, one makes it and the others wait."""
        answer = make()
        if not answer.complete:
            raise Incomplete(answer)
        return answer


class GuardedPage(GuardedCallbacks):
    """What a page's `register` gets."""

    def __init__(self, app: Dash, page: Page, answers: Answers) -> None:
        super().__init__(app, page.roles)
        self._page = page
        self._answers = answers

    def fill(self, store: Store, content: Content, *, shared: bool) -> None:
        page, answers = self._page, self._answers
        answers.add(page, store, content, shared=shared)

        outputs = fillable(page.layout(Asked()))

        @self.callback(
            [Output(name, kind) for name, kind in outputs.items()],
            Input(address_id(page), "search"),
            # The page comes filled.
            prevent_initial_call=True,
        )
        def fill(viewer: Viewer, search: str) -> list[Any]:
            values = answers.get(page, viewer, search).values
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
    return guarded(page.roles, lambda viewer, search: answers.get(page, viewer, search).response())
