"""Where nothing can be pressed, a change is confirmed and taken back in words."""

import pytest

from crm.kernel import rulebook
from tests.story.room import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = {"QIDESK_DINGTALK__TEMPLATES__DESK": ""}


async def call_line(room: Room) -> str:
    async with room.service.store.reading() as session:
        document = await rulebook.current(session, "ladder")
    return str(document.body["call"]) if document else ""


class TestGivenNoButtons:
    async def test_when_the_second_answers_by_number_then_it_is_in_force(self, room: Room) -> None:
        item = await room.ask("fengjun", "/规则 追保 105%")
        assert item["kind"] == "markdown"
        await room.newest_text("chenxi", "预警规则")
        item = await room.ask("chenxi", "/变更")
        assert "105%" in item["text"]
        await room.say("chenxi", "1", count=0)
        await room.newest_text("fengjun", "已生效")
        assert await call_line(room) == "1.05"

    async def test_when_a_link_is_tapped_then_its_line_confirms(self, room: Room) -> None:
        await room.ask("chenxi", "/规则 追保 110%")
        item = await room.newest_text("fengjun", "110%")
        line = next(link["say"] for link in item["links"] if link["label"] == "确认生效")
        await room.say("fengjun", line, count=0)
        await room.newest_text("chenxi", "版本 2")
        assert await call_line(room) == "1.1"

    async def test_when_the_asker_says_the_others_line_then_he_is_refused(self, room: Room) -> None:
        await room.ask("fengjun", "/规则 追保 115%")
        theirs = await room.newest_text("chenxi", "115%")
        line = next(link["say"] for link in theirs["links"] if link["label"] == "确认生效")
        item = await room.ask("fengjun", line)
        assert "不能操作" in item["text"]
        assert await call_line(room) == "1.1"

    async def test_when_there_is_no_such_change_then_it_says_so(self, room: Room) -> None:
        item = await room.ask("chenxi", "/变更 99")
        assert "没有第 99 号更改" in item["text"]
        item = await room.ask("hejing", "/变更")
        assert "没有等待确认的更改" in item["text"]
        item = await room.ask("fengjun", "/变更", "g-risk")
        assert "私聊" in item["text"]
