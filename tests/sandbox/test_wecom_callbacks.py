"""What people say to the app reaches the service, sealed, until the service has taken it."""

import asyncio
import time
from typing import Any

import pytest
from wechatpy.enterprise import parse_message
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException

from bot.sandbox.wecom.crypto import NotOurs, Seal
from tests.sandbox.wecom_room import PNG, OpenWeCom, WeComRoom, passive

TOKEN, AES_KEY = "qdTokenSim2026", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
CORP = "wwsim0000qidesk01"
VECTORS = [
    (
        "8461532907715530001",
        CORP,
        "Al31VOORMRWx6emIpmL5qmUY8lInqBIgg+7m81c0Qe3w2x68MOUUTP56s2nfL6M2zl9KfX8pIuG/sgL87EPF6Q==",
        "bd0eb53011ce2960aaa3f6dd0af5c9c5559956c3",
    ),
    (
        "<xml><a>保证金</a></xml>",
        CORP,
        "Al31VOORMRWx6emIpmL5qtiabrnPwStnt86Hjp2Tj8EqIrEy/JthT3KRj4SLpAjHmNt7cXwk5dRoviQwqzPeJGdSgsTa"
        "SaYDid5vberZzEWEYZyPJZwlIx19bb/C2j2h",
        "47a1a7e3c1dc0e2d617554d8aff64b37e6b9e812",
    ),
    (
        '{"msgid":"m1","msgtype":"text"}',
        "",
        "Al31VOORMRWx6emIpmL5qpgYbau12ISZ8jmq96HTnvcU5U4axjpR5i2yOzvhTdXKY6yTaZmw60LRsi6vPT0wMg==",
        "120e9d16abf906f620b3aedb1c8399ca003b6b04",
    ),
]


class TestGivenSealedWords:
    @pytest.mark.parametrize(("plain", "receiver", "encrypt", "signature"), VECTORS)
    def test_when_they_are_opened_then_they_are_what_was_sealed(
        self, plain: str, receiver: str, encrypt: str, signature: str
    ) -> None:
        seal = Seal(TOKEN, AES_KEY, receiver)
        assert seal.open(encrypt, signature, "1767225600", "n0nce42") == plain

    @pytest.mark.parametrize("length", range(64))
    def test_when_padding_is_of_any_length_then_they_still_open(self, length: int) -> None:
        seal, plain = Seal(TOKEN, AES_KEY, CORP), "x" * length
        sealed = seal.close(plain, "1", "n")
        assert seal.open(sealed.encrypt, sealed.signature, "1", "n") == plain

    @pytest.mark.parametrize("spoil", ["signature", "receiver", "cut", "nonsense"])
    def test_when_something_is_wrong_then_they_do_not_open(self, spoil: str) -> None:
        receiver = "other" if spoil == "receiver" else CORP
        sealed = Seal(TOKEN, AES_KEY, receiver).close("x", "1", "n")
        encrypt, signature = sealed.encrypt, sealed.signature
        if spoil == "signature":
            signature = "0" * 40
        if spoil in ("cut", "nonsense"):
            encrypt = encrypt[:-5] if spoil == "cut" else "AAAA"
            signature = Seal(TOKEN, AES_KEY, CORP).sign(encrypt, "1", "n")
        with pytest.raises(NotOurs):
            Seal(TOKEN, AES_KEY, CORP).open(encrypt, signature, "1", "n")


class TestGivenADeskThatListens:
    async def test_when_somebody_speaks_then_wechatpy_reads_it(self, wecom: WeComRoom) -> None:
        said = await wecom.say("wangqiang", "客户 王 ]]> <b>&")
        heard = await wecom.desk.next()
        assert said.status == 200
        assert heard.plain["MsgId"] == said.body["message_id"]
        assert heard.plain["FromUserName"] == "wangqiang"
        assert heard.plain["Content"] == "客户 王 ]]> <b>&"
        assert heard.plain["AgentID"] == str(wecom.settings.desk.agent_id)
        assert abs(int(heard.query["timestamp"]) - time.time()) < 60

    async def test_when_the_clock_was_moved_then_the_stamp_is_still_real(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.room.post("clock", advance="30d")
        await wecom.say("wangqiang", "你好")
        heard = await wecom.desk.next()
        assert abs(int(heard.query["timestamp"]) - time.time()) < 60
        assert int(heard.plain["CreateTime"]) - time.time() > 29 * 86_400

    async def test_when_it_fails_then_the_same_words_come_again_until_taken(
        self, wecom: WeComRoom
    ) -> None:
        for _ in range(6):
            wecom.desk.fails()
        await wecom.say("wangqiang", "你好")
        heard = [await wecom.desk.next() for _ in range(7)]
        assert len({one.plain["MsgId"] for one in heard}) == 1
        assert len({one.query["nonce"] for one in heard}) == 7
        assert await wecom.desk.quiet()
        assert (await wecom.room.get("state"))["counters"]["wecom"]["waiting"] == 0

    async def test_when_retries_are_limited_then_the_fourth_is_the_last(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(message_retries=3)
        for _ in range(9):
            wecom.desk.fails()
        await wecom.say("wangqiang", "你好")
        for _ in range(4):
            await wecom.desk.next()
        assert await wecom.desk.quiet()

    async def test_when_retries_repeat_themselves_then_even_the_nonce_is_the_same(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(same_ciphertext=True)
        wecom.desk.fails()
        await wecom.say("wangqiang", "你好")
        assert (await wecom.desk.next()).query == (await wecom.desk.next()).query

    async def test_when_it_is_too_slow_then_it_is_asked_again(self, wecom: WeComRoom) -> None:
        wecom.desk.hesitates(0.6)
        await wecom.say("wangqiang", "你好")
        first, second = await wecom.desk.next(), await wecom.desk.next()
        assert first.plain["MsgId"] == second.plain["MsgId"]

    async def test_when_one_person_speaks_often_then_it_comes_in_order(
        self, wecom: WeComRoom
    ) -> None:
        for n in range(20):
            await wecom.say("wangqiang", str(n))
        heard = [(await wecom.desk.next()).plain["Content"] for _ in range(20)]
        assert heard == [str(n) for n in range(20)]

    async def test_when_it_answers_in_words_then_the_person_reads_them(
        self, wecom: WeComRoom
    ) -> None:
        inner = '<Content><![CDATA[收到 <a href="https://x.example">看</a>]]></Content>'
        wecom.desk.answers(passive("wangqiang", "text", inner))
        said = await wecom.say("wangqiang", "你好")
        await settled(wecom)
        [_, reply] = await wecom.seen("wangqiang")
        assert (reply["from"], reply["text"]) == ("bot", "收到 看")
        assert reply["reply_to"] == said.body["message_id"]

    async def test_when_a_passive_answer_is_sealed_for_another_then_it_is_dropped(
        self, wecom: WeComRoom
    ) -> None:
        crypto = wecom.desk.crypto
        wecom.desk.crypto = WeChatCrypto(crypto.token, AES_KEY, "foreign")
        sealed = wecom.desk.crypto.encrypt_message("<xml/>", "n", "1")
        wecom.desk.crypto = crypto

        async def answer(_plain: dict[str, Any]) -> Any:
            from aiohttp import web

            return web.Response(text=sealed)

        wecom.desk.behave.append(answer)
        await wecom.say("wangqiang", "你好")
        await settled(wecom)
        assert len(await wecom.seen("wangqiang")) == 1
        assert any(one["what"] == "被动回复无效" for one in await wecom.room.get("wire"))


class TestGivenOtherKindsOfMessages:
    @pytest.mark.parametrize(
        ("kind", "msgtype", "field"),
        [
            ("voice", "voice", "Format"),
            ("location", "location", "Label"),
            ("link", "link", "Url"),
        ],
    )
    async def test_when_they_are_said_then_wechatpy_knows_them(
        self, wecom: WeComRoom, kind: str, msgtype: str, field: str
    ) -> None:
        await wecom.say("wangqiang", "https://x.example", kind=kind)
        heard = await wecom.desk.next()
        assert heard.plain["MsgType"] == msgtype
        assert heard.plain[field]

    async def test_when_a_kind_is_unknown_then_it_is_told_all_the_same(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.say("wangqiang", "？", kind="unknown")
        assert (await wecom.desk.next()).plain["MsgType"] == "unknown"

    async def test_when_a_picture_is_sent_then_the_app_fetches_it(self, wecom: WeComRoom) -> None:
        await wecom.upload("wangqiang", "身份证.png", PNG)
        heard = await wecom.desk.next()
        assert heard.plain["MsgType"] == "image"
        query = {"access_token": await wecom.token(), "media_id": heard.plain["MediaId"]}
        assert (await wecom.call("GET", "/cgi-bin/media/get", query)).body == PNG
        async with wecom.room.http.get(heard.plain["PicUrl"]) as picture:
            assert await picture.read() == PNG

    async def test_when_a_voice_is_fetched_then_it_is_amr(self, wecom: WeComRoom) -> None:
        await wecom.say("wangqiang", "你好", kind="voice")
        media_id = (await wecom.desk.next()).plain["MediaId"]
        query = {"access_token": await wecom.token(), "media_id": media_id}
        reply = await wecom.call("GET", "/cgi-bin/media/get", query)
        assert reply.body.startswith(b"#!AMR\n")

    async def test_when_a_file_is_sent_then_the_app_never_hears_of_it(
        self, wecom: WeComRoom
    ) -> None:
        assert (await wecom.upload("wangqiang", "对账单.pdf", b"%PDF-1.4 x")).status == 200
        assert await wecom.desk.quiet()
        assert (await wecom.seen("wangqiang"))[0]["kind"] == "file"

    async def test_when_files_are_switched_on_then_it_comes_as_msgtype_file(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(receive_files=True)
        await wecom.upload("wangqiang", "对账单.pdf", b"%PDF-1.4 x")
        assert (await wecom.desk.next()).plain["MsgType"] == "file"


class TestGivenEvents:
    async def test_when_something_happens_then_the_app_is_told(self, wecom: WeComRoom) -> None:
        await wecom.post("event", type="enter_agent", data={"person": "wangqiang", "EventKey": ""})
        heard = (await wecom.desk.next()).plain
        assert (heard["MsgType"], heard["Event"], heard["FromUserName"]) == (
            "event",
            "enter_agent",
            "wangqiang",
        )
        assert "MsgId" not in heard

    async def test_when_somebody_leaves_then_contacts_no_longer_know_them(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.post("event", type="user_leave_org", data={"userId": ["limin"]})
        heard = (await wecom.desk.next()).plain
        assert (heard["Event"], heard["ChangeType"]) == ("change_contact", "delete_user")
        assert heard["UserID"] == "limin"
        assert (await wecom.get("/cgi-bin/user/get", userid="limin"))["errcode"] == 60111
        assert (await wecom.send("limin", "text", {"content": "x"}))["errcode"] == 81013

    async def test_when_an_event_is_refused_then_it_comes_four_times(
        self, wecom: WeComRoom
    ) -> None:
        for _ in range(9):
            wecom.desk.fails(503)
        await wecom.post("event", type="subscribe", data={"person": "wangqiang"})
        for _ in range(4):
            await wecom.desk.next()
        assert await wecom.desk.quiet()

    async def test_when_there_is_no_such_event_then_it_is_refused(self, wecom: WeComRoom) -> None:
        assert (await wecom.post("event", type="earthquake", data={})).status == 400


class TestGivenTheAddressOfTheService:
    async def test_when_nobody_listens_there_then_nothing_is_taken(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(callback_url="http://127.0.0.1:9/wecom/callback")
        assert (await wecom.say("wangqiang", "你好")).status == 503
        assert await wecom.seen("wangqiang") == []

    async def test_when_it_is_given_later_then_it_is_verified_and_used(
        self, open_wecom: OpenWeCom
    ) -> None:
        wecom = await open_wecom(callback_url="")
        assert (await wecom.say("wangqiang", "你好")).status == 503
        turned = await wecom.post("callback", url=wecom.desk.url)
        assert turned.body == {"url": wecom.desk.url, "verified": True}
        assert (await wecom.say("wangqiang", "你好")).status == 200
        assert (await wecom.desk.next()).plain["Content"] == "你好"
        platforms = await wecom.room.get("platforms")
        assert platforms["wecom"]["callback_url"] == wecom.desk.url

    async def test_when_the_echo_is_wrapped_in_quotes_then_it_is_not_verified(
        self, wecom: WeComRoom
    ) -> None:
        wecom.desk.echoes = False
        assert (await wecom.post("callback", url=wecom.desk.url)).body["verified"] is False

    async def test_when_it_is_taken_away_then_nobody_is_called(self, wecom: WeComRoom) -> None:
        assert (await wecom.post("callback", url=None)).body["url"] is None
        assert (await wecom.say("wangqiang", "你好")).status == 503

    @pytest.mark.parametrize("url", ["ftp://x", 7, "x"])
    async def test_when_it_is_none_then_it_is_refused(self, wecom: WeComRoom, url: Any) -> None:
        assert (await wecom.post("callback", url=url)).status == 400

    async def test_when_the_platform_takes_none_then_it_says_so(self, wecom: WeComRoom) -> None:
        answer = await wecom.room.post("callback", platform="dingtalk", url="http://x.example")
        assert answer.status == 400


class TestGivenFaults:
    async def test_when_an_acknowledgement_is_lost_then_it_comes_again(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.break_it("no_ack", 2)
        await wecom.say("wangqiang", "你好")
        heard = [(await wecom.desk.next()).plain["MsgId"] for _ in range(3)]
        assert len(set(heard)) == 1
        assert await wecom.desk.quiet()

    @pytest.mark.parametrize("kind", ["late_ack", "duplicate"])
    async def test_when_it_is_late_or_doubled_then_it_comes_twice(
        self, wecom: WeComRoom, kind: str
    ) -> None:
        await wecom.break_it(kind)
        await wecom.say("wangqiang", "你好")
        assert (await wecom.desk.next()).plain == (await wecom.desk.next()).plain
        assert await wecom.desk.quiet()

    async def test_when_order_is_lost_then_the_second_overtakes(self, wecom: WeComRoom) -> None:
        await wecom.break_it("reorder")
        await wecom.say("wangqiang", "一")
        await wecom.say("wangqiang", "二")
        heard = [(await wecom.desk.next()).plain["Content"] for _ in range(2)]
        assert heard == ["二", "一"]

    async def test_when_a_fault_is_of_no_kind_then_it_is_refused(self, wecom: WeComRoom) -> None:
        assert (await wecom.break_it("earthquake")).status == 400


async def settled(wecom: WeComRoom) -> None:
    """Until everything is acknowledged."""
    async with asyncio.timeout(5):
        while (await wecom.room.get("state"))["counters"]["wecom"]["waiting"]:
            await asyncio.sleep(0.01)


def test_wechatpy_parses_what_it_knows() -> None:
    """The plain XML is what its own parser takes."""
    from bot.sandbox.wecom import inbound

    envelope = inbound.Envelope(corp_id=CORP, agent_id=7, sender="wangqiang", at=1)
    plain = inbound.message(envelope, "text", "7", inbound.text_body("你好"))
    parsed = parse_message(plain)
    assert (parsed.type, parsed.content, parsed.source, parsed.agent) == (
        "text",
        "你好",
        "wangqiang",
        7,
    )


def test_wechatpy_checks_the_receiver() -> None:
    sealed = Seal(TOKEN, AES_KEY, CORP).close("x", "1", "n")
    with pytest.raises(InvalidCorpIdException):
        WeChatCrypto(TOKEN, AES_KEY, "other").check_signature(
            sealed.signature, "1", "n", sealed.encrypt
        )


class TestGivenSomebodyForgesCallbacks:
    async def forged(self, wecom: WeComRoom, how: str) -> str:
        """The status that the desk answers."""
        answer = await wecom.post("event", type="forged", data={"how": how, "person": "limin"})
        assert answer.status == 200
        async with asyncio.timeout(5):
            while True:
                for one in await wecom.room.get("wire"):
                    if one["what"] == "伪造的回调":
                        return str(one["summary"])
                await asyncio.sleep(0.01)

    @pytest.mark.parametrize(
        ("how", "status"),
        [
            ("signature", "500"),
            ("receiver", "500"),
            ("truncated", "500"),
            ("timestamp", "200"),
            ("no_content", "200"),
            ("unknown_event", "200"),
            ("oversized", "413"),
        ],
    )
    async def test_when_it_is_posted_then_it_is_wrong_in_just_this_way(
        self, wecom: WeComRoom, how: str, status: str
    ) -> None:
        assert await self.forged(wecom, how) == status
        if how == "timestamp":
            assert time.time() - int((await wecom.desk.next()).query["timestamp"]) > 1000
        if how == "unknown_event":
            assert (await wecom.desk.next()).plain["Event"] == "earthquake"

    @pytest.mark.parametrize("how", ["padding", "doctype", "inner_doctype", "no_msgtype"])
    async def test_when_the_inside_is_spoiled_then_it_is_posted_all_the_same(
        self, wecom: WeComRoom, how: str
    ) -> None:
        assert await self.forged(wecom, how) in ("200", "500")

    async def test_when_a_callback_is_replayed_then_it_is_the_same_to_the_nonce(
        self, wecom: WeComRoom
    ) -> None:
        await wecom.say("limin", "你好")
        first = await wecom.desk.next()
        await self.forged(wecom, "replay")
        assert (await wecom.desk.next()).query == first.query

    @pytest.mark.parametrize("how", ["replay", "magic"])
    async def test_when_there_is_no_such_way_then_it_is_refused(
        self, wecom: WeComRoom, how: str
    ) -> None:
        assert (await wecom.post("event", type="forged", data={"how": how})).status == 400
