"""Template cards: their rules, how they look, what a click tells the app and what updates do."""

import asyncio
import json
from typing import Any

import pytest

from tests.sandbox.wecom_room import (
    AGENT,
    OpenWeCom,
    WeComRoom,
    button_card,
    greyed,
    passive,
)

ACTION = {"type": 1, "url": "https://desk.example/h5"}
NOTICE = {
    "card_type": "text_notice",
    "main_title": {"title": "追保", "desc": "客户乙"},
    "emphasis_content": {"title": "108.6%", "desc": "风险度"},
    "sub_title_text": "应追加 182,300.00 元",
    "card_action": ACTION,
    "jump_list": [{"type": 1, "title": "打开", "url": "https://desk.example"}],
}
NEWS = {
    "card_type": "news_notice",
    "main_title": {"title": "日报"},
    "card_image": {"url": "https://x.example/a.png"},
    "vertical_content_list": [{"title": "成交", "desc": "12 手"}],
    "card_action": ACTION,
}
OPTIONS = [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙", "is_checked": True}]
VOTE = {
    "card_type": "vote_interaction",
    "main_title": {"title": "选择"},
    "task_id": "v1",
    "checkbox": {"question_key": "q", "mode": 1, "option_list": OPTIONS},
    "submit_button": {"text": "提交", "key": "send"},
}
MULTIPLE = {
    "card_type": "multiple_interaction",
    "main_title": {"title": "选择"},
    "task_id": "m1",
    "select_list": [
        {"question_key": "who", "title": "谁", "option_list": OPTIONS, "selected_id": "b"},
        {"question_key": "how", "title": "怎么", "option_list": OPTIONS},
    ],
    "submit_button": {"text": "提交", "key": "send"},
}


class TestGivenACardIsSent:
    async def test_when_it_has_buttons_then_the_person_sees_all_of_it(
        self, wecom: WeComRoom
    ) -> None:
        reply = await wecom.send_card("limin")
        assert reply["response_code"]
        [item] = await wecom.seen("limin")
        card = item["card"]
        assert (card["id"], card["version"]) == ("c1@1", 1)
        assert (card["title"], card["status"], card["tone"]) == ("开户审批", "待审", "red")
        assert card["fields"] == [{"label": "客户", "value": "客户乙"}]
        assert [(one["key"], one["style"]) for one in card["buttons"]] == [
            ("ok", "primary"),
            ("no", "danger"),
        ]
        assert "第一级" in item["text"]

    async def test_when_it_is_a_notice_then_there_is_no_response_code(
        self, wecom: WeComRoom
    ) -> None:
        reply = await wecom.send("limin", "template_card", NOTICE)
        assert (reply["errcode"], "response_code" in reply) == (0, False)
        [item] = await wecom.seen("limin")
        assert item["card"]["text"].split("\n")[1:3] == ["108.6%", "风险度"]
        assert item["links"] == [{"label": "打开", "url": "https://desk.example"}]
        assert item["card"]["link"] == "https://desk.example/h5"

    async def test_when_a_notice_has_a_menu_then_it_can_be_clicked(self, wecom: WeComRoom) -> None:
        menu = {"desc": "更多", "action_list": [{"text": "不再提醒", "key": "mute"}]}
        card = NOTICE | {"action_menu": menu, "task_id": "n1"}
        assert (await wecom.send("limin", "template_card", card))["response_code"]
        await wecom.click("limin", "n1", "mute")
        heard = (await wecom.desk.next()).plain
        assert (heard["Event"], heard["EventKey"]) == ("template_card_menu_event", "mute")
        assert "SelectedItems" not in heard

    @pytest.mark.parametrize("card", [NEWS, VOTE, MULTIPLE])
    async def test_when_it_is_of_another_type_then_it_is_shown(
        self, wecom: WeComRoom, card: dict[str, Any]
    ) -> None:
        assert (await wecom.send("limin", "template_card", card))["errcode"] == 0
        assert (await wecom.card("limin"))["kind"] == card["card_type"]

    async def test_when_words_are_too_long_then_the_screen_cuts_them(
        self, wecom: WeComRoom
    ) -> None:
        rows = [{"keyname": "客户名称", "value": "甲" * 31}]
        await wecom.send_card(
            "limin", main_title={"title": "题" * 40}, horizontal_content_list=rows
        )
        card = await wecom.card("limin")
        assert card["title"] == "题" * 35 + "…"
        assert card["fields"] == [{"label": "客户名称", "value": "甲" * 29 + "…"}]

    async def test_when_a_type_lacks_a_field_then_it_is_not_drawn(self, wecom: WeComRoom) -> None:
        rows = [{"keyname": "客户", "value": "乙"}]
        await wecom.send("limin", "template_card", VOTE | {"horizontal_content_list": rows})
        assert (await wecom.card("limin"))["fields"] == []


def without(card: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in card.items() if name != key}


WRONG: list[tuple[dict[str, Any], int]] = [
    ({"card_type": "poem"}, 40058),
    (without(NOTICE, "card_action"), 42045),
    (NOTICE | {"card_action": {"type": 0}}, 42045),
    (NOTICE | {"card_action": {"type": 1}}, 42045),
    (NOTICE | {"main_title": {}, "sub_title_text": ""}, 40058),
    (NOTICE | {"jump_list": [{"title": "x"}] * 4}, 40035),
    (NOTICE | {"jump_list": [{"title": "x", "type": 3, "question": "x"}]}, 40035),
    (NOTICE | {"action_menu": {"action_list": [{"text": "x", "key": "x"}]}}, 42014),
    (NOTICE | {"action_menu": {"action_list": []}, "task_id": "t"}, 40035),
    (NEWS | {"card_image": {}}, 40058),
    (NEWS | {"vertical_content_list": [{"title": "x"}] * 5}, 40035),
    (button_card(main_title={}), 40058),
    (button_card(task_id=""), 42014),
    (button_card(task_id="有"), 42014),
    (button_card(task_id="x" * 129), 42014),
    (button_card(button_list=[]), 40058),
    (button_card(button_list=[{"text": "x", "key": "k"}] * 2), 40035),
    (button_card(button_list=[{"text": "x", "key": str(n)} for n in range(7)]), 40035),
    (button_card(button_list=[{"text": "x", "key": "k" * 1025}]), 40035),
    (button_card(button_list=[{"text": "x", "type": 1}]), 40058),
    (button_card(horizontal_content_list=[{"keyname": "x"}] * 7), 40035),
    (button_card(horizontal_content_list=[{"keyname": "x", "type": 1}]), 40058),
    (button_card(button_selection={"question_key": "q", "option_list": []}), 40035),
    (without(VOTE, "checkbox"), 40058),
    (without(VOTE, "submit_button"), 40058),
    (VOTE | {"checkbox": VOTE["checkbox"] | {"option_list": OPTIONS * 2}}, 40035),  # type: ignore[operator]
    (without(MULTIPLE, "select_list"), 40058),
    (MULTIPLE | {"select_list": MULTIPLE["select_list"] * 2}, 40035),  # type: ignore[operator]
]


@pytest.mark.parametrize(("card", "code"), WRONG)
async def test_a_card_that_breaks_a_rule_is_refused(
    wecom: WeComRoom, card: dict[str, Any], code: int
) -> None:
    reply = await wecom.send("limin", "template_card", card)
    assert reply["errcode"] == code
    assert await wecom.seen("limin") == []


async def test_a_task_id_is_used_once(wecom: WeComRoom) -> None:
    await wecom.send_card("limin")
    more = {"enable_duplicate_check": 1}
    reply = await wecom.send("limin", "template_card", button_card(), **more)
    assert reply["errcode"] == 42014
    assert len(await wecom.seen("limin")) == 1


async def test_without_a_callback_a_clickable_card_is_refused(open_wecom: OpenWeCom) -> None:
    wecom = await open_wecom(callback_url="")
    assert (await wecom.send_card("limin"))["errcode"] == 40035
    assert (await wecom.send("limin", "template_card", NOTICE))["errcode"] == 0


class TestGivenACardIsClicked:
    async def test_when_it_has_a_choice_then_the_app_hears_it(self, wecom: WeComRoom) -> None:
        choice = {"question_key": "reason", "title": "意见", "option_list": OPTIONS}
        await wecom.send_card("limin", button_selection=choice)
        await wecom.click("limin", "c1@1", "ok", inputs={"reason": "b"})
        heard = (await wecom.desk.next()).plain
        assert (heard["Event"], heard["EventKey"], heard["TaskId"]) == (
            "template_card_event",
            "ok",
            "c1@1",
        )
        assert heard["CardType"] == "button_interaction"
        assert heard["FromUserName"] == "limin"
        [key, options] = heard["SelectedItems"]["SelectedItem"].values()
        assert (key, options["OptionId"]) == ("reason", "b")
        assert heard["ResponseCode"]

    async def test_when_nothing_is_chosen_then_what_stands_there_is_sent(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send("limin", "template_card", MULTIPLE)
        await wecom.click("limin", "m1", "send")
        items = (await wecom.desk.next()).plain["SelectedItems"]["SelectedItem"]
        assert [one["OptionIds"]["OptionId"] for one in items] == ["b", "a"]

    async def test_when_several_are_chosen_then_all_are_sent(self, wecom: WeComRoom) -> None:
        await wecom.send("limin", "template_card", VOTE)
        await wecom.click("limin", "v1", "send", inputs={"q": ["a", "b"]})
        item = (await wecom.desk.next()).plain["SelectedItems"]["SelectedItem"]
        assert item["OptionIds"]["OptionId"] == ["a", "b"]

    async def test_when_there_is_no_such_option_then_it_cannot_be_chosen(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send("limin", "template_card", VOTE)
        assert (await wecom.click("limin", "v1", "send", inputs={"q": ["z"]})).status == 400

    async def test_when_the_answer_greys_it_then_only_the_clickers_copy_is_grey(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin|wangqiang")
        wecom.desk.answers(greyed("limin", "处理中…"))
        answer = await wecom.click("limin", "c1@1", "ok")
        assert answer.body == {"ok": True, "answer": "updated", "toast": None}
        [button] = (await wecom.card("limin"))["buttons"]
        assert (button["label"], button["enabled"]) == ("处理中…", False)
        assert (await wecom.card("limin"))["version"] == 2
        assert all(one["enabled"] for one in (await wecom.card("wangqiang"))["buttons"])

    async def test_when_the_answer_is_a_card_then_it_replaces_the_copy(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin")
        inner = """<TemplateCard><CardType>button_interaction</CardType>
            <Source><Desc>已通过</Desc><DescColor>3</DescColor></Source>
            <MainTitle><Title>开户审批</Title></MainTitle>
            <HorizontalContentList><KeyName>客户</KeyName><Value>客户乙</Value>
            </HorizontalContentList>
            <HorizontalContentList><KeyName>由</KeyName><Value>李敏</Value></HorizontalContentList>
            <ButtonList><Text>同意</Text><Style>1</Style><Key>ok</Key></ButtonList>
            <ReplaceText>已通过（李敏）</ReplaceText></TemplateCard>"""
        wecom.desk.answers(passive("limin", "update_template_card", inner))
        assert (await wecom.click("limin", "c1@1", "ok")).body["answer"] == "updated"
        card = await wecom.card("limin")
        assert (card["status"], card["tone"]) == ("已通过", "green")
        assert [one["value"] for one in card["fields"]] == ["客户乙", "李敏"]
        assert [one["label"] for one in card["buttons"]] == ["已通过（李敏）"]

    async def test_when_the_new_card_breaks_a_rule_then_the_old_one_stays(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin")
        inner = "<TemplateCard><CardType>text_notice</CardType></TemplateCard>"
        wecom.desk.answers(passive("limin", "update_template_card", inner))
        assert (await wecom.click("limin", "c1@1", "ok")).body["answer"] == "unchanged"
        assert (await wecom.card("limin"))["version"] == 1

    async def test_when_the_answer_comes_late_then_it_is_ignored_and_asked_again(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin")
        wecom.desk.hesitates(0.6)
        answer = await wecom.click("limin", "c1@1", "ok")
        assert (answer.body["ok"], answer.body["answer"]) == (False, "failed")
        assert answer.body["toast"]
        first, second = await wecom.desk.next(), await wecom.desk.next()
        assert first.plain["ResponseCode"] == second.plain["ResponseCode"]

    async def test_when_a_message_of_his_hangs_then_the_click_does_not_wait(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin")
        wecom.desk.hesitates(5)
        await wecom.say("limin", "你好")
        await wecom.desk.next()
        wecom.desk.answers(greyed("limin", "好"))
        assert (await wecom.click("limin", "c1@1", "ok")).body["answer"] == "updated"

    async def test_when_nobody_listens_then_the_click_is_not_taken(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(callback_url="http://127.0.0.1:9/")
        await wecom.send_card("limin")
        assert (await wecom.click("limin", "c1@1", "ok")).status == 503

    async def test_when_it_is_not_on_the_screen_then_it_cannot_be_clicked(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin")
        assert (await wecom.click("wangqiang", "c1@1", "ok")).status == 404

    async def test_when_an_old_rendering_is_clicked_then_it_is_told_as_such(
        self, wecom: WeComRoom
    ) -> None:
        sent = await wecom.send_card("limin")
        await wecom.update(sent["response_code"], atall=1, button={"replace_name": "已处理"})
        assert (await wecom.click("limin", "c1@1", "ok", version=1)).status == 200
        assert (await wecom.desk.next()).plain["EventKey"] == "ok"
        assert (await wecom.click("limin", "c1@1", "ok", version=9)).status == 400

    async def test_when_two_click_at_once_then_each_hears_his_own_answer(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send_card("limin|wangqiang")

        async def answer(plain: dict[str, Any]) -> Any:
            wecom.desk.answers(greyed(plain["FromUserName"], plain["FromUserName"]))
            return await wecom.desk.behave.pop()(plain)

        wecom.desk.behave.extend([answer, answer])
        async with asyncio.TaskGroup() as group:
            group.create_task(wecom.click("limin", "c1@1", "ok"))
            group.create_task(wecom.click("wangqiang", "c1@1", "no"))
        for person in ("limin", "wangqiang"):
            assert (await wecom.card(person))["buttons"][0]["label"] == person
        first, second = await wecom.desk.next(), await wecom.desk.next()
        assert first.plain["ResponseCode"] != second.plain["ResponseCode"]


class TestGivenCodesToUpdateWith:
    async def test_when_one_is_used_then_every_receiver_sees_it_and_it_is_spent(
        self, wecom: WeComRoom
    ) -> None:
        sent = await wecom.send_card("limin|wangqiang")
        code = sent["response_code"]
        reply = await wecom.update(code, atall=1, button={"replace_name": "已由李敏通过"})
        assert (reply["errcode"], reply["invaliduser"]) == (0, [])
        for person in ("limin", "wangqiang"):
            [button] = (await wecom.card(person))["buttons"]
            assert (button["label"], button["enabled"]) == ("已由李敏通过", False)
        again = await wecom.update(code, atall=1, button={"replace_name": "x"})
        assert again["errcode"] == wecom.settings.used_code

    async def test_when_a_card_was_clicked_twice_then_there_are_three(
        self, wecom: WeComRoom
    ) -> None:
        codes = [(await wecom.send_card("limin"))["response_code"]]
        for _ in range(2):
            await wecom.click("limin", "c1@1", "ok")
            codes.append((await wecom.desk.next()).plain["ResponseCode"])
        for code in codes:
            reply = await wecom.update(code, atall=1, button={"replace_name": "好"})
            assert reply["errcode"] == 0

    async def test_when_72_hours_have_passed_then_it_is_dead(self, wecom: WeComRoom) -> None:
        code = (await wecom.send_card("limin"))["response_code"]
        await wecom.room.post("clock", advance="73h")
        reply = await wecom.update(code, atall=1, button={"replace_name": "x"})
        assert reply["errcode"] == wecom.settings.used_code

    async def test_when_somebody_never_got_the_card_then_he_is_listed(
        self, wecom: WeComRoom
    ) -> None:
        code = (await wecom.send_card("limin|wangqiang"))["response_code"]
        people = ["limin", "zhaolei", "Nobody"]
        reply = await wecom.update(code, userids=people, button={"replace_name": "x"})
        assert sorted(reply["invaliduser"]) == ["nobody", "zhaolei"]
        assert (await wecom.card("wangqiang"))["version"] == 1

    async def test_when_a_whole_card_comes_then_it_may_be_of_another_type(
        self, wecom: WeComRoom
    ) -> None:
        code = (await wecom.send_card("limin"))["response_code"]
        await wecom.update(code, atall=1, template_card=NOTICE)
        card = await wecom.card("limin")
        assert (card["id"], card["kind"], card["buttons"]) == ("c1@1", "text_notice", [])

    async def test_when_a_choice_is_disabled_then_it_cannot_be_changed(
        self, wecom: WeComRoom
    ) -> None:
        code = (await wecom.send("limin", "template_card", VOTE))["response_code"]
        fresh = VOTE | {"checkbox": {**VOTE["checkbox"], "disable": True}}  # type: ignore[dict-item]
        await wecom.update(code, atall=1, template_card=fresh)
        assert (await wecom.card("limin"))["inputs"][0]["disabled"] is True
        await wecom.click("limin", "v1", "send", inputs={"q": ["a"]})
        item = (await wecom.desk.next()).plain["SelectedItems"]["SelectedItem"]
        assert item["OptionIds"]["OptionId"] == "b"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, 40058),
            ({"button": {"replace_name": "x"}}, 40003),
            ({"button": {"replace_name": "x"}, "atall": 1, "agentid": 7}, 301002),
            ({"atall": 1, "template_card": {"card_type": "text_notice"}}, 40058),
            ({"atall": 1, "template_card": NOTICE | {"card_action": {}}}, 42045),
        ],
    )
    async def test_when_an_update_is_wrong_then_the_code_is_not_spent(
        self, wecom: WeComRoom, body: dict[str, Any], code: int
    ) -> None:
        key = (await wecom.send_card("limin"))["response_code"]
        given = {"agentid": AGENT, "response_code": key, **body}
        reply = await wecom.api("/cgi-bin/message/update_template_card", given)
        assert reply["errcode"] == code
        good = await wecom.update(key, atall=1, button={"replace_name": "x"})
        assert good["errcode"] == 0

    async def test_when_a_passive_answer_spends_the_code_then_it_is_gone(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(passive_spends=True)
        await wecom.send_card("limin")
        wecom.desk.answers(greyed("limin", "好"))
        await wecom.click("limin", "c1@1", "ok")
        code = (await wecom.desk.next()).plain["ResponseCode"]
        reply = await wecom.update(code, atall=1, button={"replace_name": "x"})
        assert reply["errcode"] == wecom.settings.used_code


async def test_a_recalled_card_cannot_be_clicked(wecom: WeComRoom) -> None:
    sent = await wecom.send_card("limin")
    await wecom.api("/cgi-bin/message/recall", {"msgid": sent["msgid"]})
    assert (await wecom.click("limin", "c1@1", "ok")).status == 404


ODD: list[Any] = [None, True, -1, 1.5, "", "x", [], [None, {}], {}, {"title": []}, "期" * 300]


@pytest.mark.parametrize("card", [NOTICE, NEWS, VOTE, MULTIPLE, button_card()])
async def test_no_value_in_a_card_breaks_a_screen(wecom: WeComRoom, card: dict[str, Any]) -> None:
    """Whatever is taken can be drawn and clicked; the rest is refused with a code."""
    menu = {"action_list": [{"text": "菜单", "key": "menu"}]}
    whole = card | {"action_menu": menu}
    changes = [(path, odd) for path in paths_of(whole) for odd in ODD]
    for n, (path, odd) in enumerate(changes):
        given = replaced(whole | {"task_id": f"t{n}"}, path, odd)
        reply = await wecom.send("limin", "template_card", given)
        assert "errcode" in reply, (path, odd)
    for item in await wecom.seen("limin"):
        assert item["card"]["id"], item


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a card, itself excluded."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    found = []
    for key in keys:
        found.append((*path, key))
        if isinstance(value[key], dict | list):
            found += paths_of(value[key], (*path, key))
    return found


def replaced(card: dict[str, Any], path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(card))
    part = copy
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = odd
    return dict(copy)
