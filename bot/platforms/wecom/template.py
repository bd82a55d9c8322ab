"""A card as one of WeCom's template cards, within the limits of where it is shown (reference 2.4).

Two things come back from a click: the card's ``task_id`` and the button's key. So the task names
our card, and the key carries the action with the version that the person saw.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.chat.button_line import button_line
from bot.chat.message import Button, Card, Fact, Input, InputKind, Section, Style, Tone
from bot.platforms.wecom.words import clip, one_line, plain

LABEL: Final = 5  # characters; what is longer is cut on the screen
BUTTON: Final = 10
SELECT_TITLE: Final = 10
FACTS: Final = 6  # more is refused, here and below
BUTTONS: Final = 6
MENU: Final = 3  # further ones, behind the card's corner
CHECK: Final = 17
OPTIONS: Final = 10
CHECKS: Final = 20
SELECTORS: Final = 3
TASK_BYTES: Final = 128

NOTHING: Final = "-"  # an option that stands for no choice: a selector cannot be empty
TASK = re.compile(r"[0-9A-Za-z_-]{1,96}")
STYLES: Final = {Style.PRIMARY: 1, Style.PLAIN: 2, Style.DANGER: 4}
COLOURS: Final = {Tone.GREY: 0, Tone.GREEN: 3, Tone.BLUE: 1, Tone.VIOLET: 1}
RED: Final = 2
DONE: Final = "noop"  # the key of a button that says how it ended
WORKED_ON: Final = "处理中"
MORE: Final = "全文见单独的一条消息"
CUT: Final = 12  # characters of a line; cut further it says nothing
MAY_BE_OLD: Final = "可能滞后，点按为准"  # the screen's newest is what a click brings

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Characters that a channel's cards show; what is longer is cut on the screen."""

    title: int
    source: int
    sub_title: int
    value: int
    option: int


WIDE: Final = Room(title=36, source=20, sub_title=160, value=30, option=16)  # the application's
NARROW: Final = Room(title=26, source=13, sub_title=112, value=26, option=10)  # everybody else's


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as WeCom shows it. ``body`` are the lines that found no room in it and go before it as
    a message of their own; ``clickable`` says that it can be pressed, and updated later."""

    json: Json
    body: tuple[str, ...]
    clickable: bool


def is_open(card: Card) -> bool:
    """Whether it still asks for something."""
    return any(button.enabled for button in card.buttons)


def task_of(card_id: str, number: int = 1) -> str:
    """The card's name at WeCom; a card shown anew has another number. Raises ValueError."""
    if not TASK.fullmatch(card_id):
        raise ValueError("a card id that WeCom does not take")
    return card_id if number == 1 else f"{card_id}@{number}"


def card_of(task: str) -> str:
    return task.partition("@")[0]


def write_key(action: str, version: int) -> str:
    return f"{action}#{version}"


def read_key(key: str) -> tuple[str, int]:
    """(action, version); version 0 for a key that we did not write."""
    action, mark, version = key.rpartition("#")
    return (action, int(version)) if mark and version.isdecimal() else (key, 0)


def read_option(option: str) -> str:
    """The value behind an option's id, "" for no choice."""
    return "" if option == NOTHING else option


def draw(card: Card, task: str, link: str, room: Room, *, clicks: bool = True) -> Drawn:
    """``link`` is where a card without buttons leads when it has no link of its own; without
    ``clicks`` no button may be shown."""
    whole = [button for button in card.buttons if button.enabled]
    live, numbered = _numbered(whole)
    form = _form(card, live, room) if live and clicks else None
    if form is None:
        return _notice(card, whole, link, room)
    # The menu sends no choices along, so it is only for cards that ask for none.
    end = form.pressed + (MENU if form.has_facts and not card.inputs else 0)
    menu, further = live[form.pressed : end], live[end:]
    lines = [*numbered, *_unshown(card, form.shown), *_hint(menu), *_further(card, further)]
    lines += [MAY_BE_OLD] if card.shared else []
    content, body = _content(card, lines, room, with_facts=form.has_facts)
    drawn = {
        "card_type": form.card_type,
        "source": _source(card, room, coloured=form.has_facts),
        **content,
        "task_id": task,
        **form.json,
        **_menu(card, menu),
    }
    if form.has_facts:
        drawn |= _link(card)
    return Drawn(drawn, body, clickable=True)


def draw_worked_on() -> Json:
    """What stands in for a card that is worked on, where buttons cannot be greyed."""
    return {
        "card_type": "button_interaction",
        "source": {"desc": WORKED_ON},
        "main_title": {"title": "已受理，结果稍后发出"},
        "button_list": [{"text": WORKED_ON, "style": 4, "key": DONE}],
    }


@dataclass(frozen=True, slots=True)
class _Form:
    """What can be touched: ``shown`` are the inputs in it, ``pressed`` how many buttons."""

    card_type: str
    json: Json
    shown: tuple[Input, ...]
    pressed: int
    has_facts: bool


def _form(card: Card, live: Sequence[Button], room: Room) -> _Form | None:
    """The kind of card that takes most of the inputs; None when one that must be filled in cannot
    be shown, so that no button may be pressed alone."""
    selects = [one for one in card.inputs if _is_select(one)]
    checks = [one for one in card.inputs if _is_check(one)]
    pressed = _buttons_of(live[:BUTTONS], card)
    if len(live) == 1 and checks and not selects:
        form = _vote(checks[0], pressed[0])
    elif len(live) == 1 and len(selects) > 1:
        form = _multiple(selects[:SELECTORS], pressed[0], room)
    else:
        form = _buttons(selects[:1], pressed, room)
    missing = [one for one in card.inputs if one not in form.shown]
    return None if any(one.required for one in missing) else form


def _numbered(live: Sequence[Button]) -> tuple[list[Button], list[str]]:
    """Where a label has no room on its button the number stands there, and the label in a line of
    the card: cut short, 11-25（周三）07:00 and 19:00 are the same."""
    buttons, lines = list(live), []
    for n, button in enumerate(live, 1):
        label = " ".join(plain(button.label).split())
        if len(label) > BUTTON:
            buttons[n - 1] = replace(button, label=str(n))
            lines.append(f"{n} {label}")
    return buttons, lines


def _button(button: Button, version: int) -> Json:
    return {
        "text": _word(button.label, BUTTON),
        "style": STYLES[button.style],
        "key": write_key(button.key, version),
    }


def _is_select(one: Input) -> bool:
    room = OPTIONS - (not one.required)
    return one.kind is InputKind.SELECT and 1 <= len(one.options) <= room


def _is_check(one: Input) -> bool:
    several = one.kind is InputKind.MULTI_SELECT
    return (several or one.kind is InputKind.SELECT) and 1 <= len(one.options) <= CHECKS


def _buttons(selects: Sequence[Input], pressed: Sequence[Json], room: Room) -> _Form:
    json: Json = {"button_list": list(pressed)}
    if selects:
        json["button_selection"] = _selector(selects[0], room)
    return _Form("button_interaction", json, tuple(selects), len(pressed), has_facts=True)


def _multiple(selects: Sequence[Input], button: Json, room: Room) -> _Form:
    json = {
        "select_list": [_selector(one, room) for one in selects],
        "submit_button": _submit(button),
    }
    return _Form("multiple_interaction", json, tuple(selects), 1, has_facts=False)


def _vote(check: Input, button: Json) -> _Form:
    chosen = check.value.split(",")
    json = {
        "checkbox": {
            "question_key": check.key,
            "mode": int(check.kind is InputKind.MULTI_SELECT),
            "option_list": [
                {"id": value, "text": _word(text, CHECK), "is_checked": value in chosen}
                for value, text in check.options
            ],
        },
        "submit_button": _submit(button),
    }
    return _Form("vote_interaction", json, (check,), 1, has_facts=False)


def _selector(one: Input, room: Room) -> Json:
    options = [{"id": value, "text": _word(text, room.option)} for value, text in one.options]
    if not one.required:
        options.insert(0, {"id": NOTHING, "text": "不选"})
    return {
        "question_key": one.key,
        "title": clip(plain(one.label), SELECT_TITLE),
        "option_list": options,
        "selected_id": one.value or options[0]["id"],
    }


def _submit(button: Json) -> Json:
    return {"text": button["text"], "key": button["key"]}


def _notice(card: Card, live: Sequence[Button], link: str, room: Room) -> Drawn:
    """A card that is only read; its buttons, if any, are lines to reply with."""
    content, body = _content(card, list(_replies(card, live)), room, with_facts=True)
    drawn = {
        "card_type": "text_notice",
        "source": _source(card, room, coloured=True),
        **content,
        "card_action": {"type": 1, "url": _web(card.link) or link},
    }
    return Drawn(drawn, body, clickable=False)


def _content(
    card: Card, hints: Sequence[str], room: Room, *, with_facts: bool
) -> tuple[Json, tuple[str, ...]]:
    """The card's words: in it as far as there is room, else all of them go before it; never a
    figure cut in half."""
    title = one_line(card.title)
    whole = [title] if len(title) > room.title else []
    card = _narrowed(card, [*whole, *hints], room) if with_facts else card
    facts = _shown_facts(card, room) if with_facts else []
    lines = [*whole, *_lines(card, facts), *hints]
    sub_title = "\n".join(lines)
    body: tuple[str, ...] = ()
    if len(sub_title) > room.sub_title or not with_facts:
        body, sub_title = tuple(lines), "\n".join([*hints, MORE])
        if len(sub_title) > room.sub_title:
            sub_title = MORE
    content: Json = {"main_title": {"title": _word(card.title, room.title)}}
    if not with_facts:
        return content, body
    if sub_title:
        content["sub_title_text"] = sub_title
    if facts:
        content["horizontal_content_list"] = [
            {"keyname": plain(fact.label), "value": plain(fact.value)} for fact in facts
        ]
    return content, body


def _shown_facts(card: Card, room: Room) -> list[Fact]:
    return [fact for fact in card.facts if _fits(fact, room)][:FACTS]


def _narrowed(card: Card, hints: Sequence[str], room: Room) -> Card:
    """Rows as facts where they have a short form that fits; of a history as much as there is room
    for, the newest."""
    brief = card.table.brief if card.table is not None else ()
    if brief and len(card.facts) + len(brief) <= FACTS and all(_fits(row, room) for row in brief):
        card = replace(card, facts=(*card.facts, *brief), table=None)
    for n, section in enumerate(card.sections):
        if section.rest:
            before, after = card.sections[:n], card.sections[n + 1 :]
            without = replace(card, sections=(*before, *after))
            taken = [*_lines(without, _shown_facts(without, room)), *hints, ""]
            newest = _newest(section, room.sub_title - len("\n".join(taken)))
            card = replace(card, sections=(*before, newest, *after))
    return card


def _newest(section: Section, room: int) -> Section:
    """Its last lines that fit, the very last one cut where it does not, and where all of it is."""
    if len(_section(section)) <= room:
        return section
    head, lines = f"全部见{section.rest}", section.text.split("\n")
    for first in range(1, len(lines)):
        shorter = replace(section, text="\n".join([head, *lines[first:]]))
        if len(_section(shorter)) <= room:
            return shorter
    shorter = replace(section, text=head)
    left = room - len(_section(shorter)) - 1
    return replace(section, text=f"{head}\n{clip(lines[-1], left)}") if left >= CUT else shorter


def _section(section: Section) -> str:
    return f"{plain(section.title)}：{plain(section.text)}"


def _lines(card: Card, facts: Sequence[Fact]) -> Iterator[str]:
    """Everything that is neither title, status nor one of the ``facts`` shown, as plain lines."""
    if card.text:
        yield plain(card.text)
    for fact in card.facts:
        if fact not in facts:
            yield f"{plain(fact.label)}：{plain(fact.value)}"
    if card.table is not None:
        yield " · ".join(map(plain, filter(None, card.table.columns)))
        for row in card.table.rows:
            yield " · ".join(map(plain, row))
    for section in card.sections:
        yield _section(section)
    if card.footer:
        yield plain(card.footer)


def _fits(fact: Fact, room: Room) -> bool:
    label, value = plain(fact.label), plain(fact.value)
    there = bool(label.strip() and value.strip())
    return there and len(label) <= LABEL and len(value) <= room.value


def _unshown(card: Card, shown: Sequence[Input]) -> Iterator[str]:
    """How to fill in what the card has no field for."""
    missing = [one for one in card.inputs if one not in shown]
    if missing and card.buttons:
        key = next(button.key for button in card.buttons if button.enabled)
        named = " ".join(f"{one.key}={plain(one.label)}" for one in missing)
        yield f"要填写请回复：{button_line(card.id, card.version, key)} {named}"


def _menu(card: Card, buttons: Sequence[Button]) -> Json:
    if not buttons:
        return {}
    items = [{"text": one["text"], "key": one["key"]} for one in _buttons_of(buttons, card)]
    return {"action_menu": {"desc": "更多操作", "action_list": items}}


def _hint(menu: Sequence[Button]) -> Iterator[str]:
    if menu:
        yield f"卡片右上角还有：{'、'.join(plain(button.label) for button in menu)}"


def _buttons_of(buttons: Sequence[Button], card: Card) -> list[Json]:
    return [_button(button, card.version) for button in buttons]


def _further(card: Card, buttons: Sequence[Button]) -> Iterator[str]:
    for button in buttons:
        line = button_line(card.id, card.version, button.key)
        yield f"{plain(button.label)}：回复「{line}」"


def _replies(card: Card, live: Sequence[Button]) -> Iterator[str]:
    """Numbered lines to reply with."""
    if not live or not card.id:
        return
    yield "回复下面一行即可操作："
    for number, button in enumerate(live, 1):
        line = button_line(card.id, card.version, button.key)
        yield f"{number}. {plain(button.label)}：{line}"
    if card.inputs:
        named = " ".join(f"{one.key}={plain(one.label)}" for one in card.inputs)
        yield f"要填写的内容写在这一行后面：{named}"


def _word(text: str, most: int) -> str:
    """One line that is there: WeCom refuses a card with an empty one."""
    return clip(one_line(text), most) or "…"


def _source(card: Card, room: Room, *, coloured: bool) -> Json:
    desc = clip(plain(card.status) or "期台", room.source)
    return {"desc": desc, "desc_color": COLOURS.get(card.tone, RED)} if coloured else {"desc": desc}


def _link(card: Card) -> Json:
    address = _web(card.link)
    return {"card_action": {"type": 1, "url": address}} if address else {}


def _web(link: str) -> str:
    return link if link.startswith(("http://", "https://")) else ""
