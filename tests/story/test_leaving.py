"""Somebody leaves the company: access ends with the platform's word."""

import pytest

from tests.story.room import Item, Room, labels

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


class TestGivenACosigner:
    async def test_when_he_leaves_then_who_asked_hears_why_and_decides_alone(
        self, room: Room
    ) -> None:
        body = {"name": "approval", "count": 1, "approvers": ["zhouting"]}
        [application] = (await room.post("/sandbox/scene", body))["applications"]
        name = application["client"]
        card = await room.newest("zhouting", f"待审批 · 开户 · {name}")
        await room.ask("zhouting", f"加签 {name} 冯军")
        await _becomes(room, card, "等 冯军（加签）")
        await room.leaves("fengjun")
        reminder = await room.newest_text("zhouting", "加签人 冯军 已离职，不再等待其意见")
        assert reminder["card"]["status"] == "催办"
        assert "同意" in labels(await _becomes(room, card, "适当性审核"))
        await room.ask("zhouting", f"同意 {name}")
        await _becomes(room, card, "周婷 已同意")


async def _becomes(room: Room, card: Item, status: str) -> Item:
    [found] = await room.until(
        "zhouting",
        lambda items: [
            i for i in items if i["seq"] == card["seq"] and i["card"]["status"] == status
        ],
    )
    return found
