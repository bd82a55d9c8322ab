"""Many frames in one write: all of them, in order, and nobody else's lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.platforms.dingtalk.socket import Socket, Together


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False


def test_what_is_written_while_it_holds_goes_out_in_one_piece() -> None:
    wire = Wire()
    together = Together(wire)
    together.write(b"1")
    with together.holding():
        together.write(b"2")
        with together.holding():
            together.write(b"3")
        together.write(b"4")
        assert wire.writes == [b"1"]
    together.write(b"5")
    assert wire.writes == [b"1", b"234", b"5"]


def test_what_was_held_goes_out_when_something_goes_wrong() -> None:
    wire = Wire()
    together = Together(wire)

    def fail() -> None:
        with together.holding():
            together.write(b"1")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    together.write(b"2")
    assert wire.writes == [b"1", b"2"]


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Socket, asyncio.Queue[str]]]:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            heard.put_nowait(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/", hear)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(ws_response_class=Socket) as http,  # type: ignore[arg-type]
        http.ws_connect(server.make_url("/")) as socket,
    ):
        yield cast("Socket", socket), heard


async def test_every_frame_arrives_whole_and_in_order() -> None:
    frames = [f"{n}-" + "长" * (n * 40) for n in range(30)]
    async with connected() as (socket, heard), asyncio.timeout(5):
        await socket.send_all(frame.encode() for frame in frames)
        assert [await heard.get() for _ in frames] == frames


async def test_nothing_is_said_on_a_closed_socket() -> None:
    async with connected() as (socket, _):
        await socket.close()
        with pytest.raises((ConnectionError, aiohttp.ClientError)):
            await socket.send_all([b"too late"])
