"""Callbacks on disk: there from before their first delivery until they are taken or given up."""

import asyncio
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from bot.sandbox.disk import Disk

SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_push (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  person TEXT NOT NULL, message TEXT NOT NULL, xml TEXT NOT NULL,
  lost INTEGER NOT NULL DEFAULT 0  -- 1: its retries are used up
);
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One delivery as it is posted."""

    query: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """``passive`` is what was answered beside the acknowledgement."""

    passive: Element | None


@dataclass(eq=False, slots=True)
class Push:
    """``message`` is the id of what was said, "" for an event. ``first`` resolves with the first
    delivery: None when it failed or came late."""

    id: int
    person: str
    message: str
    xml: str
    tries: int = 0
    request: Request | None = None  # the newest delivery
    first: asyncio.Future[Answer | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, answer: Answer | None) -> None:
        """What came of the first delivery."""
        if not self.first.done():
            self.first.set_result(answer)


class PushStore:
    def __init__(self, disk: Disk) -> None:
        disk.define(SCHEMA)
        self._disk = disk

    def add(self, person: str, message: str, xml: str) -> Push:
        """Durable with the transaction it is called in."""
        sql = "INSERT INTO wecom_push (person, message, xml) VALUES (?, ?, ?)"
        return Push(self._disk.insert(sql, person, message, xml), person, message, xml)

    def unacknowledged(self) -> list[Push]:
        """In the order they came about."""
        rows = self._disk.rows("SELECT * FROM wecom_push WHERE lost = 0 ORDER BY id")
        return [Push(row["id"], row["person"], row["message"], row["xml"]) for row in rows]

    def waiting(self) -> int:
        row = self._disk.row("SELECT count(*) AS n FROM wecom_push WHERE lost = 0")
        return int(row["n"]) if row else 0

    def done(self, push: Push) -> None:
        self._disk.run("DELETE FROM wecom_push WHERE id = ?", push.id)

    def lose(self, push: Push) -> None:
        self._disk.run("UPDATE wecom_push SET lost = 1 WHERE id = ?", push.id)
