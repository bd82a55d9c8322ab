"""Tokens, scopes, limits, contacts and DING."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.dingtalk.company import DESK, Quotas
from bot.sandbox.dingtalk.contacts import mobile_of
from tests.sandbox.room import OpenRoom, Room

ONE = "/v1.0/robot/oToMessages/batchSend"
PLAIN = {
    "robotCode": DESK.robot_code,
    "userIds": ["wangqiang"],
    "msgKey": "sampleText",
    "msgParam": '{"content": "你好"}',
}


class TestGivenTokens:
    async def test_when_asked_again_then_it_is_the_same(self, room: Room) -> None:
        first = await room.token()
        room.tokens.clear()
        assert await room.token() == first

    async def test_when_two_hours_are_over_then_it_is_dead_on_both_hosts(self, room: Room) -> None:
        await room.token()
        await room.post("clock", advance="2h")
        answer = await room.api("POST", ONE, PLAIN)
        assert (answer.status, answer.body["code"]) == (400, "InvalidAuthentication")
        old = await room.oapi("/topapi/v2/user/get", {"userid": "wangqiang"})
        assert old["errcode"] == 40014

    async def test_when_the_secret_is_wrong_then_it_is_refused(self, room: Room) -> None:
        url = f"{room.base}/sim/dingtalk/v1.0/oauth2/accessToken"
        body = {"appKey": DESK.client_id, "appSecret": "wrong"}
        async with room.http.post(url, json=body) as response:
            assert response.status == 400
            assert (await response.json())["code"] == "invalidClientIdOrSecret"

    async def test_when_asked_the_old_way_then_both_hosts_share_it(self, room: Room) -> None:
        url = f"{room.base}/sim/dingtalk/gettoken"
        query = {"appkey": DESK.client_id, "appsecret": DESK.client_secret}
        async with room.http.get(url, params=query) as response:
            old = await response.json()
        assert (old["errcode"], old["access_token"]) == (0, await room.token())


class TestGivenLimits:
    async def test_when_a_scope_is_missing_then_the_answer_names_it(
        self, open_room: OpenRoom
    ) -> None:
        desk = replace(DESK, scopes=frozenset({"qyapi_base"}))
        room = await open_room(desk=desk)
        answer = await room.api("POST", ONE, PLAIN)
        assert answer.status == 403
        assert answer.body["accessdenieddetail"] == {"requiredScopes": ["qyapi_robot_sendmsg"]}

    async def test_when_calls_come_too_fast_then_403_with_the_qps_code(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(qps=2))
        answers = [await room.api("POST", ONE, PLAIN) for _ in range(3)]
        assert [one.status for one in answers] == [200, 200, 403]
        assert answers[2].body["code"] == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"

    async def test_when_the_month_is_used_up_then_calls_stop_until_the_next(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(api_month=1))
        assert (await room.api("POST", ONE, PLAIN)).status == 200
        answer = await room.api("POST", ONE, PLAIN)
        assert answer.body["code"] == "Forbidden.AccessDenied.ApiCountLimitForOrg"
        await room.post("clock", advance="31d")
        room.tokens.clear()
        assert (await room.api("POST", ONE, PLAIN)).status == 200

    async def test_when_pushes_are_used_up_then_the_message_comes_without_its_text(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(stream_month=1))
        socket = await room.connect()
        await room.say("wangqiang", "查 张三")
        await socket.ack(await socket.frame())
        await room.say("wangqiang", "查 李四")
        frame = await socket.frame()
        assert "text" not in frame.data
        assert (frame.data["errorCode"], frame.data["errCode"]) == ("20001", "20001")

    async def test_when_the_app_is_not_published_then_the_sender_is_unknown(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(desk=replace(DESK, published=False))
        socket = await room.connect()
        await room.say("wangqiang", "查 张三")
        assert "senderStaffId" not in (await socket.frame()).data

    async def test_when_the_state_is_read_then_it_counts(self, room: Room) -> None:
        await room.api("POST", ONE, PLAIN)
        assert (await room.get("state"))["counters"]["dingtalk"]["api_month"] == 1


class TestGivenContacts:
    async def test_when_a_person_is_read_then_role_and_department_are_there(
        self, room: Room
    ) -> None:
        answer = await room.oapi("/topapi/v2/user/get", {"userid": "sunfang"})
        person = answer["result"]
        assert (person["name"], person["active"]) == ("孙芳", True)
        assert person["leader_in_dept"][0]["leader"] is True
        assert person["role_list"][0]["name"] == "营业部负责人"

    async def test_when_walking_departments_then_everybody_is_found_once(self, room: Room) -> None:
        listed = await room.oapi("/topapi/v2/department/listsub", {"dept_id": 1})
        people: list[str] = []
        for department in listed["result"]:
            body = {"dept_id": department["dept_id"]}
            people += (await room.oapi("/topapi/user/listid", body))["result"]["userid_list"]
        everybody = [one["id"] for one in await room.get("people")]
        assert sorted(people) == sorted(everybody)

    async def test_when_a_role_is_read_then_its_holders_come(self, room: Room) -> None:
        groups = (await room.oapi("/topapi/role/list", {"size": 200, "offset": 0}))["result"]
        roles = {role["name"]: role["id"] for role in groups["list"][0]["roles"]}
        body = {"role_id": roles["风控"], "size": 1, "offset": 0}
        page = (await room.oapi("/topapi/role/simplelist", body))["result"]
        assert (page["hasMore"], [one["userid"] for one in page["list"]]) == (True, ["fengjun"])

    async def test_when_asked_by_mobile_then_the_person_comes(self, room: Room) -> None:
        body = {"mobile": mobile_of("limin")}
        answer = await room.oapi("/topapi/v2/user/getbymobile", body)
        assert answer["result"] == {"userid": "limin"}

    @pytest.mark.parametrize(
        ("path", "body", "code"),
        [
            ("/topapi/v2/user/get", {"userid": "nobody"}, 33012),
            ("/topapi/v2/user/getbymobile", {"mobile": "1"}, 40104),
            ("/topapi/v2/user/getbymobile", {"mobile": "10000000000"}, 60121),
            ("/topapi/v2/department/listsub", {"dept_id": 99}, 60003),
            ("/topapi/role/simplelist", {"role_id": 1}, 33011),
            ("/topapi/role/list", {"size": 500}, 40068),
        ],
    )
    async def test_when_it_is_wrong_then_its_errcode_comes_with_200(
        self, room: Room, path: str, body: dict[str, Any], code: int
    ) -> None:
        assert (await room.oapi(path, body))["errcode"] == code

    async def test_when_stringly_then_booleans_and_lists_are_strings(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(stringly=True)
        person = (await room.oapi("/topapi/v2/user/get", {"userid": "limin"}))["result"]
        assert (person["active"], person["dept_id_list"]) == ("true", "[2]")


class TestGivenDing:
    def body(self, kind: int, *people: str) -> dict[str, Any]:
        return {
            "robotCode": DESK.robot_code,
            "remindType": kind,
            "receiverUserIdList": list(people),
            "content": "请立即处理",
        }

    @pytest.mark.parametrize(("kind", "seen"), [(1, "ding"), (2, "sms"), (3, "call")])
    async def test_when_sent_then_the_person_gets_it_in_its_form(
        self, room: Room, kind: int, seen: str
    ) -> None:
        answer = await room.api("POST", "/v1.0/robot/ding/send", self.body(kind, "chenxi", "x"))
        assert answer.body["openDingId"]
        assert answer.body["failedList"] == {"员工不存在": ["x"]}
        [item] = await room.seen("chenxi")
        assert (item["kind"], item["text"]) == (seen, "请立即处理")

    async def test_when_nothing_was_bought_then_calls_are_refused_and_dings_are_not(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(ding_calls=0, ding_sms=0))
        answer = await room.api("POST", "/v1.0/robot/ding/send", self.body(3, "chenxi"))
        assert answer.body["code"] == "ding.serverquota.insufficient"
        answer = await room.api("POST", "/v1.0/robot/ding/send", self.body(1, "chenxi"))
        assert answer.status == 200

    async def test_when_too_many_are_called_then_it_is_refused(self, room: Room) -> None:
        people = [f"p{n}" for n in range(21)]
        answer = await room.api("POST", "/v1.0/robot/ding/send", self.body(3, *people))
        assert answer.body["code"] == "ding.receivercount.limit"

    async def test_when_recalled_then_it_is_gone(self, room: Room) -> None:
        sent = await room.api("POST", "/v1.0/robot/ding/send", self.body(1, "chenxi"))
        body = {"robotCode": DESK.robot_code, "openDingId": sent.body["openDingId"]}
        await room.api("POST", "/v1.0/robot/ding/recall", body)
        assert await room.seen("chenxi") == []
