"""The vocabulary as JSON, for the tables."""

from functools import cache

import orjson
from pydantic import TypeAdapter

from bot.chat.message import Card
from bot.chat.ports import Outgoing


def dump(value: Card | Outgoing) -> bytes:
    return orjson.dumps(value)


def load_card(body: bytes | str) -> Card:
    return _cards().validate_json(body)


def load_outgoing(body: bytes | str) -> Outgoing:
    return _outgoing().validate_json(body)


@cache
def _cards() -> TypeAdapter[Card]:  # built when the first is read: that takes a while
    return TypeAdapter(Card)


@cache
def _outgoing() -> TypeAdapter[Outgoing]:
    return TypeAdapter(Outgoing)
