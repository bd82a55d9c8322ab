"""A page opened from a card, signed in by WeCom: from the chat to the list and out again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from yarl import URL

from tests.story.room import PATIENCE, Item, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True


@asynccontextmanager
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield http


async def shown(room: Room, person: str, words: str) -> Item:
    query = {"platform": "wecom", "person": person, "chat": "private"}
    async with asyncio.timeout(PATIENCE):
        while True:
            async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
                for item in await answer.json():
                    if item["card"] and words in item["card"]["title"]:
                        found: Item = item
                        return found
            await asyncio.sleep(0.02)


async def opens(http: aiohttp.ClientSession, address: str, person: str) -> tuple[int, str, str]:
    """As WeCom's browser does, which knows whose it is: status, where it ended, what it shows."""
    async with http.get(address) as answer:
        place, status, text = answer.url, answer.status, await answer.text()
    if "authorize" in place.path:
        async with http.get(place.update_query(person=person)) as answer:
            place, status, text = answer.url, answer.status, await answer.text()
    return status, str(place), text


async def test_the_list_of_tasks_leads_to_the_page_of_all_of_them(room: Room) -> None:
    for text in ("待办 张三 周五 回访套保", "待办"):
        body = {"platform": "wecom", "person": "wangqiang", "chat": "private", "text": text}
        await room.post("/sandbox/say", body)
    item = await shown(room, "wangqiang", "条待办")
    address = f"{room.url}/pages/todo"
    assert address in str(item)
    async with browser() as http:
        status, place, text = await opens(http, address, "wangqiang")
        assert (status, URL(place).path) == (200, "/pages/todo")
        assert "回访套保" in text
        assert "张三" in text
        async with http.get(address, allow_redirects=False) as answer:
            assert answer.status == 200  # without signing in again


async def test_a_stranger_sees_nothing(room: Room) -> None:
    async with browser() as http:
        status, _, text = await opens(http, f"{room.url}/pages/todo", "stranger")
    assert status in (403, 400)
    assert "套保" not in text


async def test_whoever_leaves_is_out_at_once(room: Room) -> None:
    address = f"{room.url}/pages/todo"
    async with browser() as http:
        status, _, _ = await opens(http, address, "limin")
        assert status == 200
        await room.leaves("limin")
        async with http.get(address, allow_redirects=False) as answer:
            assert answer.status == 302
        status, _, text = await opens(http, address, "limin")
        assert status == 403
        assert "还没有开通期台" in text
