"""Operations: is every number fresh and right?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import Asked, Page

# A column a day.
PERIODS = (7, 30, 90)


class Ids:
    ADDRESS = "operations-address"
    HEAD = "operations-head"
    GRID = "operations-grid"
    JOBS = "operations-jobs"
    RUNS = "operations-runs"
    REQUESTS = "operations-requests"
    RESTATEMENTS = "operations-restatements"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar("Operations", Ids.ADDRESS, PERIODS, asked, compares=False),
            Html(Ids.HEAD),
            html.Div(
                [
                    Html(Ids.GRID, className="wide"),
                    figure_card("operations", "durations", wide=True),
                    Html(Ids.JOBS, className="wide"),
                    Html(Ids.REQUESTS, className="wide"),
                    Html(Ids.RUNS, className="wide"),
                    Html(Ids.RESTATEMENTS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="operations"),
    )


PAGE = Page("operations", "/operations", "Operations", frozenset({"admin"}), layout, PERIODS)
