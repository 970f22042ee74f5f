"""Revenue: where does money come from, what do we keep?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page


class Ids:
    ADDRESS = "revenue-address"
    HEAD = "revenue-head"
    CALENDAR = "revenue-calendar"
    PARTS = "revenue-parts"
    DAYS = "revenue-days"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Revenue", Ids.ADDRESS, PLATFORM_PERIODS, asked, export="revenue"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("revenue", "by_source", wide=True),
                    figure_card("revenue", "shares"),
                    Html(Ids.CALENDAR),
                    figure_card("revenue", "why"),
                    Html(Ids.PARTS),
                    Html(Ids.DAYS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="revenue"),
    )


PAGE = Page(
    "revenue",
    "/revenue",
    "Revenue",
    frozenset({"admin", "analyst"}),
    layout,
    PLATFORM_PERIODS,
    picks=("show", "split", "amount"),
)
