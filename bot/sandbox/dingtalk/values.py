"""What may stand in a card's ``cardParamMap``. Strict: a real refusal here finds our bugs early."""

import json
from collections.abc import Mapping

from bot.sandbox.dingtalk.calls import Problem
from bot.sandbox.dingtalk.outbound import refuse_unsafe
from bot.sandbox.dingtalk.templates import LISTS, Template

KEY_BYTES, VALUE_BYTES, CARD_BYTES = 100, 1024, 100 * 1024


def read_values(given: object, template: Template, *, where: str) -> dict[str, str]:
    """The ``cardParamMap`` in ``given``; {} when there is none. Raises Problem."""
    if given is None:
        return {}
    found = given.get("cardParamMap") if isinstance(given, dict) else None
    if not isinstance(found, dict):
        raise Problem("param.invalid", f"{where}.cardParamMap is not an object")
    for key, value in found.items():
        check_value(key, value, template)
    if sum(len(key.encode()) + len(value.encode()) for key, value in found.items()) > CARD_BYTES:
        raise Problem("param.invalid", "the card is larger than 100 KB")
    refuse_unsafe(*found.values(), code="param.contentUnsafe")
    return dict(found)


def check_value(key: str, value: object, template: Template) -> None:
    if not isinstance(value, str):
        raise Problem("param.invalid", f"the value of {key} is not a string")
    if len(key.encode()) > KEY_BYTES:
        raise Problem("param.invalid", f"the key {key[:20]}… is longer than {KEY_BYTES} bytes")
    if len(value.encode()) > VALUE_BYTES:
        raise Problem("param.invalid", f"the value of {key} is longer than {VALUE_BYTES} bytes")
    wanted = template.types.get(key, "")
    if value and wanted in LISTS and not isinstance(json_of(key, value), list):
        raise Problem("param.invalid", f"the value of {key} is not a JSON array")
    if value and wanted == "form" and not isinstance(json_of(key, value), dict):
        raise Problem("param.invalid", f"the value of {key} is not a JSON object")
    if value and key == "rev" and not value.isdecimal():
        raise Problem("param.invalid", "rev is not a decimal number")


def json_of(key: str, value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        raise Problem("param.invalid", f"the value of {key} is not JSON") from None


def merged(old: Mapping[str, str], new: Mapping[str, str], *, by_key: bool) -> dict[str, str]:
    """The data after a write: replaced as a whole unless it goes by key (official doc)."""
    return {**old, **new} if by_key else dict(new)
