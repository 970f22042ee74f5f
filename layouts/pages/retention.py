"""Retention: do people come back, do payers keep paying?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, figure_card
from layouts.elements import Html
from layouts.page import PLATFORM_PERIODS, Asked, Page

GRAIN = shell.Choice("grain", "Cohorts by", (("day", "day"), ("week", "week"), ("month", "month")), "week")
MEASURE = shell.Choice(
    "measure",
    "Came back",
    (
        ("on", "on day N"),
        ("after30", "on day N or later, until day 30"),
        ("after90", "on day N or later, until day 90"),
        ("within", "within some days"),
    ),
    "on",
)


class Ids:
    ADDRESS = "retention-address"
    HEAD = "retention-head"
    MAP = "retention-map"
    COHORTS = "retention-cohorts"
    GIFTERS = "retention-gifters"


def layout(asked: Asked) -> Component:
    return html.Div(
        [
            shell.bar(
                "Retention",
                Ids.ADDRESS,
                PLATFORM_PERIODS,
                asked,
                export="retention",
                choices=(GRAIN, MEASURE),
            ),
            Html(Ids.HEAD),
            html.Div(
                [
                    Html(Ids.MAP, className="wide"),
                    figure_card("retention", "curve", wide=True),
                    figure_card("retention", "value"),
                    figure_card("retention", "payers"),
                    Html(Ids.COHORTS, className="wide"),
                    Html(Ids.GIFTERS, className="wide"),
                ],
                className="figures",
            ),
        ],
        **attributes(data_page="retention"),
    )


PAGE = Page(
    "retention",
    "/retention",
    "Retention",
    frozenset({"admin", "analyst"}),
    layout,
    PLATFORM_PERIODS,
    picks=(GRAIN.part, MEASURE.part),
)
