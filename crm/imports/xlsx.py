"""Excel workbooks since 2007: openpyxl for the values, one pass over the XML for the rest."""

import lzma
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.utils.exceptions import InvalidFileException

from crm.imports.table import (
    MAX_COLUMNS,
    MAX_UNPACKED,
    Cell,
    Formula,
    NotATable,
    RowCollector,
    Sheet,
    Table,
    TableTooLarge,
)

MAX_SHEET = 4 * MAX_UNPACKED  # formatted empty rows alone may swell a sheet this far
CHUNK = 1 << 16
BROKEN = (  # what zipfile, expat and openpyxl raise for files that are not what they claim
    BadZipFile,
    InvalidFileException,
    ParseError,
    expat.ExpatError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
    AttributeError,
    EOFError,
    KeyError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class Layout:
    """What openpyxl's streaming reader does not tell about a sheet."""

    last_row: int = 0  # the last with content
    columns: int = 1
    hidden_rows: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # left top right bottom
    uncached: dict[tuple[int, int], str] = field(default_factory=dict)  # formulas without result


def read(path: Path) -> Table:
    """Every visible sheet. Raises NotATable or TableTooLarge."""
    try:
        with ZipFile(path) as archive, path.open("rb") as file:
            _refuse_bombs(archive)
            return _read(archive, file)
    except BROKEN as error:
        raise NotATable from error


def _read(archive: ZipFile, file: IO[bytes]) -> Table:
    with warnings.catch_warnings():  # what openpyxl does not support we do not need
        warnings.simplefilter("ignore")
        book = load_workbook(file, read_only=True, data_only=True)
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        sheets = tuple(_sheet(archive, sheet, book.epoch == CALENDAR_MAC_1904) for sheet in shown)
        unseen = [sheet.title for sheet in book.worksheets if sheet not in shown]
        book.close()
    notices = tuple(f"隐藏的工作表「{name}」没有读取，需要时请取消隐藏" for name in unseen)
    return Table(sheets=sheets, notices=notices)


def _refuse_bombs(archive: ZipFile) -> None:
    other = 0
    for member in archive.infolist():
        if member.filename.startswith("xl/worksheets/"):
            if member.file_size > MAX_SHEET:
                raise TableTooLarge
        else:
            other += member.file_size
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as part:
                if b"<!DOCTYPE" in part.read(4096).replace(b"\0", b""):
                    raise NotATable
    if other > MAX_UNPACKED:
        raise TableTooLarge


def _sheet(archive: ZipFile, sheet: Any, date1904: bool) -> Sheet:
    # openpyxl knows where the sheet lies and has no public name for it
    with archive.open(sheet._worksheet_path) as xml:  # noqa: SLF001
        layout = _layout(xml)
    collector = RowCollector()
    if layout.last_row:
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=layout.last_row, max_col=layout.columns)
        for number, cells in enumerate(_cells(rows, layout), 1):
            if not collector.take(number, cells):
                break
    for left, top, right, bottom in layout.merged:
        collector.spread(top, left - 1, bottom, right - 1)
    return Sheet(
        name=sheet.title,
        rows=collector.finish(),
        date1904=date1904,
        hidden_rows=frozenset(layout.hidden_rows & collector.rows.keys()),
    )


def _cells(rows: Iterator[Any], layout: Layout) -> Iterator[list[Cell]]:
    for number, row in enumerate(rows, 1):
        cells = [_value(cell) for cell in row]
        if layout.uncached:
            for column, value in enumerate(cells, 1):
                if value is None and (number, column) in layout.uncached:
                    cells[column - 1] = Formula(layout.uncached[number, column])
        yield cells


def _value(cell: Any) -> Cell:
    value: Cell = cell.value
    if isinstance(value, float | int) and cell.data_type == "n" and "%" in cell.number_format:
        return f"{value * 100:.10g}%"
    return value


def _layout(xml: IO[bytes]) -> Layout:
    parser = expat.ParserCreate()
    reader = _LayoutReader(lambda: parser.CurrentByteIndex)
    parser.StartElementHandler = reader.start
    parser.StartDoctypeDeclHandler = reader.refuse

    def listen(on: bool) -> None:
        parser.CharacterDataHandler = reader.text if on else None

    reader.listen = listen
    while chunk := xml.read(CHUNK):
        parser.Parse(chunk, False)
        reader.refuse_if_too_large()
    parser.Parse(b"", True)
    return reader.finish()


class _LayoutReader:
    """Handlers of one pass over a sheet's XML."""

    listen: Callable[[bool], None]

    def __init__(self, position: Callable[[], int]) -> None:
        self.position = position
        self.layout = Layout()
        self.row = 0
        self.column = 0
        self.has_content = False
        self.columns: set[str] = set()
        self.cell_type: str | None = None
        self.formula: list[str] | None = None
        self.result: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "c":
                self._cell(attributes)
            case "v" | "t":
                self._content()
                if self.formula is not None:
                    self.result = ["cached"] if self.cell_type == "str" else []
            case "f":
                self._content()
                self.formula = []
                self.listen(True)
            case "row":
                self._row(attributes)
            case "mergeCell":
                self._close_formula()
                self.layout.merged.append(range_boundaries(attributes["ref"]))

    def text(self, data: str) -> None:
        if self.result is not None:
            self.result.append(data)
        elif self.formula is not None:
            self.formula.append(data)

    def refuse(self, *_doctype: object) -> None:
        raise NotATable

    def refuse_if_too_large(self) -> None:
        if self.has_content and self.position() > MAX_UNPACKED:
            raise TableTooLarge

    def finish(self) -> Layout:
        self._close_formula()
        widest = max(map(column_index_from_string, self.columns), default=self.column)
        self.layout.columns = min(max(widest, 1), MAX_COLUMNS)
        return self.layout

    def _row(self, attributes: dict[str, str]) -> None:
        self._close_formula()
        self.row = int(attributes.get("r", self.row + 1))
        self.column = 0
        self.has_content = False
        if attributes.get("hidden") in ("1", "true"):
            self.layout.hidden_rows.add(self.row)

    def _cell(self, attributes: dict[str, str]) -> None:
        self._close_formula()
        self.cell_type = attributes.get("t")
        if reference := attributes.get("r"):
            letters = reference.rstrip("0123456789")
            self.columns.add(letters)
            self.column = column_index_from_string(letters)
        else:
            self.column += 1

    def _content(self) -> None:
        self.has_content = True
        self.layout.last_row = max(self.layout.last_row, self.row)

    def _close_formula(self) -> None:
        if self.formula is None:
            return
        if not self.result:
            self.layout.uncached[self.row, self.column] = "=" + "".join(self.formula)
        self.formula = self.result = None
        self.listen(False)
