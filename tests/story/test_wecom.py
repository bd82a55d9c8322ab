"""The same desk on WeCom: the same handlers, cards that live as WeCom lets them, one decision that
both platforms tell."""

import asyncio

import pytest

from tests.story.room import PATIENCE, Item, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


async def screen(room: Room, person: str, chat: str = "private") -> list[Item]:
    query = {"platform": "wecom", "person": person, "chat": chat}
    async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
        found: list[Item] = await answer.json()
        return found


async def say(room: Room, person: str, text: str, chat: str = "private") -> Item:
    """Say it on WeCom; the first thing that the bot shows after it."""
    before = max((item["seq"] for item in await screen(room, person, chat)), default=0)
    body = {"platform": "wecom", "person": person, "chat": chat, "text": text, "mention": True}
    await room.post("/sandbox/say", body)
    async with asyncio.timeout(PATIENCE):
        while True:
            for item in await screen(room, person, chat):
                if item["seq"] > before and item["from"] == "bot":
                    return item
            await asyncio.sleep(0.02)


async def click(room: Room, person: str, item: Item, label: str) -> None:
    key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == label)
    body = {"platform": "wecom", "person": person, "card": item["card"]["id"], "action": key}
    await room.post("/sandbox/click", body)


class TestGivenAManagerOnWeCom:
    async def test_when_a_client_is_looked_up_then_the_card_has_its_buttons(
        self, room: Room
    ) -> None:
        item = await say(room, "wangqiang", "张三")
        assert item["card"]["title"].startswith("张三 · 80010023")
        assert next(b["label"] for b in item["card"]["buttons"]) == "持仓"
        assert "138****6688" in item["text"]

    async def test_when_a_talk_is_logged_and_undone_then_the_card_says_so(self, room: Room) -> None:
        item = await say(room, "wangqiang", "记 张三 电话 聊了螺纹套保比例,下周三回访 #套保")
        assert item["card"]["title"] == "已记录 · 张三 · 电话"
        await click(room, "wangqiang", item, "撤销")
        async with asyncio.timeout(PATIENCE):
            while not any("已撤销" in i["text"] for i in await screen(room, "wangqiang")):
                await asyncio.sleep(0.02)

    async def test_when_a_moment_is_asked_then_each_reading_is_whole_beside_its_number(
        self, room: Room
    ) -> None:
        item = await say(room, "wangqiang", "待办 张三 明天7点回访")
        assert [each["label"] for each in item["card"]["buttons"]] == ["1", "2", "不用了"]
        assert "1 11-24（周二）07:00\n2 11-24（周二）19:00" in item["text"]
        assert "11-24（周二）19:00" in (await say(room, "wangqiang", "2"))["text"]

    async def test_when_the_branch_group_asks_then_the_name_is_masked(self, room: Room) -> None:
        item = await say(room, "wangqiang", "张三", "g-hz")
        assert "张*" in item["text"]
        assert "80010023" not in item["text"]

    async def test_when_a_stranger_writes_then_one_sentence_without_data_answers(
        self, room: Room
    ) -> None:
        item = await say(room, "stranger", "张三")
        assert item["text"] == "您还没有开通期台，请联系系统管理员为您建档"


class TestGivenBothPlatforms:
    async def test_when_a_stranger_speaks_in_a_group_then_nobody_answers_him(
        self, room: Room
    ) -> None:
        told = {"person": "stranger", "chat": "g-hz", "text": "张三", "mention": True}
        for platform in ("dingtalk", "wecom"):
            await room.post("/sandbox/say", {"platform": platform, **told})
        await room.ask("limin", "帮助", chat="g-hz")
        await say(room, "limin", "帮助", "g-hz")
        on_dingtalk = await room.screen("stranger", "g-hz")
        for items in (on_dingtalk, await screen(room, "stranger", "g-hz")):
            asked = next(n for n, item in enumerate(items) if item["from"] == "stranger")
            [answer] = [item for item in items[asked:] if item["from"] == "bot"]
            assert "张" not in answer["text"]

    async def test_when_a_head_decides_on_one_then_the_other_tells_it(self, room: Room) -> None:
        asked = await say(room, "limin", "80010023")
        await click(room, "limin", asked, "申请查看")
        on_dingtalk = await room.newest("sunfang", "申请查看客户")
        await room.click("sunfang", on_dingtalk, "同意 24 小时")
        async with asyncio.timeout(PATIENCE):
            while not any("已同意" in i["text"] for i in await screen(room, "sunfang")):
                await asyncio.sleep(0.02)

    async def test_when_the_same_person_talks_on_both_then_records_are_one(
        self, room: Room
    ) -> None:
        await say(room, "wangqiang", "记 张三 微信 在企业微信里聊了基差")
        item = await room.ask("wangqiang", "记录 张三")
        assert "在企业微信里聊了基差" in item["text"]
