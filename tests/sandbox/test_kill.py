"""``kill -9`` of the far side loses nothing that it had taken."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from tests.sandbox.room import PATIENCE, Room

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(data_dir: Path, *more: str) -> AsyncIterator[Room]:
    """A sandbox that ends by SIGKILL."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sandbox.serve",
        str(data_dir),
        *more,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with AsyncExitStack() as stack:
            assert child.stdout
            async with asyncio.timeout(6 * PATIENCE):
                address = (await child.stdout.readline()).decode().strip()
            http = await stack.enter_async_context(aiohttp.ClientSession())
            yield Room(address, http, stack)
            child.kill()
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_when_it_is_killed_then_screens_and_unacknowledged_pushes_are_still_there(
    tmp_path: Path,
) -> None:
    async with process(tmp_path) as room:
        socket = await room.connect()
        await room.put_card("c1")
        await room.upload("wangqiang", "a.pdf", b"%PDF")
        await socket.ack(await socket.frame())
        said = [(await room.say("wangqiang", f"第 {n} 句")).body["message_id"] for n in range(20)]
        before = await room.seen("wangqiang")
        token = await room.token()
    async with process(tmp_path) as room:
        assert await room.seen("wangqiang") == before
        socket = await room.connect()
        heard: list[str] = []
        while len(heard) < 20:
            frame = await socket.frame()
            await socket.ack(frame)
            heard.append(frame.data["msgId"])
        assert heard == said
        assert await room.token() == token
        async with room.http.get(room.base + before[1]["url"]) as response:
            assert await response.read() == b"%PDF"
