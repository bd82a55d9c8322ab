"""How a template card looks: the sandbox's card, cut where the client cuts it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wecom.calls import as_object, as_objects
from bot.sandbox.wecom.card_rules import BUTTON, MULTIPLE, VOTE, Channel, number

STYLES = {
    Channel.APP: {1: "primary", 2: "plain", 3: "plain", 4: "danger"},
    Channel.BOT: {1: "primary", 2: "plain", 3: "danger", 4: "plain"},
    Channel.HOOK: {},
}
REPLACED = "replaced"  # key of the words in place of buttons
TONES = {2: "red", 3: "green"}  # of source.desc_color; grey and black say nothing


@dataclass(frozen=True, slots=True)
class Lengths:
    """Characters that fit; what is longer ends in an ellipsis."""

    source: int
    title: int
    desc: int
    sub_title: int
    value: int
    vertical: tuple[int, int]
    jump: int
    button: int = 10
    label: int = 5
    option: int = 16


APP = Lengths(20, 36, 44, 160, 30, (38, 160), 18)
SHORT = Lengths(13, 26, 30, 112, 26, (26, 112), 13)


@dataclass(frozen=True, slots=True)
class Button:
    key: str
    label: str
    style: str = "plain"
    enabled: bool = True
    menu: bool = False  # in the menu at the corner
    url: str = ""  # opened instead of a click


@dataclass(frozen=True, slots=True)
class Question:
    """``chosen`` is what is sent when the person changes nothing."""

    key: str
    label: str
    many: bool
    options: tuple[tuple[str, str], ...]  # id, text
    chosen: tuple[str, ...]
    disabled: bool


def buttons(card: Mapping[str, Any], channel: Channel, grey: str = "") -> list[Button]:
    """``grey`` stands in place of the buttons when it is set, and cannot be pressed."""
    lengths = lengths_of(channel)
    menu = as_objects(as_object(card.get("action_menu")).get("action_list"))
    corner = [Button(str(one["key"]), str(one["text"]), menu=True) for one in menu]
    grey = grey or str(card.get("replace_text") or "")
    if grey:
        return [Button(REPLACED, grey, enabled=False), *corner]
    match card["card_type"]:
        case "button_interaction":
            rows = [button(one, channel, lengths) for one in as_objects(card["button_list"])]
        case "vote_interaction" | "multiple_interaction":
            submit = as_object(card["submit_button"])
            rows = [Button(str(submit["key"]), cut(submit["text"], lengths.button), "primary")]
        case _:
            rows = []
    return [*rows, *corner]


def button(given: Mapping[str, Any], channel: Channel, lengths: Lengths) -> Button:
    styles = STYLES[channel]
    return Button(
        key=str(given.get("key") or ""),
        label=cut(given["text"], lengths.button),
        style=styles.get(number(given, "style"), styles.get(1, "plain")),
        url=str(given.get("url") or "") if given.get("type") == 1 else "",
    )


def questions(card: Mapping[str, Any]) -> list[Question]:
    match card["card_type"]:
        case kind if kind == BUTTON:
            found = [as_object(card["button_selection"])] if card.get("button_selection") else []
        case kind if kind == VOTE:
            return [checkbox(as_object(card["checkbox"]))]
        case kind if kind == MULTIPLE:
            found = as_objects(card["select_list"])
        case _:
            found = []
    return [selector(one) for one in found]


def selector(given: Mapping[str, Any]) -> Question:
    """One choice; without a known ``selected_id`` the first option is chosen."""
    options = choices(given)
    ids = [id_ for id_, _ in options]
    selected = given.get("selected_id")
    return Question(
        key=str(given["question_key"]),
        label=str(given.get("title") or ""),
        many=False,
        options=options,
        chosen=(selected if isinstance(selected, str) and selected in ids else ids[0],),
        disabled=bool(given.get("disable")),
    )


def checkbox(given: Mapping[str, Any]) -> Question:
    many = given.get("mode") == 1
    checked = [str(one["id"]) for one in as_objects(given["option_list"]) if one.get("is_checked")]
    return Question(
        key=str(given["question_key"]),
        label="请选择",
        many=many,
        options=choices(given),
        chosen=tuple(checked if many else checked[:1]),
        disabled=bool(given.get("disable")),
    )


def choices(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(one["id"]), cut(one["text"], APP.option)) for one in as_objects(given["option_list"])
    )


def face(
    id_: str, version: int, card: Mapping[str, Any], channel: Channel, grey: str, toast: str
) -> dict[str, Any]:
    """What the client draws: the card, the same as text, what it links to, a passing word."""
    lengths = lengths_of(channel)
    source = as_object(card.get("source"))
    title = as_object(card.get("main_title"))
    rows = as_objects(card.get("horizontal_content_list"))
    drawn = {
        "id": id_,
        "version": version,
        "kind": card["card_type"],
        "title": cut(title.get("title"), lengths.title),
        "status": cut(source.get("desc"), lengths.source),
        "tone": TONES.get(number(source, "desc_color"), ""),
        "text": "\n".join(words(card, lengths)),
        "fields": [
            {
                "label": cut(one.get("keyname"), lengths.label),
                "value": cut(one.get("value") or one.get("userid"), lengths.value),
            }
            for one in rows
        ],
        "columns": [],
        "rows": [],
        "sections": [
            {
                "title": cut(one.get("title"), lengths.vertical[0]),
                "text": cut(one.get("desc"), lengths.vertical[1]),
            }
            for one in as_objects(card.get("vertical_content_list"))
        ],
        "buttons": [
            {
                "key": one.key,
                "label": one.label,
                "enabled": one.enabled,
                "style": one.style,
                "confirm": "",
                "menu": one.menu,
            }
            for one in buttons(card, channel, grey)
            if not one.url
        ],
        "inputs": [shown_input(one) for one in questions(card)],
        "footer": "",
        "link": str(as_object(card.get("card_action")).get("url") or ""),
        "subject": "",
    }
    links = list(links_of(card, channel, lengths))
    return {"card": drawn, "text": "\n".join(lines(drawn)), "links": links, "toast": toast or None}


def words(card: Mapping[str, Any], lengths: Lengths) -> Iterator[str]:
    """What is neither title nor table: in the order in which it is drawn."""
    emphasis, quote = as_object(card.get("emphasis_content")), as_object(card.get("quote_area"))
    beside = as_object(card.get("image_text_area"))
    yield from filter(
        None,
        (
            cut(as_object(card.get("main_title")).get("desc"), lengths.desc),
            cut(emphasis.get("title"), 10),
            cut(emphasis.get("desc"), 15),
            str(beside.get("title") or ""),
            str(beside.get("desc") or ""),
            str(quote.get("title") or ""),
            str(quote.get("quote_text") or ""),
            cut(card.get("sub_title_text"), lengths.sub_title),
        ),
    )


def shown_input(question: Question) -> dict[str, Any]:
    return {
        "key": question.key,
        "label": question.label,
        "kind": "multi_select" if question.many else "select",
        "required": False,
        "value": ",".join(question.chosen),
        "placeholder": "",
        "disabled": question.disabled,
        "options": [{"value": value, "label": label} for value, label in question.options],
    }


def links_of(
    card: Mapping[str, Any], channel: Channel, lengths: Lengths
) -> Iterator[dict[str, str]]:
    for one in as_objects(card.get("horizontal_content_list")):
        if one.get("type") == 1:
            yield {"label": str(one.get("value") or one["keyname"]), "url": str(one["url"])}
    for one in as_objects(card.get("jump_list")):
        label = cut(one["title"], lengths.jump)
        if one.get("type") == 3:
            yield {"label": label, "say": str(one["question"])}
        elif one.get("type") == 1:
            yield {"label": label, "url": str(one["url"])}
    for press in buttons(card, channel):
        if press.url:
            yield {"label": press.label, "url": press.url}


def lines(drawn: Mapping[str, Any]) -> Iterator[str]:
    """The card read aloud."""
    yield f"{drawn['title']} {drawn['status']}".strip()
    if drawn["text"]:
        yield drawn["text"]
    for one in drawn["fields"]:
        yield f"{one['label']} {one['value']}"
    for one in drawn["sections"]:
        yield one["title"]
        yield one["text"]
    for one in drawn["inputs"]:
        yield f"{one['label']}："
    if drawn["buttons"]:
        yield " ".join(f"[{one['label']}]" for one in drawn["buttons"])


def lengths_of(channel: Channel) -> Lengths:
    return APP if channel is Channel.APP else SHORT


def cut(given: object, most: int) -> str:
    text = "" if given is None else str(given)
    return text if len(text) <= most else text[: most - 1] + "…"
