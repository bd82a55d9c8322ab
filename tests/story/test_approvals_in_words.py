"""审批 where no card has buttons, across a restart, and after somebody has left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from approvals import cases, seating
from approvals.models import ApplicationEvent, Deed, SeatKind
from bot.commands import trial
from bot.sandbox.launch import Options
from crm import people
from tests.story.room import Room, labels, open_room

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = {"QIDESK_DINGTALK__TEMPLATES__DESK": ""}


async def scene(room: Room, *approvers: str) -> dict[str, Any]:
    body = {"name": "approval", "count": 1, "approvers": list(approvers)}
    application: dict[str, Any] = (await room.post("/sandbox/scene", body))["applications"][0]
    return application


async def verdicts(room: Room, application: int) -> list[tuple[str, str]]:
    async with room.service.store.reading() as session:
        rows = await session.scalars(
            select(ApplicationEvent)
            .where(
                ApplicationEvent.application_id == application,
                ApplicationEvent.deed.in_((Deed.APPROVED, Deed.REJECTED, Deed.RETURNED)),
            )
            .order_by(ApplicationEvent.number)
        )
        return [(row.deed.value, row.actor) for row in rows]


async def seat_deputy(room: Room, application: int, staff: str) -> None:
    """As the clock does when a step is late."""
    async with room.service.store.writing() as session:
        stage = await cases.open_stage(session, application)
        assert stage is not None
        person = await people.get(session, staff)
        await seating.seat(session, stage, [person], SeatKind.DEPUTY)


class TestGivenNoTemplate:
    async def test_when_decided_in_words_then_it_goes_on_and_the_next_is_told(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        name = application["client"]
        await room.newest_text("sunfang", f"待审批 · 开户 · {name}")
        item = await room.ask("sunfang", f"同意 {name}")
        assert "已同意" in item["text"]
        await room.newest_text("zhouting", f"待审批 · 开户 · {name}")
        asked = await room.ask("zhouting", f"退回 {name}")
        assert "请写明原因" in asked["text"]
        await room.ask("zhouting", "身份证反面不清晰")
        told = await room.newest_text("wangqiang", f"开户申请需要补件 · {name}")
        assert "身份证反面不清晰" in told["text"]
        assert await verdicts(room, application["id"]) == [
            ("approved", "sunfang"),
            ("returned", "zhouting"),
        ]

    async def test_when_only_one_waits_then_the_word_alone_is_enough(self, room: Room) -> None:
        application = await scene(room, "zhengli")
        item = await room.ask("zhengli", "同意 欧阳锋")
        assert "没有「欧阳锋」" in item["text"]
        assert ("approved", "zhengli") not in await verdicts(room, application["id"])
        await room.ask("zhengli", "同意")
        assert ("approved", "zhengli") in await verdicts(room, application["id"])
        item = await room.ask("zhengli", "同意")
        assert "现在没有等您审批的申请" in item["text"]

    async def test_when_several_wait_then_the_word_alone_decides_nothing(self, room: Room) -> None:
        both = [await scene(room, "wuhao"), await scene(room, "wuhao")]
        said = await room.say("wuhao", "驳回 材料是假的", count=2)
        assert "请写上客户姓名" in said[0]["text"]
        for each in both:
            assert ("rejected", "wuhao") not in await verdicts(room, each["id"])
        for each in both:
            await room.ask("wuhao", f"驳回 {each['client']} 材料是假的")
            assert ("rejected", "wuhao") in await verdicts(room, each["id"])

    async def test_when_handed_on_in_words_then_the_other_has_it(self, room: Room) -> None:
        application = await scene(room, "qianwei")
        name = application["client"]
        item = await room.ask("qianwei", f"转交 {name} 王强")
        assert "没有可以转交的人" in item["text"]
        item = await room.ask("qianwei", f"转交 {name} 孙芳")
        assert "已转交 孙芳" in item["text"]
        await room.ask("sunfang", f"同意 {name}")

    async def test_when_said_in_a_group_then_nothing_is_told_there(self, room: Room) -> None:
        application = await scene(room, "sunfang")
        for line in (f"同意 {application['client']}", "待审批", f"进度 {application['client']}"):
            item = await room.ask("sunfang", line, "g-hz")
            assert "私聊" in item["text"]
            assert application["client"] not in item["text"]
        assert await verdicts(room, application["id"]) == []
        await room.ask("sunfang", f"同意 {application['client']}")

    async def test_when_a_stranger_or_an_uninvolved_one_asks_then_it_is_not_there(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        item = await room.ask("limin", f"进度 {application['client']}")
        assert "没有您能看的" in item["text"]
        item = await room.ask("limin", f"同意 {application['client']}")
        assert "没有「审批」的权限" in item["text"]
        await room.ask("sunfang", f"驳回 {application['client']} 重复申请")

    async def test_when_a_deputy_without_the_role_is_seated_then_his_words_count_as_clicks_do(
        self, room: Room
    ) -> None:
        application = await scene(room, "wuhao")
        name = application["client"]
        await seat_deputy(room, application["id"], "limin")
        listed = await room.ask("limin", "待审批")
        assert name in listed["text"]
        asked = await room.ask("limin", f"退回 {name}")
        assert "请写明原因" in asked["text"]
        await room.ask("limin", "取消")
        item = await room.ask("limin", f"同意 {name}")
        assert "已同意" in item["text"]
        assert ("approved", "limin") in await verdicts(room, application["id"])
        for line in ("待审批", "同意", f"驳回 {name} 重复", f"转交 {name} 孙芳", "加签 冯军"):
            item = await room.ask("limin", line)
            assert "没有「审批」的权限" in item["text"]

    async def test_when_what_he_saw_is_asked_for_in_words_then_a_number_shows_it(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        name = application["client"]
        await room.ask("sunfang", f"同意 {name}")
        await room.ask("zhouting", f"驳回 {name} 适当性不符")
        item = await room.ask("wangqiang", f"进度 {name}")
        assert "当时所见" in item["text"] or any(
            "当时所见" in link["label"] for link in item["links"]
        )
        await room.ask("wangqiang", "1")
        item = await room.ask("wangqiang", "2")
        assert "周婷 驳回" in item["text"]
        item = await room.ask("wangqiang", f"进度 {name} 当时所见")
        assert "孙芳" in item["text"]

    async def test_when_the_approver_has_left_then_his_word_is_nothing_and_another_decides(
        self, room: Room
    ) -> None:
        application = await scene(room, "qianwei")
        name = application["client"]
        await room.leaves("qianwei")
        item = await room.ask("qianwei", f"同意 {name}")
        assert "还没有开通" in item["text"]
        await room.newest_text("sunfang", f"待审批 · 开户 · {name}")
        await room.ask("sunfang", f"同意 {name}")
        assert await verdicts(room, application["id"]) == [("approved", "sunfang")]


async def test_a_card_of_before_a_restart_still_decides_and_only_once(tmp_path: Path) -> None:
    async with open_room(tmp_path / "room", {}) as room:
        application = await scene(room, "sunfang")
        await room.ask("wangqiang", "开户 范思哲")
        await room.ask("wangqiang", "13912340001")
        card = application["cards"][0]["card"]
        options = room.options
    async with again(options) as room:
        items = await room.until(
            "sunfang", lambda found: [i for i in found if i["card"] and i["card"]["id"] == card]
        )
        async with asyncio.TaskGroup() as twice:
            for _ in range(2):
                twice.create_task(_press(room, "sunfang", items[0]))
        item = await room.now_showing("sunfang", items[0])
        assert "孙芳 已同意" in item["card"]["status"]
        assert labels(item) == []
        assert await verdicts(room, application["id"]) == [("approved", "sunfang")]
        draft = await room.ask("wangqiang", "开户 范思哲")
        assert "139****0001" in draft["text"]


@asynccontextmanager
async def again(options: Options) -> AsyncIterator[Room]:
    """The same data, another life."""
    async with trial.together(options, {}) as service, aiohttp.ClientSession() as http:
        yield Room(options.url, http, service, options)


async def _press(room: Room, person: str, item: dict[str, Any]) -> None:
    key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == "同意")
    body = {
        "platform": "dingtalk",
        "person": person,
        "card": item["card"]["id"],
        "action": key,
        "inputs": {},
    }
    async with room.http.post(f"{room.url}/sandbox/click", json=body) as answer:
        await answer.read()
