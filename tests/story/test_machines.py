"""What machines ask of the service: alive, ready, figures."""

import re

import pytest

from bot.models import Out, OutState
from tests.story.room import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def figure(room: Room, name: str) -> float:
    """The value of one line of ``/metrics``; 0 when there is no such line yet."""
    async with room.http.get(f"{room.url}/metrics") as answer:
        page = await answer.text()
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


class TestGivenARunningService:
    async def test_when_asked_then_it_is_alive_and_ready(self, room: Room) -> None:
        async with room.http.get(f"{room.url}/healthz") as answer:
            assert answer.status == 200
        async with room.http.get(f"{room.url}/readyz") as answer:
            told = await answer.json()
        assert told["ready"] is True
        assert told["parts"]["dingtalk"]["ok"] is True

    async def test_when_a_message_is_answered_then_the_figures_move(self, room: Room) -> None:
        names = (
            'qidesk_heard_total{platform="dingtalk"}',
            'qidesk_sent_total{outcome="sent",platform="dingtalk"}',
            "qidesk_answer_seconds_count",
        )
        before = [await figure(room, name) for name in names]
        await room.ask("wangqiang", "帮助")
        await room.service.dispatcher.drained()
        after = [await figure(room, name) for name in names]
        assert all(later > earlier for later, earlier in zip(after, before, strict=True))

    async def test_when_something_was_given_up_then_it_shows(self, room: Room) -> None:
        assert await figure(room, 'qidesk_outbox{state="dead"}') == 0
        await room.ask("wangqiang", "帮助")
        await room.service.dispatcher.drained()
        async with room.service.store.writing() as session:
            newest = await session.get_one(Out, 1)
            newest.state = OutState.DEAD
        assert await figure(room, 'qidesk_outbox{state="dead"}') == 1
