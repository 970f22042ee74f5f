from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.metrics import Unit
from aggregation.periods import Period
from aggregation.summaries import Change
from layouts import formats


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, "count", "0"),
        (9_999, "count", "9,999"),
        (10_000, "count", "10.0k"),
        (12_449, "count", "12.4k"),
        (999_949, "count", "999.9k"),
        (999_950, "count", "1.0M"),
        (960_000, "count", "960.0k"),
        (1_234_567, "count", "1.2M"),
        (Decimal("1234567890"), "money", "$1.2B"),
        (Decimal("1234.5"), "money", "$1,234.50"),
        (Decimal("-1234.5"), "money", "−$1,234.50"),
        (Decimal("-12345"), "money", "−$12.3k"),
        (Decimal("20.25"), "percent", "20.2%"),
        (None, "money", "—"),
    ],
)
def test_short(value: Decimal | int | None, unit: Unit, shown: str) -> None:
    assert formats.short(value, unit) == shown


def test_exact_money_is_rounded_once_half_to_even() -> None:
    assert formats.exact(Decimal("0.125"), "money") == "$0.12"
    assert formats.exact(Decimal("0.135"), "money") == "$0.14"
    assert formats.exact(Decimal("33121273.15"), "money") == "$33,121,273.15"


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False))
def test_short_never_gets_long(value: Decimal) -> None:
    assert len(formats.short(value, "money")) <= 10


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (Change("relative", Decimal("12.34")), "+12.3%"),
        (Change("relative", Decimal("-0.04")), "0%"),
        (Change("relative", Decimal("-5")), "−5.0%"),
        (Change("relative", Decimal("11511")), "+11,511.0%"),
        (Change("points", Decimal("0.416")), "+0.42 pp"),
        (Change("points", Decimal("0")), "0 pp"),
        (Change("new"), "new"),
        (Change("none"), "—"),
    ],
)
def test_change_text(change: Change, shown: str) -> None:
    assert formats.change_text(change) == shown


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (date(2026, 11, 21), date(2026, 11, 21), "21 Nov 2026"),
        (date(2026, 11, 1), date(2026, 11, 21), "1 – 21 Nov 2026"),
        (date(2026, 10, 23), date(2026, 11, 21), "23 Oct – 21 Nov 2026"),
        (date(2025, 12, 30), date(2026, 1, 5), "30 Dec 2025 – 5 Jan 2026"),
    ],
)
def test_span(first: date, last: date, shown: str) -> None:
    assert formats.span(Period(first, last)) == shown


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("3", "1200", ("3", "1,200")),
        ("3.50", "3.40", ("3.50", "3.40")),
        ("3.5", "3", ("3.5", "3.0")),
        ("12.34567891234567891234", "12.34999999999999999999", ("12.346", "12.350")),
        ("0.00000001", "0.00000002", ("0.00000001", "0.00000002")),
        ("12.34567891234567891234", None, ("12.35", "—")),
        (None, "7", ("—", "7")),
        (None, None, ("—", "—")),
        ("NaN", "1.5", ("NaN", "1.5")),
        ("Fern", None, ("Fern", "—")),
    ],
)
def test_stored_values_are_told_apart(old: str | None, new: str | None, shown: tuple[str, str]) -> None:
    assert formats.told_apart(old, new) == shown


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_unequal_values_look_unequal(old: Decimal, new: Decimal) -> None:
    shown = formats.told_apart(f"{old:f}", f"{new:f}")
    assert (shown[0] == shown[1]) == (old == new)
