"""The answer to a click, as XML that changes the clicker's own copy of the card (reference 3.2)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.platforms.wecom.markup import write_xml
from bot.platforms.wecom.template import WORKED_ON

SPELLINGS: Final = {"keyname": "KeyName", "userid": "UserId", "checkbox": "CheckBox"}

Json = Mapping[str, Any]


def update_card(user: str, corp_id: str, at: int, card: Json) -> bytes:
    """The whole card; its name at WeCom stays what it was."""
    fields = {name: value for name, value in card.items() if name != "task_id"}
    return _reply(user, corp_id, at, "update_template_card", {"TemplateCard": _camel(fields)})


def grey_buttons(user: str, corp_id: str, at: int) -> bytes:
    """The card stays, its buttons become one word."""
    button = {"Button": {"ReplaceName": WORKED_ON}}
    return _reply(user, corp_id, at, "update_button", button)


def _reply(user: str, corp_id: str, at: int, kind: str, more: Json) -> bytes:
    head = {"ToUserName": user, "FromUserName": corp_id, "CreateTime": at, "MsgType": kind}
    return write_xml({**head, **more}).encode()


def _camel(value: Any) -> Any:
    """Names in CamelCase; a list is written as repeated siblings without a wrapper."""
    match value:
        case Mapping():
            return {_name(name): _camel(inner) for name, inner in value.items()}
        case list():
            return [_camel(inner) for inner in value]
        case _:
            return value


def _name(snake: str) -> str:
    if snake in SPELLINGS:
        return SPELLINGS[snake]
    return re.sub(r"(?:^|_)([a-z])", lambda found: found[1].upper(), snake)
