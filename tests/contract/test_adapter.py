"""What the desk may rely on, whatever the platform. Every adapter passes all of it."""

import random
import struct
import zlib
from typing import Any

import pytest

from bot.chat.button_line import read_button_line
from bot.chat.message import (
    AskKind,
    Button,
    Card,
    Click,
    Document,
    Fact,
    Input,
    InputKind,
    Markdown,
    Part,
    Picture,
    Place,
    Section,
    Table,
    Text,
    Tone,
)
from bot.chat.ports import Outgoing
from crm.kernel.errors import Outcome
from tests.contract.rig import GROUP, PERSON, Rig, until

APPROVAL = Card(
    id="apr-17-a",
    version=4,
    title="开户审批 A-1023",
    status="待审",
    tone=Tone.BLUE,
    text="请在今天内处理",
    facts=(Fact("客户", "某某实业"), Fact("身份证", "3301**********1234")),
    table=Table(("检查", "结果"), (("黑名单", "通过"), ("适当性", "通过"))),
    sections=(Section(title="说明", text="资料齐全"),),
    inputs=(
        Input(key="reason", label="意见"),
        Input(
            key="to",
            label="转给",
            kind=InputKind.SELECT,
            options=(("zhouting", "周婷"), ("wuhao", "吴昊")),
        ),
    ),
    buttons=(Button("approve:17", "同意"), Button("reject:17", "驳回", enabled=False)),
    subject="application:17",
)
CHOICE = Card(id="alert-9", version=2, title="追保 4 户", buttons=(Button("claim:9", "我来处理"),))


def png() -> bytes:
    """One white pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0\xff")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def out(
    rig: Rig,
    part: Part,
    key: str = "o1",
    *,
    group: bool = False,
    update: bool = False,
    again: bool = False,
) -> Outgoing:
    chat = rig.group() if group else rig.private()
    return Outgoing(key=key, chat=chat, part=part, update=update, again=again)


class TestHearing:
    async def test_a_line_in_private(self, rig: Rig) -> None:
        message = await rig.say("  查 张三 ")
        [raw] = await rig.desk.hears()
        ask = raw.ask
        assert raw.key == ask.message_id == message
        assert raw.platform == rig.adapter.name
        assert (ask.kind, ask.text, ask.user) == (AskKind.TEXT, "查 张三", PERSON)
        assert ask.chat == rig.private()

    async def test_a_line_in_a_group_is_heard_when_the_bot_is_mentioned(self, rig: Rig) -> None:
        await rig.say("大家好", chat=GROUP, mention=False)
        await rig.say("风险榜", chat=GROUP, mention=True)
        [raw] = await rig.desk.hears()
        assert (raw.ask.text, raw.ask.mentioned) == ("风险榜", True)
        assert (raw.ask.chat.place, raw.ask.chat.id) == (Place.GROUP, GROUP)

    async def test_what_was_spoken_is_what_the_platform_understood(self, rig: Rig) -> None:
        await rig.say("记张三电话聊了套保", kind="voice")
        [raw] = await rig.desk.hears()
        assert (raw.ask.kind, raw.ask.text) == (AskKind.VOICE, "记张三电话聊了套保")

    @pytest.mark.parametrize(
        ("name", "data", "kind"),
        [("开户资料.pdf", b"%PDF-1.7 x", AskKind.FILE), ("照片.png", png(), AskKind.PICTURE)],
    )
    async def test_a_file_can_be_fetched(
        self, rig: Rig, name: str, data: bytes, kind: AskKind
    ) -> None:
        await rig.upload(name, data)
        [raw] = await rig.desk.hears()
        assert raw.ask.kind is kind
        [file] = raw.ask.files
        assert await rig.sender.fetch(file) == data

    async def test_every_line_is_stored_once(self, rig: Rig) -> None:
        lines = [f"第{n}句" for n in range(40)]
        for line in lines:
            await rig.say(line)
        heard = await rig.desk.hears(40)
        assert {raw.ask.text for raw in heard} == set(lines)

    async def test_what_could_not_be_stored_comes_again(self, rig: Rig) -> None:
        rig.desk.failures = 2
        await rig.say("记 张三 电话")
        [raw] = await rig.desk.hears()
        assert raw.ask.text == "记 张三 电话"

    @pytest.mark.parametrize("kind", ["duplicate", "no_ack", "late_ack"])
    async def test_a_repeated_line_keeps_its_key(self, rig: Rig, kind: str) -> None:
        await rig.fault(kind)
        await rig.say("张三")
        await until(lambda: _true(len(rig.desk.heard) >= 2))
        assert len(rig.desk.stored) == 1


class TestAnswering:
    async def test_an_answer_stands_under_its_question(self, rig: Rig) -> None:
        message = await rig.say("张三")
        [raw] = await rig.desk.hears()
        parts: tuple[Part, ...] = (Text(text="没有找到"), Markdown(title="表", text="**好**"))
        for number, part in enumerate(parts):
            await rig.sender.send(
                Outgoing(
                    key=f"o{number}",
                    chat=raw.ask.chat,
                    part=part,
                    reply_to=message,
                    hook=raw.ask.hook,
                )
            )
        words, markdown = await rig.seen()
        assert words["text"] == "没有找到"
        assert rig.under(words, message)
        assert "好" in markdown["text"]

    async def test_a_card_stands_under_its_question(self, rig: Rig) -> None:
        message = await rig.say("进度")
        await rig.desk.hears()
        await rig.sender.send(
            Outgoing(key="o", chat=rig.private(), part=APPROVAL, reply_to=message)
        )
        [item] = await rig.seen()
        assert rig.under(item, message)

    async def test_words_reach_a_group_unasked(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, Text(text="夜盘开始"), group=True))
        [item] = await rig.seen(GROUP)
        assert item["text"] == "夜盘开始"

    async def test_a_long_text_arrives_whole_and_in_order(self, rig: Rig) -> None:
        lines = [f"第 {n} 行 螺纹 rb2701 多 30 手" for n in range(600)]
        await rig.sender.send(out(rig, Text(text="\n".join(lines))))
        items = await rig.seen()
        assert len(items) > 1
        assert "\n".join(item["text"] for item in items).split("\n") == lines

    async def test_a_picture_comes_with_its_caption(self, rig: Rig) -> None:
        rig.blobs["curve"] = png()
        await rig.sender.send(
            out(rig, Picture(blob="curve", caption="权益 60 日 · 最大回撤 18.2%"))
        )
        items = await rig.seen()
        assert any("最大回撤 18.2%" in item["text"] for item in items)
        [item] = [item for item in items if item["kind"] == "image"]
        async with rig.http.get(rig.base + item["url"].removeprefix(rig.base)) as response:
            assert await response.read() == png()

    async def test_a_document_comes_with_its_name(self, rig: Rig) -> None:
        rig.blobs["month"] = b"PK\x03\x04 xlsx"
        await rig.sender.send(
            out(rig, Document(blob="month", name="月报 2026-10.xlsx", caption="十月月报"))
        )
        items = await rig.seen()
        assert any("十月月报" in item["text"] for item in items)
        [file] = [item for item in items if item["kind"] == "file"]
        assert "月报 2026-10.xlsx" in file["text"]

    async def test_hostile_words_neither_link_nor_ring(self, rig: Rig) -> None:
        hostile = "[点我](dtmd://dingtalkclient/sendMessage?content=按) @all"
        await rig.sender.send(out(rig, Text(text=hostile), "a"))
        await rig.sender.send(out(rig, Markdown(title=hostile, text=hostile), "b"))
        await rig.adapter.wordy.send(
            out(rig, Card(id="x", title=hostile, facts=(Fact("备注", hostile),)), "c")
        )
        for item in await rig.seen():
            assert not item.get("links")
            assert "@all" not in item["text"]


class TestCards:
    async def test_a_card_shows_everything_it_holds(self, rig: Rig) -> None:
        receipt = await rig.sender.send(out(rig, APPROVAL))
        assert receipt.updatable == rig.adapter.capabilities.update_in_place
        [item] = await rig.seen()
        card = item["card"]
        assert (card["id"], card["version"]) == ("apr-17-a", 4)
        assert (card["title"], card["status"]) == ("开户审批 A-1023", "待审")
        assert {"label": "身份证", "value": "3301**********1234"} in card["fields"]
        assert [one["key"] for one in card["buttons"] if one["enabled"]] == ["approve:17"]
        for words in ("请在今天内处理", "资料齐全", "黑名单", "适当性", "意见", "转给"):
            assert words in f"{item['text']}{card['rows']}"

    async def test_a_card_has_rows_and_fields_where_the_platform_has_them(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, APPROVAL))
        [item] = await rig.seen()
        card, typed = item["card"], rig.adapter.capabilities.inputs
        assert (["黑名单", "通过"] in card["rows"]) == typed
        assert [one["key"] for one in card["inputs"]] == (["reason", "to"] if typed else ["to"])
        assert ("reject:17" in [one["key"] for one in card["buttons"]]) == typed

    async def test_an_update_changes_the_card_where_it_stands(self, rig: Rig) -> None:
        long = Card(
            id="rank",
            version=1,
            title="风险榜",
            text="说明\n" * 400,
            table=Table(("客户", "风险度"), tuple((f"客户{n}", f"{n}%") for n in range(100))),
            buttons=(Button("page:20", "下一页"),),
        )
        short = Card(id="rank", version=2, title="风险榜", status="已收盘")
        await rig.sender.send(out(rig, long))
        items = await rig.seen()
        [before] = [item for item in items if item["kind"] == "card"]
        shown = [line for item in items for line in item["text"].splitlines()]
        assert len(before["card"]["rows"]) == 100 or len([x for x in shown if "%" in x]) == 100
        await rig.sender.send(out(rig, short, "o2", update=True))
        [after] = [item for item in await rig.seen() if item["kind"] == "card"]
        assert after["seq"] == before["seq"]
        assert rig.version(after) in (2, None)
        assert after["card"]["status"] == "已收盘"
        assert after["card"]["rows"] == []
        assert after["card"]["buttons"] == []
        assert "说明" not in after["text"]

    async def test_a_card_reaches_a_group(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, APPROVAL, group=True))
        [item] = await rig.seen(GROUP)
        assert item["card"]["id"] == "apr-17-a"

    async def test_a_click_carries_what_was_seen_and_filled_in(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, APPROVAL))
        typed = {"reason": "资料齐全"} if rig.adapter.capabilities.inputs else {}
        inputs = {"to": "wuhao", **typed}
        await rig.click("apr-17-a", "approve:17", inputs=inputs)
        [raw] = rig.desk.clicked
        assert raw.ask.kind is AskKind.CLICK
        assert raw.ask.user == PERSON
        assert raw.ask.chat == rig.private()
        click = raw.ask.click
        assert click is not None
        assert (click.card, click.version, click.action) == ("apr-17-a", 4, "approve:17")
        assert dict(click.inputs) == inputs

    async def test_a_click_in_a_group_says_so(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, CHOICE, group=True))
        await rig.click("alert-9", "claim:9")
        [raw] = rig.desk.clicked
        assert raw.ask.chat == rig.group()

    async def test_the_answer_to_a_click_is_the_card_as_it_now_is(self, rig: Rig) -> None:
        done = Card(id="apr-17-a", version=5, title="开户审批 A-1023", status="已同意")
        rig.desk.answer = lambda _: done
        await rig.sender.send(out(rig, APPROVAL))
        answer = await rig.click("apr-17-a", "approve:17")
        assert answer["ok"]
        [item] = await rig.seen()
        assert rig.version(item) in (5, None)
        assert item["card"]["status"] == "已同意"
        assert item["card"]["buttons"] == []

    async def test_a_click_that_takes_longer_says_so_and_is_updated_later(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, APPROVAL))
        await rig.click("apr-17-a", "approve:17")
        [item] = await rig.seen()
        assert rig.state(item) == "处理中"
        done = Card(id="apr-17-a", version=5, title="开户审批 A-1023", status="已同意")
        await rig.sender.send(out(rig, done, "o2", update=True))
        [item] = await rig.seen()
        assert item["card"]["status"] == "已同意"

    async def test_without_cards_the_buttons_work_by_words(self, rig: Rig) -> None:
        await rig.adapter.wordy.send(out(rig, CHOICE))
        [item] = await rig.seen()
        assert "追保 4 户" in f"{item['text']}{item.get('title', '')}"
        links = item.get("links") or [{"say": numbered(item)}]
        await rig.say(links[0]["say"])
        [raw] = await rig.desk.hears()
        assert read_button_line(raw.ask.text) == Click(card="alert-9", version=2, action="claim:9")

    async def test_without_cards_a_group_replies_with_a_numbered_line(self, rig: Rig) -> None:
        await rig.adapter.wordy.send(out(rig, CHOICE, group=True))
        [item] = await rig.seen(GROUP)
        assert not item.get("links")
        await rig.say(numbered(item), chat=GROUP, mention=True)
        [raw] = await rig.desk.hears()
        assert read_button_line(raw.ask.text) == Click(card="alert-9", version=2, action="claim:9")


class TestTroubles:
    @pytest.mark.parametrize("kind", ["throttle", "http_5xx", "html"])
    @pytest.mark.parametrize("part", [Text(text="一次"), APPROVAL], ids=["text", "card"])
    async def test_what_was_refused_for_now_was_not_shown_and_may_be_sent_again(
        self, rig: Rig, kind: str, part: Part
    ) -> None:
        await rig.sender.send(out(rig, Text(text="先取令牌"), "o0"))
        await rig.fault(kind)
        error = await rig.failed(out(rig, part))
        assert error.outcome is Outcome.RETRY
        assert (error.wait_seconds or 0) <= 60
        await rig.sender.send(out(rig, part))
        assert len(await rig.seen()) == 2

    @pytest.mark.parametrize("kind", ["hang", "half_body"])
    async def test_a_card_without_an_answer_is_unknown_and_shown_once(
        self, rig: Rig, kind: str
    ) -> None:
        await rig.sender.send(out(rig, Text(text="先取令牌"), "o0"))
        await rig.fault(kind)
        error = await rig.failed(out(rig, APPROVAL))
        assert error.outcome is Outcome.UNKNOWN
        await rig.sender.send(out(rig, APPROVAL, again=True))
        cards = [item for item in await rig.seen() if item["kind"] == "card"]
        assert len(cards) == 1

    @pytest.mark.parametrize("kind", ["hang", "half_body"])
    async def test_words_without_an_answer_are_unknown_and_marked_when_repeated(
        self, rig: Rig, kind: str
    ) -> None:
        await rig.sender.send(out(rig, Text(text="先取令牌"), "o0"))
        await rig.fault(kind)
        error = await rig.failed(out(rig, Text(text="请追加保证金")))
        assert error.outcome is Outcome.UNKNOWN
        await rig.sender.send(out(rig, Text(text="请追加保证金"), again=True))
        [_, first, second] = await rig.seen()
        assert first["text"] == "请追加保证金"
        assert "(重发)" in second["text"]

    async def test_an_expired_token_is_nobodys_business(self, rig: Rig) -> None:
        await rig.sender.send(out(rig, Text(text="一"), "o1"))
        await rig.fault("token_expired")
        await rig.sender.send(out(rig, Text(text="二"), "o2"))
        assert [item["text"] for item in await rig.seen()] == ["一", "二"]

    async def test_somebody_unknown_to_the_platform_is_refused_for_good(self, rig: Rig) -> None:
        parts: tuple[Part, ...] = (Text(text="在吗"), APPROVAL)
        for part in parts:
            error = await rig.failed(Outgoing(key="o", chat=rig.private("nobody"), part=part))
            assert error.outcome is Outcome.REFUSED

    async def test_a_disconnection_loses_nothing_and_leaves_no_gap(self, rig: Rig) -> None:
        for number in range(20):
            if number == 5:
                await rig.fault("disconnect", count=1)
            await rig.say(f"第{number}句")
            assert rig.adapter.health().ok or not rig.has_spare
        heard = await rig.desk.hears(20)
        assert {raw.ask.text for raw in heard} == {f"第{n}句" for n in range(20)}

    async def test_all_connections_asked_to_leave_at_once_lose_nothing(self, rig: Rig) -> None:
        await rig.fault("disconnect", count=2)
        await until(lambda: _true(rig.adapter.health().ok))
        await until(lambda: _said(rig, "还在吗"))
        await rig.desk.hears(1)

    async def test_on_a_bad_day_every_line_is_stored_once_and_none_is_lost(self, rig: Rig) -> None:
        chance = random.Random(7)
        taken = []
        for number in range(300):
            if chance.random() < 0.1:
                kind = chance.choice(["no_ack", "late_ack", "duplicate", "reorder"])
                await rig.fault(kind, count=chance.randint(1, 3))
            if number % 60 == 59:
                await rig.fault("disconnect", count=1)
            rig.desk.failures += chance.random() < 0.03
            taken.append(await rig.say(f"第{number}句"))
        heard = await rig.desk.hears(300, seconds=30)
        assert {raw.key for raw in heard} == set(taken)
        assert len(heard) == 300


def numbered(item: dict[str, Any]) -> str:
    """The line to reply with to press the card's first button."""
    line = item["text"].partition("：按 ")[2].splitlines()[0].replace("\\", "")
    return f"按 {line}"


async def _true(fact: bool) -> bool:
    return fact


async def _said(rig: Rig, text: str) -> bool:
    """False while no connection takes it: then nothing was taken."""
    body = {"platform": rig.adapter.name, "person": PERSON, "chat": "private", "text": text}
    async with rig.http.post(f"{rig.base}/sandbox/say", json=body) as response:
        return response.status == 200
