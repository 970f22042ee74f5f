"""Audience of a creator: when should I be live, how do I compare?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "my-audience-address"
    HEAD = "my-audience-head"
    HOURS = "my-audience-hours"
    SLOTS = "my-audience-slots"
    PEERS = "my-audience-peers"


def layout(asked: Asked) -> Component:
    bar = shell.bar("Audience", Ids.ADDRESS, CREATOR_PERIODS, asked, compares=False, export="my-audience")
    return html.Div(
        [
            bar,
            Html(Ids.HEAD),
            html.Div([Html(Ids.HOURS, "wide"), Html(Ids.SLOTS), Html(Ids.PEERS)], className="figures"),
        ],
        **attributes(data_page="my-audience"),
    )


PAGE = Page("my-audience", "/me/audience", "Audience", frozenset({"creator"}), layout, CREATOR_PERIODS)
