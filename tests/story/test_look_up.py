"""J1: an account manager looks a client up."""

import pytest

from tests.story.room import Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestGivenAManagerInPrivate:
    async def test_when_initials_fit_several_then_they_are_listed_own_first(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "zs")
        rows = item["card"]["rows"]
        assert "找到" in item["card"]["title"]
        assert any("80010023" in cell for row in rows for cell in row)
        assert labels(item)[0] == "1"

    async def test_when_a_number_answers_the_list_then_the_client_is_shown(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "zs")
        item = await room.ask("wangqiang", "1")
        assert item["card"]["title"].startswith("张三 · 80010023")

    async def test_when_the_button_answers_the_list_then_the_client_is_shown(
        self, room: Room
    ) -> None:
        item = await room.ask("limin", "陈")
        await room.click("limin", item, "1")
        name = item["card"]["rows"][0][1]
        await room.newest("limin", name.split("（")[0])

    @pytest.mark.parametrize(
        "words", ["张三", "zhangsan", "80010023", "尾号 6688", "張三", "查 张三"]
    )
    async def test_when_one_client_fits_then_the_card_shows_figures_and_masked_numbers(
        self, room: Room, words: str
    ) -> None:
        item = await room.ask("wangqiang", words)
        if "找到" in item["card"]["title"]:  # the form fits others too: they are listed, own first
            assert item["card"]["rows"][0][2] == "80010023"
            return
        assert item["card"]["title"] == "张三 · 80010023 · A类客户"
        assert fact(item, "手机") == "138****6688"
        assert fact(item, "身份证").startswith("3301****")
        assert fact(item, "风险度").endswith(tuple("0123456789")) or "%" in fact(item, "风险度")
        assert labels(item) == ["持仓", "资金曲线", "记录", "待办", "更多"]

    async def test_when_the_full_mobile_is_said_then_its_client_is_found(self, room: Room) -> None:
        async with room.http.get(f"{room.url}/sandbox/clients?limit=200") as answer:
            clients = await answer.json()
        mine = next(c for c in clients if c["owner"] == "wangqiang")
        item = await room.ask("wangqiang", mine["mobile"])
        assert mine["account"] in item["text"]
        assert mine["mobile"] not in item["text"]

    async def test_when_positions_are_asked_then_table_and_curve_follow_the_focus(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三")
        await room.history_of("80010023")
        table, picture = await room.say("wangqiang", "持仓", count=2)
        assert {row[0] for row in table["card"]["rows"]} == {"rb2701 多", "hc2701 空"}
        assert picture["kind"] == "image"
        assert "最大回撤" in picture["text"]
        async with room.http.get(f"{room.url}{picture['url']}") as answer:
            assert (await answer.read()).startswith(b"\x89PNG")

    async def test_when_the_curve_is_asked_in_words_then_its_caption_names_the_client(
        self, room: Room
    ) -> None:
        await room.history_of("80010023")
        for line in ("资金曲线", "张三 资金曲线"):
            await room.ask("wangqiang", "张三")
            item = await room.ask("wangqiang", line)
            assert item["kind"] == "image"
            assert item["text"].startswith("张三 · 权益 60 日")

    async def test_when_more_is_asked_in_words_then_the_client_in_focus_is_meant(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三")
        item = await room.ask("wangqiang", "更多")
        assert item["card"]["title"] == "张三 · 更多资料"
        assert fact(item, "客户经理") == "王强"

    async def test_when_positions_fit_two_namesakes_then_the_number_picks_one(
        self, room: Room
    ) -> None:
        twins = await room.namesakes_of("wangqiang")
        asked = await room.ask("wangqiang", f"持仓 {twins[0]['name']}")
        assert {label.split()[-1] for label in labels(asked)} == {t["account"] for t in twins}
        item = (await room.say("wangqiang", "2"))[0]
        assert labels(asked)[1].split()[-1] in item["card"]["title"]

    async def test_when_a_name_is_only_alike_then_its_positions_wait_for_a_yes(
        self, room: Room
    ) -> None:
        asked = await room.ask("wangqiang", "持仓 章三")
        assert labels(asked) == ["张三 80010023", "不是"]
        item = await room.ask("wangqiang", "不是")
        assert "已取消" in item["card"]["title"]

    async def test_when_one_of_a_list_was_seen_then_another_number_still_picks(
        self, room: Room
    ) -> None:
        listed = await room.ask("wangqiang", "zs")
        names = [row[1] for row in listed["card"]["rows"]]
        for number in (2, 1, 3):
            item = await room.ask("wangqiang", str(number))
            assert item["card"]["title"].startswith(names[number - 1])

    async def test_when_there_are_more_than_it_counts_then_the_title_says_so(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "8001")
        assert "24 位以上" in item["card"]["title"]
        for first in (9, 17, 25, 33):  # on past what was looked up at once
            await room.click("wangqiang", item, "下一页")
            item = await room.newest("wangqiang", f"第 {first}–")
        await room.click("wangqiang", item, "上一页")
        await room.newest("wangqiang", "第 25–32 位")

    async def test_when_a_company_goes_by_its_city_then_it_is_found(self, room: Room) -> None:
        async with room.http.get(f"{room.url}/sandbox/clients?limit=5000") as answer:
            clients = await answer.json()
        firm = next(
            c for c in clients if c["owner"] == "wangqiang" and c["name"].endswith("粮油有限公司")
        )
        for words in (firm["name"][:4], firm["name"].removesuffix("有限公司")):
            item = await room.ask("wangqiang", words)
            assert firm["account"] in item["text"]

    async def test_when_nobody_fits_then_it_says_so_and_what_to_try(self, room: Room) -> None:
        item = await room.ask("wangqiang", "查 欧阳不存在")
        assert item["card"]["title"] == "没有找到客户「欧阳不存在」"
        assert "拼音首字母" in item["text"]
        item = await room.ask("wangqiang", "13812340000")
        assert "尾号" in item["text"]

    async def test_when_a_stray_number_comes_then_it_says_that_nothing_was_asked(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "帮助")
        item = await room.ask("wangqiang", "1")
        assert "没有等您回答" in item["card"]["title"]

    async def test_when_nothing_is_understood_then_three_commands_are_offered(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "今天天气不错呀")
        assert "没有听懂" in item["card"]["title"]

    async def test_when_somebody_elses_client_is_named_then_only_name_branch_and_owner_show(
        self, room: Room
    ) -> None:
        item = await room.ask("limin", "80010023")
        assert item["card"]["title"] == "张三"
        assert fact(item, "客户经理") == "王强"
        assert [f["label"] for f in item["card"]["fields"]] == ["营业部", "客户经理"]
        assert labels(item) == ["申请查看"]

    async def test_when_somebody_elses_client_is_meant_by_tail_then_it_is_not_listed(
        self, room: Room
    ) -> None:
        item = await room.ask("limin", "尾号 6688")
        assert "张三" not in item["text"]

    async def test_when_the_head_grants_a_look_then_the_asker_sees_the_client(
        self, room: Room
    ) -> None:
        item = await room.ask("limin", "张三")
        await room.click("limin", item, "申请查看")
        asked = await room.newest("sunfang", "申请查看客户")
        await room.click("sunfang", asked, "同意 24 小时")
        assert (await room.now_showing("sunfang", asked))["card"]["status"] == "已同意"
        await room.newest("limin", "孙芳同意您查看")
        again = await room.ask("limin", "张三")
        assert "权益" in again["text"]

    async def test_when_only_a_look_was_granted_then_nothing_is_logged(self, room: Room) -> None:
        item = await room.ask("limin", "记 张三 电话 代为沟通")
        assert "您可以查看" in item["text"]
        records = await room.ask("wangqiang", "记录 张三")
        assert "代为沟通" not in records["text"]

    @pytest.mark.parametrize("line", ["持仓", "记录", "更多", "显示 手机 {} 核对"])
    async def test_when_a_colleagues_client_is_meant_then_a_look_can_be_asked(
        self, room: Room, line: str
    ) -> None:
        name = (await room.client_of("zhaolei"))["name"]
        said = line.format(name) if "{}" in line else f"{line} {name}"
        item = await room.ask("wangqiang", said)
        assert item["card"]["status"] == "非本人客户"
        assert labels(item) == ["申请查看"]

    async def test_when_a_look_is_asked_then_the_card_says_whose_word_is_awaited(
        self, room: Room
    ) -> None:
        name = (await room.client_of("zhaolei"))["name"]
        item = await room.ask("wangqiang", name)
        await room.click("wangqiang", item, "申请查看")
        shown = await room.now_showing("wangqiang", item)
        assert shown["card"]["status"] == "已申请查看"
        assert "钱伟" in shown["text"]
        assert labels(shown) == []

    async def test_when_a_name_is_only_alike_then_no_number_is_revealed_unasked(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "显示 手机 章三 核对号码")
        assert "138" not in item["text"]
        shown = await room.ask("wangqiang", "好")
        assert fact(shown, "手机").endswith("6688")

    async def test_when_nobody_is_named_then_a_reveal_names_the_client_first(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "张三")
        item = await room.ask("wangqiang", "显示 手机 欧阳不存在 核对号码")
        assert item["card"]["title"] == "显示 张三 的手机？"
        await room.ask("wangqiang", "不用")

    async def test_when_a_number_is_revealed_then_it_says_how_many_are_left(
        self, room: Room
    ) -> None:
        left = []
        for _ in range(2):
            item = await room.ask(
                "limin", f"显示 手机 {(await room.client_of('limin'))['account']} 核对"
            )
            left.append(int(item["text"].split("还可显示 ")[1].split(" ")[0]))
        assert left == [19, 18]

    async def test_when_a_number_is_revealed_then_a_reason_is_wanted(self, room: Room) -> None:
        refused = await room.ask("wangqiang", "显示 手机 张三")
        assert "原因" in refused["text"]
        shown = await room.ask("wangqiang", "显示 手机 张三 客户要求核对号码")
        assert fact(shown, "手机").endswith("6688")
        assert "*" not in fact(shown, "手机")


class TestGivenAGroup:
    async def test_when_the_branch_group_asks_then_the_name_is_masked(self, room: Room) -> None:
        item = await room.ask("wangqiang", "张三", "g-hz")
        assert "张*" in item["text"]
        assert "张三" not in item["text"]
        assert "80010023" not in item["text"]
        assert "权益" not in item["text"]

    @pytest.mark.parametrize(
        "line", ["持仓 张三", "资金曲线 张三", "更多 张三", "记录 张三", "待办"]
    )
    async def test_when_the_branch_group_wants_more_then_it_is_sent_to_a_private_chat(
        self, room: Room, line: str
    ) -> None:
        item = await room.ask("wangqiang", line, "g-hz")
        assert item["text"] == "完整资料请私聊我"

    async def test_when_the_branch_group_asks_for_a_colleagues_client_then_the_name_is_masked(
        self, room: Room
    ) -> None:
        other = await room.client_of("limin")
        for words in (other["account"], other["name"]):
            item = await room.ask("wangqiang", words, "g-hz")
            assert other["name"] not in item["text"]
            assert labels(item) == []

    @pytest.mark.parametrize(
        "line",
        [
            "记 张三 电话 张三想换月",
            "待办 张三 周五 提醒张三换月",
            "上午跟张三通了个电话，聊了铁矿石",
            "提醒 张三换月",
        ],
    )
    async def test_when_something_is_noted_in_the_branch_group_then_no_name_is_repeated(
        self, room: Room, line: str
    ) -> None:
        [item, *_] = await room.say("wangqiang", line, "g-hz")
        assert item["kind"] == "card"
        assert "张三" not in item["text"]

    async def test_when_namesakes_are_asked_in_the_branch_group_then_they_are_masked(
        self, room: Room
    ) -> None:
        twins = await room.namesakes_of("wangqiang")
        item = await room.ask("wangqiang", f"记 {twins[0]['name']} 电话 聊了", "g-hz")
        assert twins[0]["name"] not in str(item)
        assert twins[0]["account"] not in str(item)

    async def test_when_the_risk_group_notes_a_number_then_it_is_masked(self, room: Room) -> None:
        item = await room.ask("chenxi", "记 张三 电话 新手机13912345678，明天回访", "g-risk")
        assert "139****5678" in item["text"]
        for line in ("记录 张三", "张三", "13912345678"):
            item = await room.ask("chenxi", line, "g-risk")
            assert "13912345678" not in item["text"]

    async def test_when_the_risk_group_asks_then_names_are_full_and_numbers_hidden(
        self, room: Room
    ) -> None:
        item = await room.ask("chenxi", "张三", "g-risk")
        assert "张三 · 80010023" in item["text"]
        assert "6688" not in item["text"]

    async def test_when_the_bot_is_not_mentioned_then_it_is_silent(self, room: Room) -> None:
        before = await room.screen("wangqiang", "g-hz")
        await room.post(
            "/sandbox/say",
            {
                "platform": "dingtalk",
                "person": "wangqiang",
                "chat": "g-hz",
                "text": "张三",
                "mention": False,
            },
        )
        await room.ask("wangqiang", "帮助", "g-hz")
        after = await room.screen("wangqiang", "g-hz")
        from_bot = [item for item in after[len(before) :] if item["from"] == "bot"]
        assert len(from_bot) == 1


class TestGivenAStranger:
    async def test_when_he_writes_in_private_then_one_sentence_without_data_answers(
        self, room: Room
    ) -> None:
        item = await room.ask("stranger", "张三")
        assert item["text"] == "您还没有开通期台，请联系系统管理员为您建档"


class TestGivenALineOfManyNames:
    @pytest.mark.parametrize("person", ["wangqiang", "sunfang", "chenxi"])
    async def test_when_a_line_is_full_of_unknown_names_then_it_is_still_answered(
        self, room: Room, person: str
    ) -> None:
        names = ("zhangsen", "lisin", "wangwi", "zhaolio", "sunlio", "chenxio", "zhouwei")
        line = " ".join(f"跟{name}" for name in (*names, *(f"{n}g" for n in names)))
        [item] = await room.say(person, f"{line} 聊了")
        assert item["kind"] == "card"


class TestGivenAskingForHelp:
    async def test_when_a_manager_asks_then_only_what_he_may_do_is_listed(self, room: Room) -> None:
        item = await room.ask("wangqiang", "帮助")
        words = [line.split("　")[0] for line in item["text"].splitlines() if "　" in line]
        assert {"查", "记", "待办", "资金曲线", "更多", "显示"} <= set(words)
        assert not {"认领", "线索", "压力", "/员工"} & set(words)

    async def test_when_it_is_a_group_then_what_is_private_is_not_listed(self, room: Room) -> None:
        item = await room.ask("wangqiang", "帮助", "g-hz")
        words = [line.split("　")[0] for line in item["text"].splitlines() if "　" in line]
        assert not {"持仓", "资金曲线", "更多", "显示"} & set(words)

    @pytest.mark.parametrize("admin", ["linlan", "gaoyuan"])
    async def test_when_an_admin_sees_no_clients_then_none_are_promised(
        self, room: Room, admin: str
    ) -> None:
        item = await room.ask(admin, "帮助")
        assert "不查看客户资料" in item["text"]

    async def test_when_an_admin_names_somebodys_client_then_no_look_is_offered(
        self, room: Room
    ) -> None:
        item = await room.ask("hejing", "张三")
        assert item["card"]["status"] == "非本人客户"
        assert labels(item) == []

    async def test_when_an_admin_opens_a_client_then_no_tasks_are_offered(self, room: Room) -> None:
        free = await room.client_of(None)
        item = await room.ask("hejing", free["account"])
        assert "待办" not in labels(item)

    @pytest.mark.parametrize("line", ["压力", "帮助 压力", "线索 李四", "公海", "/字段", "日报"])
    async def test_when_a_command_is_not_open_yet_then_it_says_so(
        self, room: Room, line: str
    ) -> None:
        item = await room.ask("wangqiang", line)
        assert "还没有开通" in item["text"]
        assert "编号" not in item["text"]

    async def test_when_help_is_asked_for_no_command_then_it_says_so(self, room: Room) -> None:
        item = await room.ask("wangqiang", "帮助 飞行")
        assert "没有「飞行」这个命令" in item["text"]

    @pytest.mark.parametrize("line", ["你好", "谢谢", "？", "😀", "。。。", "cgw", "/不存在"])
    async def test_when_it_is_no_command_at_all_then_it_still_answers_with_a_way_on(
        self, room: Room, line: str
    ) -> None:
        item = await room.ask("wangqiang", line)
        assert "帮助" in item["text"]

    async def test_when_nobody_is_in_focus_then_it_asks_to_look_somebody_up(
        self, room: Room
    ) -> None:
        for line in ("查", "持仓", "更多", "记 电话 聊了"):
            item = await room.ask("wuhao", line)
            assert "请先查一位客户" in item["text"]
