"""The application's callback: what is refused, what is acknowledged, and what is answered."""

import asyncio
import io
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bot.chat.message import AskKind, Button, Card
from bot.chat.raw import Raw
from bot.platforms.wecom.callback import Callback, callback_routes
from bot.platforms.wecom.client import open_wecom
from bot.platforms.wecom.crypto import Crypto
from bot.platforms.wecom.markup import Element, read_xml
from bot.platforms.wecom.notes import Kind
from bot.platforms.wecom.reception import Reception
from bot.platforms.wecom.words import plain
from crm.kernel.clock import SystemClock
from crm.kernel.errors import Outcome, OutsideError
from tests.contract.rig import Desk, Shelf
from tests.fakes.wecom import AES_KEY, CALLBACK_TOKEN, CORP, SECRETS, FakeWeCom, fake_wecom
from tests.fakes.wecom_notes import MemoryNotes

TEXT = (
    "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[wangqiang]]>"
    "</FromUserName><CreateTime>1767225600</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[查 张三 13800001111]]></Content><MsgId>{id}</MsgId>"
    "<AgentID>1000007</AgentID></xml>"
)
EVENT = (
    "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[wangqiang]]>"
    "</FromUserName><CreateTime>1767225600</CreateTime><MsgType><![CDATA[event]]></MsgType>{more}"
    "<AgentID>1000007</AgentID></xml>"
)
CLICK = (
    "<Event>template_card_event</Event><EventKey>{key}</EventKey><TaskId>K3F9</TaskId>"
    "<CardType>button_interaction</CardType><ResponseCode>rc1</ResponseCode>"
)
CARD = Card(id="K3F9", version=4, title="开户审批", buttons=(Button("ok:1", "同意"),))
DONE = Card(id="K3F9", version=5, title="开户审批", status="已同意")


@dataclass
class End:
    """The callback's end on a server of its own, and a WeCom that signs what it posts."""

    url: str
    http: aiohttp.ClientSession
    reception: Reception
    desk: Desk
    notes: MemoryNotes
    fake: FakeWeCom
    answered: list[Card] = field(default_factory=list)
    changed: list[tuple[str, ...]] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    crypto: Crypto = field(default_factory=lambda: Crypto(CALLBACK_TOKEN, AES_KEY, CORP))

    async def post(
        self, plain: str, *, at: int | None = None, crypto: Crypto | None = None
    ) -> tuple[int, bytes]:
        encrypted = (crypto or self.crypto).encrypt(plain.encode())
        body = f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        return await self.post_raw(body.encode(), self.signed(encrypted, at))

    async def post_raw(self, body: bytes, query: dict[str, str]) -> tuple[int, bytes]:
        async with self.http.post(self.url, data=body, params=query) as response:
            return response.status, await response.read()

    async def get(self, query: dict[str, str]) -> tuple[int, bytes]:
        async with self.http.get(self.url, params=query) as response:
            return response.status, await response.read()

    def signed(self, encrypted: str, at: int | None = None) -> dict[str, str]:
        stamp = str(int(time.time()) if at is None else at)
        signature = self.crypto.signature(stamp, "n0nce", encrypted)
        return {"msg_signature": signature, "timestamp": stamp, "nonce": "n0nce"}

    def opened(self, body: bytes) -> Element:
        """A passive answer, which must be signed and sealed like what we are sent."""
        envelope = read_xml(body)
        encrypted = envelope.get("Encrypt")
        stamp, nonce = envelope.get("TimeStamp"), envelope.get("Nonce")
        assert self.crypto.is_signed(envelope.get("MsgSignature"), stamp, nonce, encrypted)
        return read_xml(self.crypto.decrypt(encrypted))


@pytest.fixture
async def end() -> AsyncIterator[End]:
    clock = SystemClock()
    desk, notes = Desk(), MemoryNotes(clock)
    async with (
        fake_wecom() as fake,
        open_wecom(fake.settings(), clock, Shelf({}), notes) as wecom,
        aiohttp.ClientSession() as http,
    ):
        found: list[End] = []

        async def on_answered(card: Card) -> None:
            found[0].answered.append(card)

        async def on_people(users: tuple[str, ...]) -> None:
            if found[0].trouble:
                raise found[0].trouble.pop(0)
            found[0].changed.append(users)

        reception = Reception(
            wecom,
            desk.hear,
            desk.hear_click,
            on_answered=on_answered,
            on_people_changed=on_people,
        )
        app = web.Application()
        app.add_routes(callback_routes(lambda: reception.callback))
        server = TestServer(app)
        await server.start_server()
        url = str(server.make_url("/wecom/callback"))
        found.append(End(url, http, reception, desk, notes, fake))
        yield found[0]
        await server.close()


def text(message_id: int = 7) -> str:
    return TEXT.format(corp=CORP, id=message_id)


def click(key: str = "ok:1#4") -> str:
    return EVENT.format(corp=CORP, more=CLICK.format(key=key))


class TestVerifying:
    async def test_the_console_gets_its_own_words_back_and_nothing_else(self, end: End) -> None:
        echo = end.crypto.encrypt(b"8461532907715530001")
        assert await end.get({**end.signed(echo), "echostr": echo}) == (
            200,
            b"8461532907715530001",
        )

    async def test_a_plus_that_became_a_blank_on_its_way_is_read(self, end: End) -> None:
        echo = next(one for one in (end.crypto.encrypt(b"1") for _ in range(1000)) if "+" in one)
        query = {**end.signed(echo), "echostr": echo}
        raw = "&".join(f"{name}={value}" for name, value in query.items())
        async with end.http.get(URL(f"{end.url}?{raw}", encoded=True)) as response:
            assert (response.status, await response.text()) == (200, "1")

    @pytest.mark.parametrize("missing", ["msg_signature", "timestamp", "nonce"])
    async def test_what_is_missing_is_a_bad_request(self, end: End, missing: str) -> None:
        echo = end.crypto.encrypt(b"1")
        query = {**end.signed(echo), "echostr": echo}
        del query[missing]
        assert (await end.get(query))[0] == 400

    async def test_a_wrong_signature_is_forbidden(self, end: End) -> None:
        echo = end.crypto.encrypt(b"1")
        query = {**end.signed(echo), "echostr": echo, "msg_signature": "0" * 40}
        assert await end.get(query) == (403, b"403: Forbidden")


class TestHearing:
    async def test_a_message_is_acknowledged_with_nothing_once_it_is_stored(self, end: End) -> None:
        assert await end.post(text()) == (200, b"")
        [raw] = end.desk.heard
        assert (raw.platform, raw.app, raw.key) == ("wecom", "1000007", "7")
        assert raw.ask.text == "查 张三 13800001111"

    async def test_the_other_spelling_of_the_address_works_too(self, end: End) -> None:
        end.url += "/"
        assert (await end.post(text()))[0] == 200

    async def test_what_could_not_be_stored_is_not_acknowledged(
        self, end: End, caplog: pytest.LogCaptureFixture
    ) -> None:
        end.desk.failures = 1
        assert (await end.post(text()))[0] == 503
        assert (await end.post(text()))[0] == 200
        assert "张三" not in caplog.text
        assert "13800001111" not in caplog.text

    async def test_a_replay_has_the_same_key_though_all_else_is_new(self, end: End) -> None:
        await end.post(text())
        await end.post(text())
        assert len(end.desk.heard) == 2
        assert len(end.desk.stored) == 1

    @pytest.mark.parametrize("off", [-601, 601])
    async def test_a_stamp_outside_of_ten_minutes_is_forbidden(self, end: End, off: int) -> None:
        assert (await end.post(text(), at=int(time.time()) + off))[0] == 403
        assert (await end.post(text(), at=int(time.time()) + off // 2))[0] == 200

    async def test_clocks_that_are_apart_are_said_until_they_agree(self, end: End) -> None:
        def told() -> str:
            return end.reception.callback.health().detail

        forged = end.crypto.encrypt(text().encode())
        query = {**end.signed(forged, at=1_000_000_000), "msg_signature": "0" * 40}
        body = f"<xml><Encrypt>{forged}</Encrypt></xml>".encode()
        assert (await end.post_raw(body, query))[0] == 403
        assert "本机时间" not in told()
        assert (await end.post(text(), at=int(time.time()) - 3660))[0] == 403
        assert "与本机时间相差 61 分钟" in told()
        assert (await end.post(text()))[0] == 200
        assert "本机时间" not in told()

    @pytest.mark.parametrize("stamp", ["", "-5", "1e9", "九", "99999999999999999999"])
    async def test_a_stamp_that_is_none_is_a_bad_request(self, end: End, stamp: str) -> None:
        encrypted = end.crypto.encrypt(text().encode())
        query = {**end.signed(encrypted), "timestamp": stamp}
        assert (await end.post_raw(b"<xml/>", query))[0] == 400

    async def test_another_companys_message_is_forbidden(self, end: End) -> None:
        other = Crypto(CALLBACK_TOKEN, AES_KEY, "wwother")
        assert (await end.post(text(), crypto=other))[0] == 403

    async def test_a_document_type_is_a_bad_request(self, end: End) -> None:
        encrypted = end.crypto.encrypt(text().encode())
        body = f"<!DOCTYPE x><xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
        assert (await end.post_raw(body, end.signed(encrypted)))[0] == 400

    async def test_a_body_over_a_mebibyte_is_too_large_however_it_comes(self, end: End) -> None:
        query = end.signed("")
        assert (await end.post_raw(b"x" * (1 << 20), query))[0] == 400
        long = io.BytesIO(b"x" * ((1 << 20) + 1))
        async with end.http.post(end.url, data=long, params=query) as response:
            assert response.status == 413

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b"x" * (1 << 16)

        async with end.http.post(end.url, data=chunks(), params=query) as response:
            assert response.status == 413

    async def test_a_signed_message_that_cannot_be_read_is_not_asked_for_again(
        self, end: End, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await end.post("张三 13800001111") == (200, b"")
        assert await end.post(click(key="")) == (200, b"")
        assert "unreadable" in caplog.text
        assert "张三" not in caplog.text

    async def test_before_the_service_is_up_it_is_unavailable(self) -> None:
        nobody: list[Callback] = []
        app = web.Application()
        app.add_routes(callback_routes(lambda: nobody[0] if nobody else None))
        server = TestServer(app)
        await server.start_server()
        url = server.make_url("/wecom/callback")
        async with aiohttp.ClientSession() as http, http.post(url) as response:
            assert response.status == 503
        await server.close()


class TestClicks:
    async def test_the_answer_is_the_card_as_it_now_is_on_the_clickers_screen(
        self, end: End
    ) -> None:
        end.desk.answer = lambda _: DONE
        status, body = await end.post(click())
        assert status == 200
        answer = end.opened(body)
        assert answer.get("MsgType") == "update_template_card"
        assert (answer.get("ToUserName"), answer.get("FromUserName")) == ("wangqiang", CORP)
        assert answer.get("TemplateCard", "Source", "Desc") == "已同意"
        assert answer.get("TemplateCard", "TaskId") == ""
        [raw] = end.desk.clicked
        assert raw.ask.kind is AskKind.CLICK
        assert end.answered == [DONE]

    async def test_a_click_that_takes_longer_greys_the_buttons(self, end: End) -> None:
        _, body = await end.post(click())
        answer = end.opened(body)
        assert answer.get("MsgType") == "update_button"
        assert answer.get("Button", "ReplaceName") == "处理中"
        assert end.answered == []
        assert await end.notes.read(Kind.OWED, "K3F9") is not None

    async def test_its_code_is_kept_for_one_more_update(self, end: End) -> None:
        end.desk.answer = lambda _: CARD
        await end.post(click())
        assert await end.notes.take(Kind.CLICK, "K3F9") == "rc1"
        assert await end.notes.read(Kind.OWED, "K3F9") is None

    async def test_hostile_words_stay_words_in_the_answer(self, end: End) -> None:
        hostile = "a]]></Title></MainTitle><ReplaceText>x</ReplaceText><![CDATA["
        end.desk.answer = lambda _: Card(id="K3F9", version=5, title=hostile[:26], text=hostile)
        _, body = await end.post(click())
        answer = end.opened(body)
        assert answer.get("TemplateCard", "ReplaceText") == ""
        assert answer.get("TemplateCard", "MainTitle", "Title") == plain(hostile)[:26]

    async def test_a_click_that_could_not_be_stored_comes_again(self, end: End) -> None:
        def away(_: Raw) -> Card | None:
            raise ConnectionError("the store is away 张三")

        end.desk.answer = away
        assert (await end.post(click()))[0] == 503

    async def test_a_button_that_says_how_it_ended_does_nothing(self, end: End) -> None:
        assert await end.post(click("noop")) == (200, b"")
        assert end.desk.clicked == []

    async def test_two_at_once_are_each_answered(self, end: End) -> None:
        end.desk.answer = lambda _: DONE
        async with asyncio.TaskGroup() as group:
            posts = [group.create_task(end.post(click())) for _ in range(2)]
        for post in posts:
            status, body = post.result()
            assert status == 200
            assert end.opened(body).get("MsgType") == "update_template_card"


class TestEvents:
    @staticmethod
    def people(kind: str = "delete_user") -> str:
        more = f"<Event>change_contact</Event><ChangeType>{kind}</ChangeType><UserID>limin</UserID>"
        return EVENT.format(corp=CORP, more=more)

    async def test_whoever_changed_is_looked_up_again(self, end: End) -> None:
        assert (await end.post(self.people()))[0] == 200
        assert end.changed == [("limin",)]

    async def test_a_look_up_that_may_pass_later_is_asked_for_again(self, end: End) -> None:
        end.trouble = [OutsideError("user/get", "45033", Outcome.RETRY)]
        assert (await end.post(self.people()))[0] == 503
        assert (await end.post(self.people()))[0] == 200

    async def test_one_that_never_will_is_not(self, end: End) -> None:
        end.trouble = [OutsideError("user/get", "60011", Outcome.REFUSED)]
        assert (await end.post(self.people()))[0] == 200

    async def test_a_warning_of_being_switched_off_is_told_to_the_admin(
        self, end: End, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert (await end.post(EVENT.format(corp=CORP, more="<Event>inactive_alert</Event>")))[
            0
        ] == 200
        assert "停用" in end.reception.health().detail
        assert any(record.levelno == logging.ERROR for record in caplog.records)

    async def test_everything_else_is_acknowledged_and_left(self, end: End) -> None:
        assert await end.post(EVENT.format(corp=CORP, more="<Event>enter_agent</Event>")) == (
            200,
            b"",
        )
        assert end.desk.heard == []


async def test_no_secret_reaches_a_log_line(end: End, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    end.desk.failures = 1
    for posted in (text(), text(8), click(), "nonsense"):
        await end.post(posted)
    await end.post_raw(b"<xml/>", end.signed("x"))
    for secret in (*SECRETS, "rc1", "张三", "13800001111"):
        assert secret not in caplog.text
