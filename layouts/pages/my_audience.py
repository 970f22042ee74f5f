"""Audience of a creator: when should I be live, how do I compare?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "my-audience-address"
    HEAD = "my-audience-head"
    HOURS = "my-audience-hours"
    SLOTS = "my-audience-slots"


def layout(asked: Asked) -> Component:
    bar = shell.bar("Audience", Ids.ADDRESS, CREATOR_PERIODS, asked, export="my-audience")
    return html.Div(
        [
            bar,
            Html(Ids.HEAD),
            html.Div(
                [
                    Html(Ids.HOURS, "wide"),
                    Html(Ids.SLOTS),
                    figure_card("my-audience", "new_and_returning"),
                    figure_card("my-audience", "benchmark", wide=True),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="my-audience"),
    )


PAGE = Page("my-audience", "/me/audience", "Audience", frozenset({"creator"}), layout, CREATOR_PERIODS)
