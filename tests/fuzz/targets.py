"""Every parser that reads what comes from outside, as one function of bytes.

A target returns when the bytes were read or refused as the parser says it refuses; any other
exception is a bug. What a parser has read is also written down the way the service would, so that
nothing passes the door that breaks behind it.
"""

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from bot.chat.button_line import read_button_line
from bot.chat.message import Ask, Card, Fact, Place, Section, Table
from bot.chat.raw import load_ask, raw_of
from bot.grammar.index import Index
from bot.grammar.understand import read, spans
from bot.platforms.dingtalk import frames as stream_frames
from bot.platforms.dingtalk import parse as stream_parse
from bot.platforms.dingtalk.fallback import card_in_words
from bot.platforms.dingtalk.markdown import defang as stream_defang
from bot.platforms.dingtalk.template import card_params
from bot.platforms.wecom import frames, markup, parse
from bot.platforms.wecom.crypto import Crypto, Unreadable
from bot.platforms.wecom.template import NARROW, draw
from bot.platforms.wecom.words import defang
from crm.imports.clients import read_clients
from crm.imports.table import UNSEEN
from crm.kernel.calendar import Calendar
from crm.kernel.errors import UserError
from risk.sources import wire

NOW = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
TODAY = date(2026, 11, 23)
CRYPTO = Crypto("token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wwdemo")
CALENDAR = Calendar.shipped()
NOBODY = Index([])


def _storable(heard: object) -> None:
    """What is heard must come back from the form in which it is stored."""
    if isinstance(heard, Ask):
        raw = raw_of("app", heard)
        assert 0 < len(raw.key) <= 128
        assert load_ask(raw.body).user == heard.user


def wecom_envelope(data: bytes) -> None:
    try:
        encrypted = markup.read_envelope(data)
        CRYPTO.decrypt(encrypted)
    except (markup.Malformed, Unreadable):
        return


def wecom_callback(data: bytes) -> None:
    raw = parse.read_text(data, app="1")
    if raw is not None:
        load_ask(raw.body)
    try:
        heard = parse.read_callback(markup.read_xml(data), data, now=NOW)
    except ValueError:
        return
    _storable(heard.ask if isinstance(heard, parse.Pressed) else heard)


def wecom_bot(data: bytes) -> None:
    try:
        frame = frames.read_frame(data)
        frames.is_kick(frame)
        heard = parse.read_bot(frame.body, frame.req_id, name="期台", now=NOW)
    except ValueError:
        return
    _storable(heard.ask if isinstance(heard, parse.Pressed) else heard)


def dingtalk_frame(data: bytes) -> None:
    try:
        frame = stream_frames.read_frame(data)
    except ValueError:
        return
    stream_frames.ack(frame.message_id, frame.data.encode())
    assert frame.topic not in stream_frames.MESSAGES or frame.at >= 0
    _dingtalk(frame.data, frame.message_id or "m", frame.event)


def dingtalk_message(data: bytes) -> None:
    _dingtalk(data.decode(errors="replace"), "m", "user_leave_org")


def _dingtalk(data: str, message_id: str, event: str) -> None:
    raw = stream_parse.read_text(data, app="app", corp_id="dingcorpdemo01")
    if raw is not None:
        load_ask(raw.body)
    for hear in (
        lambda: stream_parse.read_message(data, corp_id="", now=NOW),
        lambda: stream_parse.read_click(data, message_id=message_id, corp_id="", at=NOW),
        lambda: stream_parse.read_people(event, data),
    ):
        try:
            _storable(hear())
        except ValueError:
            continue


def push(data: bytes) -> None:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    if not isinstance(body, dict):
        return
    try:
        snapshot, _ = wire.snapshot(body)
        snapshot.at.astimezone(UTC)
    except wire.NotReadable:
        pass
    try:
        ticks, _ = wire.ticks(body, NOW)
        for tick in ticks:
            tick.at.astimezone(UTC)
    except wire.NotReadable:
        return


def ledger(data: bytes) -> None:
    """Any file: the first bytes say which kind."""
    with tempfile.NamedTemporaryFile(dir=_memory(), suffix=".xls") as file:
        file.write(data)
        file.flush()
        try:
            sheet = read_clients(Path(file.name), today=TODAY)
        except UserError:
            return
    for row in sheet.rows:
        assert not UNSEEN.search(row.name)
        assert "\n" not in row.name
        assert len(row.name) <= 128
    for bad in sheet.rejects:
        assert bad.reason


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a file for a moment


def line(data: bytes) -> None:
    said = data.decode(errors="replace")
    read_button_line(said)
    read(
        said,
        at=NOW,
        place=Place.PRIVATE,
        mentioned=False,
        calendar=CALENDAR,
        found=NOBODY.fetch(spans(said), person="wangqiang"),
        focus=None,
    )


def shown(data: bytes) -> None:
    """Words of people on every screen: one card in every form, within the platforms' limits."""
    said = data.decode(errors="replace")
    half = len(said) // 2
    card = Card(
        id="k",
        title=said[:half],
        text=said,
        status=said[:9],
        facts=(Fact(said[:half], said[half:]),),
        table=Table((said[:half], "x"), ((said, said[half:]),)),
        sections=(Section(title=said[half:], text=said),),
        footer=said,
    )
    assert all(len(one.encode()) <= 1024 for one in card_params(card).values())
    for place in Place:
        for message in card_in_words(card, place):
            orjson.dumps(message.api())
    orjson.dumps(draw(card, "t", "https://example.test", NARROW).json)
    for text in (stream_defang(said), defang(said)):
        assert "@所有人" not in text
        orjson.dumps(text)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        wecom_envelope,
        wecom_callback,
        wecom_bot,
        dingtalk_frame,
        dingtalk_message,
        push,
        ledger,
        line,
        shown,
    )
}
