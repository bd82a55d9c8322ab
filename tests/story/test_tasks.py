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

    async def test_when_a_clients_are_asked_then_only_his_are_listed(self, room: Room) -> None:
        await room.ask("wangqiang", "待办 单晓军 周四 寄合同")
        await room.ask("wangqiang", "待办 张三 周四 核对持仓")
        for line in ("待办 单晓军", "单晓军 待办"):
            item = await room.ask("wangqiang", line)
            assert item["card"]["title"] == "单晓军 · 1 条待办"
            assert "寄合同" in item["text"]

    async def test_when_several_are_finished_by_number_then_the_numbers_stay_as_shown(
        self, room: Room
    ) -> None:
        for hour, what in (("八", "寄函件"), ("九", "理档案"), ("十", "补材料")):
            await room.ask("zhengli", f"提醒 明天上午{hour}点 {what}")
        await room.ask("zhengli", "待办")
        done = [(await room.ask("zhengli", f"完成 {n}"))["card"]["title"] for n in (1, 2)]
        assert done == ["待办 · 寄函件", "待办 · 理档案"]
        item = await room.ask("zhengli", "完成 9")
        assert "没有第 9 条" in item["text"]

    async def test_when_no_list_is_on_the_screen_then_a_number_finishes_nothing(
        self, room: Room
    ) -> None:
        await room.ask("wuhao", "提醒 明天 报备")
        item = await room.ask("wuhao", "完成 1")
        assert item["card"]["title"] == "1 条待办"
        item = await room.ask("wuhao", "完成 1")
        assert item["card"]["status"] == "已完成"

    async def test_when_the_list_is_long_then_it_is_paged_and_every_number_answers(
        self, room: Room
    ) -> None:
        for day in range(1, 11):
            await room.ask("zhouting", f"提醒 12月{day}日 第{day}件")
        item = await room.ask("zhouting", "待办")
        assert item["card"]["title"] == "10 条待办 · 第 1–8 条"
        assert labels(item)[-1] == "下一页"
        await room.click("zhouting", item, "下一页")
        shown = await room.now_showing("zhouting", item)
        assert labels(shown) == ["9", "10", "上一页"]
        opened = await room.ask("zhouting", "10")
        assert opened["card"]["title"] == "待办 · 第10件"

    async def test_when_only_a_moment_is_said_then_it_asks_what(self, room: Room) -> None:
        question = await room.ask("limin", "提醒 半小时后")
        assert question["card"]["title"] == "提醒什么？"
        item = await room.ask("limin", "看夜盘")
        assert item["card"]["title"] == "已建待办 · 看夜盘"
        assert fact(item, "时间") == "11-23（周一）15:05"

    async def test_when_many_fit_then_the_task_can_stay_without_a_client(self, room: Room) -> None:
        question = await room.ask("wangqiang", "提醒 明天下午三点给陈总打电话")
        assert "给陈总打电话" in question["text"]
        await room.click("wangqiang", question, "不关联客户")
        item = await room.newest("wangqiang", "已建待办 · 给陈总打电话")
        assert fact(item, "客户") == ""
        assert fact(item, "时间") == "11-24（周二）15:00"

    async def test_when_a_follow_up_names_nobody_then_it_can_stay_without_a_client(
        self, room: Room
    ) -> None:
        question = await room.ask("zhengli", "提醒 明天上午十点 打电话")
        assert "写上姓名" in question["text"]
        item = await room.ask("zhengli", "1")
        assert item["card"]["title"] == "已建待办 · 打电话"

    async def test_when_the_answer_has_a_matter_of_its_own_then_it_is_no_moment(
        self, room: Room
    ) -> None:
        await room.ask("limin", "提醒 写周报")
        item = await room.ask("limin", "周五给王老师送材料")
        assert "没有看懂这个时间" in item["text"]
        item = await room.ask("limin", "那就下周三下午三点吧")
        assert item["card"]["title"] == "已建待办 · 写周报"

    async def test_when_a_question_of_the_moment_is_declined_then_no_task_is_made(
        self, room: Room
    ) -> None:
        await room.ask("limin", "提醒 交月报")
        item = await room.ask("limin", "算了")
        assert "已取消" in item["card"]["title"]
        assert "交月报" not in (await room.ask("limin", "待办"))["text"]

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
