"""After a restart people see the same screens, and what was not taken comes again."""

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.sandbox.server import SandboxSettings
from bot.sandbox.wecom.company import CORP_ID
from tests.sandbox.room import PATIENCE, running
from tests.sandbox.test_kill import process
from tests.sandbox.wecom_room import QUICK, WeComRoom, desk_listening


async def test_screens_codes_and_untaken_words_survive(tmp_path: Path) -> None:
    async with desk_listening() as desk:
        settings = replace(QUICK, callback_url=desk.url)
        sandbox = SandboxSettings(data_dir=tmp_path, wecom=settings)
        async with running(sandbox) as room:
            wecom = WeComRoom(room, settings, desk)
            code = (await wecom.send_card("limin"))["response_code"]
            for _ in range(100):
                desk.fails()
            said = await wecom.say("limin", "你好")
            await desk.next()
            before, token = await wecom.seen("limin"), await wecom.token()
        desk.behave.clear()
        while not desk.heard.empty():
            desk.heard.get_nowait()
        async with running(sandbox) as room:
            wecom = WeComRoom(room, settings, desk)
            again = await desk.next()
            assert again.plain["MsgId"] == said.body["message_id"]
            assert await wecom.seen("limin") == before
            assert await wecom.token() == token
            reply = await wecom.update(code, atall=1, button={"replace_name": "好"})
            assert reply["errcode"] == 0
            assert (await wecom.card("limin"))["version"] == 2
            assert (await wecom.send_card("limin"))["errcode"] == 42014


async def test_the_answer_to_a_click_changes_the_card_also_after_a_restart(tmp_path: Path) -> None:
    async with desk_listening() as desk:
        settings = replace(QUICK, callback_url=desk.url, event_retries=1000)
        sandbox = SandboxSettings(data_dir=tmp_path, wecom=settings)
        async with running(sandbox) as room:
            wecom = WeComRoom(room, settings, desk)
            await wecom.send_card("limin")
            for _ in range(1000):
                desk.fails()
            card = (await wecom.card("limin"))["id"]
            assert not (await wecom.click("limin", card, "ok")).body["ok"]
        desk.behave.clear()
        desk.answers(
            f"<xml><ToUserName>limin</ToUserName><FromUserName>{CORP_ID}</FromUserName>"
            "<CreateTime>1</CreateTime><MsgType>update_button</MsgType>"
            "<Button><ReplaceName>已同意</ReplaceName></Button></xml>"
        )
        async with running(sandbox) as room, asyncio.timeout(PATIENCE):
            wecom = WeComRoom(room, settings, desk)
            while (await wecom.card("limin"))["buttons"][0]["label"] != "已同意":
                await asyncio.sleep(0.02)


async def test_a_sandbox_without_wecom_has_none(tmp_path: Path) -> None:
    async with running(SandboxSettings(data_dir=tmp_path)) as room:
        assert set(await room.get("platforms")) == {"dingtalk"}
        answer = await room.post("say", platform="wecom", person="limin", text="你好")
        assert answer.status == 400


async def test_a_kill_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    async with desk_listening() as desk:
        async with process(tmp_path, desk.url) as room:
            wecom = WeComRoom(room, QUICK, desk)
            await wecom.send_card("limin")
            for _ in range(100):
                desk.fails()
            said = [(await wecom.say("limin", str(n))).body["message_id"] for n in range(5)]
            before = await wecom.seen("limin")
        desk.behave.clear()
        while not desk.heard.empty():
            desk.heard.get_nowait()
        async with process(tmp_path, desk.url) as room:
            wecom = WeComRoom(room, QUICK, desk)
            heard = {(await desk.next()).plain["MsgId"] for _ in range(5)}
            assert heard == set(said)
            assert await wecom.seen("limin") == before
