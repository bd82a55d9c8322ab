"""The vocabulary as JSON, for the tables."""

import orjson
from pydantic import TypeAdapter

from bot.chat.message import Ask, Card
from bot.chat.ports import Outgoing

_ASK = TypeAdapter(Ask)
_CARD = TypeAdapter(Card)
_OUTGOING = TypeAdapter(Outgoing)


def dump(value: Ask | Card | Outgoing) -> bytes:
    return orjson.dumps(value)


def load_ask(body: bytes | str) -> Ask:
    return _ASK.validate_json(body)


def load_card(body: bytes | str) -> Card:
    return _CARD.validate_json(body)


def load_outgoing(body: bytes | str) -> Outgoing:
    return _OUTGOING.validate_json(body)
