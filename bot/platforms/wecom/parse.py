"""Their XML and JSON → Ask. Pure: no waiting, no clock; ``now`` comes in.

Fields as in the official documentation unless marked. A payload that is no payload raises
ValueError without quoting it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.chat.message import Ask, AskKind, Chat, Click, FileIn, Place, ReplyHook
from bot.chat.raw import Raw
from bot.platforms.wecom.markup import Element
from bot.platforms.wecom.settings import PLATFORM
from bot.platforms.wecom.template import card_of, read_key, read_option

CARD_EVENTS: Final = frozenset({"template_card_event", "template_card_menu_event"})
ASLEEP: Final = frozenset(
    {"inactive_alert", "low_active_alert", "close_inactive_agent", "low_active"}
)
PEOPLE: Final = frozenset({"create_user", "update_user", "delete_user"})
HOOK: Final = "aibot:"  # a reply hook that is no address but the id of the frame to answer
HOOK_LASTS: Final = timedelta(hours=24)  # (official doc)
MENTION = re.compile(r"^\s*@\S+\s*")
MEDIA: Final = "media:"
SEALED: Final = "sealed:"  # a file that only its own key opens
LONGEST_ID: Final = 128  # characters, as the tables have them
KEY: Final = re.compile(f"[!-~]{{1,{LONGEST_ID}}}")
NEWEST_VERSION: Final = 2**31 - 1
LATEST: Final = 9_999_999_999  # in seconds


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press on a card; ``task`` is the name of the one on that screen, ``code`` allows one more
    update of it, "" where there is none."""

    ask: Ask
    task: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class PeopleChanged:
    """The records of these people should be read again."""

    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FallingAsleep:
    """WeCom is about to switch the application off because nobody uses it."""

    event: str


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody opened the conversation with the bot for the first time today."""

    user: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing for us to do; ``what`` is its kind."""

    what: str


Heard = Ask | Pressed | PeopleChanged | FallingAsleep | Entered | Nothing


# The application: XML


def read_text(body: bytes, *, app: str) -> Raw | None:
    """An ordinary text, straight in the form in which it is stored; None for all that is not so
    ordinary, which ``read_callback`` reads."""
    found = ORDINARY.fullmatch(body)
    if found is None:
        return None
    try:
        user, at, words, key = (part.decode() for part in found.groups())
    except UnicodeDecodeError:
        return None
    if "\ufffe" in words or "\uffff" in words:  # no characters of XML
        return None
    ask = {
        "message_id": key,
        "chat": {"platform": PLATFORM, "place": Place.PRIVATE.value, "id": user},
        "user": user,
        "at": datetime.fromtimestamp(int(at), UTC),
        "kind": "text",
        "text": words.strip(),
    }
    return Raw(PLATFORM, app, key, orjson.dumps(ask))


# As WeCom writes it, letters and digits only where it has them; all else goes to the parser.
_SPACE = rb"[ \t\r\n]*"
ORDINARY: Final = re.compile(
    _SPACE.join(
        (
            rb"<xml>",
            rb"<ToUserName><!\[CDATA\[\w*\]\]></ToUserName>",
            rb"<FromUserName><!\[CDATA\[([\w.@-]{1,128})\]\]></FromUserName>",
            rb"<CreateTime>([1-9][0-9]{0,9})</CreateTime>",
            rb"<MsgType><!\[CDATA\[text\]\]></MsgType>",
            rb"<Content><!\[CDATA\[([^\]\x00-\x08\x0b-\x1f]*)\]\]></Content>",
            rb"<MsgId>([1-9][0-9]{0,63})</MsgId>",
            rb"(?:<AgentID>[0-9]*</AgentID>)?",
            rb"</xml>",
        )
    )
)


def read_callback(message: Element, body: bytes, *, now: datetime) -> Heard:
    """``body`` is what ``message`` was read from: its digest stands in for a missing id."""
    if message.get("MsgType").lower() == "event":
        return _event(message, body, now)
    return _message(message, body, now)


def _message(message: Element, body: bytes, now: datetime) -> Heard:
    user, kind = message.get("FromUserName"), message.get("MsgType").lower()
    if not 0 < len(user) <= LONGEST_ID:
        return Nothing("no sender")
    ask_kind, text, files = _content(kind, message)
    return Ask(
        message_id=_key(message.get("MsgId")) or digest(body.decode(errors="replace")),
        chat=_private(user),
        user=user,
        at=_moment(message.get("CreateTime")) or now,
        kind=ask_kind,
        text=text,
        files=files,
    )


def _content(kind: str, message: Element) -> tuple[AskKind, str, tuple[FileIn, ...]]:
    media = message.get("MediaId")
    match kind:
        case "text":
            return AskKind.TEXT, message.get("Content"), ()
        case "image" if media:
            return AskKind.PICTURE, "", (_media(media, "图片.jpg"),)
        case "voice":  # without Recognition where the company has not switched it on
            return AskKind.VOICE, message.get("Recognition"), ()
        case "video" | "shortvideo" if media:
            return AskKind.FILE, "", (_media(media, "视频.mp4"),)
        case "file" if media:  # not in the official list
            name = message.get("FileName") or message.get("Title")
            return AskKind.FILE, "", (_media(media, base_name(name)),)
        case _:  # location, link and what is still to come
            return AskKind.OTHER, "", ()


def _event(message: Element, body: bytes, now: datetime) -> Heard:
    event = message.get("Event").lower()
    if event in CARD_EVENTS:
        return _pressed(message, now)
    if event == "click" and 0 < len(message.get("FromUserName")) <= LONGEST_ID:
        return _menu(message, body, now)
    if event in ("subscribe", "unsubscribe"):
        return _people([message.get("FromUserName")])
    if event == "change_contact" and message.get("ChangeType").lower() in PEOPLE:
        return _people([message.get("UserID"), message.get("NewUserID")])
    return FallingAsleep(event) if event in ASLEEP else Nothing(event)


def _people(users: Iterable[str]) -> Heard:
    named = tuple(user for user in users if 0 < len(user) <= LONGEST_ID)
    return PeopleChanged(named) if named else Nothing("people without a name")


def _menu(message: Element, body: bytes, now: datetime) -> Ask:
    """A touch on the application's menu says what its key says."""
    user = message.get("FromUserName")
    return Ask(
        message_id=digest(body.decode(errors="replace")),
        chat=_private(user),
        user=user,
        at=_moment(message.get("CreateTime")) or now,
        kind=AskKind.TEXT,
        text=message.get("EventKey"),
    )


def _pressed(message: Element, now: datetime) -> Heard:
    user, task, key = (message.get(name) for name in ("FromUserName", "TaskId", "EventKey"))
    if not (0 < len(user) <= LONGEST_ID and task and key):
        raise ValueError("a click without a sender, a card or a key")
    named = ("ToUserName", "AgentID", "FromUserName", "CreateTime", "Event", "ResponseCode")
    items = [
        (item.get("QuestionKey"), [one.text for one in item.every("OptionIds", "OptionId")])
        for item in message.every("SelectedItems", "SelectedItem")
    ]
    ask = Ask(
        message_id=digest(*(message.get(name) for name in named), task, key),
        chat=_private(user),
        user=user,
        at=_moment(message.get("CreateTime")) or now,
        kind=AskKind.CLICK,
        click=_click(task, key, items),
    )
    return Pressed(ask, task, message.get("ResponseCode"))


# The bot: JSON


def _text_or_nothing(value: object) -> object:
    return "" if value is None else value


Word = Annotated[str, BeforeValidator(_text_or_nothing)]
Id = Annotated[Word, Field(max_length=LONGEST_ID, pattern=r"^[^\x00-\x20\x7f]*$")]


class _Payload(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        defer_build=True,  # each when the first of its kind comes, not at the start
    )


P = TypeVar("P", bound=_Payload)


class _Content(_Payload):
    content: Word = ""
    url: Word = ""
    aeskey: Word = ""


class _Item(_Payload):
    msgtype: Word = ""
    text: _Content = _Content()
    image: _Content = _Content()


class _Mixed(_Payload):
    msg_item: tuple[_Item, ...] = ()


class _OptionIds(_Payload):
    option_id: tuple[str, ...] = ()


class _Selected(_Payload):
    question_key: Word = ""
    option_ids: _OptionIds = _OptionIds()


class _SelectedItems(_Payload):
    selected_item: tuple[_Selected, ...] = ()


class _CardEvent(_Payload):
    card_type: Word = ""
    event_key: Word = ""
    task_id: Word = ""
    selected_items: _SelectedItems = _SelectedItems()


class _BotEvent(_CardEvent):
    """The official SDK's types have a click's fields here, real traffic one level below."""

    eventtype: Word = ""
    template_card_event: _CardEvent | None = None


class _From(_Payload):
    userid: Id = ""


class _Body(_Payload):
    msgid: Word = ""
    chatid: Id = ""
    chattype: Word = "single"
    sender: _From = Field(default=_From(), alias="from")
    msgtype: Word = ""
    create_time: int | None = None
    text: _Content = _Content()
    voice: _Content = _Content()
    image: _Content = _Content()
    file: _Content = _Content()
    video: _Content = _Content()
    mixed: _Mixed = _Mixed()
    event: _BotEvent = _BotEvent()


def read_bot(body: Mapping[str, Any], req_id: str, *, name: str, now: datetime) -> Heard:
    """A frame's body. Raises ValueError."""
    read = _read(_Body, body)
    if read.msgtype == "event":
        return _bot_event(read, req_id, now)
    if not (_key(read.msgid) and read.sender.userid):
        raise ValueError("a message without an id or a sender")
    kind, text, files = _bot_content(read, name)
    chat = _bot_chat(read)
    at = _moment(read.create_time) or now
    return Ask(
        message_id=read.msgid,
        chat=chat,
        user=read.sender.userid,
        at=at,
        kind=kind,
        text=text,
        mentioned=chat.place is Place.GROUP,
        files=files,
        hook=ReplyHook(url=HOOK + req_id, expires=now + HOOK_LASTS),
    )


def _bot_event(read: _Body, req_id: str, now: datetime) -> Heard:
    event = read.event.eventtype
    if event == "enter_chat":
        return Entered(read.sender.userid)
    if event not in CARD_EVENTS:
        return Nothing(event)
    pressed = read.event.template_card_event or read.event
    if not (read.sender.userid and pressed.task_id and pressed.event_key):
        raise ValueError("a click without a sender, a card or a key")
    items = [
        (item.question_key, item.option_ids.option_id)
        for item in pressed.selected_items.selected_item
    ]
    ask = Ask(
        message_id=_key(read.msgid) or digest(req_id, pressed.task_id, pressed.event_key),
        chat=_bot_chat(read),
        user=read.sender.userid,
        at=_moment(read.create_time) or now,
        kind=AskKind.CLICK,
        click=_click(pressed.task_id, pressed.event_key, items),
    )
    return Pressed(ask, pressed.task_id)


def _bot_content(read: _Body, name: str) -> tuple[AskKind, str, tuple[FileIn, ...]]:
    in_group = read.chattype == "group"
    match read.msgtype:
        case "text":
            return AskKind.TEXT, said(read.text.content, name, in_group=in_group), ()
        case "voice":
            return AskKind.VOICE, read.voice.content.strip(), ()
        case "image" if read.image.url:
            return AskKind.PICTURE, "", (_sealed(read.image, "图片.jpg"),)
        case "file" if read.file.url:
            return AskKind.FILE, "", (_sealed(read.file, base_name("")),)
        case "video" if read.video.url:
            return AskKind.FILE, "", (_sealed(read.video, "视频.mp4"),)
        case "mixed":
            return _mixed(read.mixed, name, in_group=in_group)
        case _:
            return AskKind.OTHER, "", ()


def _mixed(mixed: _Mixed, name: str, *, in_group: bool) -> tuple[AskKind, str, tuple[FileIn, ...]]:
    words = "".join(item.text.content for item in mixed.msg_item)
    pictures = [item.image for item in mixed.msg_item if item.image.url]
    files = tuple(_sealed(one, f"图片{n}.jpg") for n, one in enumerate(pictures, 1))
    text = said(words, name, in_group=in_group)
    return (AskKind.TEXT if text or not files else AskKind.PICTURE), text, files


def said(text: str, name: str, *, in_group: bool) -> str:
    """What was said to the bot, without its own name."""
    if not in_group:
        return text.strip()
    if name and f"@{name}" in text:
        return " ".join(text.replace(f"@{name}", " ", 1).split(" ")).strip()
    return MENTION.sub("", text).strip()


# Both


def _read(model: type[P], data: Mapping[str, Any]) -> P:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"])) for fault in error.errors()}
        raise ValueError(f"{model.__name__}: {', '.join(sorted(places))}") from None


def _click(task: str, key: str, items: Iterable[tuple[str, Iterable[str]]]) -> Click:
    action, version = read_key(key)
    return Click(
        card=card_of(task),
        version=min(version, NEWEST_VERSION),
        action=action,
        inputs=dict(_inputs(items)),
    )


def _inputs(
    items: Iterable[tuple[str, Iterable[str]]],
) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """One value as such, several as a tuple; an option that stands for nothing is left out."""
    for question, ids in items:
        values = tuple(value for one in ids if (value := read_option(one)))
        if question and values:
            yield question, values[0] if len(values) == 1 else values


def _key(told: str) -> str:
    """A message's id, "" for one that is none."""
    return told if KEY.fullmatch(told) else ""


def _private(user: str) -> Chat:
    return Chat(platform=PLATFORM, place=Place.PRIVATE, id=user)


def _bot_chat(read: _Body) -> Chat:
    if read.chattype == "group" and read.chatid:
        return Chat(platform=PLATFORM, place=Place.GROUP, id=read.chatid)
    return _private(read.sender.userid)


def _moment(seconds: str | int | None) -> datetime | None:
    try:
        at = int(seconds or 0)
    except ValueError:
        return None
    return datetime.fromtimestamp(at, UTC) if 0 < at <= LATEST else None


def _media(media: str, name: str) -> FileIn:
    return FileIn(code=f"{MEDIA}{media}", name=name)


def _sealed(content: _Content, name: str) -> FileIn:
    return FileIn(code=f"{SEALED}{content.aeskey} {content.url}", name=name)


def base_name(name: str) -> str:
    """The last part of a path, whichever way its slashes lean."""
    return re.split(r"[/\\]", name)[-1].strip() or "未命名文件"


def digest(*parts: str) -> str:
    """An id for what comes without one; the same for a repetition, whatever its envelope."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
