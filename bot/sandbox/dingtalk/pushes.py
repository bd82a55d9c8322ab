"""Pushes on disk: there from before their first frame until they are acknowledged."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.disk import Disk

FAILED_LISTED = 200
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_push (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  app TEXT NOT NULL, type TEXT NOT NULL, topic TEXT NOT NULL,
  headers TEXT NOT NULL, data TEXT NOT NULL,
  failed INTEGER NOT NULL DEFAULT 0  -- 1: an event whose retries are used up
);
"""


@dataclass(eq=False, slots=True)
class Push:
    """Something to deliver. ``due`` is on the loop's clock, None while nobody listens."""

    id: int
    app: App
    type: str
    topic: str
    headers: Mapping[str, str]
    data: str
    tries: int = 0
    frames: list[str] = field(default_factory=list)  # message ids it went out under
    due: float | None = None
    timer: asyncio.TimerHandle | None = None
    resting: bool = False  # an event's pause between its deadline and its next try
    twice: bool = False  # send it once more after the acknowledgement


class PushStore:
    def __init__(self, disk: Disk, settings: DingTalkSettings) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._settings = settings

    def add(
        self,
        app: App,
        type_: str,
        topic: str,
        data: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Push:
        """Durable with the transaction it is called in."""
        text = orjson.dumps(data).decode()
        id_ = self._disk.insert(
            "INSERT INTO dingtalk_push (app, type, topic, headers, data) VALUES (?, ?, ?, ?, ?)",
            app.client_id,
            type_,
            topic,
            orjson.dumps(headers).decode(),
            text,
        )
        return Push(id_, app, type_, topic, headers, text)

    def unacknowledged(self) -> list[Push]:
        """In the order they were said; those of apps that are gone stay where they are."""
        rows = self._disk.rows("SELECT * FROM dingtalk_push WHERE failed = 0 ORDER BY id")
        return [
            Push(
                row["id"],
                app,
                row["type"],
                row["topic"],
                orjson.loads(row["headers"]),
                row["data"],
            )
            for row in rows
            if (app := self._settings.app_of_client(row["app"]))
        ]

    def done(self, push: Push) -> None:
        self._disk.run("DELETE FROM dingtalk_push WHERE id = ?", push.id)

    def given_up(self, push: Push) -> None:
        self._disk.run("UPDATE dingtalk_push SET failed = 1 WHERE id = ?", push.id)

    def take_failed(self, app: App) -> tuple[list[dict[str, Any]], bool]:
        """The oldest failed events of ``app``, each once, and whether there are more."""
        rows = self._disk.rows(
            "SELECT * FROM dingtalk_push WHERE failed = 1 AND app = ? ORDER BY id LIMIT ?",
            app.client_id,
            FAILED_LISTED + 1,
        )
        taken = rows[:FAILED_LISTED]
        with self._disk.transaction():
            for row in taken:
                self._disk.run("DELETE FROM dingtalk_push WHERE id = ?", row["id"])
        failed = [failed_event(orjson.loads(r["headers"]), orjson.loads(r["data"])) for r in taken]
        return failed, len(rows) > len(taken)


def failed_event(headers: Mapping[str, str], data: dict[str, Any]) -> dict[str, Any]:
    tag = headers["eventType"]
    return {"call_back_tag": tag, "event_time": int(headers["eventBornTime"]), tag: data}
