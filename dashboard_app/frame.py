"""The frame around pages, and pages of plain forms in it: made by the server alone, no scripts needed."""

from datetime import datetime
from typing import Any

from flask import Flask, flash, render_template, request
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from aggregation.summaries import Number
from dashboard_app import access
from layouts import formats, shell
from layouts.components import Component
from layouts.markup import markup
from layouts.page import Page, PlainPage, Viewer
from layouts.pages import PAGES, PLAIN_PAGES


def around(content: Component, viewer: Viewer, path: str | None) -> shell.Open:
    """`content`, with the menu and the account that stand around it at `path`."""
    known: tuple[Page | PlainPage, ...] = (*PAGES, *PLAIN_PAGES)
    pages = [page for page in known if viewer.role in page.roles]
    account = shell.account(viewer.name, viewer.role, generate_csrf())
    return shell.Open(content, shell.menu(pages, path), account)


def register(server: Flask) -> None:
    """What the templates of these pages use."""
    server.jinja_env.globals["framed"] = _framed
    server.jinja_env.filters.update(moment=moment, sentence=sentence, day=formats.day, money=money)
    server.jinja_env.trim_blocks = server.jinja_env.lstrip_blocks = True


def shown(template: str, status: int = 200, **values: Any) -> tuple[str, int]:
    return render_template(template, **values), status


def say(text: str) -> None:
    """On the next page that is shown. A name goes last: it may turn the direction of writing."""
    flash(text)


def _framed(content: Markup) -> Markup:
    viewer = access.viewer()
    return markup(shell.layout(opened=around(content, viewer, request.path)) if viewer else content)


def moment(value: datetime | None) -> str:
    """21 Nov 2026, 14:05; in UTC, as the engine's sessions are."""
    return f"{formats.day(value.date())}, {value:%H:%M}" if value else "never"


def money(value: Number) -> str:
    """In full, to the cent."""
    return formats.exact(value, "money")


def sentence(text: object) -> str:
    """A command line's words as a page says them."""
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '?', '!')) else '.'}"
