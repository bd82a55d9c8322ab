"""Clients send anything; the far side refuses it in its own words and never breaks."""

import json
from typing import Any

import pytest

from tests.sandbox.room import Room, card_body

CALLS = [
    ("POST", "/v1.0/gateway/connections/open"),
    ("POST", "/v1.0/oauth2/accessToken"),
    ("POST", "/v1.0/robot/oToMessages/batchSend"),
    ("POST", "/v1.0/robot/groupMessages/send"),
    ("POST", "/v1.0/robot/groupMessages/query"),
    ("POST", "/v1.0/robot/otoMessages/batchRecall"),
    ("POST", "/v1.0/robot/messageFiles/download"),
    ("POST", "/v1.0/robot/ding/send"),
    ("POST", "/v1.0/robot/ding/recall"),
    ("POST", "/v1.0/card/instances"),
    ("PUT", "/v1.0/card/instances"),
    ("POST", "/v1.0/card/instances/deliver"),
    ("POST", "/v1.0/card/instances/createAndDeliver"),
    ("PUT", "/v1.0/card/instances/spaces"),
    ("POST", "/robot/send"),
    ("POST", "/robot/sendBySession"),
    ("POST", "/media/upload"),
    ("POST", "/v1.0/oauth2/userAccessToken"),
    ("GET", "/v1.0/contact/users/me"),
    ("POST", "/topapi/user/getbyunionid"),
    ("POST", "/topapi/v2/user/get"),
    ("POST", "/topapi/user/listid"),
    ("POST", "/topapi/role/list"),
]
ODD: list[Any] = [None, True, -1, 1.5, "", "x", [], [None, {}], {}, {"cardParamMap": []}]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_no_body_breaks_a_call(room: Room, method: str, path: str) -> None:
    good = card_body("c1") | {
        "robotCode": "dingqidesksandboxkey",
        "userIds": ["wangqiang"],
        "openConversationId": "g-risk",
        "msgKey": "sampleText",
        "msgParam": '{"content":"x"}',
        "remindType": 1,
        "receiverUserIdList": ["chenxi"],
        "content": "x",
        "processQueryKeys": ["x"],
        "privateData": {},
        "cardUpdateOptions": {},
    }
    query = {"access_token": await room.token()}
    for key in [*good, "nothing"]:
        for odd in ODD:
            body = good | {key: odd, "outTrackId": f"{key} {odd}"[:90]} | {key: odd}
            answer = await room.api(method, path, body, query)
            assert answer.status < 500, (key, odd)


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a":"\\ud800"}'])
async def test_no_bytes_break_a_call(room: Room, raw: bytes) -> None:
    headers = {"x-acs-dingtalk-access-token": await room.token()}
    for method, path in CALLS:
        url = f"{room.base}/sim/dingtalk{path}"
        async with room.http.request(method, url, data=raw, headers=headers) as response:
            assert response.status < 500
    for path in ("say", "click", "read", "faults", "clock", "event", "upload"):
        async with room.http.post(f"{room.base}/sandbox/{path}", data=raw) as response:
            assert response.status == 400
            assert json.loads(await response.read())["error"]


@pytest.mark.parametrize("odd", ODD)
async def test_no_card_template_value_breaks_a_screen(room: Room, odd: Any) -> None:
    lists = ("facts", "table", "sections", "buttons")
    values = {name: json.dumps([odd, [odd], {"label": odd}]) for name in lists}
    form = json.dumps({"fields": [odd, {"name": "a", "options": odd, "defaultValue": odd}]})
    assert (await room.put_card("c1", **values, form=form)).status == 200
    [item] = await room.seen("wangqiang")
    assert item["card"]["id"] == "c1"
