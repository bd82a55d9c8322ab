"""HTML tables, which many reporting programs save with the ending .xls."""

import re
from html.parser import HTMLParser

from crm.imports.delimited import decode
from crm.imports.table import MAX_COLUMNS, NotATable, RowCollector, Sheet, Table

CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)
CELLS = ("td", "th")


def read(data: bytes, name: str) -> Table:
    """Every table of a page as a sheet. Raises NotATable."""
    text, encoding = _decode(data)
    reader = _TableReader()
    reader.feed(text)
    reader.close()
    sheets = tuple(Sheet(name=name, rows=table.finish()) for table in reader.tables if table.rows)
    if not sheets:
        raise NotATable
    return Table(sheets=sheets, encoding=encoding)


def _decode(data: bytes) -> tuple[str, str]:
    declared = CHARSET.search(data[:4096])
    if declared and declared[1].lower() in (b"gb2312", b"gbk", b"gb18030"):
        try:
            return data.decode("gb18030"), "GB18030"
        except UnicodeDecodeError:
            pass  # the declaration lies; look at the bytes
    return decode(data)


class _TableReader(HTMLParser):
    """Collects cells; merged ranges are spread when their table ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[RowCollector] = []
        self._merged: list[tuple[int, int, int, int]] = []
        self._taken: set[tuple[int, int]] = set()  # covered from an earlier row
        self._number = 0
        self._cells: list[str | None] = []
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._end_table()
            self.tables.append(RowCollector())
        elif tag == "tr" and self.tables:
            self._end_row()
            self._number += 1
        elif tag in CELLS and self._number:
            self._end_cell()
            self._begin_cell(dict(attrs))
        elif tag == "br" and self._text is not None:
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in CELLS:
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_table()

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def close(self) -> None:
        super().close()
        self._end_table()

    def _begin_cell(self, attributes: dict[str, str | None]) -> None:
        while (self._number, len(self._cells)) in self._taken:
            self._cells.append(None)
        left = len(self._cells)
        down, across = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))
        self._text = []
        if down * across > 1:
            bottom, right = self._number + down - 1, left + across - 1
            self._merged.append((self._number, left, bottom, right))
            self._taken |= {
                (row, column)
                for row in range(self._number, bottom + 1)
                for column in range(left, right + 1)
            }

    def _end_cell(self) -> None:
        if self._text is not None:
            self._cells.append("".join(self._text).strip())
            self._text = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._number and self._cells:
            self.tables[-1].take(self._number, self._cells)
        self._cells = []

    def _end_table(self) -> None:
        self._end_row()
        for top, left, bottom, right in self._merged:
            self.tables[-1].spread(top, left, bottom, right)
        self._merged, self._taken, self._number = [], set(), 0


def _span(value: str | None) -> int:
    return min(int(value), MAX_COLUMNS) if value and value.isdecimal() and value != "0" else 1
