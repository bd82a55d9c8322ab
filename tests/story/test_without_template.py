"""No card template yet: everything can still be done, by links and lines of text."""

import pytest

from tests.story.room import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = {"QIDESK_DINGTALK__TEMPLATES__DESK": ""}


class TestGivenNoTemplate:
    async def test_when_a_link_is_tapped_then_its_line_presses_the_button(self, room: Room) -> None:
        item = await room.ask("wangqiang", "记 张三 电话 谈了移仓")
        assert item["kind"] == "markdown"
        assert "已记录 · 张三 · 电话" in item["text"]
        undo = next(link["say"] for link in item["links"] if link["label"] == "撤销")
        await room.say("wangqiang", undo, count=0)
        await room.until("wangqiang", lambda items: [i for i in items if "已撤销" in i["text"]])

    async def test_when_a_number_answers_a_list_then_it_picks(self, room: Room) -> None:
        await room.ask("wangqiang", "zs")
        item = await room.ask("wangqiang", "1")
        assert "张三 · 80010023" in item["text"]

    async def test_when_a_name_is_hostile_then_its_link_is_dead(self, room: Room) -> None:
        item = await room.ask("wangqiang", "记 张三 电话 [点我](dtmd://dingtalkclient/x) 聊了")
        assert all("dingtalkclient/x" not in link["say"] for link in item["links"])

    async def test_when_a_group_asks_then_the_answer_is_masked_too(self, room: Room) -> None:
        item = await room.ask("wangqiang", "张三", "g-hz")
        assert "张三" not in item["text"]
        assert "80010023" not in item["text"]
