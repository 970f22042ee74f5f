"""A page's numbers → files: CSV, and a workbook. No text in them becomes a formula."""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any, Literal

from xlsxwriter import Workbook

from aggregation.metrics import Unit
from aggregation.periods import Period
from aggregation.summaries import Number
from layouts import formats

PLACES = {"money": 2, "count": 0, "hour": 0, "percent": 4, "points": 4}
# How a workbook shows them; behind it stands the number.
NUMBER_FORMATS = {
    "money": '"$"#,##0.00',
    "count": "#,##0",
    "hour": "0",
    "percent": '0.00"%"',
    "points": '0.00" pp"',
}
WIDEST = 40
# Rows that say how wide a sheet's columns are.
MEASURED = 1000
ABOUT = "About"

# What spreadsheets take for a formula, at the start of a cell (OWASP, "CSV injection"): also after blanks,
# quotes and invisible characters, and after what other settings than ours take for the end of a cell.
_FORMULA = re.compile(
    r"(^|[;\t\r\n])([\s\"'‘’“”`\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]*)"
    r"([=+\-@＝＋－＠])"
)
_BLANK_START = re.compile(r"^[\t\r\n]")
# Pictures for control characters, which XML forbids; halves of characters and what isn't one become �.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\r\n"} | {0x7F: 0x2421}
_NO_CHARACTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with what it counts; `value` is None where there is none."""

    value: Number | None
    unit: Unit | Literal["points"]

    @property
    def rounded(self) -> Number | None:
        # + 0: not −0.00
        return None if self.value is None else formats.rounded(self.value, PLACES[self.unit]) + 0


Cell = str | int | date | Amount | None
Fact = tuple[str, Cell]


class Lines(Sequence[Sequence[Cell]]):
    """Rows of a long table, each made when it is written: a hundred thousand take no room as cells."""

    def __init__(self, rows: Sequence[Any], made: Callable[[Any], Sequence[Cell]]) -> None:
        self._rows = rows
        self._made = made

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        found = self._rows[index]
        return Lines(found, self._made) if isinstance(index, slice) else self._made(found)


@dataclass(frozen=True)
class Table:
    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Export:
    """What a page shows over `period`. `facts` say which numbers these are.

    `creator_id`: whose they are, where it is one of many creators' files.
    """

    page: str
    period: Period
    facts: Sequence[Fact]
    tables: Sequence[Table]
    creator_id: int | None = None

    @property
    def file_name(self) -> str:
        """Without the ending."""
        name = f"sparkboard-{self.page}-{self.period.first}-to-{self.period.last}"
        return name if self.creator_id is None else f"{name}-creator-{self.creator_id}"

    def about(self) -> Table:
        counts = [(f"Rows: {table.name}", len(table.rows)) for table in self.tables]
        return Table(ABOUT, (), [*self.facts, *counts])


def literal(text: str) -> str:
    """The text without characters that files can't hold."""
    return _NO_CHARACTERS.sub("\ufffd", text.translate(_PICTURES))


# ---- CSV ----


def as_csv(export: Export) -> bytes:
    """One table after the other, blank lines between them.

    UTF-8 with a byte order mark, without which Excel reads another encoding.
    """
    file = BytesIO()
    file.write(codecs.BOM_UTF8)
    # Not a StringIO, which takes four bytes a character.
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    csv.writer(text).writerows([_plain(cell) for cell in row] for row in _lines(export))
    text.flush()
    return file.getvalue()


def _lines(export: Export) -> Iterator[Sequence[Cell]]:
    yield from export.about().rows
    for table in export.tables:
        yield from ((), (table.name,), table.columns)
        yield from table.rows


def _plain(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return harmless(cell)
        case Amount():
            return "" if cell.rounded is None else f"{cell.rounded:f}"
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(cell)


def harmless(text: str) -> str:
    """With a ' before what a spreadsheet would compute: it then shows the text."""
    shown = literal(text)
    guarded = _FORMULA.sub(r"\1'\2\3", shown)
    return f"'{guarded}" if _BLANK_START.match(guarded) else guarded


# ---- workbook ----


def as_workbook(export: Export) -> bytes:
    """XLSX: a sheet of facts, and one for each table."""
    file = BytesIO()
    with Workbook(file, {"constant_memory": True}) as book:
        write = _writer(book)
        for table in (export.about(), *export.tables):
            _fill(book.add_worksheet(table.name), table, write)
    return file.getvalue()


def _fill(sheet: Any, table: Table, write: Callable[..., None]) -> None:
    for column, width in enumerate(_widths(table)):
        sheet.set_column(column, column, width)
    if table.columns:
        sheet.freeze_panes(1, 0)
    for number, line in enumerate(_with_heads(table)):
        for column, cell in enumerate(line):
            heading = number == 0 and bool(table.columns)
            right = heading and bool(table.rows) and isinstance(table.rows[0][column], int | Amount)
            write(sheet, number, column, cell, heading=heading, right=right)


def _with_heads(table: Table) -> Iterator[Sequence[Cell]]:
    if table.columns:
        yield table.columns
    yield from table.rows


def _widths(table: Table) -> list[int]:
    """By the longest of the first rows: all of a long table would have to be written twice."""
    lines = islice(_with_heads(table), MEASURED)
    return [min(WIDEST, max(len(_plain(cell)) for cell in column) + 3) for column in zip(*lines, strict=True)]


def _writer(book: Any) -> Callable[..., None]:
    """Writes a cell as what it is: strings never become formulas, links or numbers."""
    numbers = {unit: book.add_format({"num_format": shown}) for unit, shown in NUMBER_FORMATS.items()}
    day, moment = (
        book.add_format({"num_format": f"yyyy-mm-dd{time}", "align": "left"}) for time in ("", " hh:mm:ss")
    )
    bold = {
        right: book.add_format({"bold": True, "align": "right" if right else "left"})
        for right in (True, False)
    }

    def write(sheet: Any, row: int, column: int, cell: Cell, *, heading: bool, right: bool) -> None:
        match cell:
            case None:
                pass
            case str():
                sheet.write_string(row, column, _string(cell), bold[right] if heading else None)
            case Amount():
                if cell.rounded is not None:
                    sheet.write_number(row, column, cell.rounded, numbers[cell.unit])
            case datetime():
                sheet.write_datetime(row, column, cell.replace(tzinfo=None), moment)
            case date():
                sheet.write_datetime(row, column, cell, day)
            case _:
                sheet.write_number(row, column, cell)

    return write


def _string(text: str) -> str:
    """The library cuts what is too long for a cell, and takes what looks like its own markup for that."""
    shown = literal(text)
    return f"{shown} " if shown.startswith("<r>") else shown
