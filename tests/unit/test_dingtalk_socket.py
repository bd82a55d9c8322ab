"""Many frames in one write, and many in one read: all of them, in order, and nobody else's lost."""

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


@asynccontextmanager
async def greeted(by: int) -> AsyncIterator[tuple[Socket, asyncio.Event]]:
    """A far side that says so many things once it is told to."""
    speak = asyncio.Event()

    async def greet(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await speak.wait()
        for number in range(by):
            await socket.send_str(str(number))
        await socket.receive()
        return socket

    app = web.Application()
    app.router.add_get("/", greet)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(ws_response_class=Socket) as http,  # type: ignore[arg-type]
        http.ws_connect(server.make_url("/"), decode_text=False) as socket,
    ):
        try:
            yield cast("Socket", socket), speak
        finally:
            speak.set()


async def test_every_frame_arrives_whole_and_in_order() -> None:
    frames = [f"{n}-" + "长" * (n * 40) for n in range(30)]
    async with connected() as (socket, heard), asyncio.timeout(5):
        await socket.send_all(frame.encode() for frame in frames)
        assert [await heard.get() for _ in frames] == frames


class TestRest:
    async def test_what_comes_meanwhile_is_read_when_it_is_woken(self) -> None:
        async with greeted(by=5) as (socket, speak):
            socket.rest(30)
            speak.set()
            reading = asyncio.create_task(socket.receive())
            done, _ = await asyncio.wait({reading}, timeout=0.05)
            assert not done
            socket.wake()
            async with asyncio.timeout(5):
                heard = [(await reading).data, *[(await socket.receive()).data for _ in range(4)]]
        assert heard == [b"0", b"1", b"2", b"3", b"4"]

    async def test_it_wakes_by_itself(self) -> None:
        async with greeted(by=1) as (socket, speak), asyncio.timeout(5):
            socket.rest(0.02)
            socket.rest(0.01)  # the earlier alarm is forgotten, not left behind
            speak.set()
            assert (await socket.receive()).data == b"0"

    async def test_waking_what_does_not_rest_opens_nothing(self) -> None:
        async with greeted(by=1) as (socket, _):
            transport = socket._reading.transport
            socket._reading.pause_reading()  # as a full queue does
            socket.wake()
            assert transport is not None
            assert not transport.is_reading()
            socket._reading.resume_reading()

    async def test_the_end_is_noticed_and_a_late_alarm_does_no_harm(self) -> None:
        async with greeted(by=0) as (socket, speak), asyncio.timeout(5):
            socket.rest(0.01)
            speak.set()
            await socket.close()
            socket.rest(30)
            socket.wake()
        assert socket.closed


async def test_nothing_is_said_on_a_closed_socket() -> None:
    async with connected() as (socket, _):
        await socket.close()
        with pytest.raises((ConnectionError, aiohttp.ClientError)):
            await socket.send_all([b"too late"])
