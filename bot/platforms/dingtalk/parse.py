"""Their JSON → Ask. Pure: no waiting, no clock; ``now`` and ``corp_id`` come in.

Field names and bodies as in the official documentation unless marked. A payload that is no
payload raises ValueError without quoting it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.chat.message import Ask, AskKind, Chat, Click, FileIn, Place, ReplyHook
from bot.chat.raw import Raw
from bot.platforms.dingtalk.settings import PLATFORM

GROUP: Final = "2"
OVER_QUOTA: Final = "20001"
USER_ID: Final = 1  # the kind of user id that our cards ask for
PEOPLE_EVENTS: Final = frozenset(
    {
        *("user_add_org", "user_modify_org", "user_leave_org", "user_active_org"),
        *("org_admin_add", "org_admin_remove", "label_user_change"),
    }
)


LATEST: Final = 9_999_999_999_999  # in milliseconds
EARLIEST: Final = 100_000_000_000  # 1973; much smaller numbers are read as seconds
Milliseconds = Annotated[int, Field(ge=0, le=LATEST)]
LONGEST_ID: Final = 128  # characters, as the tables have them
Id = Annotated[str, Field(max_length=LONGEST_ID, pattern=r"^[^\x00-\x20\x7f]*$")]
KEY: Final = re.compile(f"[!-~]{{1,{LONGEST_ID}}}")
VERSION: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class OverQuota:
    """The month's pushes are used up: somebody wrote, and the platform kept the text."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not for us; ``why`` goes to the log."""

    why: str


class _Payload(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        populate_by_name=False,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        defer_build=True,  # each when the first of its kind comes, not at the start
    )


P = TypeVar("P", bound=_Payload)


class _Text(_Payload):
    content: str | None = None


class _Message(_Payload):
    id: Id = Field(alias="msgId", min_length=1)
    kind: str = Field(default="", alias="msgtype")
    conversation_type: str = Field(alias="conversationType")
    conversation_id: Id = Field(alias="conversationId")
    staff_id: Id | None = Field(default=None, alias="senderStaffId")
    sender_corp: str | None = Field(default=None, alias="senderCorpId")
    bot_corp: str | None = Field(default=None, alias="chatbotCorpId")
    in_at_list: bool | None = Field(default=None, alias="isInAtList")
    hook: str | None = Field(default=None, alias="sessionWebhook")
    hook_expires: Milliseconds | None = Field(default=None, alias="sessionWebhookExpiredTime")
    created: Milliseconds | None = Field(default=None, alias="createAt")  # or a string
    text: _Text | None = None
    content: Any = None  # read by kind: that of an unknown kind may be anything
    # Two official pages spell it differently.
    error_code: str | None = Field(default=None, alias="errorCode")
    err_code: str | None = Field(default=None, alias="errCode")


class _RichItem(_Payload):
    type: str | None = None
    text: str | None = None
    at_name: str | None = Field(default=None, alias="atName")  # (seen in 1)
    code: str | None = Field(default=None, alias="downloadCode")

    @property
    def words(self) -> str:
        return f"@{self.at_name} " if self.at_name else self.text or ""


class _Content(_Payload):
    rich: tuple[_RichItem, ...] = Field(default=(), alias="richText")
    code: str | None = Field(default=None, alias="downloadCode")
    name: str | None = Field(default=None, alias="fileName")
    recognition: str | None = None
    video_type: str | None = Field(default=None, alias="videoType")


class _CardCallback(_Payload):
    card: Id = Field(alias="outTrackId", min_length=1)
    corp: str | None = Field(default=None, alias="corpId")
    user: Id | None = Field(default=None, alias="userId")
    user_kind: int = Field(default=USER_ID, alias="userIdType")
    space_type: str | None = Field(default=None, alias="spaceType")
    space: Id | None = Field(default=None, alias="spaceId")
    content: str | None = None
    value: str | None = None


class _PeopleEvent(_Payload):
    users: tuple[Id, ...] | Id = Field(default=(), alias="userId")


@dataclass(frozen=True, slots=True)
class _Body:
    kind: AskKind
    text: str = ""
    files: tuple[FileIn, ...] = ()


def read_message(data: str | bytes, *, corp_id: str, now: datetime) -> Ask | OverQuota | Refused:
    """What a person said to the bot. Raises ValueError."""
    message = _read(_Message, data)
    if OVER_QUOTA in (message.error_code, message.err_code):
        return OverQuota(message.id)
    if not _ours(corp_id, message.sender_corp, message.bot_corp):
        return Refused("another company")
    body = _body(message)
    chat = _chat(message)
    return Ask(
        message_id=message.id,
        chat=chat,
        user=message.staff_id or "",
        at=_moment(message.created) or now,
        kind=body.kind,
        text=body.text,
        mentioned=chat.place is Place.GROUP and message.in_at_list is not False,
        files=body.files,
        hook=_hook(message),
    )


def read_text(data: str, *, app: str, corp_id: str) -> Raw | None:
    """An ordinary text of one of ours, straight in the form in which it is stored; None for all
    that is not so ordinary, which ``read_message`` reads."""
    try:
        message = orjson.loads(data)
        kind, key, conversation, chat, user, corp, bot, hook, expires, created, text = _ORDINARY(
            message
        )
        words, listed = text["content"], message.get("isInAtList")
        if not (
            kind == "text"
            and (type(conversation) is type(corp) is type(hook) is type(words) is str)
            and type(created) is type(expires) is int
            and corp == bot
            and corp_id in ("", corp)
            and ORDINARY_IDS(" ".join((key, user, chat)))
            and EARLIEST < created <= LATEST
            and EARLIEST < expires <= LATEST
            and hook
            and listed in (None, True, False)
            and "errorCode" not in message
            and "errCode" not in message
        ):
            return None
    except (ValueError, KeyError, TypeError):
        return None
    in_group = conversation == GROUP
    ask = {
        "message_id": key,
        "chat": {
            "platform": PLATFORM,
            "place": _GROUP if in_group else _PRIVATE,
            "id": chat if in_group else user,
        },
        "user": user,
        "at": created,
        "kind": "text",
        "text": words.strip(),
        "mentioned": in_group and listed is not False,
        "hook": {"url": hook, "expires": expires},
    }
    return Raw(PLATFORM, app, key, orjson.dumps(ask))


_ORDINARY = itemgetter(
    *("msgtype", "msgId", "conversationType", "conversationId", "senderStaffId", "senderCorpId"),
    *("chatbotCorpId", "sessionWebhook", "sessionWebhookExpiredTime", "createAt", "text"),
)
ORDINARY_IDS: Final = re.compile(" ".join([KEY.pattern] * 3)).fullmatch
_GROUP, _PRIVATE = Place.GROUP.value, Place.PRIVATE.value


def read_click(data: str | bytes, *, message_id: str, corp_id: str, at: datetime) -> Ask | Refused:
    """A press on a card; ``message_id`` is the frame's, a click has none. Raises ValueError."""
    callback = _read(_CardCallback, data)
    if not _ours(corp_id, callback.corp):
        return Refused("another company")
    user = (callback.user or "") if callback.user_kind == USER_ID else ""
    actions, params = _pressed(callback.content, callback.value)
    if not actions or not KEY.fullmatch(message_id):
        raise ValueError("a click without an action or an id")
    inputs = dict(_inputs(params))
    seen = inputs.pop("rev", "0")
    return Ask(
        message_id=message_id,
        chat=_clicked_in(callback, user),
        user=user,
        at=at,
        kind=AskKind.CLICK,
        click=Click(
            card=callback.card,
            version=_version(seen),
            action=actions[0],
            inputs=inputs,
        ),
    )


def _version(seen: str | tuple[str, ...]) -> int:
    """0 for one that we did not write."""
    return int(seen) if isinstance(seen, str) and VERSION.fullmatch(seen) else 0


def read_people(event: str, data: str | bytes) -> tuple[str, ...]:
    """Whose record the event says to read again; empty for every other event."""
    if event not in PEOPLE_EVENTS:
        return ()
    users = _read(_PeopleEvent, data).users
    return (users,) if isinstance(users, str) else users


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _moment(milliseconds: int | None) -> datetime | None:
    return moment(milliseconds) if milliseconds else None


def _read(model: type[P], data: str | bytes) -> P:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"])) for fault in error.errors()}
        raise ValueError(f"{model.__name__}: {', '.join(sorted(places))}") from None


def _ours(corp_id: str, *corps: str | None) -> bool:
    """No id that came is another company's; without a configured one they must agree."""
    named = {corp for corp in corps if corp}
    return named <= {corp_id} if corp_id else len(named) <= 1


def _chat(message: _Message) -> Chat:
    if message.conversation_type == GROUP:
        return Chat(platform=PLATFORM, place=Place.GROUP, id=message.conversation_id)
    # An outsider has no user id; his hook is then the only way back.
    whose = message.staff_id or message.conversation_id
    return Chat(platform=PLATFORM, place=Place.PRIVATE, id=whose)


def _clicked_in(callback: _CardCallback, user: str) -> Chat:
    """A one-to-one chat's spaceId is its conversation (unsure): the person is addressed."""
    if callback.space and "group" in (callback.space_type or "").lower():
        return Chat(platform=PLATFORM, place=Place.GROUP, id=callback.space)
    return Chat(platform=PLATFORM, place=Place.PRIVATE, id=user)


def _hook(message: _Message) -> ReplyHook | None:
    expires = _moment(message.hook_expires)
    if not message.hook or expires is None:
        return None
    return ReplyHook(url=message.hook, expires=expires)


def _body(message: _Message) -> _Body:
    if message.kind == "text":
        said = message.text.content if message.text else None
        return _Body(AskKind.TEXT, (said or "").strip())
    try:
        content = _Content.model_validate(message.content)
    except ValidationError:
        return _Body(AskKind.OTHER)
    return _of_content(message.kind, content)


def _of_content(kind: str, content: _Content) -> _Body:
    match kind:
        case "richText":
            return _rich(content)
        case "picture" if content.code:
            return _Body(AskKind.PICTURE, files=(FileIn(code=content.code, name="图片.jpg"),))
        case "audio":
            return _Body(AskKind.VOICE, (content.recognition or "").strip())
        case "file" if content.code:
            name = PurePosixPath((content.name or "").replace("\\", "/")).name or "未命名文件"
            return _Body(AskKind.FILE, files=(FileIn(code=content.code, name=name),))
        case "video" if content.code:
            name = f"视频.{content.video_type or 'mp4'}"
            return _Body(AskKind.FILE, files=(FileIn(code=content.code, name=name),))
        case _:
            return _Body(AskKind.OTHER)


def _rich(content: _Content) -> _Body:
    text = "".join(item.words for item in content.rich).strip()
    codes = [item.code for item in content.rich if item.code]
    files = tuple(FileIn(code=code, name=f"图片{n}.jpg") for n, code in enumerate(codes, 1))
    return _Body(AskKind.TEXT if text or not files else AskKind.PICTURE, text, files)


def _pressed(*spellings: str | None) -> tuple[list[str], Mapping[str, Any]]:
    """Actions and params: from ``content``, where it lacks either from ``value``, whose params
    may stand beside cardPrivateData instead of inside."""
    actions: list[str] = []
    params: Mapping[str, Any] = {}
    for spelling in spellings:
        outer = _object(spelling)
        inner = _mapping(outer.get("cardPrivateData"))
        ids = inner.get("actionIds")
        actions = actions or ([str(one) for one in ids] if isinstance(ids, list) else [])
        params = params or _mapping(inner.get("params")) or _mapping(outer.get("params"))
    return actions, params


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        return _mapping(orjson.loads(text or "{}"))
    except orjson.JSONDecodeError:
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _inputs(params: Mapping[str, Any]) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for name, value in params.items():
        if name == "form":
            yield from _inputs(_mapping(value))
        elif value is not None:
            yield name, _input(value)


def _input(value: object) -> str | tuple[str, ...]:
    """A select comes as {"index", "value"}, several choices as a list, a switch as a bool."""
    match value:
        case {"value": chosen}:
            return _input(chosen)
        case list():
            return tuple(str(one) for one in value)
        case bool():
            return "true" if value else "false"
        case dict() | None:
            return ""
        case _:
            return str(value)
