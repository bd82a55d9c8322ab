"""DingTalk's own SDKs cannot tell the simulated DingTalk from the real one."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.dingtalk.company import WITNESS, DingTalkSettings
from bot.sandbox.server import SandboxSettings
from tests.sandbox.room import Room, running

HERE = Path(__file__).parent
NODE = HERE / "node"
PATIENCE = 20.0  # an SDK starts slowly and reconnects after a pause
SETTINGS = DingTalkSettings(
    redeliver_seconds=10, answer_seconds=2, disconnect_hold_seconds=0.3, ping_seconds=0.3
)


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    """Another process decides when it is so: there is nothing to wait on but the answer."""
    async with asyncio.timeout(PATIENCE):
        while not await so():
            await asyncio.sleep(0.02)


class Witness:
    """An SDK in a process of its own, and the room that it is in."""

    def __init__(self, room: Room, process: asyncio.subprocess.Process) -> None:
        self.room = room
        self.process = process

    async def heard(self) -> Any:
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            line = await self.process.stdout.readline()
        assert line, "the witness has ended"
        return json.loads(line)

    async def say(self, text: str) -> Any:
        """As soon as the SDK is connected; answers what it heard."""

        async def taken() -> bool:
            return (await self.room.say("wangqiang", text, app="witness")).status == 200

        await until(taken)
        return await self.heard()


@pytest.fixture(scope="session")
def node_modules() -> None:
    """Installed from the lock file when missing."""
    if (NODE / "node_modules" / "dingtalk-stream").is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    command = [npm, "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=NODE, check=True, capture_output=True, timeout=150)


@asynccontextmanager
async def called(room: Room, *command: str, **environment: str) -> AsyncIterator[Witness]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    try:
        yield Witness(room, process)
    finally:
        process.kill()
        await process.communicate()


@pytest.fixture(params=["python", "node"])
async def witness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Witness]:
    if request.param == "node":
        request.getfixturevalue("node_modules")
    async with running(SandboxSettings(data_dir=tmp_path, dingtalk=SETTINGS)) as room:
        base = f"{room.base}/sim/dingtalk"
        secrets = (WITNESS.client_id, WITNESS.client_secret)
        if request.param == "node":
            command = ["node", str(NODE / "witness.mjs"), base, *secrets]
        else:
            command = [sys.executable, str(HERE / "python_witness.py"), *secrets]
        async with called(room, *command, DINGTALK_OPENAPI_ENDPOINT=base) as witness:
            yield witness


async def settled(room: Room) -> None:
    """Until everything that was pushed is acknowledged."""

    async def nothing_waits() -> bool:
        return bool((await room.get("state"))["counters"]["dingtalk"]["waiting"] == 0)

    await until(nothing_waits)


async def test_a_text_is_heard_answered_by_webhook_and_acknowledged(witness: Witness) -> None:
    assert await witness.say("你好") == {"text": "你好", "from": "wangqiang"}
    question, answer = await witness.room.seen("wangqiang")
    assert (answer["from"], answer["text"]) == ("bot", "收到 你好")
    assert answer["reply_to"] == question["message_id"]
    await settled(witness.room)


async def test_a_card_is_delivered_clicked_and_changed_by_the_answer(witness: Witness) -> None:
    await witness.say("card")
    [card] = [one for one in await witness.room.seen("wangqiang") if one["kind"] == "card"]
    answer = await witness.room.click("wangqiang", card["card"]["id"], "ok")
    assert answer.body["answer"] == "updated"
    assert await witness.heard() == {
        "clicked": card["card"]["id"],
        "action": "ok",
        "by": "wangqiang",
    }
    [card] = [one for one in await witness.room.seen("wangqiang") if one["kind"] == "card"]
    assert (card["card"]["status"], card["card"]["version"]) == ("已点", 2)


async def test_it_survives_the_disconnect_sequence(witness: Witness) -> None:
    await witness.say("之前")
    await settled(witness.room)
    await witness.room.break_it("disconnect", app="witness")
    assert (await witness.say("之后"))["text"] == "之后"
    assert (await witness.room.seen("wangqiang"))[-1]["text"] == "收到 之后"


async def test_it_answers_pings(witness: Witness) -> None:
    await witness.say("你好")

    async def asked() -> bool:
        return any("ping" in one["what"] for one in await witness.room.get("wire"))

    await until(asked)
    assert (await witness.say("还在"))["text"] == "还在"
    opened = [one for one in await witness.room.get("wire") if "connections/open" in one["what"]]
    assert len(opened) == 2  # one call, one answer: it never had to come back


async def test_an_event_is_heard_and_acknowledged(witness: Witness) -> None:
    await witness.say("你好")
    await witness.room.post(
        "event", platform="dingtalk", app="witness", type="user_leave_org", data={"userId": ["x"]}
    )
    assert await witness.heard() == {"event": "user_leave_org"}
    await settled(witness.room)
