"""Proves that no line, name, note or file that people send breaks the desk, and that none of it
comes out on anybody's screen as a link, a call to everybody, or text that is turned round: looked
at where it goes over the wire to each platform."""

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.sandbox import routes
from crm import changes
from crm.imports import apply
from crm.imports.clients import read_clients
from crm.imports.records import Manager
from tests.hostile.bodies import texts
from tests.story.room import PATIENCE, Item, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True
LINK = "[点我](http://evil.example/a)"
NAME = f"{LINK} <@all> **x** @所有人"
NOTE = (
    f"聊了 @所有人 @all <@all> {LINK} <a href='http://evil.example'>看</a> \u202e倒\u2066写\u200b"
)
ACCOUNT = "80990001"
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
CALLS = re.compile(r"@(?:all\b|所有人)", re.IGNORECASE)
RINGS_ON_WECOM = re.compile(r"<@|<a\s", re.IGNORECASE)
LIVE_LINK = re.compile(r"(?<!\\)\]\(\s*http://evil|<a\s", re.IGNORECASE)
MARKS: dict[str, int] = {}
LINES = {
    "a NUL and other controls": "查\0张三\x1b[2J\x07",
    "a surrogate's place": "查 张三 \ufffd\ufffe",
    "turned round": "\u202e查 张三\u202c",
    "isolates": "\u2067查\u2069 张三",
    "zero width": "查\u200b 张\u200d三\ufeff",
    "tags nobody sees": "查 张三\U000e0041\U000e0042",
    "emoji": "😀👨‍👩‍👧‍👦🇨🇳 查 张三 🐷",
    "rare and private": "查 𠮷㛃\ue000",
    "a pile of accents": "查 张" + "\u0301" * 500 + "三",
    "only marks": "！？。，、；：“”",
    "ten thousand letters": "a" * 10_000,
    "ten thousand digits": "9" * 10_000,
    "ten thousand brackets": "[" * 5_000 + "(" * 5_000,
    "ten thousand in a name": "查 " + "张" * 10_000,
    "many lines": "查 张三\n" * 2_000,
    "a formula": '=HYPERLINK("http://evil.example","x")',
    "a query": "查 ' OR 1=1; DROP TABLE client; --",
    "a template": "查 {0.__class__} {text} %s %(x)s ${HOME}",
    "markup": f"查 {NAME}",
}


def ledger(folder: Path) -> Path:
    path = folder / "a.csv"
    head = "资金账号,客户名称,手机号,客户经理,标签,备注"
    path.write_text(f"{head}\n{ACCOUNT},{NAME},13900139000,王强,{LINK},{NOTE}\n", "utf-8")
    return path


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def hostile_client(
    room: Room, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[None]:
    """A client with a hostile name, as an import brings him."""
    path = ledger(tmp_path_factory.mktemp("ledger"))
    known = (Manager(id="wangqiang", name="王强"),)
    read = read_clients(path, today=date(2026, 11, 23), known_managers=known)
    assert read.rejects == ()
    async with room.service.store.writing() as session:
        await apply.apply(session, read.rows, by="test")
        await changes.announce(session, "clients")
    yield


@pytest.fixture(autouse=True)
def logs(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")  # by now the others are those of the teardown
    assert [record.getMessage() for record in records if record.exc_info] == []
    told = "\n".join(record.getMessage() for record in records)
    assert "evil" not in told
    assert "13900139000" not in told


async def wire(room: Room, after: int = 0) -> list[Item]:
    """What the service has sent to the platforms."""
    found: list[Item] = []
    while True:
        url, query = f"{room.url}/sandbox/wire", {"after": str(after)}
        async with room.http.get(url, params=query) as answer:
            entries: list[Item] = await answer.json()
        if not entries:
            return found
        after = entries[-1]["n"]
        found += [one for one in entries if one["direction"] == "in"]


async def mark(room: Room) -> int:
    """Up to where the wire was looked at."""
    seen = MARKS.get(room.url, 0)
    MARKS[room.url] = max((one["n"] for one in await wire(room, seen)), default=seen)
    return MARKS[room.url]


async def say_on_wecom(room: Room, person: str, text: str, chat: str = "private") -> None:
    async def seen() -> int:
        query = {"platform": "wecom", "person": person, "chat": chat}
        async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
            return sum(item["from"] == "bot" for item in await answer.json())

    before = await seen()
    body = {"platform": "wecom", "person": person, "chat": chat, "text": text, "mention": True}
    await room.post("/sandbox/say", body)
    async with asyncio.timeout(PATIENCE):
        while await seen() <= before:
            await asyncio.sleep(0.02)


def is_markdown(entry: Item) -> bool:
    return "markdown" in json.dumps(entry["body"]).lower()


def harmless(entries: list[Item], *, some: str = "") -> None:
    whole = [one for entry in entries for one in texts(entry["body"])]
    assert not some or any(some in one for one in whole), "nothing of it was shown at all"
    for one in whole:
        assert not UNSEEN.search(one), repr(one)
        assert not CALLS.search(one), one
    for entry in entries:
        if entry["platform"] == "wecom":
            assert not any(map(RINGS_ON_WECOM.search, texts(entry["body"])))
    for entry in filter(is_markdown, entries):
        for one in texts(entry["body"]):
            assert not LIVE_LINK.search(one), one


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
async def test_every_line_is_answered(room: Room, line: str) -> None:
    after = await mark(room)
    [item] = await room.say("wangqiang", line)
    assert "出错了" not in item["text"]
    harmless(await wire(room, after))


async def test_a_note_of_ten_thousand_characters_is_kept(room: Room) -> None:
    item = await room.ask("wangqiang", f"记 {ACCOUNT} 电话 {'聊' * 10_000}")
    assert "出错了" not in item["text"]
    item = await room.ask("wangqiang", f"记录 {ACCOUNT}")
    assert "聊聊聊" in item["text"]


async def test_hostile_names_and_notes_are_only_words_on_every_wire(room: Room) -> None:
    after = await mark(room)
    for line in (
        ACCOUNT,
        f"记 {ACCOUNT} 电话 {NOTE}，下周三回访 #{LINK}",
        f"记录 {ACCOUNT}",
        f"待办 {ACCOUNT} 周五 {NOTE}",
        "待办",
        f"持仓 {ACCOUNT}",
        f"开户 {NAME}",
        f"查 {NAME}",
        f"{NAME}",
    ):
        await room.say("wangqiang", line)
        await say_on_wecom(room, "wangqiang", line)
    await room.say("fengjun", f"查 {ACCOUNT}", "g-risk")
    await say_on_wecom(room, "fengjun", f"查 {ACCOUNT}", "g-risk")
    await room.say("wangqiang", f"查 {ACCOUNT}", "g-hz")
    await say_on_wecom(room, "wangqiang", f"查 {ACCOUNT}", "g-hz")
    await room.say("limin", f"查 {ACCOUNT}")
    entries = await wire(room, after)
    assert {one["platform"] for one in entries} == {"dingtalk", "wecom"}
    harmless(entries, some="点我")


async def test_hostile_file_names_and_kinds_are_answered(room: Room) -> None:
    await room.ask("wangqiang", ACCOUNT)
    after = await mark(room)
    for name in ("../../etc/passwd", f"{LINK}@所有人.pdf", "\u202efdp.exe", "x" * 200 + ".pdf"):
        item = await room.upload("wangqiang", name, b"%PDF-1.4 x")
        assert "出错了" not in item["text"]
    harmless(await wire(room, after))


async def test_a_file_of_more_than_thirty_megabytes_is_refused_in_words(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "UPLOAD_BYTES", 64 << 20)  # more than people can send
    await room.ask("wangqiang", ACCOUNT)
    form = aiohttp.FormData({"platform": "dingtalk", "person": "wangqiang", "chat": "private"})
    form.add_field("file", io.BytesIO(b"%PDF" + b"\0" * (31 << 20)), filename="很大.pdf")
    async with room.http.post(f"{room.url}/sandbox/upload", data=form) as answer:
        said = await answer.json()
    [item] = await room.answers("wangqiang", "private", said["message_id"], 1)
    assert item["text"] == "文件超过 30 MB，请压缩后再发"


async def test_a_box_of_typed_words_is_as_harmless(room: Room) -> None:
    """A click's input of a kind that the card does not have."""
    item = await room.ask("wangqiang", ACCOUNT)
    label = item["card"]["buttons"][0]["label"]
    for odd in ({"x": NOTE}, {"reason": ["\0"] * 50}, {"rev": "9" * 30}, {"form": "{"}):
        await room.click("wangqiang", item, label, odd)
    later = await room.ask("wangqiang", ACCOUNT)
    assert later["card"]
