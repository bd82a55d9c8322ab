"""A large body in pieces. Whoever reads JSON holds the interpreter until its end, so a process of
its own reads the body as a whole and hands it over some rows at a time.

``python -m risk.sources.pieces KEY…`` is that process: the body on its standard input; on its
standard output one line with what stands under the keys, lists left empty; then for each list its
rows, so many to a line, and an empty line. ``0`` says that the body was no JSON.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

import orjson

PIECE: Final = 1 << 17  # bytes of rows in a line
LARGEST_ROW: Final = 1 << 20  # bytes; a larger one is handed over as false
NOT_JSON: Final = b"0\n"


class NotJson(ValueError):
    """The body is no JSON that we read."""


class Broken(OSError):
    """The process ended before its work did."""


@contextmanager
def in_pieces(body: bytes | bytearray, keys: Sequence[str]) -> Iterator[Any]:
    """What stands under ``keys`` of an object, its lists as iterators over their rows, to be taken
    in the order of ``keys``; None instead of anything that is no object. Blocks.

    Raises NotJson, or OSError when there is no such process.
    """
    command = [sys.executable, "-P", "-m", __name__, *keys]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  ourselves
        if process.stdin is None or process.stdout is None:
            raise Broken
        try:
            with process.stdin:
                process.stdin.write(body)
            yield read(process.stdout)
        finally:
            process.kill()


def read(said: IO[bytes]) -> Any:
    """As ``in_pieces``, of what the process says. Raises NotJson or Broken."""
    line = said.readline()
    if line == NOT_JSON:
        raise NotJson
    if not line:
        raise Broken
    head = orjson.loads(line)
    if isinstance(head, dict):
        head = {key: _rows(said) if value == [] else value for key, value in head.items()}
    return head


def _rows(said: IO[bytes]) -> Iterator[Any]:
    while (line := said.readline()) != b"\n":
        if not line:
            raise Broken
        yield from orjson.loads(line)


def lines(body: bytes, keys: Sequence[str]) -> Iterator[bytes]:
    """What the process says."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        yield NOT_JSON
        return
    if not isinstance(told, dict):
        yield b"null\n"
        return
    # A nested value is none that we want, whatever is in it.
    yield orjson.dumps({key: _shallow(told[key]) for key in keys if key in told}) + b"\n"
    for rows in (told[key] for key in keys if isinstance(told.get(key), list)):
        for piece in _pieces(rows):
            yield b"[%b]\n" % b",".join(piece)
        yield b"\n"


def _shallow(value: object) -> object:
    return type(value)() if isinstance(value, list | dict) else value


def _pieces(rows: Sequence[object]) -> Iterator[list[bytes]]:
    piece, size = [], 0
    for row in map(_written, rows):
        piece.append(row)
        size += len(row)
        if size > PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _written(row: object) -> bytes:
    try:
        written = orjson.dumps(row)
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return b"false"
    return written if len(written) <= LARGEST_ROW else b"false"


if __name__ == "__main__":
    sys.stdout.buffer.writelines(lines(sys.stdin.buffer.read(), sys.argv[1:]))
