"""My dashboard: how am I doing, what should I do next?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, skeleton
from layouts.page import CREATOR_PERIODS, Page


class Ids:
    ADDRESS = "my-dashboard-address"
    CONTENT = "my-dashboard-content"


def layout() -> Component:
    return html.Div(
        [
            shell.bar("My dashboard", Ids.ADDRESS, CREATOR_PERIODS),
            html.Div(skeleton(6, 3, "kpis three"), id=Ids.CONTENT),
        ],
        **attributes(data_page="my-dashboard"),
    )


PAGE = Page("my-dashboard", "/me", "My dashboard", frozenset({"creator"}), layout, CREATOR_PERIODS)
