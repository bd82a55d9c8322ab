"""The same morning on WeCom: an updatable card for whoever is on duty, a card in the group whose
buttons work once, and one decision that both platforms tell."""

import asyncio
from collections.abc import Callable

import pytest

from tests.story.room import PATIENCE, Item, Room
from tests.story.test_wecom import click, say, screen

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True

DOWN, BACK = {"shock": {"rb": -0.05}}, {"shock": {"rb": 1 / 0.95 - 1}}


async def until(
    room: Room, person: str, wanted: Callable[[Item], bool], chat: str = "private"
) -> Item:
    """The newest thing on a WeCom screen that is wanted, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [item for item in await screen(room, person, chat) if wanted(item)]
            if found:
                return found[-1]
            await asyncio.sleep(0.02)


def card(title: str) -> Callable[[Item], bool]:
    return lambda item: bool(item["card"]) and title in item["card"]["title"]


def labels(item: Item) -> list[str]:
    return [button["label"] for button in item["card"]["buttons"]]


class TestGivenAFallOfSteel:
    async def test_when_the_group_has_spoken_to_the_bot_then_its_card_has_buttons(
        self, room: Room
    ) -> None:
        await say(room, "chenxi", "风险榜", "g-risk")
        await room.post("/sandbox/market", DOWN)
        item = await until(room, "chenxi", card("【强平】杭州"), "g-risk")
        assert "认领全部" in labels(item)

    async def test_when_it_comes_then_whoever_is_on_duty_has_a_card_one_to_one(
        self, room: Room
    ) -> None:
        item = await until(room, "chenxi", card("【强平】杭州"))
        assert "认领全部" in labels(item)
        assert "可能滞后，点按为准" in item["text"]
        others = [i for i in await screen(room, "fengjun") if i["card"]]
        assert not any("【强平】杭州" in each["card"]["title"] for each in others)

    async def test_when_it_comes_then_the_manager_has_a_card(self, room: Room) -> None:
        item = await until(room, "wangqiang", card("张三 80010023 · 强平处理"))
        assert labels(item) == ["已电话", "持仓"]
        assert "单独的一条消息" not in item["text"]

    async def test_when_it_is_claimed_in_the_group_then_both_platforms_tell(
        self, room: Room
    ) -> None:
        item = await until(room, "fengjun", card("【强平】杭州"), "g-risk")
        await click(room, "fengjun", item, "认领全部")
        on_dingtalk = await room.newest("chenxi", "【强平】杭州", "g-risk")
        await room.until(
            "chenxi",
            lambda items: [
                i for i in items if i["seq"] == on_dingtalk["seq"] and "冯军" in i["text"]
            ],
            "g-risk",
        )

    async def test_when_an_old_private_card_is_pressed_then_it_shows_who_has_it(
        self, room: Room
    ) -> None:
        item = await until(room, "chenxi", card("【强平】杭州"))
        await click(room, "chenxi", item, "认领全部")
        await until(
            room,
            "chenxi",
            lambda i: card("【强平】杭州")(i) and i["card"]["status"].startswith("处理中"),
        )

    async def test_when_more_come_then_the_group_hears_one_line_a_minute(self, room: Room) -> None:
        await room.post("/sandbox/market", DOWN)
        await room.newest("chenxi", "【强平】上海", "g-risk")
        await asyncio.sleep(1.5)
        await room.advance("61s")
        await until(room, "chenxi", lambda i: "【强平】杭州营业部 现" in i["text"], "g-risk")
        await room.advance("5s")
        await asyncio.sleep(1.5)
        lines = [i for i in await screen(room, "chenxi", "g-risk") if "营业部 现" in i["text"]]
        assert len(lines) == 1

    async def test_when_nobody_claims_then_the_one_on_duty_is_told_urgently(
        self, room: Room
    ) -> None:
        await room.advance("6m")
        await until(room, "chenxi", lambda item: item["text"].startswith("【加急】期台预警"))

    async def test_when_prices_come_back_then_every_card_ends(self, room: Room) -> None:
        for _ in range(2):
            await room.post("/sandbox/market", BACK)
        version = room.service.book.version
        await room.service.book.changed(version + 1)
        await asyncio.sleep(1)
        await room.advance("2m")
        item = await until(
            room, "chenxi", lambda i: card("【强平】杭州")(i) and "户已解除" in i["text"]
        )
        assert labels(item) == []
        await until(room, "chenxi", lambda i: "张三 86.5%" in i["text"], "g-risk")
        await until(room, "wangqiang", lambda i: card("张三 80010023")(i) and "已解除" in i["text"])
