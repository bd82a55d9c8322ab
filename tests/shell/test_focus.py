"""The client in focus is meant by a line without a name, for four hours."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Text
from bot.chat.reply import Reply, say
from bot.router import Turn
from crm.kernel.clock import StoppedClock
from tests.fakes.broker import Broker
from tests.shell.room import Room, open_room

FOUR_HOURS = timedelta(hours=4)
CLIENT = 1


async def answer(turn: Turn, _: AsyncSession) -> Reply:
    """Shows a client, asks for whoever is in focus, or does something else."""
    match turn.ask.text:
        case "张三":
            return say(Text(text="张三"), focus=CLIENT)
        case "持仓":
            return say(Text(text="持仓"), focus=turn.focus)
        case _:
            return say(Text(text="好"))


async def focus_of(room: Room, line: str, group: str = "") -> int | None:
    """The client in focus when a line is read."""
    before = len(room.router.turns)
    await room.ears.hear(room.ask("wangqiang", line, group=group))
    while len(room.router.turns) == before:
        await room.inbox.store(room.ask("wangqiang", key="m0"))  # gives the desk its turn
    return room.router.turns[-1].focus


async def test_it_lapses_when_the_client_was_not_meant_for_four_hours(
    broker: Broker, clock: StoppedClock
) -> None:
    async with open_room(broker) as room:
        room.router.handler = answer
        assert await focus_of(room, "张三") is None
        clock.advance(FOUR_HOURS)
        assert await focus_of(room, "你好") == CLIENT
        clock.advance(timedelta(seconds=1))
        assert await focus_of(room, "持仓") is None
        assert await focus_of(room, "张三") is None
        assert await focus_of(room, "持仓") == CLIENT


async def test_it_lasts_as_long_as_the_client_is_meant(broker: Broker, clock: StoppedClock) -> None:
    async with open_room(broker) as room:
        room.router.handler = answer
        await focus_of(room, "张三")
        for _ in range(4):
            clock.advance(FOUR_HOURS)
            assert await focus_of(room, "持仓") == CLIENT


async def test_each_chat_has_its_own(broker: Broker, clock: StoppedClock) -> None:
    async with open_room(broker) as room:
        room.router.handler = answer
        await focus_of(room, "张三")
        assert await focus_of(room, "张三", "g-hz") is None
        clock.advance(FOUR_HOURS)
        await focus_of(room, "持仓", "g-hz")
        clock.advance(timedelta(seconds=1))
        assert await focus_of(room, "持仓") is None
        assert await focus_of(room, "持仓", "g-hz") == CLIENT
