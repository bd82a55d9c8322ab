"""The aibot's long connection: one at a time, what it hears, what it may answer, and until when."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.sandbox.wecom.company import BOT, WITNESS, Quotas
from tests.sandbox.wecom_room import PNG, OpenWeCom, Robot, WeComRoom, button_card

SECRETS = {"bot_id": BOT.bot_id, "secret": BOT.secret}
WORDS = {"msgtype": "markdown", "markdown": {"content": "收到"}}


def stream(words: str, *, finish: bool = False, id_: str = "s1") -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": id_, "finish": finish, "content": words}}


def push(chat: str, **more: object) -> dict[str, Any]:
    return {"chatid": chat, **WORDS, **more}


async def called(wecom: WeComRoom, robot: Robot, text: str = "你好") -> dict[str, Any]:
    """Somebody speaks in the risk group; the frame that comes of it."""
    said = await wecom.say("chenxi", text, chat="g-risk", mention=True)
    assert said.status == 200
    return await robot.frame()


def request_of(frame: dict[str, Any]) -> str:
    return str(frame["headers"]["req_id"])


class TestGivenAConnection:
    async def test_when_the_secret_is_wrong_then_it_stays_open_and_may_try_again(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.dial()
        bad = await robot.ask("aibot_subscribe", SECRETS | {"secret": "x"})
        assert (bad["errcode"], bad["headers"]["req_id"]) == (853000, "aibot_subscribe_1")
        assert "cmd" not in bad
        assert (await robot.ask("aibot_subscribe", SECRETS))["errcode"] == 0

    async def test_when_it_has_not_subscribed_then_nothing_else_works(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.dial()
        assert (await robot.ask("aibot_send_msg", push("chenxi")))["errcode"] == 846609
        assert (await robot.ask("ping"))["errcode"] == 0

    async def test_when_it_subscribes_too_often_then_it_is_slowed(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(subscribes_minute=1))
        robot = await wecom.dial()
        assert (await robot.ask("aibot_subscribe", SECRETS))["errcode"] == 0
        assert (await robot.ask("aibot_subscribe", SECRETS))["errcode"] == 45009

    @pytest.mark.parametrize(("kick", "code"), [("close", 1000), ("abort", 1006)])
    async def test_when_a_second_comes_then_the_first_is_told_and_ended(
        self, open_wecom: OpenWeCom, kick: str, code: int
    ) -> None:
        wecom = await open_wecom(kick=kick)
        first = await wecom.robot()
        second = await wecom.robot()
        if kick == "close":
            event = await first.frame()
            assert event["cmd"] == "aibot_event_callback"
            assert event["body"]["event"]["eventtype"] == "disconnected_event"
            assert "from" not in event["body"]
        assert await first.ended() == code
        assert (await called(wecom, second))["cmd"] == "aibot_msg_callback"

    async def test_when_the_first_is_left_half_alive_then_only_its_pings_are_answered(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(kick="zombie")
        first = await wecom.robot()
        await wecom.robot()
        await first.frame()
        assert (await first.ask("ping"))["errcode"] == 0
        await wecom.say("chenxi", "你好", chat="g-risk", mention=True)
        await first.send("aibot_send_msg", push("chenxi"))
        assert await first.quiet()

    async def test_when_it_is_silent_for_too_long_then_it_is_closed(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(pong_seconds=0.2)
        robot = await wecom.robot()
        assert await robot.ended() == 1000

    @pytest.mark.parametrize(("how", "code"), [("", 1000), ("reset", 1006)])
    async def test_when_it_is_cut_then_it_ends(self, wecom: WeComRoom, how: str, code: int) -> None:
        robot = await wecom.robot()
        await wecom.break_it("disconnect", how=how)
        assert await robot.ended() == code
        assert (await wecom.say("chenxi", "x", chat="g-risk", mention=True)).status == 503

    async def test_when_an_acknowledgement_is_lost_then_none_comes(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        await called(wecom, robot)
        await wecom.break_it("no_ack", app="aibot")
        await robot.send("aibot_send_msg", push("g-risk"))
        assert await robot.quiet()

    @pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"cmd":"ping"}', '{"headers":7}'])
    async def test_when_it_sends_nonsense_then_it_lives_on(
        self, wecom: WeComRoom, text: str
    ) -> None:
        robot = await wecom.robot()
        await robot.ws.send_str(text)
        assert (await robot.ask("ping"))["errcode"] == 0

    async def test_when_a_command_is_unknown_then_it_is_refused(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        assert (await robot.ask("aibot_dance", {}))["errcode"] == 40035


class TestGivenPeopleSpeak:
    async def test_when_it_is_called_in_a_group_then_it_hears_its_name_too(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        frame = await called(wecom, robot, "查客户 88012345")
        body = frame["body"]
        assert (body["msgtype"], body["text"]["content"]) == ("text", "@期台 查客户 88012345")
        assert (body["chattype"], body["chatid"]) == ("group", "g-risk")
        assert (body["from"], body["aibotid"]) == ({"userid": "chenxi"}, BOT.bot_id)

    async def test_when_it_is_not_called_then_it_hears_nothing(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        assert (await wecom.say("chenxi", "你好", chat="g-risk")).status == 200
        assert await robot.quiet()
        assert len(await wecom.seen("chenxi", "g-risk")) == 1

    async def test_when_nobody_is_subscribed_then_nothing_is_taken(self, wecom: WeComRoom) -> None:
        assert (await wecom.say("chenxi", "x", chat="g-risk", mention=True)).status == 503
        assert await wecom.seen("chenxi", "g-risk") == []

    async def test_when_it_is_private_then_the_app_may_be_named_or_have_no_address(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await wecom.say("chenxi", "一", app="aibot")
        body = (await robot.frame())["body"]
        assert (body["chattype"], "chatid" in body) == ("single", False)
        await wecom.post("callback", url=None)
        await wecom.say("chenxi", "二")
        assert (await robot.frame())["body"]["text"]["content"] == "二"

    async def test_when_it_is_for_another_robot_then_that_one_hears_it(
        self, wecom: WeComRoom
    ) -> None:
        robot, other = await wecom.robot(), await wecom.robot(WITNESS)
        await wecom.say("chenxi", "你好", chat="g-risk", mention=True, app="witness")
        assert (await other.frame())["body"]["aibotid"] == WITNESS.bot_id
        assert await robot.quiet()

    async def test_when_it_is_spoken_then_it_comes_as_text(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        await wecom.say("chenxi", "你好", app="aibot", kind="voice")
        assert (await robot.frame())["body"]["voice"] == {"content": "你好"}

    async def test_when_a_message_is_quoted_then_its_words_come_along(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        first = await wecom.say("chenxi", "昨日", app="aibot")
        await robot.frame()
        await wecom.say("chenxi", "这个", app="aibot", quote=first.body["message_id"])
        quote = (await robot.frame())["body"]["quote"]
        assert quote == {"msgtype": "text", "text": {"content": "昨日"}}

    @pytest.mark.parametrize(
        ("name", "kind"), [("图.png", "image"), ("表.xlsx", "file"), ("短片.mp4", "video")]
    )
    async def test_when_a_file_is_sent_then_only_its_key_opens_it(
        self, wecom: WeComRoom, name: str, kind: str
    ) -> None:
        robot = await wecom.robot()
        await wecom.upload("chenxi", name, PNG, app="aibot")
        body = (await robot.frame())["body"]
        assert body["msgtype"] == kind
        async with wecom.room.http.get(body[kind]["url"]) as response:
            sealed = await response.read()
        assert opened(sealed, body[kind]["aeskey"]) == PNG

    async def test_when_the_app_cannot_hear_a_file_then_it_does(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        await wecom.upload("chenxi", "表.xlsx", PNG)
        assert (await robot.frame())["body"]["msgtype"] == "file"
        await wecom.upload("chenxi", "图.png", PNG)
        assert (await wecom.desk.next()).plain["MsgType"] == "image"
        assert await robot.quiet()

    async def test_when_five_minutes_have_passed_then_the_address_is_dead(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await wecom.upload("chenxi", "图.png", PNG, app="aibot")
        url = (await robot.frame())["body"]["image"]["url"]
        await wecom.room.post("clock", advance="6m")
        async with wecom.room.http.get(url) as response:
            assert response.status == 403

    async def test_when_a_picture_is_sent_in_a_group_then_nobody_is_told(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        assert (await wecom.upload("chenxi", "图.png", PNG, chat="g-risk")).status == 200
        assert await robot.quiet()

    @pytest.mark.parametrize(("kind", "heard"), [("duplicate", "一一二"), ("reorder", "二一")])
    async def test_when_delivery_is_odd_then_it_hears_it_so(
        self, wecom: WeComRoom, kind: str, heard: str
    ) -> None:
        robot = await wecom.robot()
        await wecom.break_it(kind, app="qidesk")
        for text in "一二":
            await wecom.say("chenxi", text, app="aibot")
        got = [(await robot.frame())["body"]["text"]["content"] for _ in heard]
        assert "".join(got) == heard

    async def test_when_frames_hold_bare_line_breaks_then_a_lenient_reader_copes(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(raw_newlines=True)
        robot = await wecom.robot()
        await wecom.say("chenxi", "一\n二", app="aibot")
        assert "\n" in await robot.ws.receive_str()


class TestGivenAMessageToAnswer:
    async def test_when_it_streams_then_one_item_grows(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        frame = await called(wecom, robot)
        for words, finish in (("查", False), ("查询", False), ("查询完毕", True)):
            body = stream(words, finish=finish)
            ack = await robot.ask("aibot_respond_msg", body, request_of(frame))
            assert (ack["errcode"], ack["headers"]["req_id"]) == (0, request_of(frame))
        [_, item] = await wecom.seen("chenxi", "g-risk")
        assert (item["text"], item["streaming"]) == ("查询完毕", False)
        assert item["reply_to"] == frame["body"]["msgid"]

    async def test_when_a_stream_is_finished_or_old_then_it_is_over(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        await robot.ask("aibot_respond_msg", stream("一", finish=True), request)
        late = await robot.ask("aibot_respond_msg", stream("二"), request)
        assert late["errcode"] == 846608
        await robot.ask("aibot_respond_msg", stream("一", id_="s2"), request)
        await wecom.room.post("clock", advance="361s")
        late = await robot.ask("aibot_respond_msg", stream("二", id_="s2"), request)
        assert late["errcode"] == 846608

    async def test_when_it_sends_words_and_a_card_then_both_are_seen(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        assert (await robot.ask("aibot_respond_msg", WORDS, request))["errcode"] == 0
        card = {"msgtype": "template_card", "template_card": button_card()}
        assert (await robot.ask("aibot_respond_msg", card, request))["errcode"] == 0
        assert (await robot.ask("aibot_respond_msg", card, request))["errcode"] == 42014
        kinds = [one["kind"] for one in await wecom.seen("chenxi", "g-risk")]
        assert kinds == ["text", "markdown", "card"]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"msgtype": "text", "text": {"content": "x"}}, 40008),
            ({"msgtype": "image", "image": {"media_id": "x"}}, 40007),
            (stream("期" * 7000), 45002),
            ({"msgtype": "template_card", "template_card": {"card_type": "text_notice"}}, 40058),
        ],
    )
    async def test_when_an_answer_is_wrong_then_the_frame_says_so(
        self, wecom: WeComRoom, body: dict[str, Any], code: int
    ) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        assert (await robot.ask("aibot_respond_msg", body, request))["errcode"] == code

    async def test_when_a_field_is_missing_then_the_error_has_no_request(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        body = {"msgtype": "image", "image": {"url": "https://x.example"}}
        frame = await robot.ask("aibot_respond_msg", body, request)
        assert (frame["errcode"], frame["headers"]) == (40058, {})

    async def test_when_a_day_has_passed_then_it_is_too_late(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        await wecom.room.post("clock", advance="25h")
        assert (await robot.ask("aibot_respond_msg", WORDS, request))["errcode"] == 846605

    @pytest.mark.parametrize("cmd", ["aibot_respond_welcome_msg", "aibot_respond_update_msg"])
    async def test_when_the_command_does_not_fit_then_the_request_is_invalid(
        self, wecom: WeComRoom, cmd: str
    ) -> None:
        robot = await wecom.robot()
        request = request_of(await called(wecom, robot))
        assert (await robot.ask(cmd, WORDS, request))["errcode"] == 846605
        assert (await robot.ask("aibot_respond_msg", WORDS, "invented"))["errcode"] == 846605


class TestGivenSomebodyEnters:
    async def test_when_it_welcomes_in_time_then_the_person_reads_it(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await wecom.post("event", type="enter_chat", data={"person": "limin"})
        event = await robot.frame()
        assert event["body"]["event"] == {"eventtype": "enter_chat"}
        assert (await robot.ask("aibot_respond_msg", WORDS, request_of(event)))["errcode"] == 846605
        hello = {"msgtype": "text", "text": {"content": "欢迎"}}
        assert (await robot.ask("aibot_respond_welcome_msg", hello, request_of(event)))[
            "errcode"
        ] == 0
        again = await robot.ask("aibot_respond_welcome_msg", hello, request_of(event))
        assert again["errcode"] == 846605
        assert [one["text"] for one in await wecom.seen("limin")] == ["欢迎"]

    async def test_when_it_welcomes_late_then_it_is_refused(self, open_wecom: OpenWeCom) -> None:
        wecom = await open_wecom(answer_seconds=0.0)
        robot = await wecom.robot()
        await wecom.post("event", type="enter_chat", data={"person": "limin"})
        request = request_of(await robot.frame())
        hello = {"msgtype": "text", "text": {"content": "欢迎"}}
        late = await robot.ask("aibot_respond_welcome_msg", hello, request)
        assert late["errcode"] == 846605


class TestGivenACardInAGroup:
    async def sent(self, wecom: WeComRoom, robot: Robot) -> None:
        request = request_of(await called(wecom, robot))
        card = {"msgtype": "template_card", "template_card": button_card()}
        await robot.ask("aibot_respond_msg", card, request)

    async def click(self, wecom: WeComRoom, robot: Robot, body: dict[str, Any]) -> Any:
        """A press that is answered with ``body``; what the person is told, and the ack."""
        async with asyncio.TaskGroup() as group:
            pressed = group.create_task(wecom.click("chenxi", "c1@1", "ok"))
            event = await robot.frame()
            ack = await robot.ask("aibot_respond_update_msg", body, request_of(event))
        return event["body"], ack, pressed.result().body

    def update(self, **more: object) -> dict[str, Any]:
        card = button_card(source={"desc": "已处理"})
        return {"response_type": "update_template_card", "template_card": card, **more}

    async def test_when_it_is_clicked_then_the_answer_replaces_it_for_all(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await self.sent(wecom, robot)
        event, ack, told = await self.click(wecom, robot, self.update())
        pressed = event["event"]["template_card_event"]
        assert (pressed["event_key"], pressed["task_id"]) == ("ok", "c1@1")
        assert (event["chatid"], event["from"]["userid"]) == ("g-risk", "chenxi")
        assert (ack["errcode"], told["answer"]) == (0, "updated")
        for person in ("chenxi", "fengjun"):
            assert (await wecom.card(person, "g-risk"))["status"] == "已处理"

    async def test_when_the_answer_is_for_one_then_the_others_keep_theirs(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await self.sent(wecom, robot)
        await self.click(wecom, robot, self.update(userids=["chenxi"]))
        assert (await wecom.card("chenxi", "g-risk"))["status"] == "已处理"
        assert (await wecom.card("fengjun", "g-risk"))["status"] == "待审"

    async def test_when_the_task_is_another_then_it_is_refused(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        await self.sent(wecom, robot)
        body = self.update(template_card=button_card(task_id="c2"))
        _, ack, told = await self.click(wecom, robot, body)
        assert (ack["errcode"], told["answer"]) == (40035, "failed")

    async def test_when_nothing_comes_then_the_person_sees_that_it_failed(
        self, wecom: WeComRoom
    ) -> None:
        robot = await wecom.robot()
        await self.sent(wecom, robot)
        answer = await wecom.click("chenxi", "c1@1", "ok")
        assert (answer.body["answer"], answer.body["ok"]) == ("failed", False)
        event = await robot.frame()
        late = await robot.ask("aibot_respond_update_msg", self.update(), request_of(event))
        assert late["errcode"] == 846605
        assert await robot.quiet()  # a click is never told twice

    async def test_when_nobody_is_there_then_the_click_is_not_taken(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        await self.sent(wecom, robot)
        await robot.ws.close()
        assert (await wecom.click("chenxi", "c1@1", "ok")).status == 503


class TestGivenItSpeaksFirst:
    async def test_when_nobody_has_spoken_to_it_then_it_may_not(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        refused = await robot.ask("aibot_send_msg", push("g-risk"))
        assert refused["errcode"] == wecom.settings.not_activated
        await called(wecom, robot)
        assert (await robot.ask("aibot_send_msg", push("g-risk", chat_type=2)))["errcode"] == 0
        assert (await robot.ask("aibot_send_msg", push("chenxi")))["errcode"] != 0

    async def test_when_activation_is_switched_off_then_it_may(self, open_wecom: OpenWeCom) -> None:
        wecom = await open_wecom(needs_activation=False)
        robot = await wecom.robot()
        assert (await robot.ask("aibot_send_msg", push("limin", chat_type=1)))["errcode"] == 0
        assert (await wecom.seen("limin"))[0]["text"] == "收到"

    async def test_when_it_says_the_same_twice_then_it_is_seen_twice(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(needs_activation=False)
        robot = await wecom.robot()
        for _ in range(2):
            await robot.ask("aibot_send_msg", push("limin"))
        assert len(await wecom.seen("limin")) == 2

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, 86201),
            ({"chatid": ""}, 86201),
            ({"chatid": "nobody", **WORDS}, 86201),
            ({"chatid": "g-risk", "chat_type": 1, **WORDS}, 86201),
            ({"chatid": "limin", "msgtype": "text", "text": {"content": "x"}}, 40008),
            ({"chatid": "limin", "msgtype": "stream"}, 40008),
        ],
    )
    async def test_when_a_push_is_wrong_then_the_frame_says_so(
        self, open_wecom: OpenWeCom, body: dict[str, Any], code: int
    ) -> None:
        wecom = await open_wecom(needs_activation=False)
        robot = await wecom.robot()
        assert (await robot.ask("aibot_send_msg", body))["errcode"] == code

    async def test_when_a_conversation_is_full_then_it_is_refused(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(needs_activation=False, quotas=Quotas(bot_minute=2))
        robot = await wecom.robot()
        codes = [(await robot.ask("aibot_send_msg", push("limin")))["errcode"] for _ in range(3)]
        assert codes == [0, 0, 45009]
        assert (await robot.ask("aibot_send_msg", push("chenxi")))["errcode"] == 0


class TestGivenAnUpload:
    BODY = bytes(range(256)) * 8

    async def begin(self, robot: Robot, **more: object) -> dict[str, Any]:
        body = {
            "type": "file",
            "filename": "日报.xlsx",
            "total_size": len(self.BODY),
            "total_chunks": 2,
            "md5": hashlib.md5(self.BODY).hexdigest(),  # noqa: S324
            **more,
        }
        return await robot.ask("aibot_upload_media_init", body)

    async def piece(self, robot: Robot, upload: str, n: int) -> int:
        piece = self.BODY[n * 1024 : (n + 1) * 1024]
        body = {
            "upload_id": upload,
            "chunk_index": n,
            "base64_data": base64.b64encode(piece).decode(),
        }
        return int((await robot.ask("aibot_upload_media_chunk", body))["errcode"])

    async def finish(self, robot: Robot, upload: str) -> dict[str, Any]:
        return await robot.ask("aibot_upload_media_finish", {"upload_id": upload})

    async def test_when_pieces_come_in_any_order_and_twice_then_the_file_is_whole(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(needs_activation=False)
        robot = await wecom.robot()
        upload = (await self.begin(robot))["body"]["upload_id"]
        await self.piece(robot, upload, 1)
        robot = await wecom.robot()  # a new connection goes on with it
        for n in (0, 1):
            assert await self.piece(robot, upload, n) == 0
        media = (await self.finish(robot, upload))["body"]
        assert media["type"] == "file"
        body = {"chatid": "limin", "msgtype": "file", "file": {"media_id": media["media_id"]}}
        assert (await robot.ask("aibot_send_msg", body))["errcode"] == 0
        [item] = await wecom.seen("limin")
        async with wecom.room.http.get(wecom.room.base + item["url"]) as response:
            assert await response.read() == self.BODY
        body["file"] = {"media_id": media["media_id"]}
        refused = await wecom.send("limin", "file", {"media_id": media["media_id"]})
        assert refused["errcode"] == 40007  # the app has media of its own

    async def test_when_a_piece_is_missing_then_it_is_not_finished(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        upload = (await self.begin(robot))["body"]["upload_id"]
        await self.piece(robot, upload, 0)
        assert (await self.finish(robot, upload))["errcode"] == 40006

    async def test_when_the_sum_is_wrong_then_it_is_refused(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        upload = (await self.begin(robot, md5="0" * 32))["body"]["upload_id"]
        for n in (0, 1):
            await self.piece(robot, upload, n)
        assert (await self.finish(robot, upload))["errcode"] == 40035

    async def test_when_half_an_hour_has_passed_then_it_is_gone(self, wecom: WeComRoom) -> None:
        robot = await wecom.robot()
        upload = (await self.begin(robot))["body"]["upload_id"]
        await wecom.room.post("clock", advance="31m")
        assert await self.piece(robot, upload, 0) == 40035

    async def test_when_another_robot_knows_its_id_then_it_gets_nothing(
        self, wecom: WeComRoom
    ) -> None:
        upload = (await self.begin(await wecom.robot()))["body"]["upload_id"]
        assert await self.piece(await wecom.robot(WITNESS), upload, 0) == 40035

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"type": "poem"}, 40004),
            ({"total_size": 5}, 40006),
            ({"total_size": 21 << 20}, 40006),
            ({"total_chunks": 101}, 40035),
            ({"filename": ""}, 40058),
        ],
    )
    async def test_when_it_begins_wrong_then_it_is_refused(
        self, wecom: WeComRoom, more: dict[str, Any], code: int
    ) -> None:
        assert (await self.begin(await wecom.robot(), **more))["errcode"] == code


def opened(sealed: bytes, key: str) -> bytes:
    """As the documentation says: key without padding, first half of it the IV, pads up to 32."""
    raw = base64.b64decode(key + "=" * (-len(key) % 4))
    cipher = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).decryptor()
    plain = cipher.update(sealed) + cipher.finalize()
    return plain[: -plain[-1]]
