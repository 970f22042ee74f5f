"""Parts of pages as Dash gives them to the browser."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from bs4 import BeautifulSoup

from aggregation import metrics
from aggregation.summaries import Change, Number, change
from layouts import components
from layouts.markup import markup


def sparkline(history: Sequence[Number | None]) -> str:
    """The picture's path."""
    kpi = components.Kpi(
        metrics.TOTAL_REVENUE, Decimal(1), change(metrics.TOTAL_REVENUE, Decimal(1), None), history=history
    )
    return markup(components.kpi_card(kpi)).partition('<path d="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("history", "path"),
    [
        ([0, 10, 5], "M0.0,22.0 L50.0,2.0 L100.0,12.0"),
        ([0, 10, None, 10, 0], "M0.0,22.0 L25.0,2.0 M75.0,2.0 L100.0,22.0"),
        ([None, 0, 10, None, None], "M25.0,22.0 L50.0,2.0"),
        ([0, None, 10], "M0.0,22.0h0 M100.0,2.0h0"),
        ([5, 5], "M0.0,22.0 L100.0,22.0"),
        ([5, None], ""),
        ([], ""),
    ],
)
def test_a_sparkline_keeps_each_day_in_its_place_and_breaks_at_missing_ones(
    history: list[Number | None], path: str
) -> None:
    assert sparkline(history) == path


@pytest.mark.parametrize(
    ("metric", "days"), [(metrics.BEST_HOUR, "the last 12 weeks"), (metrics.GIFT_REVENUE, "")]
)
def test_a_number_of_other_days_than_the_chosen_ones_names_them(metric: metrics.Metric, days: str) -> None:
    """The browser writes the chosen interval where nothing is named."""
    card = BeautifulSoup(
        markup(components.kpi_card(components.Kpi(metric, 1, Change("none")))), "html.parser"
    )
    line = card.select_one(".interval")
    assert line is not None
    assert line.get("data-days", "") == days
    assert ("over the period" in card.text or "summed" in card.text) is not bool(days)
