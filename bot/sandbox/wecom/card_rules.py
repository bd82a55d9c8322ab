"""What a template card must and must not hold, for each of its five types and three channels."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.sandbox.wecom.calls import Problem, as_object, as_objects

KEY_BYTES, TASK_BYTES, OPTION_BYTES = 1024, 128, 128
TASK = re.compile(r"[0-9A-Za-z_\-@]+")
TEXT_NOTICE, NEWS_NOTICE = "text_notice", "news_notice"
BUTTON, VOTE, MULTIPLE = "button_interaction", "vote_interaction", "multiple_interaction"
NOTICES = frozenset({TEXT_NOTICE, NEWS_NOTICE})
INTERACTIVE = frozenset({BUTTON, VOTE, MULTIPLE})
EVERYWHERE = frozenset({"card_type", "source", "main_title", "task_id", "replace_text", "feedback"})
FIELDS = {
    TEXT_NOTICE: EVERYWHERE
    | {"action_menu", "emphasis_content", "quote_area", "sub_title_text"}
    | {"horizontal_content_list", "jump_list", "card_action"},
    NEWS_NOTICE: EVERYWHERE
    | {"action_menu", "quote_area", "horizontal_content_list", "vertical_content_list"}
    | {"card_image", "image_text_area", "jump_list", "card_action"},
    BUTTON: EVERYWHERE
    | {"action_menu", "quote_area", "sub_title_text", "horizontal_content_list"}
    | {"card_action", "button_selection", "button_list"},
    VOTE: EVERYWHERE | {"checkbox", "submit_button"},
    MULTIPLE: EVERYWHERE | {"select_list", "submit_button"},
}  # what a type does not have is not drawn
LONGEST = {
    "horizontal_content_list": 6,
    "vertical_content_list": 4,
    "jump_list": 3,
    "button_list": 6,
    "select_list": 3,
}


class Channel(StrEnum):
    APP = "app"
    BOT = "bot"
    HOOK = "hook"


def read_card(given: object, channel: Channel, *, updating: bool = False) -> dict[str, Any]:
    """The card, without what its type does not have. ``updating``: no task_id is asked for, and
    a webhook's ban on clicks does not apply. Raises Problem."""
    card = as_object(given)
    kind = str(card.get("card_type"))
    if kind not in FIELDS:
        raise Problem(40058, "missing field template_card.card_type")
    if channel is Channel.HOOK and kind not in NOTICES:
        raise Problem(40008, "a webhook sends text_notice and news_notice only")
    card = {name: value for name, value in card.items() if name in FIELDS[kind]}
    check_titles(card)
    check_lists(card, channel)
    check_action(card)
    check_menu(card)
    if kind == BUTTON:
        check_buttons(card)
    if kind == VOTE:
        check_choices(card.get("checkbox"), 20, "checkbox")
    if kind == MULTIPLE:
        check_selectors(card)
    if kind in (VOTE, MULTIPLE):
        submit = as_object(card.get("submit_button"))
        check_key(need(submit, "key", "submit_button"), "submit_button.key")
        need(submit, "text", "submit_button")
    if not updating and is_clickable(card):
        check_task(card.get("task_id"))
    return card


def is_clickable(card: Mapping[str, Any]) -> bool:
    return card["card_type"] in INTERACTIVE or bool(card.get("action_menu"))


def check_titles(card: Mapping[str, Any]) -> None:
    kind = card["card_type"]
    title = as_object(card.get("main_title")).get("title")
    if kind == TEXT_NOTICE and not title and not card.get("sub_title_text"):
        raise Problem(40058, "missing field template_card.main_title.title")
    if kind != TEXT_NOTICE and not title:
        raise Problem(40058, "missing field template_card.main_title.title")
    if kind == NEWS_NOTICE:
        picture = as_object(card.get("card_image")).get("url")
        beside = as_object(card.get("image_text_area")).get("image_url")
        if not picture and not beside:
            raise Problem(40058, "missing field template_card.card_image")
    for part in ("source", "main_title", "emphasis_content", "quote_area"):
        if part in card and not isinstance(card[part], dict):
            raise Problem(40035, f"template_card.{part} is not an object")


def check_lists(card: Mapping[str, Any], channel: Channel) -> None:
    for name, most in LONGEST.items():
        if name not in card:
            continue
        rows = card[name]
        if not isinstance(rows, list) or len(as_objects(rows)) != len(rows):
            raise Problem(40035, f"template_card.{name} is not a list of objects")
        if len(rows) > most:
            raise Problem(40035, f"template_card.{name} is longer than {most}")
    for row in as_objects(card.get("horizontal_content_list")):
        need(row, "keyname", "horizontal_content_list")
        kind = number(row, "type")
        wanted = {1: "url", 2: "media_id", 3: "userid"}
        if kind not in (0, 1, 2, 3) or (kind == 2 and channel is Channel.BOT):
            raise Problem(40035, "horizontal_content_list.type is invalid")
        if kind in wanted:
            need(row, wanted[kind], "horizontal_content_list")
    for row in as_objects(card.get("vertical_content_list")):
        need(row, "title", "vertical_content_list")
    for row in as_objects(card.get("jump_list")):
        need(row, "title", "jump_list")
        kind = number(row, "type")
        wanted = {1: "url", 2: "appid"} | ({3: "question"} if channel is Channel.BOT else {})
        if kind not in (0, *wanted):
            raise Problem(40035, "jump_list.type is invalid")
        if kind in wanted:
            need(row, wanted[kind], "jump_list")


def check_action(card: Mapping[str, Any]) -> None:
    """A notice opens something when it is tapped, other cards may."""
    action = card.get("card_action")
    if action is None and card["card_type"] not in NOTICES:
        return
    kind = number(as_object(action), "type")
    allowed = (1, 2) if card["card_type"] in NOTICES else (0, 1, 2)
    wanted = {1: "url", 2: "appid"}
    if kind not in allowed or (kind in wanted and not as_object(action).get(wanted[kind])):
        raise Problem(42045)


def check_menu(card: Mapping[str, Any]) -> None:
    if "action_menu" not in card:
        return
    menu = as_object(card["action_menu"])
    actions = as_objects(menu.get("action_list"))
    if not 1 <= len(actions) <= 3:
        raise Problem(40035, "action_menu.action_list must have 1 to 3 items")
    check_keys([need(one, "key", "action_list") for one in actions], "action_list")
    for one in actions:
        need(one, "text", "action_list")


def check_buttons(card: Mapping[str, Any]) -> None:
    buttons = as_objects(card.get("button_list"))
    if not buttons:
        raise Problem(40058, "missing field template_card.button_list")
    for one in buttons:
        need(one, "text", "button_list")
        if one.get("type") == 1:
            need(one, "url", "button_list")
    pressed = [need(one, "key", "button_list") for one in buttons if one.get("type") != 1]
    check_keys(pressed, "button_list")
    if "button_selection" in card:
        check_choices(card["button_selection"], 10, "button_selection")


def check_selectors(card: Mapping[str, Any]) -> None:
    selectors = as_objects(card.get("select_list"))
    if not selectors:
        raise Problem(40058, "missing field template_card.select_list")
    for one in selectors:
        check_choices(one, 10, "select_list")
    check_keys([str(one["question_key"]) for one in selectors], "select_list.question_key")


def check_choices(given: object, most: int, where: str) -> None:
    """A question with its options."""
    question = as_object(given)
    check_key(need(question, "question_key", where), f"{where}.question_key")
    options = as_objects(question.get("option_list"))
    if not 1 <= len(options) <= most:
        raise Problem(40035, f"{where}.option_list must have 1 to {most} items")
    ids = [need(one, "id", f"{where}.option_list") for one in options]
    if len(set(ids)) != len(ids) or any(len(one.encode()) > OPTION_BYTES for one in ids):
        raise Problem(40035, f"{where}.option_list.id is repeated or too long")
    for one in options:
        need(one, "text", f"{where}.option_list")


def check_keys(keys: list[str], where: str) -> None:
    if len(set(keys)) != len(keys):
        raise Problem(40035, f"a key of {where} is repeated")
    for key in keys:
        check_key(key, where)


def check_key(key: str, where: str) -> None:
    if len(key.encode()) > KEY_BYTES:
        raise Problem(40035, f"a key of {where} is too long")


def check_task(given: object) -> None:
    """Raises Problem for an id that is missing, too long or has other characters."""
    if not isinstance(given, str) or len(given.encode()) > TASK_BYTES or not TASK.fullmatch(given):
        raise Problem(42014)


def number(part: Mapping[str, Any], name: str) -> int:
    """0 where it is missing, -1 where it is no whole number."""
    value = part.get(name, 0)
    return value if type(value) is int else -1


def need(part: Mapping[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(40058, f"missing field {where}.{name}")
    return value
