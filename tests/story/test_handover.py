"""交接: both managers and the head see the list, a second admin confirms, everything moves."""

import re

import pytest
from sqlalchemy import func, select

from crm.models import Client
from tests.story.room import Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


async def count_of(room: Room, owner: str) -> int:
    async with room.service.store.reading() as session:
        found = await session.scalar(
            select(func.count()).select_from(Client).where(Client.owner == owner)
        )
    return found or 0


class TestGivenAHandover:
    async def test_when_it_is_asked_for_then_all_whom_it_concerns_see_the_list(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "提醒 明天下午三点 交报表")
        await room.ask("wangqiang", "待办 张三 周五 回访")
        before = await count_of(room, "wangqiang")
        asked = await room.ask("hejing", "/交接 王强 → 李敏 轮岗")
        assert labels(asked) == ["撤回"]
        assert f"{before} 位客户" in asked["text"]
        assert "张三" not in asked["text"]
        for reader in ("wangqiang", "limin", "sunfang"):
            item = await room.newest(reader, "交接 王强 → 李敏")
            assert "80010" in item["text"]
        assert await count_of(room, "wangqiang") == before

    async def test_when_it_is_withdrawn_then_nobodys_list_waits_any_more(self, room: Room) -> None:
        await room.click("hejing", await room.newest("hejing", "交接 王强 → 李敏"), "撤回")
        for reader in ("wangqiang", "limin", "sunfang"):
            await room.until(reader, lambda items: [i for i in items if "已撤回" in i["text"]])
        await room.ask("hejing", "/交接 王强 → 李敏 轮岗")
        for reader in ("wangqiang", "limin", "sunfang", "tangyu"):
            await room.until(reader, lambda items: [i for i in items if "待确认" in i["text"]])

    async def test_when_it_is_read_then_the_second_admin_sees_who_has(self, room: Room) -> None:
        item = await room.newest("limin", "交接 王强 → 李敏")
        await room.click("limin", item, "下一页")
        item = await room.newest("limin", "交接 王强 → 李敏")
        assert "11 " in item["text"]
        await room.click("limin", item, "已看过")
        item = await room.newest("limin", "交接 王强 → 李敏")
        assert "11 " in item["text"]
        await room.until("tangyu", lambda items: [i for i in items if "已看过 李敏" in i["text"]])

    async def test_when_the_second_confirms_then_everything_moves_at_once(self, room: Room) -> None:
        before = await count_of(room, "wangqiang") + await count_of(room, "limin")
        body = {"name": "approval", "count": 1, "approvers": ["sunfang"]}
        [application] = (await room.post("/sandbox/scene", body))["applications"]
        asked = await room.newest("sunfang", f"待审批 · 开户 · {application['client']}")
        assert "现由" not in fact(asked, "申请人")
        item = await room.newest("tangyu", "交接 王强 → 李敏")
        await room.click("tangyu", item, "确认生效")
        await room.newest("limin", "王强 已移交给您")
        await room.until(
            "sunfang",
            lambda items: [
                i for i in items if i["seq"] == asked["seq"] and "（现由 李敏 跟进）" in i["text"]
            ],
        )
        assert await count_of(room, "wangqiang") == 0
        assert await count_of(room, "limin") == before
        await room.newest("wangqiang", "您名下的已移交给 李敏")
        item = await room.ask("limin", "待办")
        assert "回访" in item["text"]
        assert "交报表" in item["text"]
        await room.click("limin", item, "1")
        item = await room.newest("limin", "交报表")
        await room.click("limin", item, "完成")
        await room.until("limin", lambda items: [i for i in items if "已完成" in i["text"]])
        await room.until("sunfang", lambda items: [i for i in items if "已移交" in i["text"]])

    async def test_when_audit_asks_about_one_of_the_clients_then_his_handover_is_told(
        self, room: Room
    ) -> None:
        item = await room.ask("linlan", "/审计 张三 近7天")
        assert "交接 王强 → 李敏" in item["text"]
        item = await room.ask("linlan", "/审计 唐宇 近7天")
        assert item["text"].count("交接 王强 → 李敏") == 1

    async def test_when_it_is_gone_back_on_then_only_that_much_returns(self, room: Room) -> None:
        before = await count_of(room, "limin")
        done = await room.newest("hejing", "已生效 · 交接")
        moved = sum(int(number) for number in re.findall(r"(\d+) [位条份]", done["text"])) - 1
        await room.click("hejing", await room.newest("hejing", "已生效 · 交接"), "回退到上一版")
        for reader in ("wangqiang", "limin", "sunfang"):
            item = await room.newest(reader, "移回 李敏 → 王强")
            assert f"共 {moved} 项" in item["text"]
        await room.click("tangyu", await room.newest("tangyu", "移回 李敏 → 王强"), "确认生效")
        await room.newest("hejing", "已生效 · 移回")
        assert 0 < await count_of(room, "limin") < before
        assert await count_of(room, "wangqiang") > 0

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("/交接 王强", "例如：/交接 王强 → 李敏"),
            ("/交接 王强 → 查无此人", "没有员工「查无此人」"),
            ("/交接 王强 → 何静", "不能接手"),
            ("/交接 何静 → 李敏", "不用交接"),
        ],
    )
    async def test_when_it_cannot_be_then_one_sentence_says_why(
        self, room: Room, line: str, words: str
    ) -> None:
        item = await room.ask("tangyu", line)
        assert words in item["text"]

    async def test_when_a_manager_asks_then_he_may_not(self, room: Room) -> None:
        item = await room.ask("wangqiang", "/交接 王强 → 李敏")
        assert "权限" in item["text"]
