"""Files of messages: upload of media by an app, download of what people sent to a robot."""

import hashlib
import hmac
import secrets
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from bot.sandbox.dingtalk.calls import PREFIX, Call, Calls, Problem
from bot.sandbox.dingtalk.company import App
from bot.sandbox.ground import Ground

MEGABYTE = 1 << 20
SIZES = {"image": 20, "voice": 2, "video": 20, "file": 20}  # megabytes
SUFFIXES = {
    "image": frozenset(["jpg", "jpeg", "gif", "png", "bmp"]),
    "voice": frozenset(["amr", "mp3", "wav", "ogg"]),
    "video": frozenset(["mp4"]),
    "file": frozenset(
        {
            "doc",
            "docx",
            "xls",
            "xlsx",
            "ppt",
            "pptx",
            "zip",
            "pdf",
            "rar",
            "csv",
            "txt",
        }
    ),
}
URL_MILLIS = 300_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS dingtalk_download (
  code TEXT PRIMARY KEY, robot_code TEXT NOT NULL, media TEXT NOT NULL
);
"""


class Files:
    def __init__(self, ground: Ground) -> None:
        ground.disk.define(SCHEMA)
        self._ground = ground
        self._key = secrets.token_bytes(32)

    def add_routes(self, calls: Calls) -> None:
        calls.oapi("POST", "/media/upload", self._upload)
        download = "/v1.0/robot/messageFiles/download"
        calls.api("POST", download, self._download, scope="qyapi_robot_sendmsg")
        calls.routes.append(web.get(PREFIX + "/download/{media}", self._bytes))

    def code(self, app: App, media: str) -> str:
        """A downloadCode; durable with the transaction it is called in."""
        code = secrets.token_urlsafe(32)
        self._ground.disk.run(
            "INSERT INTO dingtalk_download VALUES (?, ?, ?)", code, app.robot_code, media
        )
        return code

    async def _upload(self, call: Call) -> dict[str, Any]:
        kind, name, body = await read_media(call.request)
        kind = kind or call.request.query.get("type", "")
        if kind not in SIZES:
            raise Problem(40004, "不合法的媒体文件类型")
        if not body:
            raise Problem(40035, "media is empty")
        if PurePath(name).suffix.lstrip(".").lower() not in SUFFIXES[kind]:
            raise Problem(40005, "不合法的文件类型")
        if len(body) > SIZES[kind] * MEGABYTE:
            raise Problem(40006, "不合法的文件大小")
        medium = await self._ground.media.keep("@lAD", name, body)
        return {"type": kind, "media_id": medium.id, "created_at": self._ground.clock.millis()}

    async def _download(self, call: Call) -> dict[str, Any]:
        robot = call.text("robotCode", "invalidParameter.robotCode.empty")
        if robot != call.app.robot_code:
            raise Problem("invalidParameter.robotCode.auth", "robotCode is not of this app")
        row = self._ground.disk.row(
            "SELECT * FROM dingtalk_download WHERE code = ?", str(call.body.get("downloadCode"))
        )
        if row is None:
            raise Problem("invalidParameter.robotCode.downloadCode", "downloadCode is wrong")
        if row["robot_code"] != robot:
            raise Problem("invalidParameter.robotCode.auth", "the code is of another robot")
        expires = str(self._ground.clock.millis() + URL_MILLIS)
        signature = self._sign(row["media"], expires)
        path = f"{PREFIX}/download/{quote(row['media'])}"
        query = f"Expires={expires}&Signature={signature}"
        return {"downloadUrl": f"{self._ground.address(call.request)}{path}?{query}"}

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        id_, expires = request.match_info["media"], request.query.get("Expires", "")
        good = hmac.compare_digest(
            self._sign(id_, expires).encode(), request.query.get("Signature", "").encode()
        )
        medium = self._ground.media.find(id_)
        if not good or medium is None or int(expires) < self._ground.clock.millis():
            return web.Response(status=403, text="<Error>AccessDenied</Error>")
        return web.FileResponse(medium.path, headers={"Content-Type": "application/octet-stream"})

    def _sign(self, media: str, expires: str) -> str:
        return hmac.digest(self._key, f"{media} {expires}".encode(), hashlib.sha256).hex()


async def read_media(request: web.Request) -> tuple[str, str, bytes]:
    """Kind, file name and bytes of a multipart upload. Raises Problem."""
    if not request.content_type.startswith("multipart/"):
        raise Problem(43004, "multipart/form-data is expected")
    kind, name, body = "", "", b""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        if part.name == "type":
            kind = await part.text()
        elif part.name == "media":
            name = part.filename or ""
            body = await read_part(part, 21 * MEGABYTE)
    return kind, name, body


async def read_part(part: BodyPartReader, most: int) -> bytes:
    """The part's bytes, broken off past ``most``."""
    body = bytearray()
    while len(body) <= most and (chunk := await part.read_chunk(1 << 16)):
        body += chunk
    return bytes(body)
