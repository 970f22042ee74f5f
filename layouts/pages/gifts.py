"""Gifts: which sparks sell, when?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page


class Ids:
    ADDRESS = "gifts-address"
    HEAD = "gifts-head"
    HOURS = "gifts-hours"
    SPARKS = "gifts-sparks"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Gifts", Ids.ADDRESS, PLATFORM_PERIODS, asked, export="gifts"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("gifts", "ranked"),
                    figure_card("gifts", "count_and_value"),
                    Html(Ids.HOURS, className="wide"),
                    figure_card("gifts", "trend", wide=True),
                    Html(Ids.SPARKS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="gifts"),
    )


PAGE = Page(
    "gifts",
    "/gifts",
    "Gifts",
    frozenset({"admin", "analyst"}),
    layout,
    PLATFORM_PERIODS,
    picks=("spark",),
)
