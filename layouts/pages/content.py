"""Content: what earns and engages?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import CREATOR_PERIODS, Asked, Page


class Ids:
    ADDRESS = "content-address"
    HEAD = "content-head"
    TABLE = "content-table"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Content", Ids.ADDRESS, CREATOR_PERIODS, asked, export="content"),
            Html(Ids.HEAD),
            html.Div(
                [figure_card("content", "views_and_rpm", wide=True), Html(Ids.TABLE, "wide stack")],
                className="figures",
            ),
        ],
        **attributes(data_page="content"),
    )


PAGE = Page("content", "/me/content", "Content", frozenset({"creator"}), layout, CREATOR_PERIODS)
