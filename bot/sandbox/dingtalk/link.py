"""One WebSocket of a client: what goes out is queued, what comes in is handed on."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from bot.sandbox.dingtalk.company import App


@dataclass(eq=False, slots=True)
class Link:
    """``draining``: the disconnect frame went out, nothing more is pushed here."""

    id: str
    app: App
    topics: frozenset[tuple[str, str]]
    ws: web.WebSocketResponse
    transport: asyncio.Transport
    buffer_bytes: int
    draining: bool = False
    behind: int = 0  # bytes queued and not yet sent
    opaque: str = ""  # of the ping that waits for its answer
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    _queue: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    def takes(self, app: App, type_: str, topic: str) -> bool:
        return self.app is app and not self.draining and (type_, topic) in self.topics

    def post(self, frame: bytes) -> None:
        """Queue it; a client that does not read is cut off."""
        self.behind += len(frame)
        if self.behind > self.buffer_bytes:
            self.abort()
        else:
            self._queue.put_nowait(frame)

    def close(self) -> None:
        """Let the queue run out, then close cleanly."""
        self._queue.put_nowait(None)

    def abort(self) -> None:
        self.draining = True
        self.transport.abort()

    async def carry(
        self, hear: Callable[["Link", str], None], keep_alive: Coroutine[None, None, None]
    ) -> None:
        """Until either side ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            alive = group.create_task(keep_alive)
            try:
                async for message in self.ws:
                    if message.type is WSMsgType.TEXT:
                        hear(self, message.data)
            finally:
                alive.cancel()
                self.close()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (frame := await self._queue.get()) is not None:
                await self.ws.send_frame(frame, WSMsgType.TEXT)
                self.behind -= len(frame)
            await self.ws.close()
