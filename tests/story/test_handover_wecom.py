"""交接 where the second admin is on WeCom, whose cards change only by a click."""

import pytest

from tests.story.room import Room, labels
from tests.story.test_risk_desk_wecom import card, until
from tests.story.test_wecom import click

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


class TestGivenAListThatSomebodyHasRead:
    async def test_when_the_second_admin_then_clicks_for_the_first_time_then_it_holds(
        self, room: Room
    ) -> None:
        await room.ask("hejing", "/交接 王强 → 李敏 轮岗")
        theirs = await until(room, "tangyu", card("交接 王强 → 李敏"))
        assert "确认生效" in labels(theirs)
        await room.click("limin", await room.newest("limin", "交接 王强 → 李敏"), "已看过")
        await room.until("tangyu", lambda items: [i for i in items if "已看过 李敏" in i["text"]])
        await click(room, "tangyu", theirs, "确认生效")
        await room.newest("limin", "王强 已移交给您")
