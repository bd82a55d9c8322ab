"""Dead letters are tried again once; the trail tells who did what and never a personal number."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.chat.message import Card, Chat, Place
from bot.models import Heard, HeardState, Out, OutState
from bot.outbox import deadletters, outbox
from bot.outbox.deadletters import NoSuchLetter
from bot.outbox.outbox import Envelope
from crm import clients, interactions, trail
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import NotAllowed
from crm.models import Channel, PersonalKind
from tests.fakes.broker import MOBILE, Broker

DAY = timedelta(days=1)
CHAT = Chat(platform="dingtalk", place=Place.PRIVATE, id="wangqiang")


async def give_up(broker: Broker, state: OutState = OutState.DEAD) -> int:
    async with broker.store.writing() as session:
        envelope = Envelope(chat=CHAT, why="look_up", receiver="wangqiang")
        await outbox.put(session, envelope, Card(title="张三"))
        number = await session.scalar(select(Out.id).order_by(Out.id.desc()).limit(1))
        await session.execute(update(Out).where(Out.id == number).values(state=state))
        assert number is not None
        return number


async def retry(broker: Broker, side: str, number: int) -> int:
    """How many items it queued."""
    async with broker.store.writing() as session:
        letter = await deadletters.one(session, side, number)
        await deadletters.again(session, letter, by="hejing")
        return len(session.info.get("queued", []))


@pytest.mark.parametrize("state", [OutState.DEAD, OutState.HELD])
async def test_what_was_given_up_is_queued_again_as_if_it_were_new(
    broker: Broker, clock: StoppedClock, state: OutState
) -> None:
    number = await give_up(broker, state)
    clock.advance(2 * DAY)
    assert await retry(broker, "out", number) == 1
    async with broker.store.reading() as session:
        row = await session.get_one(Out, number)
        assert (row.state, row.attempts, row.created_at) == (OutState.WAITING, 0, clock.now())
        assert await deadletters.listed(session) == []


async def test_two_who_try_it_again_at_once_send_it_once(broker: Broker) -> None:
    number = await give_up(broker)
    late = 0

    async def one() -> None:
        nonlocal late
        try:
            await retry(broker, "out", number)
        except NoSuchLetter:
            late += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(one())
    assert late == 2


async def test_a_message_that_broke_us_waits_for_the_desk_again(broker: Broker) -> None:
    async with broker.store.writing() as session:
        session.add(
            Heard(
                platform="dingtalk",
                app="x",
                key="k",
                body=b"{}",
                at=broker.store.clock.now(),
                state=HeardState.FAILED,
                attempts=1,
            )
        )
    async with broker.store.reading() as session:
        [letter] = await deadletters.listed(session)
        assert (letter.side, letter.kind) == ("heard", "message")
        assert (await deadletters.backlog(session)).failed == 1
    assert await retry(broker, "heard", letter.id) == 0
    async with broker.store.reading() as session:
        assert (await session.get_one(Heard, letter.id)).state is HeardState.NEW
    with pytest.raises(NoSuchLetter):
        await retry(broker, "heard", letter.id)


async def test_a_letter_tells_to_whom_and_why_and_not_what(broker: Broker) -> None:
    await give_up(broker)
    async with broker.store.reading() as session:
        [letter] = await deadletters.listed(session)
    assert (letter.to, letter.why, letter.kind) == ("wangqiang", "look_up", "card")
    assert "张三" not in repr(letter)


async def test_the_trail_of_a_client_holds_looks_reveals_and_talks(
    broker: Broker, clock: StoppedClock
) -> None:
    zhang = broker.clients["张三"]
    async with broker.store.writing() as session:
        await clients.see(session, broker["wangqiang"], zhang)
        reason = f"核对 {MOBILE}"
        await clients.reveal(session, broker["sunfang"], zhang, PersonalKind.MOBILE, reason=reason)
        await interactions.log(
            session, broker["wangqiang"], zhang, channel=Channel.CALL, note="聊了", source="m"
        )
        await clients.see(session, broker["limin"], broker.clients["张思远"])
    async with broker.store.writing() as session:
        entries, count = await trail.read(
            session, broker["linlan"], f"client:{zhang}", clock.now() - DAY, limit=10
        )
    did = [(entry.actor, entry.action) for entry in entries]
    assert ("wangqiang", "client.see") in did
    assert ("sunfang", "client.reveal") in did
    assert ("wangqiang", "interaction.log") in did
    assert "limin" not in {actor for actor, _ in did}
    assert count == len(entries)
    told = "".join(str(entry.detail) for entry in entries)
    assert MOBILE not in told
    assert "138****8000" in told


async def test_pages_of_the_trail_neither_overlap_nor_skip(
    broker: Broker, clock: StoppedClock
) -> None:
    async with broker.store.writing() as session:
        for _ in range(7):
            await clients.see(session, broker["wangqiang"], broker.clients["张三"])
    seen: list[int] = []
    before = None
    while True:
        async with broker.store.writing() as session:
            entries, _ = await trail.read(
                session,
                broker["linlan"],
                "staff:wangqiang",
                clock.now() - DAY,
                before=before,
                limit=3,
            )
        if not entries:
            break
        seen += [entry.seq for entry in entries]
        before = seen[-1]
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) >= 7


async def test_only_audit_admins_read_it_and_each_look_is_on_record(broker: Broker) -> None:
    since = broker.store.clock.now() - DAY
    for who in ("hejing", "gaoyuan", "sunfang", "wangqiang"):
        with pytest.raises(NotAllowed):
            async with broker.store.writing() as session:
                await trail.read(session, broker[who], "staff:limin", since, limit=3)

    async def look() -> list[trail.Entry]:
        async with broker.store.writing() as session:
            found, _ = await trail.read(session, broker["linlan"], "staff:linlan", since, limit=3)
            return found

    await look()
    assert (await look())[0].action == "audit.read"


async def test_a_name_finds_staff_and_clients_alike(broker: Broker) -> None:
    async with broker.store.reading() as session:
        assert [each.key for each in await trail.named(session, "王强")] == ["staff:wangqiang"]
        [found] = await trail.named(session, "80010023")
        assert found.name == "张三"
        assert await trail.named(session, "张") == []
