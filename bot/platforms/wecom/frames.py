"""The bot's WebSocket protocol: JSON text frames, answers without a command (reference 5.8)."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

SUBSCRIBE: Final = "aibot_subscribe"
PING: Final = "ping"
MESSAGE: Final = "aibot_msg_callback"
EVENT: Final = "aibot_event_callback"
WELCOME: Final = "aibot_respond_welcome_msg"
RESPOND: Final = "aibot_respond_msg"
UPDATE: Final = "aibot_respond_update_msg"
SEND: Final = "aibot_send_msg"
UPLOAD_INIT: Final = "aibot_upload_media_init"
UPLOAD_CHUNK: Final = "aibot_upload_media_chunk"
UPLOAD_FINISH: Final = "aibot_upload_media_finish"


@dataclass(frozen=True, slots=True)
class Frame:
    """``command`` is "" for the answer to one of ours; ``raw`` is the frame as it came."""

    command: str
    req_id: str
    body: dict[str, Any]
    answer: dict[str, Any]
    raw: bytes


def read_frame(raw: bytes | str) -> Frame:
    """Raises ValueError for what is no frame. Bare control characters inside strings are taken:
    WeCom sends them (seen in the official SDK)."""
    data = raw.encode() if isinstance(raw, str) else raw
    try:
        frame = orjson.loads(data)
    except orjson.JSONDecodeError:
        frame = _leniently(data)
    if not isinstance(frame, dict):
        raise ValueError("a frame is an object")  # noqa: TRY004 - one error for one fault
    body = frame.get("body")
    return Frame(
        command=str(frame.get("cmd") or ""),
        req_id=str(_object(frame.get("headers")).get("req_id") or ""),
        body=_object(body),
        answer=frame,
        raw=data,
    )


def _leniently(data: bytes) -> Any:
    """As above; what cannot be written again as JSON is none. Raises ValueError."""
    try:
        return orjson.loads(orjson.dumps(json.loads(data, strict=False)))
    except (RecursionError, TypeError):
        raise ValueError("no JSON") from None


def write_frame(command: str, req_id: str, body: Mapping[str, Any] | None) -> str:
    frame: dict[str, Any] = {"cmd": command, "headers": {"req_id": req_id}}
    if body is not None:
        frame["body"] = body
    return orjson.dumps(frame).decode()


def new_id(command: str) -> str:
    return f"{command}_{secrets.token_hex(8)}"


def is_kick(frame: Frame) -> bool:
    """Whether somebody else has connected with this bot's id."""
    return _object(frame.body.get("event")).get("eventtype") == "disconnected_event"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
