"""Proves that a body of 64 MiB, or one that never ends, is read by no door beyond its limit: it is
answered at once, whoever sends it has no connection soon after, and others are served meanwhile."""

import asyncio
import contextlib
import gzip
import itertools
import logging
import time
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.compression_utils import ZLibDecompressor
from aiohttp.web_protocol import RequestHandler

from bot.api import body
from bot.commands.listening import BODY_LIMIT
from tests.api.conftest import give_token
from tests.story.room import PATIENCE, Room

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("furniture", ["sqlite"], indirect=True, scope="module"),
]
WECOM = True
SETTINGS = {"QIDESK_SOURCES__COUNTER__KIND": "push"}
MEBIBYTE = 1 << 20
SIZE = 64 * MEBIBYTE
READ_AHEAD = 3 << 18  # bytes: the loop takes up to 1 << 18 from the kernel at once
PIECE = b" " * 65_536
SIGNED = f"msg_signature={'0' * 40}&timestamp={int(time.time())}&nonce=abc"


@dataclass(frozen=True)
class Door:
    """``limit``: how much of a body it reads, in bytes."""

    method: str
    path: str
    status: int
    limit: int = 0
    bearer: str = ""


DOORS = (
    Door("POST", f"/wecom/callback?{SIGNED}", 413, MEBIBYTE),
    Door("POST", f"/wecom/callback/?{SIGNED}", 413, MEBIBYTE),
    Door("POST", "/wecom/callback", 400),
    Door("GET", "/wecom/callback", 400),
    Door("POST", "/api/v1/risk/what-if", 413, MEBIBYTE, "qd_long"),
    Door("POST", "/api/v1/push/ticks", 413, MEBIBYTE, "qd_long"),
    Door("POST", "/api/v1/push/snapshot", 413, MEBIBYTE, "qd_long"),
    Door("POST", "/api/v1/push/snapshot", 401),
    Door("GET", "/api/v1/alerts", 200, 0, "qd_long"),
    Door("GET", "/api/v1/openapi.json", 200),
    Door("POST", "/api/v1/none", 404),
    Door("POST", "/pages/logout", 200),
    Door("POST", "/pages/todo", 405),
    Door("GET", "/pages/todo", 302),
    Door("GET", "/pages/login?page=todo", 200),
    Door("GET", "/pages/back/wecom?code=x&state=y", 403),
    Door("GET", "/pages/back/dingtalk?code=x&state=y", 403),
    Door("POST", "/control/clock", 403),
    Door("POST", "/control/scene", 403),
    Door("GET", "/healthz", 200),
    Door("GET", "/readyz", 200),
    Door("GET", "/metrics", 200),
    Door("POST", "/none", 404),
)


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def token(room: Room) -> AsyncIterator[None]:
    await give_token(room.service.store, "qd_long", ["data:push", "risk:read"])
    yield


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pushed may be longer, by design: the shorter limit is passed in less time."""
    for name in ("SNAPSHOT", "TICKS"):
        assert getattr(body, name) > MEBIBYTE
        monkeypatch.setattr(body, name, MEBIBYTE)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[object, int]:
    """How many bytes the server took, by the port of whoever sent them."""
    receive, taken = RequestHandler.data_received, defaultdict[object, int](int)

    def counted(handler: RequestHandler, data: bytes) -> None:
        if handler.transport is not None:
            taken[handler.transport.get_extra_info("peername")[1]] += len(data)
        receive(handler, data)

    monkeypatch.setattr(RequestHandler, "data_received", counted)
    return taken


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what was unpacked."""
    unpack, sizes = ZLibDecompressor.decompress_sync, list[int]()

    def counted(one: ZLibDecompressor, *told: Any, **more: Any) -> bytes:
        found = unpack(one, *told, **more)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(ZLibDecompressor, "decompress_sync", counted)
    return sizes


@pytest.fixture(autouse=True)
def no_trace(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    told = [record for record in caplog.get_records("call") if record.exc_info]
    assert [record.getMessage() for record in told] == []


@contextlib.asynccontextmanager
async def knocking(
    room: Room, door: Door, length: int | None, *more: str
) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A request up to its body; ``length`` is what it says of that."""
    reader, writer = await asyncio.open_connection(room.options.host, room.options.port)
    told = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = (
        f"{door.method} {door.path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Authorization: Bearer {door.bearer}",
        told,
        *more,
    )
    writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def pour(writer: StreamWriter, length: int | None) -> None:
    """The body, until it is over or nobody wants more of it."""
    piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if length is None else PIECE
    pieces = itertools.count() if length is None else range(length // len(PIECE))
    with contextlib.suppress(ConnectionError):
        for _ in pieces:
            writer.write(piece)
            await writer.drain()


async def until_the_end(reader: StreamReader) -> bytes:
    """What is answered before the connection is closed; a client in the middle of its body hears
    of that as a reset."""
    said = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(MEBIBYTE):
            said += piece
    return bytes(said)


@pytest.mark.parametrize("length", [SIZE, None], ids=["64 MiB", "without end"])
async def test_it_is_answered_at_its_limit_and_nothing_more_is_read(
    room: Room, taken: dict[object, int], length: int | None
) -> None:
    async def knock(door: Door) -> None:
        async with asyncio.timeout(PATIENCE), knocking(room, door, length) as (reader, writer):
            port = writer.get_extra_info("sockname")[1]
            pouring = asyncio.create_task(pour(writer, length))
            said = await until_the_end(reader)
            pouring.cancel()
        head = said.partition(b"\r\n\r\n")[0].decode()
        assert head.startswith(f"HTTP/1.1 {door.status} "), (door, head)
        assert "Connection: close" in head, door
        assert taken[port] <= door.limit + READ_AHEAD, door

    async def ask_meanwhile(others: list[asyncio.Task[None]]) -> None:
        while not all(other.done() for other in others):
            async with room.http.get(f"{room.url}/readyz") as answer:
                assert answer.status == 200

    async with asyncio.TaskGroup() as tasks:
        knocks = [tasks.create_task(knock(door)) for door in DOORS]
        tasks.create_task(ask_meanwhile(knocks))
    item = await room.ask("wangqiang", "80010023")
    assert "80010023" in item["card"]["title"]


async def test_a_packed_body_is_unpacked_to_its_limit_and_no_further(
    room: Room, unpacked: list[int]
) -> None:
    """By whichever door: half a mebibyte that would be 512."""
    bomb = gzip.compress(bytes(8 * SIZE), 1)
    for door in DOORS:
        unpacked.clear()
        packed = "Content-Encoding: gzip"
        async with (
            asyncio.timeout(PATIENCE),
            knocking(room, door, len(bomb), packed) as (reader, writer),
        ):
            writer.write(bomb)
            head = await reader.readuntil(b"\r\n\r\n")
            await until_the_end(reader)
        assert head.startswith(b"HTTP/1.1 %d " % door.status), (door, head)
        assert sum(unpacked) <= door.limit + READ_AHEAD, door


async def test_a_short_body_that_nobody_reads_costs_no_connection(room: Room) -> None:
    door = Door("POST", "/api/v1/push/ticks", 401)
    length = BODY_LIMIT // len(PIECE) * len(PIECE)
    async with asyncio.timeout(PATIENCE), knocking(room, door, length) as (reader, writer):
        await pour(writer, length)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: close" not in head
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"HTTP/1.1 200 OK" in await until_the_end(reader)


async def test_who_hangs_up_in_the_middle_leaves_no_trace_in_the_log(
    room: Room, taken: dict[object, int]
) -> None:
    for door in (one for one in DOORS if one.limit):
        async with asyncio.timeout(PATIENCE), knocking(room, door, None) as (_, writer):
            port = writer.get_extra_info("sockname")[1]
            writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
            while taken[port] < len(PIECE):
                await asyncio.sleep(0.01)
        async with room.http.get(f"{room.url}/readyz") as answer:
            assert answer.status == 200
