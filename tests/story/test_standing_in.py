"""代理 while something is open, on both platforms: whoever begins to stand in has the alerts with
their tasks and what waits for a decision at once, and loses them when it is taken back."""

from functools import partial

import pytest

from approvals import history
from approvals.models import Deed
from tests.story.room import Item, Room, fact, labels
from tests.story.test_risk_desk_wecom import card, until
from tests.story.test_wecom import click, say

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True

ZHANG = "张三 80010023 · 强平处理"
WARNED = "代签后，您不能再审后面的「适当性审核」；现在没有别人能审那一步，申请会停住"


async def change(room: Room, line: str, name: str) -> None:
    """Asked for by one admin, confirmed by the other."""
    await room.ask("hejing", line)
    await room.click("tangyu", await room.newest("tangyu", f"代理人 {name}"), "确认生效")


async def turned(room: Room, person: str, item: Item, word: str) -> None:
    """A card on DingTalk changes in place."""
    await room.until(
        person,
        lambda items: [i for i in items if i["seq"] == item["seq"] and word in i["text"]],
    )


class TestGivenAnAlertThatIsOpen:
    async def test_when_a_deputy_is_appointed_then_he_has_its_card_and_its_task(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "提醒 明天下午三点 交报表")
        await room.post("/sandbox/market", {"shock": {"rb": -0.05}})
        await room.newest("wangqiang", ZHANG)
        await change(room, "/员工 王强 代理 李敏 休假", "王强")
        await room.newest("limin", "您开始代理 王强")
        here = await room.newest("limin", ZHANG)
        there = await until(room, "limin", card(ZHANG))
        assert labels(here) == labels(there) == ["已电话", "持仓"]
        assert "李敏（代 王强）" in here["text"]
        todo = await room.ask("limin", "待办")
        assert "强平 80010023" in todo["text"]

    async def test_when_the_deputy_lists_then_the_absent_ones_own_tasks_are_marked(
        self, room: Room
    ) -> None:
        for text in (
            (await room.ask("limin", "待办"))["text"],
            (await say(room, "limin", "待办"))["text"],
        ):
            assert "代 王强 · 交报表" in text
        mine = await room.ask("wangqiang", "待办")
        assert "交报表" in mine["text"]
        assert "代 " not in mine["text"]

    async def test_when_it_is_taken_back_then_the_deputy_sees_nothing_of_it_any_more(
        self, room: Room
    ) -> None:
        item = await room.newest("limin", ZHANG)
        await change(room, "/员工 取消代理 王强", "王强")
        await turned(room, "limin", item, "已转交")
        await until(room, "limin", card("强平处理 · 已转交"))
        shown = await room.now_showing("limin", item)
        assert "张三" not in shown["text"]
        assert labels(shown) == []
        for text in (
            (await room.ask("limin", "待办"))["text"],
            (await say(room, "limin", "待办"))["text"],
        ):
            assert "交报表" not in text
            assert "80010023" not in text
        assert "80010023" in (await room.ask("wangqiang", "待办"))["text"]
        assert "王强" in (await room.newest("wangqiang", ZHANG))["text"]


class TestGivenAnApplicationThatWaits:
    async def test_when_a_deputy_is_appointed_then_he_may_decide_it_until_it_is_taken_back(
        self, room: Room
    ) -> None:
        body = {"name": "approval", "count": 1, "approvers": ["sunfang"]}
        [application] = (await room.post("/sandbox/scene", body))["applications"]
        title = f"待审批 · 开户 · {application['client']}"
        await room.newest("sunfang", title)
        await change(room, "/员工 孙芳 代理 钱伟 出差", "孙芳")
        here = await room.newest("qianwei", title)
        there = await until(room, "qianwei", card(title))
        assert "同意" in labels(here)
        assert "同意" in labels(there)
        await change(room, "/员工 取消代理 孙芳", "孙芳")
        await room.until(
            "qianwei",
            lambda items: [i for i in items if i["seq"] == here["seq"] and not labels(i)],
        )
        refused = await room.ask("qianwei", f"同意 {application['client']}")
        assert refused["card"] is None
        assert "同意" in labels(await room.newest("sunfang", title))

    async def test_when_one_begins_meanwhile_then_the_deputy_has_its_card_at_once(
        self, room: Room
    ) -> None:
        await change(room, "/员工 孙芳 代理 钱伟 出差", "孙芳")
        for decides in (click_here, click_there):
            body = {"name": "approval", "count": 1, "approvers": ["sunfang"]}
            [application] = (await room.post("/sandbox/scene", body))["applications"]
            title = f"待审批 · 开户 · {application['client']}"
            here = await room.newest("qianwei", title)
            there = await until(room, "qianwei", card(title))
            assert "代 孙芳" in here["card"]["status"]
            assert "代 孙芳" in there["text"]
            for listed in (
                await room.ask("qianwei", "待审批"),
                await say(room, "qianwei", "待审批"),
            ):
                assert f"{application['client']}" in listed["text"]
                assert "营业部复核 · 代 孙芳" in listed["text"]
            own = await room.ask("sunfang", "待审批")
            assert "代 " not in own["text"]
            assert "同意" in labels(await room.newest("sunfang", title))
            await decides(room, here, there)
            await room.newest_text("sunfang", "钱伟（代 孙芳） 已同意")
            async with room.service.store.reading() as session:
                told = await history.of(session, application["id"])
            assert [(e.actor, e.whom) for e in told if e.deed is Deed.APPROVED] == [
                ("qianwei", "sunfang")
            ]


class TestGivenACosignerWhoIsAway:
    async def test_when_his_deputy_agrees_then_everybody_reads_for_whom(self, room: Room) -> None:
        await change(room, "/员工 冯军 代理 陈曦 休假", "冯军")
        for decides in (click_here, click_there):
            name, title = await asked_to_cosign(room)
            here = await room.newest("chenxi", title)
            there = await until(room, "chenxi", card(title))
            assert here["card"]["status"] == "加签 · 适当性审核 · 代 冯军"
            assert "转交" not in labels(here)
            listed = await room.ask("chenxi", "待审批")
            assert "加签 · 适当性审核 · 代 冯军" in listed["text"]
            assert "同意" in labels(await room.newest("fengjun", title))
            mine = await room.newest("zhouting", f"开户 · {name}")
            assert "陈曦（代 冯军 加签）" in mine["card"]["status"]
            assert "陈曦（代 冯军 加签）" in (await room.ask("wangqiang", f"进度 {name}"))["text"]
            await decides(room, here, there, who="chenxi")
            await room.newest_text("zhouting", "陈曦（代 冯军） 加签同意")
            his = await room.until("fengjun", partial(signed, name=name))
            assert his[-1]["card"]["status"] == "陈曦（代 冯军） 已加签同意"
            track = await room.ask("wangqiang", f"进度 {name}")
            assert "陈曦（代 冯军） 加签同意 · 适当性审核" in track["text"]
            await room.ask("zhouting", f"同意 {name}")
            await room.newest("wuhao", f"待审批 · 开户 · {name}")
        audit = await room.ask("linlan", "/审计 陈曦")
        assert "代 冯军" in audit["text"]

    async def test_when_he_signs_himself_then_his_deputy_is_not_asked_any_more(
        self, room: Room
    ) -> None:
        name, title = await asked_to_cosign(room)
        theirs = await room.newest("chenxi", title)
        await room.click("fengjun", await room.newest("fengjun", title), "同意")
        await turned(room, "chenxi", theirs, "冯军 加签同意")
        theirs = await room.now_showing("chenxi", theirs)
        assert theirs["card"]["status"] == "冯军 已加签同意"
        assert labels(theirs) == []
        await room.ask("zhouting", f"同意 {name}")

    async def test_when_the_deputy_begins_after_it_was_asked_then_he_may_sign_it(
        self, room: Room
    ) -> None:
        await change(room, "/员工 取消代理 冯军", "冯军")
        name, title = await asked_to_cosign(room)
        await room.newest("fengjun", title)
        await change(room, "/员工 冯军 代理 陈曦 休假", "冯军")
        here = await room.newest("chenxi", title)
        there = await until(room, "chenxi", card(title))
        assert here["card"]["status"] == "加签 · 适当性审核 · 代 冯军"
        await click_there(room, here, there, who="chenxi")
        await room.newest_text("zhouting", "陈曦（代 冯军） 加签同意")
        await room.ask("zhouting", f"同意 {name}")
        await change(room, "/员工 取消代理 冯军", "冯军")


class TestGivenADeputyWhoHoldsALaterStep:
    async def test_when_he_would_be_missed_there_then_his_card_says_so_and_the_absent_ones_not(
        self, room: Room
    ) -> None:
        await change(room, "/员工 孙芳 代理 周婷 出差", "孙芳")
        title = f"待审批 · 开户 · {await submitted(room)}"
        here = await room.newest("zhouting", title)
        there = await until(room, "zhouting", card(title))
        assert fact(here, "注意") == WARNED
        assert WARNED in there["text"]
        assert fact(await room.newest("sunfang", title), "注意") == ""

    async def test_when_he_signs_all_the_same_then_admins_hear_who_can_go_on(
        self, room: Room
    ) -> None:
        name = await submitted(room)
        await room.click("zhouting", await room.newest("zhouting", f"开户 · {name}"), "同意")
        await room.newest_text("sunfang", "周婷（代 孙芳） 已同意")
        await room.advance("1m")
        for admin in ("gaoyuan", "hejing"):
            told = await room.newest(admin, "适当性审核没有可以审批的人")
            assert "周婷（代 孙芳） 已审过「营业部复核」，同一个人不能审两个环节" in told["text"]
            assert "/角色 姓名 +适当性岗" in told["text"]
            assert name not in told["text"]
        assert "暂无人选" in (await room.ask("wangqiang", f"进度 {name}"))["text"]
        await room.ask("gaoyuan", "/角色 冯军 +适当性岗")
        await room.click("shenlu", await room.newest("shenlu", "角色 冯军"), "确认生效")
        await room.newest_text("fengjun", "适当性岗")
        await room.advance("1m")
        theirs = await room.newest("fengjun", f"待审批 · 开户 · {name}")
        await room.click("fengjun", theirs, "同意")
        await room.newest("wuhao", f"待审批 · 开户 · {name}")

    async def test_when_somebody_else_could_decide_there_then_only_what_he_loses_is_said(
        self, room: Room
    ) -> None:
        title = f"待审批 · 开户 · {await submitted(room)}"
        assert fact(await room.newest("zhouting", title), "注意") == WARNED.partition("；")[0]
        await change(room, "/员工 取消代理 孙芳", "孙芳")


async def submitted(room: Room) -> str:
    """The client's name of an application that waits for 孙芳."""
    body = {"name": "approval", "count": 1, "approvers": ["sunfang"]}
    [application] = (await room.post("/sandbox/scene", body))["applications"]
    return str(application["client"])


def signed(items: list[Item], *, name: str) -> list[Item]:
    cards = [i for i in items if i["card"] and i["card"]["title"] == f"开户 · {name}"]
    return [i for i in cards if "已加签同意" in i["card"]["status"]]


async def asked_to_cosign(room: Room) -> tuple[str, str]:
    """The client's name, and the title of the card of whoever is asked."""
    body = {"name": "approval", "count": 1, "approvers": ["zhouting"]}
    [application] = (await room.post("/sandbox/scene", body))["applications"]
    name = str(application["client"])
    await room.ask("zhouting", f"加签 {name} 冯军")
    return name, f"待审批 · 开户 · {name}"


async def click_here(room: Room, here: Item, _there: Item, who: str = "qianwei") -> None:
    await room.click(who, here, "同意")


async def click_there(room: Room, _here: Item, there: Item, who: str = "qianwei") -> None:
    await click(room, who, there, "同意")
