"""aiohttp's WebSocket, which can also write many frames at once, and rest from reading so that many
come at once: that spares a call into the kernel for each."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp.http import WebSocketWriter


class Together:
    """Stands before a transport: what is written while it holds goes out in one piece."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Whoever else writes meanwhile is held too, in order."""
        if self._held is not None:
            yield  # goes out with what is held already
            return
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            if held:
                self._transport.write(b"".join(held))


class Socket(aiohttp.ClientWebSocketResponse[bool]):
    def __init__(self, reader: Any, writer: WebSocketWriter, *args: Any, **more: Any) -> None:
        super().__init__(reader, writer, *args, **more)
        self._send = writer.send_frame
        self._reading = writer.protocol
        self._alarm: asyncio.TimerHandle | None = None
        self._together = Together(writer.transport)
        writer.transport = self._together  # type: ignore[assignment]  # all that it calls

    async def send_all(self, frames: Iterable[bytes]) -> None:
        """Text frames. Raises what ``send_frame`` raises; those before it have gone out."""
        with self._together.holding():
            for frame in frames:
                await self._send(frame, aiohttp.WSMsgType.TEXT)

    def rest(self, seconds: float) -> None:
        """Reads nothing until it is woken, and for ``seconds`` at most, whoever forgets it.

        By aiohttp's own switch: its queue, when full, closes what ``wake`` has opened.
        """
        self.wake()
        self._reading.pause_reading()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self.wake)

    def wake(self) -> None:
        if self._alarm is None:
            return
        self._alarm.cancel()
        self._alarm = None
        self._reading.resume_reading()
