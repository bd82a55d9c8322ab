"""An aibot's uploads over its connection: in pieces, of any order, some of them twice."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.ground import Ground
from bot.sandbox.wecom.bots import Bots, Command
from bot.sandbox.wecom.calls import Problem
from bot.sandbox.wecom.company import AiBot
from bot.sandbox.wecom.content import need
from bot.sandbox.wecom.files import SIZES, Files
from bot.sandbox.wecom.meter import Meter

CHUNK_BYTES, CHUNKS = 512 << 10, 100
LIFE = 30 * 60_000  # milliseconds
DEAD = 40035  # for an upload_id that is unknown, another's or too old


@dataclass(slots=True)
class Upload:
    bot: AiBot
    kind: str
    name: str
    size: int
    chunks: int
    md5: str
    at: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class BotUploads:
    """Sessions outlive a connection, not the sandbox."""

    def __init__(self, ground: Ground, bots: Bots, files: Files, meter: Meter) -> None:
        self._clock = ground.clock
        self._files = files
        self._meter = meter
        self._uploads: dict[str, Upload] = {}
        bots.serve("aibot_upload_media_init", self._begin)
        bots.serve("aibot_upload_media_chunk", self._chunk)
        bots.serve("aibot_upload_media_finish", self._finish)

    async def _begin(self, command: Command) -> dict[str, Any]:
        body = command.body
        kind, name = need(body, "type", "body"), need(body, "filename", "body")
        size, chunks = body.get("total_size"), body.get("total_chunks")
        if kind not in SIZES:
            raise Problem(40004)
        if not isinstance(size, int) or not 5 < size <= SIZES[kind] << 20:
            raise Problem(40006)
        if not isinstance(chunks, int) or not 1 <= chunks <= CHUNKS:
            raise Problem(40035, "total_chunks is out of range")
        if self._meter.upload_too_fast(command.bot):
            raise Problem(45009)
        upload_id = secrets.token_urlsafe(24)
        md5, now = str(body.get("md5") or ""), self._clock.millis()
        self._uploads[upload_id] = Upload(command.bot, kind, name, size, chunks, md5, now)
        return {"upload_id": upload_id}

    async def _chunk(self, command: Command) -> None:
        upload = self._upload(command)
        index = command.body.get("chunk_index")
        if not isinstance(index, int) or not 0 <= index <= upload.chunks:
            raise Problem(40035, "chunk_index is out of range")
        try:
            piece = base64.b64decode(need(command.body, "base64_data", "body"), validate=True)
        except binascii.Error:
            raise Problem(40035, "base64_data is not base64") from None
        if len(piece) > CHUNK_BYTES:
            raise Problem(40006)
        upload.pieces[index] = piece

    async def _finish(self, command: Command) -> dict[str, Any]:
        upload = self._upload(command)
        body = b"".join(piece for _, piece in sorted(upload.pieces.items()))
        if len(upload.pieces) != upload.chunks or len(body) != upload.size:
            raise Problem(40006)
        if upload.md5 and hashlib.md5(body).hexdigest() != upload.md5.lower():  # noqa: S324
            raise Problem(40035, "md5 does not match")
        kept = await self._files.keep(upload.kind, upload.name, body, command.bot.bot_id)
        del self._uploads[str(command.body["upload_id"])]
        return kept | {"created_at": int(kept["created_at"])}

    def _upload(self, command: Command) -> Upload:
        upload = self._uploads.get(need(command.body, "upload_id", "body"))
        if upload is None or upload.bot is not command.bot:
            raise Problem(DEAD, "upload_id is unknown")
        if self._clock.millis() - upload.at > LIFE:
            raise Problem(DEAD, "upload_id has expired")
        return upload
