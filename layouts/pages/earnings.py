"""Earnings: what did I earn, what is coming, what was refunded?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "earnings-address"
    HEAD = "earnings-head"
    CHOICE = "earnings-choice"
    LEDGER = "earnings-ledger"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Earnings", Ids.ADDRESS, CREATOR_PERIODS, asked, export="earnings"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("earnings", "months", wide=True),
                    figure_card("earnings", "by_spark"),
                    html.Div([Html(Ids.CHOICE), figure_card("earnings", "what_if")], className="stack"),
                    Html(Ids.LEDGER, "wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="earnings"),
    )


PAGE = Page("earnings", "/me/earnings", "Earnings", frozenset({"creator"}), layout, CREATOR_PERIODS)
