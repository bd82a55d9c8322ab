"""Structured logs on stderr: one JSON object a line, ids instead of names.

An exception is told by its type and the places it passed, never by its message: messages of
libraries quote the values they choked on, and those may be somebody's number.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime

import orjson

from crm.kernel import masks


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, trace = record.exc_info
            line["error"] = kind.__name__
            line["trace"] = [
                f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(trace)[-12:]
            ]
        return orjson.dumps(line).decode()


def _event(record: logging.LogRecord) -> str:
    """One line without anybody's number. The event loop quotes the arguments and the error of what
    broke: of its lines only the beginning is told."""
    line = record.getMessage().partition("\n")[0]
    if record.name == "asyncio":
        line = line.partition("(")[0]
    return masks.numbers(line)


def begin(level: int = logging.INFO) -> None:
    """Everything that is logged goes through one handler, libraries included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in (
        "aiohttp.access",
        "apscheduler",
        "matplotlib",
        "sqlalchemy",
        "aiosqlite",
        "alembic",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
