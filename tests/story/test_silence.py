"""静默 and 交接 on a bad morning: what may be hushed, by whom, and whose alerts they are after."""

import asyncio

import pytest
from sqlalchemy import func, select

from crm.models import Client
from risk import cases
from risk.levels import Level
from risk.models import Alert, AlertKind
from tests.story.room import PATIENCE, Room, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def open_at(room: Room, level: Level) -> list[Alert]:
    async with room.service.store.reading() as session:
        rows = await session.scalars(
            select(Alert)
            .where(Alert.open_key.is_not(None), Alert.kind == AlertKind.MARGIN)
            .where(Alert.level == level)
            .order_by(Alert.id)
        )
        return list(rows)


async def fall(room: Room) -> None:
    await room.post("/sandbox/market", {"shock": {"rb": -0.05}})
    async with asyncio.timeout(PATIENCE):
        while not (await open_at(room, Level.CALL) and await open_at(room, Level.FORCE)):
            await asyncio.sleep(0.05)


class TestGivenAlerts:
    async def test_when_one_of_the_desk_silences_for_half_an_hour_then_he_does_it_alone(
        self, room: Room
    ) -> None:
        await fall(room)
        alert = (await open_at(room, Level.CALL))[0]
        item = await room.ask("fengjun", f"/静默 {alert.account} 30分")
        assert "已静默 30 分钟" in item["text"]
        await room.click("fengjun", item, "解除静默")
        await room.until("fengjun", lambda items: [i for i in items if "已解除静默" in i["text"]])
        item = await room.ask("fengjun", f"/静默 {alert.account} 30分")
        item = await room.ask("fengjun", "/静默", "g-risk")
        assert alert.account in item["text"]
        item = await room.ask("chenxi", f"/静默 解除 {alert.account}")
        assert "已解除静默" in item["text"]
        item = await room.ask("chenxi", "/静默")
        assert "没有静默的预警" in item["text"]

    async def test_when_it_is_for_longer_then_a_second_of_the_desk_confirms(
        self, room: Room
    ) -> None:
        alert = (await open_at(room, Level.CALL))[0]
        asked = await room.ask("fengjun", f"/静默 {alert.account} 2小时 客户在途资金")
        assert labels(asked) == ["撤回"]
        async with room.service.store.reading() as session:
            assert await cases.silenced(session) == []
        theirs = await room.newest("chenxi", f"静默 {alert.name}")
        await room.click("chenxi", theirs, "确认生效")
        await room.until("fengjun", lambda items: [i for i in items if "已静默到" in i["text"]])
        done = await room.newest("fengjun", f"已生效 · 静默 {alert.name}")
        assert "已有更新的版本" not in done["text"]
        assert f"/静默 解除 {alert.account}" in done["text"]
        async with room.service.store.reading() as session:
            [found] = await cases.silenced(session)
        assert (found.id, found.silenced_by) == (alert.id, "fengjun")

    async def test_when_it_is_a_forced_one_then_nobody_silences_it(self, room: Room) -> None:
        alert = (await open_at(room, Level.FORCE))[0]
        for span in ("30分", "2小时"):
            item = await room.ask("fengjun", f"/静默 {alert.account} {span}")
            assert "强平 不能静默" in item["text"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("/静默 查无此人", "没有「查无此人」的未解除预警"),
            ("/静默 {call} 很久", "不是一段时间"),
            ("/静默 {call} 30天", "最长 7 天"),
        ],
    )
    async def test_when_it_cannot_be_then_one_sentence_says_why(
        self, room: Room, line: str, words: str
    ) -> None:
        alert = (await open_at(room, Level.CALL))[1]
        item = await room.ask("fengjun", line.format(call=alert.account))
        assert words in item["text"]


class TestGivenAManagerWithAlertsAndApplications:
    async def test_when_he_hands_over_then_alerts_and_applications_go_too(self, room: Room) -> None:
        await room.ask("wangqiang", "开户 周新来")
        asked = await room.ask("hejing", "/交接 王强 → 李敏")
        assert "份在办申请" in asked["text"]
        assert "条未解除预警" in asked["text"]
        await room.click("tangyu", await room.newest("tangyu", "交接 王强 → 李敏"), "确认生效")
        await room.newest("hejing", "已生效 · 交接 王强 → 李敏")
        async with room.service.store.reading() as session:
            left = await session.scalar(
                select(func.count())
                .select_from(Alert)
                .where(Alert.manager == "wangqiang", Alert.open_key.is_not(None))
            )
            clients = await session.scalar(
                select(func.count()).select_from(Client).where(Client.owner == "wangqiang")
            )
        assert (left, clients) == (0, 0)
        item = await room.ask("limin", "进度 周新来")
        assert "周新来" in item["text"]
        item = await room.ask("limin", "追保")
        assert "张三" in item["text"]
