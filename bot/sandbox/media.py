"""Pictures and files that went through a platform: bytes in a folder, what they are in a table."""

import asyncio
import mimetypes
import secrets
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.clock import SandboxClock
from bot.sandbox.disk import Disk

SCHEMA = """
CREATE TABLE IF NOT EXISTS media (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, mime TEXT NOT NULL, size INTEGER NOT NULL,
  at INTEGER NOT NULL
);
"""
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp"})


@dataclass(frozen=True, slots=True)
class Medium:
    id: str
    name: str
    mime: str
    size: int
    path: Path

    @property
    def is_picture(self) -> bool:
        return self.mime in PICTURES

    @property
    def url(self) -> str:
        """Where the page finds it."""
        return f"/sandbox/media/{self.id}"


class Media:
    def __init__(self, disk: Disk, clock: SandboxClock) -> None:
        disk.define(SCHEMA)
        self._disk = disk
        self._clock = clock
        self._folder = disk.folder / "media"
        self._folder.mkdir(exist_ok=True)

    async def keep(self, prefix: str, name: str, body: bytes) -> Medium:
        """Store durably under a new id that begins with ``prefix``."""
        id_ = prefix + secrets.token_hex(16)
        path = self._folder / id_
        await asyncio.to_thread(path.write_bytes, body)
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self._disk.run(
            "INSERT INTO media VALUES (?, ?, ?, ?, ?)",
            id_,
            name,
            mime,
            len(body),
            self._clock.millis(),
        )
        return Medium(id_, name, mime, len(body), path)

    def find(self, id_: str) -> Medium | None:
        row = self._disk.row("SELECT * FROM media WHERE id = ?", id_)
        if row is None:
            return None
        return Medium(row["id"], row["name"], row["mime"], row["size"], self._folder / row["id"])
