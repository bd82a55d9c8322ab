"""What calamine does not tell of a workbook of Excel 97 to 2003: error cells, hidden rows, and that
a weak password locks it.

An error that reads as an empty cell would take a client's number away. Records and file as in
[MS-XLS] and [MS-CFB].
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from crm.imports.table import TableLocked

SMALLEST_STREAM = 4096  # bytes; smaller ones lie elsewhere, and no spreadsheet program writes such
STREAMS = ("Workbook", "Book")
IN_HEADER = 109  # sectors of the table of sectors that the header names
ENTRY = 128  # bytes
FREE = 0xFFFFFFFA  # this and what is above are no sectors
BEGIN, END, SHEET, ROW, FORMULA, ERROR = 0x0809, 0x000A, 0x0085, 0x0208, 0x0006, 0x0205
LOCKED = 0x002F  # what comes after it cannot be read
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
    """By sheet; nothing of a file that is put together in another way. Raises TableLocked."""
    try:
        book = _stream(data)
        return {name: _marks(book, place) for name, place in _sheets(book)}
    except BROKEN:
        return {}


def _sheets(book: bytes) -> Iterator[tuple[str, int]]:
    for kind, record in _records(book, 0):
        if kind == LOCKED:
            raise TableLocked
        if kind == SHEET:
            place, length, wide = struct.unpack_from("<IxxBB", record)
            name = record[8 : 8 + length * (1 + (wide & 1))]
            yield name.decode("utf-16-le" if wide & 1 else "latin-1"), place


def _marks(book: bytes, place: int) -> Marks:
    found = Marks()
    for kind, record in _records(book, place):
        if kind == ROW and struct.unpack_from("<H", record, 12)[0] & HIDDEN:
            found.hidden.add(struct.unpack_from("<H", record)[0] + 1)
        elif kind in (ERROR, FORMULA):
            row, column, code, is_error = _error(kind, record)
            if is_error:
                found.errors[row, column] = ERRORS.get(code, "#N/A")
    return found


def _error(kind: int, record: bytes) -> tuple[int, int, int, bool]:
    row, column = struct.unpack_from("<HH", record)
    if kind == ERROR:
        code, is_error = struct.unpack_from("<BB", record, 6)
        return row, column, code, is_error == 1
    what, code, mark = struct.unpack_from("<BxBxxxH", record, 6)
    return row, column, code, mark == 0xFFFF and what == 2


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
    """The workbook's. Raises BROKEN."""
    shift, tables, directory, next_table = struct.unpack_from("<30xH12xII16xI", data)
    if not 7 <= shift <= 12:
        raise IndexError
    size = 1 << shift

    def sector(number: int) -> bytes:
        return data[(number + 1) << shift : (number + 2) << shift]

    def numbers(raw: bytes) -> Sequence[int]:
        return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4])

    places = list(numbers(data[76 : 76 + 4 * IN_HEADER]))
    while len(places) < tables and next_table < FREE:
        *more, next_table = numbers(sector(next_table))
        places += more
    table = [each for place in places[:tables] for each in numbers(sector(place))]

    def chain(start: int) -> Iterator[int]:
        most = len(data) >> shift
        while start < FREE and most:
            yield start
            start, most = table[start], most - 1

    entries = b"".join(map(sector, chain(directory)))
    for at in range(0, len(entries), ENTRY):
        length, start, long = struct.unpack_from("<64xH50xII", entries, at)
        if entries[at : at + max(length - 2, 0)].decode("utf-16-le") in STREAMS:
            if long < SMALLEST_STREAM:
                raise IndexError
            return b"".join(map(sector, islice(chain(start), -(-long // size))))[:long]
    raise IndexError
