"""Files that do nothing: whatever a text is, a spreadsheet shows it and computes nothing."""

import csv
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from aggregation.periods import Period
from layouts.exports import Amount, Cell, Export, Table, as_csv, as_workbook, harmless, literal

PERIOD = Period(date(2026, 3, 1), date(2026, 3, 4))
DANGEROUS = "=+-@＝＋－＠"
starts = st.text(st.sampled_from(" \t\r\n;,'\"“\u200b\u202e\ufeff\xa0" + DANGEROUS), max_size=6)
texts = st.builds(lambda start, rest: start + rest, starts, st.text(max_size=20))
money = st.decimals(-(10**11), 10**11, places=2, allow_nan=False)


def export(*rows: tuple[Cell, ...]) -> Export:
    columns = tuple(f"column {number}" for number, _ in enumerate(rows[0]))
    return Export("overview", PERIOD, [("Page", "Overview")], [Table("Days", columns, rows)])


def csv_rows(what: Export) -> list[list[str]]:
    found = list(csv.reader(StringIO(as_csv(what).decode("utf-8-sig"), newline=""), strict=True))
    return found[found.index(["Days"]) + 2 :]


def book_cells(what: Export) -> list[list[Any]]:
    sheet = load_workbook(BytesIO(as_workbook(what)))["Days"]
    return [list(row) for row in sheet.iter_rows(min_row=2)]


@pytest.mark.parametrize(
    "start", [*DANGEROUS, "\t", "\r", "\n", " =", '"=', "'=", "“+", "\u200b@", "\ufeff-"]
)
def test_a_formula_becomes_text(start: str) -> None:
    assert start + "1+1" not in (harmless(start + "1+1"), harmless(start + "1+1").lstrip())
    assert "'" in harmless(start + "1+1")


@pytest.mark.parametrize("text", ["carl", "a=b", "1-2", "e-mail@example.org", "it's", "Ember + Glow", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_no_part_of_a_text_starts_a_formula_where_other_separators_are_in_use() -> None:
    assert harmless("a;=1+1") == "a;'=1+1"
    assert harmless("a\t@x\n -1") == "a\t'@x\n' -1"


@settings(deadline=None)
@given(texts)
@example("\r\n=1")
@example("''=1")
def test_no_cell_of_a_csv_starts_a_formula(text: str) -> None:
    ((cell, number),) = csv_rows(export((text, Amount(Decimal("-0.50"), "money"))))
    assert cell[:1] not in {*DANGEROUS, "\t", "\r", "\n"} or not cell
    assert cell.lstrip(' \xa0"“\u200b\u202e\ufeff')[:1] not in {*DANGEROUS}
    assert number == "-0.50"
    # nothing but the guards is added
    assert cell.replace("'", "") == literal(text).replace("'", "")


@settings(deadline=None)
@given(texts.filter(bool))
@example("<r><t>x</t></r>")
@example("<r>&</r>")
@example("{=1}")
@example("https://example.org")
@example("_x0041_")
@example("\x00\x0b\ud800\uffff")
def test_a_text_in_a_workbook_is_a_text(text: str) -> None:
    ((cell, number),) = book_cells(export((text, Amount(-5, "count"))))
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    # a blank keeps the library from reading its own markup
    assert one_line_end(unescape(cell.value)).removesuffix(" ") == one_line_end(literal(text)).removesuffix(
        " "
    )
    assert (number.data_type, number.value) == ("n", -5)


def one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@settings(deadline=None)
@given(money)
def test_money_is_exact_to_the_cent(amount: Decimal) -> None:
    what = export((Amount(amount, "money"),))
    assert csv_rows(what) == [[str(amount + 0)]]
    ((cell,),) = book_cells(what)
    assert cell.data_type == "n"
    assert Decimal(str(cell.value)) == amount


def test_what_is_missing_is_empty() -> None:
    what = export(("carl", None, Amount(None, "money"), Amount(0, "count")))
    assert csv_rows(what) == [["carl", "", "", "0"]]
    assert [cell.value for cell in book_cells(what)[0]] == ["carl", None, None, 0]


def test_texts_longer_than_a_cell_of_a_workbook_are_cut() -> None:
    for letter, most in (("x", 32_767), ("😀", 16_383)):
        ((cell,),) = book_cells(export((letter * 40_000,)))
        assert cell.value == letter * most
    assert csv_rows(export(("x" * 40_000,))) == [["x" * 40_000]]


def test_quotes_lines_and_separators_stay_in_their_cell() -> None:
    text = "He said \"no, never\";\r\nthen left, 'quietly'"
    assert csv_rows(export((text, "next"))) == [[text, "next"]]


def test_a_csv_opens_as_utf_8() -> None:
    assert as_csv(export(("Zoë",))).startswith(b"\xef\xbb\xbfPage,Overview\r\n")
