"""Creators: who earns, how concentrated is it, who rises or went dark?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import ANALYSTS, PLATFORM_PERIODS, Asked, Page


class Ids:
    ADDRESS = "creators-address"
    HEAD = "creators-head"
    BOARD = "creators-board"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Creators", Ids.ADDRESS, PLATFORM_PERIODS, asked, export="creators"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("creators", "lorenz"),
                    figure_card("creators", "views_rpm"),
                    Html(Ids.BOARD, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="creators"),
    )


# The order of the board, what is searched for in it, and its page.
PICKS = ("sort", "order", "find", "page")

PAGE = Page("creators", "/creators", "Creators", ANALYSTS, layout, PLATFORM_PERIODS, PICKS)
