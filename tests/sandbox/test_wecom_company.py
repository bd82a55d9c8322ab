"""Group robots, an app's own group chats, media, contacts and pages that ask who somebody is."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bot.sandbox.wecom.company import CORP_ID, DESK, Agent, Quotas
from tests.sandbox.wecom_room import PNG, OpenWeCom, WeComRoom, button_card

RISK = ["fengjun", "chenxi", "sunfang", "qianwei"]
OTHER = Agent(
    name="other",
    agent_id=1000008,
    secret="other-secret",
    token="t",
    encoding_aes_key=DESK.encoding_aes_key,
)
NOTICE = {
    "card_type": "text_notice",
    "main_title": {"title": "追保"},
    "card_action": {"type": 1, "url": "https://desk.example"},
}


def text(words: str, **more: object) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": words, **more}}


def picture(body: bytes, md5: str = "") -> dict[str, Any]:
    md5 = md5 or hashlib.md5(body).hexdigest()  # noqa: S324
    image = {"base64": base64.b64encode(body).decode(), "md5": md5}
    return {"msgtype": "image", "image": image}


class TestGivenAGroupRobot:
    async def test_when_it_speaks_then_every_member_reads_it(self, wecom: WeComRoom) -> None:
        reply = await wecom.hook("g-risk", text("强平", mentioned_list=["chenxi", "@all"]))
        assert (reply["errcode"], "msgid" in reply) == (0, False)
        [item] = await wecom.seen("fengjun", "g-risk")
        assert (item["text"], item["mentions"]) == ("强平", ["chenxi", "@all"])

    @pytest.mark.parametrize("kind", ["markdown", "markdown_v2"])
    async def test_when_markdown_is_long_then_four_thousand_bytes_are_shown(
        self, wecom: WeComRoom, kind: str
    ) -> None:
        await wecom.hook("g-risk", {"msgtype": kind, kind: {"content": "期" * 2000}})
        [item] = await wecom.seen("fengjun", "g-risk")
        assert item["text"] == "期" * 1365

    async def test_when_a_picture_comes_with_its_sum_then_it_is_seen(
        self, wecom: WeComRoom
    ) -> None:
        assert (await wecom.hook("g-risk", picture(PNG)))["errcode"] == 0
        [item] = await wecom.seen("fengjun", "g-risk")
        assert (item["kind"], bool(item["url"])) == ("image", True)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (picture(PNG, "0" * 32), 40035),
            (picture(b"GIF89a......"), 40005),
            ({"msgtype": "image", "image": {"base64": "%", "md5": "x"}}, 40035),
            ({"msgtype": "textcard"}, 40008),
            (text(""), 44004),
            ({"msgtype": "template_card", "template_card": button_card()}, 40008),
        ],
    )
    async def test_when_a_body_is_wrong_then_the_code_says_how(
        self, wecom: WeComRoom, body: dict[str, Any], code: int
    ) -> None:
        assert (await wecom.hook("g-risk", body))["errcode"] == code
        assert await wecom.seen("fengjun", "g-risk") == []

    async def test_when_it_shows_a_notice_then_a_click_does_nothing(self, wecom: WeComRoom) -> None:
        card = {"msgtype": "template_card", "template_card": NOTICE}
        assert (await wecom.hook("g-risk", card))["errcode"] == 0
        shown = await wecom.card("fengjun", "g-risk")
        answer = await wecom.click("fengjun", shown["id"], "x")
        assert answer.body["answer"] == "unchanged"
        assert await wecom.desk.quiet()

    async def test_when_the_key_is_wrong_then_it_is_refused(self, wecom: WeComRoom) -> None:
        reply = await wecom.call("POST", "/cgi-bin/webhook/send", {"key": "x"}, json=text("x"))
        assert (reply.status, reply.json()["errcode"]) == (200, 93000)

    async def test_when_it_speaks_too_often_then_it_waits_a_minute(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas.standard())
        codes = [(await wecom.hook("g-risk", text(str(n))))["errcode"] for n in range(21)]
        assert codes == [0] * 20 + [45009]
        assert (await wecom.hook("g-hz", text("x")))["errcode"] == 0
        await wecom.room.post("clock", advance="61s")
        assert (await wecom.hook("g-risk", text("x")))["errcode"] == 0

    async def test_when_it_uploads_a_file_then_only_it_can_send_it(self, wecom: WeComRoom) -> None:
        risk, branch = wecom.settings.robots
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("media", b"PK345678", filename="日报.xlsx")
        query = {"key": risk.key, "type": "file"}
        reply = await wecom.call("POST", "/cgi-bin/webhook/upload_media", query, data=form)
        media_id = reply.json()["media_id"]
        body = {"msgtype": "file", "file": {"media_id": media_id}}
        assert (await wecom.hook(branch.group, body))["errcode"] == 40007
        assert (await wecom.hook(risk.group, body))["errcode"] == 0
        assert (await wecom.seen("fengjun", "g-risk"))[0]["name"] == "日报.xlsx"


class TestGivenAGroupChatOfTheApp:
    async def made(self, wecom: WeComRoom, people: list[str]) -> dict[str, Any]:
        body = {"name": "早盘", "owner": people[0], "userlist": people, "chatid": "open01"}
        return await wecom.api("/cgi-bin/appchat/create", body)

    async def test_when_its_members_are_a_groups_then_it_is_that_group(
        self, wecom: WeComRoom
    ) -> None:
        assert (await self.made(wecom, RISK))["chatid"] == "open01"
        body = {"chatid": "open01", "msgtype": "markdown", "markdown": {"content": "**开盘**"}}
        assert (await wecom.api("/cgi-bin/appchat/send", body))["errcode"] == 0
        assert (await wecom.seen("chenxi", "g-risk"))[0]["text"] == "**开盘**"

    async def test_when_they_are_others_then_each_reads_it_in_private(
        self, wecom: WeComRoom
    ) -> None:
        await self.made(wecom, ["limin", "zhaolei"])
        await wecom.api("/cgi-bin/appchat/send", {"chatid": "open01", **text("你好")})
        [item] = await wecom.seen("zhaolei")
        assert (item["text"], item["appchat"]) == ("你好", "早盘")

    async def test_when_members_change_then_it_is_told_so(self, wecom: WeComRoom) -> None:
        await self.made(wecom, ["limin", "zhaolei"])
        change = {"chatid": "open01", "add_user_list": ["wuhao"], "del_user_list": ["zhaolei"]}
        assert (await wecom.api("/cgi-bin/appchat/update", change))["errcode"] == 0
        info = (await wecom.get("/cgi-bin/appchat/get", chatid="open01"))["chat_info"]
        assert info["userlist"] == ["limin", "wuhao"]

    async def test_when_a_member_gets_too_many_then_the_rest_vanish(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(chat_minute=1))
        await self.made(wecom, ["limin", "zhaolei"])
        for _ in range(2):
            reply = await wecom.api("/cgi-bin/appchat/send", {"chatid": "open01", **text("x")})
            assert reply["errcode"] == 0
        assert len(await wecom.seen("limin")) == 1

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"userlist": ["limin"]}, 86006),
            ({"userlist": ["limin", "nobody"]}, 86007),
            ({"chatid": "有"}, 86001),
            ({"owner": "wuhao"}, 86005),
            ({"name": "名" * 51}, 86004),
        ],
    )
    async def test_when_it_is_made_wrong_then_it_is_refused(
        self, wecom: WeComRoom, change: dict[str, Any], code: int
    ) -> None:
        body = {"name": "早盘", "owner": "limin", "userlist": ["limin", "zhaolei"], **change}
        assert (await wecom.api("/cgi-bin/appchat/create", body))["errcode"] == code

    async def test_when_another_app_speaks_there_then_it_may_not(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(others=(OTHER,))
        await self.made(wecom, ["limin", "zhaolei"])
        body = {"chatid": "open01", **text("x")}
        assert (await wecom.api("/cgi-bin/appchat/send", body, OTHER))["errcode"] == 86008
        assert (await wecom.api("/cgi-bin/appchat/send", {"chatid": "x"}))["errcode"] == 86003

    async def test_when_it_sends_a_card_then_the_kind_is_unknown(self, wecom: WeComRoom) -> None:
        await self.made(wecom, ["limin", "zhaolei"])
        body = {"chatid": "open01", "msgtype": "template_card", "template_card": NOTICE}
        assert (await wecom.api("/cgi-bin/appchat/send", body))["errcode"] == 40008


class TestGivenMedia:
    async def test_when_three_days_have_passed_then_it_is_gone(self, wecom: WeComRoom) -> None:
        media_id = (await wecom.media("image", "图.png", PNG))["media_id"]
        await wecom.room.post("clock", advance="73h")
        reply = await wecom.get("/cgi-bin/media/get", media_id=media_id)
        assert reply["errcode"] == 40007
        assert (await wecom.send("limin", "image", {"media_id": media_id}))["errcode"] == 40007

    async def test_when_a_part_is_wanted_then_only_it_comes(self, wecom: WeComRoom) -> None:
        media_id = (await wecom.media("image", "图.png", PNG))["media_id"]
        query = {"access_token": await wecom.token(), "media_id": media_id}
        headers = {"Range": "bytes=0-3"}
        reply = await wecom.call("GET", "/cgi-bin/media/get", query, headers=headers)
        assert (reply.status, reply.body) == (206, PNG[:4])
        assert "Content-Disposition" in reply.headers

    @pytest.mark.parametrize(
        ("kind", "name", "body", "code"),
        [
            ("poem", "a.txt", b"123456", 40004),
            ("file", "a.txt", b"12345", 40006),
            ("image", "a.gif", b"123456", 40005),
            ("voice", "a.amr", bytes((2 << 20) + 1), 40006),
            ("video", "a.avi", b"123456", 40005),
        ],
    )
    async def test_when_it_is_of_a_wrong_kind_or_size_then_it_is_refused(
        self, wecom: WeComRoom, kind: str, name: str, body: bytes, code: int
    ) -> None:
        assert (await wecom.media(kind, name, body))["errcode"] == code

    async def test_when_a_picture_is_to_stay_then_it_has_an_address(self, wecom: WeComRoom) -> None:
        form = aiohttp.FormData()
        form.add_field("media", PNG, filename="a.png")
        query = {"access_token": await wecom.token()}
        reply = await wecom.call("POST", "/cgi-bin/media/uploadimg", query, data=form)
        async with wecom.room.http.get(reply.json()["url"]) as response:
            assert await response.read() == PNG


class TestGivenContacts:
    async def test_when_somebody_is_asked_for_then_no_number_comes_along(
        self, wecom: WeComRoom
    ) -> None:
        user = await wecom.get("/cgi-bin/user/get", userid="SunFang")
        assert (user["name"], user["position"], user["isleader"]) == ("孙芳", "营业部负责人", 1)
        assert not {"mobile", "email", "gender", "avatar", "qr_code"} & set(user)
        manager = await wecom.get("/cgi-bin/user/get", userid="wangqiang")
        assert manager["direct_leader"] == ["sunfang"]

    async def test_when_a_department_is_listed_then_its_people_are_there(
        self, wecom: WeComRoom
    ) -> None:
        rows = (await wecom.get("/cgi-bin/department/list"))["department"]
        branch = next(one for one in rows if one["name"] == "杭州营业部")
        assert branch["department_leader"] == ["sunfang"]
        query = {"department_id": str(branch["id"])}
        simple = (await wecom.get("/cgi-bin/user/simplelist", **query))["userlist"]
        assert {one["userid"] for one in simple} == {"wangqiang", "limin", "sunfang"}
        full = (await wecom.get("/cgi-bin/user/list", **query))["userlist"]
        assert [one["userid"] for one in full] == [one["userid"] for one in simple]
        everybody = (await wecom.get("/cgi-bin/user/list", department_id="1"))["userlist"]
        assert len(everybody) == 17

    async def test_when_ids_are_paged_then_all_come_once(self, wecom: WeComRoom) -> None:
        cursor, found = "", []
        while True:
            body = {"cursor": cursor, "limit": 5}
            page = await wecom.api("/cgi-bin/user/list_id", body)
            found += [one["userid"] for one in page["dept_user"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert len(found) == len(set(found)) == 17

    async def test_when_a_tag_is_asked_for_then_its_people_come(self, wecom: WeComRoom) -> None:
        tags = (await wecom.get("/cgi-bin/tag/list"))["taglist"]
        risk = next(one["tagid"] for one in tags if one["tagname"] == "风控")
        tag = await wecom.get("/cgi-bin/tag/get", tagid=str(risk))
        assert [one["userid"] for one in tag["userlist"]] == ["fengjun", "chenxi"]

    @pytest.mark.parametrize(
        ("path", "query", "code"),
        [
            ("user/get", {"userid": "nobody"}, 60111),
            ("user/list", {"department_id": "99"}, 60003),
            ("department/list", {"id": "99"}, 60003),
            ("tag/get", {"tagid": "99"}, 40068),
        ],
    )
    async def test_when_there_is_no_such_thing_then_the_code_says_so(
        self, wecom: WeComRoom, path: str, query: dict[str, str], code: int
    ) -> None:
        assert (await wecom.get(f"/cgi-bin/{path}", **query))["errcode"] == code


class TestGivenAPageThatAsksWhoSomebodyIs:
    BACK = "https://desk.example/h5/?a=1"

    async def code(self, wecom: WeComRoom, **more: str) -> str:
        query = {"appid": CORP_ID, "redirect_uri": self.BACK, "state": "S1", **more}
        reply = await wecom.call("GET", "/connect/oauth2/authorize", query, allow_redirects=False)
        assert reply.status == 302
        target = urlsplit(reply.headers["Location"])
        words = parse_qs(target.query)
        assert (target.netloc, words["a"], words["state"]) == ("desk.example", ["1"], ["S1"])
        return words["code"][0]

    async def test_when_nobody_is_named_then_one_may_choose(self, wecom: WeComRoom) -> None:
        query = {"appid": CORP_ID, "redirect_uri": self.BACK, "state": "S1"}
        reply = await wecom.call("GET", "/connect/oauth2/authorize", query)
        page = reply.body.decode()
        assert "王强" in page
        assert "person=wangqiang" in page

    async def test_when_a_code_is_redeemed_then_it_names_the_person_once(
        self, wecom: WeComRoom
    ) -> None:
        code = await self.code(wecom, person="limin")
        who = await wecom.get("/cgi-bin/auth/getuserinfo", code=code)
        assert (who["errcode"], who["userid"], "user_ticket" in who) == (0, "limin", False)
        again = await wecom.get("/cgi-bin/auth/getuserinfo", code=code)
        assert again["errcode"] == 40029

    async def test_when_five_minutes_have_passed_then_it_is_dead(self, wecom: WeComRoom) -> None:
        code = await self.code(wecom, person="limin")
        await wecom.room.post("clock", advance="6m")
        assert (await wecom.get("/cgi-bin/auth/getuserinfo", code=code))["errcode"] == 40029

    async def test_when_consent_was_given_then_a_ticket_opens_the_rest(
        self, wecom: WeComRoom
    ) -> None:
        code = await self.code(wecom, person="limin", scope="snsapi_privateinfo")
        ticket = (await wecom.get("/cgi-bin/auth/getuserinfo", code=code))["user_ticket"]
        body = {"user_ticket": ticket}
        detail = await wecom.api("/cgi-bin/auth/getuserdetail", body)
        found = await wecom.api("/cgi-bin/user/getuserid", {"mobile": detail["mobile"]})
        assert found["userid"] == "limin"
        await wecom.room.post("clock", advance="31m")
        assert (await wecom.api("/cgi-bin/auth/getuserdetail", body))["errcode"] == 84014

    async def test_when_the_domain_is_not_trusted_then_there_is_no_code(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(trusted_domain="other.example")
        query = {"appid": CORP_ID, "redirect_uri": self.BACK, "person": "limin"}
        reply = await wecom.call("GET", "/wwlogin/sso/login", query, allow_redirects=False)
        assert (reply.status, b"50001" in reply.body) == (400, True)

    async def test_when_a_page_signs_then_the_ticket_stays_the_same(self, wecom: WeComRoom) -> None:
        first = await wecom.get("/cgi-bin/get_jsapi_ticket")
        assert first["ticket"] == (await wecom.get("/cgi-bin/get_jsapi_ticket"))["ticket"]
        agent = await wecom.get("/cgi-bin/ticket/get", type="agent_config")
        assert agent["ticket"] != first["ticket"]
