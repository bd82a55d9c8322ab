"""The bot's one connection, against a far end that does as it is told."""

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from bot.chat.message import (
    Button,
    Card,
    Chat,
    Document,
    FileIn,
    Markdown,
    Picture,
    Place,
    ReplyHook,
    Text,
)
from bot.chat.ports import Outgoing
from bot.platforms.wecom import reception as receiving
from bot.platforms.wecom.aibot import AiBot, Patience, always
from bot.platforms.wecom.api import Api, http_session
from bot.platforms.wecom.client import WeCom
from bot.platforms.wecom.crypto import Crypto
from bot.platforms.wecom.frames import Frame
from bot.platforms.wecom.notes import Kind
from bot.platforms.wecom.reception import Reception
from bot.store.lease import Lease
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError
from tests.contract.rig import Desk, Shelf, until
from tests.fakes.wecom import SECRETS, SEND, FakeWeCom, fake_wecom, refuses, says
from tests.fakes.wecom_notes import MemoryNotes

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
GROUP = Chat(platform="wecom", place=Place.GROUP, id="wrSim01")
WANG = Chat(platform="wecom", place=Place.PRIVATE, id="wangqiang")
CARD = Card(id="K3F9", version=4, title="追保 4 户", buttons=(Button("claim:9", "我来处理"),))
DONE = replace(CARD, version=5, status="已处理", buttons=())
QUICK = Patience(
    answer=0.3, heartbeat=0.1, lease=0.02, first=0.01, longest=0.05, kicked=30.0, refused=30.0
)
CALM = replace(QUICK, heartbeat=30.0)
HUGE = 64 << 20  # bytes
BLOBS = {"curve": b"\x89PNG picture", "big": b"x" * (1_200_000)}


@dataclass
class Near:
    fake: FakeWeCom
    bot: AiBot
    wecom: WeCom
    desk: Desk
    notes: MemoryNotes
    clock: StoppedClock
    reception: Reception
    answered: list[Card] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    async def kick(self) -> None:
        kicked = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
        await self.fake.bot.push("aibot_event_callback", kicked)

    async def said(self, text: str, *, group: bool = True, req_id: str = "R1") -> None:
        await self.fake.bot.push("aibot_msg_callback", message(text, group=group), req_id)


@asynccontextmanager
async def near(
    patience: Patience = CALM,
    lease: Callable[[], Awaitable[bool]] = always,
    before: Callable[[FakeWeCom], object] = id,
) -> AsyncIterator[Near]:
    clock, desk = StoppedClock(NOON), Desk()
    notes = MemoryNotes(clock)
    async with fake_wecom() as fake:
        before(fake)
        settings = fake.settings(aibot=fake.bot_settings())
        async with http_session(settings) as http:
            bot = AiBot(fake.bot_settings(), http, clock, lease=lease, patience=patience)
            wecom = WeCom(settings, Api(settings, http, clock), clock, Shelf(BLOBS), notes, bot)
            answered: list[Card] = []
            alarms: list[str] = []

            async def on_answered(card: Card) -> None:
                answered.append(card)

            async def on_alarm(title: str, text: str) -> None:
                alarms.append(f"{title}：{text}")
                raise ConnectionError("the store is away")

            reception = Reception(
                wecom, desk.hear, desk.hear_click, on_answered=on_answered, on_alarm=on_alarm
            )
            task = asyncio.create_task(reception.run())
            try:
                yield Near(fake, bot, wecom, desk, notes, clock, reception, answered, alarms)
            finally:
                task.cancel()
                await asyncio.wait({task})


@asynccontextmanager
async def process(fake: FakeWeCom, store: Store) -> AsyncIterator[AiBot]:
    """A service's bot with the store's lease."""
    async with (
        http_session(fake.settings()) as http,
        Lease(store.database, "wecom.aibot", every=0.05).open() as lease,
    ):
        clock = StoppedClock(NOON)
        bot = AiBot(fake.bot_settings(), http, clock, lease=lease.held, patience=QUICK)
        task = asyncio.create_task(bot.run(nothing))
        try:
            yield bot
        finally:
            task.cancel()
            await asyncio.wait({task})


async def nothing(_frame: Frame) -> None:
    """Takes a frame."""


@asynccontextmanager
async def live(patience: Patience = CALM) -> AsyncIterator[Near]:
    async with near(patience) as one:
        await ready(one)
        yield one


async def ready(one: Near) -> None:
    async def connected() -> bool:
        return "已连接" in one.bot.health().detail

    await until(connected)


def message(text: str, *, group: bool = True, msgid: str = "") -> dict[str, Any]:
    where = {"chatid": "wrSim01", "chattype": "group"} if group else {"chattype": "single"}
    return {
        "msgid": msgid or secrets.token_hex(4),
        "aibotid": "aibSim01",
        "from": {"userid": "wangqiang"},
        "msgtype": "text",
        "text": {"content": text},
        **where,
    }


def click(version: int = 4, task: str = "K3F9") -> dict[str, Any]:
    pressed = {
        "card_type": "button_interaction",
        "event_key": f"claim:9#{version}",
        "task_id": task,
    }
    event = {"eventtype": "template_card_event", "template_card_event": pressed}
    return {**message(""), "msgtype": "event", "event": event}


def out(part: Any, key: str = "o1", chat: Chat = GROUP, **more: Any) -> Outgoing:
    return Outgoing(key=key, chat=chat, part=part, **more)


class TestConnecting:
    async def test_it_subscribes_and_is_well(self) -> None:
        async with live() as one:
            [frame] = one.fake.bot.of("aibot_subscribe")
            assert frame["body"] == {"bot_id": "aibSim01", "secret": SECRETS[3]}
            assert one.reception.health().ok

    async def test_wrong_credentials_are_said_and_not_tried_over_and_over(self) -> None:
        def refuse(fake: FakeWeCom) -> None:
            fake.bot.refusals["aibot_subscribe"].append(853000)

        async with near(QUICK, before=refuse) as one:
            await one.fake.bot.connected()

            async def told() -> bool:
                return "凭证被拒" in one.reception.health().detail

            await until(told)
            await asyncio.sleep(0.2)
            assert not one.reception.health().ok
            assert len(one.fake.bot.sockets) == 1

    @pytest.mark.parametrize("code", [1000, 1001, 1011])
    async def test_a_close_of_any_kind_leads_to_a_new_connection(self, code: int) -> None:
        async with live() as one:
            await one.fake.bot.sockets[0].close(code=code)
            await one.fake.bot.connected(2)
            await ready(one)
            await one.said("风险榜")
            await one.desk.hears()

    @pytest.mark.parametrize("kind", ["text", "bytes"])
    async def test_a_frame_of_64_mebibytes_leads_to_a_new_connection(self, kind: str) -> None:
        async with live() as one:
            far = one.fake.bot.sockets[0]
            with suppress(ConnectionError):
                await (far.send_str("x" * HUGE) if kind == "text" else far.send_bytes(bytes(HUGE)))
            await one.fake.bot.connected(2)
            await ready(one)
            await one.said("风险榜")
            await one.desk.hears()
            assert far.close_code == WSCloseCode.MESSAGE_TOO_BIG

    async def test_pings_go_by_frame_and_silence_ends_the_connection(self) -> None:
        async with live(QUICK) as one:
            await one.fake.bot.got("ping", 2)
            assert len(one.fake.bot.sockets) == 1
            one.fake.bot.mute.add("ping")
            await one.fake.bot.connected(2)

    async def test_who_is_thrown_out_does_not_fight(self, caplog: pytest.LogCaptureFixture) -> None:
        async with live(QUICK) as one:
            await one.kick()
            await one.fake.bot.sockets[0].close()

            async def told() -> bool:
                return "挤下线" in one.reception.health().detail

            await until(told)
            await asyncio.sleep(0.3)
            assert not one.reception.health().ok
            assert len(one.fake.bot.sockets) == 1
            assert any("another client" in record.getMessage() for record in caplog.records)

    async def test_the_admins_are_told_and_nothing_ends_when_they_cannot_be(self) -> None:
        async with live(replace(QUICK, kicked=0.01)) as one:
            await one.kick()
            await one.fake.bot.connected(2)
            [told] = one.alarms
            assert "被挤下线" in told
            assert "1 分钟后再连" in told
            await ready(one)

    async def test_thrown_out_by_the_process_that_leads_now_nobody_is_told(self) -> None:
        mine = True

        async def lease() -> bool:
            return mine

        async with near(CALM, lease) as one:
            await ready(one)
            mine = False
            await one.kick()

            async def stands_by() -> bool:
                return "另一个进程" in one.reception.health().detail

            await until(stands_by)
            assert one.alarms == []

    async def test_each_time_it_stays_away_for_twice_as_long(self) -> None:
        async with live(replace(QUICK, kicked=60.0, banned=400.0)) as one:
            away = [one.bot._away(lasted=5.0) for _ in range(5)]
            assert away == [60.0, 120.0, 240.0, 400.0, 400.0]
            assert one.bot._away(lasted=1000.0) == 60.0

    async def test_it_leaves_as_soon_as_the_lease_is_another_s(self) -> None:
        mine = True

        async def lease() -> bool:
            return mine

        async with near(CALM, lease) as one:  # a heartbeat would take half a minute
            await ready(one)
            mine = False

            async def gone() -> bool:
                return one.fake.bot.sockets[0].closed

            await until(gone, seconds=2)

    async def test_only_the_holder_of_the_lease_connects(self) -> None:
        mine = False

        async def lease() -> bool:
            return mine

        async with near(QUICK, lease) as one:
            await asyncio.sleep(0.1)
            assert one.fake.bot.sockets == []
            assert one.reception.health().ok
            mine = True
            await ready(one)
            mine = False

            async def away() -> bool:
                return "另一个进程" in one.reception.health().detail

            await until(away)

    async def test_of_two_processes_on_one_store_one_connects_and_the_other_takes_over(
        self, store: Store
    ) -> None:
        async with fake_wecom() as fake, AsyncExitStack() as later:
            async with AsyncExitStack() as sooner:
                await sooner.enter_async_context(process(fake, store))
                await fake.bot.connected()
                standby = await later.enter_async_context(process(fake, store))
                await asyncio.sleep(0.3)
                assert len(fake.bot.sockets) == 1
                assert "由另一个进程连接" in standby.health().detail
                assert standby.health().ok
            await fake.bot.connected(2)

    async def test_an_old_and_quiet_connection_is_renewed(self) -> None:
        async with near(replace(QUICK, life=0.2, quiet=0.1)) as one:
            await one.fake.bot.connected(3)


class TestWhatAdminsMustMend:
    async def test_they_are_told_once_and_health_says_it_until_it_is_mended(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiving, "WATCH_SECONDS", 0.01)
        async with live() as one:
            for code in (60020, 60020, 45009):
                one.fake.script(SEND, refuses(code))
            for _ in range(2):
                with pytest.raises(OutsideError):
                    await one.wecom.send(out(Text(text="x"), chat=WANG))
            assert "发不出消息" in one.reception.health().detail
            await asyncio.sleep(0.1)
            [told] = one.alarms
            assert "出口 IP 203.0.113.9 不在应用的「企业可信IP」里" in told
            with pytest.raises(OutsideError):  # for another reason: the address is trusted now
                await one.wecom.send(out(Text(text="x"), chat=WANG))
            assert "发不出消息" not in one.reception.health().detail
            await one.wecom.send(out(Text(text="x"), chat=WANG))
            assert len(one.alarms) == 1


class TestWelcome:
    async def test_whoever_opens_it_is_greeted_without_data(self) -> None:
        async with live() as one:
            body = {**message("", group=False), "msgtype": "event"}
            entered = {**body, "event": {"eventtype": "enter_chat"}}
            await one.fake.bot.push("aibot_event_callback", entered, "E1")
            [frame] = await one.fake.bot.got("aibot_respond_welcome_msg")
            assert frame["headers"]["req_id"] == "E1"
            assert frame["body"]["msgtype"] == "text"
            assert "帮助" in frame["body"]["text"]["content"]
            assert one.desk.heard == []

    async def test_a_greeting_that_comes_too_late_is_no_trouble(self) -> None:
        async with live() as one:
            one.fake.bot.refusals["aibot_respond_welcome_msg"].append(846605)
            body = {**message("", group=False), "msgtype": "event"}
            entered = {**body, "event": {"eventtype": "enter_chat"}}
            await one.fake.bot.push("aibot_event_callback", entered)
            await one.said("风险榜")
            await one.desk.hears()
            assert one.reception.health().ok


class TestHearing:
    async def test_a_line_in_a_group_is_heard_without_the_mention(self) -> None:
        async with live() as one:
            await one.said("@期台 风险榜")
            [raw] = await one.desk.hears()
            assert (raw.app, raw.ask.text, raw.ask.chat) == ("aibSim01", "风险榜", GROUP)

    async def test_what_could_not_be_stored_is_tried_again_because_nobody_says_it_again(
        self,
    ) -> None:
        async with live() as one:
            one.desk.failures = 1
            await one.said("风险榜")
            await one.desk.hears()

    async def test_where_somebody_spoke_it_may_speak_first_also_after_a_restart(self) -> None:
        async with live() as one:
            quiet = replace(GROUP, id="g-risk")
            assert one.wecom.channel(out(Text(text="x"), chat=quiet)).name == "robot"
            await one.said("在吗")
            await one.desk.hears()

            async def noted() -> bool:
                return list(await one.notes.owners(Kind.MET)) == ["wrSim01"]

            await until(noted)
            await one.wecom.load()
            assert one.wecom.channel(out(Text(text="x"))).name == "bot"

    async def test_a_bad_frame_harms_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        async with live() as one:
            for bad in ("{", "[]", '{"cmd":1}', '{"errcode":40058,"errmsg":"张三"}'):
                await one.fake.bot.sockets[0].send_str(bad)
            await one.fake.bot.push("aibot_msg_callback", {"msgid": 1, "text": "张三"})
            good = {
                "cmd": "aibot_msg_callback",
                "headers": {"req_id": "R"},
                "body": message("a\nb"),
            }
            await one.fake.bot.sockets[0].send_str(json.dumps(good).replace("\\n", "\n"))
            [raw] = await one.desk.hears()
            assert raw.ask.text == "a\nb"
            assert "张三" not in caplog.text

    async def test_a_file_opens_with_the_key_that_came_with_it(self) -> None:
        key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        sealed = base64.b64decode(Crypto("", key, "").encrypt(b"%PDF", b"r" * 16))

        async def file(_: web.Request) -> web.StreamResponse:
            return web.Response(body=sealed)

        async with live() as one:
            one.fake.script("/file", file, file)
            code = f"sealed:{key} {one.fake.base}/file"
            assert (await one.wecom.fetch(FileIn(code=code, name="x"))).endswith(b"%PDF")
            other = base64.b64encode(secrets.token_bytes(32)).decode()
            with pytest.raises(OutsideError) as caught:
                await one.wecom.fetch(FileIn(code=f"sealed:{other} {one.fake.base}/file", name="x"))
            assert key not in str(caught.value)


class TestSpeaking:
    def hook(self, one: Near) -> ReplyHook:
        return ReplyHook(url="aibot:R7", expires=one.clock.now() + timedelta(hours=24))

    async def test_an_answer_stands_under_its_question(self) -> None:
        async with live() as one:
            await one.wecom.send(out(Text(text="**好**"), hook=self.hook(one)))
            [frame] = one.fake.bot.of("aibot_respond_msg")
            assert frame["headers"]["req_id"] == "R7"
            assert frame["body"] == {"msgtype": "markdown", "markdown": {"content": "＊＊好＊＊"}}

    async def test_a_question_in_private_to_the_bot_is_answered_by_the_bot(self) -> None:
        async with live() as one:
            await one.wecom.send(out(Text(text="好"), chat=WANG, hook=self.hook(one)))
            assert one.fake.to(SEND) == []
            one.clock.advance(timedelta(hours=25))
            await one.wecom.send(out(Text(text="好"), "o2", WANG, hook=self.hook_over(one)))
            assert len(one.fake.to(SEND)) == 1

    def hook_over(self, one: Near) -> ReplyHook:
        return ReplyHook(url="aibot:R7", expires=one.clock.now())

    @pytest.mark.parametrize("code", [846605, 846608])
    async def test_too_late_for_an_answer_it_is_a_message_of_its_own(self, code: int) -> None:
        async with live() as one:
            one.fake.bot.refusals["aibot_respond_msg"].append(code)
            await one.wecom.send(out(Markdown(title="t", text="好"), hook=self.hook(one)))
            [frame] = one.fake.bot.of("aibot_send_msg")
            assert (frame["body"]["chatid"], frame["body"]["chat_type"]) == ("wrSim01", 2)

    async def test_an_answer_that_never_came_ends_the_use_of_its_id(self) -> None:
        """A late one would be taken for the answer to the next frame."""
        async with live() as one:
            one.fake.bot.mute.add("aibot_respond_msg")
            item = out(Text(text="好"), hook=self.hook(one))
            with pytest.raises(OutsideError) as caught:
                await one.wecom.send(item)
            assert caught.value.outcome is Outcome.UNKNOWN
            await one.wecom.send(replace(item, again=True))
            [frame] = one.fake.bot.of("aibot_send_msg")
            assert frame["body"]["markdown"]["content"].startswith("(重发)")

    async def test_its_refusals_are_ours(self) -> None:
        async with live() as one:
            one.fake.bot.refusals["aibot_send_msg"].extend([45009, 86201])
            for outcome in (Outcome.RETRY, Outcome.REFUSED):
                with pytest.raises(OutsideError) as caught:
                    await one.wecom.send(out(Text(text="好")))
                assert caught.value.outcome is outcome
                assert "张三" not in str(caught.value)

    async def test_while_nobody_is_connected_it_may_be_tried_again(self) -> None:
        async def never() -> bool:
            return False

        async with near(QUICK, never) as one:
            with pytest.raises(OutsideError) as caught:
                await one.wecom.send(out(Text(text="好")))
            assert caught.value.outcome is Outcome.RETRY

    async def test_a_card_is_known_by_its_name(self) -> None:
        async with live() as one:
            assert one.wecom.idempotent(out(CARD))
            assert not one.wecom.idempotent(out(Text(text="好")))
            one.fake.bot.refusals["aibot_send_msg"].append(42014)
            await one.wecom.send(out(CARD))
            [frame] = one.fake.bot.of("aibot_send_msg")
            assert frame["body"]["template_card"]["task_id"] == "K3F9"

    async def test_a_picture_goes_up_in_pieces(self) -> None:
        async with live() as one:
            await one.wecom.send(out(Picture(blob="curve", caption="权益")))
            await one.wecom.send(out(Document(blob="big", name="月报.xlsx"), "o2"))
            begun, second = one.fake.bot.of("aibot_upload_media_init")
            assert (begun["body"]["type"], begun["body"]["total_chunks"]) == ("image", 1)
            assert (second["body"]["filename"], second["body"]["total_chunks"]) == ("月报.xlsx", 3)
            chunks = [f["body"] for f in one.fake.bot.of("aibot_upload_media_chunk")][1:]
            data = b"".join(base64.b64decode(chunk["base64_data"]) for chunk in chunks)
            assert data == BLOBS["big"]
            kinds = [frame["body"]["msgtype"] for frame in one.fake.bot.of("aibot_send_msg")]
            assert kinds == ["markdown", "image", "file"]

    async def test_it_is_rationed_by_conversation(self) -> None:
        async with near() as one:
            assert one.wecom.buckets(out(Text(text="好"))) == (
                "wecom:bot_minute:wrSim01",
                "wecom:bot_hour:wrSim01",
            )


class TestClicks:
    async def update(self, one: Near) -> dict[str, Any]:
        [frame] = await one.fake.bot.got("aibot_respond_update_msg")
        assert frame["headers"]["req_id"] == "C1"
        found: dict[str, Any] = frame["body"]
        return found

    async def test_the_new_card_replaces_the_old_one_for_everybody(self) -> None:
        async with live() as one:
            one.desk.answer = lambda _: DONE
            await one.fake.bot.push("aibot_event_callback", click(), "C1")
            body = await self.update(one)
            assert body["userids"] == []
            assert body["template_card"]["task_id"] == "K3F9"
            assert body["template_card"]["source"]["desc"] == "已处理"

            async def told() -> bool:
                return one.answered == [DONE]

            await until(told)

    async def test_a_click_that_came_to_nothing_changes_nobody_elses_card(self) -> None:
        async with live() as one:
            one.desk.answer = lambda _: CARD
            await one.fake.bot.push("aibot_event_callback", click(), "C1")
            assert (await self.update(one))["userids"] == ["wangqiang"]

    async def test_one_that_takes_longer_says_so_and_its_outcome_is_a_new_card(self) -> None:
        async with live() as one:
            await one.wecom.send(out(CARD))
            await one.fake.bot.push("aibot_event_callback", click(), "C1")
            body = await self.update(one)
            assert body["template_card"]["button_list"][0]["text"] == "处理中"
            await one.wecom.send(out(replace(CARD, version=5), "u1", update=True))
            _, outcome = one.fake.bot.of("aibot_send_msg")
            assert outcome["body"]["template_card"]["task_id"] == "K3F9@5"

    async def test_a_card_shown_anew_is_answered_under_its_own_name(self) -> None:
        async with live() as one:
            one.desk.answer = lambda _: DONE
            await one.fake.bot.push("aibot_event_callback", click(5, "K3F9@5"), "C1")
            assert (await self.update(one))["template_card"]["task_id"] == "K3F9@5"

    async def test_an_answer_that_was_refused_is_made_up_for_by_the_outbox(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with live() as one:
            await one.wecom.send(out(CARD))
            one.desk.answer = lambda _: DONE
            one.fake.bot.refusals["aibot_respond_update_msg"].append(846605)
            await one.fake.bot.push("aibot_event_callback", click(), "C1")
            await self.update(one)
            await one.wecom.send(out(DONE, "u1", update=True))
            assert one.answered == []
            _, end = one.fake.bot.of("aibot_send_msg")
            assert end["body"]["template_card"]["source"]["desc"] == "已处理"

    async def test_a_press_on_processing_does_nothing(self) -> None:
        async with live() as one:
            frame = click()
            frame["event"]["template_card_event"]["event_key"] = "noop"
            await one.fake.bot.push("aibot_event_callback", frame, "C1")
            await one.said("好了吗")
            await one.desk.hears()
            assert one.desk.clicked == []


async def test_no_secret_reaches_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with live(QUICK) as one:
        one.fake.script(SEND, says({"errcode": 40035, "errmsg": "x"}))
        one.desk.failures = 1
        await one.said("张三 13800001111")
        await one.desk.hears()
        one.fake.bot.refusals["aibot_send_msg"].append(40008)
        with pytest.raises(OutsideError):
            await one.wecom.send(out(Text(text="张三")))
    logged = [one.getMessage() for one in caplog.records if one.name != "aiohttp.access"]
    assert logged
    for secret in (*SECRETS, "张三", "13800001111"):
        assert secret not in "\n".join(logged)
