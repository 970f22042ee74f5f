"""Forecast: what will the next 30 days bring, can I trust it?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page


class Ids:
    ADDRESS = "forecast-address"
    HEAD = "forecast-head"
    RUNS = "forecast-runs"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Forecast", Ids.ADDRESS, PLATFORM_PERIODS, asked, compares=False, export="forecast"),
            Html(Ids.HEAD),
            html.Div(
                [
                    figure_card("forecast", "fan", wide=True),
                    figure_card("forecast", "four_weeks_ago"),
                    figure_card("forecast", "components"),
                    Html(Ids.RUNS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="forecast"),
    )


PAGE = Page("forecast", "/forecast", "Forecast", frozenset({"admin", "analyst"}), layout, PLATFORM_PERIODS)
