"""The vocabulary as JSON, for the tables."""

import orjson
from pydantic import TypeAdapter

from bot.chat.message import Card
from bot.chat.ports import Outgoing

_CARD = TypeAdapter(Card)
_OUTGOING = TypeAdapter(Outgoing)


def dump(value: Card | Outgoing) -> bytes:
    return orjson.dumps(value)


def load_card(body: bytes | str) -> Card:
    return _CARD.validate_json(body)


def load_outgoing(body: bytes | str) -> Outgoing:
    return _OUTGOING.validate_json(body)
