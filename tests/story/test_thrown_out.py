"""Somebody else connects with the bot's credentials: the admins are told, and nobody fights."""

import asyncio

import aiohttp
import pytest

from tests.story.room import PATIENCE, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


async def test_when_the_bot_is_thrown_out_then_the_admins_are_told(room: Room) -> None:
    async with room.http.get(f"{room.url}/sandbox/platforms") as answer:
        bot = (await answer.json())["wecom"]["aibot"]
    body = {"bot_id": bot["bot_id"], "secret": bot["secret"]}
    frame = {"cmd": "aibot_subscribe", "headers": {"req_id": "x"}, "body": body}
    async with room.http.ws_connect(bot["ws_url"]) as other:
        await other.send_json(frame)
        for admin in ("hejing", "tangyu"):
            query = {"platform": "wecom", "person": admin, "chat": "private"}
            async with asyncio.timeout(PATIENCE):
                while True:
                    async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
                        if any("被挤下线" in item["text"] for item in await answer.json()):
                            break
                    await asyncio.sleep(0.05)
        async with room.http.get(f"{room.url}/readyz") as answer:
            parts = (await answer.json())["parts"]
            assert answer.status == 503
        assert parts["wecom"]["ok"]
        assert not parts["wecom.aibot"]["ok"]
        assert "挤下线" in parts["wecom.aibot"]["detail"]
        async with room.http.get(f"{room.url}/metrics") as answer:
            page = await answer.text()
        assert 'qidesk_part_ok{part="wecom.aibot"} 0.0' in page
        assert 'qidesk_alarms_total{part="wecom"}' in page
        with pytest.raises(TimeoutError):  # nobody throws the other one out in turn
            async with asyncio.timeout(1):
                while True:
                    message = await other.receive()
                    assert message.type is aiohttp.WSMsgType.TEXT
