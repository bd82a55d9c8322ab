"""WeCom's own packages cannot tell the simulated WeCom from the real one."""

import asyncio
import base64
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.server import SandboxSettings
from bot.sandbox.wecom.company import CORP_ID, DESK, WITNESS, WeComSettings
from tests.sandbox.room import running
from tests.sandbox.wecom_room import PNG, Robot, WeComRoom, button_card, desk_listening

HERE = Path(__file__).parent
NODE = HERE / "wecom"
PATIENCE = 20.0  # an SDK starts slowly and reconnects after a pause
SETTINGS = WeComSettings(answer_seconds=5, redeliver_seconds=10)
# An interpreter that has wecom-aibot-sdk-python, where this one has not.
PYTHON = os.environ.get("WITNESS_PYTHON", sys.executable)


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    """Another process decides when it is so: there is nothing to wait on but the answer."""
    async with asyncio.timeout(PATIENCE):
        while not await so():
            await asyncio.sleep(0.02)


class Witness:
    """An SDK in a process of its own, and the room that it is in."""

    def __init__(self, wecom: WeComRoom, process: asyncio.subprocess.Process) -> None:
        self.wecom = wecom
        self.process = process

    async def heard(self) -> Any:
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            line = await self.process.stdout.readline()
        assert line, "the witness has ended"
        return json.loads(line)

    async def say(self, text: str) -> Any:
        answer = await self.wecom.say("wangqiang", text, app="witness")
        assert answer.status == 200
        return await self.heard()


@asynccontextmanager
async def called(wecom: WeComRoom, *command: str) -> AsyncIterator[Witness]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield Witness(wecom, process)
    finally:
        with contextlib.suppress(ProcessLookupError):  # a robot that was kicked may be gone
            process.kill()
        await process.communicate()


@pytest.fixture(scope="session")
def node_modules() -> None:
    """Installed from the lock file when missing."""
    if (NODE / "node_modules" / "@wecom" / "crypto").is_dir():
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    command = [npm, "ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=NODE, check=True, capture_output=True, timeout=150)


@pytest.fixture
async def wecom(tmp_path: Path) -> AsyncIterator[WeComRoom]:
    async with desk_listening() as desk:
        settings = replace(SETTINGS, callback_url=desk.url)
        async with running(SandboxSettings(data_dir=tmp_path, wecom=settings)) as room:
            yield WeComRoom(room, settings, desk)


@pytest.fixture(params=["python", "node"])
async def witness(request: pytest.FixtureRequest, wecom: WeComRoom) -> AsyncIterator[Witness]:
    """Subscribed as the witness's robot."""
    if request.param == "node":
        request.getfixturevalue("node_modules")
        command = ["node", str(NODE / "aibot.mjs")]
    else:
        if sys.executable == PYTHON and importlib.util.find_spec("wecom_aibot_sdk") is None:
            pytest.skip("wecom-aibot-sdk-python is not installed")
        command = [PYTHON, str(HERE / "wecom_witness.py")]
    apps = (await wecom.room.get("platforms"))["wecom"]["apps"]
    ws_url = apps[0]["aibot"]["ws_url"]
    async with called(wecom, *command, ws_url, WITNESS.bot_id, WITNESS.secret) as witness:
        assert await witness.heard() == {"authenticated": True}
        yield witness


async def test_a_text_is_heard_and_answered_by_a_stream(witness: Witness) -> None:
    assert await witness.say("你好") == {"text": "你好", "from": "wangqiang"}
    question, answer = await witness.wecom.seen("wangqiang")
    assert (answer["text"], answer["streaming"]) == ("收到 你好", False)
    assert answer["reply_to"] == question["message_id"]


async def test_a_card_is_sent_clicked_and_replaced(witness: Witness) -> None:
    await witness.say("card")
    card = await witness.wecom.card("wangqiang")
    answer = await witness.wecom.click("wangqiang", card["id"], "ok")
    assert answer.body["answer"] == "updated"
    assert await witness.heard() == {"clicked": "sdk-card", "action": "ok", "by": "wangqiang"}
    assert (await witness.wecom.card("wangqiang"))["status"] == "已点"


async def test_a_picture_is_fetched_and_decrypted(witness: Witness) -> None:
    await witness.wecom.upload("wangqiang", "身份证.png", PNG, app="witness")
    heard = await witness.heard()
    assert base64.b64decode(heard["bytes"]) == PNG
    assert heard["name"] == "身份证.png"


async def test_a_file_goes_up_in_pieces_and_out_to_the_person(witness: Witness) -> None:
    await witness.say("upload")
    file = (await witness.wecom.seen("wangqiang"))[-1]
    assert (file["kind"], file["size"]) == ("file", 600_000)


async def test_it_speaks_first_once_it_was_spoken_to(witness: Witness) -> None:
    await witness.say("push")
    assert (await witness.wecom.seen("wangqiang"))[-1]["text"] == "**推送**"


async def test_somebody_who_enters_is_welcomed(witness: Witness) -> None:
    data = {"person": "limin"}
    await witness.wecom.post("event", type="enter_chat", app="witness", data=data)
    assert await witness.heard() == {"entered": "limin"}
    assert [one["text"] for one in await witness.wecom.seen("limin")] == ["欢迎"]


async def test_it_keeps_its_heart_beating(witness: Witness) -> None:
    async def beaten() -> bool:
        wire = await witness.wecom.room.get("wire")
        return [one["what"] for one in wire].count("ping") >= 3

    await until(beaten)
    assert (await witness.say("还在"))["text"] == "还在"


@pytest.mark.parametrize("how", ["", "reset"])
async def test_it_comes_back_when_it_is_cut(witness: Witness, how: str) -> None:
    await witness.say("之前")
    await witness.wecom.break_it("disconnect", app="witness", how=how)
    assert await witness.heard() == {"authenticated": True}
    assert (await witness.say("之后"))["text"] == "之后"


async def test_it_stays_away_when_a_newer_one_has_come(witness: Witness) -> None:
    newer = await witness.wecom.robot(WITNESS)
    assert await witness.heard() == {"kicked": True}
    assert await newer.quiet(0.5)  # nobody has kicked it back
    await witness.wecom.say("wangqiang", "你好", app="witness")
    assert (await Robot(newer.ws).frame())["body"]["text"]["content"] == "你好"


async def test_wecoms_crypto_opens_callbacks_and_seals_answers(
    wecom: WeComRoom, node_modules: None
) -> None:
    secrets = (DESK.token, DESK.encoding_aes_key, CORP_ID)
    async with called(wecom, "node", str(NODE / "desk.mjs"), *secrets) as desk:
        url = (await desk.heard())["url"]
        assert (await wecom.post("callback", url=url)).body == {"url": url, "verified": True}
        await wecom.say("wangqiang", "查客户 保证金")
        assert await desk.heard() == {"text": "查客户 保证金", "from": "wangqiang"}

        async def replied() -> bool:
            return len(await wecom.seen("wangqiang")) == 2

        await until(replied)
        assert (await wecom.seen("wangqiang"))[-1]["text"] == "收到 查客户 保证金"
        await wecom.send("wangqiang", "template_card", button_card())
        answer = await wecom.click("wangqiang", "c1@1", "ok")
        assert answer.body["answer"] == "updated"
        assert await desk.heard() == {"event": "template_card_event", "key": "ok", "task": "c1@1"}
        assert (await wecom.card("wangqiang"))["buttons"][0]["label"] == "已受理"
