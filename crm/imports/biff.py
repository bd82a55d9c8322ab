"""A look into a workbook of Excel 97 to 2003 before calamine reads it.

Calamine does not tell error cells and hidden rows: an error that reads as an empty cell would take
a client's number away. A torn file it may read in circles, or ask for more memory than there is.
Records and file as in [MS-XLS] and [MS-CFB].
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crm.imports.table import MAX_SPREAD, NotATable, TableLocked, TableTooLarge

STREAMS = ("Workbook", "Book")
IN_HEADER = 109  # sectors of the table of sectors that the header names
ENTRY = 128  # bytes of a name in the directory
FREE = 0xFFFFFFFA  # this and what is above are no sectors
BEGIN, END, SHEET, SIZE, ROW = 0x0809, 0x000A, 0x0085, 0x0200, 0x0208
LOCKED = 0x002F  # what comes after it cannot be read
FORMULA, ERROR = 0x0006, 0x0205
CELLS = frozenset({FORMULA, ERROR, 0x0203, 0x0204, 0x00BD, 0x00D6, 0x00FD, 0x027E})
MOST_ROWS, MOST_COLUMNS = 1 << 16, 1 << 8
HIDDEN = 0x20
ERRORS: Mapping[int, str] = {
    0: "#NULL!",
    7: "#DIV/0!",
    15: "#VALUE!",
    23: "#REF!",
    29: "#NAME?",
    36: "#NUM!",
    42: "#N/A",
}
BROKEN = (struct.error, IndexError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Marks:
    """By place, counted from 0; rows as Excel numbers them."""

    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)


NOTHING = Marks()


def marks(data: bytes) -> Mapping[str, Marks]:
    """By sheet. Raises NotATable, TableLocked or TableTooLarge."""
    try:
        book = _stream(data)
        return {name: _marks(book, place) for name, place in _sheets(book)}
    except BROKEN as error:
        raise NotATable from error


def _sheets(book: bytes) -> Iterator[tuple[str, int]]:
    for kind, record in _records(book, 0):
        if kind == LOCKED:
            raise TableLocked
        if kind == SHEET:
            place, length, wide = struct.unpack_from("<IxxBB", record)
            name = record[8 : 8 + length * (1 + (wide & 1))]
            yield name.decode("utf-16-le" if wide & 1 else "latin-1"), place


def _marks(book: bytes, place: int) -> Marks:
    found, height, width = Marks(), 0, 0
    for kind, record in _records(book, place):
        if kind == SIZE:
            four = (
                "<IIHH" if len(record) >= struct.calcsize("<IIHH") else "<HHHH"
            )  # before Excel 97
            _, rows, _, columns = struct.unpack_from(four, record)
            if rows > MOST_ROWS or columns > MOST_COLUMNS:
                raise NotATable
        elif kind == ROW and struct.unpack_from("<H", record, 12)[0] & HIDDEN:
            found.hidden.add(struct.unpack_from("<H", record)[0] + 1)
        elif kind in CELLS:
            row, column = struct.unpack_from("<HH", record)
            height, width = max(height, row + 1), max(width, column + 1)
            if error := _error(kind, record):
                found.errors[row, column] = error
    if height * width > MAX_SPREAD:
        raise TableTooLarge
    return found


def _error(kind: int, record: bytes) -> str:
    if kind == ERROR:
        code, is_error = struct.unpack_from("<BB", record, 6)
        return ERRORS.get(code, "#N/A") if is_error == 1 else ""
    if kind == FORMULA:
        what, code, mark = struct.unpack_from("<BxBxxxH", record, 6)
        return ERRORS.get(code, "#N/A") if (what, mark) == (2, 0xFFFF) else ""
    return ""


def _records(book: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """Of one part of the workbook, without those of charts inside it."""
    depth = 0
    while place + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, place)
        place += 4
        depth += (kind == BEGIN) - (kind == END)
        if depth == 1:
            yield kind, book[place : place + length]
        if depth <= 0:
            return
        place += length


def _stream(data: bytes) -> bytes:
    """The workbook's. Raises BROKEN or NotATable."""
    shift, small_shift, tables, directory, least, small, next_table = struct.unpack_from(
        "<30xHH10xII4xII4xI", data
    )
    if not 6 <= small_shift <= shift <= 12:
        raise NotATable
    file = _Sectors(data[1 << shift :], shift)
    table = _acyclic(file.join(_tables(data, file, tables, next_table)))
    entries = file.join(_chain(table, directory))
    small_table = _acyclic(file.join(_chain(table, small)))
    within = _Sectors(
        file.join(_chain(table, struct.unpack_from("<I", entries, 116)[0])), small_shift
    )
    for at in range(0, len(entries), ENTRY):
        length, start, long = struct.unpack_from("<64xH50xII", entries, at)
        if entries[at : at + max(length - 2, 0)].decode("utf-16-le") in STREAMS:
            if long < least:
                return within.join(_chain(small_table, start))[:long]
            return file.join(_chain(table, start))[:long]
    raise NotATable


@dataclass(frozen=True, slots=True)
class _Sectors:
    data: bytes
    shift: int

    def join(self, numbers: Iterator[int]) -> bytes:
        size = 1 << self.shift
        return b"".join(self.data[n << self.shift : (n << self.shift) + size] for n in numbers)


def _tables(data: bytes, file: _Sectors, count: int, more: int) -> Iterator[int]:
    """Where the table of sectors stands: the header names the first of its parts, and a chain of
    sectors the others."""
    size = 1 << file.shift
    most = (len(file.data) >> file.shift) // (size // 4) + 1  # whatever the header says
    places = list(_numbers(data[76 : 76 + 4 * IN_HEADER]))
    for _ in range(most):
        if more >= FREE:
            return iter([each for each in places[: min(count, most)] if each < FREE])
        part = _numbers(file.join(iter((more,))))
        places += part[:-1]
        more = part[-1]
    raise NotATable


def _numbers(raw: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])


def _acyclic(raw: bytes) -> Sequence[int]:
    """A table of which sector follows which. Raises NotATable where a chain has no end."""
    table = _numbers(raw)
    done = bytearray(len(table))
    for first in range(len(table)):
        walk, at = [], first
        while at < len(table) and not done[at]:
            done[at] = 1
            walk.append(at)
            at = table[at]
        if at < len(table) and done[at] == 1:
            raise NotATable
        for each in walk:
            done[each] = 2
    return table


def _chain(table: Sequence[int], start: int) -> Iterator[int]:
    while start < FREE:
        yield start
        start = table[start]
