"""J2: without a name the client in focus is meant; after hours of other work it is asked."""

import pytest

from tests.story.room import Room, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestGivenAClientWhoWasInFocusThisMorning:
    async def test_when_hours_have_passed_then_a_line_without_a_name_asks(self, room: Room) -> None:
        await room.ask("wangqiang", "张三")
        for _ in range(2):
            await room.advance("3h")
            assert (await room.ask("wangqiang", "记录"))["text"].startswith("张三")
        await room.advance("5h")
        item = await room.ask("wangqiang", "记 电话 聊了螺纹")
        assert item["card"]["title"] == "是 张三 吗？"
        assert "«聊了螺纹»" in item["text"]
        assert labels(item) == ["是", "不是"]

    async def test_when_the_answer_is_yes_then_it_is_done_and_the_client_is_in_focus_again(
        self, room: Room
    ) -> None:
        await room.ask("limin", "陈")
        shown = await room.ask("limin", "1")
        name = shown["card"]["title"].split(" · ")[0]
        await room.advance("5h")
        assert (await room.ask("limin", "记 电话 聊了豆粕"))["card"]["title"] == f"是 {name} 吗？"
        done = await room.ask("limin", "是")
        assert done["card"]["title"].startswith(f"已记录 · {name}")
        assert name in (await room.ask("limin", "记录"))["text"]

    async def test_when_it_was_never_the_same_then_the_next_line_asks_again(
        self, room: Room
    ) -> None:
        await room.ask("zhaolei", "李")
        await room.ask("zhaolei", "1")
        await room.advance("5h")
        for _ in range(2):
            assert (await room.ask("zhaolei", "持仓"))["card"]["title"].endswith("吗？")
            await room.ask("zhaolei", "不是")

    async def test_when_somebody_unknown_is_named_then_nobody_is_proposed(self, room: Room) -> None:
        answer = await room.ask("zhaolei", "持仓 欧阳不存在")
        assert "吗？" not in answer["text"]
