"""转交 in words at the risk desk: an alert that one holds, an application that waits, or which."""

import pytest
from sqlalchemy import update

from approvals import cases, seating
from approvals.models import SeatKind
from crm import people
from crm.models import Staff
from risk.models import Alert
from tests.story.room import Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZHANG = "80010023"


async def application_for(room: Room, staff: str) -> str:
    """Somebody's, that waits for a deputy at the risk desk too; gives the name on it."""
    body = {"name": "approval", "count": 1, "approvers": ["sunfang"]}
    application = (await room.post("/sandbox/scene", body))["applications"][0]
    async with room.service.store.writing() as session:
        stage = await cases.open_stage(session, application["id"])
        assert stage is not None
        deputy = await people.get(session, staff)
        await seating.seat(session, stage, [deputy], SeatKind.DEPUTY)
    return str(application["client"])


class TestGivenAnAlertInHand:
    async def test_when_it_is_handed_on_by_name_then_the_colleague_has_it(self, room: Room) -> None:
        await room.post("/sandbox/market", {"shock": {"rb": -0.05}})
        await room.newest("chenxi", "【强平】杭州", "g-risk")
        await room.ask("chenxi", f"认领 {ZHANG}")
        done = await room.ask("chenxi", "转交 张三 冯军")
        assert "已转交 冯军" in done["text"]
        assert ZHANG in done["text"]
        theirs = await room.newest("fengjun", f"张三 {ZHANG} · 强平处理")
        assert fact(theirs, "处理人").startswith("冯军")
        why = await room.ask("fengjun", f"/为什么 {ZHANG}")
        assert "陈曦 转交 → 冯军" in why["text"]

    async def test_when_it_is_not_ones_own_then_it_stays(self, room: Room) -> None:
        refused = await room.ask("chenxi", "转交 张三 冯军")
        assert "由 冯军 处理，请由本人转交" in refused["text"]

    async def test_when_nobody_is_named_then_the_card_just_opened_is_meant(
        self, room: Room
    ) -> None:
        await room.ask("fengjun", "追保 张三")
        done = await room.ask("fengjun", "转交 陈曦")
        assert f"张三 {ZHANG}" in done["text"]

    async def test_when_no_colleague_is_named_then_it_is_asked(self, room: Room) -> None:
        asked = await room.ask("chenxi", "转交 张三")
        assert "转交给谁" in asked["card"]["title"]
        await room.click("chenxi", asked, "冯军")
        settled = await room.now_showing("chenxi", asked)
        assert "已转交 冯军" in settled["text"]
        await room.ask("fengjun", "转交 80010023 陈曦")

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("转交 张三 孙芳", "风控岗没有「孙芳」；可以转交给：冯军"),
            ("转交 王五 冯军", "没有「王五」的未解除预警"),
            ("转交 王五", "风控岗没有「王五」"),
        ],
    )
    async def test_when_somebody_else_is_meant_then_nothing_is_handed_on(
        self, room: Room, line: str, told: str
    ) -> None:
        refused = await room.ask("chenxi", line)
        assert told in refused["text"]
        case = await room.ask("chenxi", "追保 张三")
        assert fact(case, "处理人").startswith("陈曦")

    async def test_when_somebody_holds_nothing_then_he_is_told_so(self, room: Room) -> None:
        told = await room.ask("fengjun", "转交")
        assert "没有由您处理的预警，也没有等您审批的申请" in told["text"]

    async def test_when_a_manager_says_it_then_it_is_not_his_work(self, room: Room) -> None:
        refused = await room.ask("wangqiang", "转交 张三 冯军")
        assert "权限" in refused["text"]


class TestGivenAManagerWhoIsAway:
    async def test_when_a_client_of_his_is_called_then_the_deputy_has_card_and_task(
        self, room: Room
    ) -> None:
        async with room.service.store.writing() as session:
            await session.execute(update(Staff).where(Staff.id == "zhaolei").values(deputy="limin"))
        await room.post("/sandbox/market", {"shock": {"rb": -0.08}})
        group = await room.newest("limin", "【追保】上海")
        await room.click("limin", group, "1")
        case = await room.newest("limin", "追保处理")
        assert fact(case, "客户经理") == "李敏（代 赵磊）"
        account = case["card"]["title"].split(" · ")[0].split()[-1]
        assert f"追保 {account}" in (await room.ask("limin", "待办"))["text"]
        assert account not in (await room.ask("zhaolei", "待办"))["text"]
        his = await room.ask("zhaolei", f"追保 {account}")
        assert his["card"]["title"].endswith(f"{account} · 追保处理")
        assert his["card"]["status"] == "待认领"


class TestGivenAnApplicationToo:
    async def test_when_only_a_colleague_is_named_then_it_is_asked_which(self, room: Room) -> None:
        name = await application_for(room, "chenxi")
        await room.ask("chenxi", "追保")
        asked = await room.ask("chenxi", "转交 冯军")
        assert "转交哪一个" in asked["card"]["title"]
        alert, application, never = labels(asked)
        assert alert.startswith("张三 的预警 强平")
        assert (application, never) == (f"{name} 的开户申请", "取消")
        await room.click("chenxi", asked, alert)
        settled = await room.now_showing("chenxi", asked)
        assert "已转交 冯军" in settled["text"]
        await room.ask("fengjun", "转交 张三 陈曦")

    async def test_when_an_application_is_named_then_that_is_meant(self, room: Room) -> None:
        name = await application_for(room, "chenxi")
        refused = await room.ask("chenxi", f"转交 {name} 王强")
        assert "没有可以转交的人" in refused["text"]

    async def test_when_both_have_the_name_then_it_is_asked_and_a_number_answers(
        self, room: Room
    ) -> None:
        name = await application_for(room, "chenxi")
        async with room.service.store.writing() as session:
            await session.execute(update(Alert).where(Alert.account == ZHANG).values(name=name))
        asked = await room.ask("chenxi", f"转交 {name} 冯军")
        alert, application, _never = labels(asked)
        assert alert.startswith(f"{name} 的预警 强平")
        assert application == f"{name} 的开户申请"
        refused = await room.ask("chenxi", "2")
        assert "没有可以转交的人" in refused["text"]
        await room.ask("chenxi", f"转交 {name} 冯军")
        await room.say("chenxi", "1", count=0)
        theirs = await room.newest("fengjun", f"{name} {ZHANG} · 强平处理")
        assert fact(theirs, "处理人").startswith("冯军")
