"""What was promised: tasks are added, listed, moved, finished, and remind their owner."""

import pytest

from tests.story.room import Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestGivenATask:
    async def test_when_added_with_a_moment_then_the_card_shows_it(self, room: Room) -> None:
        item = await room.ask("limin", "提醒 明天下午三点交报表")
        assert item["card"]["title"].startswith("已建待办 · 交报表")
        assert fact(item, "时间") == "11-24（周二）15:00"

    async def test_when_a_client_is_named_then_the_task_knows_him(self, room: Room) -> None:
        item = await room.ask("wangqiang", "待办 张三 周五 回访")
        assert fact(item, "客户") == "张三"
        assert fact(item, "时间") == "11-27（周五）09:00"

    async def test_when_no_moment_is_said_then_it_asks_and_takes_words(self, room: Room) -> None:
        question = await room.ask("zhaolei", "提醒 给客户寄合同")
        assert question["card"]["title"].startswith("什么时候提醒")
        item = await room.ask("zhaolei", "下周三下午三点")
        assert fact(item, "时间") == "12-02（周三）15:00"

    async def test_when_moved_by_tap_then_every_card_of_it_follows(self, room: Room) -> None:
        item = await room.ask("limin", "提醒 周四 打电话给仓库")
        await room.click("limin", item, "改时间")
        when = await room.newest("limin", "改时间 · 打电话给仓库")
        first = labels(when)[0]
        await room.click("limin", when, first)
        shown = (
            await room.until(
                "limin",
                lambda items: [
                    i for i in items if i["seq"] == item["seq"] and fact(i, "时间") == first
                ],
            )
        )[0]
        assert shown["card"]["version"] > item["card"]["version"]

    async def test_when_finished_then_it_leaves_the_list(self, room: Room) -> None:
        item = await room.ask("limin", "提醒 周五 整理客户资料")
        await room.click("limin", item, "完成")
        shown = await room.now_showing("limin", item)
        assert shown["card"]["status"] == "已完成"
        assert labels(shown) == []
        listed = await room.ask("limin", "待办")
        assert "整理客户资料" not in listed["text"]

    async def test_when_finished_by_number_then_the_list_decides(self, room: Room) -> None:
        await room.ask("sunfang", "提醒 明天 开例会")
        await room.ask("sunfang", "待办")
        item = await room.ask("sunfang", "完成 1")
        assert "开例会" in item["card"]["title"]
        assert item["card"]["status"] == "已完成"

    async def test_when_its_moment_comes_then_its_owner_is_reminded_once(self, room: Room) -> None:
        await room.ask("zhaolei", "提醒 今天下午五点 报仓单")
        await room.advance("3h")
        await room.newest("zhaolei", "提醒 · 报仓单")
        await room.advance("1h")
        reminders = [
            i
            for i in await room.screen("zhaolei")
            if i["card"] and i["card"]["title"].startswith("提醒 · 报仓单")
        ]
        assert len(reminders) == 1
        assert reminders[0]["card"]["status"] == "已到期"
