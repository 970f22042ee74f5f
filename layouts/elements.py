"""Components of our own: with them a page is a handful of elements for React and Dash, not hundreds.

Their browser side is in assets/scripts/components.js.
"""

import sys
from types import ModuleType
from typing import Any

from dash.development.base_component import Component

NAMESPACE = "sparkboard"
# Dash imports a component's namespace for each of its properties, to name the version in an error, and
# where there is no such module it looks through all folders each time.
sys.modules.setdefault(NAMESPACE, ModuleType(NAMESPACE))


class _Element(Component):
    _namespace = NAMESPACE
    _children_props: list[str] = []  # noqa: RUF012 - as the base class declares them
    _base_nodes: list[str] = ["children"]  # noqa: RUF012

    def __init__(self, **given: Any) -> None:
        self._prop_names = self.available_properties = list(given)
        self._valid_wildcard_attributes: list[str] = []
        self.available_wildcard_properties: list[str] = []
        super().__init__(**given)  # type: ignore[no-untyped-call]


class Html(_Element):
    """A box of ready-made HTML, from `markup` alone."""

    _type = "Html"

    def __init__(self, id: str, className: str = "") -> None:  # noqa: N803 - as Dash has it
        super().__init__(id=id, className=className, content=written())


class Fixed(_Element):
    """A box of HTML that no callback fills, from `markup` alone."""

    _type = "Fixed"

    def __init__(self, content: str, className: str = "") -> None:  # noqa: N803
        super().__init__(content=content, className=className)


class Selection(_Element):
    """The controls of a page, kept in the address: `search` of it is `?days=30&compare=previous`.

    `path` stands before that in what the page's callback is given, where it says whose page it is.
    `controls` is markup with a select for each part of the address; `usual` is what they stand at where
    the address says nothing, by name.
    """

    _type = "Selection"

    def __init__(self, id: str, search: str, controls: str, usual: dict[str, str], path: str = "") -> None:
        super().__init__(id=id, search=search, controls=controls, usual=usual, path=path)


class Chart(_Element):
    """A plotly chart. Unlike dcc.Graph it is drawn before Dash has started, and only once."""

    _type = "Chart"

    def __init__(self, id: str, figure: dict[str, Any], className: str = "chart") -> None:  # noqa: N803
        super().__init__(id=id, className=className, figure=figure)


def written(html: str = "", state: str = "") -> dict[str, str]:
    """An Html's content. `state` is for the style sheet: it tells on what follows the box."""
    return {"html": html, "state": state}
