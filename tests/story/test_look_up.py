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

    async def test_when_nobody_fits_then_it_says_so_and_what_to_try(self, room: Room) -> None:
        item = await room.ask("wangqiang", "查 欧阳不存在")
        assert "没有找到" in item["text"]

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
