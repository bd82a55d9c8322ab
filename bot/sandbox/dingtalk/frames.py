"""Stream's frames: their types and topics, how one is built, and how an acknowledgement reads."""

from collections.abc import Mapping
from typing import Any

import orjson

SYSTEM, CALLBACK, EVENT = "SYSTEM", "CALLBACK", "EVENT"
BOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
EVERY_EVENT = "*"


def frame(type_: str, data: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """``data`` is JSON inside JSON; every header is a string, the time too."""
    return {
        "specVersion": "1.0",
        "type": type_,
        "headers": {"contentType": "application/json", **headers},
        "data": data,
    }


def is_taken(type_: str, ack: Mapping[str, Any]) -> bool:
    """Whether the client says that it has it; LATER and any code but 200 mean no."""
    if ack.get("code") != 200:
        return False
    return type_ != EVENT or data_of(ack).get("status", "SUCCESS") == "SUCCESS"


def response_of(ack: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a card callback was answered; {} without a card, None for an error."""
    if ack.get("code") != 200:
        return None
    response = data_of(ack).get("response")
    return response if isinstance(response, dict) else {}


def data_of(ack: Mapping[str, Any]) -> dict[str, Any]:
    try:
        data = orjson.loads(ack.get("data") or "{}")
    except (ValueError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}
