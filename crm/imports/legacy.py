"""Workbooks of the older kinds (.xls, .et, .xlsb, .ods) through calamine.

Calamine tells neither hidden rows nor error cells: an error reads as an empty cell. Of .xls and .et
``biff`` tells them.
"""

from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    PasswordError,
    SheetVisibleEnum,
    load_workbook,
)

from crm.imports import biff
from crm.imports.biff import Marks
from crm.imports.table import NotATable, RowCollector, Sheet, Table, TableLocked

OLE = bytes.fromhex("D0CF11E0")
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")  # a locked xlsx inside an OLE file


def read(path: Path, data: bytes) -> Table:
    """Every visible sheet. Raises TableLocked, TableTooLarge or NotATable."""
    if ENCRYPTED_STREAM in data:
        raise TableLocked
    told = biff.marks(data) if data.startswith(OLE) else {}
    try:
        with load_workbook(path) as book:
            visible = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.visible == SheetVisibleEnum.Visible
            ]
            return Table(
                sheets=tuple(
                    _sheet(book.get_sheet_by_name(name), told.get(name, biff.NOTHING))
                    for name in visible
                )
            )
    except PasswordError as error:
        raise TableLocked from error
    except (CalamineError, OSError, ValueError) as error:
        raise NotATable from error
    except BaseException as error:
        if not _is_panic(error):
            raise
        raise NotATable from error


def _is_panic(error: BaseException) -> bool:
    """Rust breaks off over some torn files with what is no Exception, and cannot be imported."""
    return type(error).__name__ == "PanicException"


def _sheet(sheet: CalamineSheet, marks: Marks) -> Sheet:
    collector = RowCollector()
    rows = sheet.to_python(skip_empty_area=False)
    for (row, column), error in marks.errors.items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = error
    for number, cells in enumerate(rows, 1):
        if not collector.take(number, cells):
            break
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        collector.spread(top + 1, left, bottom + 1, right)
    return Sheet(
        name=sheet.name,
        rows=collector.finish(),
        hidden_rows=frozenset(marks.hidden & collector.rows.keys()),
    )
