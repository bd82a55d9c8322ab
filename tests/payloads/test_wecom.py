"""Payloads as WeCom sends them, one per file with its source; every one is read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.chat.message import Ask
from bot.platforms.wecom.frames import is_kick, read_frame, write_frame
from bot.platforms.wecom.markup import read_xml
from bot.platforms.wecom.parse import (
    FallingAsleep,
    Heard,
    Nothing,
    PeopleChanged,
    Pressed,
    read_bot,
    read_callback,
    said,
)

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
NAME = "期小助"
FILES = sorted(Path(__file__).parent.joinpath("wecom").glob("*.json"))


def case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads(Path(__file__).parent.joinpath("wecom", f"{name}.json").read_text())
    assert found["source"]
    return found, found["reads"]


def read(found: dict[str, Any]) -> Heard:
    if found["kind"] == "bot":
        return read_bot(found["data"], "REQ1", name=NAME, now=NOW)
    plain = found["data"].encode()
    return read_callback(read_xml(plain), plain, now=NOW)


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_payload_is_read(name: str) -> None:
    found, reads = case(name)
    match read(found):
        case Nothing(what):
            assert {"nothing": what} == reads
        case PeopleChanged(users):
            assert {"people": list(users)} == reads
        case FallingAsleep(event):
            assert {"asleep": event} == reads
        case Pressed(ask, task, code):
            shown = {**as_told(ask), "task": task, "code": code}
            assert {key: shown[key] for key in reads} == reads
        case Ask() as ask:
            shown = as_told(ask)
            assert {key: shown[key] for key in reads} == reads


def as_told(ask: Ask) -> dict[str, Any]:
    click = ask.click
    return {
        "kind": ask.kind.value,
        "text": ask.text,
        "user": ask.user,
        "place": ask.chat.place.value,
        "chat": ask.chat.id,
        "mentioned": ask.mentioned,
        "message_id": ask.message_id,
        "codes": [file.code for file in ask.files],
        "names": [file.name for file in ask.files],
        "hook": ask.hook and ask.hook.url,
        "click": click
        and {
            "card": click.card,
            "version": click.version,
            "action": click.action,
            "inputs": {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in click.inputs.items()
            },
        },
    }


def test_the_moment_is_theirs_and_a_hook_lasts_a_day() -> None:
    ask = read(case("text")[0])
    assert isinstance(ask, Ask)
    assert ask.at == datetime(2026, 1, 1, tzinfo=UTC)
    answered = read(case("bot_text")[0])
    assert isinstance(answered, Ask)
    assert answered.hook is not None
    assert answered.hook.expires == NOW + timedelta(days=1)


def test_two_clicks_in_one_second_are_two_and_a_repetition_is_one() -> None:
    """By sender and second alone, as the official rule has it, they would be one."""
    found, _ = case("card_click")
    again, other = dict(found), dict(found)
    other["data"] = found["data"].replace("rc_click_0Zk3", "rc_click_1Zk3")
    ids = [ask.message_id for one in (found, again, other) for ask in [read(one).ask]]  # type: ignore[union-attr]
    assert ids[0] == ids[1] != ids[2]


def test_a_message_without_an_id_goes_by_its_content() -> None:
    data = case("text")[0]["data"].replace("<MsgId>7431650012345678901</MsgId>", "")
    first, second, other = (
        read({"kind": "xml", "data": one}) for one in (data, data, data.replace("查", "看"))
    )
    assert isinstance(first, Ask)
    assert isinstance(second, Ask)
    assert isinstance(other, Ask)
    assert first.message_id == second.message_id != other.message_id
    assert len(first.message_id) <= 128


@pytest.mark.parametrize(
    ("text", "name", "meant"),
    [
        ("@期小助 风险榜", "期小助", "风险榜"),
        ("@期 小 助 风险榜", "期 小 助", "风险榜"),
        ("@期小助\u2005风险榜", "", "风险榜"),
        ("风险榜", "期小助", "风险榜"),
        ("@期小助", "期小助", ""),
    ],
)
def test_the_bots_own_name_is_not_part_of_what_was_said(text: str, name: str, meant: str) -> None:
    assert said(text, name, in_group=True) == meant


@pytest.mark.parametrize(
    "body",
    [{}, {"msgid": "m", "msgtype": "text", "text": "张三"}, {"msgid": "m", "msgtype": "text"}],
)
def test_what_is_no_payload_is_refused_without_being_quoted(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any, as long as it says nothing
        read_bot(body, "R", name="", now=NOW)
    assert "张三" not in str(caught.value)


def test_a_click_without_a_card_is_refused() -> None:
    plain = case("card_click")[0]["data"].replace("qd01JGZ@2", "").encode()
    with pytest.raises(ValueError, match="without"):
        read_callback(read_xml(plain), plain, now=NOW)


def test_a_frame_with_bare_control_characters_is_read() -> None:
    raw = '{"cmd":"aibot_msg_callback","headers":{"req_id":"r"},"body":{"text":"a\nb\tc"}}'
    frame = read_frame(raw)
    assert (frame.command, frame.req_id, frame.body["text"]) == (
        "aibot_msg_callback",
        "r",
        "a\nb\tc",
    )


@pytest.mark.parametrize("raw", ["", "[]", "{", "null", "张三"])
def test_what_is_no_frame_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_frame(raw)


def test_our_frames_are_theirs_and_a_kick_is_known() -> None:
    frame = read_frame(write_frame("ping", "p1", None))
    assert (frame.command, frame.req_id, frame.body) == ("ping", "p1", {})
    kick = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
    assert is_kick(read_frame(write_frame("aibot_event_callback", "k", kick)))
    assert not is_kick(frame)
