"""Access tokens: one per secret, the same while it is valid, told apart when old or unknown."""

import secrets

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk
from bot.sandbox.wecom.company import Agent, WeComSettings

LIFE = 7200  # seconds (official doc)
DAY = 86_400_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_token (
  value TEXT PRIMARY KEY, agent TEXT NOT NULL, expires INTEGER NOT NULL
);
"""


class Tokens:
    def __init__(self, disk: Disk, clock: SandboxClock, settings: WeComSettings) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock
        self._settings = settings
        self.issued = 0  # answers of gettoken, to see who asks too often

    def issue(self, agent: Agent) -> tuple[str, int]:
        """The app's token and the seconds it is still good for."""
        self.issued += 1
        now = self._clock.millis()
        with self._disk.transaction():
            self._disk.run("DELETE FROM wecom_token WHERE expires <= ?", now - DAY)
            row = self._disk.row(
                "SELECT value, expires FROM wecom_token WHERE agent = ? AND expires > ?",
                agent.name,
                now,
            )
            if row:
                return str(row["value"]), (int(row["expires"]) - now) // 1000
            value = secrets.token_urlsafe(96)
            self._disk.run(
                "INSERT INTO wecom_token VALUES (?, ?, ?)", value, agent.name, now + LIFE * 1000
            )
            return value, LIFE

    def agent_of(self, value: str) -> Agent | None:
        """Whose token it is, old or not."""
        row = self._disk.row("SELECT agent FROM wecom_token WHERE value = ?", value)
        return self._settings.agent(row["agent"]) if row else None

    def alive(self, value: str) -> bool:
        row = self._disk.row("SELECT expires FROM wecom_token WHERE value = ?", value)
        return row is not None and int(row["expires"]) > self._clock.millis()

    def expire(self, value: str) -> None:
        """Dead from now on, and known to be old."""
        now = self._clock.millis()
        self._disk.run("UPDATE wecom_token SET expires = ? WHERE value = ?", now, value)

    def revoke(self) -> None:
        """Every token is unknown from now on."""
        self._disk.run("DELETE FROM wecom_token")
