"""Workbooks of the older kinds (.xls, .et, .xlsb, .ods) through calamine.

Calamine tells neither hidden rows nor error cells: an error reads as an empty cell.
"""

from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    PasswordError,
    SheetVisibleEnum,
    load_workbook,
)

from crm.imports.table import NotATable, RowCollector, Sheet, Table, TableLocked

ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")  # a locked xlsx inside an OLE file


def read(path: Path, data: bytes) -> Table:
    """Every visible sheet. Raises TableLocked or NotATable."""
    if ENCRYPTED_STREAM in data:
        raise TableLocked
    try:
        with load_workbook(path) as book:
            visible = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.visible == SheetVisibleEnum.Visible
            ]
            return Table(sheets=tuple(_sheet(book.get_sheet_by_name(name)) for name in visible))
    except PasswordError as error:
        raise TableLocked from error
    except (CalamineError, OSError, ValueError) as error:
        raise NotATable from error


def _sheet(sheet: CalamineSheet) -> Sheet:
    collector = RowCollector()
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), 1):
        if not collector.take(number, cells):
            break
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        collector.spread(top + 1, left, bottom + 1, right)
    return Sheet(name=sheet.name, rows=collector.finish())
