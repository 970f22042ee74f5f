"""Choices inside a page, as links that change one part of its address: they need no script."""

from collections.abc import Mapping
from urllib.parse import urlencode

from dash import html

from layouts.components import Component, attributes
from layouts.page import Asked


def link(asked: Asked, figure: str = "", path: str = "", **changes: str) -> str:
    """The address of the same numbers with these parts changed; an empty one is left out."""
    parts = {name: value for name, value in (asked.question | changes).items() if value}
    return f"{path}?{urlencode(parts)}" + (f"#figure-{figure}-title" if figure else "")


def choices(
    label: str, name: str, options: Mapping[str, str], chosen: str, asked: Asked, figure: str
) -> Component:
    """`options`: what each value of the part `name` of the address is called. Goes into a paragraph."""
    links = [
        html.A(
            words,
            href=link(asked, figure, **{name: value}),
            **(attributes(aria_current="true") if value == chosen else {}),
        )
        for value, words in options.items()
    ]
    return html.Span([html.Span(f"{label}:"), *links], className="choices")
