"""Bursts against WeCom's real limits: nothing is dropped in silence, and no minute is lost."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.chat.message import Button, Card, Chat, Place, Text
from bot.chat.ports import Outgoing
from bot.models import Delivery, LiveCard, Out, OutState
from bot.outbox import outbox
from bot.outbox.outbox import Envelope
from bot.platforms.wecom.client import open_wecom
from bot.platforms.wecom.notes import NOT_CHANGED
from bot.platforms.wecom.pace import Pace
from bot.platforms.wecom.stored import StoredNotes
from bot.sandbox.wecom.company import Quotas
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError
from tests.contract.rig import GROUP
from tests.contract.wecom_rig import WeComRig, wecom_rig
from tests.fakes.wecom import SEND, fake_wecom
from tests.fakes.wecom_notes import MemoryNotes

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WANG = Chat(platform="wecom", place=Place.PRIVATE, id="wangqiang")


class Watch:
    """Seconds that go forward when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def fill(pace: Pace, count: int) -> None:
    for _ in range(count):
        with pace.sending("wang"):
            pass


def wait_of(pace: Pace) -> float:
    """How long the next one would have to wait; 0 for not at all."""
    try:
        pace._check("wang")
    except OutsideError as error:
        return error.wait_seconds or 0
    return 0


class TestPace:
    def test_within_any_minute_there_are_never_more(self) -> None:
        watch = Watch()
        pace, sent = Pace({60.0: 29, 3600.0: 990}, watch), list[float]()
        while watch.seconds < 1_000 + 3_600:
            watch.seconds += wait_of(pace)
            fill(pace, 1)
            sent.append(watch.seconds)
        for seconds, most in ((60.0, 29), (3600.0, 990)):
            assert all(
                later - early >= seconds for early, later in zip(sent, sent[most:], strict=False)
            )
        assert len(sent) > 980

    def test_what_was_refused_does_not_count_and_what_is_unknown_does(self) -> None:
        pace = Pace({60.0: 2}, Watch())
        for outcome in (Outcome.REFUSED, Outcome.RETRY, Outcome.UNKNOWN):
            with pytest.raises(OutsideError), pace.sending("wang"):
                raise OutsideError("x", "1", outcome)
        fill(pace, 1)
        assert wait_of(pace) == 60

    def test_one_under_way_counts_and_is_as_old_as_its_answer(self) -> None:
        watch = Watch()
        pace = Pace({60.0: 1}, watch)
        with pace.sending("wang"):
            assert wait_of(pace) > 0
            watch.seconds += 5
        watch.seconds += 57
        assert wait_of(pace) == 3

    def test_each_chat_has_its_own(self) -> None:
        pace = Pace({60.0: 1}, Watch())
        fill(pace, 1)
        with pace.sending("limin"):
            pass


@asynccontextmanager
async def limited(folder: Path) -> AsyncIterator[tuple[WeComRig, Watch]]:
    """WeCom with its real limits, and a watch in step with its clock."""
    async with wecom_rig(folder, quotas=Quotas.standard()) as rig:
        watch, sender = Watch(), rig.adapter.sender
        assert sender._bot is not None
        for channel in (sender._app, sender._bot, sender._robots, sender._app_chat):
            channel.pace.now = watch
        yield rig, watch


async def burst(
    rig: WeComRig, watch: Watch, chat: Chat, count: int, made: Callable[[int], Text | Card]
) -> list[float]:
    """Sends as fast as it may; the waits on the way."""
    waits = []
    for number in range(count):
        item = Outgoing(key=f"o{number}", chat=chat, part=made(number))
        while True:
            try:
                await rig.sender.send(item)
                break
            except OutsideError as error:
                if error.code != "too often":  # it was WeCom that refused
                    raise
                wait = (error.wait_seconds or 0) + 0.01
                waits.append(wait)
                watch.seconds += wait
                body = {"advance": f"{int(wait) + 1}s"}
                async with rig.http.post(f"{rig.base}/sandbox/clock", json=body) as response:
                    assert response.status == 200
    return waits


async def dropped(rig: WeComRig) -> int:
    async with rig.http.get(f"{rig.base}/sandbox/state") as response:
        return int((await response.json())["counters"]["wecom"]["dropped"])


class TestBursts:
    async def test_sixty_alerts_to_one_manager_all_arrive(self, tmp_path: Path) -> None:
        async with limited(tmp_path) as (rig, watch):
            waits = await burst(rig, watch, rig.private(), 60, lambda n: Text(text=f"追保 {n}"))
            assert [item["text"] for item in await rig.seen()] == [f"追保 {n}" for n in range(60)]
            assert len(waits) == 2
            assert await dropped(rig) == 0

    async def test_cards_with_words_beside_them_count_as_several(self, tmp_path: Path) -> None:
        def made(number: int) -> Card:
            text = "\n".join(f"第 {line} 行，说明文字" for line in range(40))
            return Card(id=f"c{number}", title="t", text=text, buttons=(Button("ok:1", "好"),))

        async with limited(tmp_path) as (rig, watch):
            await burst(rig, watch, rig.private(), 25, made)
            items = await rig.seen()
            assert len([item for item in items if item["kind"] == "card"]) == 25
            assert len(items) == 50
            assert await dropped(rig) == 0

    async def test_a_groups_robot_never_loses_a_minute(self, tmp_path: Path) -> None:
        async with limited(tmp_path) as (rig, watch):
            rig.adapter.sender._met.clear()
            await burst(rig, watch, rig.group(), 45, lambda n: Text(text=f"第{n}条"))
            seen = [item["text"] for item in await rig.seen(GROUP)]
            assert [text for text in seen if text.startswith("第")] == [
                f"第{n}条" for n in range(45)
            ]

    async def test_the_bot_keeps_within_its_conversations_share(self, tmp_path: Path) -> None:
        async with limited(tmp_path) as (rig, watch):
            await burst(rig, watch, rig.group(), 65, lambda n: Text(text=f"第{n}条"))
            seen = [item["text"] for item in await rig.seen(GROUP)]
            assert [text for text in seen if text.startswith("第")] == [
                f"第{n}条" for n in range(65)
            ]

    async def test_members_of_the_applications_own_group_miss_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with limited(tmp_path) as (rig, watch):
            sender = rig.adapter.sender
            members = {"owner": "fengjun", "userlist": ["fengjun", "chenxi"], "chatid": "own1"}
            await sender.api.send("/cgi-bin/appchat/create", {"name": "风控", **members})
            monkeypatch.setattr(sender, "ways", lambda _out: [sender._app_chat])
            own = Chat(platform="wecom", place=Place.GROUP, id="own1")
            waits = await burst(rig, watch, own, 220, lambda n: Text(text=f"第{n}条"))
            assert len(waits) == 1
            assert await dropped(rig) == 0


class TestAfterARestart:
    async def test_what_the_last_process_sent_still_counts(self) -> None:
        clock = StoppedClock(NOON)
        notes = MemoryNotes(clock)
        for number in range(29):
            item = Outgoing(key=f"o{number}", chat=WANG, part=Text(text="x"))
            notes.ledger.append((item, NOON - timedelta(seconds=20)))
        async with (
            fake_wecom() as fake,
            open_wecom(fake.settings(), clock, _NoBlobs(), notes) as we,
        ):
            await we.load()
            with pytest.raises(OutsideError) as caught:
                await we.send(Outgoing(key="n", chat=WANG, part=Text(text="x")))
            assert caught.value.outcome is Outcome.RETRY
            assert caught.value.wait_seconds == pytest.approx(40, abs=1)
            assert fake.to(SEND) == []

    async def test_the_ledger_tells_what_was_shown_anew_or_may_have_been(
        self, store: Store, clock: StoppedClock
    ) -> None:
        card = Card(title="t", buttons=(Button("ok:1", "好"),))
        async with store.writing() as session:
            for text in ("shown", "refused", "under way", "waiting"):
                await outbox.put(session, Envelope(chat=WANG, why="t"), Text(text=text))
            made = await outbox.put(session, Envelope(chat=WANG, why="t"), card)
            assert isinstance(made, Card)
            live = await session.get_one(LiveCard, made.id)
            for _ in range(3):
                await outbox.update(session, live, card, why="t", answered_by_click=False)
        outcomes = [
            (1, "sent", "m1"),
            (2, "refused", ""),
            (5, "sent", "m5"),
            (6, "sent", made.id),
            (7, "sent", NOT_CHANGED),
            (8, "sent", "m8"),
        ]
        async with store.writing() as session:
            for number, outcome, platform_id in outcomes:
                session.add(
                    Delivery(
                        out_id=number,
                        platform="wecom",
                        at=clock.now(),
                        outcome=outcome,
                        platform_id=platform_id,
                    )
                )
            await session.execute(update(Out).where(Out.id == 3).values(state=OutState.SENDING))
        told = await StoredNotes(store).sent(clock.now() - timedelta(hours=1))
        shown = [getattr(out.part, "text", "") or f"card {out.part.type}" for out, _ in told]
        assert shown == ["shown", "card card", "card card", "under way"]
        assert await StoredNotes(store).sent(clock.now() + timedelta(seconds=1)) == told[-1:]


class _NoBlobs:
    async def read(self, name: str) -> bytes:
        raise KeyError(name)
