"""Proves that no request breaks the service's HTTP doors: WeCom's callback, the API, the pages, and
the sandbox's control answer with a status of the 4xx kind, in their own words, and serve the next
caller as before."""

import asyncio
import gzip
import io
import json
import logging
import secrets
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from bot.platforms.wecom.crypto import Crypto
from bot.sandbox.launch import wecom_settings
from tests.api.conftest import give_token
from tests.story.room import PATIENCE, Item, Room

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # the stricter of the two: it takes neither NULs nor what is too long
    pytest.mark.parametrize("furniture", ["postgresql"], indirect=True, scope="module"),
]
WECOM = True
SETTINGS = {"QIDESK_SOURCES__COUNTER__KIND": "push"}
BEARER = "Bearer qd_hostile"
HEADERS = {"Authorization": BEARER}
MOBILE = "13800138123"
MESSAGE = (
    "<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[{user}]]>"
    "</FromUserName><CreateTime>{at}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>{more}"
    "<MsgId>{id}</MsgId><AgentID>1000007</AgentID></xml>"
)
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a '哈哈哈哈'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]><xml><Encrypt>&j;</Encrypt></xml>"
)
OUTSIDE = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><xml><Encrypt>&a;</Encrypt></xml>"


def _is_ours(record: logging.LogRecord) -> bool:
    """Of what is no HTTP aiohttp itself says so, with a trace; nobody's handler was called."""
    error = record.exc_info[1] if record.exc_info else None
    return error is not None and not isinstance(error, HttpProcessingError)


class WeCom:
    """Signs and seals as WeCom does, and lets anything be wrong."""

    def __init__(self, room: Room) -> None:
        told = wecom_settings(room.options, {})
        self.room = room
        self.url = f"{room.url}/wecom/callback"
        self.corp = told.corp_id
        self.crypto = Crypto(told.desk.token, told.desk.encoding_aes_key, told.corp_id)

    def query(self, encrypted: str, **changes: str) -> dict[str, str]:
        stamp = changes.get("timestamp", str(int(time.time())))
        signature = self.crypto.signature(stamp, "n0nce", encrypted)
        return {"msg_signature": signature, "timestamp": stamp, "nonce": "n0nce", **changes}

    async def raw(self, body: bytes, query: dict[str, str], **headers: str) -> int:
        async with self.room.http.post(
            self.url, data=io.BytesIO(body), params=query, headers=headers
        ) as answer:
            assert "Traceback" not in await answer.text()
            return answer.status

    async def post(self, plain: str | bytes, **changes: str) -> int:
        data = plain if isinstance(plain, bytes) else plain.encode()
        encrypted = self.crypto.encrypt(data)
        body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
        return await self.raw(body, self.query(encrypted, **changes))

    async def says(
        self, kind: str, more: str, *, user: str = "wangqiang", message_id: str = ""
    ) -> int:
        return await self.post(
            MESSAGE.format(
                corp=self.corp,
                user=user,
                at=int(time.time()),
                kind=kind,
                more=more,
                id=message_id or secrets.randbits(60),
            )
        )

    async def screen(self, person: str = "wangqiang") -> list[Item]:
        query = {"platform": "wecom", "person": person, "chat": "private"}
        async with self.room.http.get(f"{self.room.url}/sandbox/seen", params=query) as answer:
            found: list[Item] = await answer.json()
            return [item for item in found if item["from"] == "bot"]

    async def grows(self, before: int, person: str = "wangqiang") -> Item:
        async with asyncio.timeout(PATIENCE):
            while len(items := await self.screen(person)) <= before:
                await asyncio.sleep(0.02)
        return items[before]


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def token(room: Room) -> AsyncIterator[None]:
    await give_token(room.service.store, "qd_hostile", ["data:push", "risk:read"])
    yield


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> Any:
    """No test here may leave a trace or a personal number in the log."""
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")  # by now the others are those of the teardown
    assert [record.getMessage() for record in records if _is_ours(record)] == []
    assert not [record.getMessage() for record in records if MOBILE in record.getMessage()]


@pytest.fixture
def wecom(room: Room) -> WeCom:
    return WeCom(room)


class TestTheCallback:
    async def test_wrong_signatures_are_forbidden(self, wecom: WeCom) -> None:
        encrypted = wecom.crypto.encrypt(b"<xml></xml>")
        body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
        for signature in ("0" * 40, "é" * 40, "\ufffd", "A" * 100_0):
            query = wecom.query(encrypted) | {"msg_signature": signature}
            assert await wecom.raw(body, query) == 403
        other = body.replace(encrypted[:4].encode(), b"AAAA")
        assert await wecom.raw(other, wecom.query(encrypted)) == 403

    async def test_old_and_future_stamps_are_forbidden_and_nonsense_is_bad(
        self, wecom: WeCom
    ) -> None:
        now = int(time.time())
        for stamp, status in (
            (str(now - 601), 403),
            (str(now + 605), 403),
            ("0", 403),
            ("-1", 400),
            ("１２３", 400),
            ("9" * 400, 400),
            ("1\x00", 400),
        ):
            assert await wecom.post("<xml></xml>", timestamp=stamp) == status, stamp

    async def test_a_replay_is_acknowledged_and_answered_once(self, wecom: WeCom) -> None:
        before = len(await wecom.screen())
        said = "<Content><![CDATA[帮助]]></Content>"
        for _ in range(3):
            assert await wecom.says("text", said, message_id="777000111") == 200
        await wecom.grows(before)
        assert await wecom.says("text", "<Content><![CDATA[待办]]></Content>") == 200
        await wecom.grows(before + 1)
        assert len(await wecom.screen()) == before + 2

    @pytest.mark.parametrize(
        "body",
        [
            LAUGHS,
            OUTSIDE,
            "<xml>" * 100_000,
            "<xml><Encrypt>",
            "<xml/>",
            "{}",
            "",
            "\0" * 1000,
            "<?xml version='1.0' encoding='utf-7'?><xml><Encrypt>x</Encrypt></xml>",
            "<?xml version='1.0' encoding='no-such'?><xml><Encrypt>x</Encrypt></xml>",
            "<xml><Encrypt>&nbsp;</Encrypt></xml>",
        ],
        ids=lambda body: body[:24],
    )
    async def test_bombs_and_broken_xml_are_bad_requests(self, wecom: WeCom, body: str) -> None:
        for encoding in ("utf-8", "utf-16"):
            data = body.encode(encoding)
            assert await wecom.raw(data, wecom.query("")) == 400

    async def test_bytes_that_are_no_text_are_bad_requests(self, wecom: WeCom) -> None:
        for data in (b"\xff\xfe\xfd", b"<xml><Encrypt>\xff\xff</Encrypt></xml>", b"\x80" * 5000):
            assert await wecom.raw(data, wecom.query("")) == 400

    async def test_broken_base64_is_forbidden_even_when_signed(self, wecom: WeCom) -> None:
        for encrypted in ("====", "AAAA", "é", "A" * 43, "QUJD" * 5000, "QUJD\nQUJD"):
            body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
            assert await wecom.raw(body, wecom.query(encrypted)) == 403

    async def test_a_body_over_a_mebibyte_or_a_packed_bomb_is_too_large(self, wecom: WeCom) -> None:
        assert await wecom.raw(b"x" * (3 << 20), wecom.query("")) == 413
        bomb = gzip.compress(b"\0" * (40 << 20))
        assert len(bomb) < 1 << 20
        query = wecom.query("")
        assert await wecom.raw(bomb, query, **{"Content-Encoding": "gzip"}) == 413

    async def test_a_body_that_cannot_be_unpacked_is_a_bad_request(self, wecom: WeCom) -> None:
        for kind in ("gzip", "deflate"):
            headers = {"Content-Encoding": kind}
            assert await wecom.raw(b"no such thing", wecom.query(""), **headers) == 400

    @pytest.mark.parametrize(
        "plain",
        [
            b"",
            b"\xff\xfe",
            f"张三 {MOBILE}".encode(),
            b"<xml>",
            LAUGHS.encode(),
            b"<xml><MsgType>event</MsgType><Event>template_card_event</Event></xml>",
            "<xml><MsgType>text</MsgType></xml>".encode("utf-16"),
        ],
    )
    async def test_what_is_sealed_and_yet_no_message_is_not_asked_for_again(
        self, wecom: WeCom, plain: bytes
    ) -> None:
        assert await wecom.post(plain) == 200

    async def test_odd_numbers_and_names_in_a_message_are_survived(self, wecom: WeCom) -> None:
        more = "<Content>帮助</Content>"
        head = "<xml><FromUserName>{user}</FromUserName><CreateTime>{at}</CreateTime>"
        for user, at, message_id in (
            ("nobody", "-62135596800", "1"),
            ("nobody", "9" * 30, "2"),
            ("nobody", "九", "3" * 5000),
            ("x" * 5000, "1767225600", "4"),
            ("🀄\u202e", "1767225600", "é" * 200),
        ):
            tail = f"<MsgType>text</MsgType>{more}<MsgId>{message_id}</MsgId></xml>"
            assert await wecom.post(head.format(user=user, at=at) + tail) == 200, (user, at)

    async def test_a_click_with_an_impossible_version_is_no_crash(self, wecom: WeCom) -> None:
        for key in ("ok:1#" + "9" * 30, "#", "ok#-1", "a" * 3000 + "#1", "ok:1#" + "9" * 6000):
            more = (
                "<Event>template_card_event</Event><TaskId>K3F9</TaskId><ResponseCode>r</ResponseCode>"
                f"<EventKey>{key}</EventKey>"
            )
            assert await wecom.says("event", more) == 200, key[:20]

    @pytest.mark.parametrize("kind", ["location", "link", "hologram", "", "TEXT " * 50])
    async def test_an_unknown_kind_of_message_is_answered_politely(
        self, wecom: WeCom, kind: str
    ) -> None:
        before = len(await wecom.screen())
        assert await wecom.says(kind, "<Location_X>30</Location_X>") == 200
        async with asyncio.timeout(PATIENCE):
            while not any("看不懂" in one["text"] for one in (await wecom.screen())[before:]):
                await asyncio.sleep(0.02)


class TestTheApi:
    @pytest.mark.parametrize("path", ["push/snapshot", "push/ticks", "risk/what-if"])
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"{",
            b"\xff\xfe{\0}\0",
            b'{"a":"\\ud800"}',
            b"[" * 100_000,
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            b"NaN",
            b'{"ticks":1e999}',
            b'\xef\xbb\xbf{"ticks":[]}',
        ],
        ids=lambda data: repr(data[:12]),
    )
    async def test_no_json_is_a_problem_of_the_callers(
        self, room: Room, path: str, data: bytes
    ) -> None:
        url, headers = f"{room.url}/api/v1/{path}", HEADERS | {"Content-Type": "application/json"}
        async with room.http.post(url, data=data, headers=headers) as answer:
            assert answer.status in (400, 422)
            assert answer.content_type == "application/problem+json"
            assert json.loads(await answer.read())["detail"]

    @pytest.mark.parametrize(
        "at",
        [
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
        ],
    )
    async def test_a_moment_at_the_end_of_all_calendars_is_refused(
        self, room: Room, at: str
    ) -> None:
        body = {"trading_day": "2026-11-23", "at": at, "accounts": [{"account": "90000077"}]}
        url = f"{room.url}/api/v1/push/snapshot"
        async with room.http.post(url, json=body, headers=HEADERS) as answer:
            assert answer.status == 422
            assert "年份" in (await answer.json())["detail"]
        ticks = {"ticks": [{"instrument": "rb2701", "last": "3000", "at": at}]}
        async with room.http.post(
            f"{room.url}/api/v1/push/ticks", json=ticks, headers=HEADERS
        ) as answer:
            found = await answer.json()
            assert answer.status == 202
            assert found["rejected"] == [{"path": "ticks[0].at", "why": "年份不对"}]
        since = {"since": at}
        url = f"{room.url}/api/v1/alerts"
        async with room.http.get(url, params=since, headers=HEADERS) as answer:
            assert answer.status in (200, 422)

    @pytest.mark.parametrize(
        "odd", ["%00", "a%00b", "%ff", "%ed%a0%80", "%E2%80%AE80010001", "x" * 3000, "'%20OR%201=1"]
    )
    async def test_an_odd_account_is_not_found_or_not_taken(self, room: Room, odd: str) -> None:
        for address in (f"accounts/{odd}/risk", f"alerts?account={odd}", f"alerts?since={odd}"):
            url = URL(f"{room.url}/api/v1/{address}", encoded=True)
            async with room.http.get(url, headers=HEADERS) as answer:
                assert answer.status in (400, 404, 422), address
                assert "Traceback" not in await answer.text()

    async def test_odd_tokens_are_unknown(self, room: Room) -> None:
        for header in (b"Bearer \xff\xfe", "Bearer 令牌".encode(), b"Bearer " + b"x" * 4000):
            assert await _status(room, "GET", "/api/v1/alerts", b"Authorization: " + header) == 401

    async def test_schemathesis_finds_nothing_to_say(self, room: Room, tmp_path: Path) -> None:
        """Its own process, because it waits in threads; from the description as it is served, with
        every check that it has by itself."""
        command = [
            *("run", f"{room.url}/api/v1/openapi.json", "-H", f"Authorization: {BEARER}"),
            *(
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                "3",
                "--seed",
                "1",
                "--max-time",
                "12",
            ),
            *("--max-failures", "5", "--no-color", "--generation-database", "none"),
            *("--warnings", "off"),
        ]
        running = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *command,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await running.communicate()
        assert running.returncode == 0, said.decode()


class TestThePages:
    async def test_odd_cookies_and_queries_lead_to_the_login(self, room: Room) -> None:
        for cookie in (b"qidesk_page=\xff\xfe", b"qidesk_page=" + b"x" * 4000, b"=;;=,\x80"):
            assert await _status(room, "GET", "/pages/todo", b"Cookie: " + cookie) == 302
        for cookie in (b"qidesk_login=\xff", b"qidesk_login=1.%s.todo" % (b"a" * 48)):
            for path in ("/pages/back/wecom?code=x&state=%FF", "/pages/back/no?state=%00&code=%00"):
                assert await _status(room, "GET", path, b"Cookie: " + cookie) == 403
        assert await _status(room, "GET", "/pages/%2e%2e%2fetc", b"X: y") == 404
        assert await _status(room, "GET", "/pages/login?page=%ff%00", b"X: y") == 404
        assert await _status(room, "POST", "/pages/logout", b"Cookie: qidesk_page=\xff") == 200


class TestTheControl:
    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"offset_seconds":"x"}', b"\xff"])
    async def test_nonsense_is_a_bad_request(self, room: Room, data: bytes) -> None:
        secret = room.service.control_secret
        headers = {"Authorization": f"Bearer {secret}"}
        for path in ("clock", "scene"):
            url = f"{room.url}/control/{path}"
            async with room.http.post(url, data=data, headers=headers) as answer:
                assert answer.status == 400
            async with room.http.post(url, data=data) as answer:
                assert answer.status == 403


async def test_and_the_service_serves_on(room: Room) -> None:
    async with room.http.get(f"{room.url}/readyz") as answer:
        assert answer.status == 200
    item = await room.ask("wangqiang", "80010023")
    assert "80010023" in item["card"]["title"]


async def _status(room: Room, method: str, path: str, header: bytes) -> int:
    """Of a request with bytes that a well-behaved client would not send."""
    reader, writer = await asyncio.open_connection(room.options.host, room.options.port)
    try:
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\n".encode()
            + b"Connection: close\r\nContent-Length: 0\r\n"
            + header
            + b"\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        assert b"Traceback" not in answer
        return int(answer.split(b" ", 2)[1])
    finally:
        writer.close()
