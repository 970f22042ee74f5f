"""My dashboard: how am I doing, what should I do next?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "my-dashboard-address"
    HEAD = "my-dashboard-head"
    PERFORMANCE = "my-dashboard-performance"
    NEXT = "my-dashboard-next"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("My dashboard", Ids.ADDRESS, CREATOR_PERIODS, asked, export="my-dashboard"),
            Html(Ids.HEAD),
            html.Div(
                [
                    Html(Ids.NEXT, className="wide"),
                    figure_card("my-dashboard", "gift_revenue_trend", wide=True),
                    figure_card("my-dashboard", "today"),
                    figure_card("my-dashboard", "reactions"),
                    Html(Ids.PERFORMANCE, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="my-dashboard", data_live="my-dashboard"),
    )


PAGE = Page("my-dashboard", "/me", "My dashboard", frozenset({"creator"}), layout, CREATOR_PERIODS)
