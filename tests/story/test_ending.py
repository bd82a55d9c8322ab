"""The service ends while people go on talking."""

import asyncio
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from bot.app.front import Front
from bot.app.stores import store_of
from bot.chat.message import Ask, AskKind, Chat, Place
from bot.chat.raw import raw_of
from bot.models import Heard
from bot.settings import load
from tests.story.room import open_room

UNDER_WAY = 20  # answers never keep up with so many voices


async def test_it_rests_though_they_never_stop_and_keeps_all_that_they_say(
    tmp_path: Path,
) -> None:
    numbers, kept = count(), 0

    async def talk(front: Front) -> None:
        nonlocal kept
        while front.behind.here is not None:  # then the platforms are left, too
            number = next(numbers)
            ask = Ask(
                message_id=f"talk{number}",
                chat=Chat(platform="dingtalk", place=Place.PRIVATE, id="wangqiang"),
                user="wangqiang",
                at=front.clock.now(),
                kind=AskKind.TEXT,
                text="张三",
            )
            await front.ears.hear(raw_of("talk", ask))
            kept += 1

    async with (
        asyncio.timeout(60),
        asyncio.TaskGroup() as talking,
        open_room(tmp_path, {}) as room,
    ):
        front = room.service.front
        for _ in range(UNDER_WAY):
            talking.create_task(talk(front))
        async with asyncio.timeout(10):
            while kept < UNDER_WAY:
                await asyncio.sleep(0.01)
    told = load(room.options.config, {})
    store = store_of(told, front.clock)
    async with store.reading() as session:
        found = await session.scalar(select(func.count(Heard.id)).where(Heard.app == "talk"))
    await store.close()
    assert 0 < kept <= (found or 0)
