"""The Stream protocol's frames: JSON around a JSON string, both ways."""

import re
from typing import Final, NamedTuple

import orjson

BOT_MESSAGE: Final = "/v1.0/im/bot/messages/get"
DELEGATED_MESSAGE: Final = "/v1.0/im/bot/messages/delegate"
CARD_CALLBACK: Final = "/v1.0/card/instances/callback"
MESSAGES: Final = frozenset({BOT_MESSAGE, DELEGATED_MESSAGE})

SUBSCRIPTIONS: Final = [
    {"type": "EVENT", "topic": "*"},
    {"type": "CALLBACK", "topic": BOT_MESSAGE},
    {"type": "CALLBACK", "topic": CARD_CALLBACK},
]

MILLISECONDS: Final = re.compile(r"[0-9]{13}")

HEARD: Final = b'{"response":null}'
EVENT_TAKEN: Final = b'{"status":"SUCCESS","message":"success"}'
EVENT_LATER: Final = b'{"status":"LATER","message":"later"}'
NOTHING: Final = b"{}"

OK: Final = 200
BAD_REQUEST: Final = 400
UNKNOWN_TOPIC: Final = 404
FAILED: Final = 500

WORDS: Final = {OK: b"OK", BAD_REQUEST: b"bad request", UNKNOWN_TOPIC: b"no such topic"}


class Frame(NamedTuple):
    """One frame as it came."""

    type: str
    topic: str
    message_id: str
    event: str
    time: object
    data: str

    @property
    def at(self) -> int:
        """Epoch milliseconds, 0 when the header does not say."""
        time = self.time
        return int(time) if isinstance(time, str) and MILLISECONDS.fullmatch(time) else 0


def read_frame(raw: bytes | str) -> Frame:
    """Raises ValueError for what is no frame."""
    frame = orjson.loads(raw)
    if not isinstance(frame, dict):
        raise ValueError("a frame is an object")  # noqa: TRY004 - one error for one fault
    # One official sample spells it "header".
    headers = frame.get("headers") or frame.get("header") or {}
    if not isinstance(headers, dict):
        raise ValueError("headers are an object")  # noqa: TRY004
    kind, data, told = frame.get("type") or "", frame.get("data") or "", headers.get
    topic, message_id = told("topic") or "", told("messageId") or ""
    event = told("eventType") or ""
    if not (type(kind) is type(data) is type(topic) is type(message_id) is type(event) is str):
        raise ValueError("a frame's words are strings")
    return Frame(kind, topic, message_id, event, told("time"), data)


def ack(message_id: str, data: bytes, code: int = OK) -> bytes:
    """The answer to a frame; ``data`` is JSON, which goes in as a string."""
    return b'{"code":%d,"headers":{"contentType":"application/json","messageId":%b},' % (
        code,
        orjson.dumps(message_id),
    ) + b'"message":"%b","data":%b}' % (
        WORDS.get(code, b"failed"),
        orjson.dumps(data.decode()),
    )


def heard(message_id: str) -> bytes:
    """``ack(message_id, HEARD)``, for the hot path."""
    return HEARD_HEAD + orjson.dumps(message_id) + HEARD_TAIL


HEARD_HEAD, HEARD_TAIL = ack("\0", HEARD).split(orjson.dumps("\0"))
