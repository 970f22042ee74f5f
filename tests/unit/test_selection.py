from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.periods import Period
from aggregation.queries import Freshness
from callbacks.selection import asked, select

LAST = date(2026, 11, 21)
FRESH = Freshness(Period(date(2026, 1, 1), LAST), unequal=None)
ALLOWED = (7, 28, 30, 90, 365)


@pytest.mark.parametrize(
    ("search", "days"),
    [("?days=90", 90), ("", 30), ("?days=45", 30), ("?days=-7", 30), ("?days=7&days=90", 90), (None, 30)],
)
def test_days_come_from_the_address(search: object, days: int) -> None:
    assert select(FRESH, asked(search, ALLOWED)).period == Period.ending(LAST, days)


def test_the_usual_comparison_is_the_period_before() -> None:
    assert select(FRESH, asked("?compare=nonsense", ALLOWED)).before == Period.ending(date(2026, 10, 22), 30)
    assert select(FRESH, asked("?compare=none", ALLOWED)).before is None


def test_a_period_that_begins_before_the_numbers_do_is_not_compared() -> None:
    chosen = select(FRESH, asked("?days=30&compare=year", ALLOWED))
    assert chosen.before == Period.ending(date(2025, 11, 21), 30)
    assert chosen.comparable is None


@given(
    st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
)
def test_nothing_from_the_browser_raises(search: Any) -> None:
    assert select(FRESH, asked(search, ALLOWED)).period.days in ALLOWED
