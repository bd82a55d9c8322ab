"""The clients of one manager and of a colleague, and how he is understood."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.chat.message import Place
from bot.grammar.index import Index
from bot.grammar.reading import Reading
from bot.grammar.record import moment
from bot.grammar.understand import read, spans
from crm.kernel.calendar import Calendar

HERE = Path(__file__).parent
MONDAY = "2026-11-23T14:35:00+08:00"

Understand = Callable[..., Reading]


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def index() -> Index:
    return Index(rows("clients.jsonl"))


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar.shipped()


@pytest.fixture(scope="session")
def understand(index: Index, calendar: Calendar) -> Understand:
    def read_line(said: str, *, at: str = MONDAY, focus: str = "") -> Reading:
        return read(
            said,
            at=moment(at),
            place=Place.PRIVATE,
            mentioned=False,
            calendar=calendar,
            found=index.fetch(spans(said), person="wangqiang"),
            focus=index.client(focus, person="wangqiang") if focus else None,
        )

    return read_line
