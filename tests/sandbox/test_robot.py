"""What an app sends by the robot API and by webhooks, and what people see of it."""

import json
import time
from typing import ClassVar
from urllib.parse import quote

import pytest

from bot.sandbox.dingtalk.company import DESK, ROBOTS, WITNESS, Quotas
from bot.sandbox.dingtalk.hooks import sign
from bot.sandbox.world import Group, World
from tests.sandbox.room import OpenRoom, Room, Socket

ONE = "/v1.0/robot/oToMessages/batchSend"
GROUP = "/v1.0/robot/groupMessages/send"


def to_people(people: list[str], key: str = "sampleText", **params: str) -> dict[str, object]:
    return {
        "robotCode": DESK.robot_code,
        "userIds": people,
        "msgKey": key,
        "msgParam": json.dumps(params or {"content": "你好"}),
    }


def one(key: str = "sampleText", **params: str) -> dict[str, object]:
    return to_people(["wangqiang"], key, **params)


def group(key: str = "sampleText", chat: str = "g-risk", **params: str) -> object:
    return {
        "robotCode": DESK.robot_code,
        "openConversationId": chat,
        "msgKey": key,
        "msgParam": json.dumps(params or {"content": "你好"}),
    }


async def heard_hook(room: Room, socket: Socket, person: str = "wangqiang", **more: object) -> str:
    await room.say(person, "你好", **more)
    frame = await socket.frame()
    await socket.ack(frame)
    return str(frame.data["sessionWebhook"])


class TestGivenARobotSendsToPeople:
    async def test_when_one_is_unknown_then_the_others_get_it(self, room: Room) -> None:
        answer = await room.api("POST", ONE, to_people(["wangqiang", "nobody"]))
        assert answer.body["invalidStaffIdList"] == ["nobody"]
        [item] = await room.seen("wangqiang")
        assert (item["from"], item["kind"], item["text"]) == ("bot", "text", "你好")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (to_people([f"p{n}" for n in range(21)]), "invalidParameter.userIds.overMax"),
            (to_people([]), "invalidParameter.userIds.empty"),
            (one("sampleNothing"), "invalidParameter.msgKey.invalid"),
            (one("sampleMarkdown", title="只有标题"), "invalidParameter.msgParam.invalid"),
            ({**one(), "msgParam": "not json"}, "invalidParameter.msgParam.invalid"),
            ({**one(), "robotCode": "another"}, "invalidParameter.robotCode.auth"),
            (one(content="字" * 5001), "invalidParameter.msgParam.tooLong"),
            (one(content="博彩"), "contain.notAllowed.text"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_when_the_call_is_wrong_then_its_documented_code_comes(
        self, room: Room, body: object, code: str
    ) -> None:
        answer = await room.api("POST", ONE, body)
        assert (answer.status, answer.body["code"]) == (400, code)
        assert answer.body["requestid"]

    async def test_when_markdown_holds_a_dtmd_link_then_the_item_can_be_tapped(
        self, room: Room
    ) -> None:
        target = "dtmd://dingtalkclient/sendMessage?content=" + quote("按 1 甲")
        await room.api("POST", ONE, one("sampleMarkdown", title="审批", text=f"[同意]({target})"))
        [item] = await room.seen("wangqiang")
        assert item["links"] == [{"label": "同意", "say": "按 1 甲"}]

    async def test_when_two_buttons_are_sent_then_both_can_be_tapped(self, room: Room) -> None:
        target = "dtmd://dingtalkclient/sendMessage?content="
        buttons = {f"buttonTitle{n}": word for n, word in ((1, "同意"), (2, "拒绝"))}
        urls = {f"buttonUrl{n}": target + quote(word) for n, word in ((1, "同意"), (2, "拒绝"))}
        body = one("sampleActionCard6", title="审批", text="请处理", **buttons, **urls)
        await room.api("POST", ONE, body)
        [item] = await room.seen("wangqiang")
        assert [link["say"] for link in item["links"]] == ["同意", "拒绝"]

    async def test_when_it_was_read_then_the_status_says_so(self, room: Room) -> None:
        key = (await room.api("POST", ONE, one())).body["processQueryKey"]
        path = "/v1.0/robot/oToMessages/readStatus"
        query = {"robotCode": DESK.robot_code, "processQueryKey": key}
        [before] = (await room.api("GET", path, query=query)).body["messageReadInfoList"]
        await room.post("read", platform="dingtalk", person="wangqiang", chat="private")
        [after] = (await room.api("GET", path, query=query)).body["messageReadInfoList"]
        assert (before["readStatus"], after["readStatus"]) == ("UNREAD", "READ")

    async def test_when_it_is_recalled_then_no_trace_is_left(self, room: Room) -> None:
        key = (await room.api("POST", ONE, one())).body["processQueryKey"]
        body = {"robotCode": DESK.robot_code, "processQueryKeys": [key, "unknown"]}
        answer = await room.api("POST", "/v1.0/robot/otoMessages/batchRecall", body)
        assert answer.body["successResult"] == [key]
        assert answer.body["failedResult"] == {"unknown": "invalid.processQueryKey"}
        assert await room.seen("wangqiang") == []

    async def test_when_a_day_has_passed_then_it_cannot_be_recalled(self, room: Room) -> None:
        key = (await room.api("POST", ONE, one())).body["processQueryKey"]
        await room.post("clock", advance="25h")
        room.tokens.clear()
        body = {"robotCode": DESK.robot_code, "processQueryKeys": [key]}
        answer = await room.api("POST", "/v1.0/robot/otoMessages/batchRecall", body)
        assert answer.body["failedResult"] == {key: "processQueryKey.expireTime"}


class TestGivenARobotSendsToAGroup:
    async def test_when_it_is_in_the_group_then_members_see_it(self, room: Room) -> None:
        await room.api("POST", GROUP, group("sampleMarkdown", title="追保", text="**追保**"))
        for person in ("fengjun", "qianwei"):
            [item] = await room.seen(person, "g-risk")
            assert (item["kind"], item["title"]) == ("markdown", "追保")

    async def test_when_the_robot_was_never_added_then_it_neither_speaks_nor_hears_there(
        self, open_room: OpenRoom
    ) -> None:
        party = Group("g-party", "年会", ("wangqiang", "limin"), has_robots=False)
        room = await open_room({"world": World(groups=(party,))})
        refused = await room.api("POST", GROUP, group(chat="g-party"))
        assert (refused.status, refused.body["code"]) == (400, "resource.not.found")
        card = await room.put_card("c1", chat="g-party")
        [result] = card.body["result"]["deliverResults"]
        assert (card.status, result["success"]) == (200, False)
        robots = {"openConversationId": "g-party"}
        listed = await room.api("POST", "/v1.0/robot/groups/robots/query", robots)
        assert listed.body == {"chatbotInstanceVOList": []}
        socket = await room.connect()
        await room.say("wangqiang", "在吗", chat="g-party", mention=True)
        assert await socket.quiet()
        assert [item["text"] for item in await room.seen("limin", "g-party")] == ["@期台 在吗"]

    async def test_when_the_group_is_unknown_then_it_is_refused(self, room: Room) -> None:
        assert (await room.api("POST", GROUP, group(chat="g-none"))).status == 400

    async def test_when_somebody_else_looks_then_he_may_not(self, room: Room) -> None:
        url = f"{room.base}/sandbox/seen"
        query = {"platform": "dingtalk", "person": "zhaolei", "chat": "g-risk"}
        async with room.http.get(url, params=query) as response:
            assert response.status == 400


class TestGivenASessionWebhook:
    async def test_when_it_is_answered_then_the_item_knows_its_question(self, room: Room) -> None:
        socket = await room.connect()
        said = await room.say("wangqiang", "你好")
        hook = (await socket.frame()).data["sessionWebhook"]
        answer = await room.hook(hook, {"msgtype": "text", "text": {"content": "在"}})
        assert answer["errcode"] == 0
        item = (await room.seen("wangqiang"))[-1]
        assert (item["text"], item["reply_to"]) == ("在", said.body["message_id"])

    async def test_when_the_question_came_from_a_group_then_the_answer_goes_there(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        hook = await heard_hook(room, socket, "limin", chat="g-hz", mention=True)
        body = {"msgtype": "text", "text": {"content": "在"}, "at": {"atUserIds": ["limin"]}}
        await room.hook(hook, body)
        item = (await room.seen("sunfang", "g-hz"))[-1]
        assert (item["text"], item["mentions"]) == ("在", ["limin"])

    async def test_when_ninety_minutes_are_over_then_it_is_dead(self, room: Room) -> None:
        hook = await heard_hook(room, await room.connect())
        await room.post("clock", advance="91m")
        answer = await room.hook(hook, {"msgtype": "text", "text": {"content": "在"}})
        assert answer["errmsg"] == "session.expired"

    async def test_when_the_session_is_wrong_then_it_is_refused(self, room: Room) -> None:
        hook = f"{room.base}/sim/dingtalk/robot/sendBySession?session=wrong"
        assert (await room.hook(hook, {"msgtype": "empty"}))["errcode"] == 300001

    async def test_when_a_picture_is_in_the_markdown_then_it_is_an_image_with_a_caption(
        self, room: Room
    ) -> None:
        hook = await heard_hook(room, await room.connect())
        media = await room.upload_media("image", "曲线.png", b"\x89PNG")
        text = f"权益 60 日 · 最大回撤 18.2%\n\n![]({media['media_id']})"
        await room.hook(hook, {"msgtype": "markdown", "markdown": {"title": "权益", "text": text}})
        item = (await room.seen("wangqiang"))[-1]
        assert (item["kind"], item["text"]) == ("image", "权益 60 日 · 最大回撤 18.2%")
        async with room.http.get(room.base + item["url"]) as response:
            assert await response.read() == b"\x89PNG"

    async def test_when_a_button_card_is_sent_then_its_links_are_shown(self, room: Room) -> None:
        hook = await heard_hook(room, await room.connect())
        button = {"title": "帮助", "actionURL": "dtmd://dingtalkclient/sendMessage?content=help"}
        card = {"title": "期台", "text": "说 帮助", "btns": [button]}
        await room.hook(hook, {"msgtype": "actionCard", "actionCard": card})
        assert (await room.seen("wangqiang"))[-1]["links"] == [{"label": "帮助", "say": "help"}]


class TestGivenACustomRobot:
    robot = ROBOTS[0]
    body: ClassVar = {"msgtype": "text", "text": {"content": "追保"}}

    def url(self, room: Room, *, key: str = "", at: int = 0) -> str:
        stamp = str(at or int(time.time() * 1000))
        signature = quote(sign(key or self.robot.secret, stamp), safe="")
        base = f"{room.base}/sim/dingtalk/robot/send?access_token={self.robot.access_token}"
        return f"{base}&timestamp={stamp}&sign={signature}"

    def test_the_signature_is_the_documented_one(self) -> None:
        expected = "rFkNJNiPLw%2B5HeJifGSjjzVcgD4oEUmYovKalWAW3JY%3D"
        assert quote(sign("SECdemo0001", "1767225600000"), safe="") == expected

    async def test_when_signed_then_the_group_sees_it(self, room: Room) -> None:
        assert (await room.hook(self.url(room), self.body))["errcode"] == 0
        assert [item["text"] for item in await room.seen("chenxi", "g-risk")] == ["追保"]

    async def test_when_the_signature_is_wrong_then_310000(self, room: Room) -> None:
        answer = await room.hook(self.url(room, key="wrong"), self.body)
        assert answer["errcode"] == 310000
        answer = await room.hook(self.url(room, at=1767225600000), self.body)
        assert (answer["errcode"], answer["errmsg"]) == (310000, "invalid timestamp")

    async def test_when_the_body_is_too_long_then_460101(self, room: Room) -> None:
        long = {"msgtype": "text", "text": {"content": "字" * 7000}}
        assert (await room.hook(self.url(room), long))["errcode"] == 460101

    async def test_when_the_same_uuid_comes_twice_then_it_is_seen_once(self, room: Room) -> None:
        for _ in range(2):
            answer = await room.hook(self.url(room), self.body | {"msgUuid": "alert-1"})
            assert answer["errcode"] == 0
        assert len(await room.seen("chenxi", "g-risk")) == 1

    async def test_when_more_than_twenty_a_minute_come_then_410100(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(robot_minute=20))
        codes = [(await room.hook(self.url(room), self.body))["errcode"] for _ in range(22)]
        assert codes == [0] * 20 + [410100] * 2


class TestGivenMedia:
    async def test_when_a_file_is_uploaded_then_it_can_be_sent(self, room: Room) -> None:
        media = await room.upload_media("file", "日报.pdf", b"%PDF")
        body = one("sampleFile", mediaId=media["media_id"], fileName="日报.pdf", fileType="pdf")
        await room.api("POST", ONE, body)
        [item] = await room.seen("wangqiang")
        assert (item["kind"], item["text"], item["size"]) == ("file", "日报.pdf", 4)

    @pytest.mark.parametrize(
        ("kind", "name", "code"),
        [("nothing", "a.png", 40004), ("image", "a.exe", 40005), ("voice", "a.mp4", 40005)],
    )
    async def test_when_it_is_of_the_wrong_sort_then_its_code_comes(
        self, room: Room, kind: str, name: str, code: int
    ) -> None:
        assert (await room.upload_media(kind, name, b"x"))["errcode"] == code

    async def test_when_it_is_too_big_then_40006(self, room: Room) -> None:
        assert (await room.upload_media("voice", "a.mp3", b"x" * 2_100_000))["errcode"] == 40006

    async def test_when_a_person_uploads_then_the_app_can_fetch_the_bytes(self, room: Room) -> None:
        socket = await room.connect()
        await room.upload("wangqiang", "身份证.png", b"\x89PNG")
        frame = await socket.frame()
        assert frame.data["msgtype"] == "picture"
        url = await self.download_url(room, frame.data["content"]["downloadCode"])
        async with room.http.get(url) as response:
            assert await response.read() == b"\x89PNG"

    async def test_when_the_address_is_old_or_forged_then_403(self, room: Room) -> None:
        socket = await room.connect()
        await room.upload("wangqiang", "开户资料.pdf", b"%PDF")
        content = (await socket.frame()).data["content"]
        assert content["fileName"] == "开户资料.pdf"
        url = await self.download_url(room, content["downloadCode"])
        async with room.http.get(url.replace("Signature=", "Signature=0")) as forged:
            assert forged.status == 403
        await room.post("clock", advance="6m")
        async with room.http.get(url) as old:
            assert old.status == 403

    async def test_when_another_app_asks_for_the_code_then_it_is_refused(self, room: Room) -> None:
        socket = await room.connect()
        await room.upload("wangqiang", "开户资料.pdf", b"%PDF")
        code = (await socket.frame()).data["content"]["downloadCode"]
        body = {"downloadCode": code, "robotCode": WITNESS.robot_code}
        answer = await room.api("POST", "/v1.0/robot/messageFiles/download", body, app=WITNESS)
        assert answer.body["code"] == "invalidParameter.robotCode.auth"

    async def test_when_a_page_is_uploaded_then_it_is_never_served_as_one(self, room: Room) -> None:
        await room.connect()
        await room.upload("wangqiang", "x.html", b"<script>alert(1)</script>")
        item = (await room.seen("wangqiang"))[-1]
        async with room.http.get(room.base + item["url"]) as response:
            assert response.content_type == "application/octet-stream"
            assert response.headers["Content-Disposition"].startswith("attachment")

    async def download_url(self, room: Room, code: str) -> str:
        body = {"downloadCode": code, "robotCode": DESK.robot_code}
        answer = await room.api("POST", "/v1.0/robot/messageFiles/download", body)
        return str(answer.body["downloadUrl"])
