"""``/sandbox/*``: what people do, what their screens show, and what is refused in words."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.sandbox.broker import invent
from bot.sandbox.dingtalk.company import DESK
from bot.sandbox.server import SandboxSettings, add_routes
from crm.kernel.errors import UserError
from tests.sandbox.room import PATIENCE, OpenRoom, Room


class TestGivenAPersonInAGroup:
    async def test_when_the_bot_is_called_then_it_hears_the_text_with_a_leading_space(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.say("fengjun", "风险榜", chat="g-risk", mention=True)
        frame = await socket.frame()
        assert frame.data["text"] == {"content": " 风险榜"}
        assert (frame.data["conversationId"], frame.data["conversationType"]) == ("g-risk", "2")
        assert frame.data["isInAtList"] is True
        assert frame.data["atUsers"] == [{"dingtalkId": frame.data["chatbotUserId"]}]

    async def test_when_it_is_not_called_then_only_the_members_see_it(self, room: Room) -> None:
        said = await room.say("fengjun", "今天波动大", chat="g-risk")
        assert said.status == 200
        [item] = await room.seen("sunfang", "g-risk")
        assert (item["from"], item["text"]) == ("fengjun", "今天波动大")
        assert await (await room.connect()).quiet()

    async def test_when_a_file_or_voice_is_sent_then_the_bot_does_not_hear_it(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        assert (await room.upload("wangqiang", "a.pdf", b"%PDF", "g-hz")).status == 200
        await room.say("limin", "语音", chat="g-hz", kind="voice", mention=True)
        assert await socket.quiet()
        assert [item["kind"] for item in await room.seen("sunfang", "g-hz")] == ["file", "text"]


class TestGivenAPersonInPrivate:
    async def test_when_he_speaks_then_the_recognised_text_is_heard(self, room: Room) -> None:
        socket = await room.connect()
        await room.say("wangqiang", "记 张三 电话", kind="voice")
        frame = await socket.frame()
        assert frame.data["msgtype"] == "audio"
        assert frame.data["content"]["recognition"] == "记 张三 电话"

    @pytest.mark.parametrize(
        ("kind", "msgtype"), [("rich", "richText"), ("unknown", "unknownMsgType")]
    )
    async def test_when_it_is_of_another_sort_then_its_type_says_so(
        self, room: Room, kind: str, msgtype: str
    ) -> None:
        socket = await room.connect()
        await room.say("wangqiang", "一句", kind=kind)
        assert (await socket.frame()).data["msgtype"] == msgtype

    async def test_when_he_quotes_then_the_quoted_text_comes_along(self, room: Room) -> None:
        socket = await room.connect()
        first = await room.say("wangqiang", "查 张三")
        await socket.ack(await socket.frame())
        await room.say("wangqiang", "这个", quote=first.body["message_id"])
        frame = await socket.frame()
        assert frame.data["isReplyMsg"] is True
        assert frame.data["repliedMsg"]["content"] == {"text": "查 张三"}

    async def test_when_the_file_name_is_chinese_then_it_stays_so(self, room: Room) -> None:
        await room.connect()
        await room.upload("wangqiang", "开户资料.pdf", b"%PDF")
        [item] = await room.seen("wangqiang")
        assert (item["kind"], item["name"]) == ("file", "开户资料.pdf")


class TestGivenABadRequest:
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"platform": "icq", "person": "wangqiang", "text": "x"},
            {"platform": "dingtalk", "person": "nobody", "text": "x"},
            {"platform": "dingtalk", "person": "wangqiang", "text": "  "},
            {"platform": "dingtalk", "person": "wangqiang", "text": 1},
            {"platform": "dingtalk", "person": "wangqiang", "text": "x", "chat": "g-none"},
            {"platform": "dingtalk", "person": "wangqiang", "text": "x", "chat": "g-risk"},
            {"platform": "dingtalk", "person": "wangqiang", "text": "x", "kind": "smoke"},
            {"platform": "dingtalk", "person": "wangqiang", "text": "x", "mention": "yes"},
            {"platform": "dingtalk", "person": "wangqiang", "text": "x", "app": "none"},
        ],
    )
    async def test_when_something_is_said_then_400_in_one_sentence(
        self, room: Room, body: dict[str, object]
    ) -> None:
        await room.connect()
        answer = await room.post("say", **body)
        assert answer.status == 400
        assert isinstance(answer.body["error"], str)

    async def test_when_it_is_not_json_then_400(self, room: Room) -> None:
        async with room.http.post(f"{room.base}/sandbox/say", data=b"[1") as response:
            assert response.status == 400
            assert (await response.json())["error"]

    async def test_when_the_clock_is_told_nonsense_then_400(self, room: Room) -> None:
        for span in ("", "2", "h2", "-1h", "1w"):
            assert (await room.post("clock", advance=span)).status == 400

    async def test_when_no_market_is_behind_it_then_it_says_so(self, room: Room) -> None:
        answer = await room.post("market", pause=True)
        assert (answer.status, bool(answer.body["error"])) == (501, True)


class TestGivenChats:
    async def test_when_something_comes_then_it_is_unread_until_it_is_read(
        self, room: Room
    ) -> None:
        await room.put_card("c1", "sunfang")
        await room.say("limin", "早", chat="g-hz")
        chats = await room.get("chats", platform="dingtalk", person="sunfang")
        assert [(one["id"], one["unread"], one["last"]) for one in chats] == [
            ("private", 1, "[卡片] 开户审批"),
            ("g-risk", 0, ""),
            ("g-hz", 1, "早"),
        ]
        await room.post("read", platform="dingtalk", person="sunfang", chat="g-hz")
        chats = await room.get("chats", platform="dingtalk", person="sunfang")
        assert [one["unread"] for one in chats] == [1, 0, 0]

    async def test_when_asked_after_a_seq_then_only_later_items_come(self, room: Room) -> None:
        for word in ("一", "二", "三"):
            await room.say("limin", word, chat="g-hz")
        first = (await room.seen("sunfang", "g-hz"))[0]["seq"]
        assert [one["text"] for one in await room.seen("sunfang", "g-hz", first)] == ["二", "三"]

    async def test_when_asked_since_a_moment_then_what_changed_or_went_comes_too(
        self, room: Room
    ) -> None:
        await room.put_card("old", "sunfang")
        await room.put_card("still", "sunfang")
        sent = await room.put_card("gone", "sunfang")
        since = max(item["updated"] for item in await room.seen("sunfang"))
        await room.post("clock", advance="1s")
        change = {"outTrackId": "old", "cardData": {"cardParamMap": {"title": "已同意"}}}
        options = {"cardUpdateOptions": {"updateCardDataByKey": True}}
        await room.api("PUT", "/v1.0/card/instances", change | options)
        key = sent.body["result"]["deliverResults"][0]["carrierId"]
        recall = {"robotCode": DESK.robot_code, "processQueryKeys": [key]}
        await room.api("POST", "/v1.0/robot/otoMessages/batchRecall", recall)
        items = await room.get(
            "seen", platform="dingtalk", person="sunfang", chat="private", since=since
        )
        changed = {item["seq"]: item for item in items if item["updated"] > since}
        assert sorted(changed) == [1, 3]
        assert changed[1]["card"]["title"] == "已同意"
        assert changed[3] == {"seq": 3, "updated": changed[3]["updated"], "recalled": True}

    async def test_when_asked_since_a_moment_then_only_what_is_ones_own_comes(
        self, room: Room
    ) -> None:
        await room.say("fengjun", "看不到的", chat="g-risk")
        query = {"platform": "dingtalk", "person": "limin", "since": "2020"}
        async with room.http.get(
            f"{room.base}/sandbox/seen", params=query | {"chat": "g-risk"}
        ) as refused:
            assert refused.status == 400
        assert await room.get("seen", **query, chat="private") == []

    async def test_when_no_chat_is_named_then_all_of_the_person_come(self, room: Room) -> None:
        await room.put_card("c1", "sunfang")
        await room.say("limin", "早", chat="g-hz")
        items = await room.get("seen", platform="dingtalk", person="sunfang")
        assert [one["chat"] for one in items] == ["private", "g-hz"]


class TestGivenAnOpenPage:
    async def test_when_something_happens_then_it_is_told(self, room: Room) -> None:
        url = f"{room.base}/sandbox/events?platform=dingtalk&person=sunfang"
        response = await room.stack.enter_async_context(room.http.get(url))
        assert await next_event(response) == ("connected", {"connected": False})
        await room.say("fengjun", "看不到的", chat="g-risk")
        told = [await next_event(response)]
        await room.connect()
        while told[-1][0] != "connected":
            told.append(await next_event(response))
        assert ("screen", {"chat": "g-risk", "seq": 1}) in told
        assert told[-1] == ("connected", {"connected": True})

    async def test_when_it_is_of_somebody_else_then_it_is_not_told(self, room: Room) -> None:
        url = f"{room.base}/sandbox/events?platform=dingtalk&person=zhaolei"
        response = await room.stack.enter_async_context(room.http.get(url))
        await next_event(response)
        await room.say("fengjun", "看不到的", chat="g-risk")
        await room.put_card("c1", "zhaolei")
        told: list[tuple[str, Any]] = []
        while "screen" not in [event for event, _ in told]:
            told.append(await next_event(response))
        assert told[-1][1]["chat"] == "private"

    @pytest.mark.parametrize("place", ["", "/", "/sandbox"])
    async def test_when_it_is_asked_for_then_the_page_itself_comes(
        self, room: Room, place: str
    ) -> None:
        async with room.http.get(f"{room.base}{place}") as response:
            assert response.status == 200
            assert response.url.path == "/sandbox/"
            assert "'self'" in response.headers["Content-Security-Policy"]

    async def test_when_a_file_of_it_is_asked_for_again_then_it_is_checked_and_not_sent_twice(
        self, room: Room
    ) -> None:
        url = f"{room.base}/sandbox/static/js/main.js"
        async with room.http.get(url) as first:
            assert first.status == 200
            assert first.headers["Cache-Control"] == "no-cache"
        async with room.http.get(url, headers={"If-None-Match": first.headers["ETag"]}) as again:
            assert again.status == 304
            assert again.headers["Cache-Control"] == "no-cache"


class TestGivenTheWire:
    async def test_when_it_is_read_then_both_ways_are_there_and_no_secret(self, room: Room) -> None:
        socket = await room.connect()
        token = await room.token()
        await room.say("wangqiang", "查 张三")
        frame = await socket.frame()
        await socket.ack(frame)
        hook = frame.data["sessionWebhook"]
        await room.hook(hook, {"msgtype": "text", "text": {"content": "在"}})
        entries = await room.get("wire")
        text = json.dumps(entries, ensure_ascii=False)
        assert {"in", "out"} == {one["direction"] for one in entries}
        assert "查 张三" in text
        for secret in (token, hook, hook.rpartition("=")[2], "qidesk-sandbox-secret"):
            assert secret not in text
        last = entries[-1]["n"]
        assert await room.get("wire", after=last) == []


class TestGivenTheClock:
    async def test_when_it_moves_then_the_service_is_told_and_a_restart_remembers(
        self, open_room: OpenRoom
    ) -> None:
        told: list[float] = []

        async def moved(seconds: float) -> None:
            told.append(seconds)

        room = await open_room({"on_clock": moved})
        answer = await room.post("clock", advance="2h")
        await room.post("clock", advance="1d")
        assert answer.body["offset_seconds"] == 7200
        assert told == [7200, 93600]
        again = await open_room()
        assert (await again.get("state"))["clock_offset_seconds"] == 93600

    async def test_when_it_moves_then_no_connection_is_lost(self, room: Room) -> None:
        socket = await room.connect()
        await room.post("clock", advance="9d")
        assert (await room.say("wangqiang", "查 张三")).status == 200
        assert (await socket.frame()).data["text"]["content"] == "查 张三"


class NoSuchScene(UserError):
    say = "没有这个场景"


class OtherRooms:
    """Stands for market, clients and scenes."""

    async def market(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"heard": body}

    async def quotes(self) -> Mapping[str, Any]:
        return {"paused": False, "prices": {}}

    async def clients(self, limit: int) -> Sequence[Mapping[str, Any]]:
        return [{"account": "80010001"}][:limit]

    async def scene(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NoSuchScene


class TestGivenOtherRooms:
    async def test_when_they_are_there_then_their_answers_come_through(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room({"far": OtherRooms()})
        assert (await room.post("market", pause=True)).body == {"heard": {"pause": True}}
        assert await room.get("market") == {"paused": False, "prices": {}}
        assert await room.get("clients", limit=5) == [{"account": "80010001"}]
        answer = await room.post("scene", name="none")
        assert (answer.status, answer.body) == (400, {"error": "没有这个场景"})


class TestGivenThePeople:
    async def test_when_they_are_listed_then_they_are_the_brokers_and_a_stranger(
        self, room: Room
    ) -> None:
        listed = await room.get("people")
        staff = {one.id: (one.name, one.role) for one in invent(7, 1).people}
        assert {one["id"]: (one["name"], one["role"]) for one in listed} == {
            **staff,
            "stranger": ("路人", "stranger"),
        }
        assert all(one["platforms"] == ["dingtalk"] for one in listed)


class TestGivenAnotherApplication:
    async def test_when_it_mounts_the_sandbox_then_both_answer(self, tmp_path: Path) -> None:
        app = web.Application()

        async def healthz(_request: web.Request) -> web.Response:
            return web.Response(text="ok")

        app.router.add_get("/healthz", healthz)
        add_routes(app, SandboxSettings(data_dir=tmp_path, public_url="http://desk.test:1"))
        async with TestServer(app) as server, aiohttp.ClientSession() as http:
            async with http.get(server.make_url("/healthz")) as response:
                assert await response.text() == "ok"
            async with http.get(server.make_url("/sandbox/platforms")) as response:
                dingtalk = (await response.json())["dingtalk"]
        assert dingtalk["api_base"] == "http://desk.test:1/sim/dingtalk"
        assert [one["name"] for one in dingtalk["apps"]] == ["witness"]
        assert [one["group"] for one in dingtalk["robots"]] == ["g-risk", "g-hz"]


async def next_event(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    async with asyncio.timeout(PATIENCE):
        event = (await response.content.readline()).decode().removeprefix("event: ").strip()
        data = (await response.content.readline()).decode().removeprefix("data: ")
        await response.content.readline()
    return event, json.loads(data)
