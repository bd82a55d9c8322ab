"""Stream mode: stored before acknowledged, in order, without a gap, and never in a storm."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from bot.chat.message import Card
from bot.chat.raw import Raw
from bot.platforms.dingtalk.link import Patience
from bot.platforms.dingtalk.stream import Stream
from crm.kernel.clock import StoppedClock
from tests.fakes.dingtalk import OPEN, FakeDingTalk, fake_dingtalk, frame, refuses

BOT = "/v1.0/im/bot/messages/get"
CLICK = "/v1.0/card/instances/callback"
HUGE = 64 << 20  # bytes
QUICK = Patience(first=0.02, longest=0.1, grace=0.5, close=0.5)


class Desk:
    """Hears everything; can be told to wait or to fail."""

    def __init__(self) -> None:
        self.heard: list[Raw] = []
        self.batches: list[int] = []
        self.clicked: list[Raw] = []
        self.people: list[tuple[str, ...]] = []
        self.shown: list[Card] = []
        self.counted: list[tuple[str, str]] = []
        self.broken = False
        self.gate: asyncio.Event | None = None
        self.card: Card | None = Card(id="K3F9", version=5, title="已同意")

    async def hear_all(self, raws: Sequence[Raw]) -> None:
        self.heard += raws
        self.batches.append(len(raws))
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise RuntimeError(f"cannot store {[raw.ask.text for raw in raws]}")

    async def hear_click(self, raw: Raw) -> Card | None:
        self.clicked.append(raw)
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise RuntimeError("broken")
        return self.card

    async def answered(self, card: Card) -> None:
        self.shown.append(card)

    def tally(self, platform: str, pool: str) -> None:
        self.counted.append((platform, pool))

    async def people_changed(self, users: tuple[str, ...]) -> None:
        if self.broken:
            raise RuntimeError("broken")
        self.people.append(users)


@asynccontextmanager
async def running(far: FakeDingTalk, desk: Desk, **changes: Any) -> AsyncIterator[Stream]:
    patience = changes.pop("patience", QUICK)
    stream = Stream(
        far.settings(**changes),
        StoppedClock(datetime(2026, 11, 23, 4, tzinfo=UTC)),
        desk.hear_all,
        desk.hear_click,
        on_answered=desk.answered,
        on_people_changed=desk.people_changed,
        tally=desk.tally,
        patience=patience,
    )
    task = asyncio.create_task(stream.run())
    try:
        async with asyncio.timeout(5):
            await far.connected.wait()
        yield stream
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
async def far() -> AsyncIterator[FakeDingTalk]:
    async with fake_dingtalk() as fake:
        yield fake


@pytest.fixture
def desk() -> Desk:
    return Desk()


def said(text: str, number: int = 1, **more: Any) -> dict[str, Any]:
    body = {
        "msgId": f"msg{number}",
        "msgtype": "text",
        "text": {"content": text},
        "conversationType": "1",
        "conversationId": "cid1",
        "senderStaffId": "wangqiang",
        "senderCorpId": "dingcorpdemo01",
        "chatbotCorpId": "dingcorpdemo01",
        "createAt": 1767225600123,
        **more,
    }
    found: dict[str, Any] = frame(BOT, body, message_id=f"m{number}")
    return found


def pressed(number: int = 1) -> dict[str, Any]:
    content = {"cardPrivateData": {"actionIds": ["ok:1"], "params": {"rev": "4"}}}
    body = {
        "type": "actionCallback",
        "outTrackId": "K3F9",
        "corpId": "dingcorpdemo01",
        "userId": "sunfang",
        "userIdType": 1,
        "spaceType": "IM_ROBOT",
        "spaceId": "cid1",
        "content": json.dumps(content),
    }
    found: dict[str, Any] = frame(CLICK, body, message_id=f"c{number}")
    return found


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


class TestOpening:
    async def test_it_asks_for_json_and_for_what_it_can_answer(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk):
            [call] = far.to(OPEN)
        assert call.headers["Accept"] == "application/json"
        topics = {(one["type"], one["topic"]) for one in call.body["subscriptions"]}
        assert topics == {("EVENT", "*"), ("CALLBACK", BOT), ("CALLBACK", CLICK)}

    async def test_both_legs_go_through_the_proxy(self, far: FakeDingTalk, desk: Desk) -> None:
        async with running(far, desk, api_base="http://api.dingtalk.invalid", proxy=far.base):
            await far.push(said("好"))
            assert (await far.answered())["code"] == 200
        assert far.to(OPEN)[0].headers["Host"] == "api.dingtalk.invalid"

    async def test_several_connections_are_held(self, far: FakeDingTalk, desk: Desk) -> None:
        async with running(far, desk, connections=3) as stream:
            await until(lambda: len(far.sockets) == 3)
            await until(lambda: stream.health().detail == "钉钉长连接 3/3")
            assert stream.health().ok

    async def test_health_is_bad_before_and_says_since_when_it_is_good(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        far.script(OPEN, refuses("authFailed", 401), refuses("system.busy", 500))
        async with running(far, desk) as stream:
            assert len(far.to(OPEN)) == 3
            await until(lambda: stream.health().ok)
            assert stream.health().since == datetime(2026, 11, 23, 4, tzinfo=UTC)


class TestMessages:
    async def test_it_is_acknowledged_only_after_it_was_stored(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.gate = asyncio.Event()
        async with running(far, desk):
            await far.push(said("查 张三"))
            await until(lambda: desk.heard)
            assert far.answers.empty()
            desk.gate.set()
            answer = await far.answered()
        assert answer["code"] == 200
        assert answer["headers"]["messageId"] == "m1"
        assert json.loads(answer["data"]) == {"response": None}
        [raw] = desk.heard
        assert (raw.platform, raw.app, raw.key) == ("dingtalk", "dingdemo", "msg1")
        assert (raw.ask.text, raw.ask.user) == ("查 张三", "wangqiang")

    async def test_what_could_not_be_stored_is_not_acknowledged_nor_quoted(
        self, far: FakeDingTalk, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running(far, desk):
            desk.broken = True
            await far.push(said("张三 13800001111", 1))
            await until(lambda: desk.heard)
            desk.broken = False
            await far.push(said("好", 2))
            answer = await far.answered()
        assert answer["headers"]["messageId"] == "m2"
        assert far.answers.empty()
        assert "m1" in caplog.text
        assert "13800001111" not in caplog.text

    async def test_a_duplicate_is_acknowledged_again(self, far: FakeDingTalk, desk: Desk) -> None:
        async with running(far, desk):
            await far.push(said("好", 1))
            await far.push(said("好", 1))
            assert [(await far.answered())["code"] for _ in range(2)] == [200, 200]

    async def test_what_comes_while_the_disk_is_busy_is_stored_together_and_in_order(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.gate = asyncio.Event()
        async with running(far, desk):
            await far.push(said("好", 0))
            await until(lambda: desk.heard)
            for number in range(1, 20):
                await far.push(said("好", number))
            await far.push(frame("ping", {"opaque": "op"}, message_id="p1", kind="SYSTEM"))
            assert (await far.answered())["headers"]["messageId"] == "p1"  # all before it was read
            assert [raw.key for raw in desk.heard] == ["msg0"]
            desk.gate.set()
            acked = [(await far.answered())["headers"]["messageId"] for _ in range(20)]
        assert desk.batches == [1, 19]
        assert [raw.key for raw in desk.heard] == [f"msg{n}" for n in range(20)]
        assert acked == [f"m{n}" for n in range(20)]

    async def test_a_flood_is_stored_completely_and_in_order(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk):
            for number in range(1500):
                await far.push(said("好", number))
            for _ in range(1500):
                await far.answered()
        assert [raw.key for raw in desk.heard] == [f"msg{n}" for n in range(1500)]

    async def test_one_connections_end_in_a_flood_leaves_the_others_open(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk, connections=3):
            await until(lambda: len(far.sockets) == 3)
            for number in range(300):
                await far.push(said("好", number), socket=number % 3)
                if number == 200:
                    await far.push(frame("disconnect", {}, kind="SYSTEM"), socket=0)
            for _ in range(300):
                await far.answered()
            await until(lambda: len(far.sockets) == 4)
            for socket in (1, 2, 3):
                await far.push(said("还在", 1000 + socket), socket=socket)
            assert {(await far.answered())["socket"] for _ in range(3)} == {1, 2, 3}

    async def test_another_companys_message_is_not_heard(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk):
            await far.push(said("好", senderCorpId="dingother"))
            assert (await far.answered())["code"] == 200
        assert desk.heard == []

    async def test_an_exhausted_quota_is_an_alarm(
        self, far: FakeDingTalk, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running(far, desk) as stream:
            await far.push(said("", errCode="20001", errMsg="x"))
            await far.answered()
            assert "额度已用完" in stream.health().detail
        assert desk.heard == []
        assert "quota" in caplog.text

    async def test_an_unreadable_message_is_refused_once_and_for_all(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk):
            await far.push(frame(BOT, {"no": "message"}))
            assert (await far.answered())["code"] == 400

    @pytest.mark.parametrize("rubbish", ["not json", "[1]", '{"headers": 3}', "\0"])
    async def test_rubbish_does_not_end_the_connection(
        self, far: FakeDingTalk, desk: Desk, rubbish: str
    ) -> None:
        async with running(far, desk):
            await far.sockets[0].send_str(rubbish)
            await far.push(said("好"))
            await until(lambda: desk.heard)
        assert len(far.sockets) == 1


class TestClicks:
    async def test_the_answer_is_the_card_as_it_now_is(self, far: FakeDingTalk, desk: Desk) -> None:
        async with running(far, desk):
            await far.push(pressed())
            answer = await far.answered()
        response = json.loads(answer["data"])["response"]
        assert answer["code"] == 200
        assert response["cardData"]["cardParamMap"]["title"] == "已同意"
        assert response["cardData"]["cardParamMap"]["rev"] == "5"
        assert response["cardUpdateOptions"]["updateCardDataByKey"] is True
        [raw] = desk.clicked
        assert raw.key == "c1"
        assert raw.ask.click is not None
        assert (raw.ask.click.action, raw.ask.click.version) == ("ok:1", 4)

    async def test_its_answer_says_where_a_page_of_ours_is(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.card = Card(id="K3F9", version=5, title="9 条待办", link="/pages/todo")
        async with running(far, desk, public_url="https://desk.example.com"):
            await far.push(pressed())
            answer = await far.answered()
            await until(lambda: desk.shown == [desk.card])
        params = json.loads(answer["data"])["response"]["cardData"]["cardParamMap"]
        assert params["link"] == "https://desk.example.com/pages/todo"

    async def test_past_the_budget_the_person_reads_that_work_goes_on(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.card = None
        async with running(far, desk):
            await far.push(pressed())
            answer = await far.answered()
        params = json.loads(answer["data"])["response"]["cardData"]["cardParamMap"]
        assert params == {"status": "处理中"}

    async def test_the_desk_learns_that_its_card_went_out_with_the_answer(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk):
            await far.push(pressed())
            await far.answered()
            await until(lambda: desk.shown == [desk.card])

    async def test_a_card_that_went_out_too_late_is_not_taken_for_shown(
        self, far: FakeDingTalk, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.platforms.dingtalk.stream.ANSWER_SECONDS", -1)
        async with running(far, desk):
            await far.push(pressed())
            await far.answered()
            await far.push(said("好"))
            await far.answered()
        assert desk.shown == []

    async def test_a_broken_click_fails_at_once(self, far: FakeDingTalk, desk: Desk) -> None:
        desk.broken = True
        async with running(far, desk):
            await far.push(pressed())
            assert (await far.answered())["code"] == 500

    async def test_slow_clicks_hold_up_neither_messages_nor_pings(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.gate = asyncio.Event()
        async with running(far, desk):
            for number in range(10):
                await far.push(pressed(number))
            await until(lambda: len(desk.clicked) == 10)
            await far.push(frame("ping", {"opaque": "op"}, message_id="p1", kind="SYSTEM"))
            answer = await far.answered()
            desk.gate.set()
        assert json.loads(answer["data"]) == {"opaque": "op"}
        assert answer["headers"]["messageId"] == "p1"

    async def test_a_crowd_that_waits_for_the_disk_does_not_hold_up_a_click(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        first = desk.gate = asyncio.Event()
        async with running(far, desk):
            await far.push(said("好", 0))
            await until(lambda: desk.heard)
            for number in range(1, 30):
                await far.push(said("好", number))
            await far.push(frame("ping", {}, message_id="p1", kind="SYSTEM"))
            await far.answered()  # all before it was read
            desk.gate = second = asyncio.Event()
            first.set()
            await until(lambda: desk.batches == [1, 29])
            await far.answered()
            desk.clicked.clear()
            await far.push(pressed())
            await until(lambda: desk.clicked)
            second.set()
            for _ in range(30):
                await far.answered()

    async def test_while_a_crowd_is_stored_nothing_is_read_and_afterwards_all(
        self, far: FakeDingTalk, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.platforms.dingtalk.stream.REST_SECONDS", 30)
        first = desk.gate = asyncio.Event()
        async with running(far, desk, connections=2):
            await until(lambda: len(far.sockets) == 2)
            await far.push(said("好", 0), socket=0)
            await until(lambda: desk.heard)
            for number in range(1, 30):
                await far.push(said("好", number), socket=0)
            await far.push(frame("ping", {}, message_id="p1", kind="SYSTEM"), socket=0)
            await far.answered()  # all before it was read
            desk.gate = second = asyncio.Event()
            first.set()
            await until(lambda: desk.batches == [1, 29])
            await far.push(pressed(1), socket=0)
            await far.push(pressed(2), socket=1)
            await asyncio.sleep(0.05)
            assert desk.clicked == []
            second.set()
            await until(lambda: len(desk.clicked) == 2)


class TestOtherFrames:
    async def test_an_unknown_topic_is_answered_404(self, far: FakeDingTalk, desk: Desk) -> None:
        async with running(far, desk):
            await far.push(frame("/v1.0/graph/api/invoke", {}))
            assert (await far.answered())["code"] == 404

    async def test_an_event_is_taken_and_people_who_changed_are_named(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        left = frame("*", {"timeStamp": "1", "userId": ["am0107"]}, kind="EVENT")
        left["headers"]["eventType"] = "user_leave_org"
        other = frame("*", {"processInstanceId": "x"}, kind="EVENT")
        async with running(far, desk):
            await far.push(left)
            await far.push(other)
            answers = [json.loads((await far.answered())["data"]) for _ in range(2)]
        assert {answer["status"] for answer in answers} == {"SUCCESS"}
        assert desk.people == [("am0107",)]

    async def test_an_event_that_could_not_be_used_is_asked_for_later(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.broken = True
        left = frame("*", {"userId": ["am0107"]}, kind="EVENT")
        left["headers"]["eventType"] = "user_leave_org"
        async with running(far, desk):
            await far.push(left)
            assert json.loads((await far.answered())["data"])["status"] == "LATER"

    async def test_pushes_are_counted_and_contact_events_are_free(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        left = frame("*", {"userId": ["am0107"]}, kind="EVENT")
        left["headers"]["eventType"] = "user_leave_org"
        ping = frame("ping", {"opaque": "x"}, kind="SYSTEM")
        async with running(far, desk):
            for one in (said("好"), pressed(), left, ping):
                await far.push(one)
                await far.answered()
        assert desk.counted == [("dingtalk", "push")] * 2


class TestReconnecting:
    async def test_after_a_notice_the_new_connection_opens_before_the_old_one_ends(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        desk.gate = asyncio.Event()
        async with running(far, desk) as stream:
            await until(lambda: stream.health().ok)
            await far.push(said("旧", 1), socket=0)
            await until(lambda: desk.heard)
            await far.push(frame("disconnect", {"reason": "x"}, kind="SYSTEM"), socket=0)
            await until(lambda: len(far.sockets) == 2)
            assert not far.sockets[0].closed
            await far.push(said("新", 2), socket=1)
            desk.gate.set()
            answers = {(await far.answered())["socket"] for _ in range(2)}
            assert answers == {0, 1}  # each on the connection it came by
            await until(lambda: far.sockets[0].closed)  # we do not keep it for ever

    async def test_after_a_cut_it_comes_back_with_a_new_ticket(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        async with running(far, desk) as stream:
            await far.push(said("好", 1))
            await far.answered()
            transport = far.sockets[0]._req.transport  # type: ignore[union-attr]
            assert transport is not None
            transport.abort()
            await until(lambda: len(far.sockets) == 2)
            await until(lambda: stream.health().ok)
        assert len(far.to(OPEN)) == 2

    @pytest.mark.parametrize("kind", ["text", "bytes"])
    async def test_a_frame_of_64_mebibytes_ends_its_connection_and_the_next_one_hears_on(
        self, far: FakeDingTalk, desk: Desk, kind: str
    ) -> None:
        async with running(far, desk):
            one = far.sockets[0]
            with suppress(ConnectionError):
                await (one.send_str("x" * HUGE) if kind == "text" else one.send_bytes(bytes(HUGE)))
            await until(lambda: len(far.sockets) == 2)
            await far.push(said("好"))
            await far.answered()
            assert [raw.ask.text for raw in desk.heard] == ["好"]
            assert one.close_code == WSCloseCode.MESSAGE_TOO_BIG

    async def test_notices_to_busy_connections_cost_no_time(
        self, far: FakeDingTalk, desk: Desk
    ) -> None:
        patience = Patience(first=30, longest=60)  # any wait would end the test
        async with running(far, desk, patience=patience):
            for number in range(10):
                await until(lambda wanted=number: len(far.sockets) == wanted + 1)
                await far.push(said("好", number))
                await far.answered()
                await far.push(frame("disconnect", {}, kind="SYSTEM"))
        assert len(desk.heard) == 10

    @pytest.mark.parametrize("notice_first", [False, True])
    async def test_a_server_that_always_hangs_up_is_not_stormed(
        self, far: FakeDingTalk, desk: Desk, notice_first: bool
    ) -> None:
        async def hang_up(socket: web.WebSocketResponse) -> None:
            if notice_first:
                await socket.send_json(frame("disconnect", {}, kind="SYSTEM"))
            await socket.close()

        far.greet = hang_up
        patience = Patience(first=0.1, longest=0.4)
        async with running(far, desk, patience=patience):
            await asyncio.sleep(1.0)
        assert 3 <= len(far.to(OPEN)) <= 12

    async def test_a_mute_connection_is_replaced(self, far: FakeDingTalk, desk: Desk) -> None:
        patience = Patience(silence=0.1, first=0.02)
        async with running(far, desk, patience=patience):
            await until(lambda: len(far.sockets) >= 2)
            await until(lambda: far.sockets[0].closed)

    async def test_no_secret_is_logged_when_a_connection_is_refused(
        self, far: FakeDingTalk, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        endpoint = far.base.replace("http", "ws", 1) + "/nowhere"

        async def elsewhere(_: web.Request) -> web.StreamResponse:
            return web.json_response({"endpoint": endpoint, "ticket": "ticket-secret"})

        far.script(OPEN, elsewhere)
        with caplog.at_level(logging.DEBUG):
            async with running(far, desk):
                pass
        assert "handshake" in caplog.text
        assert "ticket-secret" not in caplog.text
        assert far.settings().client_secret not in caplog.text
