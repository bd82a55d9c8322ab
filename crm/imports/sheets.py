"""Any file of rows, whatever it is called, as sheets of raw cells."""

import re
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from crm.imports import delimited, legacy, webtable, xlsx
from crm.imports.table import MAX_UNPACKED, NotATable, Table, TableTooLarge

OLE = bytes.fromhex("D0CF11E0")
ZIP = b"PK"
HTML = re.compile(rb"\s*<(?:html|table|!doctype\s+html|head|meta|!--)", re.IGNORECASE)
BOMS = b"\xef\xbb\xbf\xff\xfe"
OTHER = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")


def read(path: Path) -> Table:
    """The sheets of ``path`` by its first bytes, not its ending; blocks, so call it in a thread.

    Raises NotATable, TableLocked or TableTooLarge.
    """
    if path.stat().st_size > MAX_UNPACKED:
        raise TableTooLarge
    data = path.read_bytes()
    if data.startswith(OTHER):
        raise NotATable
    if data.startswith(ZIP):
        return xlsx.read(path) if _is_xlsx(path) else legacy.read(path, data)
    if data.startswith(OLE):
        return legacy.read(path, data)
    head = data[:4096].lstrip(BOMS).replace(b"\0", b"")  # also when it is UTF-16
    if b"urn:schemas-microsoft-com:office:spreadsheet" in head and b"<?xml" in head:
        raise NotATable
    if HTML.match(head):
        return webtable.read(data, path.name)
    return delimited.read(data, path.name)


def _is_xlsx(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return "xl/workbook.bin" not in archive.namelist() and any(
                name.startswith("xl/") for name in archive.namelist()
            )
    except BadZipFile as error:
        raise NotATable from error
