"""The whole service beside the platforms, whose clocks go right while its own is set."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from crm.kernel import audit
from tests.clock.test_set_clock import STEPS, step
from tests.story.conftest import furniture, room
from tests.story.room import Item, Room

__all__ = ["furniture", "room", "step"]
QUICKLY = 5.0  # seconds: much less than the smallest step


class Watchmaker:
    """Sets the service's clock; time passes all the same."""

    def __init__(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = room.service.clock
        right = clock.now
        self.by = timedelta(0)
        monkeypatch.setattr(clock, "now", lambda: right() + self.by)


def of(items: list[Item], mark: str, title: str) -> list[Item]:
    return [
        item
        for item in items
        if item["card"] and title in item["card"]["title"] and mark in str(item["card"])
    ]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_people_are_answered_at_once_and_reminded_once(
    room: Room, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    watchmaker = Watchmaker(room, monkeypatch)
    account = (await room.client_of("wangqiang"))["account"]
    mark = f"回访 R{STEPS.index(step)}"
    asking = await room.ask("wangqiang", f"记 {account} 电话 问价 {mark}")
    for by in (step, timedelta(0)):  # wrong, then put right
        watchmaker.by = by
        async with asyncio.timeout(QUICKLY):
            await room.ask("wangqiang", f"查 {account}")
            await room.say("limin", f"{account}")
        await room.ask("wangqiang", f"待办 30分钟后 {mark}.{by.days}.{by.seconds}")
        await room.advance("31m")
    async with asyncio.timeout(QUICKLY):
        await room.until("wangqiang", lambda items: of(items, mark, "提醒")[1:])
    watchmaker.by = -step
    await room.advance("1m")
    watchmaker.by = timedelta(0)
    await room.advance("1m")
    assert len(of(await room.screen("wangqiang"), mark, "提醒")) == 2
    assert asking["card"]


async def test_the_trail_verifies_and_the_service_is_ready(room: Room, tmp_path: Path) -> None:
    async with room.service.store.reading() as session:
        verdict = await audit.verify(session, audit.Head(room.service.settings.head_file))
    assert verdict.broken_at is None
    async with room.http.get(f"{room.url}/readyz") as response:
        told = await response.json()
    assert response.status == 200, told
    assert all((part["age_seconds"] or 0) >= 0 for part in told["parts"].values())
