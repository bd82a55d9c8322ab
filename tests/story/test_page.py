"""A page opened from a card, signed in by the chat program: from the chat to the list and out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from tests.story.room import PATIENCE, Item, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True
AGENTS = {
    "dingtalk": "Mozilla/5.0 AliApp(DingTalk/7.6.0) dingtalk-win/1.0.0",
    "wecom": "Mozilla/5.0 wxwork/4.1.36 MicroMessenger/7.0.1",
}
both = pytest.mark.parametrize("platform", AGENTS)


@asynccontextmanager
async def browser(platform: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The one inside the chat program."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": AGENTS[platform]}
    ) as http:
        yield http


async def shown(room: Room, platform: str, person: str, words: str) -> Item:
    query = {"platform": platform, "person": person, "chat": "private"}
    async with asyncio.timeout(PATIENCE):
        while True:
            async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
                for item in await answer.json():
                    if item["card"] and words in item["card"]["title"]:
                        found: Item = item
                        return found
            await asyncio.sleep(0.02)


async def opens(http: aiohttp.ClientSession, address: str, person: str) -> tuple[int, str, str]:
    """As the chat program's browser does, which knows whose it is: status, where it ended, what it
    shows."""
    async with http.get(address) as answer:
        place, status, text = answer.url, answer.status, await answer.text()
    if "auth" in place.path:
        async with http.get(place.update_query(person=person)) as answer:
            place, status, text = answer.url, answer.status, await answer.text()
    return status, str(place), text


@both
async def test_the_list_of_tasks_leads_to_the_page_of_all_of_them(
    room: Room, platform: str
) -> None:
    for text in (f"待办 张三 周五 回访套保 {platform}", "待办"):
        body = {"platform": platform, "person": "wangqiang", "chat": "private", "text": text}
        await room.post("/sandbox/say", body)
    item = await shown(room, platform, "wangqiang", "条待办")
    address = f"{room.url}/pages/todo"
    assert address in str(item)
    async with browser(platform) as http:
        status, place, text = await opens(http, address, "wangqiang")
        assert (status, URL(place).path) == (200, "/pages/todo")
        assert f"回访套保 {platform}" in text
        assert "张三" in text
        async with http.get(address, allow_redirects=False) as answer:
            assert answer.status == 200  # without signing in again


async def test_a_list_that_is_turned_leads_there_still(room: Room) -> None:
    for n in range(9):
        await room.ask("zhouting", f"提醒 明天下午三点 交报表{n}")
    item = await room.ask("zhouting", "待办")
    await room.click("zhouting", item, "下一页")
    turned = await room.now_showing("zhouting", item)
    assert "第 9–9 条" in turned["card"]["title"]
    assert turned["card"]["link"] == f"{room.url}/pages/todo"


async def test_outside_of_both_programs_one_chooses(room: Room) -> None:
    async with room.http.get(f"{room.url}/pages/todo") as answer:
        text = await answer.text()
    assert "by=dingtalk" in text
    assert "by=wecom" in text


@both
@pytest.mark.parametrize("person", ["stranger", "outsider"])
async def test_a_stranger_sees_nothing(room: Room, platform: str, person: str) -> None:
    async with browser(platform) as http:
        status, _, text = await opens(http, f"{room.url}/pages/todo", person)
    assert status == 403
    assert "套保" not in text


async def test_whoever_leaves_is_out_at_once(room: Room) -> None:
    """On both platforms, whichever says so."""
    address = f"{room.url}/pages/todo"
    async with browser("dingtalk") as ding, browser("wecom") as wecom:
        for http in (ding, wecom):
            status, _, _ = await opens(http, address, "limin")
            assert status == 200
        await room.leaves("limin")
        for http in (ding, wecom):
            async with http.get(address, allow_redirects=False) as answer:
                assert answer.status == 302
            status, _, text = await opens(http, address, "limin")
            assert status == 403
            assert "还没有开通期台" in text
