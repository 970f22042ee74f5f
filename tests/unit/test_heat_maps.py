"""Heat maps are tables."""

import pytest

from layouts.heat_maps import Cell, Row, heat_map_card
from layouts.markup import markup


def cells(*given: Cell | None) -> str:
    card = markup(heat_map_card("hours", "When?", ["Day", "0", "1"], [Row("Mon", given)]))
    return card.partition('scope="row">Mon</th>')[2].partition("</tr>")[0]


@pytest.mark.parametrize(
    ("share", "step"), [(0, "h0"), (0.5, "h4"), (0.999, "h8"), (1, "h8"), (-0.1, "h0"), (1.2, "h8")]
)
def test_the_strongest_value_has_the_strongest_colour(share: float, step: str) -> None:
    assert cells(Cell(share, "7")) == f'<td class="{step}"><span>7</span></td>'


def test_what_is_unknown_is_blank_and_what_is_weak_says_so() -> None:
    assert cells(None, Cell(0, "2", "n = 2", weak=True)) == (
        '<td class="blank"></td><td class="h0 weak" title="n = 2"><span>2</span></td>'
    )
