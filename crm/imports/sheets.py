"""Any file of rows, whatever it is called, as sheets of raw cells."""

import re
from pathlib import Path
from zipfile import ZipFile

from crm.imports import delimited, legacy, webtable, xlsx
from crm.imports.table import MAX_UNPACKED, NotATable, Table, TableTooLarge

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
        return _zipped(path, data)
    if data.startswith(legacy.OLE):
        return legacy.read(path, data)
    head = data[:4096].lstrip(BOMS).replace(b"\0", b"")  # also when it is UTF-16
    if b"urn:schemas-microsoft-com:office:spreadsheet" in head and b"<?xml" in head:
        raise NotATable
    if HTML.match(head):
        return webtable.read(data, path.name)
    return delimited.read(data, path.name)


def _zipped(path: Path, data: bytes) -> Table:
    """A workbook since 2007, or another kind that is a zip archive too."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(member.file_size for member in archive.infolist())
    except xlsx.BROKEN as error:
        raise NotATable from error
    if "xl/workbook.bin" not in names and any(name.startswith("xl/") for name in names):
        return xlsx.read(path)
    if size > MAX_UNPACKED:
        raise TableTooLarge
    return legacy.read(path, data)
