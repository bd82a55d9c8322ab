"""Template cards: what the API refuses, what people see, and what a click carries."""

import asyncio
import json
from typing import Any

import pytest

from bot.sandbox.dingtalk.company import WITNESS, union_id
from bot.sandbox.dingtalk.templates import DRAFT_ID, FOREIGN_ID, MARKDOWN_ID
from tests.sandbox.room import CARD_TOPIC, OpenRoom, Room, card_body

CREATE = "/v1.0/card/instances"
BOTH = f"{CREATE}/createAndDeliver"
BY_KEY = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}


async def only_card(room: Room, person: str = "wangqiang", chat: str = "private") -> Any:
    [item] = [one for one in await room.seen(person, chat) if one["kind"] == "card"]
    return item


class TestGivenACardIsMade:
    async def test_when_it_is_delivered_then_the_person_sees_all_of_it(self, room: Room) -> None:
        await room.put_card(
            "c1",
            text="第一段",
            text_2="续段",
            facts='[{"label":"权益","text":"1"}]',
            facts_2='[{"label":"可用","text":"2"}]',
            table='[["品种","手"],["rb","3"]]',
            table_2='[["hc","4"]]',
            sections='[{"title":"持仓","text":"rb"}]',
            form='{"fields":[{"name":"reason","label":"意见","type":"TEXT","required":true}]}',
        )
        item = await only_card(room)
        card = item["card"]
        assert (card["id"], card["version"], card["title"], card["status"]) == (
            "c1",
            1,
            "开户审批",
            "待审",
        )
        assert card["text"] == "第一段续段"
        assert [one["value"] for one in card["fields"]] == ["1", "2"]
        assert (card["columns"], card["rows"]) == (["品种", "手"], [["rb", "3"], ["hc", "4"]])
        assert [(one["key"], one["enabled"]) for one in card["buttons"]] == [
            ("ok", True),
            ("no", True),
        ]
        assert card["inputs"][0]["key"] == "reason"
        assert card["inputs"][0]["required"] is True
        for word in ("开户审批 待审", "第一段续段", "权益 1", "hc  4", "[同意]"):
            assert word in item["text"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"outTrackId": ""}, "param.outTrackIdEmpty"),
            ({"cardTemplateId": ""}, "param.cardTemplateIdEmpty"),
            ({"cardTemplateId": "none.schema"}, "param.templateNotExist"),
            ({"cardTemplateId": DRAFT_ID}, "param.templateUnpublished"),
            ({"openSpaceId": ""}, "param.openSpaceIdEmpty"),
            ({"openSpaceId": "IM_ROBOT.wangqiang"}, "param.openSpaceIdInvalid"),
            ({"openSpaceId": "dtv1.card//MOON.x"}, "param.openSpaceIdInvalid"),
            ({"imRobotOpenDeliverModel": {}}, "param.openDeliverModelEmpty"),
            ({"imRobotOpenSpaceModel": {}}, "param.openSpaceModelInvalid"),
            ({"privateData": {"nobody": {"cardParamMap": {}}}}, "param.userIdNotExist"),
            ({"cardData": {"cardParamMap": {"rev": 1}}}, "param.invalid"),
            ({"cardData": {"cardParamMap": {"title": "字" * 342}}}, "param.invalid"),
            ({"cardData": {"cardParamMap": {"k" * 101: ""}}}, "param.invalid"),
            ({"cardData": {"cardParamMap": {"facts": "{}"}}}, "param.invalid"),
            ({"cardData": {"cardParamMap": {"buttons": "nonsense"}}}, "param.invalid"),
            ({"cardData": {"cardParamMap": {"title": "博彩"}}}, "param.contentUnsafe"),
            (
                {"cardData": {"cardParamMap": {f"k{n}": "x" * 1024 for n in range(101)}}},
                "param.invalid",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_when_the_call_is_wrong_then_its_code_comes_and_nothing_is_kept(
        self, room: Room, change: dict[str, Any], code: str
    ) -> None:
        answer = await room.api("POST", BOTH, card_body("c1") | change)
        assert (answer.status, answer.body["code"]) == (400, code)
        assert await room.seen("wangqiang") == []
        assert (await room.put_card("c1")).status == 200

    async def test_when_card_data_is_missing_then_its_code_comes(self, room: Room) -> None:
        body = card_body("c1")
        del body["cardData"]
        answer = await room.api("POST", BOTH, body)
        assert answer.body["code"] == "param.cardPublicDataEmpty"

    async def test_when_the_target_is_unknown_then_the_failure_is_inside_200(
        self, room: Room
    ) -> None:
        answer = await room.put_card("c1", person="nobody")
        assert answer.status == 200
        [result] = answer.body["result"]["deliverResults"]
        assert (result["success"], result["errorMsg"]) == (False, "spaceId is illegal")

    async def test_when_the_id_is_used_again_then_the_first_card_stays(self, room: Room) -> None:
        await room.put_card("c1")
        answer = await room.put_card("c1", title="另一张")
        assert answer.body["code"] == "param.cardAlreadyExist"
        assert (await only_card(room))["card"]["title"] == "开户审批"

    async def test_when_the_switch_is_silent_then_a_used_id_changes_nothing(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(card_reuse="silent")
        await room.put_card("c1")
        assert (await room.put_card("c1", title="另一张")).status == 200
        titles = {one["card"]["title"] for one in await room.seen("wangqiang")}
        assert titles == {"开户审批"}

    async def test_when_the_template_is_foreign_then_all_seems_well_but_it_does_not_load(
        self, room: Room
    ) -> None:
        answer = await room.api("POST", BOTH, card_body("c1") | {"cardTemplateId": FOREIGN_ID})
        assert answer.body["result"]["deliverResults"][0]["success"] is True
        assert (await only_card(room))["card"]["title"] == "卡片加载失败"

    async def test_when_it_is_the_public_markdown_template_then_its_text_shows(
        self, room: Room
    ) -> None:
        body = card_body("c1") | {"cardTemplateId": MARKDOWN_ID}
        body["cardData"] = {"cardParamMap": {"title": "日报", "markdown": "**好**"}}
        await room.api("POST", BOTH, body)
        assert (await only_card(room))["card"]["text"] == "**好**"

    async def test_when_made_and_delivered_in_two_calls_then_it_is_seen(self, room: Room) -> None:
        body = card_body("c1")
        await room.api("POST", CREATE, body)
        assert await room.seen("wangqiang") == []
        answer = await room.api("POST", f"{CREATE}/deliver", body)
        assert isinstance(answer.body["result"], list)
        assert (await only_card(room))["card"]["id"] == "c1"

    async def test_when_it_answers_a_message_then_the_item_says_which(self, room: Room) -> None:
        model = {"spaceType": "IM_ROBOT", "extension": {"replyTo": "msg1"}}
        await room.api("POST", BOTH, card_body("c1") | {"imRobotOpenDeliverModel": model})
        assert (await only_card(room))["reply_to"] == "msg1"

    async def test_when_it_has_recipients_then_only_they_see_it(self, room: Room) -> None:
        model = {"robotCode": "x", "recipients": ["fengjun"]}
        body = card_body("c1", chat="g-risk") | {"imGroupOpenDeliverModel": model}
        await room.api("POST", BOTH, body)
        assert len(await room.seen("fengjun", "g-risk")) == 1
        assert await room.seen("chenxi", "g-risk") == []

    async def test_when_recalled_by_its_carrier_then_it_is_gone(self, room: Room) -> None:
        answer = await room.put_card("c1")
        key = answer.body["result"]["deliverResults"][0]["carrierId"]
        body = {"robotCode": "dingqidesksandboxkey", "processQueryKeys": [key]}
        await room.api("POST", "/v1.0/robot/otoMessages/batchRecall", body)
        assert await room.seen("wangqiang") == []


class TestGivenACardIsUpdated:
    async def update(self, room: Room, **body: Any) -> Any:
        return await room.api("PUT", CREATE, {"outTrackId": "c1"} | body)

    async def test_when_by_key_then_the_rest_stays_and_so_does_its_place(self, room: Room) -> None:
        await room.put_card("c1")
        before = await only_card(room)
        data = {"cardParamMap": {"status": "已通过", "rev": "2"}}
        await self.update(room, cardData=data, cardUpdateOptions=BY_KEY)
        after = await only_card(room)
        assert (after["card"]["title"], after["card"]["status"]) == ("开户审批", "已通过")
        assert after["seq"] == before["seq"]
        assert after["updated"] > before["updated"]

    async def test_when_not_by_key_then_everything_is_replaced(self, room: Room) -> None:
        await room.put_card("c1")
        await self.update(room, cardData={"cardParamMap": {"status": "已通过"}})
        card = (await only_card(room))["card"]
        assert (card["title"], card["status"], card["buttons"]) == ("", "已通过", [])

    async def test_when_private_data_is_given_then_only_that_person_sees_it(
        self, room: Room
    ) -> None:
        await room.put_card("c1", chat="g-risk")
        private = {"fengjun": {"cardParamMap": {"can_act": "false", "title": "不是私有变量"}}}
        await self.update(room, privateData=private, cardUpdateOptions=BY_KEY)
        mine = (await only_card(room, "fengjun", "g-risk"))["card"]
        yours = (await only_card(room, "chenxi", "g-risk"))["card"]
        assert [one["enabled"] for one in mine["buttons"]] == [False, False]
        assert [one["enabled"] for one in yours["buttons"]] == [True, True]
        assert mine["title"] == "开户审批"

    async def test_when_nothing_is_given_then_its_code_comes(self, room: Room) -> None:
        await room.put_card("c1")
        answer = await self.update(room)
        assert answer.body["code"] == "param.cardDataAndPrivateDataBothEmpty"

    async def test_when_another_app_tries_then_there_is_no_such_card(self, room: Room) -> None:
        await room.put_card("c1")
        body = {"outTrackId": "c1", "cardData": {"cardParamMap": {"title": "偷改"}}}
        assert (await room.api("PUT", CREATE, body, app=WITNESS)).body[
            "code"
        ] == "param.cardNotExist"


class TestGivenAPersonClicks:
    async def test_when_the_answer_brings_data_then_the_card_changes(self, room: Room) -> None:
        socket = await room.connect()
        await room.put_card("c1", rev="4")
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        frame = await socket.frame()
        assert frame.headers["topic"] == CARD_TOPIC
        assert (frame.data["type"], frame.data["userId"]) == ("actionCallback", "wangqiang")
        assert json.loads(frame.data["content"]) == {
            "cardPrivateData": {"actionIds": ["ok"], "params": {"rev": "4"}}
        }
        data = {"cardParamMap": {"status": "已通过", "rev": "5"}}
        own = {"cardParamMap": {"can_act": "false", "toast": "已同意"}}
        await socket.ack(
            frame,
            {
                "response": {
                    "cardData": data,
                    "userPrivateData": own,
                    "cardUpdateOptions": BY_KEY,
                }
            },
        )
        assert (await click).body == {"ok": True, "answer": "updated", "toast": "已同意"}
        card = (await only_card(room))["card"]
        assert (card["status"], card["version"]) == ("已通过", 5)
        assert card["buttons"][0]["enabled"] is False

    async def test_when_the_answer_is_empty_then_nothing_changes(self, room: Room) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        await socket.ack(await socket.frame(), {"response": {}})
        assert (await click).body["answer"] == "unchanged"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            ({"response": {"cardData": {"cardParamMap": {"rev": 5}}}}, 200),
            ({"response": {}}, 500),
        ],
    )
    async def test_when_the_answer_is_bad_then_the_person_is_told(
        self, room: Room, data: object, code: int
    ) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        await socket.ack(await socket.frame(), data, code)
        assert (await click).body["answer"] == "failed"
        assert (await only_card(room))["toast"]

    async def test_when_no_answer_comes_in_time_then_it_is_over_and_not_asked_again(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        answer = await room.click("wangqiang", "c1", "ok")
        assert (answer.body["ok"], answer.body["answer"]) == (False, "failed")
        late = await socket.frame()
        data = {"response": {"cardData": {"cardParamMap": {"status": "太晚"}}}}
        await socket.ack(late, data)
        assert await socket.quiet(0.4)
        item = await only_card(room)
        assert (item["card"]["status"], bool(item["toast"])) == ("待审", True)

    async def test_when_the_next_click_works_then_the_old_failure_is_forgotten(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        await room.click("wangqiang", "c1", "ok")
        await socket.frame()
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        data = {"cardData": {"cardParamMap": {"status": "已通过"}}, "cardUpdateOptions": BY_KEY}
        await socket.ack(await socket.frame(), {"response": data})
        await click
        assert (await only_card(room))["toast"] is None

    async def test_when_two_click_at_once_then_both_are_asked_and_answered_in_their_order(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.put_card("c1", chat="g-risk")
        clicks = [
            asyncio.ensure_future(room.click(person, "c1", "ok"))
            for person in ("fengjun", "chenxi")
        ]
        frames = [await socket.frame(), await socket.frame()]
        assert {frame.data["userId"] for frame in frames} == {"fengjun", "chenxi"}
        for frame, word in zip(reversed(frames), ("先到", "后到"), strict=True):
            data = {"cardData": {"cardParamMap": {"status": word}}, "cardUpdateOptions": BY_KEY}
            await socket.ack(frame, {"response": data})
        assert {(await click).body["answer"] for click in clicks} == {"updated"}
        assert (await only_card(room, "qianwei", "g-risk"))["card"]["status"] == "后到"

    async def test_when_the_screen_was_old_then_the_old_version_goes_out(self, room: Room) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        done = {"cardParamMap": {"rev": "2", "buttons": "[]"}}
        await room.api(
            "PUT", CREATE, {"outTrackId": "c1", "cardData": done, "cardUpdateOptions": BY_KEY}
        )
        for more in ({}, {"version": 1}, {"version": 2}):
            click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok", **more))
            frame = await socket.frame()
            await socket.ack(frame, {"response": {}})
            await click
            params = json.loads(frame.data["content"])["cardPrivateData"]["params"]
            assert params["rev"] == ("2" if more.get("version") == 2 else "1")

    async def test_when_choices_are_made_beforehand_then_the_page_gets_their_values(
        self, room: Room
    ) -> None:
        options = [{"value": value, "text": value} for value in "abc"]
        several = {"index": [0, 2], "value": ["a", "c"]}
        fields = [
            {"name": "kinds", "type": "MULTI_SELECT", "options": options, "defaultValue": several},
            {"name": "bare", "type": "MULTI_SELECT", "options": options, "defaultValue": ["b"]},
            {
                "name": "level",
                "type": "SELECT",
                "options": options,
                "defaultValue": {"index": 1, "value": "b"},
            },
            {"name": "note", "type": "TEXT", "defaultValue": "照旧"},
            {"name": "none", "type": "MULTI_SELECT", "options": options},
        ]
        await room.put_card("c1", form=json.dumps({"fields": fields}))
        inputs = (await only_card(room))["card"]["inputs"]
        assert [one["value"] for one in inputs] == ["a,c", "b", "b", "照旧", ""]

    async def test_when_inputs_are_given_then_choices_go_as_index_and_value(
        self, room: Room
    ) -> None:
        options = [{"value": "1", "text": "一"}, {"value": "2", "text": "二"}]
        fields = [
            {"name": "reason", "label": "意见", "type": "TEXT_AREA"},
            {"name": "level", "label": "等级", "type": "SELECT", "options": options},
            {"name": "kinds", "label": "品种", "type": "MULTI_SELECT", "options": options},
        ]
        socket = await room.connect()
        await room.put_card("c1", form=json.dumps({"fields": fields}))
        inputs = {"reason": "资料齐全", "level": "2", "kinds": ["1", "2"]}
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "no", inputs=inputs))
        frame = await socket.frame()
        await socket.ack(frame, {"response": {}})
        await click
        assert json.loads(frame.data["value"])["cardPrivateData"]["params"] == {
            "rev": "1",
            "reason": "资料齐全",
            "level": {"index": 1, "value": "2"},
            "kinds": {"index": [0, 1], "value": ["1", "2"]},
        }

    async def test_when_the_card_speaks_union_ids_then_the_clicker_is_one(self, room: Room) -> None:
        socket = await room.connect()
        union = union_id("wangqiang")
        await room.api("POST", BOTH, card_body("c1", union) | {"userIdType": 2})
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        frame = await socket.frame()
        await socket.ack(frame, {"response": {}})
        await click
        assert (frame.data["userId"], frame.data["userIdType"]) == (union, 2)

    async def test_when_the_card_has_no_callback_then_the_click_goes_nowhere(
        self, room: Room
    ) -> None:
        body = card_body("c1")
        del body["callbackType"]
        await room.api("POST", BOTH, body)
        assert (await room.click("wangqiang", "c1", "ok")).body["answer"] == "unchanged"

    async def test_when_nobody_listens_then_503(self, room: Room) -> None:
        await room.put_card("c1")
        assert (await room.click("wangqiang", "c1", "ok")).status == 503

    async def test_when_it_is_not_on_his_screen_then_404(self, room: Room) -> None:
        await room.connect()
        await room.put_card("c1", chat="g-risk")
        assert (await room.click("zhaolei", "c1", "ok")).status == 404

    async def test_when_the_ack_is_lost_by_a_fault_then_it_failed(self, room: Room) -> None:
        socket = await room.connect()
        await room.put_card("c1")
        await room.break_it("no_ack")
        click = asyncio.ensure_future(room.click("wangqiang", "c1", "ok"))
        await socket.ack(await socket.frame(), {"response": {}})
        assert (await click).body["answer"] == "failed"
