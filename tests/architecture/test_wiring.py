"""Dash checks nothing of this on the server: ids that don't exist, outputs written twice, forgotten pages."""

import re
from collections import Counter
from typing import Any

import pytest
from dash import Dash
from dash.development.base_component import Component

from aggregation.database import connect
from callbacks import EXPORTS, REGISTER
from dashboard_app.factory import create_app
from layouts import shell
from layouts.markup import markup
from layouts.page import Asked, Page
from layouts.pages import PAGES

SHARED = {value for name, value in vars(shell.Ids).items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def app() -> Dash:
    return create_app(connect("postgresql://nobody@127.0.0.1:1/none"), "a secret for wiring only, never used")


def ids(component: Any) -> list[str]:
    return [node.id for node in [component, *component._traverse()] if getattr(node, "id", None)]


def outputs(app: Dash) -> list[str]:
    """`id.property` of every output of every callback."""
    return [part for entry in app._callback_list for part in entry["output"].strip(".").split("...")]


def inputs(app: Dash) -> list[str]:
    return [given["id"] for entry in app._callback_list for given in entry["inputs"] + entry["state"]]


def test_every_id_of_a_callback_exists(app: Dash) -> None:
    existing = set(ids(shell.layout()))
    for page in PAGES:
        existing.update(ids(page.layout(Asked())))
    named = {output.rsplit(".", 1)[0] for output in outputs(app)} | set(inputs(app))
    assert named <= existing


def test_every_output_is_written_by_one_callback_a_page(app: Dash) -> None:
    # The badge is on every page, written by the callback of the one that is open.
    counts = Counter(re.sub(r"@.*", "", output) for output in outputs(app))
    twice = {output for output, count in counts.items() if count > 1}
    assert twice <= {f"{shell.Ids.FRESHNESS}.content"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_its_callbacks_and_its_marks(app: Dash, page: Page) -> None:
    assert page.name in REGISTER
    layout = page.layout(Asked())
    assert isinstance(layout, Component)
    assert getattr(layout, "data-page") == page.name
    own = set(ids(layout)) - SHARED
    assert own & {output.rsplit(".", 1)[0] for output in outputs(app)}
    assert all(name.startswith(f"{page.name}-") for name in own)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_bar_offers_the_files_that_there_are(app: Dash, page: Page) -> None:
    offered = set(re.findall(r'href="(/export/[^?"]+)', markup(page.layout(Asked()))))
    routes = {str(rule) for rule in app.server.url_map.iter_rules()}
    assert offered <= routes
    assert bool(offered) == (page.name in EXPORTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_ids_are_unique_in_a_page(page: Page) -> None:
    counts = Counter(ids(shell.layout()) + ids(page.layout(Asked())))
    assert [name for name, count in counts.items() if count > 1] == []


def test_two_applications_share_nothing(app: Dash) -> None:
    other = create_app(
        connect("postgresql://nobody@127.0.0.1:1/none"), "another secret for wiring, never used"
    )
    assert len(other._callback_list) == len(app._callback_list) > 0
    assert other.server is not app.server
