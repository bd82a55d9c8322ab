"""The far side can be told to misbehave; each fault does what it says and then stops."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from tests.sandbox.room import OpenRoom, Room, card_body

PLAIN = {
    "robotCode": "dingqidesksandboxkey",
    "userIds": ["wangqiang"],
    "msgKey": "sampleText",
    "msgParam": '{"content": "你好"}',
}
SEND = "/v1.0/robot/oToMessages/batchSend"


class TestGivenFaultsOfDelivery:
    async def test_when_an_ack_is_lost_then_the_message_comes_again(self, room: Room) -> None:
        socket = await room.connect()
        await room.break_it("no_ack")
        await room.say("wangqiang", "查 张三")
        first = await socket.frame()
        await socket.ack(first)
        again = await socket.frame()
        assert again.data["msgId"] == first.data["msgId"]
        await socket.ack(again)
        assert await socket.quiet()

    async def test_when_an_ack_is_late_then_a_second_copy_came_and_then_peace(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.break_it("late_ack")
        await room.say("wangqiang", "查 张三")
        first = await socket.frame()
        await socket.ack(first)
        assert (await socket.frame()).data["msgId"] == first.data["msgId"]
        async with asyncio.timeout(5):
            while not await socket.quiet():
                pass

    async def test_when_duplicated_then_it_comes_once_more_after_the_ack(self, room: Room) -> None:
        socket = await room.connect()
        await room.break_it("duplicate")
        await room.say("wangqiang", "查 张三")
        first = await socket.frame()
        await socket.ack(first)
        again = await socket.frame()
        assert again.data == first.data
        assert again.headers["messageId"] != first.headers["messageId"]
        assert await socket.quiet()

    async def test_when_pushes_repeat_by_themselves_then_that_share_comes_once_more(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(repeat_share=0.5, redeliver_seconds=5)
        socket = await room.connect()
        said = 40
        for n in range(said):
            await room.say("wangqiang", f"第{n}句")
        heard: list[str] = []
        with suppress(TimeoutError):  # until it is quiet
            while True:
                async with asyncio.timeout(0.3):
                    frame = await socket.frame()
                await socket.ack(frame)
                heard.append(frame.data["msgId"])
        assert len(set(heard)) == said
        assert said / 4 < len(heard) - said < said * 3 / 4

    async def test_when_reordered_then_the_next_message_overtakes(self, room: Room) -> None:
        socket = await room.connect()
        await room.break_it("reorder")
        await room.say("wangqiang", "一")
        await room.say("wangqiang", "二")
        heard: list[str] = []
        while len(heard) < 2:
            frame = await socket.frame()
            await socket.ack(frame)
            heard.append(frame.data["text"]["content"])
        assert heard == ["二", "一"]

    async def test_when_reordered_and_nothing_follows_then_it_still_comes(self, room: Room) -> None:
        socket = await room.connect()
        await room.break_it("reorder")
        await room.say("wangqiang", "一")
        assert (await socket.frame()).data["text"]["content"] == "一"

    async def test_when_disconnected_then_one_socket_drains_and_the_other_goes_on(
        self, room: Room
    ) -> None:
        first, second = await room.connect(), await room.connect()
        await room.break_it("disconnect")
        frame = await first.frame()
        assert (frame.type, frame.headers["topic"]) == ("SYSTEM", "disconnect")
        await room.say("wangqiang", "查 张三")
        heard = await second.frame()
        assert heard.data["text"]["content"] == "查 张三"
        await second.ack(heard)
        assert await first.ended() == 1000

    async def test_when_a_draining_socket_acknowledges_then_it_counts(self, room: Room) -> None:
        socket = await room.connect()
        await room.say("wangqiang", "查 张三")
        frame = await socket.frame()
        await room.break_it("disconnect")
        await socket.ack(frame)
        fresh = await room.connect()
        assert await fresh.quiet()

    async def test_when_reset_then_the_connection_breaks_without_a_word(self, room: Room) -> None:
        socket = await room.connect()
        await room.break_it("disconnect", how="reset")
        assert await socket.ended() == 1006


class TestGivenFaultsOfCalls:
    async def test_when_it_lets_some_pass_then_the_next_call_is_struck(self, room: Room) -> None:
        await room.token()
        await room.break_it("http_5xx", after=2)
        statuses = [(await room.api("POST", SEND, PLAIN)).status for _ in range(4)]
        assert statuses == [200, 200, 500, 200]
        assert (await room.break_it("http_5xx", after=-1)).status == 400

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("http_5xx", 500, "system.busy"),
            ("throttle", 403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
            ("token_expired", 400, "InvalidAuthentication"),
        ],
    )
    async def test_when_refused_then_nobody_sees_anything_and_the_next_call_works(
        self, room: Room, kind: str, status: int, code: str
    ) -> None:
        await room.token()
        await room.break_it(kind)
        answer = await room.api("POST", SEND, PLAIN)
        assert (answer.status, answer.body["code"]) == (status, code)
        assert "requestid" in answer.body
        assert await room.seen("wangqiang") == []
        room.tokens.clear()
        assert (await room.api("POST", SEND, PLAIN)).status == 200

    async def test_when_the_token_expired_then_it_stays_dead(self, room: Room) -> None:
        await room.token()
        await room.break_it("token_expired")
        for _ in range(2):
            assert (await room.api("POST", SEND, PLAIN)).body["code"] == "InvalidAuthentication"

    async def test_when_blocked_then_the_answer_is_not_json(self, room: Room) -> None:
        await room.token()
        await room.break_it("html")
        with pytest.raises(aiohttp.ContentTypeError):
            await room.api("POST", SEND, PLAIN)
        assert await room.seen("wangqiang") == []

    async def test_when_it_hangs_then_the_effect_stands_and_mending_ends_it(
        self, room: Room
    ) -> None:
        await room.token()
        await room.break_it("hang")
        call = asyncio.ensure_future(room.api("POST", SEND, PLAIN))
        async with asyncio.timeout(5):
            while not await room.seen("wangqiang"):
                pass
        assert not call.done()
        async with room.http.delete(f"{room.base}/sandbox/faults") as mended:
            assert mended.status == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await call

    async def test_when_half_a_body_comes_then_the_effect_stands(self, room: Room) -> None:
        await room.token()
        await room.break_it("half_body")
        with pytest.raises(aiohttp.ClientError):
            await room.api("POST", "/v1.0/card/instances/createAndDeliver", card_body("c1"))
        assert len(await room.seen("wangqiang")) == 1

    async def test_when_the_count_is_used_up_then_it_is_over(self, room: Room) -> None:
        await room.token()
        await room.break_it("http_5xx", count=2)
        statuses = [(await room.api("POST", SEND, PLAIN)).status for _ in range(3)]
        assert statuses == [500, 500, 200]
        assert (await room.get("state"))["faults"] == []

    async def test_when_it_is_cleared_then_calls_work(self, room: Room) -> None:
        await room.token()
        await room.break_it("throttle", count=100)
        url = f"{room.base}/sandbox/faults?platform=dingtalk"
        async with room.http.delete(url) as response:
            assert (await response.json())["faults"] == []
        assert (await room.api("POST", SEND, PLAIN)).status == 200

    async def test_when_its_time_is_over_then_it_does_nothing(self, room: Room) -> None:
        await room.token()
        await room.break_it("throttle", count=100, seconds=0.001)
        async with asyncio.timeout(5):
            while (await room.get("state"))["faults"]:
                pass
        assert (await room.api("POST", SEND, PLAIN)).status == 200


class TestGivenAnUnknownFault:
    @pytest.mark.parametrize(
        "body",
        [
            {"platform": "dingtalk", "kind": "earthquake"},
            {"platform": "icq", "kind": "hang"},
            {"platform": "dingtalk", "kind": "hang", "count": 0},
            {"platform": "dingtalk", "kind": "hang", "seconds": -1},
            {"kind": "hang"},
        ],
    )
    async def test_when_asked_for_then_400_says_why(
        self, room: Room, body: dict[str, object]
    ) -> None:
        answer = await room.post("faults", **body)
        assert answer.status == 400
        assert answer.body["error"]


class TestGivenASlowPlatform:
    async def test_when_answers_take_their_time_then_each_takes_another(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(latency_seconds=0.02)
        await room.token()
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(12):
            begun = loop.time()
            assert (await room.api("POST", SEND, PLAIN)).status == 200
            took.append(loop.time() - begun)
        assert min(took) > 0.001
        assert sum(took) > 12 * 0.01
        assert max(took) > 2 * min(took)
