"""Overview: is the platform healthy, what changed?"""

from dash import html

from layouts import shell
from layouts.components import Component, attributes, skeleton
from layouts.page import PLATFORM_PERIODS, Page


class Ids:
    ADDRESS = "overview-address"
    CONTENT = "overview-content"


def layout() -> Component:
    return html.Div(
        [shell.bar("Overview", Ids.ADDRESS, PLATFORM_PERIODS), html.Div(skeleton(8, 6), id=Ids.CONTENT)],
        **attributes(data_page="overview"),
    )


PAGE = Page("overview", "/", "Overview", frozenset({"admin", "analyst"}), layout, PLATFORM_PERIODS)
