"""Temporary media: what apps and robots upload, what people sent, three days long."""

from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from bot.sandbox.ground import Ground
from bot.sandbox.media import Medium
from bot.sandbox.wecom.calls import Call, Calls, Problem

MEGABYTE = 1 << 20
SIZES = {"image": 10, "voice": 2, "video": 10, "file": 20}  # megabytes
SUFFIXES = {"image": (".jpg", ".jpeg", ".png"), "voice": (".amr",), "video": (".mp4",)}
SPOKEN = "spoken"  # a kind: what somebody said, always the same silence
SILENCE = b"#!AMR\n" + bytes(26)
CORP = ""  # owner of what every app of the company may use
LIFE = 3 * 86_400_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS wecom_media (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, at INTEGER NOT NULL
);
"""


class Files:
    def __init__(self, ground: Ground) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._silence = ground.disk.folder / "silence.amr"
        self._silence.write_bytes(SILENCE)

    def add_routes(self, calls: Calls) -> None:
        calls.api("POST", "/cgi-bin/media/upload", self._upload)
        calls.api("POST", "/cgi-bin/media/uploadimg", self._upload_picture)
        calls.api("GET", "/cgi-bin/media/get", self._get)

    def own(self, medium: Medium, kind: str, owner: str = CORP) -> None:
        """``medium`` is media of ``owner`` from now on; durable with its transaction."""
        at = self._ground.clock.millis()
        sql = "INSERT OR REPLACE INTO wecom_media VALUES (?, ?, ?, ?)"
        self._ground.disk.run(sql, medium.id, kind, owner, at)

    def spoken(self) -> str:
        """The media_id of something that was said; durable with its transaction."""
        id_ = f"voice{self._ground.disk.count('wecom:voice')}"
        medium = Medium(id_, "voice.amr", "audio/amr", len(SILENCE), self._silence)
        self.own(medium, SPOKEN)
        return id_

    def find(self, media_id: object, owner: str = CORP) -> Medium:
        """Raises Problem for what is unknown, another's or older than three days."""
        row = self._ground.disk.row("SELECT * FROM wecom_media WHERE id = ?", str(media_id))
        if row is None or row["owner"] != owner:
            raise Problem(40007)
        if self._ground.clock.millis() - row["at"] > LIFE:
            raise Problem(40007)
        if row["kind"] == SPOKEN:
            return Medium(row["id"], "voice.amr", "audio/amr", len(SILENCE), self._silence)
        medium = self._ground.media.find(row["id"])
        if medium is None:
            raise Problem(40007)
        return medium

    async def keep(self, kind: str, name: str, body: bytes, owner: str = CORP) -> dict[str, Any]:
        """Checked, stored, and as WeCom answers it. Raises Problem."""
        check(kind, name, body)
        medium = await self._ground.media.keep("3Tk", name, body)
        self.own(medium, kind, owner)
        created = str(self._ground.clock.millis() // 1000)
        return {"type": kind, "media_id": medium.id, "created_at": created}

    async def _upload(self, call: Call) -> dict[str, Any]:
        name, body = await read_media(call.request)
        return await self.keep(call.query("type"), name, body)

    async def _upload_picture(self, call: Call) -> dict[str, Any]:
        name, body = await read_media(call.request)
        check("image", name, body)
        if len(body) > 2 * MEGABYTE:
            raise Problem(40006)
        medium = await self._ground.media.keep("img", name, body)
        return {"url": self._ground.address(call.request) + medium.url}

    async def _get(self, call: Call) -> web.StreamResponse:
        medium = self.find(call.query("media_id"))
        name = quote(medium.name, safe="")
        headers = {
            "Content-Type": medium.mime,
            "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}",
        }
        return web.FileResponse(medium.path, headers=headers)


def check(kind: str, name: str, body: bytes) -> None:
    """Raises Problem for a kind, size or name that WeCom does not take."""
    if kind not in SIZES:
        raise Problem(40004)
    if len(body) <= 5:
        raise Problem(40006 if body else 44001)
    if len(body) > SIZES[kind] * MEGABYTE:
        raise Problem(40006)
    if kind in SUFFIXES and not name.lower().endswith(SUFFIXES[kind]):
        raise Problem(40005)


async def read_media(request: web.Request) -> tuple[str, bytes]:
    """File name and bytes of the form's field ``media``. Raises Problem.

    A name that is written as ``filename*=`` alone is lost (seen in several issues).
    """
    if not request.content_type.startswith("multipart/"):
        raise Problem(44001)
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "media":
            plain = "filename=" in part.headers.get("Content-Disposition", "")
            name = part.filename if plain else ""
            return name or "", await read_part(part, 21 * MEGABYTE)
    raise Problem(44001)


async def read_part(part: BodyPartReader, most: int) -> bytes:
    """The part's bytes, broken off past ``most``."""
    body = bytearray()
    while len(body) <= most and (chunk := await part.read_chunk(1 << 16)):
        body += chunk
    return bytes(body)
