"""Supporters: who supports me, who is slipping, how dependent am I?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "supporters-address"
    HEAD = "supporters-head"
    TABLE = "supporters-table"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Supporters", Ids.ADDRESS, CREATOR_PERIODS, asked, export="supporters"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("supporters", "cumulative_share"),
                    figure_card("supporters", "new_and_returning"),
                    Html(Ids.TABLE, "wide stack"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="supporters"),
    )


PAGE = Page("supporters", "/me/supporters", "Supporters", frozenset({"creator"}), layout, CREATOR_PERIODS)
