"""Payloads as DingTalk sends them, one per file with its source; every one is read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.chat.message import Ask
from bot.platforms.dingtalk.frames import BOT_MESSAGE, CARD_CALLBACK, ack, heard, read_frame
from bot.platforms.dingtalk.parse import (
    OverQuota,
    Refused,
    read_click,
    read_message,
    read_people,
)

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CORP = "dingcorpdemo01"
FILES = sorted(Path(__file__).parent.joinpath("dingtalk").glob("*.json"))


def case(path: Path) -> tuple[str, str, dict[str, Any]]:
    found = json.loads(path.read_text())
    assert found["source"]
    return found["topic"], json.dumps(found["data"]), found["reads"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_payload_is_read(path: Path) -> None:
    topic, data, reads = case(path)
    match topic:
        case t if t == BOT_MESSAGE:
            check(read_message(data, corp_id=CORP, now=NOW), reads)
        case t if t == CARD_CALLBACK:
            check(read_click(data, message_id="c1", corp_id=CORP, at=NOW), reads)
        case _:
            assert list(read_people(reads["event"], data)) == reads["people"]


def check(found: Ask | OverQuota | Refused, reads: dict[str, Any]) -> None:
    if "refused" in reads:
        assert isinstance(found, Refused)
    elif "over_quota" in reads:
        assert isinstance(found, OverQuota)
    else:
        assert isinstance(found, Ask)
        shown = as_told(found)
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


def test_moment_and_hook_are_read() -> None:
    _, data, _ = case(next(path for path in FILES if path.stem == "text_in_group"))
    ask = read_message(data, corp_id=CORP, now=NOW)
    assert isinstance(ask, Ask)
    assert ask.at == datetime(2026, 1, 1, 0, 0, 0, 123000, UTC)
    assert ask.hook is not None
    assert (ask.hook.expires - ask.at).total_seconds() == 5400


def test_without_a_configured_company_both_ids_must_agree() -> None:
    _, data, _ = case(next(path for path in FILES if path.stem == "text_of_another_company"))
    assert isinstance(read_message(data, corp_id="", now=NOW), Refused)
    _, data, _ = case(next(path for path in FILES if path.stem == "text_in_private"))
    assert isinstance(read_message(data, corp_id="", now=NOW), Ask)


@pytest.mark.parametrize("data", ["{}", "[]", "张三 13800001111", '{"msgId":{"a":"张三"}}'])
def test_what_is_no_payload_is_refused_without_being_quoted(data: str) -> None:
    with pytest.raises(ValueError, match="_Message") as caught:
        read_message(data, corp_id=CORP, now=NOW)
    assert "张三" not in str(caught.value)


def test_a_click_without_an_action_is_refused() -> None:
    with pytest.raises(ValueError, match="action"):
        read_click('{"outTrackId":"k","content":"{}"}', message_id="c", corp_id="", at=NOW)


def test_the_disconnect_sample_without_a_message_id_is_a_frame() -> None:
    raw = '{"specVersion":"1.0","type":"SYSTEM","header":{"topic":"disconnect"},"data":"{}"}'
    frame = read_frame(raw)
    assert (frame.type, frame.topic, frame.message_id) == ("SYSTEM", "disconnect", "")


def test_the_official_event_frame_is_read() -> None:
    raw = {
        "specVersion": "1.0",
        "type": "EVENT",
        "headers": {
            "topic": "*",
            "messageId": "2130d7a1_77_19a0b3c5aaa_01",
            "time": "1767225660500",
            "eventType": "bpms_instance_change",
        },
        "data": "{}",
    }
    frame = read_frame(json.dumps(raw))
    assert (frame.event, frame.at) == ("bpms_instance_change", 1767225660500)


def test_an_acknowledgement_is_json_around_a_json_string() -> None:
    answer = json.loads(ack('m"1', '{"response":{"标题":"好"}}'.encode()))
    assert answer["code"] == 200
    assert answer["headers"]["messageId"] == 'm"1'
    assert json.loads(answer["data"]) == {"response": {"标题": "好"}}
    assert heard("m1") == ack("m1", b'{"response":null}')
