"""Admins change what affects others: a diff, a second person, both platforms, any past day."""

import asyncio

import pytest
from sqlalchemy import select

from crm import people
from crm.kernel import rulebook
from crm.models import Client, Staff
from tests.story.room import PATIENCE, Item, Room, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


async def wecom_screen(room: Room, person: str) -> list[Item]:
    query = {"platform": "wecom", "person": person, "chat": "private"}
    async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
        found: list[Item] = await answer.json()
        return found


async def on_wecom(room: Room, person: str, words: str) -> Item:
    """The newest thing on somebody's WeCom screen that holds these words, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [i for i in await wecom_screen(room, person) if words in i["text"]]
            if found:
                return found[-1]
            await asyncio.sleep(0.02)


async def click_wecom(room: Room, person: str, item: Item, label: str) -> None:
    key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == label)
    body = {"platform": "wecom", "person": person, "card": item["card"]["id"], "action": key}
    await room.post("/sandbox/click", body)


async def said_to(room: Room, person: str, words: str) -> Item:
    return await room.newest_text(person, words)


async def ladder(room: Room) -> dict[str, object]:
    async with room.service.store.reading() as session:
        document = await rulebook.current(session, "ladder")
    return dict(document.body) if document else {}


class TestGivenARuleIsToChange:
    async def test_when_one_of_the_desk_asks_then_only_the_other_can_confirm(
        self, room: Room
    ) -> None:
        asked = await room.ask("fengjun", "/规则 追保 105% 更早提醒")
        assert "更改" in asked["card"]["title"]
        assert labels(asked) == ["撤回"]
        theirs = await room.newest("chenxi", asked["card"]["title"])
        assert "确认生效" in labels(theirs)
        assert "105%" in theirs["text"]
        assert await ladder(room) == {}

    async def test_when_the_second_confirms_then_it_is_in_force_and_both_cards_say_so(
        self, room: Room
    ) -> None:
        theirs = await room.newest("chenxi", "预警规则")
        await room.click("chenxi", theirs, "确认生效")
        await room.until("fengjun", lambda items: [i for i in items if "已确认生效" in i["text"]])
        await on_wecom(room, "chenxi", "已确认生效")
        assert (await ladder(room))["call"] == "1.05"
        mine = await room.newest("fengjun", "已生效 · 预警规则")
        assert labels(mine) == ["回退到上一版"]

    async def test_when_it_is_clicked_again_elsewhere_then_the_winner_is_named(
        self, room: Room
    ) -> None:
        asked = await room.ask("chenxi", "/规则 强平 130%")
        theirs = await on_wecom(room, "fengjun", "130%")
        await room.click("chenxi", asked, "撤回")
        await on_wecom(room, "fengjun", "已撤回")
        await click_wecom(room, "fengjun", theirs, "确认生效")
        async with asyncio.timeout(PATIENCE):
            while not any(
                "不用再处理" in i["text"] or "新的状态" in i["text"]
                for i in await wecom_screen(room, "fengjun")
            ):
                await asyncio.sleep(0.02)
        assert (await ladder(room))["force"] == "1.2"

    async def test_when_it_is_taken_back_by_a_tap_then_that_too_wants_a_second(
        self, room: Room
    ) -> None:
        mine = await room.newest("fengjun", "已生效 · 预警规则")
        await room.click("fengjun", mine, "回退到上一版")
        theirs = await on_wecom(room, "chenxi", "回退更改 1")
        assert (await ladder(room))["call"] == "1.05"
        await click_wecom(room, "chenxi", theirs, "确认生效")
        await room.until("fengjun", lambda items: [i for i in items if "版本 2" in i["text"]])
        assert (await ladder(room))["call"] == "1"

    async def test_when_a_past_day_is_asked_for_then_it_shows_what_was_in_force(
        self, room: Room
    ) -> None:
        await room.advance("1d")
        item = await room.ask("fengjun", "/规则 追保 2026-11-22")
        assert "程序自带" in item["text"]
        item = await room.ask("fengjun", "/规则 历史")
        assert "100% → 105%" in item["text"]
        assert "105% → 100%" in item["text"]

    async def test_when_the_second_says_no_then_the_asker_is_told_everywhere(
        self, room: Room
    ) -> None:
        await room.ask("fengjun", "/规则 警示 95%")
        theirs = await room.newest("chenxi", "预警规则")
        await room.click("chenxi", theirs, "不同意")
        await room.newest("fengjun", "未同意 · 预警规则")
        await on_wecom(room, "fengjun", "陈曦 没有同意")
        assert (await ladder(room))["warn"] == "0.9"

    async def test_when_admins_change_it_then_the_desk_is_told_what_was_and_is(
        self, room: Room
    ) -> None:
        asked = await room.ask("hejing", "/规则 升级 3 分 早些升级")
        assert "升级值班 5 分钟 3 分钟" in " ".join(asked["text"].split())
        assert "早些升级" in asked["text"]
        assert "对全部账户" in asked["text"]
        item = await room.ask("fengjun", "/规则 追保 105%")
        assert "还在等系统管理员确认（何静" in item["text"]
        await room.click("tangyu", await room.newest("tangyu", "预警规则"), "确认生效")
        for person in ("fengjun", "chenxi"):
            told = await room.newest(person, "预警规则已改")
            assert "何静 提出，唐宇 确认" in told["text"]
        assert (await ladder(room))["to_duty_seconds"] == 180

    async def test_when_the_desk_takes_that_back_by_a_tap_then_its_own_second_confirms(
        self, room: Room
    ) -> None:
        item = await room.ask("fengjun", "/规则")
        await room.click("fengjun", item, "回退到上一版")
        theirs = await room.newest_text("chenxi", "回退更改")
        await room.click("chenxi", theirs, "确认生效")
        await room.until(
            "hejing", lambda items: [i for i in items if "已有更新的版本" in i["text"]]
        )
        assert (await ladder(room))["to_duty_seconds"] == 300

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("/规则 追保 abc", "105%"),
            ("/规则 追保 10%", "一条比一条高"),
            ("/规则 追保 100%", "不用更改"),
            ("/规则 天气 5", "没有规则「天气 5」"),
        ],
    )
    async def test_when_it_cannot_be_then_one_sentence_says_why(
        self, room: Room, line: str, words: str
    ) -> None:
        item = await room.ask("chenxi", line)
        assert words in item["text"]

    async def test_when_a_manager_tries_then_he_may_not(self, room: Room) -> None:
        item = await room.ask("wangqiang", "/规则 追保 150%")
        assert "没有「修改规则」的权限" in item["text"]


class TestGivenPeopleChange:
    async def test_when_somebody_is_added_then_he_is_in_after_the_second_word(
        self, room: Room
    ) -> None:
        await room.ask("hejing", "/员工 新增 lihua 李华 杭州 客户经理")
        item = await room.ask("tangyu", "/变更")
        assert "新增员工 李华" in item["text"]
        assert "确认生效" in labels(item)
        done = await room.ask("tangyu", "1")
        assert "已确认生效" in done["text"]
        async with room.service.store.reading() as session:
            person = await people.get(session, "lihua")
        assert person.branch == "HZ"

    async def test_when_somebody_is_new_then_he_is_welcomed_and_can_begin(self, room: Room) -> None:
        await room.ask("hejing", "/员工 新增 stranger 周新 杭州 客户经理")
        await room.click("tangyu", await room.newest("tangyu", "新增员工 周新"), "确认生效")
        welcome = await room.newest("stranger", "期台已为您开通")
        assert "客户经理" in welcome["text"]
        item = await room.ask("stranger", "帮助")
        assert "您可以这样说" in item["text"]

    async def test_when_a_role_is_given_then_two_security_admins_agree(self, room: Room) -> None:
        item = await room.ask("hejing", "/角色 李华 +风控")
        assert "没有「管理角色」的权限" in item["text"]
        item = await room.ask("gaoyuan", "/角色 李华 +系统管理员")
        assert "互斥" in item["text"]
        await room.ask("gaoyuan", "/角色 李华 +营业部负责人 代管一周")
        theirs = await room.newest("shenlu", "角色 李华")
        assert "将能：" in theirs["text"]
        assert "查客户（本营业部）" in theirs["text"]
        await room.click("shenlu", theirs, "确认生效")
        await room.until("gaoyuan", lambda items: [i for i in items if "已确认生效" in i["text"]])
        item = await room.ask("gaoyuan", "/角色 负责人")
        assert "李华" in item["text"]

    async def test_when_somebody_is_away_then_a_deputy_has_what_is_due_until_it_is_taken_back(
        self, room: Room
    ) -> None:
        await room.ask("wangqiang", "提醒 30分钟后 交报表")
        item = await room.ask("hejing", "/员工 代理 王强 何静")
        assert "不能互相代理" in item["text"]
        item = await room.ask("hejing", "/员工 代理 王强")
        assert "由谁代理" in item["text"]
        await room.ask("hejing", "/员工 王强 代理 李敏 休假")
        await room.click("tangyu", await room.newest("tangyu", "代理人 王强"), "确认生效")
        await room.newest("limin", "您开始代理 王强")
        await room.newest_text("wangqiang", "由 李敏 接手")
        await room.advance("40m")
        reminder = await room.newest("limin", "提醒（代 王强） · 交报表")
        await room.newest("wangqiang", "提醒 · 交报表")
        await room.click("limin", reminder, "完成")
        await room.until("wangqiang", lambda items: [i for i in items if "已完成" in i["text"]])
        await room.ask("hejing", "/员工 取消代理 王强")
        await room.click("tangyu", await room.newest("tangyu", "代理人 王强"), "确认生效")
        await room.newest("limin", "您不再代理 王强")
        item = await room.ask("hejing", "帮助 员工")
        assert "/员工 代理 王强 李敏" in item["text"]

    async def test_when_somebody_is_disabled_then_access_ends_and_clients_move(
        self, room: Room
    ) -> None:
        asked = await room.ask("hejing", "/员工 停用 赵磊 离职")
        assert "营业部负责人" in asked["text"]
        await room.click("tangyu", await room.newest("tangyu", "停用 赵磊"), "确认生效")
        await room.until("hejing", lambda items: [i for i in items if "已交给 钱伟" in i["text"]])
        item = await room.ask("zhaolei", "帮助")
        assert "还没有开通期台" in item["text"]
        async with room.service.store.reading() as session:
            left = await session.scalar(select(Client.id).where(Client.owner == "zhaolei").limit(1))
        assert left is None

    async def test_when_that_is_gone_back_on_then_he_is_in_again(self, room: Room) -> None:
        await room.click(
            "hejing", await room.newest("hejing", "已生效 · 停用 赵磊"), "回退到上一版"
        )
        await room.click("tangyu", await room.newest("tangyu", "回退 赵磊"), "确认生效")
        await room.newest("hejing", "已生效 · 回退 赵磊")
        async with room.service.store.reading() as session:
            assert (await session.get_one(Staff, "zhaolei")).disabled_at is None

    async def test_when_a_past_day_is_asked_for_then_the_file_of_that_day_is_shown(
        self, room: Room
    ) -> None:
        item = await room.ask("linlan", "/员工 李华 历史")
        assert "客户经理 → 客户经理、营业部负责人" in item["text"]
        item = await room.ask("linlan", "/员工 林岚 历史")
        assert "没有改动" in item["text"]
        item = await room.ask("linlan", "/员工 李华 2026-11-24")
        assert "营业部负责人" in item["text"]
        item = await room.ask("linlan", "/员工 李华 2026-11-01")
        assert "最早记录于" in item["text"]

    async def test_when_a_group_hears_it_then_it_is_asked_in_private(self, room: Room) -> None:
        item = await room.ask("fengjun", "/规则", "g-risk")
        assert "追保线" in item["text"]
