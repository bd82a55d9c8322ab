"""One WebSocket of an aibot: what goes out is queued, what comes in is handed on."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.wecom.company import AiBot


@dataclass(eq=False, slots=True)
class BotLink:
    """``bot`` is None until it has subscribed. ``zombie``: pings are answered, nothing else;
    ``mute``: not even those."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport
    silence_seconds: float  # without a frame for so long it is closed
    raw_newlines: bool = False
    bot: AiBot | None = None
    zombie: bool = False
    mute: bool = False
    _queue: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    def post(self, frame: dict[str, Any]) -> None:
        body = orjson.dumps(frame)
        if self.raw_newlines:
            body = body.replace(b"\\n", b"\n")
        self._queue.put_nowait(body)

    def close(self) -> None:
        """Let the queue run out, then close cleanly."""
        self._queue.put_nowait(None)

    def abort(self) -> None:
        self.transport.abort()

    async def carry(self, hear: "Hear") -> None:
        """Until either side ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            try:
                await self._read(hear)
            finally:
                self.close()

    async def _read(self, hear: "Hear") -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(self.silence_seconds):
                    message = await self.ws.receive()
                if message.type is WSMsgType.TEXT:
                    await hear(self, message.data)
                elif message.type is not WSMsgType.BINARY:
                    return

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (frame := await self._queue.get()) is not None:
                await self.ws.send_frame(frame, WSMsgType.TEXT)
            await self.ws.close(code=WSCloseCode.OK)


Hear = Callable[[BotLink, str], Awaitable[None]]
