"""What was sent under which key, so that it can be asked after and recalled."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk

WINDOW = 24 * 3600 * 1000  # read status and recall end after 24 hours (official doc)
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_sent (
  key TEXT PRIMARY KEY, client_id TEXT NOT NULL, chat TEXT NOT NULL, at INTEGER NOT NULL,
  seqs TEXT NOT NULL,  -- JSON: person (or '' in a group) -> seq
  recalled INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True)
class Sent:
    key: str
    client_id: str
    chat: str
    at: int
    seqs: dict[str, int]
    recalled: bool


class SentBook:
    def __init__(self, disk: Disk, clock: SandboxClock) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock

    def new_key(self) -> str:
        return self._disk.new_id("pqk") + "="

    def keep(self, key: str, client_id: str, chat: str, seqs: dict[str, int]) -> None:
        self._disk.run(
            "INSERT INTO dingtalk_sent (key, client_id, chat, at, seqs) VALUES (?, ?, ?, ?, ?)",
            key,
            client_id,
            chat,
            self._clock.millis(),
            json.dumps(seqs),
        )

    def find(self, key: str, client_id: str) -> Sent | None:
        row = self._disk.row(
            "SELECT * FROM dingtalk_sent WHERE key = ? AND client_id = ?", key, client_id
        )
        if row is None:
            return None
        return Sent(
            key, client_id, row["chat"], row["at"], json.loads(row["seqs"]), bool(row["recalled"])
        )

    def expired(self, sent: Sent) -> bool:
        return self._clock.millis() - sent.at > WINDOW

    def mark_recalled(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._disk.run("UPDATE dingtalk_sent SET recalled = 1 WHERE key = ?", key)
