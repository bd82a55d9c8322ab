"""Stream mode: what a client may rely on, and what it has to bear."""

import asyncio
from pathlib import Path

from bot.sandbox.dingtalk.company import DESK, WITNESS, Quotas
from bot.sandbox.server import SandboxSettings
from tests.sandbox.room import BOT_TOPIC, QUICK, OpenRoom, Room, Socket, running

OPEN = "/sim/dingtalk/v1.0/gateway/connections/open"


class TestGivenAClientOpens:
    async def test_when_the_secret_is_wrong_then_it_is_refused(self, room: Room) -> None:
        answer = await room.open(clientSecret="wrong")
        assert (answer.status, answer.body["code"]) == (401, "authFailed")

    async def test_when_it_subscribes_to_nothing_then_it_is_refused(self, room: Room) -> None:
        assert (await room.open(subscriptions=[])).status == 400

    async def test_when_an_event_topic_is_named_then_it_is_refused(self, room: Room) -> None:
        topics = [{"type": "EVENT", "topic": "user_leave_org"}]
        assert (await room.open(subscriptions=topics)).status == 400

    async def test_when_it_does_not_accept_json_then_the_answer_is_xml(self, room: Room) -> None:
        headers = {"Accept": "text/html"}
        async with room.http.post(room.base + OPEN, json={}, headers=headers) as response:
            assert response.status == 401
            assert "<code>authFailed</code>" in await response.text()

    async def test_when_a_ticket_is_used_twice_then_the_second_is_refused(self, room: Room) -> None:
        opened = (await room.open()).body
        url = f"{opened['endpoint'].replace('ws', 'http', 1)}?ticket={opened['ticket']}"
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        await room.stack.enter_async_context(
            room.http.ws_connect(f"{opened['endpoint']}?ticket={opened['ticket']}")
        )
        async with room.http.get(url, headers=upgrade) as second:
            assert second.status == 401

    async def test_when_a_ticket_is_ninety_seconds_old_then_it_is_refused(self, room: Room) -> None:
        opened = (await room.open()).body
        await room.post("clock", advance="91s")
        url = f"{opened['endpoint'].replace('ws', 'http', 1)}?ticket={opened['ticket']}"
        async with room.http.get(url) as late:
            assert late.status == 401

    async def test_when_there_are_too_many_connections_then_it_is_refused(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(quotas=Quotas(connections=1))
        await room.connect()
        assert (await room.open()).status == 403


class TestGivenAPersonSaysSomething:
    async def test_when_a_client_listens_then_it_hears_the_documented_frame(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        said = await room.say("wangqiang", "查 张三")
        frame = await socket.frame()
        assert frame.type == "CALLBACK"
        assert all(isinstance(value, str) for value in frame.headers.values())
        assert frame.headers["topic"] == BOT_TOPIC
        assert frame.data["text"] == {"content": "查 张三"}
        assert frame.data["msgId"] == said.body["message_id"]
        assert frame.data["senderStaffId"] == "wangqiang"
        assert frame.data["conversationType"] == "1"
        assert frame.data["sessionWebhookExpiredTime"] == frame.data["createAt"] + 5_400_000

    async def test_when_nobody_listens_then_503_and_nothing_is_taken(self, room: Room) -> None:
        answer = await room.say("wangqiang", "查 张三")
        assert answer.status == 503
        assert await room.seen("wangqiang") == []
        socket = await room.connect()
        assert await socket.quiet()

    async def test_when_only_another_app_listens_then_503(self, room: Room) -> None:
        await room.connect(WITNESS)
        assert (await room.say("wangqiang", "查 张三")).status == 503

    async def test_when_it_is_for_the_witness_then_the_desk_does_not_hear_it(
        self, room: Room
    ) -> None:
        desk, witness = await room.connect(DESK), await room.connect(WITNESS)
        await room.say("wangqiang", "你好", app="witness")
        assert (await witness.frame()).data["robotCode"] == WITNESS.robot_code
        assert await desk.quiet()

    async def test_when_two_sockets_are_open_then_only_one_gets_it(self, room: Room) -> None:
        first, second = await room.connect(), await room.connect()
        await room.say("wangqiang", "查 张三")
        quiet = await asyncio.wait(
            [
                asyncio.ensure_future(first.quiet(0.02)),
                asyncio.ensure_future(second.quiet(0.02)),
            ]
        )
        assert sorted(task.result() for task in quiet[0]) == [False, True]


class TestGivenAcknowledgements:
    async def test_when_none_comes_then_the_same_message_comes_again(self, room: Room) -> None:
        socket = await room.connect()
        await room.say("wangqiang", "查 张三")
        frames = [await socket.frame() for _ in range(4)]
        assert len({frame.data["msgId"] for frame in frames}) == 1
        assert len({frame.headers["messageId"] for frame in frames}) == 4
        await socket.ack(frames[-1])
        assert await socket.quiet()

    async def test_when_the_handler_failed_then_it_comes_again(self, room: Room) -> None:
        socket = await room.connect()
        await room.say("wangqiang", "查 张三")
        await socket.ack(await socket.frame(), code=500)
        await socket.ack(await socket.frame())
        assert await socket.quiet()

    async def test_when_it_is_nonsense_then_the_connection_stays(self, room: Room) -> None:
        socket = await room.connect()
        await socket.ws.send_str("not json")
        await socket.ws.send_json({"code": 200, "headers": {"messageId": "unknown"}})
        await room.say("wangqiang", "查 张三")
        assert (await socket.frame()).data["text"]["content"] == "查 张三"

    async def test_when_it_comes_by_another_socket_then_it_counts(self, room: Room) -> None:
        first = await room.connect()
        await room.say("wangqiang", "查 张三")
        frame = await first.frame()
        second = await room.connect()
        await second.ack(frame)
        assert await first.quiet()

    async def test_when_all_sockets_are_gone_then_the_next_one_gets_it(self, room: Room) -> None:
        first = await room.connect()
        said = await room.say("wangqiang", "查 张三")
        await first.frame()
        await first.ws.close()
        second = await room.connect()
        assert (await second.frame()).data["msgId"] == said.body["message_id"]

    async def test_when_the_sandbox_restarts_then_what_was_not_acknowledged_comes_again(
        self, tmp_path: Path
    ) -> None:
        settings = SandboxSettings(data_dir=tmp_path, dingtalk=QUICK)
        async with running(settings) as room:
            socket = await room.connect()
            await room.say("wangqiang", "第一句")
            await socket.ack(await socket.frame())
            second = await room.say("wangqiang", "第二句")
            while (await socket.frame()).data["text"]["content"] != "第二句":
                pass
            before = await room.seen("wangqiang")
        async with running(settings) as room:
            socket = await room.connect()
            assert (await socket.frame()).data["msgId"] == second.body["message_id"]
            assert await room.seen("wangqiang") == before


class TestGivenSystemFrames:
    async def test_when_a_ping_is_not_answered_then_the_socket_is_closed(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(ping_seconds=0.05, pong_seconds=0.1)
        socket = await room.connect()
        frame = await socket.frame()
        assert (frame.type, frame.headers["topic"]) == ("SYSTEM", "ping")
        assert await socket.ended() == 1000

    async def test_when_pings_are_answered_then_it_stays(self, open_room: OpenRoom) -> None:
        room = await open_room(ping_seconds=0.05, pong_seconds=0.1)
        socket = await room.connect()
        for _ in range(5):
            frame = await socket.frame()
            await socket.ack(frame, {"opaque": frame.data["opaque"]})
        assert not socket.ws.closed

    async def test_when_its_life_ends_then_disconnect_and_a_close_after_the_hold(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(life_seconds=0.1)
        socket = await room.connect()
        frame = await socket.frame()
        assert frame.headers["topic"] == "disconnect"
        assert (await room.say("wangqiang", "查 张三")).status == 503
        assert await socket.ended() == 1000

    async def test_when_a_consumer_does_not_read_then_it_is_cut_off(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(buffer_bytes=500)
        await room.connect()
        await room.say("wangqiang", "字" * 1000)
        async with asyncio.timeout(5):
            while (await room.get("state"))["connected"]["dingtalk"]:
                pass


class TestGivenEvents:
    async def test_when_it_says_later_then_it_is_retried_and_at_last_listed_as_failed(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.post("event", platform="dingtalk", type="user_leave_org", data={"userId": ["x"]})
        for _ in range(3):
            frame = await socket.frame()
            assert frame.headers["eventType"] == "user_leave_org"
            await socket.ack(frame, {"status": "LATER", "message": ""})
        assert await socket.quiet()

    async def test_when_it_is_acknowledged_without_status_then_it_is_done(self, room: Room) -> None:
        socket = await room.connect()
        await room.post("event", platform="dingtalk", type="user_leave_org", data={"userId": ["x"]})
        frame = await socket.frame()
        await socket.ack(frame, frame.data)
        assert await socket.quiet(0.3)

    async def test_when_its_retries_are_used_up_then_it_can_be_fetched_once(
        self, room: Room
    ) -> None:
        socket = await room.connect()
        await room.post("event", platform="dingtalk", type="user_leave_org", data={"userId": ["x"]})
        for _ in range(3):
            await socket.frame()
            await room.post("clock", advance="3s")
        await room.post("clock", advance="3s")
        path = "/call_back/get_call_back_failed_result"
        query = {"access_token": await room.token()}
        first = (await room.api("GET", path, query=query)).body
        assert [one["call_back_tag"] for one in first["failed_list"]] == ["user_leave_org"]
        assert (await room.api("GET", path, query=query)).body["failed_list"] == []


class TestGivenAStrangeGateway:
    async def test_when_dead_sockets_are_still_chosen_then_nothing_is_lost(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(zombie_seconds=0.3, choose="sticky")
        dead = await room.connect()
        alive = await room.connect()
        await room.break_it("disconnect", how="reset", count=1)
        await dead.ended()
        await room.say("wangqiang", "查 张三")
        assert (await alive.frame()).data["text"]["content"] == "查 张三"

    async def test_when_the_newest_is_chosen_then_it_gets_everything(
        self, open_room: OpenRoom
    ) -> None:
        room = await open_room(choose="newest")
        old, new = await room.connect(), await room.connect()
        for _ in range(3):
            await room.say("wangqiang", "查 张三")
            await new.ack(await new.frame())
        assert await old.quiet()

    async def test_when_it_swallows_pings_then_no_pong_comes(self, open_room: OpenRoom) -> None:
        room = await open_room(swallow_pings=True)
        opened = (await room.open()).body
        url = f"{opened['endpoint']}?ticket={opened['ticket']}"
        ws = await room.stack.enter_async_context(room.http.ws_connect(url, autoping=False))
        await ws.ping()
        assert await Socket(ws).quiet()
