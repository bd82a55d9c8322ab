"""A card as the variables of our one template, whose contract is ``templates/desk.json``.

Every value is a string of at most 1 KB (documented limit), so what is longer goes on in
``name_2``, ``name_3`` …; arrays are cut between elements, text between characters. An update
replaces by key: each variable is always sent, an unused one empty. The template shows every
string in a plain text component, so nothing is escaped.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson

from bot.chat.button_line import button_line
from bot.chat.message import Button, Card, Input, InputKind, Table
from bot.platforms.dingtalk.markdown import plain

FIELD_TYPES: Final = {
    InputKind.TEXT: "TEXT",
    InputKind.SELECT: "SELECT",
    InputKind.MULTI_SELECT: "MULTI_SELECT",
    InputKind.DATE: "DATE",
}
EMPTY: Final = {"object[]": "[]", "form": '{"fields":[]}'}
LABEL_BYTES: Final = 120


@dataclass(frozen=True, slots=True)
class Contract:
    """What the template declares: public variables with their types, and the size of a value."""

    types: Mapping[str, str]
    value_bytes: int

    def chunks(self, name: str) -> list[str]:
        """``name``, ``name_2`` … as far as the template has them."""
        found = [name]
        while (following := f"{name}_{len(found) + 1}") in self.types:
            found.append(following)
        return found

    def blank(self) -> dict[str, str]:
        return {name: EMPTY.get(kind, "") for name, kind in self.types.items()}


@cache
def contract() -> Contract:
    shipped = resources.files("bot.platforms.dingtalk").joinpath("templates/desk.json")
    manifest = orjson.loads(shipped.read_bytes())
    return Contract(
        types={v["name"]: v["type"] for v in manifest["variables"] if not v["private"]},
        value_bytes=manifest["limits"]["value_bytes"],
    )


def card_params(card: Card) -> dict[str, str]:
    """The whole card, variable by variable."""
    size = contract().value_bytes
    return {
        **contract().blank(),
        "title": clip(plain(card.title), size),
        "status": clip(plain(card.status), size),
        "tone": card.tone.value,
        **_text(card.text),
        **_array("facts", _pairs("label", ((fact.label, fact.value) for fact in card.facts))),
        **_array("table", _rows(card.table)),
        **_array("sections", _pairs("title", ((part.title, part.text) for part in card.sections))),
        **_buttons(card.buttons),
        "form": _form(card.inputs),
        "footer": clip(_footer(card), size),
        "link": card.link if len(card.link.encode()) <= size else "",
        "rev": str(card.version),
        "subject": clip(card.subject, size),
    }


def clip(text: str, size: int, more: str = "…") -> str:
    """``text`` within ``size`` bytes of UTF-8, ending in ``more`` when something was cut off."""
    if len(text.encode()) <= size:
        return text
    return text.encode()[: size - len(more.encode())].decode(errors="ignore") + more


def _text(text: str) -> dict[str, str]:
    names = contract().chunks("text")
    pieces = _cut(plain(text), contract().value_bytes)
    if len(pieces) > len(names):
        more = f"…共 {len(text.splitlines())} 行"
        kept = pieces[: len(names)]
        pieces = [*kept[:-1], clip(kept[-1] + more, contract().value_bytes, more)]
    return dict(zip(names, pieces, strict=False))


def _cut(text: str, size: int) -> list[str]:
    """Consecutive pieces of at most ``size`` bytes, after a line end where one is near."""
    data = text.encode()
    pieces = []
    while len(data) > size:
        piece = data[:size].decode(errors="ignore").encode()
        line = piece.rfind(b"\n", size // 2)
        end = line + 1 if line >= 0 else len(piece)
        pieces.append(data[:end].decode())
        data = data[end:]
    return [*pieces, data.decode()]


def _array(name: str, elements: Iterable[Any]) -> dict[str, str]:
    """The elements over the chunks of ``name``; the last says how many there were."""
    every = [orjson.dumps(element) for element in elements]
    names = contract().chunks(name)
    packed = _pack(every, len(names))
    if packed is None:
        lines = len(every) - (name == "table")
        packed = _pack_most(every, _last_line(name, f"…共 {lines} 行"), len(names))
    return dict(zip(names, map(_joined, packed), strict=False))


def _joined(elements: Sequence[bytes]) -> str:
    return f"[{b','.join(elements).decode()}]"


def _pack(elements: Sequence[bytes], chunks: int) -> list[list[bytes]] | None:
    """Greedily, in order; None when they do not fit."""
    packed: list[list[bytes]] = [[]]
    room = limit = contract().value_bytes - 2  # the brackets
    for element in elements:
        if packed[-1] and len(element) + 1 > room:
            if len(packed) == chunks:
                return None
            packed.append([])
            room = limit
        room -= len(element) + 1
        packed[-1].append(element)
    return packed


def _pack_most(elements: Sequence[bytes], last: bytes, chunks: int) -> list[list[bytes]]:
    """As many of the first elements as leave room for ``last``."""
    low, high = 0, len(elements) - 1
    while low < high:
        middle = (low + high + 1) // 2
        fits = _pack([*elements[:middle], last], chunks) is not None
        low, high = (middle, high) if fits else (low, middle - 1)
    return _pack([*elements[:low], last], chunks) or [[last]]


def _last_line(name: str, says: str) -> bytes:
    match name:
        case "table":
            return orjson.dumps([says])
        case "sections":
            return orjson.dumps({"title": "", "text": says})
        case _:
            return orjson.dumps({"label": "", "text": says})


def _pairs(head: str, pairs: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """A long text goes on in elements without a head."""
    room = contract().value_bytes - 2 * LABEL_BYTES - 40  # JSON may double the label
    for label, text in pairs:
        first, *rest = _json_cut(plain(text), room)
        yield {head: clip(plain(label), LABEL_BYTES), "text": first}
        yield from ({head: "", "text": piece} for piece in rest)


def _json_cut(text: str, size: int) -> list[str]:
    """Pieces whose JSON stays within ``size`` bytes."""
    if len(orjson.dumps(text)) <= size:
        return [text]
    half = len(text) // 2
    return [*_json_cut(text[:half], size), *_json_cut(text[half:], size)]


def _rows(table: Table | None) -> Iterator[list[str]]:
    if table is None:
        return
    limit = contract().value_bytes - 2
    for row in (table.columns, *table.rows):
        cells = [plain(cell) for cell in row]
        share = limit // max(len(cells), 1)
        while len(orjson.dumps(cells)) > limit:
            share = share * 3 // 4
            cells = [clip(cell, share) for cell in cells]
        yield cells


def _buttons(buttons: Sequence[Button]) -> dict[str, str]:
    names = contract().chunks("buttons")
    packed = _pack(_fitting(buttons), len(names)) or []
    return dict(zip(names, map(_joined, packed), strict=False))


def _fitting(buttons: Sequence[Button]) -> list[bytes]:
    """The first buttons that the template has room for; the footer names the others."""
    chunks = len(contract().chunks("buttons"))
    every = [orjson.dumps(_button(button)) for button in buttons]
    while _pack(every, chunks) is None:
        every.pop()
    return every


def _button(button: Button) -> dict[str, str]:
    return {
        "key": button.key,
        "text": clip(plain(button.label), LABEL_BYTES),
        "style": button.style.value,
        "enabled": "true" if button.enabled else "false",
        "confirm": clip(plain(button.confirm), 2 * LABEL_BYTES),
    }


def _footer(card: Card) -> str:
    left = card.buttons[len(_fitting(card.buttons)) :]
    more = [f"{one.label}：回复「{button_line(card.id, card.version, one.key)}」" for one in left]
    return plain("\n".join(filter(None, [card.footer, *more])))


def _form(inputs: Sequence[Input]) -> str:
    """All fields in one value: options are left off, the longest list first, until they fit."""
    fields = [_field(one) for one in inputs]
    while len(form := orjson.dumps({"fields": fields})) > contract().value_bytes:
        longest = max(fields, key=lambda field: len(field.get("options", ())))
        if not longest.get("options"):
            fields.pop()
            continue
        longest["options"].pop()
        longest["placeholder"] = "选项过多，未列全"
    return form.decode()


def _field(one: Input) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": one.key,
        "label": clip(plain(one.label), LABEL_BYTES),
        "type": FIELD_TYPES[one.kind],
        "required": one.required,
    }
    if one.required:
        field["requiredMsg"] = "必填"
    if one.options:
        field["options"] = [{"value": value, "text": plain(text)} for value, text in one.options]
    if one.value:
        field["defaultValue"] = _default(one)
    return field


def _default(one: Input) -> Any:
    """A choice is given by index and value (official doc), everything else as it is."""
    values = [value for value, _ in one.options]
    if one.kind is InputKind.SELECT and one.value in values:
        return {"index": values.index(one.value), "value": one.value}
    if one.kind is InputKind.MULTI_SELECT:
        chosen = [value for value in one.value.split(",") if value in values]
        return {"index": [values.index(value) for value in chosen], "value": chosen}
    return one.value
