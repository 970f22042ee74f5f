"""Ledgers balance, and a what-if carries the forecast's limits along."""

import random
from datetime import date
from decimal import Decimal

import pytest

from aggregation.earnings import NOTHING, Sums, every_month, ledger
from aggregation.forecasting.creators import CreatorForecast
from aggregation.scenarios import Habits, Scenario, changed, factor

FORECAST = CreatorForecast(date(2026, 3, 4), 100, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), 1.0, 3.0, 8.0)
EVERY_DAY = Habits(56, 56, 0.25, FORECAST.weekdays)


@pytest.mark.parametrize("seed", range(200))
def test_every_ledger_balances(seed: int) -> None:
    """Whatever came and was refunded: each line opens with what the one before closed with."""
    chance = random.Random(seed)  # noqa: S311 - for a test
    sums: dict[date, Sums] = {}
    for _ in range(chance.randrange(40)):
        day = date(2024 + chance.randrange(3), 1 + chance.randrange(12), 1)
        cents = chance.randrange(1, 10**9)
        refunded = chance.choice([0, cents, chance.randrange(cents + 1)])
        gift = Sums(1, Decimal(cents) / 100, int(refunded > 0), Decimal(refunded) / 100)
        sums[day] = sums.get(day, Sums()) + gift
    lines = ledger(every_month(sums, date(2026, 12, 1)))
    assert [line.first for line in lines] == sorted({*sums, *(line.first for line in lines)})
    balance = NOTHING
    for line in lines:
        assert line.opening == balance
        assert line.opening + line.sums.earned - line.sums.refunded - line.closing == 0
        balance = line.closing
    whole = sum(sums.values(), start=Sums())
    assert balance == whole.earned - whole.refunded


def test_months_without_a_gift_have_a_line_of_their_own() -> None:
    gift = Sums(1, Decimal("1.00"))
    lines = ledger(every_month({date(2025, 11, 1): gift, date(2026, 2, 1): gift}, date(2026, 3, 1)))
    assert [(line.first.month, line.closing) for line in lines] == [
        (11, Decimal(1)),
        (12, Decimal(1)),
        (1, Decimal(1)),
        (2, Decimal(2)),
        (3, Decimal(2)),
    ]
    assert every_month({}, date(2026, 3, 1)) == []


def test_no_change_is_the_forecast_itself() -> None:
    total = FORECAST.total(date(2026, 3, 5), 30)
    by = factor(Scenario.NONE, EVERY_DAY)
    assert by == 1
    assert changed(total, by) is total


@pytest.mark.parametrize(
    ("scenario", "habits", "expected"),
    [
        (Scenario.MORE, EVERY_DAY, 1.1),
        (Scenario.FEWER, EVERY_DAY, 0.9),
        (Scenario.TOP, EVERY_DAY, 0.75),
        # four days a week have gifts: five instead of four
        (Scenario.STREAM, Habits(32, 56, 0.5), 1.25),
        # every day has: Monday's 1 becomes the others' mean, 27 / 6 = 4.5
        (Scenario.STREAM, EVERY_DAY, 31.5 / 28),
        (Scenario.STREAM, Habits(0, 56, None), None),
        (Scenario.TOP, Habits(0, 56, None), None),
    ],
)
def test_a_change_is_a_factor(scenario: Scenario, habits: Habits, expected: float | None) -> None:
    assert factor(scenario, habits) == (None if expected is None else pytest.approx(expected))


def test_a_change_moves_the_limits_with_the_middle() -> None:
    total = FORECAST.total(date(2026, 3, 5), 30)
    more = changed(total, 1.5)
    assert more.projected == pytest.approx(1.5 * total.projected)
    for nominal in (80, 95):
        assert more.low[nominal] == pytest.approx(1.5 * total.low[nominal])
        assert more.high[nominal] == pytest.approx(1.5 * total.high[nominal])
