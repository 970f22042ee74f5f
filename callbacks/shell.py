"""The frame: which page is open."""

from collections.abc import Callable

from dash import Input, Output, State

from callbacks.guard import Guard
from layouts import shell
from layouts.components import Component
from layouts.page import Viewer


def register(page: Guard, opened: Callable[[Viewer, str, str], shell.Open]) -> None:
    @page.callback(
        Output(shell.Ids.PAGE, "children"),
        Output(shell.Ids.MENU, "children"),
        Output(shell.Ids.ACCOUNT, "children"),
        Input(shell.Ids.URL, "pathname"),
        State(shell.Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def open_page(viewer: Viewer, path: object, search: object) -> tuple[Component, object, object]:
        now = opened(viewer, str(path), search if isinstance(search, str) else "")
        return now.page, now.menu, now.account
