"""Card templates that exist on this DingTalk, and how a card looks when one draws its values.

Our own template's variables come from the manifest that ships with the adapter.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

DESK_ID = "qidesk-desk.schema"
FOREIGN_ID = "foreign-app-card.schema"  # every call succeeds, the client cannot load it
DRAFT_ID = "qidesk-draft.schema"  # made, not published
MARKDOWN_ID = "589420e2-c1e2-46ef-a5ed-b8728e654da9.schema"  # public, embedded in the SDKs

LISTS = frozenset({"object[]"})
KINDS = {
    "TEXT": "text",
    "TEXT_AREA": "text",
    "NUMBER": "text",
    "SELECT": "select",
    "MULTI_SELECT": "multi_select",
    "DATE": "date",
}

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """``types`` by variable; ``private`` ones may differ per viewer."""

    id: str
    types: Mapping[str, str]
    private: frozenset[str] = frozenset()
    published: bool = True
    loads: bool = True


@cache
def templates() -> Mapping[str, Template]:
    text = resources.files("bot.platforms.dingtalk").joinpath("templates/desk.json").read_text()
    variables = json.loads(text)["variables"]
    types = {one["name"]: one["type"] for one in variables}
    private = frozenset(one["name"] for one in variables if one["private"])
    every = (
        Template(DESK_ID, types, private),
        Template(FOREIGN_ID, {}, loads=False),
        Template(DRAFT_ID, types, private, published=False),
        Template(MARKDOWN_ID, {"title": "string", "markdown": "markdown", "logo": "string"}),
    )
    return {one.id: one for one in every}


@dataclass(frozen=True, slots=True)
class Button:
    key: str
    label: str
    style: str
    enabled: bool
    confirm: str


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    label: str
    kind: str
    required: bool
    value: str
    placeholder: str
    options: tuple[tuple[str, str], ...]  # value, label

    def sent(self, given: str | list[str]) -> object:
        """A person's input as the client sends it: choices go as index and value."""
        values = [value for value, _ in self.options]
        if self.kind == "select" and isinstance(given, str):
            index = values.index(given) if given in values else -1
            return {"index": index, "value": given}
        if self.kind == "multi_select":
            chosen = given if isinstance(given, list) else [given]
            return {
                "index": [values.index(one) for one in chosen if one in values],
                "value": chosen,
            }
        return given


def rev(values: Values) -> int:
    found = values.get("rev", "")
    return int(found) if found.isdecimal() else 0


def buttons(values: Values) -> tuple[Button, ...]:
    """As one person sees them: without the right to act every button is dead."""
    may = values.get("can_act") != "false"
    return tuple(
        Button(
            key=str(one.get("key", "")),
            label=str(one.get("text", "")),
            style=str(one.get("style", "plain")),
            enabled=may and str(one.get("enabled", True)).lower() != "false",
            confirm=str(one.get("confirm", "")),
        )
        for one in objects(chunks(values, "buttons"))
    )


def fields(values: Values) -> tuple[Field, ...]:
    form = parsed(values.get("form", ""), {})
    return tuple(
        Field(
            key=str(one.get("name", "")),
            label=str(one.get("label", "")),
            kind=KINDS.get(str(one.get("type", "TEXT")), "text"),
            required=str(one.get("required", False)).lower() == "true",
            value=default_of(one.get("defaultValue")),
            placeholder=str(one.get("placeholder", "")),
            options=tuple(
                (str(option.get("value", "")), str(option.get("text", "")))
                for option in objects(one.get("options"))
            ),
        )
        for one in objects(form.get("fields"))
    )


def face(card: str, template: Template, values: Values, toast: str) -> dict[str, Any]:
    """What the client draws: the card, the same as text, and a passing word to this person."""
    if not template.loads:
        values = {"title": "卡片加载失败", "text": "请更新客户端后重试"}
    elif template.id == MARKDOWN_ID:
        values = {"title": values.get("title", ""), "text": values.get("markdown", "")}
    rows = [[str(cell) for cell in row] for row in chunks(values, "table") if isinstance(row, list)]
    facts = objects(chunks(values, "facts"))
    sections = objects(chunks(values, "sections"))
    drawn = {
        "id": card,
        "version": rev(values),
        "title": values.get("title", ""),
        "status": values.get("status", ""),
        "tone": values.get("tone", ""),
        "text": "".join(values.get(name, "") for name in numbered("text")),
        "fields": [
            {"label": str(one.get("label", "")), "value": str(one.get("text", ""))} for one in facts
        ],
        "columns": rows[0] if rows else [],
        "rows": rows[1:],
        "sections": [
            {"title": str(one.get("title", "")), "text": str(one.get("text", ""))}
            for one in sections
        ],
        "buttons": [
            {
                "key": one.key,
                "label": one.label,
                "enabled": one.enabled,
                "style": one.style,
                "confirm": one.confirm,
            }
            for one in buttons(values)
        ],
        "inputs": [
            {
                "key": one.key,
                "label": one.label,
                "kind": one.kind,
                "required": one.required,
                "value": one.value,
                "placeholder": one.placeholder,
                "options": [{"value": value, "label": label} for value, label in one.options],
            }
            for one in fields(values)
        ],
        "footer": values.get("footer", ""),
        "link": values.get("link", ""),
        "subject": values.get("subject", ""),
    }
    return {"card": drawn, "text": "\n".join(lines(drawn)), "toast": toast or None}


def lines(drawn: Mapping[str, Any]) -> Iterator[str]:
    """The card read aloud."""
    yield f"{drawn['title']} {drawn['status']}".strip()
    if drawn["text"]:
        yield drawn["text"]
    for one in drawn["fields"]:
        yield f"{one['label']} {one['value']}"
    for row in (drawn["columns"], *drawn["rows"]):
        if row:
            yield "  ".join(row)
    for one in drawn["sections"]:
        yield one["title"]
        yield one["text"]
    for one in drawn["inputs"]:
        yield f"{one['label']}："
    if drawn["buttons"]:
        yield " ".join(f"[{one['label']}]" for one in drawn["buttons"])
    if drawn["footer"]:
        yield drawn["footer"]


def chunks(values: Values, name: str) -> Iterator[Any]:
    """The elements of a list variable and of its continuations, in order."""
    for one in numbered(name):
        yield from parsed(values.get(one, ""), [])


def objects(given: object) -> list[dict[str, Any]]:
    """The JSON objects in a list; a template draws nothing for anything else."""
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        return []
    return [one for one in given if isinstance(one, dict)]


def numbered(name: str) -> list[str]:
    """``name``, ``name_2`` … as the manifest has them."""
    return [one for one in templates()[DESK_ID].types if one == name or one.startswith(f"{name}_")]


def parsed(text: str, empty: Any) -> Any:
    if not text:
        return empty
    found = json.loads(text)
    return found if isinstance(found, type(empty)) else empty


def default_of(given: object) -> str:
    """A field's default; a choice has it as index and value, several choices as lists of those."""
    if isinstance(given, dict):
        return default_of(given.get("value"))
    if isinstance(given, list):
        return ",".join(map(str, given))
    return "" if given is None else str(given)
