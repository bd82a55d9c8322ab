"""What is heard while the desk is still being loaded."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Card
from bot.chat.reply import Reply, say
from bot.desk import READ_AT_ONCE
from bot.inbox import ears
from bot.models import HeardState
from bot.router import Turn
from tests.fakes.broker import Broker
from tests.shell.room import open_front, open_room, press


async def card_of(broker: Broker) -> Card:
    """One that is on a screen since before the restart."""

    async def shows(_: Turn, __: AsyncSession) -> Reply:
        return say(Card(title="卡", status="待办", subject="task:1"))

    async with open_room(broker) as room:
        room.router.handler = shows
        await room.ears.hear(room.ask("wangqiang", "看", key="shows"))
    [card] = await room.parts()
    assert isinstance(card, Card)
    return card


async def done(turn: Turn, _: AsyncSession) -> Reply:
    if turn.click is None:
        return Reply()
    return Reply(update=Card(title="卡", status="完成", subject="task:1"))


async def test_it_is_stored_at_once_and_worked_on_when_the_desk_is_there(broker: Broker) -> None:
    async with open_front(broker) as room:
        assert await room.ears.hear(room.ask("wangqiang", "在吗", key="m1"))
        assert not await room.ears.hear(room.ask("wangqiang", "在吗", key="m1"))
        assert await room.heard() == [HeardState.NEW]
        async with room.desk.open():
            room.ears.desk.put(room.desk)
            await room.desk.serve()
    assert await room.heard() == [HeardState.DONE]
    assert await room.texts() == ["听到 在吗"]


async def test_what_a_person_says_while_his_older_words_are_taken_up_does_not_overtake_them(
    broker: Broker,
) -> None:
    async with open_front(broker) as room:
        older = [f"{number}" for number in range(READ_AT_ONCE + 20)]
        await room.ears.hear_all([room.ask("wangqiang", words) for words in older])
        async with room.desk.open(), asyncio.TaskGroup() as tasks:
            room.ears.desk.put(room.desk)
            tasks.create_task(room.desk.serve())
            await asyncio.sleep(0)
            await room.ears.hear(room.ask("wangqiang", "后来"))
    assert [turn.ask.text for turn in room.router.turns] == [*older, "后来"]


async def test_a_click_waits_for_the_desk_and_gets_the_card_as_it_then_is(broker: Broker) -> None:
    card = await card_of(broker)
    async with open_front(broker) as room, asyncio.TaskGroup() as tasks:
        room.router.handler = done
        click = room.ask("wangqiang", click=press(card, "done"))
        clicked = tasks.create_task(room.ears.hear_click(click))
        await asyncio.sleep(0.05)
        assert not clicked.done()
        async with room.desk.open():
            room.ears.desk.put(room.desk)
            await room.desk.serve()
            answer = await clicked
    assert answer is not None
    assert (answer.version, answer.status) == (2, "完成")


async def test_a_click_for_which_the_desk_comes_too_late_is_worked_on_all_the_same(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await card_of(broker)
    monkeypatch.setattr(ears, "CLICK_BUDGET", 0.01)
    async with open_front(broker) as room:
        room.router.handler = done
        assert await room.ears.hear_click(room.ask("wangqiang", click=press(card, "done"))) is None
        async with room.desk.open():
            room.ears.desk.put(room.desk)
            await room.desk.serve()
    assert (await room.card(card.id)).status == "完成"


async def test_once_the_desk_is_gone_words_are_kept_for_the_next(broker: Broker) -> None:
    async with open_room(broker) as room:
        room.ears.desk.take_back()
        await room.ears.hear(room.ask("wangqiang", "还在吗"))
        assert room.router.turns == []
    assert await room.heard() == [HeardState.NEW]
