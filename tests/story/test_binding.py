"""绑定: a person who is known on one platform becomes known on the other."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.story.room import PATIENCE, Item, Room, labels
from tests.story.test_wecom import click, say, screen

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True
FIXED = "您还没有开通期台，请联系系统管理员为您建档"
WRONG = "绑定码不对或已过期"


async def on_wecom(room: Room, person: str, words: str) -> Item:
    """The newest thing on a WeCom screen that holds these words, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [item for item in await screen(room, person) if words in item["text"]]
            if found:
                return found[-1]
            await asyncio.sleep(0.02)


async def code_of(room: Room, person: str) -> str:
    item = await room.ask(person, "/绑定")
    assert "在企业微信里私聊期台" in item["text"]
    found = re.search(r"绑定 ([0-9A-Z]{8})\b", item["text"])
    assert found
    return found[1]


@pytest_asyncio.fixture(loop_scope="module")
async def apart(room: Room) -> AsyncIterator[Room]:
    """王强's WeCom account is nobody's; whatever a test makes of it, he has it back afterwards."""
    item = await room.ask("wangqiang", "绑定 解除 企微")
    assert "已解除企业微信账号 wangqiang" in item["text"]
    yield room
    if "未绑定" in (await room.ask("wangqiang", "绑定 列出"))["text"]:
        await room.advance("11m")
        await say(room, "wangqiang", f"绑定 {await code_of(room, 'wangqiang')}")


class TestGivenAnAccountThatNobodyKnows:
    async def test_when_it_says_the_code_then_it_is_the_person_and_both_screens_tell_it(
        self, apart: Room
    ) -> None:
        assert (await say(apart, "wangqiang", "张三"))["text"] == FIXED
        code = await code_of(apart, "wangqiang")
        welcome = await say(apart, "wangqiang", f"/绑定 {code.lower()}")
        assert "已绑定，王强您好" in welcome["text"]
        told = await apart.newest("wangqiang", "王强 的企业微信账号已绑定")
        assert labels(told) == ["解除企业微信"]
        assert await apart.newest("wangqiang", "已绑定企业微信账号")
        client = await say(apart, "wangqiang", "张三")
        assert client["card"]["title"].startswith("张三 · 80010023")

    async def test_when_the_code_is_wrong_then_it_is_told_no_more(self, apart: Room) -> None:
        code = await code_of(apart, "wangqiang")
        assert (await say(apart, "wangqiang", "绑定 AAAAAAA2"))["text"].startswith(WRONG)
        await apart.advance("11m")
        assert (await say(apart, "wangqiang", f"绑定 {code}"))["text"].startswith(WRONG)
        assert (await say(apart, "wangqiang", "绑定"))["text"] == FIXED

    async def test_when_five_codes_were_wrong_then_a_good_one_waits_ten_minutes(
        self, apart: Room
    ) -> None:
        code = await code_of(apart, "wangqiang")
        answers = [(await say(apart, "wangqiang", "绑定 AAAAAAA2"))["text"] for _ in range(5)]
        assert all(text.startswith(WRONG) for text in answers[:4])
        assert answers[4] == "绑定码错误次数太多，请 10 分钟后再试"
        assert (await say(apart, "wangqiang", f"绑定 {code}"))["text"] == answers[4]


class TestGivenAPersonKnownOnBoth:
    async def test_when_he_asks_for_a_code_then_he_sees_his_accounts(self, room: Room) -> None:
        item = await room.ask("limin", "绑定")
        assert item["card"]["title"] == "李敏 的账号"
        assert labels(item) == ["解除企业微信"]

    async def test_when_he_takes_the_other_account_off_then_it_is_a_strangers(
        self, room: Room
    ) -> None:
        before = await say(room, "limin", "绑定 列出")
        listed = await room.ask("limin", "绑定 列出")
        await room.click("limin", listed, "解除企业微信")
        await room.newest("limin", "已解除企业微信账号 limin")
        assert (await say(room, "limin", "张三"))["text"] == FIXED
        await click(room, "limin", before, "解除钉钉")
        assert (await room.ask("limin", "绑定 列出"))["card"]["title"] == "李敏 的账号"

    async def test_when_he_would_take_off_the_one_in_use_then_it_is_refused(
        self, room: Room
    ) -> None:
        item = await room.ask("sunfang", "绑定 解除 钉钉")
        assert item["text"] == "不能解除正在使用的钉钉账号，请到另一边操作"
        item = await room.ask("sunfang", "绑定 解除")
        assert item["text"].startswith("请写明解除哪一边")

    async def test_when_he_says_anothers_code_then_it_is_refused_and_stays_good(
        self, apart: Room
    ) -> None:
        code = await code_of(apart, "wangqiang")
        refused = await apart.ask("zhaolei", f"绑定 {code}")
        assert refused["text"].startswith("这个账号已经是 赵磊 的")
        assert "已绑定" in (await say(apart, "wangqiang", f"绑定 {code}"))["text"]

    async def test_when_a_group_is_asked_then_nothing_is_shown_there(self, room: Room) -> None:
        item = await room.ask("sunfang", "绑定", "g-hz")
        assert "绑定" not in item["text"]
        assert "私聊" in item["text"]
