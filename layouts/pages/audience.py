"""Audience: who is active, how often?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page

GRAIN = shell.Choice(
    "grain", "Lifecycle by", (("day", "day"), ("week", "7 days"), ("month", "28 days")), "day"
)


class Ids:
    ADDRESS = "audience-address"
    HEAD = "audience-head"
    DAYS = "audience-days"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Audience", Ids.ADDRESS, PLATFORM_PERIODS, asked, export="audience", choices=(GRAIN,)),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("audience", "lifecycle", wide=True),
                    figure_card("audience", "reach", wide=True),
                    figure_card("audience", "frequency"),
                    figure_card("audience", "session_length"),
                    Html(Ids.DAYS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="audience"),
    )


PAGE = Page(
    "audience",
    "/audience",
    "Audience",
    frozenset({"admin", "analyst"}),
    layout,
    PLATFORM_PERIODS,
    picks=(GRAIN.part,),
)
