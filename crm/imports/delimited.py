"""Text files of rows: whatever encoding and separator the exporting program has chosen."""

import codecs
import csv
import io
from itertools import islice

from crm.imports.table import NotATable, RowCollector, Sheet, Table

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8（带 BOM）"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
SEPARATORS = ",\t;，|"  # of equals the first wins
FEW_NULS = 50  # one byte in so many may be a NUL by accident
SNIFFED_LINES = 20


def read(data: bytes, name: str) -> Table:
    """The one sheet of a text file. Raises NotATable."""
    text, encoding = decode(data)
    collector = RowCollector()
    for number, cells in enumerate(_records(text), 1):
        if not collector.take(number, cells):
            break
    sheet = Sheet(name=name, rows=collector.finish(), flat=True)
    return Table(sheets=(sheet,), encoding=encoding)


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: BOM, then strict UTF-8, then GB18030."""
    for bom, codec, shown in BOMS:
        if data.startswith(bom):
            return _strictly(data, codec), shown
    head = data[:400]
    if head.count(0) * FEW_NULS > len(head):  # "Unicode text" that has lost its BOM
        little = data[1:400:2].count(0) > data[0:400:2].count(0)
        return _strictly(data, "utf-16-le" if little else "utf-16-be"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _strictly(data, "gb18030"), "GB18030"


def _strictly(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise NotATable from error


def _records(text: str) -> list[list[str]]:
    separator = _separator(text)
    try:
        return list(csv.reader(io.StringIO(text, ""), delimiter=separator, strict=True))
    except csv.Error:  # a quotation mark that nobody closed: no cell may run over its line
        lines = io.StringIO(text, None)
    try:
        return [next(csv.reader([line], delimiter=separator), []) for line in lines]
    except csv.Error as error:
        raise NotATable from error


def _separator(text: str) -> str:
    lines = list(islice(io.StringIO(text), SNIFFED_LINES))
    return max(SEPARATORS, key=lambda mark: max((line.count(mark) for line in lines), default=0))
