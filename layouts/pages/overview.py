"""Overview: is the platform healthy, what changed?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page


class Ids:
    ADDRESS = "overview-address"
    HEAD = "overview-head"
    MOVERS = "overview-movers"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Overview", Ids.ADDRESS, PLATFORM_PERIODS, asked, export="overview"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("overview", "revenue_trend", wide=True),
                    figure_card("overview", "revenue_sources"),
                    figure_card("overview", "user_growth"),
                    figure_card("overview", "engagement_rate"),
                    figure_card("overview", "today"),
                    Html(Ids.MOVERS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="overview", data_live="overview"),
    )


PAGE = Page(
    "overview", "/", "Overview", frozenset({"admin", "analyst"}), layout, PLATFORM_PERIODS, ("day", "source")
)
