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

    async def test_when_nobody_is_in_focus_then_it_says_whose_file_is_unknown(
        self, room: Room
    ) -> None:
        item = await room.upload("qianwei", "合同.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64)
        assert "属于哪位客户" in item["text"]


class TestGivenAnUnfinishedLine:
    async def test_when_only_the_channel_is_said_then_the_words_are_asked_with_their_date(
        self, room: Room
    ) -> None:
        question = await room.ask("wangqiang", "记 张三 电话")
        assert question["card"]["title"] == "张三 · 电话，聊了什么？"
        item = await room.ask("wangqiang", "聊了豆粕基差，下周三回访 #豆粕")
        assert item["card"]["title"] == "已记录 · 张三 · 电话"
        assert fact(item, "待办") == "12-02（周三）09:00 回访"
        assert fact(item, "标签") == "豆粕"

    @pytest.mark.parametrize("no", ["不用了", "算了", "取消"])
    async def test_when_the_question_is_declined_then_nothing_is_written(
        self, room: Room, no: str
    ) -> None:
        await room.ask("wangqiang", "记 张三 微信")
        item = await room.ask("wangqiang", no)
        assert "已取消" in item["card"]["title"]
        records = await room.ask("wangqiang", "记录 张三")
        assert no not in records["text"]

    async def test_when_two_clients_are_named_then_both_can_be_meant(self, room: Room) -> None:
        question = await room.ask("wangqiang", "记 张三 单晓军 一起看了盘面")
        assert labels(question)[2] == "都记"
        items = await room.say("wangqiang", "3", count=2)
        titles = [item["card"]["title"] for item in items]
        assert titles == ["已记录 · 张三 · 其他", "已记录 · 单晓军 · 其他"]

    async def test_when_a_name_is_only_alike_then_nothing_is_written_unasked(
        self, room: Room
    ) -> None:
        question = await room.ask("wangqiang", "记 章三 电话 聊了不锈钢")
        assert labels(question) == ["张三 80010023", "不是"]
        await room.ask("wangqiang", "不是")
        records = await room.ask("wangqiang", "记录 张三")
        assert "不锈钢" not in records["text"]

    async def test_when_a_colleagues_client_is_told_of_then_it_is_not_offered_to_the_one_in_focus(
        self, room: Room
    ) -> None:
        other = await room.client_of("limin")
        await room.ask("wangqiang", "张三")
        item = await room.ask("wangqiang", f"上午跟{other['name']}通了个电话，聊了铁矿石库存")
        assert item["card"]["title"] == other["name"]
        assert labels(item) == ["申请查看"]

    async def test_when_it_recurs_then_it_says_so_and_asks_for_the_first_day(
        self, room: Room
    ) -> None:
        _, question = await room.say("wangqiang", "记 张三 电话 每周五回访", count=2)
        assert "周期提醒还没有开通" in question["card"]["title"]
        assert labels(question) == ["11-27（周五）09:00", "不用提醒"]

    async def test_when_no_day_is_certain_then_likely_ones_are_offered(self, room: Room) -> None:
        _, question = await room.say("wangqiang", "记 张三 电话 尽快回访", count=2)
        assert labels(question)[0] == "11-24（周二）09:00"
        item = await room.ask("wangqiang", "不用")
        assert "没有记录" not in item["text"]  # the talk itself is kept


class TestGivenWhatIsWrittenInANote:
    async def test_when_it_is_long_then_the_card_is_short_and_the_whole_is_kept(
        self, room: Room
    ) -> None:
        note = "聊了螺纹。" * 400
        item = await room.ask("wangqiang", f"记 张三 电话 {note}末尾")
        assert len(item["text"]) < 500
        assert "全文 2002 字" in item["text"]
        listed = await room.ask("wangqiang", "记录 张三")
        assert len(listed["text"]) < 1500
        await room.click("wangqiang", item, "全文")
        await room.until(
            "wangqiang", lambda items: [i for i in items if i["text"].endswith("末尾")]
        )

    async def test_when_it_holds_a_number_then_only_the_writer_reads_it(self, room: Room) -> None:
        item = await room.ask("wangqiang", "记 张三 电话 新号13812345678")
        assert "13812345678" in item["text"]
        listed = await room.ask("sunfang", "记录 张三")
        assert "138****5678" in listed["text"]
        opened = await room.ask("sunfang", "1")
        assert "138****5678" in opened["text"]
        assert labels(opened) == []

    async def test_when_a_record_is_picked_by_number_then_it_can_be_amended(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "记 张三 电话 聊了鸡蛋")
        await room.ask("wangqiang", "记录 张三")
        item = await room.ask("wangqiang", "1")
        assert "聊了鸡蛋" in item["text"]
        assert "补充" in labels(item)


class TestGivenTenMinutesPass:
    async def test_when_it_is_too_late_then_no_question_and_no_undo_works(self, room: Room) -> None:
        twins = await room.namesakes_of("wangqiang")
        item = await room.ask("wangqiang", "记 张三 电话 聊了红枣")
        question = await room.ask("wangqiang", f"记 {twins[0]['name']} 电话 聊了苹果")
        await room.advance("11m")
        stray = await room.ask("wangqiang", "1")
        assert "没有等您回答" in stray["card"]["title"]
        await room.click("wangqiang", question, labels(question)[0])
        await room.newest_text("wangqiang", "已过期")
        await room.click("wangqiang", item, "撤销")
        await room.newest_text("wangqiang", "超过 10 分钟")
        late = await room.ask("wangqiang", "撤销")
        assert "没有可以撤销" in late["text"]
        records = await room.ask("wangqiang", f"记录 {twins[0]['account']}")
        assert "聊了苹果" not in records["text"]
