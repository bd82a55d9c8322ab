"""Pictures and files that people sent to an aibot: behind an address for minutes, encrypted."""

import base64
import secrets
from typing import Any

from aiohttp import web

from bot.sandbox.ground import Ground
from bot.sandbox.media import Medium
from bot.sandbox.routes import attachment
from bot.sandbox.wecom.calls import PREFIX, Calls
from bot.sandbox.wecom.crypto import seal_file

LIFE = 5 * 60_000  # milliseconds (official doc)
PATH = "/aibot/media"
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_bot_media (
  token TEXT PRIMARY KEY, media TEXT NOT NULL, key BLOB NOT NULL, at INTEGER NOT NULL
);
"""


class BotMedia:
    def __init__(self, ground: Ground) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground

    def add_routes(self, calls: Calls) -> None:
        calls.routes.append(web.get(f"{PREFIX}{PATH}/{{token}}", self._bytes))

    def part(self, medium: Medium, address: str) -> dict[str, Any]:
        """What a message says of it; durable with the transaction it is called in. The key comes
        without its padding, as seen in the wild."""
        token, key = secrets.token_urlsafe(24), secrets.token_bytes(32)
        now = self._ground.clock.millis()
        sql = "INSERT INTO wecom_bot_media VALUES (?, ?, ?, ?)"
        self._ground.disk.run(sql, token, medium.id, key, now)
        aes_key = base64.b64encode(key).decode().rstrip("=")
        return {"url": f"{address}{PREFIX}{PATH}/{token}", "aeskey": aes_key}

    async def _bytes(self, request: web.Request) -> web.Response:
        row = self._ground.disk.row(
            "SELECT * FROM wecom_bot_media WHERE token = ?", request.match_info["token"]
        )
        medium = self._ground.media.find(row["media"]) if row else None
        if row is None or medium is None or self._ground.clock.millis() - row["at"] > LIFE:
            return web.Response(status=403, text="AccessDenied")
        body = seal_file(row["key"], medium.path.read_bytes())
        headers = {"Content-Disposition": attachment(medium.name)}
        return web.Response(body=body, headers=headers, content_type="application/octet-stream")
