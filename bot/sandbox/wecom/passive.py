"""Passive answers read: CamelCase XML back to the JSON shape of a template card."""

import re
from typing import Any
from xml.etree.ElementTree import Element

LISTS = frozenset(
    {
        "horizontal_content_list",
        "vertical_content_list",
        "jump_list",
        "action_list",
        "button_list",
        "option_list",
        "select_list",
    }
)
NUMBERS = frozenset({"type", "style", "desc_color", "mode"})
SWITCHES = frozenset({"disable", "is_checked"})
SPELLED = {
    "key_name": "keyname",
    "app_id": "appid",
    "page_path": "pagepath",
    "user_id": "userid",
    "check_box": "checkbox",
}


def card_of(root: Element) -> dict[str, Any]:
    """The ``TemplateCard`` of an answer as JSON has it; {} when there is none."""
    found = root.find("TemplateCard")
    return opened(found) if found is not None else {}


def opened(element: Element) -> dict[str, Any]:
    """Children by name; the names that may repeat are always lists."""
    fields: dict[str, Any] = {}
    for child in element:
        name = json_name(child.tag)
        value: Any = opened(child) if len(child) else value_of(name, (child.text or "").strip())
        if name in LISTS:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    return fields


def value_of(name: str, text: str) -> str | int | bool:
    if name in NUMBERS:
        return int(text) if re.fullmatch(r"-?\d{1,9}", text) else -1
    if name in SWITCHES:
        return text.lower() in ("1", "true")
    return text


def json_name(tag: str) -> str:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", tag).lower()
    return SPELLED.get(name, name)
