"""J2: an account manager logs a talk in one line, and what can be done about it afterwards."""

import pytest

from tests.story.room import Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")

J2 = "记 张三 电话 聊了螺纹套保比例,想降到三成,下周三回访 #套保"


class TestGivenOneLine:
    async def test_when_client_channel_date_and_tag_are_named_then_all_is_kept(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", J2)
        assert item["card"]["title"] == "已记录 · 张三 · 电话"
        assert "聊了螺纹套保比例,想降到三成" in item["text"]
        assert fact(item, "标签") == "套保"
        assert fact(item, "待办") == "12-02（周三）09:00 回访"
        assert labels(item) == ["改时间", "撤销", "补充"]
        records = await room.ask("wangqiang", "记录 张三")
        assert "聊了螺纹套保比例" in records["text"]

    async def test_when_no_client_is_named_then_the_one_in_focus_is_meant_and_named(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三")
        item = await room.ask("wangqiang", "记 微信 发了套保方案")
        assert item["card"]["title"] == "已记录 · 张三 · 微信"

    async def test_when_nobody_is_in_focus_then_it_asks_for_the_client(self, room: Room) -> None:
        item = await room.ask("qianwei", "记 电话 聊了行情")
        assert "请先查一位客户" in item["text"]

    async def test_when_it_is_a_voice_message_then_its_recognised_text_is_logged(
        self, room: Room
    ) -> None:
        [item] = await room.say("wangqiang", "记张三电话聊了铁矿石基差", kind="voice")
        assert item["card"]["title"].startswith("已记录 · 张三")
        assert "铁矿石基差" in item["text"]

    async def test_when_ordinary_words_begin_like_a_verb_then_nothing_is_written(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "记得明天带合同")
        assert "已记录" not in item["text"]

    async def test_when_two_namesakes_fit_then_it_asks_and_the_answer_is_written_once(
        self, room: Room
    ) -> None:
        twins = await room.namesakes_of("wangqiang")
        item = await room.ask("wangqiang", f"记 {twins[0]['name']} 电话 谈了移仓")
        assert item["card"]["title"] == "记给哪一位？"
        chosen = await room.ask("wangqiang", "2")
        assert chosen["card"]["title"].startswith(f"已记录 · {twins[0]['name']}")
        await room.click("wangqiang", item, labels(item)[0])  # the question is answered already
        for twin in twins:
            await room.ask("wangqiang", twin["account"])
        records = [await room.ask("wangqiang", f"记录 {twin['account']}") for twin in twins]
        assert sum(record["text"].count("谈了移仓") for record in records) == 1

    async def test_when_the_date_is_uncertain_then_the_talk_is_kept_and_the_day_asked(
        self, room: Room
    ) -> None:
        logged, question = await room.say(
            "wangqiang", "记 张三 电话 聊了油脂,周二或周四再回访", count=2
        )
        assert logged["card"]["title"].startswith("已记录")
        assert question["card"]["title"] == "哪一天跟进？"
        assert len(labels(question)) == 3
        await room.click("wangqiang", question, labels(question)[1])
        shown = (
            await room.until(
                "wangqiang",
                lambda items: [i for i in items if i["seq"] == logged["seq"] and fact(i, "待办")],
            )
        )[0]
        assert "11-26（周四）" in fact(shown, "待办")


class TestGivenALoggedTalk:
    async def test_when_undone_in_time_then_the_card_says_so_and_the_task_is_gone(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "记 张三 拜访 看了仓库，后天下午回访")
        before = fact(item, "待办")
        assert before.startswith("11-25（周三）14:00")
        await room.click("wangqiang", item, "撤销")
        shown = await room.now_showing("wangqiang", item)
        assert shown["card"]["title"].startswith("已撤销")
        assert labels(shown) == []
        tasks = await room.ask("wangqiang", "待办")
        assert "11-25（周三）14:00" not in tasks["text"]

    async def test_when_undone_by_word_then_the_newest_is_meant(self, room: Room) -> None:
        item = await room.ask("wangqiang", "记 张三 短信 已发通知")
        await room.ask("wangqiang", "撤销")
        await room.until(
            "wangqiang",
            lambda items: [
                i
                for i in items
                if i["seq"] == item["seq"] and i["card"]["title"].startswith("已撤销")
            ],
        )

    async def test_when_amended_then_both_texts_are_kept(self, room: Room) -> None:
        item = await room.ask("wangqiang", "记 张三 邮件 发了月报")
        await room.click("wangqiang", item, "补充")
        await room.newest("wangqiang", "补充记录")
        said = await room.ask("wangqiang", "客户说收到了")
        assert said["card"]["title"] == "已补充"
        shown = (
            await room.until(
                "wangqiang",
                lambda items: [
                    i for i in items if i["seq"] == item["seq"] and "客户说收到了" in i["text"]
                ],
            )
        )[0]
        assert "发了月报" in shown["text"]

    async def test_when_somebody_else_clicks_an_old_version_then_nothing_happens(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "记 张三 会议 参加了策略会")
        await room.click("wangqiang", item, "撤销")
        body = {
            "platform": "dingtalk",
            "person": "wangqiang",
            "card": item["card"]["id"],
            "action": item["card"]["buttons"][0]["key"],
            "version": item["card"]["version"],
        }
        await room.post("/sandbox/click", body)
        told = await room.until(
            "wangqiang", lambda items: [i for i in items if "已有新的状态" in i["text"]]
        )
        assert told


class TestGivenAGroup:
    async def test_when_undone_in_private_then_the_groups_card_follows_masked(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三", "g-hz")
        item = await room.ask("wangqiang", "记 张三 电话 谈了点价", "g-hz")
        assert item["card"]["title"] == "已记录 · 张* · 电话"
        assert "点价" not in item["text"]
        await room.ask("wangqiang", "撤销")
        [shown] = await room.until(
            "wangqiang",
            lambda items: [
                i
                for i in items
                if i["seq"] == item["seq"] and i["card"]["title"].startswith("已撤销")
            ],
            "g-hz",
        )
        assert shown["card"]["title"] == "已撤销 · 张* · 电话"


class TestGivenAStoryWithoutAVerb:
    async def test_when_a_talk_is_told_then_it_is_offered_and_written_on_consent(
        self, room: Room
    ) -> None:
        offer = await room.ask("wangqiang", "上午跟张三通了个电话，聊了铁矿石库存")
        assert offer["card"]["title"] == "要记下来吗？"
        item = await room.ask("wangqiang", "好")
        assert item["card"]["title"].startswith("已记录 · 张三")

    async def test_when_it_is_declined_then_nothing_is_written(self, room: Room) -> None:
        await room.ask("wangqiang", "刚才跟张三打了个电话，聊了白糖仓单")
        said = await room.ask("wangqiang", "不用")
        assert "已取消" in said["card"]["title"]
        records = await room.ask("wangqiang", "记录 张三")
        assert "白糖仓单" not in records["text"]

    async def test_when_a_verb_is_misspelt_then_it_is_proposed_and_not_run(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "chexoao")
        assert "撤销" in item["text"]
        assert "已撤销" not in item["text"]


class TestGivenAFile:
    async def test_when_a_picture_comes_then_it_is_offered_to_the_client_in_focus(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三")
        offer = await room.upload("wangqiang", "合同.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64)
        assert "张三" in offer["card"]["title"]
        await room.click("wangqiang", offer, "记录")
        item = await room.newest("wangqiang", "已记录 · 张三")
        assert fact(item, "附件") == "1 个"
