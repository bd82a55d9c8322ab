"""What people say and what they are shown, in words that no platform owns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Place(StrEnum):
    PRIVATE = "private"
    GROUP = "group"


class Audience(StrEnum):
    """Who reads an answer: decides what is masked."""

    PRIVATE = "private"
    GROUP = "group"  # names and accounts masked, no funds
    RISK_GROUP = "risk_group"  # names and accounts full, personal numbers never


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One conversation. In private ``id`` is the person's user id on the platform."""

    platform: str
    place: Place
    id: str


class AskKind(StrEnum):
    TEXT = "text"
    VOICE = "voice"  # text is what the platform recognised
    PICTURE = "picture"
    FILE = "file"
    CLICK = "click"
    OTHER = "other"  # a kind that we do not read; answered politely


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIn:
    """A file or picture that a person sent; ``code`` is what the adapter needs to fetch it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A press on a card's button. ``version`` is the one that the person saw."""

    card: str
    version: int
    action: str
    inputs: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHook:
    """A short-lived address for answers to one message. A bearer secret: never logged."""

    url: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One thing that a person said, clicked or sent, as its adapter read it."""

    message_id: str  # the platform's, unique within platform and app
    chat: Chat
    user: str  # the speaker's user id on the platform; "" for an outsider
    at: datetime
    kind: AskKind
    text: str = ""
    mentioned: bool = False
    files: tuple[FileIn, ...] = ()
    click: Click | None = None
    hook: ReplyHook | None = None


class Tone(StrEnum):
    """One colour per level, everywhere; the word always stands beside it."""

    GREY = "grey"  # 正常, finished
    BLUE = "blue"  # 关注, for information
    AMBER = "amber"  # 警示
    ORANGE = "orange"  # 追保
    RED = "red"  # 强平
    DARK_RED = "dark_red"  # 穿仓
    VIOLET = "violet"  # 异常
    GREEN = "green"  # done well


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


class Style(StrEnum):
    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """``key`` is the action that a click carries, e.g. ``positions:17``."""

    key: str
    label: str
    style: Style = Style.PLAIN
    enabled: bool = True
    confirm: str = ""  # asked before the click is sent, where the platform can


class InputKind(StrEnum):
    TEXT = "text"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    key: str
    label: str
    kind: InputKind = InputKind.TEXT
    options: tuple[tuple[str, str], ...] = ()  # (value, label)
    required: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    brief: tuple[Fact, ...] = ()  # the same rows, for a card as narrow as a label and a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of a card, shown below its facts."""

    title: str
    text: str
    rest: str = ""  # where all of it can be read; then its oldest lines give way to what is new


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a person is shown. ``id`` and ``version`` are given by the desk when it is first put
    out; a card that is put out again with the same id is updated in place."""

    title: str
    status: str = ""  # the word; its colour is ``tone``
    tone: Tone = Tone.GREY
    text: str = ""  # plain text, lines broken by \n
    facts: tuple[Fact, ...] = ()
    table: Table | None = None
    sections: tuple[Section, ...] = ()
    inputs: tuple[Input, ...] = ()
    buttons: tuple[Button, ...] = ()
    footer: str = ""
    in_words: str = ""  # instead of the footer where nothing can be pressed: what to say
    shared: bool = False  # others change it, so that one which stays as it is may be out of date
    link: str = ""
    subject: str = ""  # the thing it shows, e.g. "client:17": refreshed together
    draft: str = ""  # what its buttons need to go on with; kept in our store, never shown
    id: str = ""
    version: int = 1
    type: Literal["card"] = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown:
    title: str
    text: str
    type: Literal["markdown"] = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A PNG with one line that says the same. ``blob`` names the stored bytes."""

    blob: str
    caption: str
    type: Literal["picture"] = "picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file for the person; ``blob`` names the stored bytes."""

    blob: str
    name: str
    caption: str = ""
    type: Literal["document"] = "document"


class Bell(StrEnum):
    """How loudly somebody is called."""

    APP = "app"
    SMS = "sms"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Calls a person who must not miss it; a platform without such a bell says it in words."""

    text: str
    bell: Bell = Bell.APP
    type: Literal["ring"] = "ring"


Part = Card | Text | Markdown | Picture | Document | Ring
