"""A workbook as Excel 97 to 2003 saved it: BIFF8 records in an OLE compound file.

Just enough of [MS-XLS] and [MS-CFB] for ledgers: no library that is alive writes this any more.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

SECTOR = 512
SMALLEST_STREAM = 4096  # a smaller one would lie in sectors of another size
PER_SECTOR = SECTOR // 4  # numbers
IN_HEADER = 109  # parts of the table of sectors that the header names
FREE, END_OF_CHAIN, FAT_SECTOR, LIST_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
LONGEST_RECORD = 8224
ERRORS = {"#NULL!": 0, "#DIV/0!": 7, "#VALUE!": 15, "#REF!": 23, "#NAME?": 29, "#N/A": 42}
PLAIN, DATE = 0, 1  # cell formats
FORMULA = bytes(6) + b"\x03\x00\x1e\x01\x00"  # =1
Merged = tuple[int, int, int, int]  # first and last row, first and last column, counted from 0


@dataclass(frozen=True)
class Calculated:
    """A formula and what came of it: a number, or an error."""

    result: float | str


def workbook(
    sheets: dict[str, Sequence[Sequence[object]]],
    *,
    hidden: Iterable[str] = (),
    hidden_rows: Iterable[int] = (),
    merged: Iterable[Merged] = (),
    locked: bool = False,
) -> bytes:
    """``hidden_rows``, as Excel numbers them, and ``merged`` are of every sheet."""
    strings: dict[str, int] = {}
    bodies = [_sheet(rows, strings, tuple(hidden_rows), tuple(merged)) for rows in sheets.values()]
    names = [(name, name in set(hidden)) for name in sheets]
    if locked:
        return _compound(_begin(0x0005) + _record(0x002F, bytes(54)) + bytes(9000))
    size = len(_globals(names, [0] * len(bodies), strings))
    places = [size + sum(map(len, bodies[:n])) for n in range(len(bodies))]
    return _compound(_globals(names, places, strings) + b"".join(bodies))


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _begin(kind: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))


def _globals(
    names: Sequence[tuple[str, bool]], places: Sequence[int], strings: dict[str, int]
) -> bytes:
    formats = [_record(0x00E0, struct.pack("<HH16x", 0, number)) for number in (0, 14)]
    listed = [
        _record(0x0085, struct.pack("<IBB", place, hidden, 0) + _short(name))
        for (name, hidden), place in zip(names, places, strict=True)
    ]
    return b"".join(
        (_begin(0x0005), _record(0x0042, struct.pack("<H", 1200)), *formats, *listed,
         *_table_of(strings), _record(0x000A))
    )  # fmt: skip


def _short(text: str) -> bytes:
    return struct.pack("<BB", len(text), 1) + text.encode("utf-16-le")


def _table_of(strings: dict[str, int]) -> Iterator[bytes]:
    """All strings of the workbook, each of them whole in one record."""
    kind, data = 0x00FC, struct.pack("<II", len(strings), len(strings))
    for text in strings:
        coded = text.encode("utf-16-le")
        one = struct.pack("<HB", len(coded) // 2, 1) + coded
        if len(data) + len(one) > LONGEST_RECORD:
            yield _record(kind, data)
            kind, data = 0x003C, b""
        data += one
    yield _record(kind, data)


def _sheet(
    rows: Sequence[Sequence[object]],
    strings: dict[str, int],
    hidden: Sequence[int],
    merged: Sequence[Merged],
) -> bytes:
    width = max(map(len, rows), default=0)
    size = _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    cells = (
        _cell(struct.pack("<HH", row, column), value, strings)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
    )
    unseen = b"".join(
        _record(0x0208, struct.pack("<HHHHIHH", row - 1, 0, width, 255, 0, 0x0120, 0))
        for row in hidden
    )
    ranges = b"".join(struct.pack("<HHHH", *each) for each in merged)
    spans = _record(0x00E5, struct.pack("<H", len(merged)) + ranges) if merged else b""
    return b"".join((_begin(0x0010), size, unseen, *cells, spans, _record(0x000A)))


def _cell(place: bytes, value: object, strings: dict[str, int]) -> bytes:
    match value:
        case None | "":
            return b""
        case str() if value in ERRORS:
            return _record(0x0205, place + struct.pack("<HBB", PLAIN, ERRORS[value], 1))
        case str():
            number = strings.setdefault(value, len(strings))
            return _record(0x00FD, place + struct.pack("<HI", PLAIN, number))
        case Calculated(result=str() as error):
            result = struct.pack("<BxBxxxH", 2, ERRORS[error], 0xFFFF)
            return _record(0x0006, place + struct.pack("<H", PLAIN) + result + FORMULA)
        case Calculated(result=number):
            result = struct.pack("<d", number)
            return _record(0x0006, place + struct.pack("<H", PLAIN) + result + FORMULA)
        case bool():
            return _record(0x0205, place + struct.pack("<HBB", PLAIN, value, 0))
        case int() | float():
            return _record(0x0203, place + struct.pack("<Hd", PLAIN, value))
        case date():
            at = value if isinstance(value, datetime) else datetime.combine(value, time())
            days = (at - datetime(1899, 12, 30)).total_seconds() / 86400  # noqa: DTZ001  Excel's
            return _record(0x0203, place + struct.pack("<Hd", DATE, days))
        case _:
            raise TypeError(type(value))


def _compound(stream: bytes) -> bytes:
    """An OLE file with one stream: its header, the directory, the stream, then the table that says
    which sector follows which, and where the parts of the table are that the header cannot name."""
    size = max(len(stream), SMALLEST_STREAM)
    sectors = -(-size // SECTOR)
    chain = [END_OF_CHAIN, *range(2, sectors + 1), END_OF_CHAIN]  # directory, stream
    tables, lists = 1, 0
    while tables * PER_SECTOR < len(chain) + tables + lists:
        tables += 1
        lists = -(-max(tables - IN_HEADER, 0) // (PER_SECTOR - 1))
    chain += [FAT_SECTOR] * tables + [LIST_SECTOR] * lists
    chain += [FREE] * (tables * PER_SECTOR - len(chain))
    places = list(range(sectors + 1, sectors + 1 + tables))
    first_list = sectors + 1 + tables
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        bytes.fromhex("D0CF11E0A1B11AE1"), 0x3E, 3, 0xFFFE, 9, 6,
        0, tables, 0, 0, SMALLEST_STREAM, END_OF_CHAIN, 0,
        first_list if lists else END_OF_CHAIN, lists,
    ) + _filled(places[:IN_HEADER], IN_HEADER)  # fmt: skip
    directory = b"".join(
        (_entry("Root Entry", 5, 1, END_OF_CHAIN, 0), _entry("Workbook", 2, FREE, 1, size),
         _entry("", 0, FREE, 0, 0) * 2)
    )  # fmt: skip
    more = [
        _filled(places[at : at + PER_SECTOR - 1], PER_SECTOR - 1)
        + struct.pack("<I", first_list + n + 1 if n + 1 < lists else END_OF_CHAIN)
        for n, at in enumerate(range(IN_HEADER, len(places), PER_SECTOR - 1))
    ]
    return b"".join(
        (
            header,
            directory,
            stream.ljust(sectors * SECTOR, b"\0"),
            _filled(chain, len(chain)),
            *more,
        )
    )


def _filled(numbers: Sequence[int], size: int) -> bytes:
    return struct.pack(f"<{size}I", *numbers, *[FREE] * (size - len(numbers)))


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    coded = name.encode("utf-16-le")
    length = len(coded) + 2 if name else 0
    return struct.pack(
        "<64sHBBIII36xIQ", coded, length, kind, 1, FREE, FREE, child, start, size
    )  # fmt: skip
