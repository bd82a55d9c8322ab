"""Somebody leaves the company: access ends with the platform's word."""

import pytest

from tests.story.room import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestGivenSomebodyLeaves:
    async def test_when_the_platform_says_so_then_the_next_message_is_a_strangers(
        self, room: Room
    ) -> None:
        item = await room.ask("zhaolei", "帮助")
        assert "您可以这样说" in item["card"]["title"]
        async with room.http.get(f"{room.url}/sandbox/clients?limit=100") as answer:
            lost = next(c for c in await answer.json() if c["owner"] == "zhaolei")
        await room.leaves("zhaolei")
        item = await room.ask("zhaolei", lost["account"])
        assert item["text"] == "您还没有开通期台，请联系系统管理员为您建档"

    async def test_when_he_is_gone_then_the_head_looks_after_his_clients(self, room: Room) -> None:
        async with room.http.get(f"{room.url}/sandbox/clients?limit=100") as answer:
            lost = next(c for c in await answer.json() if c["owner"] == "zhaolei")
        more = await room.ask("qianwei", lost["account"])
        await room.click("qianwei", more, "更多")
        card = await room.newest("qianwei", "更多资料")
        assert {"label": "客户经理", "value": "钱伟"} in card["card"]["fields"]
