"""Admins look after the service: health, sources, dead letters, the trail, the configuration."""

import asyncio
import io
import re
import tomllib
import zipfile

import pytest
from sqlalchemy import select, update

from approvals import versions
from bot.models import Out, OutState
from crm import blobs
from crm.kernel import rulebook
from crm.kernel.audit import AuditRow
from tests.story.room import Room, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestGivenASystemAdmin:
    async def test_when_health_is_asked_for_then_each_part_has_its_state(self, room: Room) -> None:
        item = await room.ask("hejing", "/健康")
        assert item["card"]["title"] == "一切正常"
        assert "钉钉连接" in item["text"]
        assert "数据库" in item["text"]

    async def test_when_sources_are_asked_for_then_age_and_limit_are_shown(
        self, room: Room
    ) -> None:
        for person in ("hejing", "fengjun"):
            item = await room.ask(person, "/数据源")
            assert "30 秒" in item["text"]
            assert "秒前" in item["text"]

    async def test_when_nothing_is_left_then_there_are_no_dead_letters(self, room: Room) -> None:
        item = await room.ask("hejing", "/系统")
        assert item["card"]["title"] == "没有死信"
        item = await room.ask("hejing", "/系统 天气")
        assert "/系统 死信" in item["text"]

    async def test_when_an_item_was_given_up_then_it_is_told_without_its_content_and_sent_again(
        self, room: Room
    ) -> None:
        said = await room.ask("wangqiang", "张三")
        await self._give_up_the_newest(room)
        item = await room.ask("hejing", "/系统 死信")
        assert "王强" in item["text"]
        assert "张三" not in item["text"]
        shown = await room.ask("hejing", "1")
        assert "张三" not in shown["text"]
        await room.click("hejing", shown, "重发")
        await room.until("hejing", lambda items: [i for i in items if "已重新排队" in i["text"]])
        await room.until("wangqiang", lambda items: [i for i in items if i["seq"] == said["seq"]])
        item = await room.ask("hejing", "/系统 死信")
        assert item["card"]["title"] == "没有死信"

    @staticmethod
    async def _give_up_the_newest(room: Room) -> None:
        """It is on the screen a moment before it is marked as sent."""
        looks = select(Out.id).where(Out.why == "look_up")
        newest = looks.order_by(Out.id.desc()).limit(1).scalar_subquery()
        sent = update(Out).where(Out.id == newest, Out.state == OutState.SENT)
        async with asyncio.timeout(10):
            while True:
                async with room.service.store.writing() as session:
                    given_up = await session.execute(
                        sent.values(state=OutState.DEAD).returning(Out.id)
                    )
                    if given_up.all():
                        return
                await asyncio.sleep(0.01)

    async def test_when_a_manager_asks_then_none_of_it_is_his(self, room: Room) -> None:
        for line in ("/健康", "/系统", "/数据源", "/审计 张三", "/配置", "/流程", "/静默", "/员工"):
            item = await room.ask("wangqiang", line)
            assert "没有" in item["text"]
            assert "权限" in item["text"]


class TestGivenAnAuditAdmin:
    async def test_when_a_client_is_asked_for_then_it_shows_who_looked(self, room: Room) -> None:
        await room.ask("wangqiang", "显示 手机 张三 客户要求核对13812345678")
        item = await room.ask("linlan", "/审计 张三 近30天")
        assert "王强" in item["text"]
        assert "查看资料" in item["text"]
        assert "显示个人信息" in item["text"]
        assert "13812345678" not in item["text"]
        await room.ask("wangqiang", "记 张三 电话 聊了移仓")
        item = await room.ask("linlan", "/审计 张三")
        assert "记录沟通" in item["text"]
        async with room.service.store.reading() as session:
            looked = await session.scalar(
                select(AuditRow.actor).where(AuditRow.action == "audit.read").limit(1)
            )
        assert looked == "linlan"

    async def test_when_a_member_of_staff_is_asked_for_then_what_he_did_is_paged(
        self, room: Room
    ) -> None:
        for _ in range(11):
            await room.ask("wangqiang", "记 张三 电话 聊了套保")
        item = await room.ask("linlan", "/审计 王强 近7天")
        assert "记录沟通 张三" not in item["text"]  # the trail knows the record, not its client
        assert labels(item) == ["下一页"]
        await room.click("linlan", item, "下一页")
        await room.until("linlan", lambda items: [i for i in items if "第 11" in i["text"]])

    async def test_when_nobody_is_named_so_then_it_says_so(self, room: Room) -> None:
        item = await room.ask("linlan", "/审计 查无此人")
        assert "没有叫「查无此人」" in item["text"]

    async def test_when_nobody_is_named_then_the_newest_of_everything_is_shown_page_by_page(
        self, room: Room
    ) -> None:
        await room.ask("gaoyuan", "/角色 王强 +风控 临时")
        await room.ask("fengjun", "/规则 追保 105%")
        item = await room.ask("linlan", "/审计 近7天")
        assert "全部操作 · 近 7 天 · 第 1–10 条" in item["text"]
        assert "预警规则；追保线 100% → 105%" in item["text"]
        assert "员工 王强；角色 客户经理 → 客户经理、风控；原因 临时" in item["text"]
        assert not re.search(r"ladder|staff:|risk|manager", item["text"])
        await room.click("linlan", item, "下一页")
        await room.until("linlan", lambda items: [i for i in items if "第 11–20" in i["text"]])

    @pytest.mark.parametrize(
        ("line", "title"),
        [
            ("/审计", "全部操作 · 近 30 天"),
            ("/审计 今天", "全部操作 · 2026-11-23"),
            ("/审计 2026-11-01", "没有记录 · 全部操作 2026-11-01"),
            ("/审计 王强 昨天", "没有记录 · 王强 2026-11-22"),
            ("/审计 13-45", "不是一个日期"),
        ],
    )
    async def test_when_a_day_is_named_then_it_is_of_that_day(
        self, room: Room, line: str, title: str
    ) -> None:
        item = await room.ask("linlan", line)
        assert title in item["text"]


class TestGivenTheConfiguration:
    async def test_when_it_is_exported_then_the_file_reads_back(self, room: Room) -> None:
        await room.say("hejing", "/配置 导出", count=1)
        async with room.service.store.reading() as session:
            names = await session.scalars(select(Out.item).order_by(Out.id.desc()).limit(1))
            assert "qidesk-config" in names.one()
        item = await room.newest_text("hejing", "qidesk-config")
        assert item["kind"] == "file"

    async def test_when_a_file_comes_in_then_its_diff_is_shown_before_it_counts(
        self, room: Room
    ) -> None:
        await room.ask("hejing", "/配置 导入")
        content = '[ladder]\ncall = "105%"\nto_duty_seconds = 240\n[flow]\ncompliance = 45\n'
        item = await room.upload("hejing", "config.toml", content.encode())
        assert "预警规则 追保线" in item["text"]
        assert "45 分钟" in item["text"]
        await room.click("tangyu", await room.newest("tangyu", "导入配置"), "确认生效")
        await room.newest("hejing", "已生效 · 导入配置")
        async with room.service.store.reading() as session:
            document = await rulebook.current(session, "ladder")
            flow = await versions.in_force(session)
        assert document is not None
        assert (document.body["call"], document.body["to_duty_seconds"]) == ("1.05", 240)
        assert flow.step("compliance").minutes == 45

    async def test_when_a_flows_deadline_changes_then_new_cases_have_it(self, room: Room) -> None:
        item = await room.ask("hejing", "/流程 开户")
        assert "45 分钟" in item["text"]
        await room.ask("hejing", "/流程 开户 合规审核 1小时")
        await room.click("tangyu", await room.newest("tangyu", "开户审批时限"), "确认生效")
        await room.newest("hejing", "已生效 · 开户审批时限")
        async with room.service.store.reading() as session:
            assert (await versions.in_force(session)).step("compliance").minutes == 60

    async def test_when_a_part_was_changed_since_then_the_whole_is_not_taken_back(
        self, room: Room
    ) -> None:
        done = await room.newest("hejing", "已生效 · 导入配置")
        await room.click("hejing", done, "回退到上一版")
        await room.newest_text("hejing", "这一版之后又有改动")

    async def test_when_it_is_rolled_back_to_a_day_then_everything_is_as_it_was(
        self, room: Room
    ) -> None:
        item = await room.ask("tangyu", "/配置 差异 昨天")
        assert "2026-11-22 以来" in item["text"]
        assert "追保线 100% 105%" in " ".join(item["text"].split())
        await room.ask("tangyu", "/配置 回滚 昨天 误操作")
        await room.click("hejing", await room.newest("hejing", "回滚配置到 2026-11-22"), "确认生效")
        await room.newest("tangyu", "已生效 · 回滚配置")
        await room.until(
            "hejing",
            lambda items: [
                i
                for i in items
                if "已生效 · 开户审批时限" in i["text"] and "已有更新的版本" in i["text"]
            ],
        )
        async with room.service.store.reading() as session:
            document = await rulebook.current(session, "ladder")
            flow = await versions.in_force(session)
        assert document is not None
        assert document.body["call"] == "1"
        assert flow.step("compliance").minutes == 30
        item = await room.ask("tangyu", "/配置 差异")
        assert "没有差异" in item["text"]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"\xff\xfe", "UTF-8"),
            (b"call = [", "TOML"),
            (b"[ladder]\ncall = 105%\n", "第 2 行第 11 列不合 TOML 格式：call = 105%"),
            (b"[weather]\nrain = 1\n", "第 1 行第 2 列：不认识 [weather]"),
            (b"\ncall = 1\n", "第 2 行第 1 列：不认识 [call]"),
            (b"[flow]\n[ladder]\n rain = 1\n", "第 3 行第 2 列：[ladder] 里不认识 rain"),
            (b"[ladder]\ncall = 1.05\n", "第 2 行第 1 列：[ladder] 的 call 应是文字或整数"),
            (b"[ladder]\ncall = 1\n", "第 2 行第 1 列：「1」不能作为追保线"),
            (b'[ladder]\n"call" = "abc"\n', "第 2 行第 2 列：「abc」不能作为追保线"),
            (b"PK\x03\x04", "压缩包"),
            (b'[ladder]\ncall = "10%"\n', "一条比一条高"),
            (b'[ladder]\ncall = "1"\n', "不用更改"),
            (b"[flow]\ncompliance = 0\n", "7 天"),
        ],
    )
    async def test_when_a_file_cannot_be_then_one_sentence_says_why(
        self, room: Room, content: bytes, words: str
    ) -> None:
        await room.ask("hejing", "/配置 导入")
        item = await room.upload("hejing", "config.toml", content)
        assert words in item["text"]


class TestGivenABrokenFile:
    async def test_when_it_is_mended_then_it_is_taken_without_asking_again(
        self, room: Room
    ) -> None:
        await room.ask("hejing", "/配置 导入")
        item = await room.upload("hejing", "config.toml", b"[ladder]\ncall =\n")
        assert "第 2 行" in item["text"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("config.toml", '[ladder]\nwarn = "95%"\n')
        item = await room.upload("hejing", "config.toml.zip", packed.getvalue())
        assert "警示线 90% 95%" in " ".join(item["text"].split())
        assert "对全部账户" in item["text"]
        await room.click("hejing", item, "撤回")


async def test_the_exported_file_is_valid(room: Room) -> None:
    async with room.service.store.reading() as session:
        rows = await session.scalars(select(Out.item).order_by(Out.id))
        item = next(each for each in rows if "qidesk-config" in each)
        name = item.split('"blob":"')[1].split('"')[0]
        content = await blobs.read(session, name)
    assert content is not None
    assert set(tomllib.loads(content.decode())) == {"ladder", "flow"}
