"""Access tokens: one per app, the same while it is valid, dead at once when it is revoked; and one
for each time that a person has signed in."""

import secrets

from bot.sandbox.clock import SandboxClock
from bot.sandbox.dingtalk.company import App, DingTalkSettings
from bot.sandbox.disk import Disk

LIFE = 7200  # seconds (official doc)
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_token (
  value TEXT PRIMARY KEY, client_id TEXT NOT NULL, expires INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS dingtalk_user_token (
  value TEXT PRIMARY KEY, client_id TEXT NOT NULL, person TEXT NOT NULL, expires INTEGER NOT NULL
);
"""


class Tokens:
    def __init__(self, disk: Disk, clock: SandboxClock, settings: DingTalkSettings) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock
        self._settings = settings

    def issue(self, app: App) -> str:
        """The app's token, renewed for another two hours."""
        now = self._clock.millis()
        with self._disk.transaction():
            self._disk.run("DELETE FROM dingtalk_token WHERE expires <= ?", now)
            row = self._disk.row(
                "UPDATE dingtalk_token SET expires = ? WHERE client_id = ? RETURNING value",
                now + LIFE * 1000,
                app.client_id,
            )
            if row:
                return str(row["value"])
            value = secrets.token_hex(16)
            self._disk.run(
                "INSERT INTO dingtalk_token VALUES (?, ?, ?)",
                value,
                app.client_id,
                now + LIFE * 1000,
            )
            return value

    def app_of(self, value: str) -> App | None:
        row = self._disk.row(
            "SELECT client_id FROM dingtalk_token WHERE value = ? AND expires > ?",
            value,
            self._clock.millis(),
        )
        return self._settings.app_of_client(row["client_id"]) if row else None

    def issue_to(self, app: App, person: str) -> str:
        """A token by which the app may act for this person."""
        value, expires = secrets.token_hex(16), self._clock.millis() + LIFE * 1000
        sql = "INSERT INTO dingtalk_user_token VALUES (?, ?, ?, ?)"
        self._disk.run(sql, value, app.client_id, person, expires)
        return value

    def owner(self, value: str) -> tuple[App, str] | None:
        """The app that has a person's token, and the person."""
        row = self._disk.row(
            "SELECT client_id, person FROM dingtalk_user_token WHERE value = ? AND expires > ?",
            value,
            self._clock.millis(),
        )
        app = self._settings.app_of_client(row["client_id"]) if row else None
        return (app, str(row["person"])) if row and app else None

    def revoke(self, value: str) -> None:
        self._disk.run("DELETE FROM dingtalk_token WHERE value = ?", value)
