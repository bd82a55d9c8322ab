"""Whatever a member can send or touch on WeCom has an outcome, and nothing has two."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.story.room import PATIENCE, Item, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
)
UNREAD = "这类消息期台看不懂，请发文字、图片或文件"
UNHEARD = "没有听到语音里的字，请用输入法的语音输入转成文字再发"


async def screen(room: Room, person: str) -> list[Item]:
    query = {"platform": "wecom", "person": person, "chat": "private"}
    async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
        return [item for item in await answer.json() if item["from"] == "bot"]


async def answers(room: Room, person: str, count: int) -> list[Item]:
    """What the bot has said, once it is ``count`` things."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await screen(room, person)) < count:
            await asyncio.sleep(0.02)
    return found


async def newest_card(room: Room, person: str, title: str) -> dict[str, Any]:
    cards = [item["card"] for item in await screen(room, person) if item["card"]]
    return next((card for card in reversed(cards) if title in card["title"]), {})


async def send(room: Room, person: str, kind: str, text: str = "x", **more: Any) -> Item:
    """Say something of a kind; the first thing that answers it."""
    before = len(await screen(room, person))
    body = {"platform": "wecom", "person": person, "chat": "private", "kind": kind, "text": text}
    await room.post("/sandbox/say", {**body, **more})
    return (await answers(room, person, before + 1))[before]


async def upload(room: Room, person: str, name: str, data: bytes, **more: str) -> Item:
    before = len(await screen(room, person))
    form = aiohttp.FormData({"platform": "wecom", "person": person, "chat": "private", **more})
    form.add_field("file", data, filename=name)
    async with room.http.post(f"{room.url}/sandbox/upload", data=form) as answer:
        assert answer.status == 200, await answer.text()
    return (await answers(room, person, before + 1))[before]


async def happens(room: Room, person: str, event: str, **more: Any) -> None:
    data = {"person": person, **more}
    await room.post("/sandbox/event", {"platform": "wecom", "type": event, "data": data})


async def said_by_the_way(room: Room, person: str) -> str:
    """The answer to a line, which comes after everything that was said before it."""
    return str((await send(room, person, "text", "帮助"))["text"])


@pytest.mark.parametrize("kind", ["location", "link", "unknown"])
async def test_what_cannot_be_read_is_said_so(room: Room, kind: str) -> None:
    assert (await send(room, "wangqiang", kind))["text"] == UNREAD


async def test_speech_that_wecom_did_not_turn_into_words_is_said_so(room: Room) -> None:
    assert (await send(room, "wangqiang", "voice"))["text"] == UNHEARD


async def test_to_the_bot_speech_is_words(room: Room) -> None:
    item = await send(room, "limin", "voice", "帮助", app="aibot")
    assert UNHEARD not in item["text"]


async def test_pictures_videos_and_files_are_offered_to_a_record(room: Room) -> None:
    await send(room, "wangqiang", "text", "张三")
    for name, app in (("照片.png", ""), ("录像.mp4", ""), ("开户.pdf", "aibot")):
        more = {"app": app} if app else {}
        item = await upload(
            room, "wangqiang", name, PNG if name.endswith("png") else b"x" * 64, **more
        )
        assert "张三" in item["text"], name


async def test_a_touch_on_the_menu_says_its_key(room: Room) -> None:
    before = len(await screen(room, "limin"))
    await happens(room, "limin", "click", EventKey="帮助")
    assert "帮助" in str((await answers(room, "limin", before + 1))[before])


async def test_a_button_in_a_cards_menu_works_like_any_other(room: Room) -> None:
    for number in range(8):
        await send(room, "zhaolei", "text", f"提醒 明天下午三点 交报表{number}")
    await send(room, "zhaolei", "text", "待办")
    async with asyncio.timeout(PATIENCE):
        while not (card := await newest_card(room, "zhaolei", "条待办")):
            await asyncio.sleep(0.02)
    buttons = {one["label"]: one["key"] for one in card["buttons"]}
    assert list(buttons) == [str(n) for n in range(1, 9)]
    before = len(await screen(room, "zhaolei"))
    body = {"platform": "wecom", "person": "zhaolei", "card": card["id"], "action": buttons["8"]}
    await room.post("/sandbox/click", body)
    item = (await answers(room, "zhaolei", before + 1))[before]
    assert "交报表" in item["card"]["title"]


@pytest.mark.parametrize(
    "event", ["enter_agent", "view", "LOCATION", "subscribe", "scancode_push", "msgaudit_notify"]
)
async def test_everything_else_is_taken_without_a_word(room: Room, event: str) -> None:
    before = len(await screen(room, "sunfang"))
    await happens(room, "sunfang", event)
    await said_by_the_way(room, "sunfang")
    assert len(await screen(room, "sunfang")) == before + 1


async def test_whoever_opens_the_bot_is_greeted(room: Room) -> None:
    before = len(await screen(room, "qianwei"))
    await happens(room, "qianwei", "enter_chat")
    assert "我是期台" in (await answers(room, "qianwei", before + 1))[before]["text"]
