"""The frame: which page is open, and the period kept in the address."""

from collections.abc import Callable

from dash import ClientsideFunction, Input, Output, State

from callbacks.guard import Guard
from layouts import shell
from layouts.components import Component
from layouts.page import Viewer

# Both directions in one: a link sets the controls, the controls set the link.
SYNC_ADDRESS = ClientsideFunction("sparkboard", "syncAddress")


def register(page: Guard, opened: Callable[[Viewer, str, str], shell.Open]) -> None:
    page.clientside_callback(
        SYNC_ADDRESS,
        Output(shell.Ids.ADDRESS, "search"),
        Output(shell.Ids.PERIOD, "value"),
        Output(shell.Ids.COMPARE, "value"),
        Input(shell.Ids.ADDRESS, "search"),
        Input(shell.Ids.PERIOD, "value"),
        Input(shell.Ids.COMPARE, "value"),
        prevent_initial_call=True,
    )

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
