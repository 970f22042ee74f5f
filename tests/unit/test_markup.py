"""Components as HTML: what a browser shows before Dash has started."""

import pytest
from bs4 import BeautifulSoup
from dash import dcc, html
from hypothesis import given
from hypothesis import strategies as st

from layouts.components import attributes
from layouts.elements import Chart, Html, written
from layouts.markup import markup
from layouts.page import Asked
from layouts.pages import PAGES


def test_elements_and_their_attributes() -> None:
    tree = html.Div(
        [
            html.Label("Days", htmlFor="days", className="small"),
            html.Img(src="x.svg", alt=""),
            None,
            "text",
            html.Span(style={"--line": "url(x)"}, **attributes(data_n="1")),
        ],
        tabIndex="0",
        hidden=None,
    )
    assert markup(tree) == (
        '<div tabindex="0"><label class="small" for="days">Days</label><img alt="" src="x.svg">text'
        '<span style="--line:url(x)" data-n="1"></span></div>'
    )


@given(st.text())
def test_text_stays_text(text: str) -> None:
    parsed = BeautifulSoup(markup(html.P(text, title=text)), "html.parser")
    assert [element.name for element in parsed.find_all()] == ["p"]


def test_hostile_text_is_written_out() -> None:
    hostile = "\"><script>alert('1')</script>&amp;"
    parsed = BeautifulSoup(markup(html.P(hostile, title=hostile)), "html.parser")
    assert parsed.p is not None
    assert (parsed.p.text, parsed.p["title"]) == (hostile, hostile)


def test_ready_made_html_is_put_in_as_it_is() -> None:
    box = Html("box", "wide")
    setattr(box, "content", written("<b>bold</b>", "empty"))  # noqa: B010 - Dash's types know no properties
    assert markup(box) == '<div id="box" class="wide" data-state="empty"><b>bold</b></div>'


def test_a_chart_is_a_box_of_its_size_and_an_address_is_nothing() -> None:
    assert (
        markup([Chart("sales", {"data": []}), dcc.Location(id="url")])
        == '<div id="sales" class="chart"></div>'
    )


def test_the_chosen_period_is_selected() -> None:
    (overview,) = [page for page in PAGES if page.name == "overview"]
    parsed = BeautifulSoup(markup(overview.layout(Asked(days=90))), "html.parser")
    assert [option["value"] for option in parsed.select("#period [selected]")] == ["90"]


def test_a_component_without_html_is_not_passed_over() -> None:
    with pytest.raises(KeyError):
        markup(dcc.Slider(0, 1))
