"""HTML tables, which many reporting programs save with the ending .xls.

Read in one pass that takes time in proportion to the page, whatever is left open in it.
"""

import re
from collections.abc import Iterator
from html import unescape

from crm.imports.delimited import decode
from crm.imports.table import MAX_COLUMNS, NotATable, RowCollector, Sheet, Table

CHARSET = re.compile(rb"charset=[\"']?([\w-]+)", re.IGNORECASE)
# A tag ends before the next one begins: what nobody closed is never looked for to the end.
TAG = re.compile(
    r"<(?P<end>/?)(?P<name>table|tr|td|th|br)\b(?P<told>(?:[^<>\"']++|\"[^\"<]*\"|'[^'<]*'|[\"'])*+)>",
    re.IGNORECASE,
)
OTHER_TAG = re.compile(r"<[/!?a-z][^<>]*>", re.IGNORECASE)
SPAN = re.compile(r"\b(row|col)span\s*=\s*[\"']?0*([1-9][0-9]{0,6})", re.IGNORECASE)
CELLS = ("td", "th")


def read(data: bytes, name: str) -> Table:
    """Every table of a page as a sheet. Raises NotATable or TableTooLarge."""
    text, encoding = _decode(data)
    reader = _TableReader()
    reader.read("".join(_without_comments(text)))
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


def _without_comments(text: str) -> Iterator[str]:
    at = 0
    while (begin := text.find("<!--", at)) >= 0:
        yield text[at:begin]
        end = text.find("-->", begin + 4)
        if end < 0:
            return
        at = end + 3
    yield text[at:]


class _TableReader:
    """Collects cells; merged ranges are spread when their table ends."""

    def __init__(self) -> None:
        self.tables: list[RowCollector] = []
        self._merged: list[tuple[int, int, int, int]] = []
        self._taken: dict[int, int] = {}  # column → the last row that is covered from above
        self._number = 0
        self._cells: list[str | None] = []
        self._text: list[str] | None = None

    def read(self, text: str) -> None:
        at = 0
        for tag in TAG.finditer(text):
            self._words(text[at : tag.start()])
            at = tag.end()
            (self._ended if tag["end"] else self._begun)(tag["name"].lower(), tag["told"])
        self._words(text[at:])
        self._end_table()

    def _begun(self, tag: str, told: str) -> None:
        if tag == "table":
            self._end_table()
            self.tables.append(RowCollector())
        elif tag == "tr" and self.tables:
            self._end_row()
            self._number += 1
        elif tag in CELLS and self._number:
            self._end_cell()
            self._begin_cell({kind.lower(): int(span) for kind, span in SPAN.findall(told)})
        elif tag == "br" and self._text is not None:
            self._text.append("\n")

    def _ended(self, tag: str, _told: str) -> None:
        if tag in CELLS:
            self._end_cell()
        elif tag == "tr":
            self._end_row()
        elif tag == "table":
            self._end_table()

    def _words(self, words: str) -> None:
        if self._text is not None and words:
            self._text.append(unescape(OTHER_TAG.sub("", words)))

    def _begin_cell(self, spans: dict[str, int]) -> None:
        while self._taken.get(len(self._cells), 0) >= self._number:
            self._cells.append(None)
        left = len(self._cells)
        down = min(spans.get("row", 1), MAX_COLUMNS)
        across = min(spans.get("col", 1), MAX_COLUMNS)
        self._text = []
        if down * across > 1:
            bottom, right = self._number + down - 1, left + across - 1
            self._merged.append((self._number, left, bottom, right))
            for column in range(left, min(right + 1, MAX_COLUMNS)):
                self._taken[column] = max(bottom, self._taken.get(column, 0))

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
        self._merged, self._taken, self._number = [], {}, 0
