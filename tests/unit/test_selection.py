from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from aggregation import metrics
from aggregation.periods import Period
from aggregation.queries import Freshness
from callbacks.selection import asked, select
from layouts.markup import markup

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


@pytest.mark.parametrize(
    ("metric", "begin"),
    [
        (metrics.TOTAL_USERS, date(2026, 1, 1)),
        (metrics.TOTAL_REVENUE, date(2026, 3, 1)),
        # The first of sessions and watches; gifts as well.
        (metrics.DAU, date(2026, 4, 1)),
        (metrics.ARPU, date(2026, 4, 1)),
        (metrics.RPM, date(2026, 5, 1)),
        # No row at all hinders nothing.
        (metrics.FOLLOWERS, date(2026, 1, 1)),
        (metrics.ALL_REVENUE, date(2026, 3, 1)),
    ],
)
def test_a_number_begins_when_its_sources_have(metric: metrics.Metric, begin: date) -> None:
    fresh = replace(
        FRESH,
        begins={
            "users": date(2026, 1, 1),
            "virtual_gifts": date(2026, 3, 1),
            "user_sessions": date(2026, 4, 1),
            "video_watches": date(2026, 5, 1),
        },
    )
    assert fresh.begin_of(metric) == begin
    # The seven days before these begin with the first day, and a day too early.
    first = begin + timedelta(days=7)
    for days, comparable in ((0, True), (-1, False)):
        period = Period.ending(first + timedelta(days=6 + days), 7)
        search = f"?from={period.first}&to={period.last}"
        chosen = select(fresh, asked(search, ALLOWED), metric)
        assert (chosen.comparable is not None) is comparable


def test_a_range_of_ones_own_has_both_its_days() -> None:
    chosen = select(FRESH, asked("?from=2026-10-01&to=2026-10-15&compare=weekday", ALLOWED))
    assert chosen.period == Period(date(2026, 10, 1), date(2026, 10, 15))
    # 15 days need three whole weeks
    assert chosen.before == Period(date(2026, 9, 10), date(2026, 9, 24))
    assert chosen.remark == ""


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?from=2026-10-15&to=2026-10-01", "The first day of the range is later than its last."),
        ("?from=2026-10-01", "A range needs two dates"),
        ("?to=2026-10-01", "A range needs two dates"),
        ("?from=2026-02-30&to=2026-03-01", "A range needs two dates"),
        ("?from=20261001&to=20261015", "A range needs two dates"),
        ("?from=\u0662026-10-01&to=2026-10-15", "A range needs two dates"),
        ("?from=2023-10-01&to=2026-10-01", "A range has at most 1,096 days."),
        ("?from=0001-01-01&to=9999-12-31", "A range has at most 1,096 days."),
        ("?from=9999-12-30&to=9999-12-31", "There are no numbers of 30 – 31 Dec 9999, only of 1 Jan"),
        ("?from=2025-12-30&to=2025-12-31", "There are no numbers of 30 – 31 Dec 2025"),
        ("?from=2026-11-22&to=2026-11-22", "There are no numbers of 22 Nov 2026"),
    ],
)
def test_a_range_that_is_none_is_said_and_the_usual_is_shown(search: str, said: str) -> None:
    chosen = select(FRESH, asked(search, ALLOWED))
    assert chosen.period == Period.ending(LAST, 30)
    assert chosen.remark.startswith(said)
    assert chosen.remark.endswith("These are the last 30 days.")
    assert said in str(markup(chosen.line()))


def test_a_range_ends_with_the_newest_complete_day() -> None:
    chosen = select(FRESH, asked("?from=2026-11-20&to=2026-12-31", ALLOWED))
    assert chosen.period == Period(date(2026, 11, 20), LAST)
    assert chosen.remark == "The newest complete day is 21 Nov 2026."


def test_a_range_may_begin_before_the_numbers_do() -> None:
    chosen = select(FRESH, asked("?from=2025-12-01&to=2026-01-31", ALLOWED))
    assert chosen.period == Period(date(2025, 12, 1), date(2026, 1, 31))
    assert "the numbers begin on 1 Jan 2026" in str(markup(chosen.line()))


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?days=30", "compared with 23 Sep – 22 Oct 2026 (other weekdays)"),
        ("?days=28", "compared with 27 Sep – 24 Oct 2026"),
        ("?days=30&compare=weekday", "compared with the same weekdays before: 18 Sep – 17 Oct 2026"),
        ("?from=2026-11-20&to=2026-11-21&compare=none", "2 days: 20 – 21 Nov 2026"),
    ],
)
def test_the_line_says_what_is_compared(search: str, said: str) -> None:
    (line,) = BeautifulSoup(markup(select(FRESH, asked(search, ALLOWED)).line()), "html.parser").find_all("p")
    assert line.text.endswith(said)


def test_an_address_that_asks_for_the_same() -> None:
    search = "?from=2026-10-01&to=2026-10-15&compare=364&day=2026-10-03"
    assert f"?{urlencode(asked(search, ALLOWED, ('day',)).question)}" == search
    assert asked("", ALLOWED).question == {"days": "30", "compare": "previous"}


@given(first=st.text(), last=st.text(), day=st.text())
def test_no_range_from_the_browser_raises(first: str, last: str, day: str) -> None:
    search = urlencode({"from": first, "to": last, "day": day})
    assert select(FRESH, asked(search, ALLOWED, ("day",))).shown.within(FRESH.coverage)


@given(
    st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
)
def test_nothing_from_the_browser_raises(search: Any) -> None:
    assert select(FRESH, asked(search, ALLOWED)).period.days in ALLOWED


@pytest.mark.parametrize(
    ("search", "day"),
    [
        ("?days=7&day=2026-11-16", date(2026, 11, 16)),
        ("?days=7&day=2026-11-14", None),
        ("?days=7&day=2026-11-22", None),
        ("?days=7&day=yesterday", None),
        ("?days=7", None),
    ],
)
def test_a_day_that_was_clicked_lies_in_the_period(search: str, day: date | None) -> None:
    chosen = select(FRESH, asked(search, ALLOWED, ("day",)))
    assert chosen.day == day
    assert chosen.shown == (Period(day, day) if day else Period.ending(LAST, 7))


def test_a_page_takes_no_click_that_it_does_not_know() -> None:
    assert asked("?day=2026-11-16&source=ads", ALLOWED, ("source",)).picked == (("source", "ads"),)
    assert select(FRESH, asked("?days=7&day=2026-11-16", ALLOWED)).day is None
