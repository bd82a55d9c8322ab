"""Proves that people's words are only words on every channel's wire, whichever form a card takes
there: DingTalk with its template, by buttons, by links, by numbered lines; WeCom's application,
group robot and group chat."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.chat.message import (
    Button,
    Card,
    Chat,
    Fact,
    Input,
    Part,
    Place,
    Section,
    Table,
    Text,
)
from bot.chat.ports import Outgoing, Sender
from bot.platforms.dingtalk.client import open_dingtalk
from bot.platforms.wecom.client import open_wecom
from bot.sandbox.launch import PACES
from crm.kernel.clock import StoppedClock
from tests.contract.rig import Shelf
from tests.fakes.dingtalk import fake_dingtalk
from tests.fakes.wecom import fake_wecom
from tests.fakes.wecom_notes import MemoryNotes
from tests.hostile.bodies import texts

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
HOSTILE = (
    "[点我](http://evil.example/a) <@all> **x**",
    "[按](dtmd://dingtalkclient/sendMessage?content=%E5%90%8C%E6%84%8F)",
    "![](http://evil.example/a.png) dingtalk://dingtalkclient/page/link?url=x",
    "@所有人 @all @ALL @ 所有人",
    "@\u200b所有人 @\u202eall <\u2066@all>",
    "<a href='http://evil.example'>看</a> <@wangqiang> </font><font color=\"warning\">红</font>",
    "]]><Encrypt>x</Encrypt><![CDATA[ &amp; <!-- x -->",
    "# 标题\n> 引用\n- 列\n1. 项\n| a | b |\n---\n```\n码",
    "\x00\x1b[2J\x07\u2028\u2029\x85\ufeff\U0001f468\u200d\U0001f469\u200d\U0001f467 𠮷",
    "[" * 400 + "](http://evil.example)" + "(" * 400,
    "[点" * 100 + "我](http://evil.example)" * 100,
)
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u2028-\u202e\u2066-\u2069]")
CALLS = re.compile(r"@\s*(?:all\b|所有人)", re.IGNORECASE)
RINGS_ON_WECOM = re.compile(r"<@|<a[\s>]|<!", re.IGNORECASE)
LINK = re.compile(r"(?<!\\)\]\(([^)]*)\)")
OURS = re.compile(r"dtmd://dingtalkclient/sendMessage\?content=[\w%.~-]*K3F9[\w%.~-]*$")


def parts(words: str) -> Sequence[Part]:
    card = Card(
        id="K3F9",
        version=4,
        title=words,
        status=words,
        text=words,
        facts=(Fact("客户", words), Fact(words, words)),
        table=Table((words, "二"), ((words, words), ("甲", words))),
        sections=(Section(title=words, text=words),),
        footer=words,
    )
    press = tuple(Button(f"ok:{n}", words) for n in range(1, 7))
    return (
        Text(text=words),
        card,
        _with(card, buttons=press[:2]),
        _with(card, buttons=press),
        _with(card, buttons=press[:1], inputs=(Input(key="why", label=words),)),
    )


def _with(card: Card, **changes: Any) -> Card:
    return Card(**{name: getattr(card, name) for name in Card.__dataclass_fields__} | changes)


@asynccontextmanager
async def dingtalk(**settings: Any) -> AsyncIterator[tuple[Sender, list[Any]]]:
    async with (
        fake_dingtalk() as fake,
        open_dingtalk(fake.settings(**settings), StoppedClock(NOON), Shelf({})) as sender,
    ):
        yield sender, fake.calls


@asynccontextmanager
async def wecom(**settings: Any) -> AsyncIterator[tuple[Sender, list[Any]]]:
    clock = StoppedClock(NOON)
    paces = dict.fromkeys(PACES, 1_000_000)
    async with (
        fake_wecom() as fake,
        open_wecom(
            fake.settings(**paces, **settings), clock, Shelf({}), MemoryNotes(clock)
        ) as sender,
    ):
        yield sender, fake.calls


CHANNELS: dict[str, Any] = {
    "DingTalk's template, in private": (dingtalk, {}, Place.PRIVATE, "wangqiang"),
    "DingTalk's template, in a group": (dingtalk, {}, Place.GROUP, "g-risk"),
    "DingTalk without, in private": (dingtalk, {"templates": {}}, Place.PRIVATE, "wangqiang"),
    "DingTalk without, in a group": (dingtalk, {"templates": {}}, Place.GROUP, "g-risk"),
    "WeCom's application": (wecom, {}, Place.PRIVATE, "wangqiang"),
    "WeCom's group robot": (wecom, {}, Place.GROUP, "g-risk"),
    "WeCom's group chat": (wecom, {}, Place.GROUP, "riskopen01"),
}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS.keys())
async def test_words_neither_link_nor_ring_nor_turn_the_text_round(channel: Any) -> None:
    platform, settings, place, chat_id = channel
    async with platform(**settings) as (sender, calls):
        chat = Chat(platform=platform.__name__, place=place, id=chat_id)
        for n, words in enumerate(HOSTILE):
            for m, part in enumerate(parts(words)):
                await sender.send(Outgoing(key=f"o{n}-{m}", chat=chat, part=part))
        bodies = [call.body for call in calls if isinstance(call.body, dict)]
    assert len(bodies) >= len(HOSTILE) * 5
    for body in bodies:
        for text in texts(body):
            assert not UNSEEN.search(text), repr(text)[:300]
            assert not CALLS.search(text), text[:300]
            if platform is wecom:
                assert not RINGS_ON_WECOM.search(text), text[:300]
        for text in markdown(body):
            assert all(OURS.match(target) for target in LINK.findall(text)), text[:300]


def markdown(body: dict[str, Any]) -> list[str]:
    """What a client reads as markdown."""
    if str(body.get("msgKey")).startswith(("sampleMarkdown", "sampleActionCard")):
        return [str(json.loads(body["msgParam"])["text"])]
    return [str(body["markdown"]["content"])] if "markdown" in body else []
