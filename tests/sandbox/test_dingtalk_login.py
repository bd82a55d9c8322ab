"""The simulated DingTalk's login: whom one may be, codes, and tokens of people."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bot.sandbox.dingtalk.company import CORP_ID, DESK, WITNESS, App, union_id
from tests.sandbox.room import Answer, OpenRoom, Room

BACK = "https://desk.example/h5/?a=1"
NO_CODE = "invalidParameter.authCode.notFound"


def address(room: Room, **more: str) -> str:
    query = {
        "client_id": DESK.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid corpid",
        "prompt": "consent",
        "state": "S1",
        **more,
    }
    return f"{room.base}/sim/dingtalk/oauth2/auth?{urlencode(query)}"


async def code(room: Room, person: str, **more: str) -> str:
    where = address(room, person=person, **more)
    async with room.http.get(where, allow_redirects=False) as response:
        assert response.status == 302, await response.text()
        target = urlsplit(response.headers["Location"])
    words = parse_qs(target.query)
    assert (target.netloc, words["a"], words["state"]) == ("desk.example", ["1"], ["S1"])
    assert "code" not in words
    return words["authCode"][0]


async def exchange(room: Room, given: object, app: App = DESK, **more: object) -> Answer:
    body = {
        "clientId": app.client_id,
        "clientSecret": app.client_secret,
        "code": given,
        "grantType": "authorization_code",
        **more,
    }
    url = f"{room.base}/sim/dingtalk/v1.0/oauth2/userAccessToken"
    async with room.http.post(url, json=body) as response:
        return Answer(response.status, await response.json())


async def asks(room: Room, token: str, whom: str = "me") -> Answer:
    url = f"{room.base}/sim/dingtalk/v1.0/contact/users/{whom}"
    headers = {"x-acs-dingtalk-access-token": token}
    async with room.http.get(url, headers=headers) as response:
        return Answer(response.status, await response.json())


async def token(room: Room, person: str) -> str:
    answer = await exchange(room, await code(room, person))
    assert answer.status == 200
    return str(answer.body["accessToken"])


async def member(room: Room, union: str) -> Any:
    return await room.oapi("/topapi/user/getbyunionid", {"unionid": union})


class TestGivenTheLoginPage:
    async def test_when_nobody_is_named_then_one_may_choose(self, room: Room) -> None:
        async with room.http.get(address(room)) as response:
            page = await response.text()
        assert "王强" in page
        assert "person=wangqiang" in page
        assert "person=outsider" in page

    @pytest.mark.parametrize(
        "more",
        [
            {"client_id": "dingnobody"},
            {"redirect_uri": ""},
            {"response_type": "token"},
            {"prompt": ""},
            {"scope": "corpid"},
            {"corpId": "dinganother"},
        ],
    )
    async def test_when_the_address_is_wrong_then_there_is_no_code(
        self, room: Room, more: dict[str, str]
    ) -> None:
        where = address(room, person="limin", **more)
        async with room.http.get(where, allow_redirects=False) as response:
            assert response.status == 400

    async def test_when_the_way_back_is_not_registered_then_there_is_no_code(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(redirect_urls=("https://other.example/",))
        where = address(room, person="limin")
        async with room.http.get(where, allow_redirects=False) as response:
            assert (response.status, "没有登记" in await response.text()) == (400, True)


class TestGivenACode:
    async def test_when_it_is_redeemed_then_the_token_tells_who_it_is(self, room: Room) -> None:
        answer = await exchange(room, await code(room, "limin"))
        assert (answer.body["expireIn"], answer.body["corpId"]) == (7200, CORP_ID)
        me = (await asks(room, answer.body["accessToken"])).body
        assert (me["nick"], me["unionId"]) == ("李敏", union_id("limin"))
        found = await member(room, me["unionId"])
        assert found["result"] == {"contact_type": 0, "userid": "limin"}

    async def test_when_no_company_was_asked_for_then_none_is_told(self, room: Room) -> None:
        answer = await exchange(room, await code(room, "limin", scope="openid"))
        assert "corpId" not in answer.body

    async def test_when_it_comes_again_then_it_is_dead(self, room: Room) -> None:
        given = await code(room, "limin")
        assert (await exchange(room, given)).status == 200
        again = await exchange(room, given)
        assert (again.status, again.body["code"]) == (400, NO_CODE)

    async def test_when_five_minutes_have_passed_then_it_is_dead(self, room: Room) -> None:
        given = await code(room, "limin")
        await room.post("clock", advance="5m")
        assert (await exchange(room, given)).body["code"] == NO_CODE

    async def test_when_another_app_has_it_then_it_is_dead(self, room: Room) -> None:
        given = await code(room, "limin")
        assert (await exchange(room, given, WITNESS)).body["code"] == NO_CODE

    async def test_when_the_secret_is_wrong_then_it_stays_good(self, room: Room) -> None:
        given = await code(room, "limin")
        refused = await exchange(room, given, clientSecret="wrong")
        assert (refused.status, refused.body["code"]) == (400, "invalidClientIdOrSecret")
        assert (await exchange(room, given)).status == 200

    @pytest.mark.parametrize("given", [None, "", 7, [], "made-up"])
    async def test_when_it_is_none_then_it_is_refused(self, room: Room, given: object) -> None:
        assert (await exchange(room, given)).body["code"] == NO_CODE


class TestGivenThePersonsToken:
    async def test_when_two_hours_have_passed_then_it_is_dead(self, room: Room) -> None:
        given = await token(room, "limin")
        await room.post("clock", advance="2h")
        assert (await asks(room, given)).body["code"] == "InvalidAuthentication"

    async def test_when_the_app_uses_its_own_then_it_is_refused(self, room: Room) -> None:
        assert (await asks(room, await room.token())).body["code"] == "InvalidAuthentication"

    async def test_when_it_stands_for_the_app_then_it_is_refused(self, room: Room) -> None:
        room.tokens[DESK.name] = await token(room, "limin")
        assert (await member(room, union_id("limin")))["errcode"] == 40014

    async def test_when_it_asks_for_somebody_else_then_it_is_refused(self, room: Room) -> None:
        answer = await asks(room, await token(room, "limin"), "somebody")
        assert answer.status == 400

    async def test_when_the_scope_is_missing_then_the_answer_names_it(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(desk=replace(DESK, scopes=DESK.scopes - {"Contact.User.Read"}))
        answer = await asks(room, await token(room, "limin"))
        assert answer.body["accessdenieddetail"] == {"requiredScopes": ["Contact.User.Read"]}


class TestGivenSomebodyWhoIsNoneOfOurs:
    async def test_when_an_outsider_signs_in_then_the_company_does_not_know_him(
        self, room: Room
    ) -> None:
        me = (await asks(room, await token(room, "outsider"))).body
        assert (await member(room, me["unionId"]))["errcode"] == 60121

    async def test_when_somebody_has_left_then_the_company_does_not_know_him(
        self, room: Room
    ) -> None:
        data = {"userId": ["limin"]}
        await room.post("event", platform="dingtalk", type="user_leave_org", data=data)
        me = (await asks(room, await token(room, "limin"))).body
        assert (await member(room, me["unionId"]))["errcode"] == 60121


async def test_no_secret_of_a_login_is_on_the_wire(room: Room) -> None:
    given = await token(room, "limin")
    entries = str(await room.get("wire"))
    assert "userAccessToken" in entries
    assert given not in entries
    assert DESK.client_secret not in entries
