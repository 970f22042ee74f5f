"""The first answer: the page as HTML, and all that Dash would fetch next.

What is done here hangs on the insides of Dash 4.4: its start by `DashRenderer`, the two addresses
that it fetches first, `_config` and `_callback_list`. Tests in a browser tell when they change.
"""

from typing import Any

from dash import Dash
from flask import Flask, abort, render_template, request
from markupsafe import Markup

from dashboard_app import access
from dashboard_app.adoption import Adoption
from dashboard_app.answers import Answers, UnknownCreator, as_json
from dashboard_app.frame import around
from dashboard_app.static import StaticFiles
from layouts import shell
from layouts.components import Component
from layouts.markup import markup
from layouts.page import Page, Viewer
from layouts.places import Place, place

# In the frame, where the page goes: a private character, which no text on a page has.
PAGE = "\ue001"


class Application(Dash):
    """Dash with an index page of its own."""

    def __init__(
        self,
        server: Flask,
        pages: tuple[Page, ...],
        answers: Answers,
        files: StaticFiles,
        adoption: Adoption,
    ) -> None:
        self._pages = pages
        self._answers = answers
        self._files = files
        self._adoption = adoption
        super().__init__(
            "sparkboard",
            server=server,  # type: ignore[arg-type]
            # Static files are not Dash's to serve: see static.py.
            include_assets_files=False,
            assets_url_path="/_dash-assets",
            title="Sparkboard",
            update_title="",
            suppress_callback_exceptions=True,
            use_pages=False,
            enable_mcp=False,
            add_log_handler=False,
        )
        self.layout = shell.layout()

    def index(self, *_: Any, **__: Any) -> str:
        """The page at the request's address, for the person signed in."""
        found = place(self._pages, request.path)
        if found is None:
            abort(404)
        viewer = access.allowed_viewer(found.roles)
        self._adoption.record(viewer, found.page.name)
        question = request.query_string.decode("latin-1")
        search = f"?{question}" if question else ""
        answer = self._answers.get(found, viewer, search)
        frame = shell.layout(found.path, search, self._around(found, viewer, PAGE))
        return render_template(
            "application.html",
            title=answer.title,
            view=Markup(str(markup(frame)).replace(PAGE, answer.html)),  # noqa: S704 - both escaped
            layout=_block(as_json(frame).decode().replace(f'"{PAGE}"', answer.json(search))),
            dependencies=_block(as_json(self._callback_list).decode()),
            config=_block(as_json(self._settings()).decode()),
        )

    def _settings(self) -> dict[str, Any]:
        """What Dash's browser side wants to know."""
        return dict(self._config()) | {"plotlyjs_url": self._files.charts}  # type: ignore[no-untyped-call]

    def opened(self, viewer: Viewer, path: str, search: str) -> shell.Open:
        """What a link within the application leads to; words where there is nothing for this role."""
        found = place(self._pages, path)
        if found is None:
            return self._around(
                found, viewer, shell.notice("Page not found", "There is no page at this address.")
            )
        if viewer.role not in found.roles:
            return self._around(
                found, viewer, shell.notice("Not allowed", "Your account may not see this page.")
            )
        account = access.allowed_viewer(found.roles)
        try:
            answer = self._answers.get(found, viewer, search)
        except UnknownCreator as error:
            return self._around(found, viewer, shell.notice("Page not found", str(error.description)))
        self._adoption.record(account, found.page.name)
        return self._around(found, viewer, answer.fitted(search))

    def _around(self, found: Place | None, viewer: Viewer, content: Component) -> shell.Open:
        return around(content, viewer, found.menu if found else None)


def _block(json: str) -> Markup:
    """For a block of data in a page: nothing in it ends the block."""
    return Markup(json.replace("<", "\\u003c"))  # noqa: S704
