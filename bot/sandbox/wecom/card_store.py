"""Cards on disk: one for each message, one copy for each person, and the codes that update them."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk
from bot.sandbox.wecom.card_rules import Channel

CODE_LIFE = 72 * 3_600_000  # milliseconds (official doc)
RENDERINGS_KEPT = 50
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_card (
  key TEXT PRIMARY KEY, channel TEXT NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL,
  message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS wecom_card_by_task ON wecom_card (owner, task);
CREATE TABLE IF NOT EXISTS wecom_copy (
  key TEXT, person TEXT, n INTEGER, card TEXT NOT NULL, grey TEXT NOT NULL,
  toast TEXT NOT NULL DEFAULT '', PRIMARY KEY (key, person, n)
);
CREATE TABLE IF NOT EXISTS wecom_code (
  code TEXT PRIMARY KEY, key TEXT NOT NULL, expires INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True)
class StoredCard:
    """``key`` names it on screens; ``owner`` is the agent id, the bot id or the webhook's key."""

    key: str
    channel: Channel
    owner: str
    task: str
    message: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One person's card in its ``n``-th rendering; ``grey`` replaces its buttons."""

    n: int
    card: dict[str, Any]
    grey: str
    toast: str


class CardStore:
    def __init__(self, disk: Disk, clock: SandboxClock) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock

    def find(self, key: str) -> StoredCard | None:
        row = self._disk.row("SELECT * FROM wecom_card WHERE key = ?", key)
        if row is None:
            return None
        channel = Channel(row["channel"])
        return StoredCard(row["key"], channel, row["owner"], row["task"], row["message"])

    def knows_task(self, owner: str, task: str) -> bool:
        sql = "SELECT 1 FROM wecom_card WHERE owner = ? AND task = ?"
        return bool(task) and self._disk.row(sql, owner, task) is not None

    def add(
        self,
        channel: Channel,
        owner: str,
        message: str,
        card: Mapping[str, Any],
        people: Iterable[str],
    ) -> StoredCard:
        """A copy for each of ``people``. The card goes by its task id, or by its message's where
        it has none or another channel uses the same."""
        task = str(card.get("task_id") or "")
        key = task if task and self.find(task) is None else message
        stored = StoredCard(key, channel, owner, task, message)
        self._disk.run(
            "INSERT INTO wecom_card VALUES (?, ?, ?, ?, ?)", key, channel, owner, task, message
        )
        for person in people:
            self._write(key, person, 1, card, "")
        return stored

    def people(self, key: str) -> list[str]:
        """Who has a copy."""
        sql = "SELECT DISTINCT person FROM wecom_copy WHERE key = ? ORDER BY rowid"
        return [row["person"] for row in self._disk.rows(sql, key)]

    def copies(self, key: str, person: str) -> list[Copy]:
        """The renderings a person has seen, the newest first."""
        return [
            Copy(row["n"], json.loads(row["card"]), row["grey"], row["toast"])
            for row in self._disk.rows(
                "SELECT * FROM wecom_copy WHERE key = ? AND person = ? ORDER BY n DESC", key, person
            )
        ]

    def copy(self, key: str, person: str) -> Copy | None:
        found = self._disk.row(
            "SELECT * FROM wecom_copy WHERE key = ? AND person = ? ORDER BY n DESC LIMIT 1",
            key,
            person,
        )
        if found is None:
            return None
        return Copy(found["n"], json.loads(found["card"]), found["grey"], found["toast"])

    def replace(self, key: str, person: str, card: Mapping[str, Any], grey: str = "") -> None:
        """A new rendering of one person's copy."""
        copy = self.copy(key, person)
        if copy is None:
            return
        self._write(key, person, copy.n + 1, card, grey)
        old = copy.n + 1 - RENDERINGS_KEPT
        self._disk.run(
            "DELETE FROM wecom_copy WHERE key = ? AND person = ? AND n <= ?", key, person, old
        )

    def grey(self, key: str, person: str, words: str) -> None:
        """Buttons give way to ``words``; the rest of the copy stays."""
        if copy := self.copy(key, person):
            self.replace(key, person, copy.card, words)

    def toast(self, key: str, person: str, words: str) -> None:
        """A passing word, until the copy changes."""
        if copy := self.copy(key, person):
            sql = "UPDATE wecom_copy SET toast = ? WHERE key = ? AND person = ? AND n = ?"
            self._disk.run(sql, words, key, person, copy.n)

    def new_code(self, key: str) -> str:
        """A response_code for the card; durable with the transaction it is called in."""
        code = "rc_" + secrets.token_urlsafe(24)
        expires = self._clock.millis() + CODE_LIFE
        self._disk.run("INSERT INTO wecom_code VALUES (?, ?, ?, 0)", code, key, expires)
        return code

    def card_of_code(self, code: str) -> StoredCard | None:
        """None for a code that is unknown, spent or older than 72 hours."""
        row = self._disk.row(
            "SELECT key FROM wecom_code WHERE code = ? AND used = 0 AND expires > ?",
            code,
            self._clock.millis(),
        )
        return self.find(row["key"]) if row else None

    def card_pressed(self, code: str) -> StoredCard | None:
        """The card with whose press a code came, whatever has become of the code."""
        row = self._disk.row("SELECT key FROM wecom_code WHERE code = ?", code)
        return self.find(row["key"]) if row else None

    def spend(self, code: str) -> None:
        self._disk.run("UPDATE wecom_code SET used = 1 WHERE code = ?", code)

    def _write(self, key: str, person: str, n: int, card: Mapping[str, Any], grey: str) -> None:
        self._disk.run(
            "INSERT INTO wecom_copy (key, person, n, card, grey) VALUES (?, ?, ?, ?, ?)",
            key,
            person,
            n,
            json.dumps(card, ensure_ascii=False),
            grey,
        )
