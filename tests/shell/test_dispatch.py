"""Delivery: in order within a chat, side by side between chats, and what becomes of a failure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.chat import codec
from bot.chat.message import Card, Chat, Part, Place, Text
from bot.chat.ports import Outgoing
from bot.models import Bucket, Delivery, LiveCard, Out, OutState
from bot.outbox import outbox
from bot.outbox.dispatch import Dispatcher
from bot.outbox.limits import Limit, Limits
from bot.outbox.outbox import Envelope, Priority
from bot.store.bell import Bell
from crm.kernel.clock import StoppedClock
from crm.kernel.db import Store
from tests.fakes.sender import FakeSender, refused, retry, unknown

APP = "fake:app:x"


def chat(person: str) -> Chat:
    return Chat(platform="fake", place=Place.PRIVATE, id=person)


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@asynccontextmanager
async def delivering(
    store: Store, sender: FakeSender, limits: Limits | None = None
) -> AsyncIterator[Dispatcher]:
    """A dispatcher for as long as the block lasts; leaving it is the end of its process."""
    dispatcher = Dispatcher(
        store, {"fake": sender}, limits or Limits(store.clock, {}), Bell(store.database)
    )
    run = asyncio.ensure_future(dispatcher.run())
    try:
        async with asyncio.timeout(10):
            while dispatcher._tasks is None:
                await asyncio.sleep(0.001)
        yield dispatcher
    finally:
        store.after_commit.remove(dispatcher.queued)
        run.cancel()
        await asyncio.wait({run})
    if not run.cancelled():
        run.result()


async def put(
    store: Store, *parts: Part, to: str = "wang", priority: Priority = Priority.ANSWER
) -> Sequence[Part]:
    """Queue the parts in one transaction."""
    envelope = Envelope(chat=chat(to), why="test", priority=priority)
    async with store.writing() as session:
        return [await outbox.put(session, envelope, part) for part in parts]


async def say(store: Store, *lines: str, to: str = "wang") -> None:
    await put(store, *(Text(text=line) for line in lines), to=to)


async def change(store: Store, card: Part, text: str, *, click: bool = False) -> Card:
    """A new version of a card."""
    assert isinstance(card, Card)
    async with store.writing() as session:
        live = await session.get_one(LiveCard, card.id)
        content = Card(title=card.title, text=text)
        return await outbox.update(session, live, content, why="test", answered_by_click=click)


async def states(store: Store) -> dict[str, OutState]:
    """By what the item says."""
    async with store.reading() as session:
        rows = (await session.scalars(select(Out).order_by(Out.id))).all()
    return {said(codec.load_outgoing(row.item)): row.state for row in rows}


async def ledger(store: Store) -> list[str]:
    async with store.reading() as session:
        return list(await session.scalars(select(Delivery.outcome).order_by(Delivery.id)))


def said(out: Outgoing) -> str:
    return out.part.text if isinstance(out.part, Text | Card) else ""


def lines(outs: Sequence[Outgoing], to: str | None = None) -> list[str]:
    return [said(out) for out in outs if to in (None, out.chat.id)]


def shown(*wanted: str) -> Callable[[FakeSender], bool]:
    return lambda sender: set(wanted) <= set(lines(sender.shown))


async def all_done(dispatcher: Dispatcher) -> None:
    async with asyncio.timeout(20):
        await dispatcher.drained()


async def test_a_chat_is_shown_its_items_in_the_order_in_which_they_were_put_out(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(retry(), retry())
    async with delivering(store, sender) as dispatcher:
        await say(store, "1", "2", "3")
        await say(store, "4")
        await all_done(dispatcher)
    assert lines(sender.shown) == ["1", "2", "3", "4"]
    assert set((await states(store)).values()) == {OutState.SENT}


async def test_a_chat_that_hangs_does_not_hold_up_the_others(
    store: Store, sender: FakeSender
) -> None:
    sender.gates["wang"].clear()
    async with delivering(store, sender) as dispatcher:
        await say(store, "slow", "behind it")
        await say(store, "quick", to="li")
        await sender.until(shown("quick"))
        await sender.until(lambda sender: "slow" in lines(sender.tried))
        assert lines(sender.tried, "wang") == ["slow"]
        sender.gates["wang"].set()
        await all_done(dispatcher)
    assert lines(sender.shown, "wang") == ["slow", "behind it"]


async def test_nothing_is_shown_of_a_transaction_that_failed(
    store: Store, sender: FakeSender
) -> None:
    async with delivering(store, sender) as dispatcher:
        with pytest.raises(LookupError):
            async with store.writing() as session:
                envelope = Envelope(chat=chat("wang"), why="test")
                await outbox.put(session, envelope, Text(text="never"))
                raise LookupError
        await say(store, "next")
        await all_done(dispatcher)
    assert lines(sender.tried) == ["next"]


async def test_what_waiting_helps_is_tried_until_it_succeeds(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(*(retry() for _ in range(5)))
    async with delivering(store, sender) as dispatcher:
        await say(store, "patience")
        await all_done(dispatcher)
    assert lines(sender.tried) == ["patience"] * 6
    assert not any(out.again for out in sender.tried)
    assert len({out.key for out in sender.tried}) == 1
    assert await ledger(store) == ["retry"] * 5 + ["sent"]


async def test_what_waits_for_somebody_who_lost_access_is_not_shown(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    sender.fail(retry(wait_seconds=60))
    async with delivering(store, sender) as dispatcher:
        await say(store, "a client's name", "more of it")
        await sender.until(lambda it: len(it.tried) == 1)
        async with store.writing() as session:
            await outbox.drop(session, [("fake", "wang")], select(LiveCard.id))
        clock.advance(timedelta(minutes=2))
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert sender.shown == []
    assert set((await states(store)).values()) == {OutState.DROPPED}


async def test_a_wait_that_the_platform_asks_for_is_kept(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    sender.fail(retry(wait_seconds=3600))
    async with delivering(store, sender) as dispatcher:
        await say(store, "later")
        await sender.until(lambda it: len(it.tried) == 1)
        await say(store, "elsewhere", to="li")
        await sender.until(shown("elsewhere"))
        clock.advance(timedelta(minutes=59))
        dispatcher.clock_moved()
        await say(store, "once more", to="li")
        await sender.until(shown("once more"))
        assert lines(sender.tried, "wang") == ["later"]
        clock.advance(timedelta(minutes=15))
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.shown, "wang") == ["later"]


async def test_what_the_platform_refuses_is_given_up_and_kept(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(refused())
    async with delivering(store, sender) as dispatcher:
        await say(store, "refused", "next")
        await all_done(dispatcher)
    assert lines(sender.tried) == ["refused", "next"]
    assert await states(store) == {"refused": OutState.DEAD, "next": OutState.SENT}
    assert await ledger(store) == ["refused", "sent"]


async def test_a_platform_that_is_not_connected_is_a_refusal(
    store: Store, sender: FakeSender
) -> None:
    async with delivering(store, sender) as dispatcher:
        async with store.writing() as session:
            away = Chat(platform="away", place=Place.PRIVATE, id="wang")
            await outbox.put(session, Envelope(chat=away, why="test"), Text(text="lost"))
        await all_done(dispatcher)
    assert await states(store) == {"lost": OutState.DEAD}


async def test_a_card_whose_fate_is_unknown_is_sent_again_under_the_same_key(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(unknown(), unknown(), unknown())
    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="卡", text="card"))
        await all_done(dispatcher)
    assert isinstance(card, Card)
    assert [out.key for out in sender.tried] == [card.id] * 4
    assert not any(out.again for out in sender.tried)
    assert await states(store) == {"card": OutState.SENT}


async def test_a_text_whose_fate_is_unknown_is_sent_once_more_and_marked_so(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(unknown())
    async with delivering(store, sender) as dispatcher:
        await say(store, "text")
        await all_done(dispatcher)
    assert [out.again for out in sender.tried] == [False, True]
    assert await states(store) == {"text": OutState.SENT}


async def test_a_text_whose_fate_is_unknown_twice_is_given_up(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(unknown(), unknown())
    async with delivering(store, sender) as dispatcher:
        await say(store, "text", "next")
        await all_done(dispatcher)
    assert [out.again for out in sender.tried] == [False, True, False]
    assert await states(store) == {"text": OutState.DEAD, "next": OutState.SENT}


async def test_a_text_that_was_refused_before_it_was_shown_is_not_marked_as_sent_again(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(retry(), unknown(), retry())
    async with delivering(store, sender) as dispatcher:
        await say(store, "text")
        await all_done(dispatcher)
    assert [out.again for out in sender.tried] == [False, False, True, True]


async def test_a_bug_in_a_sender_costs_the_item_and_not_the_service(
    store: Store, sender: FakeSender
) -> None:
    sender.fail(ValueError("13800138000"))
    async with delivering(store, sender) as dispatcher:
        await say(store, "poison", "next")
        await all_done(dispatcher)
    assert await states(store) == {"poison": OutState.DEAD, "next": OutState.SENT}


async def test_after_a_day_of_trying_it_is_given_up(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    sender.fail(retry(wait_seconds=3600 * 20), retry(wait_seconds=3600), retry())
    async with delivering(store, sender) as dispatcher:
        await say(store, "old")
        for tries in (1, 2):
            await sender.until(lambda it, tries=tries: len(it.tried) == tries)  # type: ignore[misc]
            await marked(store, tries)
            clock.advance(timedelta(hours=25))
            dispatcher.clock_moved()
        await all_done(dispatcher)
    assert len(sender.tried) == 2
    assert await states(store) == {"old": OutState.DEAD}


async def marked(store: Store, tries: int) -> None:
    """Returns when the ledger has that many rows."""
    async with asyncio.timeout(10):
        while len(await ledger(store)) < tries:
            await asyncio.sleep(0.005)


async def test_an_update_goes_after_its_card_and_only_the_newest_one(
    store: Store, sender: FakeSender
) -> None:
    sender.gates["wang"].clear()
    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="卡", text="v1"))
        card = await change(store, card, "v2")
        card = await change(store, card, "v3")
        await change(store, card, "v4")
        await sender.until(lambda it: len(it.tried) == 1)
        sender.gates["wang"].set()
        await all_done(dispatcher)
    assert lines(sender.shown) == ["v1", "v4"]
    assert [out.update for out in sender.shown] == [False, True]
    assert await states(store) == {
        "v1": OutState.SENT,
        "v2": OutState.SUPERSEDED,
        "v3": OutState.SUPERSEDED,
        "v4": OutState.SENT,
    }


async def test_an_update_that_a_clicks_answer_carried_is_not_sent(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="卡", text="v1"))
        await all_done(dispatcher)
        card = await change(store, card, "v2", click=True)
        async with store.writing() as session:
            await outbox.answered(session, card)
        clock.advance(outbox.CLICK_GRACE)
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.tried) == ["v1"]
    assert await states(store) == {"v1": OutState.SENT, "v2": OutState.SENT}
    assert await ledger(store) == ["sent", "answered"]


async def test_whoever_presses_again_and_again_and_gets_no_answer_sees_it_after_a_moment(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="卡", text="v1"))
        await all_done(dispatcher)
        card = await change(store, card, "v2", click=True)
        clock.advance(outbox.CLICK_GRACE * 0.9)
        await change(store, card, "v3", click=True)
        clock.advance(outbox.CLICK_GRACE * 0.2)
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.shown) == ["v1", "v3"]


async def test_an_update_whose_clicks_answer_was_lost_is_sent_after_a_moment(
    store: Store, sender: FakeSender, clock: StoppedClock
) -> None:
    async with delivering(store, sender) as dispatcher:
        [card] = await put(store, Card(title="卡", text="v1"))
        await all_done(dispatcher)
        await change(store, card, "v2", click=True)
        await say(store, "meanwhile", to="li")
        await sender.until(shown("meanwhile"))
        assert lines(sender.tried, "wang") == ["v1"]
        clock.advance(outbox.CLICK_GRACE)
        dispatcher.clock_moved()
        await all_done(dispatcher)
    assert lines(sender.shown, "wang") == ["v1", "v2"]


async def test_a_restart_takes_up_what_waits_and_what_was_on_its_way(
    store: Store, sender: FakeSender
) -> None:
    await say(store, "on its way", "waits")
    async with store.writing() as session:
        first = select(Out.id).order_by(Out.id).limit(1).scalar_subquery()
        await session.execute(update(Out).where(Out.id == first).values(state=OutState.SENDING))
    async with delivering(store, sender) as dispatcher:
        await sender.until(shown("waits"))
        await all_done(dispatcher)
    assert lines(sender.shown) == ["on its way", "waits"]
    assert [out.again for out in sender.shown] == [True, False]


async def test_a_process_that_dies_while_sending_a_text_marks_it_on_the_next_try(
    store: Store, sender: FakeSender
) -> None:
    sender.gates["wang"].clear()
    async with delivering(store, sender):
        await say(store, "text")
        await put(store, Card(title="卡", text="card"), to="li")
        await sender.until(lambda it: bool(lines(it.tried, "wang")))
        await sender.until(shown("card"))
    sender.gates["wang"].set()
    async with delivering(store, sender) as dispatcher:
        await sender.until(shown("text"))
        await all_done(dispatcher)
    assert [(out.again, said(out)) for out in sender.shown if said(out) == "text"] == [
        (True, "text")
    ]


async def test_what_is_committed_while_a_restart_takes_up_is_sent_once_and_in_order(
    store: Store, sender: FakeSender
) -> None:
    class Slow(Limits):
        async def load(self, session: object) -> None:
            await say(store, "new")

    await say(store, "left")
    async with delivering(store, sender, Slow(store.clock, {})) as dispatcher:
        await sender.until(shown("left", "new"))
        await all_done(dispatcher)
        await say(store, "last")
        await all_done(dispatcher)
    assert lines(sender.tried) == ["left", "new", "last"]


async def test_what_ended_or_is_held_is_not_taken_up(store: Store, sender: FakeSender) -> None:
    over = (OutState.SENT, OutState.DEAD, OutState.HELD, OutState.SUPERSEDED)
    for state in over:
        await say(store, state.value)
    async with store.writing() as session:
        rows = await session.scalars(select(Out))
        for row, state in zip(rows, over, strict=True):
            row.state = state
    async with delivering(store, sender) as dispatcher:
        await say(store, "new")
        await all_done(dispatcher)
    assert lines(sender.tried) == ["new"]


async def test_the_urgent_overtake_what_waits_for_the_same_limit(
    store: Store, clock: StoppedClock
) -> None:
    sender = FakeSender(lambda _: (APP,))
    limits = Limits(clock, {"fake:app": Limit(1, 0.02)})
    async with delivering(store, sender, limits) as dispatcher:
        await say(store, "first", to="p0")
        await sender.until(shown("first"))
        for n in range(80):  # more than are sent at once
            digest = Text(text=f"digest{n}")
            await put(store, digest, to=f"p{n}", priority=Priority.DIGEST)
        await put(store, Text(text="forced"), to="head", priority=Priority.FORCED)
        while not lines(sender.shown, "head"):
            clock.advance(timedelta(seconds=0.02))
            seen = len(sender.shown)
            await sender.until(lambda it, seen=seen: len(it.shown) > seen)  # type: ignore[misc]
        assert lines(sender.shown).index("forced") <= 2
        assert dispatcher.waiting >= 70


async def test_a_restart_does_not_begin_with_full_buckets(
    store: Store, clock: StoppedClock
) -> None:
    sender = FakeSender(lambda _: (APP,))
    rules = {"fake:app": Limit(3, 3600)}
    async with delivering(store, sender, Limits(clock, rules)) as dispatcher:
        await say(store, "1", "2")
        await all_done(dispatcher)
    async with store.reading() as session:
        assert (await session.get_one(Bucket, APP)).tokens == pytest.approx(1)
    async with delivering(store, sender, Limits(clock, rules)):
        await say(store, "3", "4")
        await sender.until(shown("3"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert lines(sender.tried) == ["1", "2", "3"]


async def test_a_database_that_fails_for_a_moment_loses_and_repeats_nothing(
    store: Store, sender: FakeSender
) -> None:
    sender.gates["wang"].clear()
    trouble = [OSError("gone")]

    async def fail(_: object) -> None:
        if trouble:
            raise trouble.pop()

    async with delivering(store, sender) as dispatcher:
        await put(store, Card(title="卡", text="card"))
        await sender.until(lambda it: len(it.tried) == 1)
        store.before_commit.append(fail)
        sender.gates["wang"].set()
        await all_done(dispatcher)
    store.before_commit.remove(fail)
    assert lines(sender.shown) == ["card"]
    assert await states(store) == {"card": OutState.SENT}
    assert not trouble


async def test_what_waits_is_sealed_in_the_table(store: Store) -> None:
    await say(store, "手机 13800138000")
    async with store.engine.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT item FROM outbox")).all()
    assert b"13800138000" not in b"".join(bytes(row.item) for row in rows)
