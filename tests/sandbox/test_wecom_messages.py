"""What the app sends to people: every kind, its limits, and what WeCom refuses or swallows."""

from typing import Any

import pytest

from bot.sandbox.wecom.company import DESK, Agent, Quotas
from tests.sandbox.wecom_room import AGENT, PNG, OpenWeCom, WeComRoom, button_card

OTHER = Agent(
    name="other",
    agent_id=1000008,
    secret="other-secret",
    token="t",
    encoding_aes_key=DESK.encoding_aes_key,
)
HELLO = {"content": "你好"}


class TestGivenATokenIsAskedFor:
    async def test_when_it_is_asked_for_twice_then_it_is_the_same(self, wecom: WeComRoom) -> None:
        assert await wecom.token() == await wecom.token()
        assert (await wecom.room.get("state"))["counters"]["wecom"]["tokens"] == 2

    async def test_when_two_hours_have_passed_then_the_old_one_is_expired(
        self, wecom: WeComRoom
    ) -> None:
        old = await wecom.token()
        await wecom.room.post("clock", advance="2h")
        reply = await wecom.call("GET", "/cgi-bin/user/get", {"access_token": old})
        assert reply.json()["errcode"] == 42001
        assert await wecom.token() != old

    @pytest.mark.parametrize(
        ("corp", "secret", "code"),
        [("x", DESK.secret, 40013), (None, "x", 40001), ("", "x", 41002), (None, "", 41004)],
    )
    async def test_when_a_secret_is_wrong_then_the_code_says_which(
        self, wecom: WeComRoom, corp: str | None, secret: str, code: int
    ) -> None:
        corp_id = wecom.settings.corp_id if corp is None else corp
        query = {"corpid": corp_id, "corpsecret": secret}
        reply = await wecom.get("/cgi-bin/gettoken", **query)
        assert reply["errcode"] == code
        assert "hint: [" in reply["errmsg"]
        assert "from ip: 127.0.0.1" in reply["errmsg"]

    @pytest.mark.parametrize(("query", "code"), [({}, 41001), ({"access_token": "x"}, 40014)])
    async def test_when_there_is_no_good_token_then_the_call_is_refused(
        self, wecom: WeComRoom, query: dict[str, str], code: int
    ) -> None:
        reply = await wecom.call("POST", "/cgi-bin/message/send", query, json={})
        assert (reply.status, reply.json()["errcode"]) == (200, code)

    async def test_when_it_is_revoked_then_it_is_unknown(self, wecom: WeComRoom) -> None:
        old = await wecom.token()
        await wecom.break_it("token_expired", how="revoke")
        reply = await wecom.call("GET", "/cgi-bin/user/get", {"access_token": old})
        assert reply.json()["errcode"] == 40014

    async def test_when_it_is_another_apps_then_the_agent_is_refused(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(others=(OTHER,))
        body = {"touser": "limin", "msgtype": "text", "agentid": AGENT, "text": HELLO}
        assert (await wecom.api("/cgi-bin/message/send", body, OTHER))["errcode"] == 301002

    async def test_when_the_address_is_not_trusted_then_it_says_whose(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(trusted_ips=frozenset({"203.0.113.9"}))
        reply = await wecom.get("/cgi-bin/user/get", userid="limin")
        assert reply["errcode"] == 60020
        assert "from ip: 127.0.0.1" in reply["errmsg"]
        assert (await wecom.hook("g-risk", {"msgtype": "text", "text": HELLO}))["errcode"] == 0


class TestGivenReceivers:
    async def test_when_some_are_unknown_then_the_rest_read_it(self, wecom: WeComRoom) -> None:
        reply = await wecom.send("WangQiang|Nobody|limin", "text", HELLO)
        assert (reply["errcode"], reply["invaliduser"]) == (0, "nobody")
        assert [one["text"] for one in await wecom.seen("wangqiang")] == ["你好"]
        assert [one["text"] for one in await wecom.seen("limin")] == ["你好"]

    async def test_when_all_are_unknown_then_it_is_refused(self, wecom: WeComRoom) -> None:
        assert (await wecom.send("nobody", "text", HELLO))["errcode"] == 81013

    @pytest.mark.parametrize("to", ["", None])
    async def test_when_there_are_none_then_it_is_refused(self, wecom: WeComRoom, to: Any) -> None:
        assert (await wecom.send(to, "text", HELLO))["errcode"] == 40003

    async def test_when_departments_and_tags_are_named_then_each_reads_it_once(
        self, wecom: WeComRoom
    ) -> None:
        departments = (await wecom.get("/cgi-bin/department/list"))["department"]
        branch = next(one["id"] for one in departments if one["name"] == "杭州营业部")
        tags = (await wecom.get("/cgi-bin/tag/list"))["taglist"]
        heads = next(one["tagid"] for one in tags if one["tagname"] == "营业部负责人")
        reply = await wecom.send("", "text", HELLO, toparty=f"{branch}|99", totag=str(heads))
        assert (reply["errcode"], reply["invalidparty"]) == (0, "99")
        for person in ("wangqiang", "sunfang", "qianwei"):
            assert len(await wecom.seen(person)) == 1
        assert await wecom.seen("zhaolei") == []

    async def test_when_it_is_for_all_then_everybody_reads_it(self, wecom: WeComRoom) -> None:
        await wecom.send("@all", "text", HELLO)
        assert len(await wecom.seen("stranger")) == 1

    async def test_when_there_are_too_many_then_it_is_refused(self, wecom: WeComRoom) -> None:
        many = "|".join(f"u{n}" for n in range(1001))
        assert (await wecom.send(many, "text", HELLO))["errcode"] == 82002


class TestGivenKindsOfMessages:
    async def test_when_a_text_is_too_long_then_it_is_cut_on_a_character(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.send("limin", "text", {"content": "期" * 700})
        [item] = await wecom.seen("limin")
        assert item["text"] == "期" * 682

    async def test_when_long_texts_are_refused_then_it_says_so(self, open_wecom: OpenWeCom) -> None:
        wecom = await open_wecom(refuse_long=True)
        assert (await wecom.send("limin", "text", {"content": "期" * 700}))["errcode"] == 45002

    async def test_when_markdown_has_colours_then_they_are_drawn(self, wecom: WeComRoom) -> None:
        words = '**追保** <font color="warning">108.6%</font> [详情](https://x.example)'
        await wecom.send("limin", "markdown", {"content": words})
        [item] = await wecom.seen("limin")
        assert item["kind"] == "markdown"
        assert item["text"] == "**追保** 108.6% [详情](https://x.example)"

    async def test_when_a_picture_was_uploaded_then_it_is_seen(self, wecom: WeComRoom) -> None:
        media_id = (await wecom.media("image", "图.png", PNG))["media_id"]
        await wecom.send("limin", "image", {"media_id": media_id})
        [item] = await wecom.seen("limin")
        async with wecom.room.http.get(wecom.room.base + item["url"]) as picture:
            assert await picture.read() == PNG

    async def test_when_a_file_has_a_chinese_name_then_it_keeps_it(self, wecom: WeComRoom) -> None:
        media_id = (await wecom.media("file", "日报.xlsx", b"PK3456"))["media_id"]
        await wecom.send("limin", "file", {"media_id": media_id})
        [item] = await wecom.seen("limin")
        assert (item["kind"], item["name"]) == ("file", "日报.xlsx")

    @pytest.mark.parametrize(
        ("msgtype", "part", "text"),
        [
            (
                "textcard",
                {
                    "title": "审批",
                    "description": '<div class="gray">今天</div>通过<br>了',
                    "url": "https://x.example",
                },
                "通过\n了",
            ),
            ("news", {"articles": [{"title": "日报", "url": "https://x.example"}]}, "日报"),
            (
                "mpnews",
                {"articles": [{"title": "周报", "thumb_media_id": "m", "content": "<p>x</p>"}]},
                "周报",
            ),
            (
                "miniprogram_notice",
                {"appid": "wx1", "title": "提醒", "content_item": [{"key": "客户", "value": "乙"}]},
                "客户：乙",
            ),
        ],
    )
    async def test_when_it_is_an_article_then_its_words_are_seen(
        self, wecom: WeComRoom, msgtype: str, part: object, text: str
    ) -> None:
        assert (await wecom.send("limin", msgtype, part))["errcode"] == 0
        [item] = await wecom.seen("limin")
        assert text in item["text"]

    @pytest.mark.parametrize(
        ("msgtype", "part", "code"),
        [
            ("text", {}, 44004),
            ("text", {"content": ""}, 44004),
            ("markdown", {"content": 7}, 40058),
            ("image", {"media_id": "x"}, 40007),
            ("image", {}, 40058),
            ("textcard", {"title": "t", "description": "d", "url": "x.example"}, 40035),
            ("news", {"articles": [{"title": "t"}] * 9}, 45008),
            ("news", {"articles": []}, 40058),
            ("miniprogram_notice", {"appid": "a", "title": "t", "content_item": [{}] * 11}, 40035),
            ("poem", {"content": "x"}, 40008),
        ],
    )
    async def test_when_a_body_is_wrong_then_the_code_says_how(
        self, wecom: WeComRoom, msgtype: str, part: object, code: int
    ) -> None:
        assert (await wecom.send("limin", msgtype, part))["errcode"] == code
        assert await wecom.seen("limin") == []

    async def test_when_names_are_to_be_written_out_then_they_are(self, wecom: WeComRoom) -> None:
        content = {"content": "$userName=limin$ 与 $userName=nobody$"}
        await wecom.send("wangqiang", "text", content, enable_id_trans=1)
        [item] = await wecom.seen("wangqiang")
        assert item["text"] == "李敏 与 nobody"


class TestGivenTheSameIsSentAgain:
    async def test_when_duplicates_are_checked_then_it_is_shown_once(
        self, wecom: WeComRoom
    ) -> None:
        more = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}
        first = await wecom.send("limin|wangqiang", "text", HELLO, **more)
        again = await wecom.send("wangqiang|limin", "text", HELLO, **more)
        assert (again["errcode"], again["msgid"]) == (0, first["msgid"])
        assert len(await wecom.seen("limin")) == 1

    async def test_when_the_interval_is_over_then_it_is_shown_again(self, wecom: WeComRoom) -> None:
        more = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}
        await wecom.send("limin", "text", HELLO, **more)
        await wecom.room.post("clock", advance="601s")
        await wecom.send("limin", "text", HELLO, **more)
        assert len(await wecom.seen("limin")) == 2

    async def test_when_nothing_is_checked_then_it_is_shown_twice(self, wecom: WeComRoom) -> None:
        await wecom.send("limin", "text", HELLO)
        await wecom.send("limin", "text", HELLO)
        assert len(await wecom.seen("limin")) == 2


class TestGivenRealLimits:
    async def test_when_a_member_gets_too_many_then_the_rest_vanish_in_silence(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(member_minute=3))
        for n in range(5):
            assert (await wecom.send("limin", "text", {"content": str(n)}))["errcode"] == 0
        assert [one["text"] for one in await wecom.seen("limin")] == ["0", "1", "2"]
        assert (await wecom.room.get("state"))["counters"]["wecom"]["dropped"] == 2
        await wecom.room.post("clock", advance="61s")
        await wecom.send("limin", "text", HELLO)
        assert len(await wecom.seen("limin")) == 4

    async def test_when_the_day_is_used_up_then_it_is_refused_until_midnight(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(app_day=3))
        assert (await wecom.send("limin|wangqiang", "text", HELLO))["errcode"] == 0
        assert (await wecom.send("limin|wangqiang", "text", HELLO))["errcode"] == 45009
        await wecom.room.post("clock", advance="1d")
        assert (await wecom.send("limin|wangqiang", "text", HELLO))["errcode"] == 0

    async def test_when_an_api_is_called_too_often_then_it_is_blocked_for_a_minute(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(api_minute=2))
        codes = [(await wecom.get("/cgi-bin/tag/list"))["errcode"] for _ in range(4)]
        assert codes == [0, 0, 45009, 45009]
        assert (await wecom.send("limin", "text", HELLO))["errcode"] == 0
        await wecom.room.post("clock", advance="2m")
        assert (await wecom.get("/cgi-bin/tag/list"))["errcode"] == 0

    async def test_when_too_much_runs_at_once_then_it_is_refused(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(quotas=Quotas(at_once=0))
        assert (await wecom.get("/cgi-bin/tag/list"))["errcode"] == 45033


class TestGivenAMessageThatWasSent:
    async def test_when_it_is_recalled_then_nobody_sees_it(self, wecom: WeComRoom) -> None:
        sent = await wecom.send("limin|wangqiang", "text", HELLO)
        reply = await wecom.api("/cgi-bin/message/recall", {"msgid": sent["msgid"]})
        assert reply["errcode"] == 0
        assert await wecom.seen("limin") == []

    async def test_when_a_day_has_passed_then_it_stays(self, wecom: WeComRoom) -> None:
        sent = await wecom.send("limin", "text", HELLO)
        await wecom.room.post("clock", advance="25h")
        reply = await wecom.api("/cgi-bin/message/recall", {"msgid": sent["msgid"]})
        assert reply["errcode"] == 40035
        assert len(await wecom.seen("limin")) == 1

    async def test_when_it_is_counted_then_receivers_count(self, wecom: WeComRoom) -> None:
        await wecom.send("limin|wangqiang", "text", HELLO)
        reply = await wecom.api("/cgi-bin/message/get_statistics", {"time_type": 0})
        assert reply["statistics"] == [{"agentid": AGENT, "app_name": "qidesk", "count": 2}]


class TestGivenFaultsOfCalls:
    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [("throttle", 200, 45009), ("token_expired", 200, 42001), ("http_5xx", 502, None)],
    )
    async def test_when_it_strikes_before_then_nothing_has_happened(
        self, wecom: WeComRoom, kind: str, status: int, code: int | None
    ) -> None:
        token = await wecom.token()
        await wecom.break_it(kind)
        body = {"touser": "limin", "msgtype": "text", "agentid": AGENT, "text": HELLO}
        query = {"access_token": token}
        reply = await wecom.call("POST", "/cgi-bin/message/send", query, json=body)
        assert reply.status == status
        assert code is None or reply.json()["errcode"] == code
        assert await wecom.seen("limin") == []
        assert (await wecom.api("/cgi-bin/message/send", body))["errcode"] == 0

    async def test_when_a_proxy_answers_then_it_is_a_page(self, wecom: WeComRoom) -> None:
        query = {"access_token": await wecom.token()}
        await wecom.break_it("html")
        reply = await wecom.call("POST", "/cgi-bin/message/send", query, json={})
        assert reply.headers["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize("kind", ["hang", "half_body"])
    async def test_when_the_answer_is_lost_then_the_effect_stands(
        self, wecom: WeComRoom, kind: str
    ) -> None:
        import aiohttp

        query = {"access_token": await wecom.token()}
        body = {"touser": "limin", "msgtype": "text", "agentid": AGENT, "text": HELLO}
        await wecom.break_it(kind, seconds=0.2)
        with pytest.raises(aiohttp.ClientError):
            await wecom.call("POST", "/cgi-bin/message/send", query, json=body)
        assert len(await wecom.seen("limin")) == 1


async def test_no_body_breaks_a_call(wecom: WeComRoom) -> None:
    odd: list[Any] = [None, True, -1, 1.5, "", "x", [], [None, {}], {}, {"content": []}]
    good = {
        "touser": "limin",
        "agentid": AGENT,
        "template_card": button_card(),
        "text": HELLO,
        "response_code": "x",
        "userids": ["limin"],
        "button": {"replace_name": "x"},
        "chatid": "c1",
        "userlist": ["limin", "wangqiang"],
        "msgid": "x",
        "mobile": "1",
        "user_ticket": "x",
    }
    paths = [
        "message/send",
        "message/recall",
        "message/update_template_card",
        "message/get_statistics",
        "appchat/create",
        "appchat/update",
        "appchat/send",
        "user/list_id",
        "user/getuserid",
        "auth/getuserdetail",
        "webhook/send",
        "media/upload",
    ]
    query = {"access_token": await wecom.token(), "key": wecom.settings.robots[0].key}
    for path in paths:
        for kind in ("text", "template_card", "news"):
            for key in [*good, "msgtype", "news", "enable_duplicate_check"]:
                for value in odd:
                    body = {**good, "msgtype": kind, key: value}
                    reply = await wecom.call("POST", f"/cgi-bin/{path}", query, json=body)
                    assert (reply.status, "errcode" in reply.json()) == (200, True), (path, key)
    for raw in (b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a":"\\ud800"}'):
        for path in paths:
            reply = await wecom.call("POST", f"/cgi-bin/{path}", query, data=raw)
            assert reply.status == 200
